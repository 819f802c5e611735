"""What the reports on content, segments and scoring read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.rules.reports.query import Query
from engine.store.report_queries import REACHED, rows

BAITS = ("form.submitted", "file.downloaded")
_DONE = text("""
SELECT type, name, sum(times)::bigint AS times, sum(known)::bigint AS known FROM (
    SELECT v.type, v.name, 1 AS times, (l.created_at <= coalesce(v.happened_at, v.at) - interval '1 day')::int AS known
    FROM events v JOIN leads l ON l.id = v.lead_id
    WHERE v.type = ANY(:types) AND (v.happened_at >= :since AND v.happened_at < :until
        OR v.happened_at IS NULL AND v.at >= :since AND v.at < :until)
    UNION ALL SELECT type, name, times, known FROM report_days
    WHERE type = ANY(:types) AND day >= :first AND day <= :last) done
GROUP BY type, name""")
_SHOWN = text("""
SELECT form, sum(shown)::bigint AS shown FROM form_days WHERE day >= :first AND day <= :last GROUP BY form""")
_MADE_BY = text("SELECT id, origin->>'created_by' AS by FROM leads WHERE id = ANY(:leads) AND origin ? 'created_by'")
# What deals brought in the period, and what their leads did before they were first won.
_BROUGHT = text("""
WITH brought AS (
    SELECT c.deal_id, sum(c.amount)::bigint AS amount FROM credits c
    WHERE c.model = 'last' AND c.at >= :since AND c.at < :until AND c.source_id >= 0 GROUP BY c.deal_id
    HAVING sum(c.amount) <> 0)
SELECT b.deal_id, b.amount, (
    SELECT array_agg(DISTINCT done.type || ' ' || done.name) FROM (
        SELECT v.type, v.name FROM events v WHERE v.lead_id = ANY(d.leads) AND v.type = ANY(:types)
            AND coalesce(v.happened_at, v.at) <= f.won_at
        UNION ALL SELECT p.type, p.name FROM past_deeds p
        WHERE p.lead_id = ANY(d.leads) AND p.type = ANY(:types) AND p.first_at <= f.won_at) done) AS baits
FROM brought b JOIN deals d ON d.id = b.deal_id JOIN deal_facts f ON f.deal_id = b.deal_id ORDER BY b.deal_id""")

_VALUES = {
    "segment": ("v.key", "CROSS JOIN LATERAL jsonb_each(l.segments) v"),
    "interest": ("v.key", "CROSS JOIN LATERAL jsonb_each(l.interests) v"),
    "country": ("coalesce(f.country, '')", ""), "region": ("coalesce(f.country, '')", ""),
    **{name: (f"o.{name}", "JOIN sources o ON o.id = f.source_id")
       for name in ("channel", "source", "campaign", "keyword")},
    "field": ("coalesce(l.fields->>:field, '')", ""),
}  # fmt: skip
_WHERE = {"segment": "(v.value->>'in')::boolean", "interest": "(v.value #>> '{}')::numeric > 0"}


def _of(by: str, chosen: str) -> str:
    _, join = _VALUES[by]
    return f"""FROM ({chosen}) r JOIN lead_facts f USING (lead_id) JOIN leads l ON l.id = r.lead_id {join}
WHERE {_WHERE.get(by, "true")}"""


_MADE = "SELECT lead_id, created_at AS at FROM lead_facts WHERE created_at >= :since AND created_at < :until"
_CREDITED = """SELECT d.lead_id, sum(c.amount)::bigint AS amount FROM credits c JOIN deal_facts d USING (deal_id)
    WHERE c.model = 'last' AND c.at >= :since AND c.at < :until AND c.source_id >= 0 GROUP BY d.lead_id"""
_WON = "SELECT lead_id, 1 AS many FROM deal_facts WHERE won_at >= :since AND won_at < :until"


async def done(connection: AsyncConnection, query: Query) -> Sequence[Any]:
    """How often each form was sent and each file was downloaded in the period, and how often by leads known already."""
    span = {"since": query.since, "until": query.until, "first": query.first, "last": query.last}
    return await rows(connection, _DONE, types=list(BAITS), **span)


async def shown(connection: AsyncConnection, first: date, last: date) -> dict[str, int]:
    """How often each form was shown."""
    return {row.form: row.shown for row in await rows(connection, _SHOWN, first=first, last=last)}


async def made_by(connection: AsyncConnection, leads: Sequence[UUID]) -> dict[UUID, str]:
    """What made each lead known, as `form demo`."""
    return {row.id: row.by for row in await rows(connection, _MADE_BY, leads=list(leads))}


async def brought(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """What each deal brought in the period, and the baits its leads had taken before it was won."""
    return await rows(connection, _BROUGHT, since=since, until=until, types=list(BAITS))


async def leads_by(
    connection: AsyncConnection, by: str, field: str, beyond: Sequence[str], since: datetime, until: datetime
) -> dict[str, int]:  # fmt: skip
    """Leads whose first time at one of the stages it was, by what they are divided by; without stages, who became
    known."""
    chosen = REACHED if beyond else _MADE
    values: dict[str, Any] = {"since": since, "until": until, **({"beyond": list(beyond)} if beyond else {})}
    return await _by(connection, by, field, chosen, "count(*)", values)


async def later_by(
    connection: AsyncConnection, by: str, field: str, known: Sequence[str], qualified: Sequence[str], since: datetime,
    until: datetime,
) -> dict[str, int]:  # fmt: skip
    """Of the leads of `leads_by` with stages `known`, those who have come to one of `qualified` by now."""
    chosen = f"""SELECT n.lead_id FROM ({REACHED if known else _MADE}) n WHERE EXISTS (
        SELECT FROM stage_stays q WHERE q.lead_id = n.lead_id AND q.stage = ANY(:qualified))"""
    values: dict[str, Any] = {"since": since, "until": until, "qualified": list(qualified)}
    return await _by(connection, by, field, chosen, "count(*)", values | ({"beyond": list(known)} if known else {}))


async def won_by(
    connection: AsyncConnection, by: str, field: str, since: datetime, until: datetime
) -> dict[str, int]:  # fmt: skip
    """Deals first won, by their lead who became known first."""
    return await _by(connection, by, field, _WON, "count(*)", {"since": since, "until": until})


async def revenue_by(
    connection: AsyncConnection, by: str, field: str, since: datetime, until: datetime
) -> dict[str, int]:  # fmt: skip
    """What deals brought, by their lead who became known first."""
    return await _by(connection, by, field, _CREDITED, "sum(r.amount)::bigint", {"since": since, "until": until})


async def members_by(
    connection: AsyncConnection, by: str, field: str, beyond: Sequence[str], since: datetime, until: datetime
) -> Sequence[Any]:  # fmt: skip
    """The leads that `leads_by` counts, each with its value."""
    values: dict[str, Any] = {"since": since, "until": until, **({"beyond": list(beyond)} if beyond else {})}
    sql = text(f"SELECT {_VALUES[by][0]} AS value, r.lead_id AS id {_of(by, REACHED if beyond else _MADE)} ORDER BY 2")
    return await rows(connection, sql, **values, **({"field": field} if by == "field" else {}))


async def _by(
    connection: AsyncConnection, by: str, field: str, chosen: str, count: str, values: dict[str, Any]
) -> dict[str, int]:  # fmt: skip
    of_field = {"field": field} if by == "field" else {}
    sql = text(f"SELECT {_VALUES[by][0]} AS value, {count} AS many {_of(by, chosen)} GROUP BY 1")
    return {row.value: row.many for row in await rows(connection, sql, **values, **of_field)}


_BOOKED = text("""
SELECT model, rule, sum(times)::bigint AS times, sum(amount) AS amount, count(DISTINCT lead_id) AS leads FROM (
    SELECT lead_id, model, rule, times, amount FROM points
    WHERE booked_at >= :since AND booked_at < :until AND NOT starts_with(cause, 'k:')
    UNION ALL SELECT lead_id, model, rule, times, amount FROM past_points WHERE day >= :first AND day <= :last) booked
GROUP BY model, rule""")
_FIRST = text("""
SELECT model, rule, lead_id, min(day) AS day FROM (
    SELECT lead_id, model, rule, (booked_at AT TIME ZONE CAST(:zone AS text))::date AS day FROM points
    WHERE lead_id = ANY(:leads) AND NOT starts_with(cause, 'k:')
    UNION ALL SELECT lead_id, model, rule, day FROM past_points WHERE lead_id = ANY(:leads)) booked
GROUP BY model, rule, lead_id""")


async def booked(connection: AsyncConnection, query: Query) -> Sequence[Any]:
    """By scoring rule, how often it gave points in the period, how many, and to how many leads."""
    span = {"since": query.since, "until": query.until, "first": query.first, "last": query.last}
    return await rows(connection, _BOOKED, **span)


async def first_points(connection: AsyncConnection, leads: Sequence[UUID], zone: str) -> Sequence[Any]:
    """By scoring rule and lead, the first day on which it gave them points."""
    return await rows(connection, _FIRST, leads=list(leads), zone=zone)
