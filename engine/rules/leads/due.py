"""What time brings about for a lead: a due row of its clock is looked at again, and fires, moves on or goes. Pure.

Purposes, by the first part of a row's name: `expiry` of points, `absent:KEY:SEQ`, `silent:KEY`, `date:KEY`, `daily` for
what depends on the date, `reactivate`. What fires has a natural key that names the occurrence, so none fires twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from dsl.plan import Pattern
from engine.model.lead import Event
from engine.rules.conditions import dates
from engine.rules.conditions.conditions import matches, trigger
from engine.rules.conditions.matching import base
from engine.rules.leads import composite
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Booking

THING = "id"
"""The property that tells one cart or order from another."""
_MOMENT = timedelta(microseconds=1)


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
    """The time is over: did the event come that must not, or did the first one come again for the same thing? Then the
    time runs from that one, which has a row of its own."""
    key, _, seq = rest.partition(":")
    pattern = composite.find(ledger, key)
    absent = pattern.absent if pattern else None
    if pattern is None or absent is None:
        return
    found = await archive.since(int(seq), absent.type, due)
    if not found or found[0].seq != int(seq):
        return
    first, *after = found
    over = composite.later(ledger, absent.within, first.at)
    if over > max(due, ledger.now):  # days that were closed since, or a lead that has moved
        ledger.remind(f"absent:{rest}", over)
        return
    unwanted = Pattern(type=absent.type, name=absent.name, where=absent.where)
    same = absent.same
    for event in after:
        alike = same is None or event.data.get(same) == first.data.get(same)
        if alike and matches(unwanted, event, zone=ledger.zone):
            return
    if await _again(archive, ledger.zone, key, pattern, first, due):
        return
    await _fire(archive, ledger, "pattern.met", key, first.data, f"absent:{key}:{seq}", first.enrolment_id)


async def _again(archive: Archive, zone: str, key: str, pattern: Pattern, first: Event, due: datetime) -> bool:
    """Whether what the absence follows happened again before it was due, for the same thing: the same cart or order,
    or what `with the same` names; without such a key, for the same lead."""
    counted = base(pattern)
    if pattern.times:
        notes = await archive.since(first.seq, "pattern.met", due)
        return sum(one.seq > first.seq and one.name == key + composite.COUNTED for one in notes) > 1
    thing = pattern.absent.same if pattern.absent and pattern.absent.same else THING
    return any(
        one.seq > first.seq and matches(counted, one, zone=zone) and one.data.get(thing) == first.data.get(thing)
        for one in await archive.since(first.seq, trigger(counted), due)
    )


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
