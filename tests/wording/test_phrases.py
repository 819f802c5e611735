"""Every event of the log has a phrase, and each reads as English."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from dsl.names import events
from dsl.plan import EventType
from engine.model.lead import Event
from engine.wording.events import NOTES, PHRASES, booked, clause, deed
from engine.wording.terms import quoted
from web.api.events import TYPES

ENGINE = Path(__file__).resolve().parents[2] / "engine"
SOURCES = [path.read_text("utf-8") for path in ENGINE.rglob("*.py")]
AT = datetime(2026, 9, 1, tzinfo=UTC)


def written(function: str, nth: int = 0) -> set[str]:
    """Texts that the engine hands to a function as its nth argument."""
    found = set()
    for text in SOURCES:
        for node in ast.walk(ast.parse(text)) if function in text else ():
            if isinstance(node, ast.Call) and len(node.args) > nth and ast.unparse(node.func).endswith(function):
                parts = ast.walk(node.args[nth])
                found |= {one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def types() -> Iterator[str]:
    yield from get_args(EventType)
    yield from (spec.type for spec in [*events.EVENTS.values(), *(one.spec for one in events.DEEDS.values())])
    yield events.DATED.type
    yield from TYPES
    yield from (text for text in written(".happen") if "." in text)
    yield from written("_fire", 2)


ALL = sorted({*types(), "run.noted"})


def event(type: str, name: str = "", key: str | None = None, **data: Any) -> Event:
    return Event(1, AT, type, name, data, key)


def test_the_engine_was_searched_in_the_right_places():
    assert {"handoff.retried", "segment.left", "stage.entered", "pattern.met"} <= written(".happen")
    assert written("_fire", 2) == {"pattern.met", "date.due"}
    assert {"woken", "left"} <= written("ledger.note")


@pytest.mark.parametrize("type", ALL)
def test_every_type_of_event_has_a_phrase(type: str):
    assert type in PHRASES
    for name in ("", "x"):
        past, now = clause(event(type, name)), clause(event(type, name), past=False)
        assert past != now
        for said in (past, now, deed(event(type, name))):
            assert said == " ".join(said.split())
            assert not set("{}") & set(said)
            assert type not in said


def test_everything_done_to_a_run_from_outside_has_a_phrase():
    assert written("ledger.note") == set(NOTES)
    for name in NOTES:
        assert clause(event("run.noted", name)) != clause(event("run.noted"))


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        (event("form.posted", "demo"), 'submitted form "demo", not yet confirmed'),
        (event("form.submitted", "demo"), 'submitted form "demo"'),
        (event("form.submitted", "demo", key="confirm:4"), 'confirmed form "demo"'),
        (event("email.clicked", "a", link="https://acme.example/"), 'clicked acme.example in email "a"'),
        (event("email.clicked", "a", link=f"https://acme.example/d/{'x' * 41}?for=ann@lead.example"),
         'clicked acme.example/d/… in email "a"'),
        (event("email.clicked", "a", link="javascript:alert(1)"), 'clicked a link in email "a"'),
        (event("email.bounced", "a"), 'email "a" bounced'),
        (event("meeting.booked"), "booked a meeting"),
        (event("deal.moved", "Pumps", pipeline_stage="Offer"), 'a deal "Pumps" moved to "Offer"'),
        (event("score.reached", "fit", before=8.0, after=20.5), 'the score of "fit" rose from 8 to 20.5'),
        (event("field.changed", "vip", before=None, after=True), "field vip changed from nothing to yes"),
        (event("handoff.rejected", "DACH", by="eva@acme.example", reason="no budget"),
         "was rejected by eva@acme.example: no budget"),
        (event("handoff.accepted", "DACH", by=""), "was accepted by sales"),
        (event("lead.unsubscribed"), "unsubscribed from everything"),
        (event("lead.unsubscribed", "news"), 'unsubscribed from "news"'),
        (event("run.noted", "left", campaign="B"), 'another campaign removed the lead from campaign "B"'),
        (event("pattern.met", "reactivate"), "had been inactive for longer than the stage allows"),
        (event("page.visited", "/{name}"), 'visited page "/{name}"'),
        (event("parcel.sent", "x"), 'parcel.sent "x" happened'),
    ],
)  # fmt: skip
def test_what_is_said(happened: Event, said: str):
    assert deed(happened) == said


def test_a_sentence_names_the_lead_now_or_then_with_the_marks_that_are_asked_for():
    happened = event("email.opened", "welcome")
    assert clause(happened) == 'the lead opened email "welcome"'
    assert clause(happened, past=False, quote=quoted) == 'the lead opens email "welcome"'


def test_what_the_engine_found_out_itself_is_told_in_the_words_of_its_pattern():
    met = {"k1": 'page "/buy" is visited 2 times'}
    assert clause(event("pattern.met", "k1"), met=met) == 'page "/buy" is visited 2 times'
    assert deed(event("date.due", "k1"), met=met) == 'page "/buy" is visited 2 times'
    assert clause(event("pattern.met", "k2"), met=met) == "an event pattern that a campaign is waiting for happened"


def test_points_say_what_they_make():
    assert booked(10, 30.5) == "+10 points, now 30.5"
    assert booked(-2.5, 0, "fit", expired=True, quote=quoted) == '-2.5 points in "fit" (expired), now 0'
