"""Programs and campaigns built from plan models, deployed on a stage, and short ways to ask what came of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from dsl.compile import compile_workspace
from dsl.plan import After, AnyStep, Duration, Pattern, Plan, Program, Rule, Scalar, Send, Start, Wait, Workspace
from engine.deploying.deploy import deploy
from engine.leads import lead_clocks
from engine.leads.intake import Occurrence, record
from engine.model.lead import Event
from engine.model.ports import Parcel, Receipt
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.runtime.runtime import open_runtime
from engine.runtime.transaction import commit, open_ledger
from engine.store import leads
from engine.store.writes import Writes
from tests.support.stage import TUESDAY, FakeMailer, LocalRuns, Stage, open_stage

ANN = "ann@lead.example"
START = Pattern(type="custom", name="start")
_numbers = itertools.count()


def campaign(name: str, *starts: Pattern | Start, **more: Any) -> Plan:
    """A campaign that only waits, unless steps are given."""
    begun = tuple(one if isinstance(one, Start) else Start(pattern=one, source="c:1") for one in starts)
    return Plan.model_validate(
        {
            "campaign": name,
            "source": "c:1",
            "starts": begun,
            "entry": "w",
            "steps": (Wait(id="w", source="c:2"),),
            **more,
        }
    )


def points(amount: float, pattern: Pattern | None = None, **more: Any) -> Rule:
    return Rule(id=f"r{next(_numbers)}", amount=amount, pattern=pattern, source="s:1", **more)


@asynccontextmanager
async def open_program(url: str, *campaigns: Plan, **declared: Any) -> AsyncIterator[Stage]:
    """A stage with that program deployed; `declared` are further parts of it, or `zone`."""
    clock, mailer, runs = FixedClock(TUESDAY), FakeMailer(), LocalRuns()
    settings = Settings(database_url=url, mails_per_second=1000)
    async with open_runtime(settings, runs=runs, mailer=mailer, clock=clock) as rt:
        stage = Stage(rt, clock, mailer, runs)
        await deploy_program(stage, *campaigns, **declared)
        yield stage


async def deploy_program(stage: Stage, *campaigns: Plan, **declared: Any) -> None:
    workspace = Workspace(name="w", timezone=declared.pop("zone", "UTC"), **declared.pop("workspace", {}))
    program = Program(workspace=workspace, campaigns=campaigns, **declared)
    await deploy(stage.rt.db, stage.clock, program, {}, "test")
    await stage.rt.catalog.refresh()


async def happen(stage: Stage, type: Any, name: str, data: Mapping[str, Any] | None = None, email: str = ANN) -> str:
    """Something another system saw; afterwards every run rests."""
    state = await record(stage.rt, Occurrence(type, name, data or {}, email))
    await stage.settle()
    return state


async def sweep(stage: Stage) -> None:
    """Until no clock is due and every lead has seen the deployment; afterwards every run rests."""
    for _ in range(100):
        if not await lead_clocks.ring_clocks(stage.rt):
            await stage.settle(due=True)
            return
    raise AssertionError("the clocks never rest")


async def events(stage: Stage, type: str) -> list[Event]:
    found = await stage.rows(
        "SELECT seq, at, type, name, data FROM events WHERE type = %(type)s ORDER BY seq", type=type
    )
    return [Event(one.seq, one.at, one.type, one.name, one.data) for one in found]


async def met(stage: Stage, pattern: Pattern) -> int:
    """How often a composite pattern has come true."""
    found = await stage.rows("SELECT count(*) AS many FROM events WHERE name = %(key)s", key=pattern.key)
    return int(found[0].many)


async def runs(stage: Stage) -> list[str]:
    """The campaigns that leads have entered, in order."""
    return [one.campaign for one in await stage.rows("SELECT campaign FROM enrolments ORDER BY started_at, campaign")]


async def lead(stage: Stage, email: str = ANN) -> Any:
    return (await stage.rows("SELECT * FROM leads WHERE email = %(email)s", email=email))[0]


# ── campaigns as steps, beside a small workspace ─────────────────────────────────────────────────────────────────────
WORKSPACE = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme, Street 1, Town"
    topic "news" "News"
    topic "product" "Tips"
    mail is allowed until opt-out
    tracking is always on

field plan text
field visits number
field contract_end date

form "in"
    ask email required
    ask first_name
    ask country
    ask contract_end
    ask visits
    consent "Yes" for topic "news"

form "edit"
    ask email required
    ask contract_end

form "demo"
    ask email required

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
    stage SQL
        when form "demo" is submitted
    stage Lost outside the order

team "Sales"
    takes all leads
    member "eva@acme.example"
    member "jonas@acme.example"
    away "jonas@acme.example" from 2026-08-01 to 2026-09-02
"""
ENTRY = Pattern(type="form.submitted", name="in")
DEMO = Pattern(type="form.submitted", name="demo")


class FakePoster:
    """Keeps what it was given. `script` holds receipts to answer with; afterwards everything is accepted."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.script: list[Receipt] = []

    async def post(self, one: Parcel) -> Receipt:
        self.parcels.append(one)
        return self.script.pop(0) if self.script else Receipt("accepted")

    async def close(self) -> None:
        pass


def campaign_with(*steps: AnyStep, name: str = "C", entry: str | None = None, **more: Any) -> Plan:
    """A campaign that form "in" starts; the flow begins with the first step."""
    starts = more.pop("starts", (Start(pattern=ENTRY, source="c:1"),))
    return Plan(campaign=name, source="c:1", starts=starts, entry=entry or steps[0].id, steps=steps, **more)


def send(id: str, next: str | None = None, **more: Any) -> Send:
    return Send(id=id, source="c:2", template=more.pop("template", id), next=next, **more)


def wait(id: str, days: int, next: str | None = None) -> Wait:
    return Wait(id=id, source="c:3", until=After(duration=Duration(days=days)), then=next)


async def deploy_plans(stage: Stage, *plans: Plan, workspace: str = WORKSPACE, **templates: str) -> None:
    compiled = compile_workspace({"campaigns/test.campaign": workspace}, ())
    assert compiled.program is not None, "\n".join(one.message for one in compiled.diagnostics)
    used = {step.template for plan in plans for step in plan.steps if step.kind in ("send", "notify")}
    texts = {name: f"---\nsubject: {name}\n---\n[go](https://acme.example/{name})\n" for name in used} | templates
    files = {f"templates/{name}.md": text.encode() for name, text in texts.items()}
    program = compiled.program.model_copy(update={"campaigns": plans})
    await deploy(stage.rt.db, stage.rt.clock, program, files, "test")


@asynccontextmanager
async def staged(
    database_url: str, *plans: Plan, workspace: str = WORKSPACE, templates: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:  # fmt: skip
    """A stage with these plans deployed; posts go to `stage.rt.poster`, a FakePoster."""
    async with open_stage(database_url, workspace) as stage:
        stage.rt.poster = FakePoster()
        await deploy_plans(stage, *plans, workspace=workspace, **(templates or {}))
        yield stage


async def enter(stage: Stage, number: int = 1, **values: Any) -> str:
    """A new lead posts form "in"; their address."""
    email = f"lead{number}@x.example"
    await stage.post("in", ("news",), email=email, **values)
    return email


async def steps_of(stage: Stage) -> list[tuple[str, str, str]]:
    """What left the house or was passed over: step, state and reason, in order."""
    rows = await stage.rows("SELECT step, state, reason FROM messages ORDER BY at, step, visit")
    return [tuple(row) for row in rows]


async def outcomes(stage: Stage) -> list[tuple[str, str, str | None]]:
    """Each run's campaign, state and outcome, in the order they began."""
    rows = await stage.rows("SELECT campaign, state, outcome FROM enrolments ORDER BY started_at, campaign, number")
    return [tuple(row) for row in rows]


async def change(stage: Stage, id: UUID, field: str, value: Scalar | None) -> None:
    """Somebody else writes a field."""
    async with stage.rt.db.hot() as hot:
        locked = await leads.lock(hot, id)
        assert locked is not None
        ledger, _ = await open_ledger(stage.rt, hot, locked)
        assert ledger.set_field(field, value)
        await commit(stage.rt, hot, ledger, Writes())
    await stage.settle()
