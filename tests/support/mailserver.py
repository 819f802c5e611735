"""A local server that speaks SendGrid's `POST /v3/mail/send`: refuses what SendGrid refuses, keeps a synced ledger of
what it accepted, and fails on command.

    with MailServer(tmp_path / "ledger.jsonl") as server:
        server.fail(Fault(drop="after"), times=2)
        mailer = SendGrid(server.key, clock, base_url=server.url)
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from uuid import uuid4

RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+\.[^\s@<>,;\"]+")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Fault:
    """What the next request meets. `status`: this answer instead of accepting. `drop`: the connection ends before the
    body is looked at, or after the mail was accepted, without an answer. `delay`: seconds before anything. `drip`: the
    mail is accepted, and the answer comes one byte in so many seconds."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "on command"
    drop: Literal["before", "after"] | None = None
    delay: float = 0.0
    drip: float = 0.0


class MailServer:
    """Listens on a free port of 127.0.0.1. `accepted` reads the ledger, one entry per accepted mail, in order."""

    def __init__(self, ledger: Path, *, key: str = "SG.local") -> None:
        self.key = key
        self.ledger = ledger
        self.requests = 0
        self._faults: deque[Fault] = deque()
        self._always: Fault | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self), bind_and_activate=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> MailServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        """The next so many requests meet this fault."""
        self._faults.extend([fault] * times)

    def always(self, fault: Fault | None) -> None:
        """Every request meets this fault until `always(None)`."""
        self._always = fault

    @property
    def accepted(self) -> list[dict[str, Any]]:
        if not self.ledger.exists():
            return []
        return [json.loads(line) for line in self.ledger.read_text("utf-8").splitlines()]

    def take_fault(self) -> Fault:
        with self._lock:
            self.requests += 1
            return self._faults.popleft() if self._faults else self._always or Fault()

    def write_down(self, body: dict[str, Any]) -> str:
        """One line of the ledger, on disk before the answer leaves."""
        own = uuid4().hex[:22]
        args = body.get("custom_args", {})
        entry = {"x_message_id": own, "message": args.get("coldframe_message"), "at": datetime.now(UTC).isoformat()}
        line = json.dumps({**entry, "body": body})
        with self._lock, self.ledger.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        return own

    def sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()


def _handler(server: MailServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            fault = server.take_fault()
            server.sleep(fault.delay)
            if fault.drop == "before":
                self._cut()
                return
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if fault.status is not None:
                self._answer(fault.status, [_error(fault.message)], fault.headers)
                return
            if refusal := self._refusal():
                self._answer(*refusal)
                return
            status, errors = judge(raw)
            if errors:
                self._answer(status, errors)
                return
            own = server.write_down(json.loads(raw))
            if fault.drop == "after":
                self._cut()
            elif fault.drip:
                self._drip(own, fault.drip)
            else:
                self._answer(202, [], {"X-Message-Id": own})

        def _refusal(self) -> tuple[int, list[dict[str, Any]]] | None:
            if self.path != "/v3/mail/send":
                return 404, [_error("Not Found")]
            if self.headers.get("Authorization") != f"Bearer {server.key}":
                return 401, [_error("The provided authorization grant is invalid, expired, or revoked")]
            if self.headers.get_content_type() != "application/json":
                return 415, [_error("Content-Type should be application/json.")]
            return None

        def _answer(self, status: int, errors: list[dict[str, Any]], headers: Mapping[str, str] | None = None) -> None:
            body = json.dumps({"errors": errors}).encode() if errors else b""
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _drip(self, own: str, seconds: float) -> None:
            for char in f"HTTP/1.1 202 Accepted\r\nX-Message-Id: {own}\r\nContent-Length: 0\r\n\r\n".encode():
                if server.stopping:
                    return
                try:
                    self.wfile.write(bytes((char,)))
                except OSError:
                    return
                time.sleep(seconds)

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:
            return None

    return Handler


# ── what SendGrid refuses ────────────────────────────────────────────────────────────────────────────────────────────
def judge(raw: bytes) -> tuple[int, list[dict[str, Any]]]:
    """Status and errors of a request body; no errors: it is accepted."""
    if len(raw) > 30_000_000:
        return 413, [_error("The size of the message is too large")]
    try:
        body = json.loads(raw)
    except ValueError:
        return 400, [_error("Bad Request")]
    if not isinstance(body, dict):
        return 400, [_error("Bad Request")]
    return 400, list(_errors(body))


def _errors(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _recipients(body.get("personalizations"))
    yield from _address(body.get("from"), "from.email", "The from email")
    subject = body.get("subject")
    if not isinstance(subject, str) or not subject:
        yield _error("The subject is required. You can get around this requirement if you use a template.", "subject")
    elif _CONTROL.search(subject):
        yield _error("The subject may not contain line breaks.", "subject")
    yield from _content(body.get("content"))
    yield from _headers(body.get("headers", {}))
    if len(json.dumps(body.get("custom_args", {})).encode()) > 10_000:
        yield _error("The custom arguments may not exceed 10000 bytes.", "custom_args")
    categories = body.get("categories", [])
    if len(categories) > 10 or any(not isinstance(one, str) or len(one) > 255 for one in categories):
        yield _error("There may be at most 10 categories of at most 255 characters.", "categories")
    unknown = set(body) - {
        "personalizations", "from", "subject", "content", "headers", "custom_args", "categories", "tracking_settings",
        "reply_to", "send_at", "mail_settings", "asm", "attachments", "template_id", "batch_id", "ip_pool_name",
    }  # fmt: skip
    for name in sorted(unknown):
        yield _error("Additional property is not allowed", name)


def _recipients(people: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(people, list) or not people:
        yield _error(
            "The personalizations field is required and must have at least one personalization.", "personalizations"
        )
        return
    to = [one for each in people for one in each.get("to", [])]
    if not to:
        yield _error(
            "The to array is required for all personalization objects, and must have at least one email",
            "personalizations.0.to",
        )
    if len(to) > 1_000:
        yield _error("The personalizations may have at most 1000 recipients.", "personalizations")
    for index, one in enumerate(to):
        yield from _address(one, f"personalizations.0.to.{index}.email", "The to email")


def _address(one: Any, place: str, what: str) -> Iterator[dict[str, Any]]:
    email = one.get("email") if isinstance(one, dict) else None
    if (
        not isinstance(email, str)
        or not _ADDRESS.fullmatch(email)
        or not email.isascii()
        or parseaddr(email)[1] != email
    ):
        yield _error(f"{what} ({email}) does not contain a valid address.", place)
    elif _CONTROL.search(str(one.get("name", ""))):
        yield _error("The name may not contain line breaks.", place.replace("email", "name"))


def _content(parts: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(parts, list) or not parts:
        yield _error("Unless a valid template_id is provided, the content parameter is required.", "content")
        return
    kinds = [part.get("type") for part in parts]
    for index, part in enumerate(parts):
        if not part.get("value"):
            yield _error(
                "The content value must be a string at least one character in length.", f"content.{index}.value"
            )
        if not isinstance(kinds[index], str) or "/" not in kinds[index]:
            yield _error("The content type must be a MIME type.", f"content.{index}.type")
    if "text/plain" in kinds[1:] or ("text/html" in kinds[1:] and kinds[0] != "text/plain"):
        yield _error("If present, text/plain and text/html may only be provided once, text/plain first.", "content")


def _headers(headers: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(headers, dict):
        yield _error("The headers must be an object.", "headers")
        return
    for name, value in headers.items():
        if name.lower() in RESERVED:
            yield _error(f"The header {name} is reserved.", f"headers.{name}")
        if not isinstance(value, str) or _CONTROL.search(name + value) or not (name + value).isascii():
            yield _error("The header must be 7-bit text without line breaks.", f"headers.{name}")


def _error(message: str, field: str | None = None) -> dict[str, Any]:
    return {"message": message, "field": field, "help": None}
