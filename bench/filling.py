"""A database full of leads and their pasts, by a seeded generator: the same seed and size give the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

EVENTS = 100
"""Events of each lead."""
WAVE = 10
"""Of these written at once, before the other leads have their turn."""
DAYS = 1000
"""Over which the events are spread."""

Say = Callable[[str], None]
Connection = psycopg.Connection[tuple[object, ...]]

_FUNCTIONS = """
CREATE FUNCTION pg_temp.id(what text, n bigint, seed int) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT md5(what || ':' || n || ':' || seed)::uuid $$;
CREATE FUNCTION pg_temp.at(s bigint, n bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT date_trunc('day', now()) - (%(days)s - s * %(days)s / %(events)s) * interval '1 day'
    - interval '1 day' + (n %% 86400) * interval '1 second' $$;
"""

_LEADS = (
    """INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, created_at, last_at, epoch)
    SELECT pg_temp.id('lead', n, %(seed)s), 'l' || n || '@bench.example', 'l' || n || '@bench.example', %(events)s,
        jsonb_build_object('first_name', 'Ann', 'company', 'Acme ' || n %% 1000), '{"": 30}', '{}', 'Lead',
        '{"news": "subscribed"}', pg_temp.at(1, n), pg_temp.at(%(events)s, n), 1
    FROM generate_series(0, %(leads)s - 1) n""",
    """INSERT INTO consents (lead_id, topic, seq, state, record, at)
    SELECT pg_temp.id('lead', n, %(seed)s), 'news', 1, 'subscribed', '{"how": "form enter"}', pg_temp.at(1, n)
    FROM generate_series(0, %(leads)s - 1) n""",
    """INSERT INTO stages (lead_id, seq, stage, before, reason, at)
    SELECT pg_temp.id('lead', n, %(seed)s), 1, 'Lead', 'Visitor', 'form', pg_temp.at(1, n)
    FROM generate_series(0, %(leads)s - 1) n""",
    """INSERT INTO visitors (id, lead_id, first_at, last_at)
    SELECT pg_temp.id('visitor', n, %(seed)s), CASE WHEN n < %(leads)s THEN pg_temp.id('lead', n, %(seed)s) END,
        pg_temp.at(1, n), pg_temp.at(%(events)s, n) FROM generate_series(0, 3 * %(leads)s - 1) n""",
    """INSERT INTO visitor_events (visitor_id, key, type, name, data, at)
    SELECT pg_temp.id('visitor', n, %(seed)s), 'k' || k, 'page.visited', '/page/' || k, '{}', pg_temp.at(k, n)
    FROM generate_series(%(leads)s, 3 * %(leads)s - 1) n, generate_series(1, 3) k""",
    """INSERT INTO sources (id, channel, source, medium, campaign, keyword, content, version)
    SELECT n, 'Organic Search', 'google', 'organic', '', 'word ' || n, '', 1 FROM generate_series(1, 1000) n""",
)

_WAVES = (
    """INSERT INTO events (lead_id, seq, key, type, name, data, enrolment_id, message_id, at, happened_at)
    SELECT pg_temp.id('lead', n, %(seed)s), s, CASE WHEN s %% 2 = 0 THEN 'k' || s END,
        (ARRAY['page.visited', 'page.visited', 'email.opened', 'email.clicked', 'page.visited', 'score.changed',
            'page.visited', 'page.visited', 'page.visited', 'run.noted'])[1 + s %% 10],
        '/page/' || (n + s) %% 500, jsonb_build_object('url', 'https://bench.example/page/' || (n + s) %% 500),
        CASE WHEN s %% 10 IN (2, 3, 9) THEN pg_temp.id('run', n * 3 + s %% 3, %(seed)s) END,
        CASE WHEN s %% 10 IN (2, 3) THEN pg_temp.id('mail', n * 5 + s %% 5, %(seed)s) END,
        pg_temp.at(s, n), pg_temp.at(s, n)
    FROM generate_series(%(first)s, %(last)s) s, generate_series(0, %(leads)s - 1) n""",
    """INSERT INTO points (lead_id, cause, rule, model, amount, thing, seq, score_after, earned_at, booked_at)
    SELECT pg_temp.id('lead', n, %(seed)s), 'e:' || s, 'r' || s %% 6, '', 1, '/page/' || (n + s) %% 500, s, s,
        pg_temp.at(s, n), pg_temp.at(s, n)
    FROM generate_series(%(first)s, %(last)s) s, generate_series(0, %(leads)s - 1) n WHERE s %% 3 = 0""",
    """INSERT INTO mail_hits (id, lead_id, message_id, kind, link, network, client, agent, signs, judgement, reasons,
        version, at, handed)
    SELECT pg_temp.id('hit', n * 1000 + s, %(seed)s), pg_temp.id('lead', n, %(seed)s),
        pg_temp.id('mail', n * 5 + s %% 5, %(seed)s), 'open', '', '192.0.2.0/24', md5('client' || n), 'Mozilla/5.0',
        '{}', 'human', '{}', 1, pg_temp.at(s, n), pg_temp.at(s, n)
    FROM generate_series(%(first)s, %(last)s) s, generate_series(0, %(leads)s - 1) n WHERE s %% 10 = 2""",
    """INSERT INTO sessions (id, visitor_id, lead_id, source_id, landing, pages, begun, last_at)
    SELECT pg_temp.id('session', n * 1000 + s, %(seed)s), pg_temp.id('visitor', n, %(seed)s),
        pg_temp.id('lead', n, %(seed)s), 1 + (n + s) %% 1000, '/page/1', 3, pg_temp.at(s, n), pg_temp.at(s, n)
    FROM generate_series(%(first)s, %(last)s) s, generate_series(0, %(leads)s - 1) n WHERE s %% 20 = 0""",
    """INSERT INTO touches (lead_id, key, source_id, kind, session_id, at)
    SELECT pg_temp.id('lead', n, %(seed)s), 'v:' || pg_temp.id('session', n * 1000 + s, %(seed)s), 1 + (n + s) %% 1000,
        'visit', pg_temp.id('session', n * 1000 + s, %(seed)s), pg_temp.at(s, n)
    FROM generate_series(%(first)s, %(last)s) s, generate_series(0, %(leads)s - 1) n WHERE s %% 20 = 0""",
)

_RUNS = (
    """INSERT INTO enrolments (id, lead_id, campaign, number, digest, state, outcome, position, gen, cursor, started_at,
        ended_at)
    SELECT pg_temp.id('run', n * 3 + k, %(seed)s), pg_temp.id('lead', n, %(seed)s), 'Past ' || k, 1, 'gone', 'ended',
        'finished', '{"branches": [], "path": []}', 4, %(events)s, pg_temp.at(k, n), pg_temp.at(k + 30, n)
    FROM generate_series(0, 2) k, generate_series(0, %(leads)s - 1) n""",
    """INSERT INTO messages (id, owner_id, step, visit, lead_id, template, kind, state, reason, attempt, source,
        subject, provider_id, at, settled_at)
    SELECT pg_temp.id('mail', n * 5 + k, %(seed)s), pg_temp.id('run', n * 3 + k %% 3, %(seed)s), 's' || k, '',
        pg_temp.id('lead', n, %(seed)s), 'first', 'marketing', 'accepted', '', 'a', 'f:1', 'Hello', 'p',
        pg_temp.at(k * 10, n), pg_temp.at(k * 10, n)
    FROM generate_series(0, 4) k, generate_series(0, %(leads)s - 1) n""",
)
TABLES = ("events", "points", "mail_hits", "sessions", "touches")


def fill(url: str, events: int, seed: int, say: Say) -> int:
    """Fill an empty, migrated database with about so many events; one that is filled stays as it is. How many leads."""
    leads = max(1, events // EVENTS)
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT FROM leads LIMIT 1").fetchone() is not None:
            return leads
        connection.execute("SET synchronous_commit = off")
        run_statement(connection, _FUNCTIONS, days=DAYS, events=EVENTS)
        given = {"seed": seed, "leads": leads, "events": EVENTS}
        for statement in _LEADS:
            run_statement(connection, statement, **given)
        with without_indexes(connection, TABLES):
            for first in range(1, EVENTS + 1, WAVE):
                for statement in _WAVES:
                    run_statement(connection, statement, **given, first=first, last=first + WAVE - 1)
                say(f"{first + WAVE - 1} of {EVENTS} events of each lead are written")
        for statement in _RUNS:
            run_statement(connection, statement, **given)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return leads


def run_statement(connection: Connection, statement: str, **values: int) -> None:
    """The values are numbers of our own, and a function's body takes no parameters."""
    connection.execute((statement % {name: str(value) for name, value in values.items()}).encode())


@contextmanager
def without_indexes(connection: Connection, tables: tuple[str, ...]) -> Iterator[None]:
    """Fill first and sort afterwards: ten times as fast for large tables."""
    asked = """SELECT c.conname, c.conrelid::regclass::text, pg_get_constraintdef(c.oid) FROM pg_constraint c
        WHERE c.conrelid::regclass::text = ANY(%s) AND c.contype IN ('p', 'u') ORDER BY c.contype"""
    constraints = connection.execute(asked, (list(tables),)).fetchall()
    names = [str(name) for name, _, _ in constraints]
    asked = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname <> ALL(%s)"
    indexes = connection.execute(asked, (list(tables), names)).fetchall()
    for name, table, _ in constraints:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"'.encode())
    yield
    for name, table, definition in constraints:
        connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'.encode())
    for _, definition in indexes:
        connection.execute(str(definition).encode())
