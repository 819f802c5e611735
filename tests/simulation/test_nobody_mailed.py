"""Groups that nobody is mailed in, working days, and the workspace's windows, in simulated stories."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dsl.compile import compile_workspace
from dsl.plan import BusinessHours, Program, Window
from engine.cli.script import read_script
from engine.rules.sending.windows import is_open, next_opening
from engine.simulation.simulation import deployment_of
from engine.simulation.story import Known, Story
from engine.why.mails import _reason
from engine.wording.terms import windows

TEMPLATES = {f"templates/{name}.md": b"---\nsubject: Hi\n---\nHello\n" for name in ("offer", "answer")}
TEXT = """
workspace "Shop"
    sender "Shop <hello@shop.example>"
    address "Shop, 1 Street, Town"
    timezone "Europe/Berlin"
    mail is allowed until opt-out
    tracking is always on
    topic "news" "News"
    {workspace}
form "in"
    ask email required
    ask birthday
segment "Under 16"
    age of birthday < 16
segment "Regulars"
    has visited page "/shop*" at least 2 times
list "Press"
campaign "Offers"
    starts when form "in" is submitted
    {campaign}
    flow
        send "offer"
        send "answer" as transactional
"""
NOBODY = 'nobody in segment "Under 16", "Regulars" is mailed\n    nobody in list "Press" is mailed'
CHRISTMAS = 'holidays "DE"'


def program(workspace: str, campaign: str = "") -> Program:
    found = compile_workspace({"a.campaign": TEXT.format(workspace=workspace, campaign=campaign)}, list(TEMPLATES))
    assert found.program is not None, found.diagnostics
    return found.program


def mails(of: Program, script: str, start: datetime, **known: object) -> list[tuple[str, str, str]]:
    lists = known.pop("lists", ())
    told = Known({"email": "ann@lead.example", **known}, lists=lists)  # type: ignore[arg-type]
    story = Story(deployment_of(of, TEMPLATES), start, told)
    story.play(read_script(script, of).actions)
    return [(one.send.template, one.state, one.reason) for one in story.person.letters]


@pytest.mark.parametrize(
    ("script", "known", "reason"),
    [
        ("submits form in", {"birthday": "2015-01-01"}, 'in segment "Under 16"'),
        ("submits form in", {"birthday": "1980-01-01"}, ""),
        ("submits form in", {}, ""),
        ("visits page /shop/a\nvisits page /shop/b\nsubmits form in", {}, 'in segment "Regulars"'),
        ("submits form in", {"lists": ("Press",)}, 'in list "Press"'),
    ],
)
def test_who_is_in_the_group_when_the_email_is_due(script: str, known: dict[str, object], reason: str) -> None:
    offer, answer = mails(program(NOBODY), script, datetime(2026, 9, 1, 9, tzinfo=UTC), **known)
    assert offer == ("offer", "skipped" if reason else "accepted", reason)
    assert answer == ("answer", "accepted", ""), "what answers the lead's own action still leaves"


def test_why_says_that_the_workspace_excludes_the_group() -> None:
    assert _reason('in segment "Under 16"', None) == (
        'the lead is in segment "Under 16", which the workspace excludes from emails'
    )


HOURS = BusinessHours(zone="Europe/Berlin", holidays=("DE",), closed=(("2026-12-28", "2026-12-31"),))
WORKING = (Window(start="08:00", end="18:00", working=True),)
NIGHT = (Window(start="22:00", end="02:00", working=True),)


@pytest.mark.parametrize(
    ("now", "windows", "opens"),
    [
        ("2026-12-24T12:00", WORKING, "2026-12-24T12:00"),
        ("2026-12-24T18:00", WORKING, "2027-01-04T08:00"),  # Christmas, the closed days, New Year, and a weekend
        ("2026-09-18T18:00", WORKING, "2026-09-21T08:00"),
        ("2026-12-24T22:30", NIGHT, "2026-12-24T22:30"),
        ("2026-12-25T01:30", NIGHT, "2026-12-25T01:30"),  # the night of a working day
        ("2026-12-25T22:30", NIGHT, "2027-01-04T22:00"),
        ("2026-12-25T12:00", (*WORKING, Window(days=(5,))), "2026-12-26T00:00"),
    ],
)
def test_working_days_respect_holidays_and_closed_days(now: str, windows: tuple[Window, ...], opens: str) -> None:
    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    hours = HOURS.model_copy(update={"zone": "UTC"})
    assert next_opening(instant(now), "UTC", windows, None, hours) == instant(opens)
    assert is_open(instant(opens), "UTC", windows, None, hours)


@pytest.mark.parametrize(
    ("workspace", "campaign", "day"),
    [
        (f"sends on working days between 08:00 and 18:00\n    {CHRISTMAS}", "", "2026-12-28"),
        (f"sends on daily\n    {CHRISTMAS}", "sends on working days", "2026-12-28"),
        (f"sends on working days\n    {CHRISTMAS}", "sends on daily between 10:00 and 12:00", "2026-12-26"),
        (f"sends on saturday between 10:00 and 11:00\n    {CHRISTMAS}", "", "2026-12-26"),
    ],
)
def test_the_campaigns_own_windows_replace_those_of_the_workspace(workspace: str, campaign: str, day: str) -> None:
    of = program(workspace, campaign)
    story = Story(deployment_of(of, TEMPLATES), datetime(2026, 12, 25, 20, tzinfo=UTC), Known({"email": "a@b.example"}))
    story.play(read_script("submits form in", of).actions)
    offer = next(one for one in story.person.letters if one.send.template == "offer")
    assert (offer.state, offer.at.astimezone(ZoneInfo("Europe/Berlin")).date().isoformat()) == ("accepted", day)


def test_a_plan_without_them_keeps_its_digest() -> None:
    plain = program("").campaigns[0].digest
    assert program(NOBODY).campaigns[0].digest == plain
    assert program("sends on daily").campaigns[0].digest == plain
    assert program("").workspace.timing != program("sends on daily").workspace.timing


def test_the_windows_in_words() -> None:
    assert windows(WORKING) == "on working days between 08:00 and 18:00"
