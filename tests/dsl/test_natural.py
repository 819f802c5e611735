"""Words with one meaning: singular and plural, numbers as words, dates counted from today, several names in a line.
Each pair of lines means the same plan."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.compile import compile_workspace
from dsl.fmt import format_text
from dsl.problems.diagnostics import as_text
from dsl.text.values import BUSINESS_UNITS, UNITS
from tests.dsl.harness import ASSETS

WORKSPACE = """workspace "Acme"
    sender "Acme <hello@acme.example>"
    address "Acme, Hauptstr. 1, Voerde"
    languages "en", "de"
    topic "news" "News"
    topic "offers" "Offers"
    {workspace}
field trial_ends date
field offer_until date
lifecycle
    stage Visitor
    stage Lead
        when form "demo" is submitted
    stage "Sales Qualified"
        when score reaches 50
form "demo"
    ask email required
    ask trial_ends
    consent "Yes" for topic "news"
    consent "Yes" for topic "offers"
    {form}
scoring
    +60  when email is clicked
    {scoring}
team "Sales"
    takes all leads
    member "ada@acme.example"{member}
segment "Readers"
    trial_ends is known
segment "Locals"
    trial_ends is unknown
campaign "Other"
    starts when form "demo" is submitted
    flow
        add 1 points
campaign "Another"
    starts when form "demo" is submitted
    flow
        add 1 points
campaign "Case"
    starts when form "demo" is submitted
    topic "news"
    {campaign}
    flow
        send "whitepaper/welcome"
        {flow}
"""
PLACES = ("workspace", "form", "scoring", "member", "campaign", "flow")


def meaning(place: str, line: str) -> Any:
    """The plan of the workspace with that line in its place, without the places in the file."""
    filled = dict.fromkeys(PLACES, "") | {place: line}
    text = WORKSPACE.format(**filled)
    files = {"campaigns/case.campaign": text}
    compiled = compile_workspace(files, ASSETS)
    assert as_text([one for one in compiled.diagnostics if one.severity == "error"], files) == ""
    assert compiled.program is not None
    assert format_text("case.campaign", text).text is not None
    return _without_places(compiled.program.model_dump(mode="json"))


def _without_places(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_places(value) for key, value in data.items() if key not in ("source", "id", "entry")}
    return [_without_places(item) for item in data] if isinstance(data, list) else data


def block(head: str) -> str:
    return f'{head}\n            send "whitepaper/reminder"'


UNIT_WORDS = [*UNITS, *(f"business {unit}" for unit in BUSINESS_UNITS)]
SAME = [
    # every unit of time, one of it and several
    *(("flow", f"wait 1 {unit}", f"wait 1 {unit}s") for unit in UNIT_WORDS),
    *(
        ("flow", f"wait {'an' if unit[0] in 'aeiou' or unit == 'hour' else 'a'} {unit}", f"wait 1 {unit}")
        for unit in UNITS
    ),
    *(("flow", f"wait 2 {unit}", f"wait two {unit}s") for unit in UNIT_WORDS),
    *(
        (
            "flow",
            block(f'if has visited page "/x" in the last {unit}'),
            block(f'if has visited page "/x" in the last 1 {unit}'),
        )
        for unit in UNIT_WORDS
    ),
    *(
        ("flow", block(f"repeat up to 3 times every {unit}"), block(f"repeat up to 3 times every 1 {unit}"))
        for unit in UNIT_WORDS
    ),
    ("flow", block("if trial_ends is in the next month"), block("if trial_ends is in the next 1 month")),
    # every counted noun
    ("workspace", "at most 1 email per day", "at most 1 emails per day"),
    ("workspace", "at most one email per day", "at most 1 emails per day"),
    ("workspace", "at most 3 mails per week", "at most 3 emails per week"),
    ("scoring", "+5 when page is visited, at most 1 time per day", "+5 when page is visited, at most 1 times per day"),
    ("scoring", "+5 when page is visited, at most once per day", "+5 when page is visited, at most 1 times per day"),
    ("scoring", "+5 when page is visited, at most twice per day", "+5 when page is visited, at most 2 times per day"),
    (
        "scoring",
        "+5 when page is visited, at most 1 point per day",
        "+5 when page is visited, at most 1 points per day",
    ),
    ("scoring", "+5 points when page is visited", "+5 when page is visited"),
    ("scoring", "+1 point if trial_ends is known", "+1 if trial_ends is known"),
    ("member", ", up to 20 open leads", ", up to 20 open"),
    ("member", ", up to 1 open lead", ", up to 1 open"),
    ("flow", "add 1 point", "add 1 points"),
    ("flow", block("repeat up to 1 time every week"), block("repeat up to 1 times every 1 week")),
    ("flow", block("repeat up to two rounds every week"), block("repeat up to 2 times every 1 week")),
    ("flow", block('if has visited page "/x" at least once'), block('if has visited page "/x" at least 1 times')),
    ("flow", block('if has visited page "/x" at least twice'), block('if has visited page "/x" at least 2 times')),
    (
        "campaign",
        "leaves when page is visited twice within a week",
        "leaves when page is visited 2 times within 1 week",
    ),
    ("campaign", "costs 1 hour per month at 60 EUR", "costs 1 hours per month at 60 EUR"),
    # regular
    ("campaign", 'starts every month at 10:00 for list "A"', 'starts every month on the 1st at 10:00 for list "A"'),
    ("campaign", 'starts every Monday at 10:00 for list "A"', 'starts every monday at 10:00 for list "A"'),
    ("campaign", "enters every year", "enters every 1 year"),
    ("campaign", "enters every week", "enters every 7 days"),
    ("campaign", "sends on Mondays between 09:00 and 10:00", "sends on monday between 09:00 and 10:00"),
    ("campaign", "sends on weekday", "sends on weekdays"),
    ("flow", "wait until Tuesday at 09:00", "wait until tuesday 09:00"),
    (
        "workspace",
        "business hours Mondays to Fridays from 09:00 to 17:00",
        "business hours monday to friday from 09:00 to 17:00",
    ),
    ("campaign", "sends on business days", "sends on working days"),
    ("campaign", "sends on workdays between 09:00 and 10:00", "sends on working days between 09:00 and 10:00"),
    ("workspace", "sends on work days", "sends on working days"),
    # times and spans as people say them
    ("flow", "wait until monday at 9am", "wait until monday 09:00"),
    ("flow", "wait until monday 9:30 pm", "wait until monday 21:30"),
    ("flow", "wait until Monday 12am", "wait until monday 00:00"),
    ("flow", "wait until monday noon", "wait until monday 12:00"),
    ("flow", "wait until monday at midnight", "wait until monday 00:00"),
    ("campaign", "sends on weekdays between 9am and 6pm", "sends on weekdays between 09:00 and 18:00"),
    ("campaign", "sends on daily between noon and midnight", "sends on daily between 12:00 and 24:00"),
    ("workspace", "quiet hours from 8 pm to 8:00", "quiet hours from 20:00 to 08:00"),
    ("flow", "wait 5 min", "wait 5 minutes"),
    ("flow", "wait two hrs", "wait 2 hours"),
    ("flow", "wait 3 working days", "wait 3 business days"),
    ("flow", "wait 1 working day 4 working hours", "wait 1 business day 4 business hours"),
    ("flow", "wait thirty days", "wait 30 days"),
    ("flow", "add fifteen points", "add 15 points"),
    ("flow", block("repeat 3 times weekly"), block("repeat up to 3 times every 1 week")),
    ("flow", block("repeat up to four times monthly"), block("repeat up to 4 times every 1 month")),
    ("flow", block("repeat 3 times every 14 days"), block("repeat up to 3 times every 14 days")),
    # as newcomers wrote them
    (
        "flow",
        block("if score >= 5") + "\n        else\n            stop",
        block("if score >= 5") + "\n        otherwise\n            stop",
    ),
    (
        "flow",
        block("if score >= 5") + "\n        else if score >= 3\n            stop",
        block("if score >= 5") + "\n        otherwise if score >= 3\n            stop",
    ),
    ("campaign", "enters once per year", "enters every year"),
    ("campaign", "enters once a month", "enters every month"),
    ("campaign", "enters each year", "enters every year"),
    ("campaign", 'starts each monday at 10:00 for list "A"', 'starts every monday at 10:00 for list "A"'),
    ("workspace", "quiet hours 20:00 to 8:00", "quiet hours from 20:00 to 08:00"),
    ("workspace", "quiet hours between 20:00 and 8:00", "quiet hours from 20:00 to 08:00"),
    (
        "workspace",
        "business hours monday to friday 9:00 to 17:00 and saturday 10:00 to 12:00",
        "business hours monday to friday from 09:00 to 17:00 and saturday from 10:00 to 12:00",
    ),
    ("workspace", "closed on 2026-12-24", "closed from 2026-12-24 to 2026-12-24"),
    (
        "flow",
        'notify owner, otherwise team "Sales" with "internal/note"',
        'notify owner with "internal/note", otherwise team "Sales"',
    ),
    # nobody
    *(
        ("workspace", said, 'nobody in segment "Readers", "Locals" is mailed')
        for said in (
            'no one in segment "Readers" or "Locals" is emailed',
            'nobody in segments "Readers", "Locals" gets emails',
            'no lead in segment "Readers" and "Locals" receives emails',
            'never mail segment "Readers", "Locals"',
            'do not email leads in segments "Readers" and "Locals"',
        )
    ),
    # what a lead did
    *(
        ("flow", block(f"if {said}"), block(f"if {plain}"))
        for said, plain in (
            ('opened email "whitepaper/welcome"', 'has opened email "whitepaper/welcome"'),
            ('not opened email "whitepaper/welcome"', 'has not opened email "whitepaper/welcome"'),
            ('score >= 5 and not visited page "/x"', 'score >= 5 and has not visited page "/x"'),
            ("not (clicked email or replied to email)", "not (has clicked email or has replied to email)"),
            ('has opened mail "whitepaper/welcome"', 'has opened email "whitepaper/welcome"'),
            ("has never opened an email", "has not opened email"),
            ("has not placed an order", "has not placed order"),
            ("has placed orders at least 2 times", "has placed order at least 2 times"),
            ('has visited "/pricing" in the last 7 days', 'has visited page "/pricing" in the last 7 days'),
            ('has submitted the form "demo"', 'has submitted form "demo"'),
            ('has replied to "whitepaper/welcome"', 'has replied to email "whitepaper/welcome"'),
            ('has registered "Seals"', 'has registered for webinar "Seals"'),
            ('has clicked "https://acme.example/*"', 'has clicked link "https://acme.example/*"'),
            ("the lead has opened email", "has opened email"),
            ("score >= 5 or they has not opened email", "score >= 5 or has not opened email"),
        )
    ),
    ("flow", "wait until email is replied", "wait for email is replied"),
    ("flow", 'wait until form "demo" is submitted', 'wait for form "demo" is submitted'),
    ("flow", "wait up to 2 days until a form is submitted", "wait up to 2 days for form is submitted"),
    ("campaign", "leaves when an order is placed", "leaves when order is placed"),
    ("campaign", 'leaves when the form "demo" is submitted', 'leaves when form "demo" is submitted'),
    # comparisons in words
    ("flow", block('if stage is not at least "Sales Qualified"'), block('if not stage is at least "Sales Qualified"')),
    ("flow", block("if score is at least 50"), block("if score >= 50")),
    ("flow", block("if score is at most 50"), block("if score <= 50")),
    ("flow", block("if score is more than 50"), block("if score > 50")),
    ("flow", block("if score is less than 50"), block("if score < 50")),
    ("flow", block("if score is not at least 50"), block("if not score >= 50")),
    ("flow", block('if stage is "Lead"'), block("if stage is Lead")),
    ("flow", block('if stage in (Lead, "Sales Qualified")'), block('if stage is Lead or stage is "Sales Qualified"')),
    # dates
    ("flow", "wait until on the day of trial_ends or skip if past", "wait until the day of trial_ends or skip if past"),
    (
        "flow",
        "wait until the day of trial_ends at 08:00 or skip if past",
        "wait until trial_ends at 08:00 or skip if past",
    ),
    ("flow", "if score is greater than 50\n            stop", "if score > 50\n            stop"),
    ("flow", "if score is over 50 points\n            stop", "if score > 50\n            stop"),
    ("flow", "if score is under 50\n            stop", "if score < 50\n            stop"),
    ("flow", "if score is greater than or equal to 50\n            stop", "if score >= 50\n            stop"),
    ("flow", "if age of birthday below 16\n            stop", "if age of birthday < 16\n            stop"),
    (
        "flow",
        'if score is between 5 and 10 and country is "DE"\n            stop',
        'if (score >= 5 and score <= 10) and country is "DE"\n            stop',
    ),
    ("flow", "if company is empty\n            stop", "if company is unknown\n            stop"),
    ("flow", "if company is not blank\n            stop", "if company is known\n            stop"),
    ("flow", "if company exists\n            stop", "if company is known\n            stop"),
    ("flow", "if company is not set\n            stop", "if company is unknown\n            stop"),
    ("flow", 'if city equals "Bonn"\n            stop', 'if city is "Bonn"\n            stop'),
    ("flow", 'if city is not equal to "Bonn"\n            stop', 'if city is not "Bonn"\n            stop'),
    ("flow", 'if country is "DE" or "AT"\n            stop', 'if country in ("DE", "AT")\n            stop'),
    (
        "flow",
        'if country is "DE", "AT", or "CH" and score > 5\n            stop',
        'if country in ("DE", "AT", "CH") and score > 5\n            stop',
    ),
    ("flow", 'if country is one of "DE", "AT"\n            stop', 'if country in ("DE", "AT")\n            stop'),
    (
        "flow",
        'if country is none of ("DE", "AT")\n            stop',
        'if country not in ("DE", "AT")\n            stop',
    ),
    (
        "flow",
        'if country is "DE" or city is "Bonn"\n            stop',
        'if country is "DE" or (city is "Bonn")\n            stop',
    ),
    (
        "flow",
        'if the lead is in list "Fans" and they are not in segment "Readers"\n            stop',
        'if in list "Fans" and not in segment "Readers"\n            stop',
    ),
    ("flow", 'if is a member of segment "Readers"\n            stop', 'if in segment "Readers"\n            stop'),
    (
        "flow",
        'if lead is not a member of segment "Readers"\n            stop',
        'if not in segment "Readers"\n            stop',
    ),
    ("flow", 'if not on list "Fans"\n            stop', 'if not in list "Fans"\n            stop'),
    (
        "flow",
        "if created more than 5 years ago\n            stop",
        "if created is before today minus 5 years\n            stop",
    ),
    ("flow", 'enter "Other"', 'enter campaign "Other"'),
    ("flow", 'start campaign "Other"', 'enter campaign "Other"'),
    ("flow", 'stop campaign "Other"', 'leave campaign "Other"'),
    ("flow", 'move to "Other"', 'move to campaign "Other"'),
    ("flow", 'add to "Fans"', 'add to list "Fans"'),
    ("flow", 'add to lists "Fans", "Press"', 'add to list "Fans", "Press"'),
    ("flow", 'add to list "Fans" and list "Press"', 'add to list "Fans", "Press"'),
    ("flow", 'remove from "Fans"', 'remove from list "Fans"'),
    ("flow", 'subscribe "offers"', 'subscribe to "offers"'),
    ("flow", 'unsubscribe from topics "news", "offers"', 'unsubscribe from "news", "offers"'),
    ("flow", "subtract 5 points", "add -5 points"),
    ("flow", "give 5 points", "add 5 points"),
    ("flow", "add 5 to score", "add 5 points"),
    ("flow", 'set city = "Bonn"', 'set city to "Bonn"'),
    ("flow", "set offer_until to tomorrow", "set offer_until to 1 day from today"),
    ("flow", "wait 2 days before trial_ends or skip if past", "wait until 2 days before trial_ends or skip if past"),
    ("flow", 'wait for a reply to email "whitepaper/welcome"', 'wait for email "whitepaper/welcome" is replied'),
    ("flow", 'wait for email "whitepaper/welcome" to be clicked', 'wait for email "whitepaper/welcome" is clicked'),
    ("flow", "wait for email is opened, clicked or replied", "wait for email is opened or clicked or replied"),
    ("flow", 'hand off to "Sales"', 'hand off to team "Sales"'),
    ("flow", "hand over to Sales", "hand off to sales"),
    ("flow", "hand off", "hand off to sales"),
    ("campaign", "enters only once", "enters once"),
    ("campaign", "re-enters after 30 days", "enters again after 30 days"),
    ("campaign", "enters at most once per month", "enters every month"),
    ("campaign", "enters again every year", "enters every year"),
    ("workspace", "no more than 3 emails per week", "at most 3 emails per week"),
    ("workspace", "at most one email a day", "at most 1 emails per day"),
    ("workspace", "maximum 2 emails every week", "at most 2 emails per week"),
    ("flow", "wait until 1st of October 2030", "wait until 2030-10-01"),
    ("flow", "wait until the 1 Oct 2030 at 9am", "wait until 2030-10-01 09:00"),
    ("flow", "wait until October 22nd, 2030", "wait until 2030-10-22"),
    ("flow", "wait until Sept 3 2030 or skip if past", "wait until 2030-09-03 or skip if past"),
    ("flow", "set offer_until to 24. December 2030", "set offer_until to 2030-12-24"),
    ("flow", "if today is after May 3, 2030\n            stop", "if today is after 2030-05-03\n            stop"),
    ("campaign", "runs from 1 January 2030 to 31 January 2030", "runs from 2030-01-01 to 2030-01-31"),
    ("workspace", "closed on 24th of December 2030", "closed on 2030-12-24"),
    ("flow", "wait for email is clicked within 3 days", "wait up to 3 days for email is clicked"),
    ("flow", "wait for a form is submitted for at most 2 weeks", "wait up to 2 weeks for form is submitted"),
    ("flow", "wait for email is clicked up to 1 day 12 hours", "wait up to 1 day 12 hours for email is clicked"),
    ("flow", "wait 3 business days for form is submitted", "wait up to 3 business days for form is submitted"),
    ("flow", "wait max three days for form is submitted", "wait up to 3 days for form is submitted"),
    ("flow", "wait until 60 days before 2030-09-20 at 10:00", "wait until 2030-07-22 at 10:00"),
    ("flow", "wait until 1 month after 2030-01-31", "wait until 2030-02-28"),
    ("flow", "wait until 2030-09-20", "wait until 2030-09-20 09:00"),
    ("flow", "wait until 2030-09-20 or skip if past", "wait until 2030-09-20 09:00"),
    ("flow", "set offer_until to 14 days from today", "set offer_until to today plus 14 days"),
    ("flow", "set offer_until to 14 days from now", "set offer_until to today plus 14 days"),
    ("flow", "set offer_until to in 2 weeks", "set offer_until to today plus 2 weeks"),
    ("flow", block("if created is more than 5 years ago"), block("if created is before today minus 5 years")),
    ("flow", block("if created is less than 5 years ago"), block("if created is in the last 5 years")),
    ("flow", block("if trial_ends is more than a week from today"), block("if trial_ends is after today plus 7 days")),
    ("flow", block("if trial_ends is less than a week from today"), block("if trial_ends is in the next 7 days")),
    ("flow", block("if age of birthday is less than 16"), block("if age of birthday < 16")),
    ("campaign", "starts on the day of trial_ends", "starts when trial_ends"),
    # several in one line
    ("flow", 'unsubscribe from "news", "offers"', 'unsubscribe from "news"\n        unsubscribe from "offers"'),
    ("flow", 'unsubscribe from "news" and "offers"', 'unsubscribe from "news", "offers"'),
    ("flow", 'subscribe to "news" and "offers"', 'subscribe to "news"\n        subscribe to "offers"'),
    ("flow", 'add to list "A", "B"', 'add to list "A"\n        add to list "B"'),
    ("flow", 'remove from list "A" and "B"', 'remove from list "A"\n        remove from list "B"'),
    ("flow", 'leave campaign "Other" and "Another"', 'leave campaign "Other"\n        leave campaign "Another"'),
    ("flow", 'enter campaign "Other", "Another"', 'enter campaign "Other"\n        enter campaign "Another"'),
    ("workspace", 'holidays "DE" and "AT"', 'holidays "DE", "AT"'),
    # where things stand
    (
        "campaign",
        'leaves when link "https://acme.example/*" is clicked in email "whitepaper/welcome"',
        'leaves when link "https://acme.example/*" in email "whitepaper/welcome" is clicked',
    ),
    ("form", 'ask first_name "en" "First name", "de" "Vorname"', 'ask first_name "First name", "de" "Vorname"'),
]


@pytest.mark.parametrize(("place", "written", "plain"), SAME, ids=[written.split("\n")[0] for _, written, _ in SAME])
def test_both_ways_of_writing_mean_the_same(place: str, written: str, plain: str) -> None:
    assert meaning(place, written) == meaning(place, plain)


def test_a_day_without_a_time_is_the_first_sending_moment_of_the_campaign() -> None:
    windows = "sends on monday between 10:30 and 12:00\n    sends on tuesday between 07:00 and 12:00\n    "
    quiet = "quiet hours from 20:00 to 08:00"

    def until(day: str) -> str:
        text = WORKSPACE.format(**dict.fromkeys(PLACES, "") | {
            "workspace": quiet, "campaign": windows, "flow": f"wait until {day}",
        })  # fmt: skip
        compiled = compile_workspace({"campaigns/case.campaign": text}, ASSETS)
        assert compiled.program is not None
        plan = next(one for one in compiled.program.campaigns if one.campaign == "Case")
        return next(step.until.time for step in plan.steps if step.kind == "wait")  # type: ignore[union-attr]

    assert until("2030-09-16") == "10:30"  # a monday
    assert until("2030-09-17") == "08:00"  # a tuesday: the window opens at 07:00, in quiet hours
    assert until("2030-09-18") == "09:00"  # no window that day
