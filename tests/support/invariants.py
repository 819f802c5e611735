"""What must hold whatever went wrong: the mail server's ledger against the messages, and the log against itself.

`broken` gives one line for each promise that is broken, with ids only; an empty list means that all hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from engine.settings import libpq_url

_MESSAGES = "SELECT id::text, owner_id, step, visit, state FROM messages"

_SCORES = """
SELECT l.id FROM leads l WHERE EXISTS (
    SELECT FROM points p WHERE p.lead_id = l.id GROUP BY p.model
    HAVING sum(p.amount) <> coalesce((l.scores->>p.model)::numeric, 0))"""

_GAPS = """
SELECT l.id FROM leads l LEFT JOIN events e ON e.lead_id = l.id
GROUP BY l.id, l.seq HAVING count(e.seq) <> l.seq OR coalesce(max(e.seq), 0) <> l.seq"""

_SILENT = """
SELECT e.id FROM enrolments e WHERE e.state <> 'ended' AND e.due_at IS NULL AND e.attention IS NULL
    AND NOT EXISTS (SELECT FROM waits w WHERE w.enrolment_id = e.id)"""


def query(url: str, sql: str, *values: Any) -> list[Any]:
    """The rows, as named tuples; `url` in SQLAlchemy's form or PostgreSQL's own."""
    with psycopg.connect(libpq_url(url), row_factory=namedtuple_row) as connection:
        cursor = connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []


def broken(url: str, ledger: Sequence[Mapping[str, Any]] | None = None) -> list[str]:
    """Compare. `ledger` is what the mail server accepted; without one only the database is looked at."""
    found = [f"lead {row.id}: its points do not add up to its score (I3)" for row in query(url, _SCORES)]
    found += [f"lead {row.id}: its log has gaps (I3)" for row in query(url, _GAPS)]
    found += [f"enrolment {row.id} rests on nothing and nobody is told (I4)" for row in query(url, _SILENT)]
    if ledger is not None:
        found += _mails(query(url, _MESSAGES), Counter(str(one["message"]) for one in ledger))
    return found


def _mails(rows: Sequence[Any], accepted: Counter[str]) -> list[str]:
    """The messages' identity is unique in the database, so one accepted mail per row is one per identity."""
    states = {row.id: row.state for row in rows}
    found = [f"message {id} was accepted {many} times (I2)" for id, many in accepted.items() if many > 1]
    for id in accepted:
        if states.get(id) not in ("accepted", "unknown", "sending"):
            found.append(f"message {id} was accepted and is {states.get(id, 'not stored')} here (I2)")
    for id, state in states.items():
        if state == "accepted" and id not in accepted:
            found.append(f"message {id} is accepted here and was not there (I1)")
    return found
