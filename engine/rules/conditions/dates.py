"""When a dated pattern comes true for a lead: birthdays, offsets from a field's date, webinars, schedules. Pure."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from dsl.plan import Dated, Program
from engine.model.lead import Lead
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import when

NINE = "09:00"
_DAYS_AHEAD = 400
"""A regular date comes at least once in so many days."""
_YEARS = 6
"""An offset reaches at most five years."""

Occurrence = tuple[datetime, str]
"""The instant, and which occurrence it is: the same one has the same name, whatever the lead's zone by then."""


def following(dated: Dated, lead: Lead, program: Program, after: datetime) -> Occurrence | None:
    """The first occurrence later than `after`; None when there is none, or the lead lacks the date."""
    return next((one for one in _occurrences(dated, lead, program, after) if one[0] > after), None)


def _occurrences(dated: Dated, lead: Lead, program: Program, after: datetime) -> Iterator[Occurrence]:
    zone = lead.zone(program)
    if dated.every is not None:
        today = calendar.local_date(after, zone)
        for ahead in range(_DAYS_AHEAD):
            day = today + timedelta(days=ahead)
            if _regular(dated, day):
                yield _on(day, dated.time or NINE, zone), day.isoformat()
        return
    for anchor in _anchors(dated, lead, program, after):
        yield _shifted(dated, anchor, zone, program), anchor.isoformat()


def _anchors(dated: Dated, lead: Lead, program: Program, after: datetime) -> Iterator[date | datetime]:
    zone = lead.zone(program)
    if dated.at is not None:
        own = dated.at.zone or zone
        yield _on(date.fromisoformat(dated.at.date), dated.at.time, own)
    elif dated.webinar is not None:
        wanted = dated.webinar.casefold()
        for webinar in program.webinars:
            if webinar.name.casefold() == wanted:
                yield _on(date.fromisoformat(webinar.date), webinar.time, webinar.zone or program.workspace.timezone)
    elif dated.field is not None:
        found = when(lead.fields.get(dated.field) if dated.field != "created" else lead.created_at.isoformat(), zone)
        if found is None or not dated.yearly:
            yield from () if found is None else (found,)
            return
        first = calendar.local_date(found, zone) if isinstance(found, datetime) else found
        around = calendar.local_date(after, zone).year
        for year in range(max(first.year + 1, around - _YEARS), around + _YEARS + 2):
            yield first.replace(year=year, day=min(first.day, months.monthrange(year, first.month)[1]))


def _shifted(dated: Dated, anchor: date | datetime, zone: str, program: Program) -> datetime:
    """Days count from the date at its time; minutes, or no offset, from the anchor's own instant if it has one."""
    offset, hours = dated.offset, program.workspace.business_hours
    by_days = offset is not None and bool(offset.days or offset.months or offset.business_days)
    if isinstance(anchor, datetime) and dated.time is None and not by_days:
        base = anchor
    else:
        day = calendar.local_date(anchor, zone) if isinstance(anchor, datetime) else anchor
        base = _on(day, dated.time or NINE, zone)
    if offset is None:
        return base
    if dated.before:
        return calendar.since(offset, base, zone, hours)
    return calendar.add(offset, base, zone, hours)


def _regular(dated: Dated, day: date) -> bool:
    if dated.weekday is not None and day.weekday() != dated.weekday:
        return False
    if dated.every == "week":
        return dated.weekday is not None or day.weekday() == 0
    if dated.every == "month":
        last = months.monthrange(day.year, day.month)[1]
        nth = dated.nth or 1
        if dated.weekday is None:
            return day.day == (last if nth < 0 else min(nth, last))
        return day.day > last - 7 if nth < 0 else (day.day - 1) // 7 == nth - 1
    return True


def _on(day: date, clock: str, zone: str) -> datetime:
    return calendar.instant(datetime.combine(day, time()) + timedelta(minutes=calendar.minutes_of(clock)), zone)
