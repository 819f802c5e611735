"""`coldframe why` without a campaign: one line for each that the lead was in."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg

from engine.platform.settings import libpq_url
from tests.platform.test_deploying_cli import changed, enrol
from tests.support.cli import Run


def test_why_of_a_lead_without_a_campaign(run: Run, workspace: Path, fresh_database_url: str) -> None:
    url = fresh_database_url
    changed(workspace)
    assert run("deploy", "--author", "ada", DATABASE_URL=url).returncode == 0
    enrol(url, 2)
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(
            """INSERT INTO enrolments (id, lead_id, campaign, number, digest, state, position, gen, cursor, wait,
                due_at, started_at, ended_at, outcome)
            SELECT gen_random_uuid(), lead_id, name, 1, digest, 'ended', position, gen, cursor, wait, due_at,
                started_at + gap, started_at + gap, 'finished'
            FROM enrolments,
                (VALUES ('Older', interval '-2 days'), ('confirm form "x"', interval '-3 days')) o(name, gap)
            WHERE lead_id = (SELECT id FROM leads WHERE email = 'l1@lead.example')"""
        )
        connection.execute(
            """INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, created_at, last_at)
                VALUES (gen_random_uuid(), 'new@lead.example', 'new@lead.example', 1, '{}', '{}', '{}', '', '{}',
                '2026-11-01Z', '2026-11-01Z')"""
        )
    alone = run("why", "l0@lead.example", DATABASE_URL=url)
    assert alone.stdout == run("why", "l0@lead.example", "Guide", DATABASE_URL=url).stdout
    shown = run("why", "l1@lead.example", DATABASE_URL=url).stdout
    lines = [line for line in shown.splitlines() if line.startswith("•")]
    assert ["Older" in lines[0], "Guide" in lines[1], len(lines)] == [True, True, 2]
    assert "for a whole story, name the campaign: `coldframe why l1@lead.example Guide`" in shown
    data = json.loads(run("why", "l1@lead.example", "--json", DATABASE_URL=url).stdout)
    assert [one["campaign"] for one in data] == ["Older", "Guide"]
    none = run("why", "new@lead.example", DATABASE_URL=url)
    assert (none.returncode, "new@lead.example has not been in any campaign" in none.stderr) == (1, True)
