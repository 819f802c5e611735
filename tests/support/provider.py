"""What SendGrid's Event Webhook sends: events about mails, signed batches of them, and the faults they come with."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Event = dict[str, Any]


@dataclass
class Provider:
    """Signs as the provider does. `key` is what an operator copies from its settings."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def key(self) -> str:
        public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(public).decode()

    def signed(self, raw: bytes, at: datetime) -> dict[str, str]:
        """The headers of a batch that leaves at that instant of real time."""
        timestamp = str(int(at.timestamp()))
        signature = self.private.sign(timestamp.encode() + raw, ec.ECDSA(hashes.SHA256()))
        return {
            "content-type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }

    def request(self, events: Sequence[Any], at: datetime) -> dict[str, Any]:
        """Body and headers, as keyword arguments of a client's `post`."""
        raw = json.dumps(list(events)).encode()
        return {"content": raw, "headers": self.signed(raw, at)}


def event(kind: str, message: UUID | str | None, at: int = 1_788_000_000, **more: Any) -> Event:
    """One event; a bounce is a permanent one unless `type` says otherwise."""
    found: Event = {
        "timestamp": at, "event": kind, "sg_event_id": uuid4().hex,
        "sg_message_id": f"{uuid4().hex[:22]}.recvd-1", "smtp-id": "<1@ismtpd>", "category": "Nurture",
    }  # fmt: skip
    if message is not None:
        found["coldframe_message"] = str(message)
    if kind == "bounce":
        found |= {"type": "bounce", "reason": "550 5.1.1 somebody@lead.example: no such user", "status": "5.1.1"}
        found.pop("sg_message_id")
    return found | more


def doubled(events: Iterable[Event]) -> list[Event]:
    """Each event twice, the second time with another id of the provider's."""
    return [{**one, "sg_event_id": uuid4().hex} for one in events for _ in range(2)]


def shuffled(events: Iterable[Event], seed: int) -> list[Event]:
    found = list(events)
    random.Random(seed).shuffle(found)
    return found


def split(events: Sequence[Event], seed: int) -> list[Sequence[Event]]:
    """The same events in batches of chance sizes, in order."""
    chance, found, rest = random.Random(seed), [], events
    while rest:
        many = chance.randint(1, len(rest))
        found.append(rest[:many])
        rest = rest[many:]
    return found


def about(ledger: Iterable[Mapping[str, Any]], **fates: str) -> list[Event]:
    """Events for the mails of a ledger (see MailServer.accepted) by the beginning of their address; each mail is
    `processed` first. `fates`: the beginning → the kind of event."""
    found: list[Event] = []
    for entry in ledger:
        [[to]] = [one["to"] for one in entry["body"]["personalizations"]]
        found.append(event("processed", entry["message"], email=to["email"]))
        found += [
            event(kind, entry["message"], 1_788_000_060, email=to["email"])
            for start, kind in fates.items()
            if to["email"].startswith(start)
        ]
    return found
