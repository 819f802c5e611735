"""The sales report: per team and team member the leads they got, how they followed up, and what is to be done now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports import follow_up
from engine.reports.asking import Asked
from engine.rules.reports.table import Column, Row, Table
from engine.rules.reports.work_list import Task, ranked, why
from engine.store import report_mails, report_sales

MOST: Final = 20
"""Lines of the work list of each team member."""
NOBODY: Final = "(waiting)"


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    found = await report_sales.handoffs(connection, asked.query.since, asked.query.until)
    scores = await _scores(connection, asked, found)
    return [
        _table(asked, "teams", found, scores), _table(asked, "members", found, scores), await _work(connection, asked),
    ]  # fmt: skip


async def _scores(connection: AsyncConnection, asked: Asked, found: Sequence[Any]) -> Mapping[UUID, float]:
    """What each lead who was handed off has as a score at the end of the period."""
    end = min(asked.query.until, asked.now + timedelta(microseconds=1))
    last = (end - timedelta(microseconds=1)).astimezone(ZoneInfo(asked.query.zone)).date()
    leads = sorted({one.lead_id for one in found})
    given = await report_mails.scores(connection, leads, end, last) if leads else ()
    return {row.lead_id: float(row.score) for row in given if row.model == ""}


def _table(asked: Asked, name: str, found: Sequence[Any], scores: Mapping[UUID, float]) -> Table:
    """Members by team and address; a lead who waits for one is nobody's yet."""
    key = (lambda one: (one.team, one.member or NOBODY)) if name == "members" else (lambda one: (one.team,))
    groups: dict[tuple[str, ...], list[Any]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    heads = ("team", "member")[: 2 if name == "members" else 1]
    reasons = follow_up.reasons_of(asked, found)
    rows = [
        {
            **dict(zip(heads, group, strict=True)),
            **follow_up.figures(asked, mine, reasons, name, group),
            **_profile(mine, scores),
        }
        for group, mine in sorted(groups.items())
    ]
    total = {"team": "Total", **follow_up.figures(asked, found, reasons), **_profile(found, scores)} if found else None
    columns = (
        *(Column(head, head, "text") for head in heads),
        Column("score", "median score", "number", "of these leads, at the end of the period"),
        *follow_up.columns(reasons),
        Column("channels", "came by", "text", "the channels that made most of them known"),
    )  # fmt: skip
    title = "Handoffs by team member" if name == "members" else "Handoffs by team"
    return Table(name, title, columns, rows, total, "no lead was handed off in this period",
                 () if name == "members" else ("handoffs", "kept", "accepted"))  # fmt: skip


def _profile(found: Sequence[Any], scores: Mapping[UUID, float]) -> dict[str, Any]:
    channels = Counter(one.channel for one in found).most_common()
    most = sorted(channels, key=lambda one: (-one[1], one[0]))[:2]
    return {
        "score": median(scores.get(one.lead_id, 0.0) for one in found) if found else None,
        "channels": ", ".join(f"{channel} {many}" for channel, many in most),
    }  # fmt: skip


# ── what is to be done ───────────────────────────────────────────────────────────────────────────────────────────────
async def _work(connection: AsyncConnection, asked: Asked) -> Table:
    rows: list[Row] = []
    if asked.main:
        stages = asked.beyond(asked.qualified) if asked.qualified is not None else ()
        tasks = [
            Task(one.member, str(one.id), one.stage, one.due_at, one.phase or "", float(one.scores.get("", 0)),
                 float(one.scores.get("fit", 0)), one.active_at)
            for one in await report_sales.work(connection, stages)
        ]  # fmt: skip
        placed = Counter[str]()
        for task in ranked(tasks, asked.now):
            placed[task.member] += 1
            if placed[task.member] <= MOST:
                rows.append({
                    "member": task.member, "place": placed[task.member], "lead": task.lead, "stage": task.stage,
                    "why": why(task, asked.now),
                })  # fmt: skip
    columns = (
        Column("member", "member", "text"), Column("place", "place", "count", "by time limit passed, then score, then "
               "fit, then last activity"),
        Column("lead", "lead", "text", "`coldframe leads show` tells about them"), Column("stage", "stage", "text"),
        Column("why", "why", "text", "why the lead stands there, as of now"),
    )  # fmt: skip
    return Table("work", "Work list as of now", columns, rows, None, "nothing is open")
