"""A silence that newcomers share and a topic that no form of a campaign asks for are warnings that say what to add."""

from __future__ import annotations

import pytest

from tests.dsl.harness import compile_text


def codes(text: str) -> list[str]:
    return [one.code for one in compile_text(text).diagnostics if one.code in ("W115", "W116")]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("has not opened email in the last 1 year", True),
        ("has not visited page in the last 6 months", True),
        ('has not opened email "whitepaper/welcome" in the last 100 days and score >= 5', True),
        ("has not opened email in the last 1 year\n    created is more than 1 year ago", False),
        ("has not opened email in the last 1 year and created is before 2025-01-01", False),
        ("has not opened email in the last 1 year\n    has received email in the last 1 year", False),
        ("has not opened email in the last 30 days", False),
        ("has opened email in the last 1 year", False),
        ("has not opened email", False),
    ],
)
def test_a_long_silence_asks_how_long_the_lead_is_known(lines: str, told: bool) -> None:
    assert codes(f'segment "S"\n    {lines}\n') == (["W115"] if told else [])


@pytest.mark.parametrize(
    "place",
    [
        'scoring "x"\n    -5 if {}\n',
        'campaign "C"\n    starts when form "whitepaper" is submitted, only if {}\n    flow\n        add 1 points\n',
        'campaign "C"\n    starts when form "whitepaper" is submitted\n    flow\n        if {}\n'
        "            add 1 points\n",
    ],
)
def test_wherever_leads_are_chosen(place: str) -> None:
    asked = "has not opened email in the last 1 year"
    assert codes(place.format(asked)) == ["W115"]
    fixed = compile_text(place.format(f"{asked} and created is more than 1 year ago"))
    assert fixed.program is not None
    assert codes(place.format(f"{asked} and created is before 2026-01-01")) == []


def campaign(form: str, more: str = "", send: str = 'send "whitepaper/welcome"') -> str:
    head = f'campaign "C"\n    starts when form "{form}" is submitted\n    topic "newsletter"\n'
    return f"{head}    flow\n        {send}\n{more}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (campaign("demo"), True),
        (campaign("whitepaper"), False),
        (campaign("demo", send='send "whitepaper/welcome" as transactional'), False),
        (campaign("demo", send="add 1 points"), False),
        (campaign("demo").replace("    topic", '    starts when form "whitepaper" is submitted\n    topic'), False),
        (campaign("demo").replace("    topic", "    starts when page is visited\n    topic"), False),
        (
            campaign("demo", 'campaign "D"\n    starts when page is visited\n    flow\n        enter campaign "C"\n'),
            False,
        ),
        (campaign("demo", send='subscribe to "newsletter"\n        send "whitepaper/welcome"'), False),
    ],
)
def test_a_topic_that_no_form_of_the_campaign_asks_for(text: str, told: bool) -> None:
    assert codes(text) == (["W116"] if told else [])


def test_the_fix_names_the_form_and_the_topic() -> None:
    [problem] = [one for one in compile_text(campaign("demo")).diagnostics if one.code == "W116"]
    assert problem.help == (
        'add to form `demo`: `consent "I would like to receive these emails" for topic "newsletter"`'
    )
