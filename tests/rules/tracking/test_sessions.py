"""Sessions and touches: which views belong together, what a path is made of, and where a lead came from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from engine.rules.tracking.classify import OFFLINE, UNKNOWN, Source
from engine.rules.tracking.sessions import (
    Session,
    Touch,
    click_touch,
    conversion_touch,
    visit_touch,
)

NOON = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
DIRECT = Source("Direct", "(direct)", "(none)")
GOOGLE = Source("Organic Search", "google", "organic")
ADS = Source("Paid Search", "google", "cpc")
SESSION = Session(UUID(int=1), GOOGLE, NOON, NOON + timedelta(minutes=10), "/")


def minutes(many: float) -> datetime:
    return NOON + timedelta(minutes=many)


@pytest.mark.parametrize(
    ("source", "after", "same"),
    [
        (DIRECT, 11, True), (GOOGLE, 11, True), (ADS, 11, False), (UNKNOWN, 11, True), (DIRECT, 40, True),
        (DIRECT, 40.1, False), (GOOGLE, 41, False), (DIRECT, 5, True), (DIRECT, -20, True), (DIRECT, -31, False),
    ],
)  # fmt: skip
def test_a_view_goes_on_with_a_session_or_begins_one(source: Source, after: float, same: bool) -> None:
    assert SESSION.goes_on(source, minutes(after)) is same


def test_midnight_ends_no_session() -> None:
    late = datetime(2026, 9, 1, 23, 59, tzinfo=UTC)
    assert Session(UUID(int=1), GOOGLE, late, late, "/").goes_on(DIRECT, late + timedelta(minutes=2))


@pytest.mark.parametrize(("after", "covered"), [(0, True), (40, True), (40.1, False), (-0.1, False)])
def test_a_conversion_belongs_to_the_session_shortly_before_it(after: float, covered: bool) -> None:
    found = conversion_touch("form.submitted", 7, minutes(after), SESSION, ADS)
    assert found == (None if covered else Touch("e:7", minutes(after), ADS, "form", seq=7))


@pytest.mark.parametrize("type", ["webinar.attended", "meeting.held"])
def test_a_webinar_and_a_meeting_are_touches_in_any_case(type: str) -> None:
    assert conversion_touch(type, 7, minutes(1), SESSION, OFFLINE) is not None


@pytest.mark.parametrize("type", ["page.visited", "email.opened", "custom", "order.placed", "webinar.registered"])
def test_other_events_are_no_touches(type: str) -> None:
    assert conversion_touch(type, 7, minutes(90), None, UNKNOWN) is None


@pytest.mark.parametrize(("click", "own"), [(-5, False), (-5.1, True), (0, False), (1, True)])
def test_a_session_behind_a_click_in_our_email_is_that_click(click: float, own: bool) -> None:
    assert (visit_touch(SESSION, [minutes(click)]) is not None) is own


def test_clicks_in_one_email_are_one_touch_for_half_an_hour() -> None:
    mail = UUID(int=9)
    first = click_touch(mail, "Whitepaper", "whitepaper/Welcome", NOON, None)
    assert first is not None
    assert first.source == Source("Email", "coldframe", "email", "whitepaper", "whitepaper/welcome")
    assert click_touch(mail, "Whitepaper", "x", minutes(29.9), NOON) is None
    assert click_touch(mail, "Whitepaper", "x", minutes(30), NOON) is not None
