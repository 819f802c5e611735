"""Nothing personal or secret passes the log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from engine.platform.log import configure_logging, hide_in_text, hide_private
from engine.platform.settings import Settings


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, with logging configured for JSON; the logging of the test run is put back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging(Settings(home=tmp_path, log_format="json"), process="worker")
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("mail to anna@acme.example was refused", "mail to [hidden] was refused"),
        ("Key (email_key)=(anna@acme.example) exists", "Key (email_key)=([hidden]) exists"),
        ("https://x.example/u/anna@acme.example?a=1", "https://x.example/u/[hidden]?a=1"),
        ("GET /u?e=anna%40acme.example&x=1", "GET /u?e=[hidden]&x=1"),
        ("postgresql://app:hunter2@db.internal/coldframe", "postgresql://app:[hidden]/coldframe"),
        ("Authorization: Bearer abc.def", "Authorization: [hidden]"),
        ("key SG.abcdefghijklmnop.qrstuvwxyz012345 refused", "key [hidden] refused"),
        ("three leads wait at whitepaper.campaign:12", "three leads wait at whitepaper.campaign:12"),
    ],
)
def test_addresses_and_credentials_are_hidden_in_text(text: str, hidden: str) -> None:
    assert hide_in_text(text) == hidden


def test_hidden_at_any_depth_and_by_name() -> None:
    event = {
        "event": "sent",
        "count": 3,
        "ok": True,
        "api_key": "short",
        "held": SecretStr("value"),
        "inner": {"to": ["anna@acme.example"], "token": "abc"},
        "error": ValueError("anna@acme.example"),
    }
    assert hide_private(None, "info", event) == {
        "event": "sent",
        "count": 3,
        "ok": True,
        "api_key": "[hidden]",
        "held": "[hidden]",
        "inner": {"to": ["[hidden]"], "token": "[hidden]"},
        "error": "[hidden]",
    }


def test_records_of_both_kinds_are_json_with_the_process(lines: io.StringIO) -> None:
    structlog.get_logger("engine.test").info("lead_entered", enrolment="e1", mail="anna@acme.example")
    logging.getLogger("other").warning("to %s", "anna@acme.example")
    ours, theirs = map(json.loads, lines.getvalue().splitlines())
    assert (ours["event"], ours["enrolment"], ours["mail"], ours["process"]) == (
        "lead_entered", "e1", "[hidden]", "worker",
    )  # fmt: skip
    assert (theirs["event"], theirs["level"]) == ("to [hidden]", "warning")


def test_a_traceback_carries_no_local_values(lines: io.StringIO) -> None:
    first_name = "Annabella"
    try:
        raise RuntimeError(f"failed with {len(first_name)}")
    except RuntimeError:
        structlog.get_logger().exception("broken")
    text = lines.getvalue()
    assert "failed with 9" in text
    assert "Annabella" not in text


def test_below_the_level_nothing_is_written(lines: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("httpx").info("request")
    assert lines.getvalue() == ""
