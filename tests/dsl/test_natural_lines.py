"""Lines of the workspace and of forms as people write them. Each pair of lines means the same plan."""

from __future__ import annotations

import pytest

from tests.dsl.harness import compile_text
from tests.dsl.test_natural import meaning

PAIRS = [
    ("workspace", "sends on weekdays from 9 to 17", "sends on weekdays between 09:00 and 17:00"),
    ("workspace", "sends only on weekdays", "sends on weekdays"),
    ("workspace", "sends between 08:00 and 18:00", "sends on monday to sunday between 08:00 and 18:00"),
    ("workspace", "business hours on weekdays from 9am to 5pm", "business hours monday to friday from 09:00 to 17:00"),
    ("workspace", "business hours monday-thursday 8:00-16:30", "business hours monday to thursday from 08:00 to 16:30"),
    ("workspace", "quiet hours from 20:00 until 08:00", "quiet hours from 20:00 to 08:00"),
    ("workspace", "mail requires consent", "mail needs consent"),
    ("workspace", "tracking needs opt-in", "tracking needs consent"),
    ("workspace", 'currency "USD"', "currency USD"),
    ("workspace", "at most 3 emails in 7 days", "at most 3 emails per 7 days"),
    ("workspace", "at most 3 mails within 1 week", "at most 3 emails per 1 week"),
    (
        "flow",
        "repeat 3 times weekly until score is over 50 points\n            stop",
        "repeat up to 3 times every 1 week until score > 50\n            stop",
    ),
    ("form", 'button "Go" in "en", "Los" in de', 'button "en" "Go", "de" "Los"'),
    ("form", "ask for first_name", "ask first_name"),
    ("form", "ask first_name is required", "ask first_name required"),
    ("form", 'ask first_name as "Your name" required', 'ask first_name required "Your name"'),
    ("form", 'ask first_name label "Your name"', 'ask first_name "Your name"'),
]


EVENTS = [
    ('lead visits page "/x"', 'page "/x" is visited'),
    ('a lead submits form "demo"', 'form "demo" is submitted'),
    ('lead opens the email "whitepaper/welcome"', 'email "whitepaper/welcome" is opened'),
    ('someone replies to email "whitepaper/welcome"', 'email "whitepaper/welcome" is replied'),
    ('lead unsubscribes from "news"', 'topic "news" is left'),
    ('form "demo" submitted', 'form "demo" is submitted'),
    ('form "demo" was filled in', 'form "demo" is submitted'),
    ("order placed", "order is placed"),
    ("order was placed where amount > 5", "order is placed where amount > 5"),
    (
        "cart is updated and then no order placed within 2 hours",
        "cart is updated and then no order is placed within 2 hours",
    ),
    ('lead is added to list "Fair"', 'list "Fair" is joined'),
    ('removed from list "Fair"', 'list "Fair" is left'),
    ("trial_ends changes", "field trial_ends changes"),
    ('city becomes "Bonn"', 'field city changes to "Bonn"'),
    ("field city is changed", "field city changes"),
    ("stage changes to Lead", "lead becomes Lead"),
    ("score reaches 50 points", "score reaches 50"),
    ("no activity for 30 days", "lead is inactive for 30 days"),
    ("lead is inactive 30 days", "lead is inactive for 30 days"),
    ("handoff is rejected", "sales rejects"),
    ('sales rejects because "no budget"', 'sales rejects where reason is "no budget"'),
    ('event "x" is triggered', 'event "x" happens'),
    ('"x" happens', 'event "x" happens'),
    ("on birthday", "birthday"),
    ("30 days before the trial_ends", "30 days before trial_ends"),
]


@pytest.mark.parametrize(("said", "plain"), EVENTS, ids=[said for said, _ in EVENTS])
def test_an_event_as_people_say_it(said: str, plain: str) -> None:
    assert meaning("campaign", f"starts when {said}") == meaning("campaign", f"starts when {plain}")
    assert meaning("scoring", f"+5 when {said}") == meaning("scoring", f"+5 when {plain}")


@pytest.mark.parametrize(("place", "said", "plain"), PAIRS, ids=[said for _, said, _ in PAIRS])
def test_a_line_as_people_write_it(place: str, said: str, plain: str) -> None:
    assert meaning(place, said) == meaning(place, plain)


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("business hours 9 to 5", "write hours and minutes with two digits each: `09:00`"),
        ("tracking is on", "write `tracking needs consent`, or `tracking is always on`"),
        ("tracking is off", "write `tracking needs consent`; without it nothing is recorded"),
        ('languages "German"', "did you mean `de`?"),
    ],
)
def test_what_can_mean_two_things_is_asked(line: str, help: str) -> None:
    text = f'workspace "Acme"\n    sender "Acme <hello@acme.example>"\n    address "Acme, Voerde"\n    {line}\n'
    errors = [one for one in compile_text(text, base=False).diagnostics if one.severity == "error"]
    assert errors[0].help == help
