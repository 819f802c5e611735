"""Mistakes in templates are reported together with those in campaigns, as far as they can be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.workspace import examine
from tests.support.cli import GOOD, write

TEMPLATE = "---\nsubject: Hello\n---\nHello {{ first_nam }}, {% if %}\n"
UNKNOWN = "---\nsubject: Hello {{ first_nam }}\n---\n{{ given }} {% include '_nothing.md' %}\n"
OTHER = """
campaign "Other"
    starts when form "guide" is submitted
    flow
        send "other" with given = country
"""


def codes(folder: Path, **files: str) -> list[tuple[str, str]]:
    found = examine(
        write(folder, {**GOOD, **{name.replace("_", "/", 1) + ".md": text for name, text in files.items()}})
    )
    return sorted((one.code, Path(one.file).name) for one in found.diagnostics if one.severity == "error")


def broken(line: str, by: str) -> dict[str, str]:
    return {**GOOD, "shop.campaign": GOOD["shop.campaign"].replace(line, by) + OTHER.replace("\n", "\n        ")}


@pytest.mark.parametrize(
    ("line", "by", "code", "sure"),
    [
        ('send "welcome"', 'send "nothing"', "E105", False),
        ('timezone "Europe/Berlin"', 'timezone "Europe/Berlim"', "E", True),
    ],
)
def test_both_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, by: str, code: str, sure: bool
) -> None:  # fmt: skip
    monkeypatch.setitem(GOOD, "shop.campaign", broken(line, by)["shop.campaign"])
    found = codes(tmp_path, templates_welcome=TEMPLATE, templates_other=UNKNOWN)
    assert any(file == "shop.campaign" for _, file in found), found
    assert ("E701", "welcome.md") in found
    assert ("E709", "other.md") in found
    names = [one for one in found if one[0] in ("E703", "E706")]
    assert names == [], "a name may come from the campaign that cannot be read"


def test_without_a_mistake_elsewhere_names_are_told_too(tmp_path: Path) -> None:
    assert ("E703", "welcome.md") in codes(tmp_path, templates_welcome=UNKNOWN)
