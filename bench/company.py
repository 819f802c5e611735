"""A company with everything that reports read, by a seeded generator: the same seed and size give the same rows.

Each lead has 20 events, 7 touches, 3 emails, a run, up to three stages, and points; every twentieth has a deal and a
handoff. The rows that are read for reports are written beside those of the log, as a worker would keep them.
"""

from __future__ import annotations

from typing import Final

import psycopg

from bench.filling import Connection, Say, run_statement, without_indexes

EVENTS: Final = 20
TOUCHES: Final = 7
DAYS: Final = 1000
"""Over which leads become known; each acts for 40 days from then on."""
_FUNCTIONS = """
CREATE FUNCTION pg_temp.id(what text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT md5(what || ':' || n || ':%(seed)s')::uuid $$;
CREATE FUNCTION pg_temp.born(n bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT date_trunc('day', now()) - (n * 7919 %% %(days)s + 41) * interval '1 day'
    + (n * 31 %% 86400) * interval '1 second' $$;
CREATE FUNCTION pg_temp.at(n bigint, k bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT pg_temp.born(n) + k * interval '2 days' $$;
"""
_EACH = "generate_series(0, %(leads)s - 1) n"
_SOURCES = """INSERT INTO sources (id, channel, source, medium, campaign, keyword, content, version)
    SELECT n, (ARRAY['Organic Search', 'Paid Search', 'Email', 'Referral', 'Direct'])[1 + n %% 5], 'source ' || n %% 20,
        'm', 'campaign ' || n %% 60, 'word ' || n, '', 1 FROM generate_series(1, 300) n"""
_LOG = (
    f"""INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, segments, interests, origin,
        created_at, last_at, epoch)
    SELECT pg_temp.id('lead', n), 'l' || n || '@bench.example', 'l' || n || '@bench.example', {EVENTS},
        jsonb_build_object('company', 'Acme ' || n %% 1000, 'country', (ARRAY['DE', 'AT', 'CH', 'FR'])[1 + n %% 4]),
        '{{"": 30}}', '{{}}', CASE WHEN n %% 20 = 0 THEN 'SQL' WHEN n %% 5 = 0 THEN 'MQL' ELSE 'Lead' END,
        '{{"news": "subscribed"}}', '{{"Big": {{"in": true, "of": ""}}}}',
        '{{"pumps": 2}}', jsonb_build_object('created_by', 'form enter'),
        pg_temp.born(n), pg_temp.at(n, 20), 1 FROM {_EACH}""",
    f"""INSERT INTO events (lead_id, seq, type, name, data, message_id, at, happened_at)
    SELECT pg_temp.id('lead', n), s, (ARRAY['form.submitted', 'page.visited', 'email.opened', 'page.visited',
            'email.clicked', 'page.visited', 'score.changed', 'page.visited', 'file.downloaded', 'page.visited'])[
            CASE WHEN s > 10 AND s %% 10 = 1 THEN 2 ELSE 1 + (s - 1) %% 10 END],
        CASE WHEN s = 1 THEN 'enter' ELSE 'thing ' || (n + s) %% 50 END, '{{}}',
        CASE WHEN s %% 10 IN (3, 5) THEN pg_temp.id('mail', n * 3 + s %% 3) END, pg_temp.at(n, s), pg_temp.at(n, s)
    FROM generate_series(1, {EVENTS}) s, {_EACH}""",
    f"""INSERT INTO touches (lead_id, key, source_id, kind, at)
    SELECT pg_temp.id('lead', n), 'e:' || s, 1 + (n * 13 + s * 7) %% 300, 'visit', pg_temp.at(n, s * 2)
    FROM generate_series(0, {TOUCHES} - 1) s, {_EACH}""",
    f"""INSERT INTO sessions (id, visitor_id, lead_id, source_id, landing, pages, begun, last_at)
    SELECT pg_temp.id('session', n * 4 + s), pg_temp.id('visitor', n * 4 + s - s %% 2),
        CASE WHEN s = 0 THEN pg_temp.id('lead', n) END, 1 + (n * 13 + s * 7) %% 300, '/', 3, pg_temp.at(n, s * 2),
        pg_temp.at(n, s * 2) FROM generate_series(0, 3) s, {_EACH}""",
    f"""INSERT INTO points (lead_id, cause, rule, model, amount, thing, seq, score_after, earned_at, booked_at)
    SELECT pg_temp.id('lead', n), 'e:' || s, 'r' || s %% 6, '', 5, 'thing', s, s, pg_temp.at(n, s), pg_temp.at(n, s)
    FROM generate_series(2, {EVENTS}, 3) s, {_EACH}""",
    f"""INSERT INTO enrolments (id, lead_id, campaign, number, digest, state, outcome, position, gen, cursor,
        started_at, ended_at, held_out)
    SELECT pg_temp.id('run', n), pg_temp.id('lead', n), 'Past ' || n %% 10, 1, 'gone', 'ended', 'finished',
        '{{"branches": [], "path": []}}', 4, {EVENTS}, pg_temp.at(n, 1), pg_temp.at(n, 15), n %% 10 = 3 FROM {_EACH}""",
    f"""INSERT INTO messages (id, owner_id, step, visit, lead_id, template, kind, state, reason, attempt, source,
        subject, provider_id, at, settled_at)
    SELECT pg_temp.id('mail', n * 3 + k), pg_temp.id('run', n), 's' || k, '', pg_temp.id('lead', n), 'mail ' || n %% 30,
        'marketing', 'accepted', '', 'a', 'f:1', 'Hello', 'p', pg_temp.at(n, 1 + k), pg_temp.at(n, 1 + k)
    FROM generate_series(0, 2) k, {_EACH}""",
    f"""INSERT INTO handoffs (id, lead_id, source, team, member, note, state, outcome, reason, gen, opened_at,
        acknowledged_at, contacted_at, closed_at)
    SELECT pg_temp.id('handoff', n), pg_temp.id('lead', n), 'f:1', 'Sales', 'm' || n %% 7 || '@bench.example', '',
        '{{}}', CASE WHEN n %% 3 = 0 THEN 'rejected' ELSE 'accepted' END, CASE WHEN n %% 3 = 0 THEN 'no budget' END, 0,
        pg_temp.at(n, 12), pg_temp.at(n, 12) + interval '2 hours', pg_temp.at(n, 13), pg_temp.at(n, 14)
    FROM {_EACH} WHERE n %% 20 = 0""",
    f"""INSERT INTO deals (id, status, stage, amount, currency, leads, facts, rate, opened_at, closed_at)
    SELECT 'D' || n, CASE WHEN n %% 3 = 0 THEN 'won' WHEN n %% 3 = 1 THEN 'lost' ELSE 'open' END, 'Offer',
        1000 * (n %% 977), 'EUR', ARRAY[pg_temp.id('lead', n)], 2, 1, pg_temp.at(n, 13),
        CASE WHEN n %% 3 < 2 THEN pg_temp.at(n, 19) END
    FROM {_EACH} WHERE n %% 20 = 0""",
    """INSERT INTO visit_days (day, source_id, landing, visits, visitors, pages)
    SELECT (now() - d * interval '1 day')::date, s, '/', 1 + %(leads)s / 3000, 1 + %(leads)s / 4000, 9
    FROM generate_series(0, %(days)s + 60) d, generate_series(1, 300, 10) s""",
    """INSERT INTO spend (day, source_id, amount, currency, clicks, origin, at)
    SELECT (now() - d * interval '1 day')::date, s, 1234, 'EUR', 5, 'bench', now()
    FROM generate_series(0, %(days)s + 60) d, generate_series(2, 300, 10) s""",
    """INSERT INTO form_days (day, form, shown)
    SELECT (now() - d * interval '1 day')::date, 'enter', 50 FROM generate_series(0, %(days)s + 60) d""",
)
_READ = (
    f"""INSERT INTO lead_facts (lead_id, first_source_id, source_id, made_by, country, created_at, active_at)
    SELECT pg_temp.id('lead', n), 1 + n * 13 %% 300, 1 + (n * 13 + 7) %% 300, 'form',
        (ARRAY['DE', 'AT', 'CH', 'FR'])[1 + n %% 4], pg_temp.born(n), pg_temp.at(n, 20) FROM {_EACH}""",
    f"""INSERT INTO stage_stays (lead_id, seq, stage, before, next, reason, entered, departed)
    SELECT pg_temp.id('lead', n), k, (ARRAY['Lead', 'MQL', 'SQL'])[k], (ARRAY['Visitor', 'Lead', 'MQL'])[k],
        CASE WHEN k < last THEN (ARRAY['MQL', 'SQL'])[k] END, 'f:1', pg_temp.at(n, k * 5 - 5),
        CASE WHEN k < last THEN pg_temp.at(n, k * 5) END
    FROM {_EACH}, LATERAL (SELECT CASE WHEN n %% 20 = 0 THEN 3 WHEN n %% 5 = 0 THEN 2 ELSE 1 END AS last) l,
        generate_series(1, last) k""",
    f"""INSERT INTO lead_returns (lead_id, at, silent, stage, sent_back)
    SELECT pg_temp.id('lead', n), pg_temp.at(n, s), 172800, 'Lead', false FROM {_EACH}, generate_series(2, 20) s""",
    f"""INSERT INTO deal_facts (deal_id, lead_id, touches, opened_at, won_at)
    SELECT 'D' || n, pg_temp.id('lead', n), {TOUCHES}, pg_temp.at(n, 13),
        CASE WHEN n %% 3 = 0 THEN pg_temp.at(n, 19) END
    FROM {_EACH} WHERE n %% 20 = 0""",
    f"""INSERT INTO deal_states (deal_id, number, status, pipeline, stage, amount, currency, next_status, next_stage,
        since, entered, departed)
    SELECT 'D' || n, k, CASE WHEN k < 3 THEN 'open' WHEN n %% 3 = 0 THEN 'won' ELSE 'lost' END, '',
        (ARRAY['Talk', 'Offer', 'Offer'])[k], 1000 * (n %% 977), 'EUR',
        CASE WHEN k = 1 THEN 'open' WHEN k < last THEN CASE WHEN n %% 3 = 0 THEN 'won' ELSE 'lost' END END,
        CASE WHEN k < last THEN 'Offer' END, pg_temp.at(n, 10 + k * 3), pg_temp.at(n, 10 + k * 3),
        CASE WHEN k < last THEN pg_temp.at(n, 13 + k * 3) END
    FROM {_EACH}, LATERAL (SELECT CASE WHEN n %% 3 < 2 THEN 3 ELSE 2 END AS last) l, generate_series(1, last) k
    WHERE n %% 20 = 0""",
    f"""INSERT INTO credits (deal_id, model, number, source_id, amount, currency, version, at)
    SELECT 'D' || n, model, 1, 1 + (n * 13 + s * 7) %% 300, 500 * (n %% 977), 'EUR', 1, pg_temp.at(n, 19)
    FROM {_EACH}, unnest(ARRAY['first', 'last', 'last-non-direct', 'linear', 'position', 'u-shaped', 'w-shaped',
        'full-path', 'time-decay']) model, generate_series(0, 1) s WHERE n %% 60 = 0""",
)
TABLES: Final = ("events", "points", "touches", "sessions", "lead_returns")


def fill(url: str, leads: int, seed: int, say: Say) -> None:
    """Fill an empty, migrated database; one that is filled stays as it is."""
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT FROM leads LIMIT 1").fetchone() is not None:
            return
        connection.execute("SET synchronous_commit = off")
        given = {"seed": seed, "leads": leads, "days": DAYS}
        run_statement(connection, _FUNCTIONS, **given)
        with without_indexes(connection, TABLES):
            for statement in (_SOURCES, *_LOG, *_READ):
                run_statement(connection, statement, **given)
                say(f"filled {statement.split()[2]}")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def counts(connection: Connection) -> dict[str, int]:
    """How many rows the large tables have."""
    found = {}
    for table in ("leads", "events", "touches", "deals", "credits"):
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        found[table] = int(str(row[0])) if row else 0
    return found
