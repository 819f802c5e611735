"""Every statement as a marketer writes it, from text to what came of it."""

from __future__ import annotations

from datetime import timedelta

from tests.support.programs import FakePoster, outcomes
from tests.support.stage import open_stage

WORKSPACE = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out
    tracking is always on

field plan text
field visits number
field contract_end date

list "Show" "Visitors of our stand"

form "in"
    ask email required
    ask first_name
    ask country
    ask contract_end
    consent "Yes" for topic "news"

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
    stage SQL
        when sales accepts

team "Sales"
    takes all leads
    member "eva@acme.example"

campaign "All"
    starts when form "in" is submitted
    enters once
    priority high
    runs from 2026-01-01 to 2030-12-31
    goal lead becomes MQL within 60 days
    topic "news"
    flow
        set plan to "pro"
        set visits to 1
        add 2 to visits
        set city to event.country
        set first_name to nothing
        add to list "Show"
        qualify as MQL
        recycle because "not ready"
        notify owner with "internal/hint", otherwise "ada@acme.example"
        post to "https://hooks.example/x" with plan = plan
        split
            50% "left"
                set job_title to "split"
            50% "right"
                set job_title to "split"
        test "T" on 100% for 3 days by clicks
            variant "a"
                send "same"
            variant "b"
                send "same"
        repeat up to 2 times every 7 days
            send "round" testing subject "One" or "Two"
        wait until 10 days before contract_end
        otherwise
            add 1 points
        enter campaign "Other"
        wait 1 day
        leave campaign "Other"
        move to campaign "Third"

campaign "Other"
    starts when event "other" happens
    enters once
    flow
        wait 30 days
        add 1 points

campaign "Third"
    starts when event "third" happens
    enters once
    flow
        wait 1 day
        send "third"
"""


async def test_a_campaign_with_every_statement(new_database):
    templates = {"internal/hint": "---\nsubject: Look\n---\n{{ lead.email }}\n"}
    async with open_stage(new_database(), WORKSPACE, templates) as stage:
        stage.rt.poster = poster = FakePoster()
        await stage.post("in", email="ann@x.example", first_name="Ann", country="DE", contract_end="2026-12-24")
        found = (await stage.rows("SELECT * FROM leads"))[0]
        assert found.stage == "Lead"
        assert (found.fields["plan"], found.fields["visits"], found.fields["city"]) == ("pro", 3, "DE")
        assert "first_name" not in found.fields
        assert found.fields["job_title"] == "split"
        assert list(found.lists) == ["Show"]
        assert len(poster.parcels) == 1
        await stage.pass_time(timedelta(days=120))
        mails = [(mail.to.partition("@")[0], mail.category) for mail in stage.mailer.mails]
        assert mails == [("eva", "internal/hint"), *[("ann", one) for one in ("same", "round", "round", "third")]]
        assert await outcomes(stage) == [
            ("All", "ended", "moved"), ("Other", "ended", "left"), ("Third", "ended", "finished")
        ]  # fmt: skip
        row = (await stage.rows("SELECT goal_at FROM enrolments WHERE campaign = 'All'"))[0]
        assert row.goal_at is not None
