"""What a story tells that was silent or untrue: an entry that was refused, and a confirmation at its own time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dsl.compile import compile_workspace
from engine.cli.script import read_script
from engine.mail.formats import without_links
from engine.simulation.simulation import deployment_of
from engine.simulation.story import Known, Story
from tests.support.stage import company

START = datetime(2026, 9, 1, 9, tzinfo=UTC)
TEXT = (
    company()
    + """
form "in"
    ask email required
    confirm with "confirm"
campaign "Germans"
    starts when page is visited, only if country is "DE"
    flow
        wait 1 day
        add 1 points
campaign "Once"
    starts when event "call" happens
    flow
        add 1 points
campaign "Over"
    starts when event "call" happens
    runs from 2026-01-01 to 2026-02-01
    flow
        add 1 points
campaign "Form"
    starts when form "in" is submitted
    flow
        wait 1 day
        add 1 points
"""
)


def story(script: str) -> list[tuple[str, str, str]]:
    template = b"---\nsubject: Confirm\n---\n[go]({{ confirm_url }})\n"
    program = compile_workspace({"a.campaign": TEXT}, ["templates/confirm.md"]).program
    assert program is not None
    read = read_script(script, program)
    assert not read.diagnostics, read.diagnostics
    played = Story(
        deployment_of(program, {"templates/confirm.md": template}), START, Known({"email": "ann@lead.example"})
    )
    played.play(read.actions)
    return [(f"{one.at:%d %H:%M}", one.kind, one.text) for one in played.timeline.entries]


def test_an_entry_that_is_refused_is_told_with_the_reason() -> None:
    script = "visits page /x\nafter 1 day happens event call\nafter 1 day happens event call"
    told = [text for _, kind, text in story(script) if kind == "refused"]
    assert told == [
        'does not enter "Germans": its `only if` is not true for this lead',
        'does not enter "Over": its `enters` or `runs` line does not allow it now',
        'does not enter "Once": its `enters` or `runs` line does not allow it now',
        'does not enter "Over": its `enters` or `runs` line does not allow it now',
    ]


@pytest.mark.parametrize(
    ("script", "at"),
    [
        ("submits form in", "01 09:05"),
        ("submits form in\nafter 2 hours confirms", "01 11:00"),
        ("submits form in\nafter 3 days confirms form in", "04 09:00"),
    ],
)
def test_a_form_is_confirmed_when_the_script_says(script: str, at: str) -> None:
    told = story(script)
    assert [when for when, _, text in told if text.startswith('enters "Form"')] == [at]
    assert not any("no effect" in text for _, _, text in told)


@pytest.mark.parametrize("text", ["13.03.2027", "1.250,00", "version 10.15", "24.12."])
def test_dates_and_numbers_get_no_invisible_spaces(text: str) -> None:
    assert without_links(text) == text


@pytest.mark.parametrize("text", ["evil.example", "24shop.example", "a.24shop.de", "https://1.2.3.4/x"])
def test_what_reads_as_a_link_still_does(text: str) -> None:
    assert "\u200b" in without_links(text)
