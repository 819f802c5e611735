"""A post to another system sent again by hand, and the secrets that posts are signed with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engine.model.ports import Clock, Parcel, Poster, Receipt
from engine.sending.webhook import secret_with, sign
from engine.sending.webhook_figures import ATTEMPTS
from engine.store import webhooks
from engine.store.db import Database

OVERLAP = timedelta(hours=24)
"""How long the secret before goes on signing, where nobody says otherwise."""


class Unknown(LookupError):
    """There is no such post, or it is no longer kept."""


class Rotating(Exception):
    """Two secrets are in force already."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What a rotation gives: `old_until` is when the secret before stops signing."""

    number: int
    secret: str
    old_until: datetime


async def replay(db: Database, clock: Clock, poster: Poster, secret: str, id: UUID, by: str) -> Receipt:
    """Send it again now, with the same id and body, whatever its state. `by`: who does. Raises Unknown."""
    row = await webhooks.begin_replay(db, id, by, clock.now())
    if row is None:
        raise Unknown(str(id))
    live = await webhooks.live_secrets(db, clock.real())
    unsigned = Parcel(row.url, row.body.encode(), str(id), "")
    receipt = await poster.post(sign(unsigned, [secret_with(secret, one) for one in live], clock.real()))
    ATTEMPTS.labels("delivered" if receipt.state == "accepted" else "failed").inc()
    await webhooks.settle_replay(db, {
        "id": id, "number": row.attempts, "outcome": receipt.state, "status": receipt.status,
        "reason": receipt.reason, "milliseconds": receipt.milliseconds, "answer": receipt.answer, "at": clock.now(),
    })  # fmt: skip
    return receipt


async def rotate(db: Database, clock: Clock, secret: str, overlap: timedelta = OVERLAP) -> NewSecret:
    """A new secret; both sign until the overlap is over. Raises Rotating."""
    nonce, real = secrets.token_hex(16), clock.real()
    number = await webhooks.add_secret(db, nonce, real, real + overlap)
    if number is None:
        raise Rotating
    return NewSecret(number, secret_with(secret, nonce), real + overlap)


async def list_secrets(db: Database, clock: Clock) -> Sequence[Mapping[str, Any]]:
    """Number, state (`signs`, `signs until`, `retired`), and instants of each secret, the oldest first."""
    real = clock.real()
    rows = await webhooks.secrets(db) or [{"number": 1, "real_made_at": None, "real_retires_at": None}]
    return [
        {"number": one["number"], "state": _state(one["real_retires_at"], real), "made_at": one["real_made_at"],
         "retires_at": one["real_retires_at"]} for one in rows
    ]  # fmt: skip


def _state(retires: datetime | None, real: datetime) -> str:
    return "signs" if retires is None else "signs until" if retires > real else "retired"
