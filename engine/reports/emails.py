"""Emails: by campaign, by template and by step, with what people did and what machines did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.reports.table import Column, Row, Table, ratio, summed
from engine.store import report_mails

_KEYS: Final = ("sent", "delivered", "opened", "clicked", "machine", "machine_clicked", "replied")
_EMPTY: Final = "no email was sent in this period"


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    places = await report_mails.step_places(connection)
    rows = [
        {**{key: getattr(one, key, 0) for key in _KEYS}, "campaign": one.campaign, "template": one.template,
         "step": places.get((one.campaign, one.step), one.step), "delivered": one.sent - one.bounced}
        for one in await report_mails.mails(connection, asked.query)
    ]  # fmt: skip
    if rows:
        asked.note("open rates miss emails read without pictures, and hide readers behind proxies")
    campaign, email = Column("campaign", "campaign", "text"), Column("template", "email", "text")
    step = Column("step", "step", "text", "the line of the campaign that sends it")
    return [
        _table("emails", "Emails", (campaign, email), rows),
        _table("programs", "Emails by campaign", (campaign,), rows),
        _table("steps", "Emails by step", (campaign, step, email), rows),
    ]  # fmt: skip


def _table(name: str, title: str, heads: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Table:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[head.key] for head in heads), []).append(row)
    lines = [
        _with_rates({**dict(zip((head.key for head in heads), key, strict=True)), **summed(mine, _KEYS)})
        for key, mine in sorted(groups.items())
    ]
    total = _with_rates({heads[0].key: "Total", **summed(lines, _KEYS)}) if lines else None
    return Table(name, title, (*heads, *_COLUMNS), lines, total, _EMPTY, ("sent", "click_rate"))


def _with_rates(row: Mapping[str, Any]) -> Row:
    rates = {f"{name}_rate": ratio(row[f"{name}ed"], row["delivered"]) for name in ("open", "click")}
    return {**row, **rates}


_COLUMNS: Final = (
    Column("sent", "sent", "count", "handed over and accepted, by the day of sending"),
    Column("delivered", "delivered", "count", "sent less bounces"),
    Column("opened", "opened", "count", "different emails opened by people, up to now"),
    Column("open_rate", "open rate", "share", "opened ÷ delivered"),
    Column("clicked", "clicked", "count", "different emails clicked by people, up to now"),
    Column("click_rate", "click rate", "share", "clicked ÷ delivered"),
    Column("machine", "by machines", "count", "different emails whose pictures or links a machine fetched"),
    Column("machine_clicked", "clicked by machines", "count", "of them, those whose links a machine followed"),
    Column("replied", "replied", "count", "different emails replied to"),
)
