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
    ("form", 'button "Go" in "en", "Los" in de', 'button "en" "Go", "de" "Los"'),
    ("form", "ask for first_name", "ask first_name"),
    ("form", "ask first_name is required", "ask first_name required"),
    ("form", 'ask first_name as "Your name" required', 'ask first_name required "Your name"'),
    ("form", 'ask first_name label "Your name"', 'ask first_name "Your name"'),
]


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
