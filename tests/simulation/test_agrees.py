"""A simulation and production's engine tell the same story: the same mails, points, stages, runs and handoffs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.simulation.twins import Act, in_simulation, on_stage
from tests.support.examples import examples
from tests.support.stage import open_stage

HOUR, DAY = 60, 24 * 60

WORKSPACE = """
workspace "Twins"
    timezone "Europe/Berlin"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    quiet hours from 20:00 to 08:00
    at most 2 emails per 3 days
    business hours monday to friday from 09:00 to 17:00
    topic "news" "News"
    topic "tips" "Tips"
    mail needs consent
    tracking is always on

field company_size number

form "paper"
    ask email required
    ask first_name
    ask company_size
    ask country
    consent "Yes" for topic "news"
    consent "Tips too" for topic "tips"

form "demo"
    ask email required

scoring
    +30 when form "paper" is submitted
    +10 when email is clicked, once per email
    +5 when page is visited, at most 8 points per day, expires after 4 days
    +3 when email is opened, at most 2 times per 7 days

scoring "fit"
    +20 if company_size >= 200

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 50, only if score of "fit" >= 15
    stage SQL
        when sales accepts
    stage Lost outside the order
        when event "lost" happens

team "DACH"
    takes leads where country is "DE"
    member "eva@acme.example", up to 1 open
    member "jonas@acme.example"
    acknowledge within 4 business hours, then reassign
    contact within 1 business day, then escalate to "boss@acme.example"
    decide within 3 days, then recycle
team "Rest"
    takes all other leads
    member "sam@acme.example"

campaign "Nurture"
    starts when form "paper" is submitted
    enters again after 5 days
    leaves when form "demo" is submitted
        add 1 points
    topic "news"
    sends on weekdays between 08:00 and 18:00
    flow
        send "one" as trigger
        wait up to 3 days for email "one" is clicked
            add 5 points
            send "clicked"
        or for page "/prices*" is visited
            send "prices"
        or for email "one" is bounced
            add 2 points
        otherwise
            send "reminder" within 1 day
        wait until tuesday 09:00
        if score >= 40
            hand off to sales as MQL
                when accepted
                    send "congratulations"
                when rejected because "not ready"
                    enter campaign "Later"
                when rejected
                    add -20 points
                when overdue
                    send "sorry"

    whenever page "/help" is visited, once per 2 days
        send "help" as trigger
        add 2 points

campaign "Later"
    starts when lead becomes MQL
    enters every time
    topic "tips"
    flow
        wait 1 day
        send "tip"

campaign "Answered"
    starts when email is replied
    enters every time
    flow
        wait 1 day
        add to list "Answered"

campaign "Came back"
    starts when email is bounced
    flow
        send "never" as transactional
        wait 1 day
"""


async def agree(database: str, acts: Sequence[Act], workspace: str = WORKSPACE, rest: int = 40) -> set[str]:
    """The templates that were sent, once both sides have said the same."""
    async with open_stage(database, workspace) as stage:
        lead, real = await on_stage(stage, acts, timedelta(days=rest))
        simulated = await in_simulation(stage, acts, timedelta(days=rest), lead)
    for what in real:
        assert simulated[what] == real[what], what
    return {template for template, _, state, _, _ in real["mails"] if state == "accepted"}


FULL = {"first_name": "Ann", "company_size": 500, "country": "DE"}
STORIES = {
    "clicks and is accepted": [
        Act(0, "post", "paper", FULL, ("news", "tips")), Act(DAY, "click", "one"), Act(5, "open", "one"),
        Act(DAY, "page", "/prices/pumps"), Act(9 * DAY, "sales", "acknowledge"), Act(30, "sales", "contacted"),
        Act(30, "sales", "accept"),
    ],
    "nobody in sales answers": [
        Act(0, "post", "paper", {**FULL, "country": "US"}, ("news",)), Act(DAY, "click", "one"),
    ],
    "rejected for a reason": [
        Act(0, "post", "paper", FULL, ("news", "tips")), Act(60, "page", "/prices"), Act(60, "page", "/x"),
        Act(60, "page", "/y"), Act(10 * DAY, "sales", "reject", {"reason": "not ready"}),
    ],
    "leaves and comes again": [
        Act(0, "post", "paper", FULL, ("news",)), Act(DAY, "post", "demo"), Act(DAY, "post", "paper", FULL),
        Act(6 * DAY, "post", "paper", FULL),
    ],
    "unsubscribes from a topic": [
        Act(0, "post", "paper", FULL, ("news", "tips")), Act(DAY, "unsubscribe", "news"), Act(DAY, "page", "/help"),
    ],
    "no consent at all": [Act(0, "post", "paper", {"first_name": "Bob"})],
    "posts at night": [Act(14 * HOUR, "post", "paper", FULL, ("news",)), Act(8 * HOUR, "page", "/help")],
    "bounces, and the campaign says what then": [
        Act(0, "post", "paper", FULL, ("news", "tips")), Act(5, "bounced", "one"), Act(DAY, "bounced", "one"),
        Act(DAY, "unsubscribe"), Act(DAY, "page", "/help"), Act(6 * DAY, "post", "paper", FULL, ("news",)),
    ],
    "bounces later, replies and is delivered": [
        Act(0, "post", "paper", FULL, ("news", "tips")), Act(9, "delivered", "one"), Act(DAY, "click", "one"),
        Act(5, "replied", "clicked"), Act(5, "replied", "one"), Act(5, "replied", "one"),
        Act(DAY, "bounced", "clicked"),
    ],
    "unsubscribes, then bounces": [
        Act(0, "post", "paper", FULL, ("news",)), Act(DAY, "unsubscribe"), Act(DAY, "bounced", "one"),
    ],
    "known by an event first": [Act(0, "happen", "lost", {"why": "x"}), Act(9, "post", "paper", FULL, ("news",))],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
async def test_a_told_story(new_database, story: str):
    await agree(new_database(), STORIES[story])


gaps = st.sampled_from([0, 1, 7, HOUR, 5 * HOUR, 14 * HOUR, DAY, 3 * DAY, 8 * DAY])
acts = st.one_of(
    st.builds(
        Act, gaps, st.just("post"), st.sampled_from(["paper", "demo"]),
        st.sampled_from([{}]), st.just(("news",)),
    ),
    st.builds(
        Act, gaps, st.just("post"), st.just("paper"), st.sampled_from([FULL, {"company_size": 10, "country": "AT"}]),
        st.sampled_from([(), ("news",), ("news", "tips")]),
    ),
    st.builds(Act, gaps, st.just("click"), st.sampled_from(["one", "clicked", "reminder", "help", "tip"])),
    st.builds(Act, gaps, st.sampled_from(["bounced", "replied", "delivered"]), st.sampled_from(["one", "help", "tip"])),
    st.builds(Act, gaps, st.just("open"), st.sampled_from(["one", "prices"])),
    st.builds(Act, gaps, st.just("page"), st.sampled_from(["/help", "/prices", "/other"])),
    st.builds(Act, gaps, st.just("happen"), st.sampled_from(["lost", "other"])),
    st.builds(Act, gaps, st.just("unsubscribe"), st.sampled_from(["", "news", "tips"])),
    st.builds(
        Act, gaps, st.just("sales"), st.sampled_from(["acknowledge", "contacted", "accept", "reject"]),
        st.sampled_from([{}, {"reason": "not ready"}]),
    ),
)  # fmt: skip


@examples(12, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(acts, max_size=10))
def test_any_story(new_database, story: list[Act]):
    first = Act(0, "post", "paper", FULL, ("news", "tips"))
    asyncio.run(agree(new_database(), [first, *story], rest=25))
