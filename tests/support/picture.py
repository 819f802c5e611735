"""Everything that remembers, read at one instant when all rests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from engine.platform.settings import libpq_url
from tests.support.histories import Run

TABLES = {
    "leads": "SELECT id::text, email_key, seq, scores, suppressed FROM leads",
    "events": "SELECT lead_id::text, seq, key, type, name, data, at, enrolment_id::text AS run FROM events",
    "points": "SELECT lead_id::text, cause, rule, model, amount, seq, score_after, booked_at FROM points",
    "enrolments": """SELECT id::text, lead_id::text, campaign, digest, state, outcome, position, gen, attempt,
        attention, due_at, started_at, ended_at FROM enrolments""",
    "handoffs": "SELECT id::text, lead_id::text, outcome, gen, opened_at, closed_at FROM handoffs",
    "waits": "SELECT enrolment_id::text AS run, branch, step, what, due_at FROM waits",
    "messages": """SELECT id::text, owner_id::text AS owner, lead_id::text, step, visit, template, kind, staff, state,
        reason, at, settled_at FROM messages""",
    "outbox": "SELECT run_id::text AS run FROM outbox",
    "campaign_states": "SELECT campaign, state, at, until FROM campaign_states ORDER BY number",
    "plans": "SELECT digest, campaign, body FROM plans",
}


@dataclass
class Picture:
    """Everything that remembers, at one instant when all rests. `rows` by table, as in `TABLES`.

    `ledger`: what the mail server accepted; `runs`: what Temporal knows, by workflow id; `posts`: (form, address) of
    every post that was answered 2xx; `digests`: the plan each enrolment had earlier; `hooks`: the idempotency keys that
    a receiver of posts took. None: not looked at.
    """

    rows: dict[str, list[Any]]
    ledger: Sequence[Mapping[str, Any]] | None = None
    runs: Mapping[str, Run] | None = None
    posts: Iterable[tuple[str, str]] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    hooks: Sequence[str] | None = None

    def __getattr__(self, table: str) -> list[Any]:
        if table not in TABLES:
            raise AttributeError(table)
        return self.rows[table]

    def lead_of(self, run: str) -> str:
        """The lead of an enrolment or a handoff; empty when there is none."""
        return next((one.lead_id for one in (*self.enrolments, *self.handoffs) if one.id == run), "")


def query(url: str, sql: str, *values: Any) -> list[Any]:
    """The rows, as named tuples; `url` in SQLAlchemy's form or PostgreSQL's own."""
    with psycopg.connect(libpq_url(url), row_factory=namedtuple_row) as connection:
        cursor = connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []


def take(url: str, ledger: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> Picture:
    """The database in one snapshot, beside whatever else is given."""
    with psycopg.connect(libpq_url(url), row_factory=namedtuple_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        rows = {name: connection.execute(sql.encode()).fetchall() for name, sql in TABLES.items()}
    return Picture(rows, ledger, **more)
