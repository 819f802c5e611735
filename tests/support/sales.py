"""A workspace with two sales teams, and what tests about handoffs do and look at over and over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from dsl.plan import Program, Team
from engine.deploying.deploy import deploy
from engine.sales import handoffs
from tests.support.stage import COMPANY, Stage

EVA, JONAS, BOSS, SAM = "eva@acme.example", "jonas@acme.example", "boss@acme.example", "sam@acme.example"
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)  # a Tuesday, business hours 9 to 17
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WORKSPACE = (
    COMPANY
    + """
form "demo"
    ask email required
    ask first_name
    ask company
    ask country
    consent "Yes" for topic "news"

form "paper"
    ask email required
    ask country

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
    stage SQL
        when sales accepts

team "DACH"
    takes leads where country in ("DE", "AT")
    member "eva@acme.example"
    member "jonas@acme.example"
    assign round robin
    acknowledge within 4 business hours, then reassign
    contact within 1 business day, then escalate to "boss@acme.example"
    decide within 14 days, then recycle

team "Rest"
    takes all other leads
    member "sam@acme.example", up to 1 open
    acknowledge within 4 business hours, then escalate to "boss@acme.example"

campaign "Sell"
    starts when form "demo" is submitted
    enters once
    topic "news"
    flow
        hand off to sales as MQL
            note "Works at {{ lead.company }}, wrote {{ event.first_name }}"
            when accepted
                send "congratulations"
            when rejected because "not ready"
                send "later"
            when rejected
                send "goodbye"
            when overdue
                send "sorry"

campaign "Also"
    starts when form "paper" is submitted
    enters once
    flow
        hand off to sales
            when accepted
                add 7 points
"""
)


async def enter(stage: Stage, name: str = "ann", country: str = "DE", form: str = "demo", **more: Any) -> UUID:
    """A lead who is handed over at once; the handoff's id."""
    values = {"email": f"{name}@lead.example", "country": country, **more}
    if form == "demo":
        values = {"first_name": name.title(), "company": f"{name.title()} Ltd", **values}
    done = await stage.post(form, ("news",) if form == "demo" else (), **values)
    rows = await stage.rows("SELECT id FROM handoffs WHERE lead_id = %(lead)s ORDER BY opened_at", lead=done.lead_id)
    return rows[-1].id


async def row_of(stage: Stage, id: UUID) -> Any:
    [row] = await stage.rows(
        "SELECT h.*, state->>'phase' AS phase, l.stage AS lead_stage, l.fields FROM handoffs h "
        "JOIN leads l ON l.id = h.lead_id WHERE h.id = %(id)s", id=id,
    )  # fmt: skip
    return row


async def keep_teams(stage: Stage, *names: str) -> None:
    """Deploy the same workspace with only these teams; the compiler would not let leads go to nobody."""
    teams = [team.model_dump() for team in await all_teams(stage) if team.name in names]
    await deploy_changed(stage, teams=teams)


async def all_teams(stage: Stage) -> tuple[Team, ...]:
    deployment = await stage.rt.catalog.refresh()
    assert deployment is not None
    return deployment.program.teams


async def deploy_changed(stage: Stage, **changes: Any) -> None:
    deployment = await stage.rt.catalog.refresh()
    assert deployment is not None
    program = {**deployment.program.model_dump(), **changes}
    bundle = {f"templates/{path}": text.encode() for path, text in deployment.templates.items()}
    await deploy(stage.rt.db, stage.clock, Program.model_validate(program), bundle, "test")


def told(stage: Stage, to: str) -> list[str]:
    """The subjects of a colleague's mails, up to the colon."""
    return [mail.subject.partition(":")[0] for mail in stage.mailer.mails if mail.to == to]


def to_lead(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails if mail.to.endswith("@lead.example")]


async def log_of(stage: Stage, id: UUID) -> list[str]:
    rows = await stage.rows("SELECT type FROM events WHERE data->>'handoff' = %(id)s ORDER BY lead_id, seq", id=str(id))
    return [row.type for row in rows]


async def act(stage: Stage, id: UUID, action: Any, by: str, reason: str | None = None) -> str:
    done = await handoffs.act(stage.rt, id, action, by, reason)
    await stage.settle()
    return done
