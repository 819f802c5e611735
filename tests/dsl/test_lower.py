"""What a campaign means as a plan: targets, ids, and what the compiler adds."""

from __future__ import annotations

import pytest

from dsl import plan
from tests.dsl.harness import compile_text


def campaign(body: str, name: str = "X", head: str = '    starts when form "demo" is submitted\n') -> plan.Plan:
    """A campaign with these lines in its flow."""
    flow = "".join(f"        {line}\n" for line in body.strip("\n").split("\n"))
    return campaign_of(f'campaign "{name}"\n{head}    flow\n{flow}', name)


def campaign_of(text: str, name: str = "X") -> plan.Plan:
    compiled = compile_text(text)
    assert [d.message for d in compiled.diagnostics if d.severity == "error"] == []
    assert compiled.program is not None
    return next(found for found in compiled.program.campaigns if found.campaign == name)


def only(found: plan.Plan, kind: type[plan.AnyStep]) -> plan.AnyStep:
    (step,) = [step for step in found.steps if isinstance(step, kind)]
    return step


def test_a_branch_goes_on_where_its_if_ends() -> None:
    found = campaign("if score >= 5\n    add 1 points\nadd 2 points")
    branch = only(found, plan.If)
    first, second = [step for step in found.steps if isinstance(step, plan.AddPoints)]
    assert found.entry == branch.id
    assert branch.branches[0].target == first.id
    assert branch.otherwise == second.id
    assert first.next == second.id
    assert second.next is None


def test_every_branch_has_its_own_way() -> None:
    found = campaign(
        "if score >= 5\n    add 1 points\notherwise if score >= 4\n    add 2 points\notherwise\n    add 3 points"
    )
    branch = only(found, plan.If)
    ways = [found.by_id[target] for target in (*(b.target for b in branch.branches), branch.otherwise)]
    assert [way.amount for way in ways] == [1, 2, 3]


def test_a_wait_for_events_has_one_target_per_arm_and_one_for_the_deadline() -> None:
    found = campaign(
        'wait up to 4 days for form "demo" is submitted\n    add 1 points\n'
        'or for page "/x" is visited\n    stop\notherwise\n    add 2 points\nadd 3 points'
    )
    wait = only(found, plan.Wait)
    assert wait.until == plan.After(duration=plan.Duration(days=4))
    assert [arm.pattern.type for arm in wait.arms] == ["form.submitted", "page.visited"]
    assert isinstance(found.by_id[wait.arms[1].target], plan.Stop)
    assert found.by_id[wait.then].amount == 2
    assert wait.missed == wait.then
    assert found.by_id[found.by_id[wait.then].next].amount == 3


def test_a_wait_without_limit_ends_only_by_its_event() -> None:
    wait = only(campaign('wait for form "demo" is submitted\nadd 1 points'), plan.Wait)
    assert (wait.until, wait.then, wait.missed) == (None, None, None)
    assert wait.arms[0].target is not None


def test_a_wait_that_came_too_late_goes_to_its_otherwise() -> None:
    found = campaign("wait until 2026-10-06 10:00\notherwise\n    stop\nadd 1 points")
    wait = only(found, plan.Wait)
    assert isinstance(found.by_id[wait.missed], plan.Stop)
    assert found.by_id[wait.then].amount == 1


def test_a_wait_without_otherwise_goes_on_when_too_late() -> None:
    wait = only(campaign("wait until tuesday 09:00\nadd 1 points"), plan.Wait)
    assert wait.missed == wait.then is not None
    assert wait.until == plan.Weekday(weekday=1, time="09:00")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1 minute", plan.Duration(minutes=1)),
        ("24 hours", plan.Duration(minutes=1440)),
        ("1 day", plan.Duration(days=1)),
        ("2 weeks", plan.Duration(days=14)),
        ("3 months", plan.Duration(months=3)),
        ("5 years", plan.Duration(months=60)),
        ("4 business hours", plan.Duration(business_minutes=240)),
        ("2 business days", plan.Duration(business_days=2)),
        ("1 day 12 hours", plan.Duration(days=1, minutes=720)),
        ("1 month 1 day 1 business day", plan.Duration(months=1, days=1, business_days=1)),
    ],
)
def test_durations(written: str, meant: plan.Duration) -> None:
    assert only(campaign(f"add 1 points\nwait {written}"), plan.Wait).until == plan.After(duration=meant)


def test_a_label_is_the_id() -> None:
    found = campaign('send "whitepaper/welcome" as step "First mail!"')
    assert found.entry == "label:first-mail"
    assert found.steps[0].label == "First mail!"


def test_an_id_survives_edits_elsewhere() -> None:
    before = campaign('send "whitepaper/welcome"\nwait 2 days\nsend "whitepaper/reminder"')
    after = campaign('# new\nif score >= 3\n    add 1 points\nsend "whitepaper/welcome"\nsend "whitepaper/reminder"')
    kept = {step.id for step in before.steps} & {step.id for step in after.steps}
    assert {before.by_id[name].template for name in kept} == {"whitepaper/welcome", "whitepaper/reminder"}


def test_equal_steps_have_different_ids_in_the_order_of_the_text() -> None:
    two = campaign('send "whitepaper/welcome"\nwait 1 day\nsend "whitepaper/welcome"')
    three = campaign('send "whitepaper/welcome"\nwait 1 day\nsend "whitepaper/welcome"\nsend "whitepaper/welcome"')
    first, second = [step.id for step in two.steps if isinstance(step, plan.Send)]
    assert first != second
    assert [step.id for step in three.steps if isinstance(step, plan.Send)][:2] == [first, second]


def test_moving_a_campaign_in_its_file_is_no_new_plan() -> None:
    text = 'campaign "X"\n    starts when form "demo" is submitted\n    flow\n        add 1 points\n'
    here, there = campaign_of(text), campaign_of("# a line\n\n" + text)
    assert here.source != there.source
    assert here.digest == there.digest


def test_the_order_of_files_leaves_no_trace() -> None:
    a, b = "field x number\nfield y text\n", "field y text\nfield x number\n"
    assert compile_text(a).program.digest == compile_text(b).program.digest


def test_the_plan_says_where_each_step_was_written() -> None:
    found = campaign("add 1 points\nif score >= 5\n    stop")
    assert [step.source for step in found.steps] == [f"campaigns/case.campaign:{line}" for line in (4, 5, 6)]


def test_events_of_mails_the_campaign_sends_are_its_own() -> None:
    found = campaign(
        'send "whitepaper/welcome"\nwait for email "whitepaper/welcome" is clicked\n'
        'or for email "whitepaper/reminder" is clicked\nor for email is clicked'
    )
    assert [arm.pattern.own for arm in only(found, plan.Wait).arms] == [True, False, False]


def test_a_click_on_a_link_is_a_click_in_an_email() -> None:
    found = campaign('wait for link "https://acme.example/*" in email "whitepaper/welcome" is clicked\nadd 1 points')
    assert only(found, plan.Wait).arms[0].pattern == plan.Pattern(
        type="email.clicked", name="whitepaper/welcome", link="https://acme.example/*"
    )


def test_a_handoff_beside_the_flow_runs_on_its_own() -> None:
    found = campaign_of(
        'campaign "X"\n    starts when form "demo" is submitted\n    flow\n        hand off to sales\n'
        '    whenever page "/p" is visited, once per 14 days\n        hand off to sales\n'
    )
    assert [step.detached for step in found.steps if isinstance(step, plan.HandOff)] == [False, True]
    assert found.whenevers[0].limit == plan.Limit(times=1, per=plan.Duration(days=14))


def test_cases_of_a_handoff() -> None:
    found = campaign(
        'hand off to sales as MQL\n    when rejected\n        stop\n    when rejected because "no budget"\n'
        "        add 1 points\nadd 2 points"
    )
    handoff = only(found, plan.HandOff)
    assert [(case.outcome, case.reason) for case in handoff.cases] == [("rejected", None), ("rejected", "no budget")]
    assert handoff.stage == "MQL"
    assert found.by_id[handoff.next].amount == 2
    assert found.by_id[handoff.cases[1].target].next == handoff.next


def test_a_form_with_double_opt_in_brings_its_own_campaign() -> None:
    text = 'form "Guide"\n    ask email required\n    confirm with "forms/confirm"\n'
    found = campaign_of(text, 'confirm form "Guide"')
    assert not found.written
    assert found.starts[0].pattern == plan.Pattern(type="form.posted", name="Guide")
    assert found.reentry.kind == "always"
    assert found.topic is None
    (send,) = found.steps
    assert (send.template, send.mode, found.entry) == ("forms/confirm", "transactional", send.id)


def test_names_are_lowered_as_they_were_declared() -> None:
    found = campaign('wait for form "DEMO" is submitted\nadd 1 points to "FIT"\nhand off to team "everyone"')
    assert only(found, plan.Wait).arms[0].pattern.name == "demo"
    assert only(found, plan.AddPoints).model == "fit"
    assert only(found, plan.HandOff).team == "Everyone"


def test_a_team_takes_hours_from_the_workspace_unless_it_has_its_own() -> None:
    text = (
        'team "Vienna"\n    takes leads where country is "AT"\n    timezone "Europe/Vienna"\n'
        '    member "eva@acme.example"\n'
    )
    program = compile_text(text).program
    hours = {team.name: team.hours for team in program.teams}
    assert hours["Vienna"] == plan.BusinessHours(zone="Europe/Vienna", holidays=("DE",))
    assert hours["Everyone"].zone == "Europe/Berlin"


def test_business_hours_differ_from_day_to_day_and_a_team_has_its_own_set() -> None:
    said = (
        '    timezone "Europe/Vienna"\n    business hours monday to thursday from 08:00 to 12:00'
        " and from 13:00 to 17:00"
        " and friday from 08:00 to 14:00\n"
    )
    text = f'team "Vienna"\n    takes leads where country is "AT"\n{said}    member "eva@acme.example"\n'
    program = compile_text(text).program
    hours = {team.name: team.hours for team in program.teams}
    assert hours["Vienna"].lines == (
        plan.OpenHours(days=(0, 1, 2, 3), start="08:00", end="12:00"),
        plan.OpenHours(days=(0, 1, 2, 3), start="13:00", end="17:00"),
        plan.OpenHours(days=(4,), start="08:00", end="14:00"),
    )
    assert hours["Everyone"].lines == (plan.OpenHours(days=(0, 1, 2, 3, 4), start="09:00", end="17:00"),)


def test_one_line_of_business_hours_keeps_its_digest() -> None:
    hours = plan.BusinessHours(zone="Europe/Berlin")
    before = {name: value for name, value in hours.model_dump(mode="json").items() if name != "more"}
    assert plan.digest_of(hours.model_dump(mode="json")) == plan.digest_of(before)


def test_every_target_is_a_step() -> None:
    found = campaign(
        'wait up to 1 day for form "demo" is submitted\n    if score >= 1\n        stop\notherwise\n'
        "    hand off to sales\n        when overdue\n            add 1 points\nadd 2 points"
    )
    targets = {found.entry}
    for step in found.steps:
        data = step.model_dump()
        targets |= {data.get(key) for key in ("next", "then", "missed", "otherwise")}
        targets |= {part["target"] for key in ("arms", "branches", "cases") for part in data.get(key, ())}
    assert targets - {None} == {step.id for step in found.steps}
