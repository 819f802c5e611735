"""Runs and handoffs that are late or rest on nothing, as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from engine.store.db import Database

_AT_REST = """(EXISTS (
    SELECT FROM campaign_states s WHERE s.until IS NULL AND s.campaign IN ('', lower(enrolments.campaign))
        AND (s.state = 'paused' OR s.at > :late))
    OR EXISTS (SELECT FROM jobs j WHERE j.finished_at IS NULL AND j.campaign IN ('', lower(enrolments.campaign))))"""
"""Its campaign is paused, or went on so lately that not every run has been told."""

_STALLED = text(f"""
WITH late AS (
    SELECT id, lead_id, 'enrolment' AS kind, gen FROM enrolments
    WHERE state <> 'ended' AND due_at < :late AND coalesce(real_woken_at, '-infinity') < :again
        AND NOT EXISTS (SELECT FROM gates WHERE real_closed_until > :real) AND NOT {_AT_REST}
    UNION ALL
    SELECT id, lead_id, 'handoff', gen FROM handoffs
    WHERE due_at < :late AND coalesce(real_woken_at, '-infinity') < :again
    LIMIT :many),
enrolled AS (UPDATE enrolments SET real_woken_at = :real FROM late WHERE enrolments.id = late.id),
handed AS (UPDATE handoffs SET real_woken_at = :real FROM late WHERE handoffs.id = late.id)
INSERT INTO outbox (run_id, kind, start, seq, gen, queue, real_leased_until)
SELECT late.id, kind, false, leads.seq, gen, 'mail', :real FROM late JOIN leads ON leads.id = late.lead_id
ON CONFLICT (run_id) DO NOTHING""")

_LATE = text(f"""
UPDATE enrolments SET attention = 'its run does not answer' WHERE state <> 'ended' AND due_at < :late
    AND attention IS NULL AND NOT EXISTS (SELECT FROM gates WHERE real_closed_until > :real) AND NOT {_AT_REST}""")

_SILENT = text(f"""
UPDATE enrolments SET attention = 'it rests on nothing' WHERE state = 'live' AND due_at IS NULL AND attention IS NULL
    AND NOT EXISTS (SELECT FROM waits w WHERE w.enrolment_id = enrolments.id) AND NOT {_AT_REST}""")


async def wake(db: Database, *, late: datetime, again: datetime, attention: datetime, real: datetime, many: int) -> int:
    """Put what has been due since before `late` into the outbox, unless that was done after `again`; mark what has been
    due since before `attention`, and what rests on nothing. How many woke."""
    async with db.engine.begin() as connection:
        values = {"late": late, "real": real, "again": again, "many": many}
        woken = await connection.execute(_STALLED, values)
        await connection.execute(_LATE, {"late": attention, "real": real})
        await connection.execute(_SILENT, {"late": attention})
    return woken.rowcount
