"""New leads by their scores at the end of the period, and what those who did something became more often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import mean, quantiles
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.model.lead import Event
from engine.reports.asking import Asked
from engine.rules.reports.statistics import difference
from engine.rules.reports.table import Column, Row, Table, ratio
from engine.store import report_funnel, report_mails
from engine.wording.events import deed

BOUNDS: Final = (1, 25, 50, 75, 100)
"""Where the classes of scores begin; below the first are those without points."""
ALL: Final = "all"
FEW: Final = 5
"""Of an activity that fewer leads did nothing is said."""


# ── scores ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def scores(connection: AsyncConnection, asked: Asked, new: Mapping[UUID, datetime]) -> Table:
    """How many points the new leads of the period had at its end, by scoring model and channel."""
    rows: list[Row] = []
    if new and asked.main:
        end = min(asked.query.until, asked.now + timedelta(microseconds=1))
        last = (end - timedelta(microseconds=1)).astimezone(ZoneInfo(asked.query.zone)).date()
        given: dict[str, dict[UUID, Decimal]] = {one.name: {} for one in asked.program.scorings}
        for row in await report_mails.scores(connection, list(new), end, last):
            given.setdefault(row.model, {})[row.lead_id] = row.score
        channels = await report_mails.channels(connection, list(new))
        for model, own in sorted(given.items()):
            groups: dict[str, list[Decimal]] = {}
            for lead in new:
                groups.setdefault(channels.get(lead, "Unknown"), []).append(own.get(lead, Decimal(0)))
            every = [score for found in groups.values() for score in found]
            rows += [{"model": model or "score", "channel": channel, **_profile(found)}
                     for channel, found in [*sorted(groups.items()), (ALL, every)]]  # fmt: skip
    heads = [f"under {BOUNDS[0]}", *(f"{low} to {high - 1}" for low, high in pairwise(BOUNDS))]
    classes = [Column(f"class{number}", head, "count", "leads with so many points")
               for number, head in enumerate([*heads, f"{BOUNDS[-1]} or more"])]  # fmt: skip
    columns = (
        Column("model", "model", "text", "the scoring model"), Column("channel", "channel", "text"),
        Column("leads", "new leads", "count", asked.new_lead),
        Column("median", "median score", "number", "points booked by the end of the period and not expired by then"),
        Column("mean", "mean", "number"), Column("low", "a quarter up to", "number"),
        Column("high", "a quarter from", "number"), *classes,
    )  # fmt: skip
    return Table("scores", "Scores of new leads at the end of the period", columns, rows, None, "no lead was new")


def _profile(found: Sequence[Decimal]) -> dict[str, Any]:
    numbers = sorted(map(float, found))
    low, middle, high = quantiles(numbers, n=4, method="inclusive") if len(numbers) > 1 else numbers * 3
    classes = [0] * (len(BOUNDS) + 1)
    for one in numbers:
        classes[sum(one >= bound for bound in BOUNDS)] += 1
    return {
        "leads": len(numbers), "median": middle, "mean": mean(numbers), "low": low, "high": high,
        **{f"class{number}": many for number, many in enumerate(classes)},
    }  # fmt: skip


# ── activities ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def activities(connection: AsyncConnection, asked: Asked, new: Mapping[UUID, datetime]) -> Table:
    """Of the new leads who did something, how many reached the qualified stage later, beside those who did not."""
    goal = asked.qualified
    rows: list[Row] = []
    if new and goal is not None and asked.main:
        reached = await report_funnel.reached(connection, asked.beyond(goal), list(new))
        done: dict[tuple[str, str], set[UUID]] = {}
        for one in await report_mails.deeds(connection, list(new)):
            if one.lead_id not in reached or one.at <= reached[one.lead_id]:
                done.setdefault((one.type, one.name), set()).add(one.lead_id)
        came = {lead for lead in new if lead in reached}
        rows = [_effect(key, leads, came, len(new)) for key, leads in sorted(done.items()) if len(leads) >= FEW]
        for key, leads in done.items():
            if len(leads) >= FEW:
                asked.keep("activities", "did", (_said(*key),), *sorted(leads))
        rows.sort(key=lambda row: (-(row["effect"] if row["effect"] is not None else -1), row["activity"]))
        if rows:
            asked.note("an activity and a stage may have a common cause: an effect is an association, not a cause")
    said = goal or "the stage"
    columns = (
        Column("activity", "activity", "text"),
        Column("did", "did it", "count", f"new leads who did it before they reached {said}, if they have"),
        Column("did_share", f"reached {said}", "share", f"of them, who have reached {said}"),
        Column("others_share", "of the others", "share", f"of the new leads who did not, who have reached {said}"),
        Column("effect", "difference", "points", "of the two shares"),
        Column("low", "from", "points", "the true difference lies from here, with 95% confidence"),
        Column("high", "to", "points", "to here"), Column("verdict", "verdict", "text"),
    )  # fmt: skip
    empty = f"no activity was done by {FEW} new leads"
    return Table("activities", "What leads did, and what became of them", columns, rows, None, empty)


_EVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _effect(key: tuple[str, str], leads: set[UUID], came: set[UUID], whole: int) -> dict[str, Any]:
    counts = len(leads & came), len(leads), len(came - leads), whole - len(leads)
    found = difference(*counts)
    verdict = "no others to compare with" if found is None else "shows" if found.shows else "no effect shown"
    return {
        "activity": _said(*key), "did": counts[1],
        "did_share": ratio(counts[0], counts[1]), "others_share": ratio(counts[2], counts[3]),
        "effect": found.value if found else None, "low": found.low if found else None,
        "high": found.high if found else None, "verdict": verdict,
    }  # fmt: skip


def _said(type: str, name: str) -> str:
    return deed(Event(seq=0, type=type, name=name, at=_EVER))
