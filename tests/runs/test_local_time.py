"""What is pending in local terms is worked out again when the zone, closed days, quiet hours or a limit change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from dsl.plan import (
    After,
    AnyStep,
    At,
    BusinessHours,
    Duration,
    Limit,
    Moment,
    Plan,
    Program,
    Relative,
    Repeat,
    Send,
    Wait,
    Weekday,
    Workspace,
)
from engine.deploying import jobs
from engine.model.lead import Facts
from engine.rules.runs.interpreter import Effect, Verdict, World, begin, settle, step
from engine.rules.runs.local_time import basis_of
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep
from tests.support.attacks import FORMS, HEAD
from tests.support.stage import Stage, deploy_text, open_stage

MONDAY = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
HELD = datetime(2026, 9, 8, 6, 0, tzinfo=UTC)
BERLIN = Workspace(
    name="Test", timezone="Europe/Berlin", quiet_hours=("20:00", "08:00"),
    business_hours=BusinessHours(zone="Europe/Berlin"), mail_limit=Limit(times=3, per=Duration(days=7)),
)  # fmt: skip
CHANGES: dict[str, tuple[str, Workspace]] = {
    "nothing": ("Europe/Berlin", BERLIN),
    "zone": ("America/New_York", BERLIN),
    "closed days": ("Europe/Berlin", BERLIN.model_copy(
        update={"business_hours": BusinessHours(zone="Europe/Berlin", closed=(("2026-09-08", "2026-09-08"),))})),
    "quiet hours": ("Europe/Berlin", BERLIN.model_copy(update={"quiet_hours": ("18:00", "10:00")})),
    "limit": ("Europe/Berlin", BERLIN.model_copy(update={"mail_limit": Limit(times=1, per=Duration(days=7))})),
    "name": ("Europe/Berlin", BERLIN.model_copy(update={"name": "Other"})),
}  # fmt: skip


def waits(until: Moment) -> AnyStep:
    return Wait(id="a", source="c:1", until=until, then=None)


PENDING: dict[str, tuple[AnyStep, dict[str, timedelta]]] = {
    "until tuesday 10:00": (waits(Weekday(weekday=1, time="10:00")), {"zone": timedelta(hours=6)}),
    "until a date": (waits(At(date="2026-09-10", time="09:00")), {"zone": timedelta(hours=6)}),
    "until a date elsewhere": (waits(At(date="2026-09-10", time="09:00", zone="Asia/Tokyo")), {}),
    "before a field": (
        waits(Relative(field="day", offset=Duration(days=1), before=True, time="09:00")), {"zone": timedelta(hours=6)},
    ),
    "before a moment": (waits(Relative(field="moment", offset=Duration(days=1), before=True, time="09:00")), {}),
    "3 days": (waits(After(duration=Duration(days=3))), {}),
    "3 days over a clock change": (waits(After(duration=Duration(days=50))), {"zone": timedelta(hours=-1)}),
    "1 business day": (waits(After(duration=Duration(business_days=1))), {"closed days": timedelta(days=1)}),
    "every 50 days": (
        Repeat(id="a", source="c:1", times=2, every=Duration(days=50), body="b", next=None),
        {"zone": timedelta(hours=-1)},
    ),
}  # fmt: skip


def world(zone: str, workspace: Workspace, now: datetime) -> World:
    program = Program(workspace=workspace)
    fields = {"day": "2026-09-20", "moment": "2026-09-20T09:00:00+00:00"}
    return World(
        enrolment=UUID(int=1), now=now, seq=1, facts=lambda: Facts(fields=fields), zone=zone,
        hours=workspace.business_hours, basis=basis_of(zone, program),
    )  # fmt: skip


def rest(plan: Plan, position: Position, at: World) -> tuple[Position, Sleep]:
    while True:
        position, request = step(plan, Position.from_json(position.to_json()), at)
        if isinstance(request, Sleep):
            return position, request
        assert isinstance(request, Effect)
        position = settle(plan, position, request, Verdict(1))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("pending", PENDING)
def test_what_depends_on_what(pending: str, change: str) -> None:
    current, moves = PENDING[pending]
    after = Wait(id="b", source="c:2", then="a") if isinstance(current, Repeat) else None
    steps = (current, after) if after else (current,)
    plan = Plan(campaign="c", source="c:0", topic=None, starts=(), entry="a", steps=steps)
    position, before = rest(plan, begin(plan, 1, None), world("Europe/Berlin", BERLIN, MONDAY))
    assert before.due is not None
    _, now = rest(plan, position, world(*CHANGES[change], MONDAY + timedelta(hours=2)))
    assert now.due == before.due + moves.get(change, timedelta())


@pytest.mark.parametrize("change", CHANGES)
def test_an_email_that_is_held_is_judged_again(change: str) -> None:
    plan = Plan(campaign="c", source="c:0", topic=None, starts=(), entry="a",
                steps=(Send(id="a", source="c:1", template="t", next=None),))  # fmt: skip
    position, request = step(plan, begin(plan, 1, None), world("Europe/Berlin", BERLIN, MONDAY))
    assert isinstance(request, Effect)
    position = settle(plan, position, request, Verdict(1, until=HELD))
    _, request = step(plan, position, world(*CHANGES[change], MONDAY + timedelta(hours=2)))
    assert isinstance(request, Sleep if change in ("nothing", "name") else Effect)


def test_an_instant_that_would_have_passed_comes_now_and_one_that_came_stays() -> None:
    current, _ = PENDING["until tuesday 10:00"]
    plan = Plan(campaign="c", source="c:0", topic=None, starts=(), entry="a", steps=(current,))
    position, before = rest(plan, begin(plan, 1, None), world("Europe/Berlin", BERLIN, MONDAY))
    assert before.due == datetime(2026, 9, 8, 8, 0, tzinfo=UTC)
    moved, request = step(plan, position, world("Asia/Tokyo", BERLIN, datetime(2026, 9, 8, 2, 0, tzinfo=UTC)))
    assert not moved.branches  # it is 11:00 in Tokyo
    late = world("America/New_York", BERLIN, before.due)
    assert not step(plan, position, late)[0].branches
    old = replace(position, branches=tuple(replace(one, basis="") for one in position.branches))
    kept, request = step(plan, old, world("America/New_York", BERLIN, MONDAY + timedelta(hours=2)))
    assert isinstance(request, Sleep)
    assert (request.due, kept.branches[0].basis[:16]) == (before.due, "America/New_York")


CAMPAIGN = """
campaign "Guide"
    starts when form "in" is submitted
    flow
        wait until tuesday 10:00
        send "one"
"""


async def due(stage: Stage) -> str:
    (row,) = await stage.rows("SELECT due_at FROM waits")
    return f"{row.due_at.astimezone(UTC):%Y-%m-%d %H:%M}"


async def test_a_lead_that_moves_waits_for_its_own_tuesday(new_database: Callable[[], str]) -> None:
    fields = FORMS.replace("    ask first_name\n", "    ask first_name\n    ask timezone\n")
    async with open_stage(new_database(), HEAD + fields + CAMPAIGN) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.settle()
        assert await due(stage) == "2026-09-01 10:00"
        await stage.post("in", email="ann@lead.example", timezone="America/New_York")
        await stage.settle()
        assert await due(stage) == "2026-09-01 14:00"
        await stage.pass_time(timedelta(hours=8))
        assert [mail.subject for mail in stage.mailer.mails] == ["one"]


async def carried(stage: Stage, workspace: str) -> None:
    await deploy_text(stage.rt, workspace)
    while await jobs.carry(stage.rt):
        pass
    while await stage.rt.delivery.sweep():
        await stage.settle()
    await stage.settle()


async def test_deploying_other_quiet_hours_or_another_zone_moves_what_is_pending(
    new_database: Callable[[], str],
) -> None:
    quiet = HEAD + "    quiet hours from 06:00 to 20:00\n"
    flow = CAMPAIGN.replace("        wait until tuesday 10:00\n", "")
    async with open_stage(new_database(), quiet + FORMS + flow) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.settle()
        assert (await due(stage))[:13] == "2026-09-01 20"
        (row,) = await stage.rows("SELECT held FROM waits")
        assert row.held == "quiet hours from 06:00 to 20:00"
        stage.clock.advance(timedelta(minutes=5))
        await carried(stage, quiet.replace("to 20:00", "to 15:00") + FORMS + flow)
        assert (await due(stage))[:13] == "2026-09-01 15"
        (row,) = await stage.rows("SELECT held FROM waits")
        assert row.held == "quiet hours from 06:00 to 15:00"
        stage.clock.advance(timedelta(minutes=5))
        await carried(stage, HEAD + FORMS + flow)
        assert [mail.subject for mail in stage.mailer.mails] == ["one"]


async def test_a_deployment_that_changes_no_such_thing_wakes_nobody(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), HEAD + FORMS + CAMPAIGN) as stage:
        await deploy_text(stage.rt, (HEAD + FORMS + CAMPAIGN).replace('"Test"', '"Other"'))
        assert await stage.rows("SELECT * FROM jobs") == []
