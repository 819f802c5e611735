"""`wait until 3 days before FIELD` without `otherwise`: an error where the date may be unknown, a warning where it may
have passed, and neither where the steps before it show that it lies ahead."""

from __future__ import annotations

import pytest

from tests.dsl.harness import compile_text

FORM = 'form "demo" is submitted'
WAIT = "wait until 3 days before contract_end"
MAIL = 'send "whitepaper/welcome"'


def found(flow: str, start: str = FORM, more: str = "") -> list[str]:
    steps = "".join(f"        {line}\n" for line in flow.split("\n"))
    text = f'{more}campaign "C"\n    starts when {start}\n    flow\n{steps}'
    told = compile_text(text).diagnostics
    return [one.code for one in told if one.code in ("E651", "W114")]


@pytest.mark.parametrize(
    ("flow", "start", "told"),
    [
        (f"{WAIT}\n{MAIL}", FORM, ["E651"]),
        (f"wait 2 days\n{WAIT}", FORM, ["E651"]),
        (WAIT, "field contract_end changes", ["E651"]),
        (f"if contract_end is unknown\n    stop\n{WAIT}", FORM, ["E651"]),
        (f"if contract_end is known\n    add 1 points\n{WAIT}", FORM, ["E651"]),
        (f"set contract_end to nothing\n{WAIT}", "30 days before contract_end", ["E651"]),
        (f"if country is \"DE\"\n    {WAIT}\n    otherwise\n        stop", FORM, []),
        (f"{WAIT}\notherwise\n    stop\n{MAIL}", FORM, []),
        (f"{WAIT}\notherwise\n    stop\nwait until 1 day before contract_end", FORM, []),
        (f"{WAIT}\notherwise\n    add 1 points\nwait until 1 day before contract_end", FORM, ["E651"]),
        (f"if contract_end is known\n    {WAIT}", FORM, ["W114"]),
        ("if contract_end is after today\n    wait until 1 day before contract_end", FORM, []),
        ("if contract_end is in the future\n    wait until 1 day after contract_end", FORM, []),
        (f"if contract_end is in the next 30 days\n    {WAIT}", FORM, ["W114"]),
        (WAIT, f"{FORM}, only if contract_end is known", ["W114"]),
        (WAIT, "30 days before contract_end", []),
        (f"{MAIL}\n{WAIT}\n{MAIL}\nwait until 1 day after contract_end", "30 days before contract_end", []),
        (f"wait 20 days\n{WAIT}", "30 days before contract_end", []),
        (f"wait 28 days\n{WAIT}", "30 days before contract_end", ["W114"]),
        (f"wait up to 28 days for form is submitted\n    stop\n{WAIT}", "30 days before contract_end", ["W114"]),
        (WAIT, "2 days before contract_end", ["W114"]),
        (WAIT, "2 days after contract_end", ["W114"]),
        ("set contract_end to today\nwait until 1 day after contract_end", FORM, []),
        (f"split\n    50% \"a\"\n        wait 28 days\n    50% \"b\"\n        wait 1 day\n{WAIT}",
         "30 days before contract_end", ["W114"]),
    ],
)  # fmt: skip
def test_a_moment_that_may_be_unknown_or_past_needs_an_answer(flow: str, start: str, told: list[str]) -> None:
    more = "" if "set contract_end" not in flow else "field other date\n"
    if more:
        flow, start = flow.replace("contract_end", "other"), start.replace("contract_end", "other")
    assert found(flow, start, more) == told


def test_a_required_date_of_a_form_is_known() -> None:
    form = 'field visit date\nform "book"\n    ask email required\n    ask visit required\n'
    assert found("wait until 1 day before visit", 'form "book" is submitted', form) == ["W114"]
    assert found("wait until 1 day before visit", "form is submitted", form) == ["E651"]


def test_a_campaign_that_another_one_enters_knows_no_date() -> None:
    entering = 'campaign "D"\n    starts when form is submitted\n    flow\n        enter campaign "C"\n'
    assert found(WAIT, "30 days before contract_end", entering) == ["E651"]


def test_the_fix_can_be_pasted() -> None:
    [problem] = [
        one for one in compile_text(f'campaign "C"\n    flow\n        {WAIT}\n').diagnostics if one.code == "E651"
    ]
    assert problem.help is not None
    assert "`otherwise`" in problem.help
    assert "`or skip if past`" in problem.help
    assert found(f"{WAIT} or skip if past") == []
    guarded = f"if contract_end is after today\n    {WAIT}\n    otherwise\n        stop"
    assert found(guarded) == []
