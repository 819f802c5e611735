"""Funnel, nurture and campaigns computed slowly from the story itself. Nothing here is shared with the product."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.reports import slow
from tests.reports.company import BERLIN, ORDER, Person, Story, status_of
from tests.reports.slow import first_time

LATE = datetime.max.replace(tzinfo=UTC)


def stays(one: Person) -> list[tuple[str, datetime, datetime, str | None]]:
    """Stage, since, until, next."""
    stood = [(ORDER[0], one.created), *one.moves, (None, LATE)]
    return [(stage or "", since, until, following) for (stage, since), (following, until) in pairwise(stood)]


def flow(story: Story, first: date, last: date, zone: ZoneInfo) -> dict[str, dict[str, int]]:
    rows: dict[str, Counter[str]] = defaultdict(Counter)

    def before(at: datetime) -> bool:
        return at is not LATE and at.astimezone(zone).date() < first

    def after(at: datetime) -> bool:
        return at is LATE or at.astimezone(zone).date() > last

    for one in story.people:
        for stage, since, until, following in stays(one):
            row = rows[stage]
            row["began"] += before(since) and not before(until)
            row["came"] += not before(since) and not after(since)
            row["stay"] += not after(since) and after(until)
            if not before(until) and not after(until):
                forward = stage in ORDER and following in ORDER and ORDER.index(following) > ORDER.index(stage)
                row["outside" if following not in ORDER else "forward" if forward else "backward"] += 1
    return {
        stage: {name: many for name, many in row.items() if many} for stage, row in rows.items() if any(row.values())
    }


def steps(story: Story, first: date, last: date, zone: ZoneInfo, now: datetime, days: int) -> list[dict[str, Any]]:
    """Of each step: who reached it, who is ripe, who went on, the median of days, and what became of the others."""
    within, rows = slow.days(first, last, zone), []
    for stage, following in pairwise(ORDER):
        row: dict[str, Any] = Counter(stage=stage, next=following)  # type: ignore[arg-type]
        waits: list[tuple[float, bool]] = []
        for one in story.people:
            at, then = first_time(one, stage), first_time(one, following)
            row["by_period"] += then is not None and within(then)
            if at is None or not within(at):
                continue
            row["reached"] += 1
            waits.append((((then or now) - at).total_seconds() / 86_400, then is not None))
            if now - at < timedelta(days=days):
                row["unripe"] += 1
            elif then is not None and then - at <= timedelta(days=days):
                row["on"] += 1
            else:
                row[fate(story, one, now)] += 1
        row["median"] = median(waits)
        rows.append(row)
    return rows


def fate(story: Story, one: Person, now: datetime) -> str:
    stage = one.moves[-1][0] if one.moves else ORDER[0]
    if stage not in ORDER:
        return "outside"
    mine = [deal for deal in story.deals if one.id in [story.people[who].id for who in deal.people]]
    if any(status_of(deal) == "lost" for deal in mine):
        return "lost"
    quiet = max(one.created, *acts(story, one), one.created)
    return "silent" if quiet + timedelta(days=20 if stage == "MQL" else 30) < now else "active"


def median(waits: list[tuple[float, bool]]) -> float | None:
    """By the product over all arrivals, each wait looked at by itself."""
    for limit in sorted({length for length, arrived in waits if arrived}):
        staying = 1.0
        for length in sorted({length for length, arrived in waits if arrived and length <= limit}):
            still = sum(other >= length for other, _ in waits)
            staying *= 1 - sum(other == length and arrived for other, arrived in waits) / still
        if staying <= 0.5 + 1e-12:
            return limit
    return None


# ── nurture ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def acts(story: Story, one: Person) -> list[datetime]:
    """What the person did themselves; clicks and replies too, openings not."""
    mine = [letter for letter in story.letters if story.people[letter.person] is one]
    return [*one.acts, *(letter.at for letter in mine if {"clicked", "replied"} & {*letter.done})]


def returns(story: Story, one: Person) -> list[datetime]:
    """When a lead who was a lead already came back."""
    found, last, known = [], one.created, first_time(one, "Lead")
    for at in sorted(at for at in acts(story, one) if at >= one.created):
        stage = next(stage for stage, since, _, _ in reversed(stays(one)) if since <= at)
        due = last.astimezone(BERLIN).replace(tzinfo=None) + timedelta(days=20 if stage == "MQL" else 30)
        long = due.replace(tzinfo=BERLIN).astimezone(UTC) <= at
        refused = any(last < when <= at for when in one.rejected)
        if (long or refused) and known is not None and known <= at:
            found.append(at)
        last = at
    return found


def nurture(story: Story, first: date, last: date, zone: ZoneInfo) -> dict[str, dict[str, int]]:
    """By month."""
    within = slow.days(first, last, zone)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    people: dict[str, set[Any]] = defaultdict(set)

    def month(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m}"

    for one in story.people:
        lead, mql = first_time(one, "Lead"), first_time(one, "MQL")
        if lead is not None and within(lead):
            rows[month(lead)]["new"] += 1
            rows[month(lead)]["cohort"] += mql is not None
        if mql is not None and within(mql):
            rows[month(mql)]["mqls"] += 1
        for at in returns(story, one):
            if within(at):
                rows[month(at)]["times"] += 1
                people[month(at)].add(one.id)
    for day, _, amount, code in story.spent:
        if first <= day <= last and (rate := slow.rate_on(story, day, code)) is not None:
            rows[f"{day:%Y-%m}"]["spend"] += slow.euros(amount, rate)
    for name, found in people.items():
        rows[name]["reopened"] = len(found)
    return {name: dict(row) for name, row in rows.items()}


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────
def wilson(part: int, whole: int) -> tuple[float, float]:
    """The two solutions of the quadratic equation whose roots are the ends of the interval."""
    z2, share = 1.959964**2, part / whole
    a, b, c = 1 + z2 / whole, -(2 * share + z2 / whole), share * share
    root = math.sqrt(b * b - 4 * a * c)
    return max(0.0, (-b - root) / (2 * a)), min(1.0, (-b + root) / (2 * a))


def newcombe(part: int, whole: int, other: int, others: int) -> tuple[float, float]:
    (low, high), (low2, high2) = wilson(part, whole), wilson(other, others)
    one, two = part / whole, other / others
    return (
        one - two - math.sqrt((one - low) ** 2 + (high2 - two) ** 2),
        one - two + math.sqrt((high - one) ** 2 + (two - low2) ** 2),
    )
