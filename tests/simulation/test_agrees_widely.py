"""The same agreement for the rest of the language: rounds, splits, tests of variants, lists, topics, fields, dates,
silence, absence, counts, segments, goals and control groups."""

from __future__ import annotations

import pytest

from tests.simulation.test_agrees import DAY, agree
from tests.simulation.twins import Act

WORKSPACE = """
workspace "Twins"
    timezone "Europe/Berlin"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out
    tracking is always on

field rounds number
field contract_end date

form "paper"
    ask email required
    ask country
    ask contract_end
    consent "Yes" for topic "news"

scoring
    +10 when email is clicked, once per email
    +20 if country is "DE"
    -15 when lead is inactive for 10 days

interest "Pumps"
    pages "/pumps*"

segment "Warm"
    score >= 30

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
        reactivate after 20 days with campaign "Wake up"
    stage MQL
        when interest in "Pumps" reaches 2

campaign "Rounds"
    starts when form "paper" is submitted
    goal lead becomes MQL within 60 days, then leave
    flow
        repeat up to 3 times every 4 days until score >= 40
            send "digest"
            add 1 to rounds
        split
            50% "left"
                add to list "Left"
            50% "right"
                subscribe to "news"
        test "try" on 60% for 3 days by clicks
            variant "short"
                send "short"
            variant "long"
                send "long"
        test "later" on 40% for 3 days by clicks, rest waits
            variant "short"
                send "sooner"
            variant "long"
                send "later"
        set contract_end to nothing
        wait 1 day
        recycle because "the end"

campaign "Cart"
    starts when cart is updated and then no order is placed within 2 hours
    enters every time
    flow
        send "cart" with discount = 10

campaign "Renewal"
    starts when 10 days before contract_end
    control group 50%
    flow
        send "renewal"
        wait until 2 days before contract_end
        send "last call"

campaign "Segment"
    starts when segment "Warm" is entered
    enters every time
    flow
        if has visited page "/pumps*" at least 2 times in the last 30 days
            send "pumps"
        otherwise
            send "warm"

campaign "Thrice"
    starts when page "/x" is visited 3 times within 7 days
    enters every time
    flow
        send "thrice"

campaign "Wake up"
    enters every time
    flow
        send "wake"
"""
FULL = {"country": "DE", "contract_end": "2026-10-01"}
STORIES = {
    "silent": [Act(0, "post", "paper", FULL, ("news",))],
    "buys": [
        Act(0, "post", "paper", {"country": "AT"}, ("news",)), Act(5, "cart.updated", "", {"amount": 5}),
        Act(60, "order.placed", "", {"amount": 5}), Act(DAY, "cart.updated", "", {"amount": 7}),
        Act(DAY, "click", "cart"),
    ],
    "reads": [
        Act(0, "post", "paper", FULL), Act(9, "page", "/pumps/a"), Act(DAY, "click", "digest"),
        Act(9, "page", "/pumps/b"), Act(3 * DAY, "page", "/x"), Act(9, "page", "/x"), Act(9, "page", "/x"),
    ],
    "is told of": [
        Act(0, "happen", "any"), Act(DAY, "tell", "", {"contract_end": "2026-09-20", "country": "DE"}),
        Act(3 * DAY, "tell", "", {"contract_end": "2026-09-25"}), Act(30 * DAY, "page", "/back"),
    ],
}  # fmt: skip
SENT = {"silent": {"digest", "wake"}, "buys": {"cart", "digest"}, "reads": {"digest", "thrice"}}
"""What is sent whatever chance says: the lead's id, which is new each time, decides on arms and control groups."""


@pytest.mark.parametrize("story", STORIES)
async def test_a_told_story(new_database, story: str):
    sent = await agree(new_database(), STORIES[story], WORKSPACE, rest=60)
    assert sent >= SENT.get(story, set())
