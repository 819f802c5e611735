"""Sales and waiting computed slowly from the story itself. Nothing here is shared with the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.reports import slow, slow_stages
from tests.reports.company import BERLIN, ORDER, PLACES, Given, Story

LIMITS = (1, 2, 14)
"""Business days to acknowledge, contact and decide, as a team has them that says nothing."""


def given(story: Story, first: date, last: date, zone: ZoneInfo) -> list[Given]:
    within = slow.days(first, last, zone)
    return [one for one in story.given if within(one.opened) and one.outcome != "merged"]


def deadline(since: datetime, days: int) -> datetime:
    """At the same time of day so many working days later; work is Monday to Friday, 9 to 17 in Berlin, and whatever
    happens outside counts from the next morning."""
    at = since.astimezone(BERLIN).replace(tzinfo=None)
    if at.hour >= 17:
        at = (at + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    while at.weekday() > 4:
        at = (at + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    if at.hour < 9:
        at = at.replace(hour=9, minute=0, second=0, microsecond=0)
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < 5
    return at.replace(tzinfo=BERLIN).astimezone(UTC)


def in_time(one: Given, now: datetime) -> bool | None:
    verdicts = []
    steps = zip((one.opened, one.acknowledged, one.contacted), (one.acknowledged, one.contacted, one.closed), LIMITS,
                strict=True)  # fmt: skip
    for since, done, days in steps:
        if since is None:
            break
        due = deadline(since, days)
        ends = [at for at in (done, one.closed) if at is not None]
        if ends and min(ends) <= due:
            verdicts.append(True)
        elif due < now:
            verdicts.append(False)
    return None if not verdicts else all(verdicts)


def follow_up(story: Story, found: Sequence[Given], now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = Counter(one.outcome for one in found if one.outcome)
    verdicts = [in_time(one, now) for one in found]
    decided = [one for one in verdicts if one is not None]
    row.update(handoffs=len(found), missed=decided.count(False))
    row["kept"] = decided.count(True) / len(decided) if decided else None
    for name in ("acknowledged", "contacted"):
        waits = []
        for one in found:
            done = getattr(one, name)
            waits.append((((done or one.closed or now) - one.opened).total_seconds() / 3600, done is not None))
        row[name] = slow_stages.median(waits)
    row["reasons"] = Counter(one.reason for one in found if one.outcome == "rejected" and one.reason)
    return row


def by_channel(story: Story, found: Sequence[Given]) -> dict[str, list[Given]]:
    groups: dict[str, list[Given]] = {}
    for one in found:
        groups.setdefault(PLACES[story.people[one.person].place].channel, []).append(one)
    return groups


def slowest(story: Story, first: date, last: date, zone: ZoneInfo, now: datetime) -> list[tuple[str, str, float]]:
    """Lead, stage, days."""
    within, found = slow.days(first, last, zone), []
    for one in story.people:
        for stage, following in pairwise(ORDER):
            at, then = slow.first_time(one, stage), slow.first_time(one, following)
            if at is not None and within(at) and at <= now:
                found.append((str(one.id), stage, ((then or now) - at).total_seconds() / 86_400))
    return sorted(found, key=lambda one: (-one[2], one[0], one[1]))[:10]


def expected(story: Story, stage: str, following: str, until: datetime, ahead: int = 30) -> tuple[int, int, float]:
    """Who waits, who arrived, and how many of those who wait will arrive, each looked at by themselves."""
    waits: list[tuple[float, bool]] = []
    for one in story.people:
        at, then = slow.first_time(one, stage), slow.first_time(one, following)
        if at is not None and until - timedelta(days=365) <= at < until:
            arrived = then is not None and then < until
            waits.append((((then if then is not None and arrived else until) - at).total_seconds() / 86_400, arrived))
    total = 0.0
    for length, arrived in waits:
        if arrived:
            continue
        staying = 1.0
        for day in range(int(length), int(length) + ahead):
            there = sum(int(other) >= day for other, _ in waits)
            came = sum(int(other) == day and ended for other, ended in waits)
            staying *= 1 - came / there if there else 1
        total += 1 - staying
    return sum(not arrived for _, arrived in waits), sum(arrived for _, arrived in waits), total
