"""The report on content: each form and file that leads give their address for, and what it brings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.conditions.shares import interval
from engine.rules.reports.attribution import split
from engine.rules.reports.table import Column, Row, Table, ratio
from engine.store import report_content, report_funnel

KINDS: Final = {"form.submitted": "form", "file.downloaded": "file"}
_KEYS: Final = ("shown", "sent", "known", "leads", "mqls", "touched", "credited")
Key = tuple[str, str]


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    query, rows = asked.query, dict[Key, dict[str, Any]]()

    def row(kind: str, name: str) -> dict[str, Any]:
        return rows.setdefault((kind, name), {"kind": kind, "bait": name, **dict.fromkeys(_KEYS, 0)})

    for form in asked.program.forms:
        row("form", form.name)
        if form.file:
            row("file", form.file.rpartition("/")[2])
    for one in await report_content.done(connection, query):
        cell = row(KINDS[one.type], one.name)
        cell["sent"] += one.times
        cell["known"] += one.known
    for name, shown in (await report_content.shown(connection, query.first, query.last)).items():
        row("form", name)["shown"] += shown
    await _leads(connection, asked, row)
    await _revenue(connection, asked, row)
    lines = [_with_ratios(one) for _, one in sorted(rows.items())]
    lines.sort(key=lambda one: (-one["credited"], -one["leads"], -one["sent"]))
    return [_table(asked, [one for one in lines if any(one[key] for key in _KEYS)] or lines)]


async def _leads(connection: AsyncConnection, asked: Asked, row: Any) -> None:
    """New leads by the form that made them known, and how many of them are qualified by now."""
    query = asked.query
    new = [one.lead_id for one in await report_funnel.who(connection, asked.known, query.since, query.until)]
    made = await report_content.made_by(connection, new)
    qualified: Collection[Any] = ()
    if asked.qualified is not None and new:
        qualified = await report_funnel.reached(connection, asked.beyond(asked.qualified), new)
    for lead in new:
        kind, _, name = made.get(lead, "").partition(" ")
        if kind == "form" and name:
            row("form", name)["leads"] += 1
            asked.keep("content", "leads", (kind, name), lead)
            if lead in qualified:
                asked.keep("content", "mqls", (kind, name), lead)
            row("form", name)["mqls"] += lead in qualified


async def _revenue(connection: AsyncConnection, asked: Asked, row: Any) -> None:
    """What deals brought whose leads took a bait before: whole at each, and divided equally among them."""
    for one in await report_content.brought(connection, asked.query.since, asked.query.until):
        baits = sorted(one.baits or ())
        shares = [Fraction(1, len(baits)) for _ in baits]
        for said, part in zip(baits, split(one.amount, shares), strict=True):
            type, _, name = said.partition(" ")
            row(KINDS[type], name)["touched"] += one.amount
            row(KINDS[type], name)["credited"] += part


def _with_ratios(row: Mapping[str, Any]) -> Row:
    is_form = row["kind"] == "form"
    low, high = interval(row["mqls"], row["leads"]) if row["leads"] else (None, None)
    return {**row, "rate": ratio(row["sent"], row["shown"]) if is_form else None,
            "later": ratio(row["mqls"], row["leads"]), "low": low, "high": high}  # fmt: skip


def _table(asked: Asked, rows: Any) -> Table:
    mql, sums = asked.qualified or "MQL", Counter[str]()
    for one in rows:
        sums.update({key: one[key] for key in _KEYS if key != "touched"})
    columns = (
        Column("kind", "kind", "text"), Column("bait", "bait", "text", "the form or file"),
        Column("shown", "shown", "count", "how often people opened the form's page, or one it is embedded in"),
        Column("sent", "sent", "count", "how often the form was sent, or the file was downloaded"),
        Column("rate", "sent per shown", "share", "sent ÷ shown"),
        Column("known", "by known leads", "count", "of them, by leads who had been known for more than a day"),
        Column("leads", "new leads", "count", "new leads whom the form made known"),
        Column("mqls", f"{mql} later", "count", f"of them, who have reached {mql} by now"),
        Column("later", "share", "share", f"{mql} later ÷ new leads"),
        Column("low", "from", "share", "the true share lies from here, with 95% confidence"),
        Column("high", "to", "share", "to here"),
        Column("touched", "revenue touched", "money", "what deals brought in the period whose leads took the bait "
               "before the deal was won; a deal counts at each of its baits"),
        Column("credited", "revenue credited", "money", "the same, each deal divided equally among its baits"),
    )  # fmt: skip
    total = _with_ratios({"kind": "Total", "touched": None, **{key: sums[key] for key in _KEYS if key != "touched"}})
    return Table("content", "Forms and files", columns, rows, {**total, "rate": None} if rows else None,
                 "the workspace has no form", ("sent", "leads", "credited"))  # fmt: skip
