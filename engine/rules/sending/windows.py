"""When a mail may leave: send windows, quiet hours and the limit on mails, all in the lead's own time.

A window is a set of wall-clock times, so a clock change never moves a mail out of it: an hour that comes twice is open
twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from itertools import product
from typing import Literal
from uuid import UUID

from dsl.plan import BusinessHours, Limit, Window
from engine.model.records import Record, record
from engine.rules.conditions.calendar import add, is_business_day, local_date, local_time, minutes_of, zone_of
from engine.wording.terms import duration, windows

Quiet = tuple[str, str]
"""Local start and end, "HH:MM"; may span midnight. Equal times are the whole day."""

HORIZON = timedelta(days=14)
"""How far ahead an opening is looked for; a weekly window that stays shut this long never opens."""

SPREAD = timedelta(minutes=15)
"""Mails that waited for one opening leave within this time of it, not all in its first second."""

FRESH = timedelta(minutes=15)
"""`as trigger` passes windows and quiet hours while its event is younger than this."""


@record
class Limits(Record):
    """What holds a mail back. `zone` is the lead's; `hours` counts business time in `limit` and knows the working days.
    `whose`: who sends in these windows, in words."""

    zone: str
    windows: tuple[Window, ...] = ()
    quiet: Quiet | None = None
    limit: Limit | None = None
    hours: BusinessHours | None = None
    whose: str = "the campaign"


def hold_until(
    now: datetime,
    lead_id: UUID,
    limits: Limits,
    *,
    sent: Sequence[datetime] = (),
    mode: Literal["normal", "trigger", "transactional"] = "normal",
    event_at: datetime | None = None,
    deadline: datetime | None = None,
) -> datetime | None:
    """Until when the mail must wait; None: it may leave now.

    `sent` are the instants of mails that count against the limit, `event_at` that of the event a trigger mail answers,
    `deadline` the end of `within`: an answer after it means the mail is too late. Transactional mail is never held
    back. When no window opens within `HORIZON` the answer is its end, and the question can be asked again then.
    """
    if mode == "transactional":
        return None
    free = cap_opening(limits.limit, sent, now, limits.zone, limits.hours)
    if mode == "trigger" and event_at is not None and free - event_at < FRESH:
        return free if free > now else None
    opening = next_opening(free, limits.zone, limits.windows, limits.quiet, limits.hours)
    if opening is None:
        return free + HORIZON
    if opening > free:
        opening += spread(opening, lead_id, _room(opening, limits, deadline))
    return opening if opening > now else None


def held_by(
    now: datetime,
    limits: Limits,
    *,
    sent: Sequence[datetime] = (),
    mode: Literal["normal", "trigger", "transactional"] = "normal",
    event_at: datetime | None = None,
) -> str:
    """In words, what keeps the mail now for which `hold_until` has given an instant: to be stored with it."""
    free = cap_opening(limits.limit, sent, now, limits.zone, limits.hours)
    reasons = []
    if free > now and limits.limit is not None:
        reasons.append(f"at most {limits.limit.times} emails per {duration(limits.limit.per)}")
    passes = mode == "trigger" and event_at is not None and free - event_at < FRESH
    if limits.windows and not passes and not is_open(free, limits.zone, limits.windows, None, limits.hours):
        reasons.append(f"{limits.whose} sends {windows(limits.windows)}")
    if limits.quiet is not None and not passes and not is_open(free, limits.zone, (), limits.quiet):
        reasons.append("quiet hours from {} to {}".format(*limits.quiet))
    return " and ".join(reasons)


def cap_opening(
    limit: Limit | None, sent: Sequence[datetime], now: datetime, zone: str, hours: BusinessHours | None = None
) -> datetime:
    """The earliest instant from `now` on at which one more mail fits into the sliding limit.

    A mail counts for exactly one period from its instant. A limit of none at all is asked again after a period.
    """
    if limit is None or len(sent) < limit.times:
        return now
    oldest = sorted(sent)[-limit.times] if limit.times > 0 else now
    return max(now, add(limit.per, oldest, zone, hours or BusinessHours(zone=zone)))


def next_opening(
    now: datetime, zone: str, windows: tuple[Window, ...] = (), quiet: Quiet | None = None,
    hours: BusinessHours | None = None,
) -> datetime | None:  # fmt: skip
    """The earliest instant from `now` on inside any window and outside quiet hours; None: not within `HORIZON`.

    No windows means any time. `hours` know the working days.
    """
    if is_open(now, zone, windows, quiet, hours):
        return now
    clocks = [*(window.start for window in windows), *(quiet or ())]
    for ahead in (timedelta(days=1), HORIZON):  # nearly every opening is less than a day away
        for at in _edges(now, now + ahead, zone, clocks):
            if is_open(at, zone, windows, quiet, hours):
                return at
    return None


def is_open(
    at: datetime, zone: str, windows: tuple[Window, ...] = (), quiet: Quiet | None = None,
    hours: BusinessHours | None = None,
) -> bool:  # fmt: skip
    """Whether mail may leave at this instant. `hours` know the working days."""
    if not windows and quiet is None:
        return True
    local = local_time(at, zone)
    if quiet is not None and _inside(local, Window(start=quiet[0], end=quiet[1]), hours):
        return False
    return not windows or any(_inside(local, window, hours) for window in windows)


def spread(opening: datetime, lead_id: UUID, room: timedelta) -> timedelta:
    """A lead's own share of `room` after an opening: whole seconds, evenly spread over leads, always less than `room`.

    The same lead and opening give the same share, and a lead's place differs from one opening to the next.
    """
    seconds = int(room.total_seconds())
    if seconds <= 0:
        return timedelta()
    key = lead_id.bytes + int(opening.timestamp()).to_bytes(8, "big", signed=True)
    place = int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
    return timedelta(seconds=place * seconds >> 64)


def _room(opening: datetime, limits: Limits, deadline: datetime | None) -> timedelta:
    """How long mails may trail an opening: at most SPREAD, not past the window's end, not past the deadline."""
    end = opening + SPREAD
    edges = _edges(opening, end, limits.zone, [*(window.end for window in limits.windows), *(limits.quiet or ())])
    end = next((at for at in edges if not is_open(at, limits.zone, limits.windows, limits.quiet, limits.hours)), end)
    return (end if deadline is None else min(end, deadline)) - opening


def _inside(local: datetime, window: Window, hours: BusinessHours | None) -> bool:
    """Whether a wall time lies in the window; the part after midnight belongs to the day on which it began."""
    start, end = minutes_of(window.start), minutes_of(window.end)
    minute, today = local.hour * 60 + local.minute, local.date()
    if start < end:
        return start <= minute < end and _is_day(today, window, hours)
    return (minute >= start and _is_day(today, window, hours)) or (
        minute < end and _is_day(today - timedelta(days=1), window, hours)
    )


def _is_day(day: date, window: Window, hours: BusinessHours | None) -> bool:
    """Whether it is one of the window's days; a working day by the calendar of the workspace, wherever the lead is."""
    return day.weekday() in window.days and (not window.working or hours is None or is_business_day(day, hours))


def _edges(after: datetime, until: datetime, zone: str, clocks: Iterable[str]) -> list[datetime]:
    """In order, the instants in (after, until] at which being open can change.

    Those are the given wall times and midnight, each as often as it comes that day, and the clock changes themselves.
    """
    minutes = {minutes_of(clock) % (24 * 60) for clock in clocks} | {0}
    found: set[datetime] = set()
    day, last = local_date(after, zone), local_date(until, zone)
    while day <= last:
        midnight = datetime.combine(day, time(), tzinfo=zone_of(zone))
        day += timedelta(days=1)
        for minute, fold in product(minutes, (0, 1)):
            found.add((midnight + timedelta(minutes=minute)).replace(fold=fold).astimezone(UTC))
        found.update(_clock_change(midnight, datetime.combine(day, time(), tzinfo=zone_of(zone))))
    return sorted(at for at in found if after < at <= until)


def _clock_change(start: datetime, end: datetime) -> list[datetime]:
    """The instant between two local midnights at which the zone's offset changes, if it does; to the second."""
    tz, before = start.tzinfo, start.utcoffset()
    if end.utcoffset() == before:
        return []
    low, high = start.astimezone(UTC), end.astimezone(UTC)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
        if middle.astimezone(tz).utcoffset() == before:
            low = middle
        else:
            high = middle
    return [high]
