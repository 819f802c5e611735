"""The checking mail server refuses what SendGrid refuses, in SendGrid's words and shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.mailserver import Fault, MailServer, judge


def body(**changes: Any) -> dict[str, Any]:
    good = {
        "personalizations": [{"to": [{"email": "ada@acme.example"}]}],
        "from": {"email": "hello@acme.example", "name": "Acme"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "x"}, {"type": "text/html", "value": "<p>x"}],
        "custom_args": {"coldframe_message": "1"},
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


TEXT, HTML = {"type": "text/plain", "value": "x"}, {"type": "text/html", "value": "x"}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no recipients": ({"personalizations": None}, "personalizations"),
    "an empty list of recipients": ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
    "too many recipients": ({"personalizations": [{"to": [{"email": "a@b.example"}] * 1001}]}, "personalizations"),
    "a bad recipient": ({"personalizations": [{"to": [{"email": "a b@c.example"}]}]}, "personalizations.0.to.0.email"),
    "a bad sender": ({"from": {"email": "Acme"}}, "from.email"),
    "no sender": ({"from": None}, "from.email"),
    "no subject": ({"subject": ""}, "subject"),
    "a line break in the subject": ({"subject": "a\nb"}, "subject"),
    "no content": ({"content": None}, "content"),
    "HTML first": ({"content": [HTML, TEXT]}, "content"),
    "an empty part": ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
    "a reserved header": ({"headers": {"Subject": "x"}}, "headers.Subject"),
    "a line break in a header": ({"headers": {"X-A": "a\r\nb"}}, "headers.X-A"),
    "too many arguments": ({"custom_args": {"a": "x" * 10_001}}, "custom_args"),
    "too many categories": ({"categories": ["x"] * 11}, "categories"),
    "an unknown property": ({"form": {}}, "form"),
}


@pytest.mark.parametrize(("changes", "field"), BAD.values(), ids=BAD.keys())
def test_what_sendgrid_refuses(changes: dict[str, Any], field: str) -> None:
    status, errors = judge(json.dumps(body(**changes)).encode())
    assert status == 400
    assert [set(error) for error in errors] == [{"message", "field", "help"}] * len(errors)
    assert field in [error["field"] for error in errors]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null"])
def test_what_is_no_object(raw: bytes) -> None:
    assert judge(raw)[1]


def test_a_good_request_reaches_the_ledger(tmp_path: Path) -> None:
    with MailServer(tmp_path / "ledger.jsonl") as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        key = {"Authorization": f"Bearer {server.key}"}
        taken = client.post("/v3/mail/send", json=body(), headers=key)
        server.fail(Fault(status=503))
        answers = [
            client.post("/v3/mail/send", json=body(), headers=key).status_code,
            client.post("/v3/mail/send", json=body(subject=""), headers=key).status_code,
            client.post("/v3/mail/send", json=body()).status_code,
            client.post("/v3/other", json=body(), headers=key).status_code,
        ]
        assert (taken.status_code, taken.content, answers) == (202, b"", [503, 400, 401, 404])
        assert [(one["message"], one["x_message_id"]) for one in server.accepted] == [
            ("1", taken.headers["X-Message-Id"])
        ]
        assert server.requests == 5
