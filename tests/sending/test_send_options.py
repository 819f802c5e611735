"""How an email is sent does not make it another step: leads stay where they are when an option changes, also those on
plans from before, whose ids counted the options."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dsl.plan import BusinessHours, Plan
from engine.rules.deploying.changes import compare_steps
from engine.rules.deploying.moves import Moved, Times, move, step_map
from engine.rules.deploying.same_steps import relabelled, renamed
from engine.rules.runs.position import FLOW, Branch, Position
from tests.deploying.test_moving import BEFORE, SALES, move_to
from tests.dsl.harness import compile_text
from tests.support.attacks import FORMS, HEAD
from tests.support.stage import open_stage

NOW = datetime(2026, 9, 1, tzinfo=UTC)
TIMES = Times("UTC", BusinessHours(zone="UTC"))
PLAIN = 'send "whitepaper/welcome"'
OPTIONS = [
    "as trigger", "as transactional", "within 2 days", "with discount = 10", 'testing subject "A" or "B"',
    'as trigger within 1 hour with discount = 10 testing subject "A" or "B"',
]  # fmt: skip


def campaign(*lines: str) -> Plan:
    steps = "".join(f"        {line}\n" for line in lines)
    program = compile_text(f'campaign "C"\n    starts when form "demo" is submitted\n    flow\n{steps}').program
    assert program is not None
    return program.campaigns[0]


def legacy(plan: Plan, *ids: str) -> Plan:
    """The plan as if its emails had had these ids, in the order of the text."""
    sends = [step.id for step in plan.steps if step.kind == "send"]
    return relabelled(plan, dict(zip(sends, ids, strict=True)))


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_not_part_of_a_steps_id(option: str) -> None:
    before, after = campaign(PLAIN, "wait 1 day"), campaign(f"{PLAIN} {option}", "wait 1 day")
    assert [step.id for step in after.steps] == [step.id for step in before.steps]
    assert after.digest != before.digest
    assert [part.kind for part in compare_steps(before, after)] == ["changed"]


def test_emails_of_one_template_are_told_apart_by_their_order() -> None:
    plan = campaign(f"{PLAIN} as trigger", "wait 1 day", PLAIN)
    first, _, second = (step.id for step in plan.steps)
    assert first != second
    assert first == campaign(PLAIN).steps[0].id


@pytest.mark.parametrize("option", OPTIONS)
def test_a_lead_at_an_email_of_an_old_plan_moves_with_it(option: str) -> None:
    old = legacy(campaign(PLAIN, "wait 1 day", f"{PLAIN} {option}", "wait 2 days"), "send:old", "send:older")
    new = campaign(f"{PLAIN} {option}", "wait 1 day", PLAIN, "wait 2 days")
    branch = Branch(FLOW, "send:older", "0", cursor=1, arrived=NOW, hold=NOW + timedelta(hours=1))
    where = move(old, new, Position(branches=(branch,), entered=1), {("send:old", "0")}, TIMES)
    assert isinstance(where, Moved)
    assert [(one.at, one.hold) for one in where.position.branches] == [(new.steps[2].id, branch.hold)]
    assert list(step_map(old, new).values()) == [step.id for step in new.steps]


def test_an_email_that_was_sent_is_not_sent_again_under_its_new_id() -> None:
    old = legacy(campaign("wait 1 day", PLAIN, "wait 2 days"), "send:old")
    new = campaign("wait 1 day", f"{PLAIN} as trigger", "wait 2 days")
    branch = Branch(FLOW, old.steps[0].id, "0", cursor=1, arrived=NOW)
    where = move(old, new, Position(branches=(branch,), entered=1), {("send:old", "0")}, TIMES)
    assert not isinstance(where, Moved)


def test_an_email_that_is_gone_does_not_become_another_one() -> None:
    old = legacy(campaign(f"{PLAIN} as trigger", "wait 1 day", PLAIN), "send:trigger", campaign(PLAIN).steps[0].id)
    new = campaign(f"{PLAIN} as trigger", "wait 1 day")
    names = renamed(old, new)
    assert [names[step.id] for step in old.steps if step.kind == "send"] == [
        new.steps[0].id, f"gone:{new.steps[0].id}"
    ]  # fmt: skip
    assert step_map(old, new)[old.steps[2].id] is None


def test_a_deployment_of_the_same_file_changes_nothing_for_old_ids() -> None:
    new = campaign(f"{PLAIN} as trigger", "wait 1 day", PLAIN)
    assert compare_steps(legacy(new, "send:a", "send:b"), new) == []


async def test_leads_stay_where_they_are_when_an_option_is_added(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), HEAD + FORMS + SALES + BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.pass_time(timedelta(hours=1))
        [before] = await stage.rows("SELECT step, due_at FROM waits")
        changed = BEFORE.replace('send "one"', 'send "one" as trigger').replace('send "two"', 'send "two" as trigger')
        assert await move_to(stage, changed) == {"moved": 1}
        [after] = await stage.rows("SELECT step, due_at FROM waits")
        assert after == before
        await stage.pass_time(timedelta(days=4))
        assert [mail.subject for mail in stage.mailer.mails if mail.to.endswith("@lead.example")] == ["one", "two"]
