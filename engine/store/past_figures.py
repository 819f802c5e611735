"""What stays as figures of the past of leads that is taken away: statements that remove rows and count them.

Days are those of the workspace's zone, so that a period of whole days has the same figures before and after.
"""

from __future__ import annotations

from typing import Final

DEEDS: Final = (
    "form.submitted", "file.downloaded", "video.watched", "webinar.registered", "webinar.attended", "meeting.booked",
    "meeting.held", "call.received", "chat.started", "email.clicked", "email.replied", "order.placed",
)  # fmt: skip
"""What leads do that bears a name of the company's: activities whose effect reports show."""

_DAY = "({} AT TIME ZONE CAST(:zone AS text))::date"

_DONE = "EXISTS (SELECT FROM events v WHERE v.lead_id = m.lead_id AND v.message_id = m.id AND v.type = 'email.{}')"
_FETCHED = """(m.machine & {bit} > 0 OR EXISTS (SELECT FROM mail_hits h WHERE h.lead_id = m.lead_id
    AND h.message_id = m.id AND h.judgement = 'machine' AND h.kind = ANY(CAST('{kinds}' AS text[]))))"""
_ANY, _CLICKS = _FETCHED.format(bit=1, kinds="{open,click}"), _FETCHED.format(bit=2, kinds="{click}")

EMAILS = f"""
WITH gone AS (
    DELETE FROM messages m WHERE m.lead_id = ANY(:leads) AND m.at < :before AND m.state <> 'sending'
        AND NOT EXISTS (SELECT FROM enrolments e WHERE e.id = m.owner_id AND e.state <> 'ended')
        AND NOT EXISTS (SELECT FROM handoffs h WHERE h.id = m.owner_id AND h.outcome IS NULL)
        AND NOT EXISTS (SELECT FROM test_leads t WHERE t.lead_id = m.lead_id AND t.enrolment_id = m.owner_id)
    RETURNING *
), what AS (
    SELECT e.campaign, e.digest, {_DAY.format("m.at")} AS day, m.step, m.template,
        coalesce(m.variant, '') AS variant, m.kind, m.state, {_DONE.format("opened")} AS opened,
        {_DONE.format("clicked")} AS clicked, {_DONE.format("bounced")} AS bounced,
        {_DONE.format("replied")} AS replied, {_ANY} AS machine, {_CLICKS} AS machine_clicked
    FROM gone m JOIN enrolments e ON e.id = m.owner_id WHERE m.kind <> 'staff'
), counted AS (
    INSERT INTO past_emails AS p (campaign, digest, day, step, template, variant, kind, state, emails, opened, clicked,
        bounced, bounced_opened, bounced_clicked, replied, machine, machine_clicked)
    SELECT campaign, digest, day, step, template, variant, kind, state, count(*),
        count(*) FILTER (WHERE opened), count(*) FILTER (WHERE clicked), count(*) FILTER (WHERE bounced),
        count(*) FILTER (WHERE bounced AND opened), count(*) FILTER (WHERE bounced AND clicked),
        count(*) FILTER (WHERE replied AND NOT bounced), count(*) FILTER (WHERE machine),
        count(*) FILTER (WHERE machine_clicked)
    FROM what GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (campaign, digest, day, step, template, variant, kind, state) DO UPDATE
        SET emails = p.emails + excluded.emails, opened = p.opened + excluded.opened,
            clicked = p.clicked + excluded.clicked, bounced = p.bounced + excluded.bounced,
            bounced_opened = p.bounced_opened + excluded.bounced_opened,
            bounced_clicked = p.bounced_clicked + excluded.bounced_clicked,
            replied = p.replied + excluded.replied, machine = p.machine + excluded.machine,
            machine_clicked = p.machine_clicked + excluded.machine_clicked RETURNING 1
)
SELECT count(*) AS many, (SELECT count(*) FROM counted) AS days FROM gone"""

RUNS = f"""
WITH gone AS (
    DELETE FROM enrolments e WHERE e.lead_id = ANY(:leads) AND {{old}}
        AND NOT EXISTS (SELECT FROM messages m WHERE m.owner_id = e.id) RETURNING *
), counted AS (
    INSERT INTO past_runs AS p (campaign, digest, day, outcome, step, held_out, goal, drawn, runs)
    SELECT campaign, digest, {_DAY.format("started_at")} AS day, coalesce(outcome, '') AS outcome,
        coalesce(position->'path'->-1->>0, '') AS step, coalesce(held_out, false) AS held_out,
        goal_at IS NOT NULL AS goal, held_out IS NOT NULL AS drawn, count(*) FROM gone
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (campaign, digest, day, outcome, step, held_out, goal, drawn) DO UPDATE
        SET runs = p.runs + excluded.runs
    RETURNING 1
)
SELECT count(*) AS many, (SELECT count(*) FROM counted) AS days FROM gone"""

# Points that are going to expire wait for it. Limits and sums count the row that stays as all those that it was.
POINTS = f"""
WITH old AS (
    SELECT p.*, count(*) OVER (PARTITION BY p.lead_id, p.rule, p.model, p.thing) AS alike
    FROM points p WHERE p.lead_id = ANY(:leads) AND p.booked_at < :before
        AND (p.expires_at IS NULL OR EXISTS (SELECT FROM points x WHERE x.lead_id = p.lead_id
            AND x.cause = 'x:' || p.cause AND x.rule = 'expired:' || p.rule))
        AND NOT (starts_with(p.cause, 's:') AND EXISTS (SELECT FROM enrolments e WHERE e.lead_id = p.lead_id
            AND e.state <> 'ended' AND e.id::text = split_part(p.cause, ':', 2)))
), gone AS (
    DELETE FROM points p USING old o WHERE o.alike > 1 AND p.lead_id = o.lead_id AND p.cause = o.cause
        AND p.rule = o.rule RETURNING p.*
), days AS (
    INSERT INTO past_points (lead_id, model, rule, day, amount, times)
    SELECT lead_id, model, rule, {_DAY.format("booked_at")}, sum(amount), sum(times) FROM gone
    WHERE NOT starts_with(cause, 'k:') GROUP BY 1, 2, 3, 4
), kept AS (
    INSERT INTO points
        (lead_id, cause, rule, model, amount, thing, seq, score_after, times, earned_at, booked_at)
    SELECT lead_id, 'k:' || max(seq) || ':' || md5(model || ':' || thing), rule, model, sum(amount), thing, max(seq),
        (array_agg(score_after ORDER BY seq DESC, cause DESC))[1], sum(times), max(earned_at), max(booked_at)
    FROM gone GROUP BY lead_id, rule, model, thing RETURNING 1
)
SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM kept) AS many"""

# Acts of one span have no day of silence between them, and no rejection.
EVENTS = f"""
WITH gone AS (
    DELETE FROM events WHERE (lead_id, seq) IN (
        SELECT v.lead_id, v.seq FROM events v WHERE {{old}} ORDER BY v.lead_id, v.seq LIMIT :most)
    RETURNING lead_id, seq, type, name, coalesce(happened_at, at) AS at
), refusals AS (
    SELECT lead_id, coalesce(happened_at, at) AS at FROM events
    WHERE lead_id = ANY(:leads) AND type = 'handoff.rejected'
    UNION SELECT lead_id, since FROM past_acts WHERE lead_id = ANY(:leads) AND refused
), acts AS (
    SELECT lead_id, at, seq, lag(at) OVER (PARTITION BY lead_id ORDER BY at, seq) AS before
    FROM gone WHERE type = ANY(:acts)
), spans AS (
    SELECT lead_id, at, count(*) FILTER (WHERE before IS NULL OR at - before >= interval '1 day' OR EXISTS (
        SELECT FROM refusals r WHERE r.lead_id = a.lead_id AND r.at > a.before AND r.at <= a.at))
        OVER (PARTITION BY lead_id ORDER BY at, seq) AS span
    FROM acts a
), kept AS (
    INSERT INTO past_acts (lead_id, refused, since, until)
    SELECT lead_id, false, min(at), max(at) FROM spans GROUP BY lead_id, span
    UNION ALL SELECT lead_id, true, at, at FROM gone WHERE type = 'handoff.rejected'
), deeds AS (
    INSERT INTO past_deeds (lead_id, type, name, times, first_at)
    SELECT lead_id, type, name, count(*), min(at) FROM gone WHERE type = ANY(:deeds) GROUP BY 1, 2, 3
), counted AS (
    INSERT INTO report_days AS d (day, type, name, times, known)
    SELECT {_DAY.format("g.at")} AS day, g.type, g.name, count(*),
        count(*) FILTER (WHERE l.created_at <= g.at - interval '1 day')
    FROM gone g JOIN leads l ON l.id = g.lead_id WHERE g.type = ANY(:deeds) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (day, type, name) DO UPDATE SET times = d.times + excluded.times, known = d.known + excluded.known
)
SELECT count(*) AS many FROM gone"""
