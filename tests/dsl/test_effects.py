"""A step that can have no effect is an error; one that may have one is not."""

from __future__ import annotations

import pytest

from tests.dsl.harness import compile_text

FORM = 'form "whitepaper" is submitted'


def found(flow: str, start: str, more: str = "") -> list[str]:
    steps = "".join(f"        {line}\n" for line in flow.split("\n"))
    text = f'{more}campaign "C"\n    starts when {start}\n    flow\n{steps}'
    return [one.message for one in compile_text(text).diagnostics if one.code == "E650"]


OTHER = 'campaign "D"\n    starts when form "demo" is submitted\n    flow\n        recycle because "x"\n'
LATER = "qualify as Customer\nwait 1 day\nqualify as MQL"


@pytest.mark.parametrize(
    ("flow", "start", "why"),
    [
        ('recycle to Disqualified because "no budget"', FORM, "outside the order"),
        ("qualify as MQL", "lead becomes Customer", "at least Customer"),
        ("qualify as Customer", "lead becomes Customer", "at least Customer"),
        ("qualify as Customer\nsend \"whitepaper/welcome\"\nqualify as MQL", FORM, "at least Customer"),
        ("if stage is at least MQL\n    qualify as Lead", FORM, "at least MQL"),
        ("if stage is MQL and score >= 5\n    qualify as MQL", FORM, "at least MQL"),
        ("qualify as MQL", f"{FORM}, only if stage is at least MQL", "at least MQL"),
        ("if score >= 50\n    qualify as Customer\notherwise\n    qualify as MQL\nqualify as Lead", FORM,
         "at least MQL"),
        ('remove from list "A"\nremove from list "a"', FORM, "not in list"),
        ('add to list "A"', 'list "A" is joined', "already in list"),
        ('remove from list "A"', 'list "A" is left', "not in list"),
        ('if not in list "A"\n    remove from list "A"', FORM, "not in list"),
        ('unsubscribe from "newsletter"', 'topic "newsletter" is left', "not in topic"),
        ('subscribe to "newsletter"', 'topic "newsletter" is joined', "already in topic"),
        ("set company to company", FORM, "set to itself"),
    ],
)  # fmt: skip
def test_a_step_without_effect_is_told(flow: str, start: str, why: str) -> None:
    [message] = found(flow, start)
    assert why in message


@pytest.mark.parametrize(
    ("flow", "start"),
    [
        ('recycle to Lead because "no budget"', FORM),
        ('recycle because "no budget"', FORM),
        ("qualify as Disqualified\nqualify as MQL", "lead becomes Customer"),
        ("qualify as Customer", "lead becomes MQL"),
        ("qualify as MQL", "score reaches 50"),
        ("if score >= 50\n    qualify as Customer\nqualify as MQL", FORM),
        (LATER, FORM),
        ('qualify as Customer\nrecycle because "x"\nqualify as MQL', FORM),
        ('add to list "A"\nwait 1 day\nadd to list "A"', FORM),
        ('add to list "A"\nremove from list "A"\nadd to list "A"', FORM),
        ('remove from list "A"', 'list "A" is joined'),
        ('subscribe to "newsletter"\nsubscribe to "newsletter"', FORM),
        ("set company to city", FORM),
        ('if in list "A"\n    stop\nadd to list "A"', FORM),
    ],
)
def test_a_step_that_may_have_an_effect_is_none(flow: str, start: str) -> None:
    assert found(flow, start, OTHER if flow == LATER else "") == []


def test_a_stage_is_kept_over_a_wait_where_nothing_moves_leads_back() -> None:
    stages = "lifecycle\n    stage Visitor\n    stage Lead\n    stage MQL\n    stage Customer\n"
    text = 'campaign "C"\n    starts when form is submitted\n    flow\n        ' + LATER.replace("\n", "\n        ")
    workspace = 'workspace "W"\n    sender "W <a@b.example>"\n    address "X"\n'
    form = 'form "f"\n    ask email required\n'
    told = compile_text(workspace + form + stages + text, base=False).diagnostics
    assert [one.code for one in told if one.severity == "error"] == ["E650"]


def test_an_entered_campaign_knows_nothing_of_its_leads() -> None:
    entering = 'campaign "D"\n    starts when form is submitted\n    flow\n        enter campaign "C"\n'
    assert found("qualify as MQL", "lead becomes Customer", entering) == []


@pytest.mark.parametrize(
    ("stage", "help"),
    [
        ("Disqualified", "write `qualify as Disqualified`"),
        ("MQL", "write `qualify as MQL` or `recycle to MQL because \"…\"`"),
        ('"Customer"', "write `qualify as Customer` or `recycle to Customer because \"…\"`"),
        ('"Nowhere"', "write `qualify as Lead` or `recycle to Lead because \"…\"`"),
    ],
)  # fmt: skip
def test_the_help_for_setting_a_stage_leads_to_a_step_that_works(stage: str, help: str) -> None:
    text = f'campaign "C"\n    starts when form is submitted\n    flow\n        set stage to {stage}\n'
    [problem] = [one for one in compile_text(text).diagnostics if one.code == "E630"]
    assert problem.help == help
