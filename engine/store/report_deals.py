"""What the report on opportunities reads of deals: where they stood, how they moved, and how such deals ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.report_queries import rows

BY: dict[str, str] = {
    "stage": "''", "owner": "coalesce(s.owner, '')", "country": "coalesce(f.country, '')",
    "region": "coalesce(f.country, '')", **{name: f"coalesce(o.{name}, '')"
                                            for name in ("channel", "source", "campaign", "keyword")},
    "field": "coalesce(l.fields->>:field, '')",
}  # fmt: skip
"""What a deal is divided by: of itself, or of its lead who became known first."""
_JOINED = """FROM deal_states s LEFT JOIN deal_facts d ON d.deal_id = s.deal_id
LEFT JOIN lead_facts f ON f.lead_id = d.lead_id LEFT JOIN sources o ON o.id = f.source_id
LEFT JOIN leads l ON l.id = d.lead_id"""
_MOVES_ON = "(s.next_status <> s.status OR s.next_stage <> s.stage)"
_STANDING = f"""
SELECT s.deal_id, s.pipeline, s.stage, s.amount, s.currency, s.since, {{by}} AS by {_JOINED}
WHERE s.status = 'open' AND s.entered < :until AND (s.departed IS NULL OR s.departed >= :until) ORDER BY s.deal_id"""
_MOVED = f"""
SELECT s.pipeline, s.stage, s.next_status, s.next_stage, {{by}} AS by, count(*) AS many,
    array_agg(s.deal_id ORDER BY s.departed, s.deal_id) AS deals {_JOINED}
WHERE s.status = 'open' AND s.departed >= :since AND s.departed < :until AND {_MOVES_ON} GROUP BY 1, 2, 3, 4, 5"""
_PASSED = text("""
SELECT s.stage, s.next_stage, count(*) AS many FROM deal_states s
WHERE s.departed < :until AND s.status = 'open' AND s.next_status = 'open' AND s.stage <> s.next_stage
GROUP BY 1, 2""")
_ENDS = """ends AS (SELECT deal_id, status FROM deal_states WHERE status <> 'open' AND entered < :until
    AND (departed IS NULL OR departed >= :until))"""
_CHANCES = text(f"""
WITH {_ENDS}, been AS (SELECT DISTINCT deal_id, stage FROM deal_states WHERE status = 'open' AND entered < :until)
SELECT b.stage, count(*) FILTER (WHERE e.status = 'won') AS won, count(*) AS closed
FROM been b JOIN ends e USING (deal_id) GROUP BY b.stage""")
_CLOSED = text(f"WITH {_ENDS} SELECT count(*) FROM ends")
_STAYED = text(f"""
WITH {_ENDS} SELECT s.stage, count(DISTINCT s.deal_id) AS won,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.departed - s.since)) AS median
FROM deal_states s JOIN ends e USING (deal_id)
WHERE e.status = 'won' AND s.status = 'open' AND s.departed < :until AND {_MOVES_ON} GROUP BY s.stage""")
_RATES = text("""
SELECT DISTINCT ON (currency) currency, rate::text AS rate FROM rates WHERE day <= :day ORDER BY currency, day DESC""")
_PEOPLE = text("""
SELECT o.channel, s.stage, count(*) AS many FROM stage_stays s JOIN lead_facts f USING (lead_id)
JOIN sources o ON o.id = f.source_id
WHERE s.entered < :until AND (s.departed IS NULL OR s.departed >= :until) GROUP BY 1, 2""")


async def standing(connection: AsyncConnection, by: str, field: str, until: datetime) -> Sequence[Any]:
    """Deals that were open at an instant, each by its stage and what it is divided by."""
    return await rows(connection, text(_STANDING.format(by=BY[by])), until=until, **_field(by, field))


async def moved(connection: AsyncConnection, by: str, field: str, since: datetime, until: datetime) -> Sequence[Any]:
    """How often open deals went to another stage or were closed in the period."""
    values = {"since": since, "until": until, **_field(by, field)}
    return await rows(connection, text(_MOVED.format(by=BY[by])), **values)


def _field(by: str, field: str) -> dict[str, str]:
    return {"field": field} if by == "field" else {}


async def passed(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """How often open deals went from one stage to another, ever."""
    return await rows(connection, _PASSED, until=until)


async def chances(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """By stage, of the closed deals that were ever in it, how many there are and how many were won."""
    return await rows(connection, _CHANCES, until=until)


async def closed(connection: AsyncConnection, until: datetime) -> int:
    return int((await rows(connection, _CLOSED, until=until))[0][0])


async def stayed(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """By stage, the median of the seconds that won deals stayed in it, and how many these are."""
    return await rows(connection, _STAYED, until=until)


async def rates(connection: AsyncConnection, day: date) -> dict[str, str]:
    """By currency, the rate of a day as decimal text."""
    return {row.currency: row.rate for row in await rows(connection, _RATES, day=day)}


async def people(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """How many leads stood at each stage at an instant, by the channel that made them known."""
    return await rows(connection, _PEOPLE, until=until)
