"""What reports read, each grain by itself; in transactions that cannot write and see one moment of the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.db import Database

_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_READ_ONLY = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

REACHED = """
SELECT s.lead_id, s.entered AS at FROM stage_stays s
WHERE s.stage = ANY(:beyond) AND s.entered >= :since AND s.entered < :until AND NOT EXISTS (
    SELECT FROM stage_stays e WHERE e.lead_id = s.lead_id AND e.stage = ANY(:beyond)
        AND (e.entered, e.seq) < (s.entered, s.seq))"""
"""Each lead whose first time at one of the stages `beyond` falls into the period."""
_MADE = "SELECT lead_id, created_at AS at FROM lead_facts WHERE created_at >= :since AND created_at < :until"
_BY = "o.channel, o.source, o.campaign, o.keyword"

_VISITS = text(f"""
SELECT {_BY}, sum(v.visits)::bigint AS visits, sum(v.visitors)::bigint AS visitors
FROM visit_days v JOIN sources o ON o.id = v.source_id WHERE v.day >= :first AND v.day <= :last
GROUP BY {_BY} HAVING sum(v.visits) > 0""")

_VISITORS = text(f"""
SELECT DISTINCT s.visitor_id, {_BY} FROM sessions s JOIN sources o ON o.id = s.source_id
WHERE s.begun >= :since AND s.begun < :until""")


def _leads(chosen: str) -> TextClause:
    return text(f"""
SELECT {_BY}, f.made_by, count(*) AS many FROM ({chosen}) r
JOIN lead_facts f USING (lead_id) JOIN sources o ON o.id = f.source_id GROUP BY {_BY}, f.made_by""")


_LEADS, _ALL_LEADS = _leads(REACHED), _leads(_MADE)
_WHO = text(f"SELECT {_BY}, f.made_by, r.lead_id FROM ({REACHED}) r JOIN lead_facts f USING (lead_id) "
            "JOIN sources o ON o.id = f.source_id ORDER BY r.at, r.lead_id")  # fmt: skip
_EVERYBODY = text(f"SELECT {_BY}, f.made_by, r.lead_id FROM ({_MADE}) r JOIN lead_facts f USING (lead_id) "
                  "JOIN sources o ON o.id = f.source_id ORDER BY r.at, r.lead_id")  # fmt: skip
_WINS = text(f"""
SELECT {_BY}, d.deal_id FROM deal_facts d
LEFT JOIN lead_facts f USING (lead_id) LEFT JOIN sources o ON o.id = f.source_id
WHERE d.won_at >= :since AND d.won_at < :until ORDER BY d.won_at, d.deal_id""")
_STOOD = text("""
SELECT lead_id, stage, next, entered < :since AS began, entered >= :since AS came,
    coalesce(departed < :until, false) AS went FROM stage_stays
WHERE entered < :until AND (departed IS NULL OR departed >= :since) ORDER BY entered, lead_id, seq""")
_WON = text(f"""
SELECT {_BY}, count(*) AS many FROM deal_facts d
LEFT JOIN lead_facts f USING (lead_id) LEFT JOIN sources o ON o.id = f.source_id
WHERE d.won_at >= :since AND d.won_at < :until GROUP BY {_BY}""")
_CREDITS = text(f"""
SELECT {_BY}, c.source_id, c.currency, sum(c.amount)::bigint AS amount FROM (
    SELECT source_id, currency, sum(amount) AS amount FROM credits
    WHERE model = :model AND at >= :since AND at < :until GROUP BY source_id, currency) c
LEFT JOIN sources o ON o.id = c.source_id GROUP BY {_BY}, c.source_id, c.currency""")
_DEALS = text("""
SELECT count(DISTINCT c.deal_id) FROM credits c JOIN sources o ON o.id = c.source_id
WHERE c.model = :model AND c.at >= :since AND c.at < :until AND c.amount > 0
    AND (ARRAY[o.channel, o.source, o.campaign, o.keyword])[1:cardinality(CAST(:key AS text[]))] = CAST(:key AS text[])
""")
_SPEND = text(f"""
SELECT {_BY}, s.amount, s.currency, (SELECT rate FROM rates r WHERE r.currency = s.currency AND r.day <= s.day
    ORDER BY r.day DESC LIMIT 1)::text AS rate, s.day
FROM spend s JOIN sources o ON o.id = s.source_id WHERE s.day >= :first AND s.day <= :last""")
_STAYS = text("""
SELECT stage, next, count(*) FILTER (WHERE entered < :since) AS began,
    count(*) FILTER (WHERE entered >= :since) AS came,
    count(*) FILTER (WHERE departed < :until) AS went,
    count(*) FILTER (WHERE departed IS NULL OR departed >= :until) AS stay
FROM stage_stays WHERE entered < :until AND (departed IS NULL OR departed >= :since) GROUP BY stage, next""")
_WAYS = text(f"""
SELECT r.lead_id, r.at, (SELECT min(b.entered) FROM stage_stays b
    WHERE b.lead_id = r.lead_id AND b.stage = ANY(:following)) AS reached FROM ({REACHED}) r""")
_BEHIND = text("""
SELECT (SELECT count(DISTINCT (lead_id, deal_id)) FROM dirty) AS behind,
    (SELECT min(at) FROM dirty) AS since""")
_LATE = text("""
SELECT count(*) FROM events
WHERE happened_at >= :since AND happened_at < :until AND at >= :until AND at > happened_at""")


@asynccontextmanager
async def reading(db: Database, *, writable: bool = False) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees one moment; `writable` alone may make temporary tables, which go with it."""
    async with db.engine.connect() as connection:
        await connection.execute(_ONE_MOMENT if writable else _READ_ONLY)
        yield connection
        await connection.rollback()


async def rows(connection: AsyncConnection, statement: Any, **values: Any) -> Sequence[Any]:
    return (await connection.execute(statement, values)).all()


async def visits(connection: AsyncConnection, first: date, last: date) -> Sequence[Any]:
    """Visits and daily visitors by source, of the days in the workspace's zone."""
    return await rows(connection, _VISITS, first=first, last=last)


async def visitors(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """Each visitor with each source of the visits they began."""
    return await rows(connection, _VISITORS, since=since, until=until)


async def leads(connection: AsyncConnection, beyond: Sequence[str], since: datetime, until: datetime) -> Sequence[Any]:
    """Leads by the source of creation and by what made them known, whose first time at one of the stages it was; with
    no stages, who became known."""
    span = {"since": since, "until": until}
    return await (rows(connection, _LEADS, beyond=list(beyond), **span) if beyond else
                  rows(connection, _ALL_LEADS, **span))  # fmt: skip


async def leads_one_by_one(
    connection: AsyncConnection, beyond: Sequence[str], since: datetime, until: datetime
) -> Sequence[Any]:  # fmt: skip
    """The leads that `leads` counts, each with its source."""
    span = {"since": since, "until": until}
    return await (rows(connection, _WHO, beyond=list(beyond), **span) if beyond else
                  rows(connection, _EVERYBODY, **span))  # fmt: skip


async def won_one_by_one(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """The deals that `won` counts."""
    return await rows(connection, _WINS, since=since, until=until)


async def stays_one_by_one(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """The stays that `stays` counts."""
    return await rows(connection, _STOOD, since=since, until=until)


async def won(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """Deals first won in the period, by the source that made the first of their leads known."""
    return await rows(connection, _WON, since=since, until=until)


async def credited(connection: AsyncConnection, model: str, since: datetime, until: datetime) -> Sequence[Any]:
    return await rows(connection, _CREDITS, model=model, since=since, until=until)


async def deals_credited(
    connection: AsyncConnection, model: str, since: datetime, until: datetime, key: Sequence[str]
) -> int:  # fmt: skip
    """How many deals gave credit in the period to sources that begin with these names."""
    found = await rows(connection, _DEALS, model=model, since=since, until=until, key=list(key))
    return int(found[0][0])


async def spent(connection: AsyncConnection, first: date, last: date) -> Sequence[Any]:
    """What advertising cost, by day and source, with the rate of the day."""
    return await rows(connection, _SPEND, first=first, last=last)


async def stays(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """By stage and the one after: who stood there at the beginning, came, went, and stands there at the end."""
    return await rows(connection, _STAYS, since=since, until=until)


async def ways(
    connection: AsyncConnection, beyond: Sequence[str], following: Sequence[str], since: datetime, until: datetime
) -> Sequence[Any]:
    """Who reached a stage in the period, when, and when the following one, if they have."""
    values: Mapping[str, Any] = {"beyond": list(beyond), "following": list(following)}
    return await rows(connection, _WAYS, since=since, until=until, **values)


async def state(connection: AsyncConnection) -> Any:
    """How many leads and deals the tables are behind by, and since when."""
    return (await rows(connection, _BEHIND))[0]


async def late(connection: AsyncConnection, since: datetime, until: datetime) -> int:
    """Events of a period that were taken in after its end."""
    return int((await rows(connection, _LATE, since=since, until=until))[0][0])
