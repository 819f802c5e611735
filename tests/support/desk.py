"""A company at the desk: the generated one of the reports, and a lead all of whose texts are an attack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.access import users
from engine.platform.settings import Settings
from engine.reports.keeping import keep_up
from engine.runtime.runtime import Runtime
from engine.store import gates
from tests.reports.company import drawn
from tests.reports.conftest import COMPANY, NOW
from tests.reports.rows import store
from tests.support.stage import Stage, open_stage

ATTACK = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7*7 }}"""
LONG = "Maximiliana " * 25
RIGHT_TO_LEFT = "שלום עולם"
HOSTILE = "hostile@lead.example"
SALES = """
campaign "To sales"
    starts when form "demo" is submitted
    flow
        hand off to team "Sales"
"""
VISIT = "url=https://acme.example/a?utm_source=google%26utm_medium=cpc"
BY = (None, "test")
_ATTACKED = (
    "UPDATE leads SET fields = fields || jsonb_build_object('first_name', CAST(:x AS text), 'last_name', "
    "CAST(:long AS text), 'company', CAST(:x AS text), 'plan', CAST(:x AS text)), attention = :x, "
    "interests = jsonb_build_object(CAST(:x AS text), 1), lists = jsonb_build_object(CAST(:x AS text), '2026-01-01'), "
    "origin = origin || jsonb_build_object('created_campaign', CAST(:x AS text)) WHERE id = :lead",
    "UPDATE events SET name = :x, data = data || jsonb_build_object('agent', CAST(:x AS text), 'url', "
    "CAST(:x AS text), 'reason', CAST(:x AS text), 'comment', CAST(:x AS text)) WHERE lead_id = :lead",
    "UPDATE points SET rule = :x, thing = :x WHERE lead_id = :lead",
    "UPDATE consents SET record = record || jsonb_build_object('wording', CAST(:x AS text), 'form', CAST(:x AS text)) "
    "WHERE lead_id = :lead",
    "UPDATE messages SET subject = :x, reason = :x, template = :x WHERE lead_id = :lead",
    "UPDATE handoffs SET note = :x, reason = :x, attention = :x WHERE lead_id = :lead",
    "UPDATE enrolments SET attention = :x WHERE lead_id = :lead AND state <> 'ended'",
    "UPDATE waits SET what = :x, held = :x, source = :x WHERE enrolment_id IN "
    "(SELECT id FROM enrolments WHERE lead_id = :lead)",
    "INSERT INTO stages (lead_id, seq, stage, before, reason, at) VALUES (:lead, 99999, :x, :x, :x, now())",
    "INSERT INTO sources (id, channel, source, medium, campaign, keyword, content, version) VALUES "
    "(4711, :x, :x, :x, :x, :x, :x, 1)",
    "INSERT INTO touches (lead_id, key, source_id, kind, at) VALUES (:lead, 'x', 4711, 'visit', now())",
    "INSERT INTO sessions (id, visitor_id, source_id, landing, pages, begun, last_at) VALUES "
    "(gen_random_uuid(), gen_random_uuid(), 4711, :x, 1, now(), now())",
    "INSERT INTO webhook_posts (id, run_id, lead_id, campaign, step, url, body, state, reason, attempts, at) VALUES "
    "(gen_random_uuid(), gen_random_uuid(), :lead, :x, :x, :x, '{}', 'failed', :x, 1, now())",
    "INSERT INTO deals (id, status, leads) VALUES (:x, 'open', ARRAY[CAST(:lead AS uuid)])",
)


@dataclass
class Filled:
    stage: Stage
    rt: Runtime
    hostile: UUID
    person: UUID
    """A lead of the generated company."""


@asynccontextmanager
async def filled(database_url: str, base_url: str) -> AsyncIterator[Filled]:
    """The company, at `base_url`, with a gate that is closed."""
    async with open_stage(database_url, COMPANY + SALES) as stage:
        stage.clock.set(NOW)
        story = drawn(7)
        await store(stage.rt.db, story)
        for form in ("in", "demo"):
            await stage.post(form, ("news",) if form == "in" else (), email=HOSTILE)
        await stage.post("demo", email="rtl@lead.example", first_name=RIGHT_TO_LEFT)
        async with stage.rt.db.engine.begin() as connection:
            find = text("SELECT id FROM leads WHERE email_key = :key")
            hostile = (await connection.execute(find, {"key": HOSTILE})).scalar_one()
            for statement in _ATTACKED:
                used = {"x": ATTACK, "long": LONG, "lead": hostile}
                await connection.execute(
                    text(statement), {name: value for name, value in used.items() if f":{name}" in statement}
                )
        await keep_up(stage.rt)
        real = stage.clock.real()
        await gates.close(stage.rt.db, "mailbox", ATTACK, real + timedelta(hours=1), real)
        settings: Settings = stage.rt.settings.model_copy(update={"base_url": base_url})
        yield Filled(stage, replace(stage.rt, settings=settings), hostile, story.people[0].id)


async def link(rt: Runtime, *roles: str, email: str = "eva@acme.example") -> str:
    """The path of a link by which a colleague with these roles comes in."""
    user = await users.find(rt, email) or await users.add(rt, email, ATTACK, roles, BY)
    return await users.make_link(rt, user, "entry", BY)


def pages(found: Filled) -> list[str]:
    """The address of each page there is, with what it can be asked."""
    campaign = "name=Nurture"
    named: list[Any] = ["sources", "funnel", "nurture", "campaigns", "opportunities", "content", "segments", "sales"]
    return [
        "/desk", f"/desk/web?{VISIT}",
        "/desk/operations", "/desk/campaigns", f"/desk/campaigns/one?{campaign}", "/desk/leads",
        "/desk/leads?q=nobody-at-all", f"/desk/leads/{found.hostile}", f"/desk/leads/{found.hostile}/why",
        f"/desk/leads/{found.person}", "/desk/sales", "/desk/reports",
        *(f"/desk/reports/{name}?from=2026-01-01&to=2026-12-31" for name in named),
        "/desk/users", "/desk/log", "/desk/account",
    ]  # fmt: skip
