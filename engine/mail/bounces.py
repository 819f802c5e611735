"""What a bounce says about the address, by its status code (RFC 3463) or the receiver's SMTP reply."""

from __future__ import annotations

import re

from engine.model.ports import Fate

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"\s*([45])\d\d\b")
_MESSAGE = frozenset((6, 7))
"""Subjects of a status code that are about the message or the sender's permission, not about the address."""
_TOO_LARGE = {(2, 3), (3, 4)}
"""The message is too large for the mailbox, or for the system."""


def fate_of_bounce(status: str, reply: str) -> Fate | None:
    """What became of a mail that came back; None if neither the code nor the reply says it.

    `soft`: a full mailbox (x.2.2), or anything that passes (4.x.x). `taken`: the message was refused, for its size, its
    content, or a policy, which says nothing about the address. `bounced`: the address is wrong.
    """
    code = _STATUS.search(status)
    if code is None or code[2] == code[3] == "0":  # "other", of which the reply may know more
        code = _STATUS.search(reply) or code
    if code is not None:
        kind, subject, detail = (int(part) for part in code.groups())
        if kind == 2:
            return None
        if kind == 4 or (subject, detail) == (2, 2):
            return "soft"
        return "taken" if subject in _MESSAGE or (subject, detail) in _TOO_LARGE else "bounced"
    if answer := _REPLY.match(reply):
        return "soft" if answer[1] == "4" or answer[0].strip() == "552" else "bounced"
    return None
