"""What time brings about for a lead: every due row of its clock is looked at again, and fires, moves on or goes.

Purposes, by the first part of a row's name: `expiry` of points, `absent:KEY:SEQ`, `silent:KEY`, `date:KEY`, `daily` for
what depends on the date, `reactivate`. What fires has a natural key that names the occurrence, so none fires twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from dsl.plan import Pattern
from engine.model.lead import Event
from engine.rules.conditions import dates
from engine.rules.conditions.conditions import matches
from engine.rules.leads import composite
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Booking
from engine.store.db import Hot
from engine.store.leads import EVENT_JSON, event_of

_MOMENT = timedelta(microseconds=1)

_EXPIRING = """
SELECT p.* FROM points p
WHERE p.lead_id = %(lead)s AND p.expires_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM points x WHERE x.lead_id = p.lead_id AND x.cause = 'x:' || p.cause AND x.rule = 'expired:' || p.rule)
ORDER BY p.expires_at"""

_EVENTS = f"""SELECT {EVENT_JSON} AS event FROM events
WHERE lead_id = %(lead)s AND (seq = %(seq)s OR (seq > %(seq)s AND type = %(type)s AND at <= %(due)s)) ORDER BY seq"""


class Archive(Protocol):
    """What is asked of one lead's past when a clock rings."""

    async def expiring(self) -> Sequence[Booking]:
        """Points that will expire and have not, the earliest first."""

    async def since(self, seq: int, type: str, until: datetime) -> Sequence[Event]:
        """Event `seq` itself, and those of that type after it up to the instant."""

    async def at_stage_since(self, stage: str) -> datetime | None:
        """When the lead came to the stage last."""

    async def has(self, key: str) -> bool:
        """Whether an event of that natural key is in the log."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The archive in Postgres."""

    hot: Hot
    lead: UUID

    async def expiring(self) -> Sequence[Booking]:
        rows = await self.hot.all(_EXPIRING, {"lead": self.lead})
        return [
            Booking(row.cause, row.rule, row.model, float(row.amount), row.thing, row.seq, float(row.score_after),
                    row.earned_at, row.booked_at, row.expires_at)
            for row in rows
        ]  # fmt: skip

    async def since(self, seq: int, type: str, until: datetime) -> Sequence[Event]:
        values = {"lead": self.lead, "seq": seq, "type": type, "due": until}
        return [event_of(row.event) for row in await self.hot.all(_EVENTS, values)]

    async def at_stage_since(self, stage: str) -> datetime | None:
        row = await self.hot.one(
            "SELECT max(at) AS at FROM stages WHERE lead_id = %(lead)s AND stage = %(stage)s",
            {"lead": self.lead, "stage": stage},
        )
        found: datetime | None = row.at
        return found

    async def has(self, key: str) -> bool:
        asked = "SELECT seq FROM events WHERE lead_id = %(lead)s AND key = %(key)s"
        return await self.hot.one(asked, {"lead": self.lead, "key": key}) is not None


Due = tuple[datetime, str]
"""One row of a lead's clock: the instant and what it is for."""


async def take_due(hot: Hot, lead: UUID, now: datetime) -> list[Due]:
    """Every row of a locked lead that is due, taken away, in the order of time."""
    rows = await hot.all(
        """DELETE FROM lead_clock WHERE lead_id = %(lead)s AND due_at <= %(now)s RETURNING what, due_at""",
        {"lead": lead, "now": now},
    )
    return sorted((row.due_at, row.what) for row in rows)


async def ring(hot: Hot, ledger: Ledger, due: Sequence[Due]) -> None:
    """Look at the rows that were due."""
    archive = Stored(hot, ledger.lead.id)
    for at, what in due:
        await strike(archive, ledger, what, at)


async def strike(archive: Archive, ledger: Ledger, what: str, due: datetime) -> None:
    """Look at one row that is due."""
    purpose, _, rest = what.partition(":")
    if act := _ACTS.get(purpose):
        await act(archive, ledger, rest, due)


async def _expire(archive: Archive, ledger: Ledger, _: str, due: datetime) -> None:
    for one in await archive.expiring():
        assert one.expires_at is not None
        if one.expires_at > ledger.now:
            ledger.remind("expiry", one.expires_at)
            return
        cause, rule = f"x:{one.cause}", f"expired:{one.rule}"
        ledger.book(cause, rule, one.model, -one.amount, one.thing, earned_at=one.expires_at)


async def _absent(archive: Archive, ledger: Ledger, rest: str, due: datetime) -> None:
    """The time is over: did the event come that must not?"""
    key, _, seq = rest.partition(":")
    pattern = composite.find(ledger, key)
    absent = pattern.absent if pattern else None
    if absent is None:
        return
    found = await archive.since(int(seq), absent.type, due)
    if not found or found[0].seq != int(seq):
        return
    first, *after = found
    unwanted = Pattern(type=absent.type, name=absent.name, where=absent.where)
    same = absent.same
    for event in after:
        if matches(unwanted, event) and (same is None or event.data.get(same) == first.data.get(same)):
            return
    await _fire(archive, ledger, "pattern.met", key, first.data, f"absent:{key}:{seq}", first.enrolment_id)


async def _silent(archive: Archive, ledger: Ledger, key: str, due: datetime) -> None:
    pattern = composite.find(ledger, key)
    if pattern is None or pattern.silent is None:
        return
    quiet = ledger.lead.active_at or ledger.lead.created_at
    over = composite.later(ledger, pattern.silent, quiet)
    if over > ledger.now:
        ledger.remind(f"silent:{key}", over)
        return
    await _fire(archive, ledger, "pattern.met", key, {"since": quiet.isoformat()}, f"silent:{key}:{quiet.isoformat()}")


async def _date(archive: Archive, ledger: Ledger, key: str, due: datetime) -> None:
    """An occurrence from before the row was due had passed already when its date was set."""
    pattern = composite.find(ledger, key)
    dated = pattern.dated if pattern else None
    if dated is None or not composite.concerns(ledger, key):
        return
    program = ledger.rules.program
    found = dates.following(dated, ledger.lead, program, due - _MOMENT)
    if found is not None and found[0] <= ledger.now:
        if composite.invited(ledger, key):
            await _fire(archive, ledger, "date.due", key, {"date": found[1][:10]}, f"date:{key}:{found[1]}")
        found = dates.following(dated, ledger.lead, program, ledger.now)
    if found is not None:
        ledger.remind(f"date:{key}", found[0])


async def _daily(archive: Archive, ledger: Ledger, _: str, due: datetime) -> None:
    if ledger.rules.index.daily:
        ledger.remind("daily", ledger.midnight())
        ledger.review()


async def _reactivate(archive: Archive, ledger: Ledger, _: str, due: datetime) -> None:
    """A lead that stayed silent for so long at its stage enters the campaign, once per silence."""
    rule = composite.reactivation(ledger)
    if rule is None:
        return
    entered = await archive.at_stage_since(ledger.lead.stage)
    quiet = ledger.lead.active_at or ledger.lead.created_at
    quiet = max(quiet, entered or quiet)
    over = composite.later(ledger, rule.after, quiet)
    if over > ledger.now:
        ledger.remind("reactivate", over)
        return
    data = {"since": quiet.isoformat(), "stage": ledger.lead.stage, "campaign": rule.campaign}
    plan = ledger.rules.index.plans.get(rule.campaign.casefold())
    fired = await _fire(archive, ledger, "pattern.met", "reactivate", data, f"reactivate:{quiet.isoformat()}")
    if fired is not None and plan is not None:
        ledger.enrol(plan, fired)


async def _fire(
    archive: Archive,
    ledger: Ledger,
    type: str,
    name: str,
    data: Mapping[str, Any],
    key: str,
    enrolment: UUID | None = None,
) -> Event | None:
    """Log it; None if this occurrence is in the log already."""
    if any(one.key == key for one in ledger.events) or await archive.has(key):
        return None
    return ledger.happen(type, name, data, key=key, enrolment_id=enrolment)


Act = Callable[[Archive, Ledger, str, datetime], Awaitable[None]]
_ACTS: dict[str, Act] = {
    "expiry": _expire, "absent": _absent, "silent": _silent, "date": _date, "daily": _daily, "reactivate": _reactivate
}  # fmt: skip
