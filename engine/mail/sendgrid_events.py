"""SendGrid's Event Webhook: whether a batch is genuine, and what its events say of our mails.

Events are matched by our own id alone, which travels as the custom argument `coldframe_message`. The provider's
openings and clicks earn nothing, since ours count; like everything else they prove that the provider has the mail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sendgrid.helpers.eventwebhook import EventWebhook  # type: ignore[import-untyped]

from engine.mail.bounces import fate_of_bounce
from engine.model.ports import Fate, Report

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
OLDEST = timedelta(hours=25)
"""SendGrid repeats a batch for 24 hours. An old batch that somebody else repeats changes nothing either."""
AHEAD = timedelta(minutes=5)
DROPPED = "dropped by the provider"

_TIMESTAMP = re.compile(r"[0-9]{10}")
_FATES: Mapping[str, Fate] = {
    "processed": "taken", "deferred": "taken", "open": "taken", "click": "taken", "group_resubscribe": "taken",
    "delivered": "delivered", "bounce": "bounced", "dropped": "dropped", "spamreport": "complained",
    "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed",
}  # fmt: skip
_DROPS = (
    "bounced address", "spam reporting address", "unsubscribed address", "invalid smtpapi header", "invalid",
    "spam content", "recipient list over package quota",
)  # fmt: skip
"""The reasons that are repeated in ours; others could hold an address."""


@dataclass(frozen=True)
class Batch:
    """`reports` about mails of ours; how many events are about something else, and why others cannot be read."""

    reports: tuple[Report, ...]
    foreign: int = 0
    malformed: tuple[str, ...] = field(default=())


class Malformed(Exception):
    """An event, or a whole batch, that is not what the provider describes. The text holds nothing of what came."""


def genuine(key: str, raw: bytes, signature: str, timestamp: str, now: datetime) -> bool:
    """Whether the provider has signed these bytes, not too long ago. `now` is real time."""
    if not (signature and _TIMESTAMP.fullmatch(timestamp) and raw.startswith(b"[")):
        return False  # without these the helper would take digits that were moved between timestamp and body
    if not -AHEAD.total_seconds() <= now.timestamp() - int(timestamp) <= OLDEST.total_seconds():
        return False
    try:
        return bool(EventWebhook(key).verify_signature(raw.decode("utf-8"), signature, timestamp))
    except ValueError:  # neither UTF-8 nor base64
        return False


def read(raw: bytes) -> Batch:
    """What a genuine batch says. One event that cannot be read is put aside. Raises Malformed for all of it."""
    try:
        events = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(events, list):
        raise Malformed("not an array")
    reports, malformed, foreign = [], [], 0
    for event in events:
        try:
            found = report_of(event)
        except Malformed as problem:
            malformed.append(str(problem))
            continue
        if found is None:
            foreign += 1
        else:
            reports.append(found)
    return Batch(tuple(reports), foreign, tuple(malformed))


def report_of(event: object) -> Report | None:
    """One event; None if it is not about a mail of ours, or of a kind that says nothing. Raises Malformed."""
    if not isinstance(event, dict):
        raise Malformed("an event is not an object")
    if "coldframe_message" not in event:
        return None
    try:
        message = UUID(event["coldframe_message"])
    except (ValueError, AttributeError, TypeError):
        raise Malformed("coldframe_message is not an id") from None
    kind, at = event.get("event"), event.get("timestamp", 0)
    if not isinstance(kind, str):
        raise Malformed("event is not a name")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e11:
        raise Malformed("timestamp is not a number of seconds")
    if kind not in _FATES:
        return None
    fate = _bounce(event) if kind == "bounce" else _FATES[kind]
    reason, address = _dropped(event) if fate == "dropped" else "", event.get("email")
    return Report(message, fate, reason, float(at), address if isinstance(address, str) else None)


def _bounce(event: Mapping[str, Any]) -> Fate:
    """`blocked` is the receiver's refusal for now, which says nothing about the address, whatever the status code. Of a
    `bounce` the code can say that it is a soft one, and without a type it says everything."""
    judged = fate_of_bounce(str(event.get("status") or ""), str(event.get("reason") or ""))
    match event.get("type"):
        case "bounce":
            return "soft" if judged == "soft" else "bounced"
        case str(kind) if kind:
            return "taken"
        case _ if judged is None:
            raise Malformed("a bounce has neither a type nor a status code")
        case _:
            return judged


def _dropped(event: Mapping[str, Any]) -> str:
    given = str(event.get("reason") or "").casefold()
    known = next((one for one in _DROPS if given.startswith(one)), "")
    return f"{DROPPED}: {known}" if known else DROPPED
