"""Keys and passwords in a text are found by their shape, whatever the case of their letters."""

from __future__ import annotations

import pytest

from dsl.problems.problems import Problems
from dsl.text.source import normalise

LONG = "a1B2" * 10
SECRETS = (
    f"SG.{LONG}.{LONG}",
    "-----BEGIN RSA PRIVATE KEY-----",
    "AKIA0123456789ABCDEF",
    f"sk_live_{LONG}",
    f"rk_test_{LONG}",
    *(f"gh{kind}_{LONG}" for kind in "pousr"),
    f"github_pat_{LONG}",
    f"xoxb-{LONG}",
    f"AIza{LONG[:35]}",
    f"eyJ{LONG}.eyJ{LONG}.{LONG}",
    "https://ada:hunter2@firm.example/hook",
    *(f"/hook?{name}={LONG}" for name in ("apikey", "api_key", "access_token", "token", "secret", "password")),
)


def codes(text: str) -> list[str]:
    problems = Problems()
    normalise("a.campaign", text, problems)
    return [problem.code for problem in problems.found]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_any_case(secret: str) -> None:
    for written in (secret, secret.upper(), secret.lower()):
        assert codes(f"# {written}\n") == ["E008"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_is_cut_off_is_none(secret: str) -> None:
    assert codes(f"# {secret[: len(secret) // 4]}\n") == []
