"""Inside `where`, a bare name is a property of the event that is awaited, and `event.…` of the one that started the
run; what has no such meaning is an error."""

from __future__ import annotations

import pytest

from dsl.plan import All, Compare, EventRef, Has, If, Not, Pattern, StartRef, Wait
from tests.dsl.harness import compile_text

HEAD = """
event "overdue" has invoice text, amount number
event "paid" has invoice text, amount number, other text
event "anything"
"""
SAME = Compare(left=EventRef(name="invoice"), op="eq", right=StartRef(name="invoice"))


def campaign(line: str, flow: str = "wait 1 day", start: str = 'event "overdue" happens') -> str:
    return f'{HEAD}campaign "C"\n    starts when {start}\n    {line}\n    flow\n        add 1 points\n        {flow}\n'


def codes(text: str) -> list[str]:
    return [one.code for one in compile_text(text).diagnostics]


def wheres(text: str) -> list[object]:
    compiled = compile_text(text)
    assert compiled.program is not None, [one.message for one in compiled.diagnostics]
    plan = compiled.program.campaigns[0]
    found: list[Pattern] = [one.pattern for one in (*plan.leaves, *plan.whenevers)]
    found += [plan.goal.pattern] if plan.goal else []
    for step in plan.steps:
        found += [arm.pattern for arm in step.arms] if isinstance(step, Wait) else []
        for branch in step.branches if isinstance(step, If) else ():
            asked = branch.condition.item if isinstance(branch.condition, Not) else branch.condition
            found += [asked.pattern] if isinstance(asked, Has) else []
    return [one.where for one in found]


@pytest.mark.parametrize(
    ("line", "flow"),
    [
        ('leaves when event "paid" happens where invoice is event.invoice', "wait 1 day"),
        ('goal event "paid" happens where invoice is event.invoice', "wait 1 day"),
        ("enters once", 'wait up to 1 day for event "paid" happens where invoice is event.invoice\n            stop'),
        ("enters once", 'if has not done event "paid" where invoice is event.invoice\n            add 1 points'),
    ],
)
def test_event_in_where_is_the_event_that_started_the_run(line: str, flow: str) -> None:
    text = campaign(line, flow)
    [where] = wheres(text)
    assert where == SAME
    undeclared = text.replace('event "paid" has invoice text, amount number, other text\n', "")
    assert wheres(undeclared.replace('event "paid"', 'event "anything"')) == [where]


def test_two_properties_of_the_awaited_event_can_be_compared() -> None:
    [where] = wheres(campaign('leaves when event "paid" happens where invoice is other and amount > event.amount'))
    assert isinstance(where, All)
    assert where.items[0] == Compare(left=EventRef(name="invoice"), op="eq", right=EventRef(name="other"))
    assert where.items[1] == Compare(left=EventRef(name="amount"), op="gt", right=StartRef(name="amount"))


ONE_DAY = "wait 1 day"


@pytest.mark.parametrize(
    ("line", "flow", "start", "code"),
    [
        ("enters once", ONE_DAY, 'event "paid" happens where invoice is event.invoice', "E344"),
        ("enters once", ONE_DAY, "form is submitted and then no order is placed where id is event.id within 2 hours",
         "E344"),
        ("enters once", ONE_DAY, 'event "paid" happens where event.invoice is known', "E344"),
        ('leaves when event "paid" happens 3 times within 7 days where invoice is event.invoice', ONE_DAY, "", "E345"),
        ("leaves when cart is updated and then no order is placed where id is event.invoice within 2 hours", ONE_DAY,
         "", "E345"),
        ('leaves when event "paid" happens where invoice is event.other', ONE_DAY, "", "E343"),
        ('leaves when event "paid" happens where invoice is event.invoice', ONE_DAY, "lead unsubscribes", "E343"),
        ('leaves when event "paid" happens where amount is event.invoice', ONE_DAY, "", "E301"),
        ('leaves when event "paid" happens where invoice is company', ONE_DAY, "", "E346"),
        ('leaves when event "anything" happens where invoice is company', ONE_DAY, "", "E346"),
        ('leaves when event "anything" happens where due is before contract_end', ONE_DAY, "", "E346"),
        ('leaves when event "anything" happens where invoice is invoice', ONE_DAY, "", "E313"),
        ('leaves when event "paid" happens where invoice is invoice', ONE_DAY, "", "W132"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_told(line: str, flow: str, start: str, code: str) -> None:
    found = codes(campaign(line, flow, start or 'event "overdue" happens'))
    assert code in found, found


@pytest.mark.parametrize("place", ["scoring", "stage", "segment"])
def test_where_no_run_asks_event_means_nothing(place: str) -> None:
    texts = {
        "scoring": 'scoring "x"\n    +1 when event "paid" happens where invoice is event.invoice\n',
        "stage": 'segment "s"\n    has done event "paid" where invoice is event.invoice\n',
        "segment": 'team "T"\n    takes leads where has done event "paid" where invoice is event.invoice\n'
        '    member "a@acme.example"\n',
    }
    assert "E344" in codes(HEAD + texts[place])
