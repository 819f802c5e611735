"""Runs that have lost their timer or their wake are woken again; what does not answer is shown to a person."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from engine.runtime.runtime import Runtime

LATE = timedelta(minutes=2)
"""A run this long (real time) past its due instant has lost its timer or its wake, and is woken again."""
AGAIN = timedelta(minutes=10)
"""How long the watchdog leaves a run alone once it has woken it."""
SILENT = timedelta(minutes=5)
"""A run this long (real time) past its due instant needs a person's attention."""
MANY = 100

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


async def wake_stalled(rt: Runtime) -> int:
    """Put lost runs back into the outbox, mark what does not answer or rests on nothing. How many woke.

    A wake starts a run that Temporal has lost; one that is alive and has seen everything does not mind it. While a
    provider's gate is closed mails are late on purpose.
    """
    now, real, day = rt.clock.now(), rt.clock.real(), timedelta(days=1)
    pace = (rt.clock.to_real(now + day) - rt.clock.to_real(now)) / day
    async with rt.db.engine.begin() as connection:
        values = {"late": now - LATE / pace, "real": real, "again": real - AGAIN, "many": MANY}
        woken = await connection.execute(_STALLED, values)
        await connection.execute(_LATE, {"late": now - SILENT / pace, "real": real})
        await connection.execute(_SILENT, {"late": now - SILENT / pace})
    return woken.rowcount
