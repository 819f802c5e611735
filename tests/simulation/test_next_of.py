"""`send next of`: a mail for each round, in the plan, in a simulated story, in a drawing, and in `why`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from dsl.compile import compile_workspace
from dsl.plan import ByRound, Plan, Send
from engine.cli.script import read_script
from engine.graph.mermaid import mermaid
from engine.graph.scene import scene
from engine.leads import intake
from engine.reports.results import results
from engine.simulation.simulation import deployment_of
from engine.simulation.story import Known, Story
from engine.why.steps import branch_taken
from engine.wording.steps import words
from tests.dsl.test_natural import meaning
from tests.support.stage import company, open_stage

NAMES = ("a", "b", "c")
TEMPLATES = {f"templates/{name}.md": b"---\nsubject: Tip\n---\nHello\n" for name in NAMES}
TEXT = (
    company("mail is allowed until opt-out")
    + """
form "in"
    ask email required
campaign "Tips"
    starts when form "in" is submitted
    flow
        repeat up to {rounds} times every 1 day
            {inside}
"""
)


def program(rounds: int, inside: str) -> Any:
    found = compile_workspace({"a.campaign": TEXT.format(rounds=rounds, inside=inside)}, list(TEMPLATES))
    assert found.program is not None, found.diagnostics
    return found.program


def plan(rounds: int, inside: str) -> Plan:
    return cast(Plan, program(rounds, inside).campaigns[0])


def sent(rounds: int, inside: str) -> list[str]:
    """The templates in the order in which a simulated lead gets them."""
    of = program(rounds, inside)
    played = Story(
        deployment_of(of, TEMPLATES), datetime(2026, 9, 1, 9, tzinfo=UTC), Known({"email": "ann@lead.example"})
    )
    played.play(read_script("submits form in\nafter 20 days visits page /x", of).actions)
    return [letter.send.template for letter in played.person.letters]


@pytest.mark.parametrize(
    ("rounds", "last", "expected"),
    [
        (2, "", "ab"),
        (3, "", "abc"),
        (7, ", then start again", "abcabca"),
        (5, ", then send nothing", "abc"),
    ],
)
def test_each_round_sends_the_next(rounds: int, last: str, expected: str) -> None:
    assert sent(rounds, f'send next of "a", "b", "c"{last}') == list(expected)


def test_a_round_that_skips_the_line_skips_its_mail() -> None:
    found = plan(3, 'if first_name is known\n                send next of "a", "b", "c"\n')
    assert [step.kind for step in found.steps] == ["repeat", "if", "round", "send", "send", "send"]
    assert sent(3, 'if first_name is known\n                send next of "a", "b", "c"\n') == []


def test_the_inner_rounds_count() -> None:
    inner = 'repeat up to 2 times every 1 hour\n                send next of "a", "b"\n'
    assert sent(2, inner) == ["a", "b", "a", "b"]


def test_a_longer_series_leaves_the_other_mails_where_they_are() -> None:
    short, long = plan(2, 'send next of "a", "b"'), plan(3, 'send next of "a", "b", "c" as trigger')
    ids = {step.id for step in short.steps if isinstance(step, Send)}
    assert ids < {step.id for step in long.steps if isinstance(step, Send)}
    assert [step.id for step in short.steps if isinstance(step, ByRound)] == [
        step.id for step in long.steps if isinstance(step, ByRound)
    ]


def test_a_drawing_names_the_rounds() -> None:
    drawn = mermaid(scene(plan(4, 'send next of "a", "b", then send nothing')))
    assert all(said in drawn for said in ("send next of", "round 1", "round 2", "later rounds"))


def test_why_tells_the_round() -> None:
    of = plan(3, 'send next of "a", "b", "c"')
    step = next(step for step in of.steps if isinstance(step, ByRound))
    said = list(branch_taken(cast(Any, None), cast(Any, None), step, datetime(2026, 9, 1, tzinfo=UTC), step.ways[1]))
    assert [(one.text, one.why) for one in said] == [("send next of: round 2", "")]
    assert words(step) == "send next of"


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("then start over", "then start again"),
        ("then from the beginning", "then start again"),
        ("then nothing", "then send nothing"),
        ("then stop sending", "then send nothing"),
    ],
)
def test_what_comes_after_the_last_in_other_words(said: str, plain: str) -> None:
    def line(end: str) -> str:
        series = f'send next of "whitepaper/welcome", "whitepaper/reminder", {end}'
        return f"repeat up to 3 times every 1 week\n            {series}"

    assert meaning("flow", line(said)) == meaning("flow", line(plain))


async def test_results_tell_the_subjects_of_each_email_in_the_series(new_database) -> None:
    text = TEXT.format(rounds=2, inside='send next of "a", "b" testing subject "One" or "Two"')
    async with open_stage(new_database(), text, dict.fromkeys(NAMES, "---\nsubject: Tip\n---\nHello\n")) as stage:
        leads = 0
        while leads < 6 or len({one.subject for one in stage.mailer.mails}) < 2:
            await stage.post("in", email=f"lead{leads}@lead.example")
            leads += 1
        await stage.pass_time(timedelta(days=3))
        opened = next(one for one in stage.mailer.mails if one.category == "b")
        await intake.opened(stage.rt, opened.message_id)
        found = {one.name: one for one in await results(stage.rt.db, "tips")}
    assert {name: (one.what, sum(arm.leads for arm in one.arms)) for name, one in found.items()} == {
        "a": ("subjects", leads), "b": ("subjects", leads),
    }  # fmt: skip
    assert {name: sum(arm.successes for arm in one.arms) for name, one in found.items()} == {"a": 0, "b": 1}
    assert {arm.name for arm in found["a"].arms} == {"One", "Two"}
