"""Reads the log of one lead and one campaign from Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import CONFIRMING, EVENTS_KEPT, Plan, Program
from engine.model.lead import Event, Lead
from engine.platform.tokens import email_key
from engine.rules.conditions import calendar
from engine.rules.leads.working_copy import NOTED
from engine.rules.runs.position import Position
from engine.rules.tracking import hits
from engine.runtime.catalog import Catalog, Deployment
from engine.store.db import Database
from engine.why.log import Doubt, Hold, Log, Message, Move, Opened, Points, Rest, Run, Walk

MOST_EVENTS = 20_000

_LEAD = text("""
SELECT id, email, seq, fields, scores, rated, stage, topics, suppressed, created_at, last_at, lists, interests
FROM leads
WHERE id = (SELECT lead_now(id) FROM leads WHERE email_key = :key OR id = CAST(:id AS uuid))""")

_SIMILAR = text("""
SELECT email_key FROM leads WHERE email_key LIKE :begin OR email_key LIKE :end ORDER BY last_at DESC LIMIT 500""")

_EVENTS = text("""
SELECT * FROM (SELECT seq, at, type, name, data, key, enrolment_id, message_id FROM events WHERE lead_id = :lead
ORDER BY seq DESC LIMIT :most) newest ORDER BY seq""")

_POINTS = text("""
SELECT cause, rule, model, amount, score_after, booked_at, seq FROM points WHERE lead_id = :lead
ORDER BY booked_at, seq, cause""")

_MOVES = text("SELECT seq, stage, before, reason, at, step FROM stages WHERE lead_id = :lead ORDER BY seq")

_RUNS = text("SELECT * FROM enrolments WHERE lead_id = :lead ORDER BY started_at, number")

_MESSAGES = text("""
SELECT id, owner_id, step, visit, template, kind, staff, state, reason, source, subject, at, held
FROM messages
WHERE lead_id = :lead ORDER BY at""")

_WAITS = text("""
SELECT w.enrolment_id, w.step, w.source, w.what, w.due_at, w.held FROM waits w
JOIN enrolments e ON e.id = w.enrolment_id WHERE e.lead_id = :lead ORDER BY w.branch""")

_HANDOFFS = text(
    "SELECT id, enrolment_id, source, step FROM handoffs WHERE lead_id = :lead AND enrolment_id IS NOT NULL"
)

_CONSENTS = text("SELECT topic, state, at FROM consents WHERE lead_id = :lead AND state <> 'asked' ORDER BY at, seq")

_SINCE = text("""
SELECT min(d.at) FROM plans p JOIN deployments d ON d.epoch = p.epoch WHERE p.digest = :digest""")

_HOLDS = text("""
SELECT state, author, reason, at, until FROM campaign_states
WHERE state <> 'running' AND campaign IN ('', lower(:campaign)) ORDER BY at""")

# Only where something is written otherwise than before, since most deployments leave most campaigns as they are.
_EDITIONS = text("""
SELECT at, body FROM (
    SELECT d.epoch, d.at, p AS body, lag(p) OVER (ORDER BY d.epoch) AS before
    FROM deployments d, jsonb_array_elements(d.program->'campaigns') p
    WHERE lower(p->>'campaign') = lower(:campaign)) written
WHERE body IS DISTINCT FROM before ORDER BY epoch""")

_SCORINGS = text("""
SELECT at, body FROM (
    SELECT epoch, at, program->'scorings' AS body, lag(program->'scorings') OVER (ORDER BY epoch) AS before
    FROM deployments) written
WHERE body IS DISTINCT FROM before ORDER BY epoch""")

_DOUBTS = text("""
SELECT h.seq, h.kind, e.at, h.reasons FROM mail_hits h JOIN events e ON e.lead_id = h.lead_id AND e.seq = h.seq
WHERE h.lead_id = :lead AND h.judgement = 'machine' ORDER BY h.seq""")

_OWN = text("""
SELECT max(campaign) FROM enrolments WHERE lead_id = :lead AND campaign NOT LIKE :made
GROUP BY lower(campaign) ORDER BY max(started_at), lower(campaign)""")
_CAMPAIGNS = text("SELECT DISTINCT campaign FROM enrolments")


class Unknown(Exception):
    """There is no such lead or campaign. `names` are those there are, to look for near ones among."""

    def __init__(self, what: str, word: str, names: tuple[str, ...]) -> None:
        super().__init__(what, word)
        self.what, self.word, self.names = what, word, names


async def read(db: Database, who: str, campaign: str, now: datetime) -> Log:
    """Everything about the lead (an address or an id) in the campaign. Raises Unknown."""
    catalog = Catalog(db)
    deployment = await catalog.refresh()
    if deployment is None:
        raise Unknown("deployment", "", ())
    async with db.engine.connect() as connection:
        lead = await find_lead(connection, who)
        name = await _campaign(connection, deployment.program, campaign)
        runs = list((await connection.execute(_RUNS, {"lead": lead.id})).mappings())
        mine = [row for row in runs if row["campaign"].casefold() == name.casefold()]
        await catalog.need(row["digest"] for row in mine)
        return await _log(connection, deployment, catalog, lead, name, runs, now)


async def campaigns_of(db: Database, who: str) -> list[str]:
    """The campaigns that the lead (an address or an id) is or was in, by the start of the newest run; never those that
    the compiler made. Raises Unknown."""
    if await Catalog(db).refresh() is None:
        raise Unknown("deployment", "", ())
    async with db.engine.connect() as connection:
        lead = await find_lead(connection, who)
        rows = (await connection.execute(_OWN, {"lead": lead.id, "made": f"{CONFIRMING}%"})).scalars()
        return list(rows)


async def find_lead(connection: AsyncConnection, who: str) -> Lead:
    """The lead with that address or id. Raises Unknown with addresses like it."""
    try:
        id = str(UUID(who))
    except ValueError:
        id = None
    try:
        key = email_key(who)
    except ValueError:
        key = who.casefold()
    row = (await connection.execute(_LEAD, {"key": key, "id": id})).mappings().one_or_none()
    if row is None:
        begin, _, domain = key.partition("@")
        values = {"begin": f"{_plain(begin)[:2]}%", "end": f"%@{_plain(domain)}" if domain else "-"}
        raise Unknown("lead", who, tuple((await connection.execute(_SIMILAR, values)).scalars()))
    return Lead(**row)


def _plain(part: str) -> str:
    return part.replace("\\", "").replace("%", "").replace("_", "")


async def _campaign(connection: AsyncConnection, program: Program, wanted: str) -> str:
    names = [plan.campaign for plan in program.campaigns]
    names += [name for name in (await connection.execute(_CAMPAIGNS)).scalars() if name not in names]
    for name in names:
        if name.casefold() == wanted.casefold():
            return name
    raise Unknown("campaign", wanted, tuple(names))


async def _log(
    connection: AsyncConnection, deployment: Deployment, catalog: Catalog, lead: Lead, name: str, rows: list[Any],
    now: datetime,
) -> Log:  # fmt: skip
    async def all_of(statement: Any, **more: Any) -> list[Any]:
        return list(await connection.execute(statement, {"lead": lead.id, **more}))

    program = deployment.program
    plan = next((one for one in program.campaigns if one.campaign.casefold() == name.casefold()), None)
    since = (await connection.execute(_SINCE, {"digest": plan.digest})).scalar() if plan else None
    events = [
        Event(row.seq, row.at, row.type, row.name, row.data, row.key, row.enrolment_id, row.message_id)
        for row in await all_of(_EVENTS, most=MOST_EVENTS)
    ]  # fmt: skip
    moves = [one for one in events if one.type == NOTED and one.name == "moved"]
    await catalog.need(one.data["from"] for one in moves)
    earlier = [(str(one.data["campaign run"]), one.at, catalog.plan(one.data["from"])) for one in moves]
    written = await connection.execute(_EDITIONS, {"campaign": name})
    editions = tuple([(row.at, Plan.model_validate(row.body)) for row in written])
    messages, waits, handoffs = await all_of(_MESSAGES), await all_of(_WAITS), await all_of(_HANDOFFS)
    runs = [
        _run(row, catalog.plan(row["digest"]), earlier, editions, messages, waits, handoffs)
        for row in rows if row["campaign"].casefold() == name.casefold()
    ]  # fmt: skip
    kept = calendar.since(program.workspace.events_kept or EVENTS_KEPT, now, program.workspace.timezone)
    missing = lead.created_at < kept and len(events) < min(lead.seq, MOST_EVENTS)
    return Log(
        forgotten=kept if missing else None,
        lead=lead, program=program, campaign=name, now=now, plan=plan, deployed_at=since,
        events=events,
        points=[
            Points(row.cause, row.rule, row.model, float(row.amount), float(row.score_after), row.booked_at, row.seq)
            for row in await all_of(_POINTS)
        ],
        moves=[Move(row.seq, row.stage, row.before, row.reason, row.at, row.step) for row in await all_of(_MOVES)],
        runs=runs,
        others=[
            (row["campaign"], row["started_at"], row["ended_at"])
            for row in rows if row["campaign"].casefold() != name.casefold()
        ],
        received=[
            Event(0, row.at, "email.received", row.template, {}, message_id=row.id)
            for row in messages if row.state == "accepted" and row.kind in ("marketing", "transactional")
        ],
        consents=[(row.topic, row.state, row.at) for row in await all_of(_CONSENTS)],
        holds=[Hold(*row) for row in await connection.execute(_HOLDS, {"campaign": name})],
        sources=[
            (row.at, {rule["id"]: rule["source"] for scoring in row.body for rule in scoring["rules"]})
            for row in await connection.execute(_SCORINGS)
        ],
        doubts=[
            Doubt(row.seq, row.kind, row.at, tuple(hits.words(one) for one in row.reasons))
            for row in await all_of(_DOUBTS)
        ],
    )  # fmt: skip


def _run(
    row: Mapping[str, Any], plan: Plan | None, earlier: list[tuple[str, datetime, Plan | None]],
    editions: tuple[tuple[datetime, Plan], ...], messages: list[Any], waits: list[Any], handoffs: list[Any],
) -> Run:  # fmt: skip
    position = Position.from_json(row["position"])
    id = row["id"]
    return Run(
        id=id, number=row["number"], digest=row["digest"], plan=plan, state=row["state"], outcome=row["outcome"],
        attention=row["attention"], leave_seq=row["leave_seq"], started_at=row["started_at"], ended_at=row["ended_at"],
        entered=position.entered, per=row["per"], start=position.start,
        path=tuple(Walk(step, datetime.fromisoformat(at), branch) for step, at, branch in position.path),
        messages=tuple(
            Message(
                m.step, m.visit, m.template, m.state, m.reason, m.source, m.subject, m.at, m.id, m.staff,
                tuple((datetime.fromisoformat(at), why) for at, why in m.held or ()),
            )
            for m in messages if m.owner_id == id
        ),
        rests=tuple(Rest(w.step, w.source, w.what, w.due_at, w.held) for w in waits if w.enrolment_id == id),
        handoffs=tuple(Opened(h.id, h.step, h.source) for h in handoffs if h.enrolment_id == id),
        editions=editions,
        earlier=tuple((at, before) for run, at, before in earlier if run == str(id)),
    )  # fmt: skip
