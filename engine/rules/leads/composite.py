"""Patterns that take more than one event: counted, followed by nothing, silent, dated. Pure; the ledger is given.

What comes true with an event is logged at once. What time brings about is a row of the lead's clock, named by purpose
and pattern; `rules.leads.due` looks at it when it is due. Activity never moves a row: a due one is checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter

from dsl.plan import Duration, InList, Pattern, Reactivation
from engine.model.lead import Event
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import holds, matches, own_key
from engine.rules.conditions.dates import following
from engine.rules.conditions.matching import Watch
from engine.rules.leads.working_copy import WorkingCopy

ACTIVE = frozenset({
    "page.visited", "email.clicked", "email.replied", "form.posted", "form.submitted", "file.downloaded",
    "video.watched", "webinar.registered", "webinar.attended", "meeting.booked", "meeting.held", "call.received",
    "chat.started", "cart.updated", "order.placed",
})  # fmt: skip
"""What a lead does of its own accord. Being mailed does not count, nor does an opening, which machines do."""
AWAY = Duration(days=30)
"""How long a lead must have been silent to return, where its stage says nothing."""
COUNTED = "#counted"
"""Ends the name under which a count is noted whose absence is still to come."""


def watches(ledger: WorkingCopy) -> list[Watch]:
    """What the deployment listens for, and what the lead's runs on older plans do."""
    return [ledger.rules.index.watch, *ledger.older()]


def every(ledger: WorkingCopy, kind: Callable[[Watch], Mapping[str, Pattern]]) -> Iterable[tuple[str, Pattern]]:
    """The composite patterns of a kind that somebody listens for, and the ones inside others, by key; each once."""
    found: dict[str, Pattern] = {}
    for watch in watches(ledger):
        found |= kind(watch)
    return found.items()


def find(ledger: WorkingCopy, key: str) -> Pattern | None:
    """The composite pattern of that key, while anybody listens for it."""
    return next((found for watch in watches(ledger) if (found := watch.composites.get(key)) is not None), None)


def noticed(ledger: WorkingCopy, event: Event) -> None:
    """Carry every pattern on that the event is a part of."""
    near = {one[0]: one for watch in watches(ledger) for one in watch.counted.near(event)}
    for key, pattern, counted in near.values():
        if not matches(counted, event, zone=ledger.zone):
            continue
        if pattern.times and not _reached(ledger, key, pattern, counted):
            continue
        if pattern.absent is None:
            ledger.happen("pattern.met", key, event.data, enrolment_id=event.enrolment_id)
            continue
        if pattern.times:
            ledger.happen("pattern.met", key + COUNTED, mute=True)
        ledger.remind(f"absent:{key}:{event.seq}", later(ledger, pattern.absent.within, event.at))


def _reached(ledger: WorkingCopy, key: str, pattern: Pattern, counted: Pattern) -> bool:
    """Whether the count is full; it begins anew when it has been."""
    past = [*ledger.history, *ledger.events]
    met = max((one.seq for one in past if one.type == "pattern.met" and one.name in (key, key + COUNTED)), default=0)
    start = calendar.since(pattern.within, ledger.now, ledger.zone) if pattern.within else None
    recent = (one for one in past if one.seq > met and (start is None or one.at >= start))
    many = sum(1 for one in recent if matches(counted, one, zone=ledger.zone))
    return many >= (pattern.times or 1)


def later(ledger: WorkingCopy, span: Duration, at: datetime) -> datetime:
    return calendar.add(span, at, ledger.zone, ledger.rules.program.workspace.business_hours)


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def active(ledger: WorkingCopy, event: Event) -> None:
    """The lead did something: it may have returned, and its silence begins anew."""
    before = ledger.lead.active_at
    ledger.lead = ledger.lead.changed(active_at=event.at)
    watch_silence(ledger)
    if before is None or not ledger.listened("lead.returned"):
        return
    rule = reactivation(ledger)
    if later(ledger, rule.after if rule else AWAY, before) <= event.at:
        ledger.happen("lead.returned", "", {"since": before.isoformat()})


def watch_silence(ledger: WorkingCopy, since: datetime | None = None) -> None:
    """Set the clocks that run while the lead is silent and end after `since` (None: now).

    A silence that was long enough before anybody listened is no event; a stage's reactivation takes those who sleep
    already, too.
    """
    quiet = ledger.lead.active_at or ledger.lead.created_at
    for key, pattern in every(ledger, attrgetter("silent")):
        if pattern.silent is not None and (due := later(ledger, pattern.silent, quiet)) > (since or ledger.now):
            ledger.remind(f"silent:{key}", due)
    if (rule := reactivation(ledger)) is not None:
        ledger.remind("reactivate", later(ledger, rule.after, quiet))


def reactivation(ledger: WorkingCopy) -> Reactivation | None:
    """What the lead's stage says about silence."""
    return ledger.rules.index.reactivations.get(ledger.lead.stage)


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def watch_dates(ledger: WorkingCopy, field: str | None = None, since: datetime | None = None) -> None:
    """Set the clocks of dates that come after `since` (None: now): of all, or of those that depend on a field.

    A date that moved away keeps its row until that is due, when it is checked again."""
    for key, pattern in every(ledger, attrgetter("dated")):
        dated = pattern.dated
        if dated is None or (field not in (None, "timezone") and dated.field != field):
            continue
        if not concerns(ledger, key):
            continue
        if found := following(dated, ledger.lead, ledger.rules.program, since or ledger.now):
            ledger.remind(f"date:{key}", found[0])


def concerns(ledger: WorkingCopy, key: str) -> bool:
    """Whether the date is one for this lead: only a schedule for lists it is not on is not."""
    starts = ledger.rules.index.schedules.get(key, [])
    audiences = [start.audience for start in starts]
    if not audiences or not all(isinstance(one, InList) for one in audiences) or _waited(ledger, key):
        return True
    return any(isinstance(one, InList) and own_key(ledger.lead.lists, one.name) is not None for one in audiences)


def invited(ledger: WorkingCopy, key: str) -> bool:
    """Whether somebody listens for the date on this lead's behalf: a schedule asks its audience first."""
    starts = ledger.rules.index.schedules.get(key, [])
    if not starts or _waited(ledger, key):
        return True
    facts = ledger.facts()
    return any(holds(start.audience, facts) for start in starts)


def _waited(ledger: WorkingCopy, key: str) -> bool:
    """Whether anything but a campaign's start listens for the pattern."""
    return key in ledger.rules.index.waited or any(key in watch.composites for watch in ledger.older())
