"""Looking around a lead reads what is asked, however long their past is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine.rules.leads.limits import Probe
from engine.store.leads import Look
from engine.store.wire import _parsed

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
OLD = UUID(int=0)
FILL = (
    """INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, created_at, last_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@a.example', n || '@a.example', 0, '{}', '{}', '{}', '', '{}', now(),
        now()
    FROM generate_series(0, 400) n""",
    """INSERT INTO events (lead_id, seq, key, type, name, data, at)
    SELECT l.id, n, 'k' || n, 'page.visited', '/', '{}'::jsonb, now() FROM leads l, generate_series(1, 3) n
    UNION ALL SELECT '00000000-0000-0000-0000-000000000000'::uuid, n, 'k' || n, 'page.visited', '/', '{}'::jsonb, now()
    FROM generate_series(4, 5000) n""",
    """INSERT INTO points (lead_id, cause, rule, model, amount, thing, seq, score_after, earned_at, booked_at)
    SELECT lead_id, 'e:' || seq, CASE WHEN seq % 1000 = 1 THEN 'rare' ELSE 'usual' END, '', 1, '', seq, 1, now(), now()
    FROM events""",
    "ANALYZE leads, events, points",
)  # fmt: skip


def reads(node: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The tables a plan reads, and how many of their rows."""
    if "Relation Name" in node:
        found = (
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        )
        yield node["Relation Name"], found * node["Actual Loops"]
    for inner in node.get("Plans", ()):
        yield from reads(inner)


@pytest.mark.parametrize("by_key", [True, False])
def test_a_long_past_is_not_read(new_database: Any, by_key: bool) -> None:
    look = Look(("nobody", "k9"))
    probes = [Probe("rare", 0, None, None), Probe("none", 0, "thing", NOW)]
    sql, names = _parsed(look.statement(probes, by_key=by_key))
    values = {"lead": OLD, "key": "0@a.example", **look.values(probes), "keys": '{"nobody","k9"}'}
    given = ", ".join("NULL" if values[name] is None else f"'{values[name]}'" for name in names)
    with psycopg.connect(new_database().replace("+psycopg", ""), autocommit=True) as connection:
        for statement in FILL:
            connection.execute(statement)
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(b"PREPARE look AS " + sql)
        row = connection.execute(f"EXECUTE look ({given})").fetchone()
        explained = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE look ({given})").fetchone()
    assert row is not None
    assert explained is not None
    tallies, repeated = row[1], row[2]
    assert (sorted(tallies), repeated) == ([[0, 5, 5], [1, 0, 0]], 9)
    plan = explained[0] if isinstance(explained[0], list) else json.loads(explained[0])
    read: dict[str, float] = {}
    for table, many in reads(plan[0]["Plan"]):
        read[table] = read.get(table, 0) + many
    assert read["events"] <= 2
    assert read["points"] <= 10
