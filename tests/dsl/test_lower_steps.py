"""What declarations, campaign lines and the steps of the whole language mean as a plan."""

from __future__ import annotations

import pytest

from dsl import plan
from tests.dsl.harness import compile_text
from tests.dsl.test_lower import campaign, campaign_of, only

NEXT = 'campaign "Next"\n    flow\n        add 1 points\n'
SEGMENT = 'segment "Customers"\n    stage is at least Customer\n'


def test_a_round_of_a_repeat_leads_back_to_it() -> None:
    found = campaign("repeat up to 3 times every 14 days until score >= 50\n    add 1 points\n    add 2 points\nstop")
    repeat = only(found, plan.Repeat)
    assert found.entry == repeat.id
    first = found.by_id[repeat.body]
    assert found.by_id[first.next].next == repeat.id
    assert isinstance(found.by_id[repeat.next], plan.Stop)


def test_a_repeat_whose_rounds_branch_leads_back_on_every_way() -> None:
    found = campaign(
        "repeat up to 2 times every 1 day\n    if score >= 5\n        add 1 points\n    otherwise\n        add 2 points"
    )
    repeat = only(found, plan.Repeat)
    assert {step.next for step in found.steps if isinstance(step, plan.AddPoints)} == {repeat.id}
    assert repeat.next is None


def test_a_move_ends_the_campaign_as_moved() -> None:
    found = campaign_of(
        'campaign "X"\n    starts when form "demo" is submitted\n    flow\n        if score >= 5\n'
        '            move to campaign "next" as step "away"\n        add 1 points\n' + NEXT
    )
    move = only(found, plan.EnterCampaign)
    assert (move.campaign, move.move) == ("Next", True)
    assert found.by_id[move.next] == plan.Stop(id="label:away:moved", source=move.source, outcome="moved")


def test_an_empty_arm_goes_on_below_the_split() -> None:
    found = campaign('split\n    70% "mail"\n        add 1 points\n    30% "nothing"\nadd 2 points')
    split = only(found, plan.Split)
    after = next(step for step in found.steps if isinstance(step, plan.AddPoints) and step.amount == 2)
    assert [(arm.percent, arm.name) for arm in split.arms] == [(70, "mail"), (30, "nothing")]
    assert split.arms[1].target == after.id
    assert found.by_id[split.arms[0].target].next == after.id


def test_every_variant_goes_on_below_the_test() -> None:
    found = campaign(
        'test "t" on 20% for 3 days by clicks\n    variant "a"\n        add 1 points\n'
        '    variant "b"\n        add 2 points\nadd 3 points'
    )
    test = only(found, plan.VariantTest)
    assert (test.name, test.percent, test.lasts, test.by) == ("t", 20, plan.Duration(days=3), "clicks")
    ends = {found.by_id[found.by_id[variant.target].next].amount for variant in test.variants}
    assert ends == {3}


def test_a_wait_for_a_date_moves_with_the_field() -> None:
    found = campaign("wait until 7 days before contract_end at 10:30\notherwise\n    stop\nadd 1 points")
    wait = only(found, plan.Wait)
    assert wait.until == plan.Relative(field="contract_end", offset=plan.Duration(days=7), before=True, time="10:30")
    assert isinstance(found.by_id[wait.missed], plan.Stop)
    assert found.by_id[wait.then].amount == 1


END = "contract_end\notherwise\n    stop\nadd 1 points"


def test_polarity_of_the_new_lines() -> None:
    pairs = [
        (f"wait until 7 days before {END}", f"wait until 7 days after {END}"),
        ('add to list "L"', 'remove from list "L"'),
        ('subscribe to "newsletter"', 'unsubscribe from "newsletter"'),
        ("set company_size to 1", "add 1 to company_size"),
        ('set company to "x"', "set company to nothing"),
        ('recycle because "x"', 'recycle to Lead because "x"'),
    ]
    for one, other in pairs:
        assert campaign(one).digest != campaign(other).digest


def test_every_reason_that_campaigns_name_is_offered_once() -> None:
    program = compile_text(
        'campaign "X"\n    starts when form "demo" is submitted\n    flow\n        recycle because "too early"\n'
        '        hand off to sales\n            when rejected because "Too early"\n                stop\n'
        '            when rejected because "no budget"\n                stop\n'
        "            when rejected\n                stop\n"
    ).program
    assert program is not None
    assert program.reasons == ("no budget", "too early")


def test_a_segment_is_written_into_the_plan_and_not_into_the_step_id() -> None:
    text = SEGMENT + (
        'campaign "X"\n    starts when form "demo" is submitted\n    flow\n        if in segment "customers"\n'
        "            add 1 points\n"
    )
    before = campaign_of(text)
    after = campaign_of(text.replace("stage is at least Customer", 'country is "DE"'))
    asked = only(before, plan.If).branches[0].condition
    assert asked == plan.InSegment(name="Customers", condition=plan.StageIs(stage="Customer", at_least=True))
    assert before.entry == after.entry
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on 2026-09-15 at 10:00", plan.Dated(at=plan.At(date="2026-09-15", time="10:00"))),
        (
            'on 2026-09-15 10:00 "Europe/Dublin"',
            plan.Dated(at=plan.At(date="2026-09-15", time="10:00", zone="Europe/Dublin")),
        ),
        ("every day", plan.Dated(every="day", time="09:00")),
        ("every monday at 07:30", plan.Dated(every="week", weekday=0, time="07:30")),
        ("every first tuesday of the month", plan.Dated(every="month", weekday=1, nth=1, time="09:00")),
        ("every last sunday of the month", plan.Dated(every="month", weekday=6, nth=-1, time="09:00")),
        ("every last day of the month", plan.Dated(every="month", nth=-1, time="09:00")),
        ("every month on the 2nd at 08:00", plan.Dated(every="month", nth=2, time="08:00")),
    ],
)
def test_starts_by_the_calendar(written: str, meant: plan.Dated) -> None:
    (start,) = campaign("add 1 points", head=f'    starts {written} for list "Readers"\n').starts
    assert start.pattern == plan.Pattern(type="date.due", dated=meant)
    assert start.audience == plan.InList(name="Readers")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5000 EUR", plan.Cost(amount=5000)),
        ("1200 EUR per month", plan.Cost(amount=1200, per_month=True)),
        ("6 hours per month at 60 EUR", plan.Cost(amount=60, per_month=True, hours=6)),
        ("6.5 hours at 60.25 EUR", plan.Cost(amount=60.25, hours=6.5)),
    ],
)
def test_costs(written: str, meant: plan.Cost) -> None:
    head = f'    starts when form "demo" is submitted\n    costs {written}\n'
    assert campaign("add 1 points", head=head).costs == (meant,)


def test_the_lines_of_a_campaign() -> None:
    found = campaign(
        "add 1 points",
        head='    starts when form "demo" is submitted\n    runs from 2026-09-01 to 2027-08-31\n    priority high\n'
        "    control group 12.5%\n    goal lead becomes MQL within 60 days, then leave\n",
    )
    assert (found.runs, found.priority, found.control) == (("2026-09-01", "2027-08-31"), "high", 12.5)
    assert found.goal is not None
    assert (found.goal.pattern.name, found.goal.within, found.goal.leaves) == ("MQL", plan.Duration(days=60), True)


def test_what_is_normal_leaves_no_trace() -> None:
    head = '    starts when form "demo" is submitted\n'
    assert (
        campaign("add 1 points", head=head).digest
        == campaign("add 1 points", head=f"{head}    priority normal\n").digest
    )


def test_an_owner_who_is_missing_has_a_stand_in() -> None:
    found = campaign('notify owner with "internal/note", otherwise team "everyone", otherwise "x@acme.example"')
    assert only(found, plan.Notify).to == (
        plan.Receiver(kind="owner"),
        plan.Receiver(kind="team", name="Everyone"),
        plan.Receiver(kind="address", name="x@acme.example"),
    )


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("http://127.0.0.1:8000/hook", ["E635"]),
        ("http://localhost/hook", ["E635"]),
        ("http://[::1]:8000", ["E635"]),
        ("https://10.0.0.1/hook", ["E635"]),
        ("https://192.168.1.7/hook", ["E635"]),
        ("https://169.254.169.254/latest", ["E635"]),
        ("https://2130706433/", ["E635"]),
        ("https://127.1/", ["E635"]),
        ("https://crm/hook", ["E635"]),
        ("https://crm.internal/hook", ["E635"]),
        ("https://[fd00::1]/hook", ["E635"]),
        ("https://[::ffff:10.0.0.1]/hook", ["E635"]),
        ("https://8.8.8.8/hook", []),
        ("https://crm.acme.example/hook", []),
        ("http://localhost.acme.example/hook", ["E633"]),
        ("http://127.0.0.1.acme.example/hook", ["E633"]),
        ("http://127.0.0.1:8000@acme.example/hook", ["E633", "E008"]),
        ("http://10.0.0.1/hook", ["E635"]),
    ],
)
def test_data_is_posted_encrypted_and_to_public_addresses_alone(address: str, codes: list[str]) -> None:
    text = f'campaign "X"\n    starts when form "demo" is submitted\n    flow\n        post to "{address}"\n'
    assert [one.code for one in compile_text(text).diagnostics if one.severity == "error"] == codes
