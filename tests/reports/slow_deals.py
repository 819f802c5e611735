"""Opportunities computed slowly from the story itself. Nothing here is shared with the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from tests.reports import slow
from tests.reports.company import BERLIN, PIPELINE, PLACES, Bargain, Story

LATE = datetime.max.replace(tzinfo=UTC)


@dataclass
class Moment:
    """How a deal stood from `since` until `until`; `there` is since when it stood in this stage."""

    since: datetime
    until: datetime
    status: str
    stage: str
    owner: str | None
    amount: int | None
    there: datetime


def moments(deal: Bargain) -> list[Moment]:
    found: list[Moment] = []
    status, stage, owner, amount, there = "open", "", None, None, LATE
    for said in sorted(deal.said, key=lambda one: one.at):
        before = status, stage
        if said.type in ("deal.won", "deal.lost"):
            status = said.type.partition(".")[2]
        stage, owner = said.stage or stage, said.owner or owner
        if said.type != "deal.refunded" and said.amount is not None:
            amount = said.amount
        if (status, stage) != before or not found:
            there = said.at
        if found:
            found[-1].until = said.at
        found.append(Moment(said.at, LATE, status, stage, owner, amount, there))
    return found


def at_end(deal: Bargain, end: datetime) -> Moment | None:
    return next((one for one in moments(deal) if one.since < end <= one.until), None)


def moves(deal: Bargain) -> Iterable[tuple[datetime, Moment, Moment]]:
    for one, then in pairwise(moments(deal)):
        if one.status == "open" and (one.status, one.stage) != (then.status, then.stage):
            yield then.since, one, then


def key(story: Story, deal: Bargain, by: str, one: Moment) -> str:
    first = min((story.people[who] for who in deal.people), key=lambda person: (person.created, person.id))
    return {"stage": "", "owner": one.owner or "(none)", "channel": PLACES[first.place].channel}[by]


def stages(
    story: Story, first: date, last: date, zone: ZoneInfo, by: str, now: datetime
) -> dict[tuple[str, str], dict[str, int]]:
    """By stage and what it is divided by. The stages follow each other as PIPELINE has them, those without first."""
    end = min(now, datetime.combine(last + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC))
    within, order = slow.days(first, last, zone), ["", *PIPELINE]
    rows: dict[tuple[str, str], Counter[str]] = {}
    for deal in story.deals:
        for when, one, then in moves(deal):
            if within(when) and when < end:
                way = then.status
                if way == "open":
                    way = "progressed" if order.index(then.stage) > order.index(one.stage) else "regressed"
                rows.setdefault((one.stage or "(no stage)", key(story, deal, by, one)), Counter())[way] += 1
        stood = at_end(deal, end)
        if stood is not None and stood.status == "open":
            row = rows.setdefault((stood.stage or "(no stage)", key(story, deal, by, stood)), Counter())
            row["standing"] += 1
            worth = value(story, deal, stood, end)
            row["amount"] += worth
            if end - stood.there > limit(story, stood.stage, end):
                row["stalled"] += 1
                row["stalled_amount"] += worth
    return {name: {what: many for what, many in row.items() if many} for name, row in rows.items()}


def value(story: Story, deal: Bargain, stood: Moment, end: datetime) -> int:
    last = (end - timedelta(microseconds=1)).astimezone(BERLIN).date()
    rate = slow.rate_on(story, last, deal.currency)
    return slow.euros(stood.amount, rate) if stood.amount is not None and rate is not None else 0


def limit(story: Story, stage: str, end: datetime) -> timedelta:
    """Twice the median stay of deals that are won by then."""
    lengths, won = [], 0
    for deal in story.deals:
        stood = at_end(deal, end)
        if stood is None or stood.status != "won":
            continue
        mine = [when - one.there for when, one, _ in moves(deal) if one.stage == stage and when < end]
        lengths += mine
        won += bool(mine)
    return timedelta(seconds=2 * median(one.total_seconds() for one in lengths)) if won >= 5 else timedelta(days=30)


def outlook(story: Story, end: datetime) -> list[dict[str, Any]]:
    """By stage: open deals, what they are worth, and how many closed ones were ever in it, and won."""
    rows = []
    ends = {deal.id: stood for deal in story.deals if (stood := at_end(deal, end)) is not None}
    for stage in ("", *PIPELINE):
        been = [
            deal
            for deal in story.deals
            if deal.id in ends
            and any(one.stage == stage and one.status == "open" and one.since < end for one in moments(deal))
        ]
        closed = [ends[deal.id].status for deal in been if ends[deal.id].status != "open"]
        standing = [deal for deal in story.deals if deal.id in ends and ends[deal.id].status == "open"
                    and ends[deal.id].stage == stage]  # fmt: skip
        rows.append({
            "stage": stage or "(no stage)", "deals": len(standing), "closed": len(closed), "won": closed.count("won"),
            "amounts": [value(story, deal, ends[deal.id], end) for deal in standing],
        })  # fmt: skip
    return [row for row in rows if row["deals"]]
