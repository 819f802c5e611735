"""What no provider takes, found before anything leaves the house; and errors without addresses in them."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from engine.model.ports import Mail
from engine.platform.tokens import email_key

RESERVED_HEADERS = frozenset((
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
))  # fmt: skip
"""Header names SendGrid refuses (docs.sendgrid.com, Mail Send, `headers`)."""
MAX_BYTES = 30_000_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NAMED = re.compile(r"""\s*(?:"([^"<>\\]*)"|([^"<>]*?))\s*<([^<>\s]+)>\s*""")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def problem(mail: Mail) -> str | None:
    """Why this mail would be refused, as `field: reason`, or None. Holds no address and no name."""
    for field, value in (("to", mail.to), ("from", mail.sender), ("subject", mail.subject)):
        if _CONTROL.search(value):
            return f"{field}: has a line break or control character"
    if plain_recipient(mail.to) is None:
        return "to: is not exactly one plain address"
    if sender_parts(mail.sender) is None:
        return "from: is not one sender, a name and an address in angle brackets"
    if not mail.subject.strip():
        return "subject: is empty"
    if not mail.text.strip() or not mail.html.strip():
        return "content: a part is empty"
    if len(mail.html.encode()) + len(mail.text.encode()) > MAX_BYTES:
        return "content: is larger than 30 MB"
    if len(mail.category) > 255 or _CONTROL.search(mail.category):
        return "category: is too long or has a control character"
    return _header_problem(mail.headers)


def _header_problem(headers: dict[str, str]) -> str | None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            return "headers: a name has a character that names may not have"
        if name.lower() in RESERVED_HEADERS:
            return f"headers: `{name}` is the provider's own"
        if _CONTROL.search(value) or not value.isascii():
            return f"headers: `{name}` has a line break, control or non-ASCII character"
    return None


def plain_recipient(address: str) -> str | None:
    """The address as a provider takes it, all ASCII; None for anything but exactly one plain address."""
    try:
        email_key(address)
        found = validate_email(
            address.strip(" "), check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except (EmailNotValidError, UnicodeError, ValueError):
        return None
    return found.ascii_email


def sender_parts(sender: str) -> tuple[str, str] | None:
    """Name and address of `Acme Pumps <hello@acme.example>`; None when it is not one sender."""
    found = _NAMED.fullmatch(sender)
    name, address = ((found[1] or found[2] or "").strip(), found[3]) if found else ("", sender)
    plain = plain_recipient(address)
    return None if plain is None else (name, plain)


def without_addresses(text: str, limit: int = 300) -> str:
    """A provider's message without anything that looks like an address, on one line."""
    words = " ".join(_CONTROL.sub(" ", text).split())
    return re.sub(r"\S*@\S*", "(address)", words)[:limit]
