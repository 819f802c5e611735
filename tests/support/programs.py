"""Programs built from plan models, deployed on a stage, and short ways to ask what came of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from dsl.plan import Pattern, Plan, Program, Rule, Start, Wait, Workspace
from engine.deploying.deploy import deploy
from engine.leads import lead_clocks
from engine.leads.intake import Occurrence, record
from engine.model.lead import Event
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.runtime.runtime import open_runtime
from tests.support.stage import TUESDAY, FakeMailer, LocalRuns, Stage

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
