"""A past through the very files it happened under shows no difference, whatever the program and the history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from engine.leads import external_changes, intake, lead_clocks
from engine.leads.imports import Import, take_row
from engine.mail.links import link_id
from engine.rules.imports.rows import Agreed, ImportedLead
from tests.simulation import test_agrees, test_agrees_widely
from tests.simulation.test_agrees import DAY, FULL, HOUR
from tests.simulation.test_rehearse import differences, rehearsed
from tests.simulation.twins import EMAIL, Act, on_stage
from tests.support.examples import examples
from tests.support.stage import Stage, open_stage

SHARED = """
workspace "Shared"
    timezone "Europe/Berlin"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out
    tracking is always on

field size number
field plan text
field rank number
field seats number from crm

form "paper"
    ask email required
    ask size
    ask plan
    ask country

scoring
    +10 if size >= 200
    +5 when list "Left" is joined

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 15

segment "Big"
    size >= 100

campaign "Sorts"
    starts when form "paper" is submitted
    enters every time
    flow
        wait 2 hours
        if size >= 100
            send "big"
            set plan to "pro"
            add to list "Left"
        otherwise
            send "small"
            remove from list "Left"
            set size to 150
        add 1 to rank
        wait 1 day
        if plan is "pro" and seats >= 5
            send "pro"
        if in list "Left"
            send "left"

campaign "Follows the list"
    starts when list "Left" is joined
    enters every time
    flow
        wait 3 hours
        if size >= 200
            remove from list "Left"
        if rank >= 2
            set size to nothing
        send "joined"

campaign "Follows the field"
    starts when field plan changes to "pro"
    enters every time
    flow
        send "plan"
        wait up to 2 days for list "Left" is left
            send "gone"
        otherwise
            add to list "Left"

campaign "Grew"
    starts when segment "Big" is entered
    flow
        send "grew"
"""


async def same(database: str, acts: Sequence[Act], workspace: str, days: int = 25) -> None:
    async with open_stage(database, workspace) as stage:
        for number, act in enumerate(acts):
            if act.verb == "lists":
                await on_stage(stage, [], timedelta(minutes=act.after))
                await external_changes.tell(stage.rt, EMAIL, act.values, act.topics, [act.name] if act.name else [])
                await on_stage(stage, [], timedelta())
            elif act.verb == "import":
                await on_stage(stage, [], timedelta(minutes=act.after))
                await imported(stage, act, number)
                await on_stage(stage, [], timedelta())
            else:
                await on_stage(stage, [act], timedelta())
        await on_stage(stage, [], timedelta(days=days))
        found = await rehearsed(stage, workspace, days=400)
    assert differences(found) == []
    assert dict(found.dropped) == {}


async def imported(stage: Stage, act: Act, number: int) -> None:
    """A row of a file says `act.values` and puts on the lists in `act.topics`, with consent; `act.name`: quietly."""
    agreed = Agreed("news", "I want news", "2026-08-01", f"form {number}")
    row = ImportedLead(2, EMAIL, EMAIL, act.values, act.topics, (agreed,))
    await take_row(stage.rt, row, Import("show.csv", str(number), "ada", quietly=bool(act.name)))
    await stage.rt.delivery.sweep_all()


gaps = st.sampled_from([0, 1, HOUR, 3 * HOUR, 14 * HOUR, DAY, 3 * DAY])
values = st.fixed_dictionaries(
    {}, optional={"size": st.sampled_from([5, 120, 300]), "plan": st.sampled_from(["pro", "x"])}
)
told = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([5, 120, 300, None]), "plan": st.sampled_from(["pro", "free", None]),
        "seats": st.sampled_from([1, 9]), "rank": st.sampled_from([0, 5]),
    },
)  # fmt: skip
shared = st.one_of(
    st.builds(Act, gaps, st.just("post"), st.just("paper"), values),
    st.builds(Act, gaps, st.just("lists"), st.sampled_from(["", "Left"]), told, st.sampled_from([(), ("Left",)])),
    st.builds(Act, gaps, st.just("lists"), st.just(""), told),
    st.builds(Act, gaps, st.just("import"), st.sampled_from(["", "quietly"]), values, st.sampled_from([(), ("Left",)])),
    st.builds(Act, gaps, st.sampled_from(["click", "open", "bounced"]), st.sampled_from(["big", "small", "plan"])),
    st.builds(Act, gaps, st.just("unsubscribe"), st.sampled_from(["", "news"])),
)


@examples(20, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(shared, min_size=1, max_size=8))
def test_fields_and_lists_that_others_write_too(new_database, story: list[Act]):
    asyncio.run(same(new_database(), [Act(0, "happen", "first"), *story], SHARED))


@pytest.mark.parametrize("quietly", ["", "quietly"])
async def test_a_file_that_says_what_campaigns_wait_for(new_database, quietly: str):
    said = {"size": 300, "plan": "pro"}
    await same(new_database(), [Act(0, "happen", "first"), Act(DAY, "import", quietly, said, ("Left",))], SHARED)


@examples(12, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(test_agrees.acts, max_size=10))
def test_any_story(new_database, story: list[Act]):
    first = Act(0, "post", "paper", FULL, ("news", "tips"))
    asyncio.run(same(new_database(), [first, *story], test_agrees.WORKSPACE))


@pytest.mark.parametrize("story", test_agrees_widely.STORIES)
async def test_the_rest_of_the_language(new_database, story: str):
    await same(new_database(), test_agrees_widely.STORIES[story], test_agrees_widely.WORKSPACE, days=60)


TESTED = """
workspace "Tested"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out
    tracking is always on

form "paper"
    ask email required

campaign "Tries"
    starts when form "paper" is submitted
    flow
        test "way" on 50% for 3 days by clicks
            variant "a"
                send "a"
            variant "b"
                send "b"
"""


@pytest.mark.parametrize("rest", ["", ", rest waits"])
async def test_a_winner_that_other_leads_made(new_database, rest: str):
    tested = TESTED.replace("by clicks", f"by clicks{rest}")
    async with open_stage(new_database(), tested) as stage:
        first = 0
        while first < 12 or not {"a", "b"} <= {one.category for one in stage.mailer.mails}:
            await stage.post("paper", email=f"lead{first}@x.example")
            first += 1
        for mail in [one for one in stage.mailer.mails if one.category == "b"]:
            await intake.click(stage.rt, mail.message_id, link_id("https://acme.example/b"))
        await on_stage_all(stage, timedelta(days=4))
        before = len(stage.mailer.mails)
        for number in range(first, first + 8):
            await stage.post("paper", email=f"lead{number}@x.example")
        assert {one.category for one in stage.mailer.mails[before:]} == {"b"}
        await on_stage_all(stage, timedelta(days=1))
        found = await rehearsed(stage, tested)
    assert (found.leads, differences(found)) == (first + 8, [])


async def on_stage_all(stage: Stage, span: timedelta) -> None:
    await stage.pass_time(span)
    await lead_clocks.ring_clocks(stage.rt)
    await stage.settle()
