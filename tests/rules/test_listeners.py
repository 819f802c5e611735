"""An event looks only at the patterns it could meet, and misses none that it does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dsl.plan import Duration, Pattern
from engine.model.lead import Event
from engine.rules.conditions.conditions import matches, trigger
from engine.rules.conditions.listeners import Listeners

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
NAMES = (
    None, "*", "demo", "Demo", "demo*", "*demo", "a*b", "straße", "STRASSE", "/pricing*", "/pricing/", "/Pricing", "/",
    "/blog/*", "/%C3%BCber-uns", "/über-uns/", "acme.example/pricing*", "https://www.acme.example/", "*.example/blog*",
    "/pricing?plan=pro", "/landing/*?a=1",
)  # fmt: skip
PAGES = (
    ("/pricing", ""), ("/pricing/", "https://acme.example/pricing/"), ("/", "https://acme.example"), ("/blog", ""),
    ("/pricing", "https://www.ACME.example:443/pricing/?plan=pro#x"), ("/über-uns", ""), ("/blog/one", ""),
    ("/landing/a", "http://shop.example/landing/a?b=2&a=1"), ("https://acme.example/pricing", ""), ("demo", ""),
)  # fmt: skip


def event(type: str, name: str = "", **data: Any) -> Event:
    return Event(seq=1, at=NOW, type=type, name=name, data=data)


pages = some.sampled_from(PAGES).map(lambda page: event("page.visited", page[0], url=page[1]))
named = some.builds(
    event, some.sampled_from(["form.submitted", "custom", "email.clicked"]),
    some.sampled_from(["demo", "DEMO", "demonstration", "ab", "a b", "b", "strasse", "/pricing", ""]),
)  # fmt: skip
crossings = some.builds(
    lambda type, before, after: event(type, "", before=before, after=after),
    some.sampled_from(["score.reached", "score.dropped", "interest.reached"]),
    some.integers(-5, 30), some.integers(-5, 30),
)  # fmt: skip
patterns = some.one_of(
    some.builds(
        Pattern, type=some.sampled_from(["page.visited", "form.submitted", "custom", "email.clicked"]),
        name=some.sampled_from(NAMES), times=some.sampled_from([None, None, None, 3]),
        also=some.sampled_from([(), ("page.visited",), ("form.submitted",)]),
    ),
    some.builds(
        Pattern, type=some.sampled_from(["score.reached", "score.dropped", "interest.reached"]),
        threshold=some.integers(0, 25).map(float),
    ),
)  # fmt: skip


@given(some.lists(patterns, max_size=12), some.one_of(pages, named, crossings))
def test_everything_that_an_event_meets_is_near_it(listening: list[Pattern], happened: Event) -> None:
    listeners: Listeners[int] = Listeners()
    for number, pattern in enumerate(listening):
        listeners.add(pattern, number)
    near = list(listeners.near(happened))
    met = [number for number, one in enumerate(listening) if matches(one, happened, zone="UTC")]
    assert set(met) <= set(near)
    assert near == sorted(set(near))


def test_the_end_of_a_count_is_near_the_pattern_that_counts() -> None:
    counted = Pattern(type="page.visited", name="/pricing*", times=3, within=Duration(days=7))
    listeners: Listeners[str] = Listeners()
    listeners.add(counted, "counted")
    assert trigger(counted) == "pattern.met"
    assert listeners.near(event("pattern.met", counted.key)) == ["counted"]
    assert not listeners.near(event("pattern.met", "another"))
    assert not listeners.near(event("page.visited", "/pricing"))
    assert listeners.all_for("pattern.met") == ["counted"]


@pytest.mark.parametrize(
    ("pattern", "happened"),
    [
        (lambda n: Pattern(type="form.submitted", name=f"form {n}"), event("form.submitted", "Form 7")),
        (lambda n: Pattern(type="page.visited", name=f"/landing/{n}/*"), event("page.visited", "/landing/7/a")),
        (lambda n: Pattern(type="page.visited", name=f"site{n}.example/*"),
         event("page.visited", "/", url="https://site7.example/")),
        (lambda n: Pattern(type="stage.entered", name=f"Stage {n}"), event("stage.entered", "Stage 7")),
        (lambda n: Pattern(type="score.reached", threshold=float(n)), event("score.reached", before=6.5, after=7)),
        (lambda n: Pattern(type="custom", name=f"e{n}", times=2), event("pattern.met", Pattern(
            type="custom", name="e7", times=2).key)),
    ],
)  # fmt: skip
def test_two_hundred_others_are_not_looked_at(pattern: Any, happened: Event) -> None:
    listeners: Listeners[int] = Listeners()
    for number in range(200):
        listeners.add(pattern(number), number)
    assert listeners.near(happened) == [7]
