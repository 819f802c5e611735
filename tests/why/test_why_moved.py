"""A run that `deploy --move` took over to another version is told step by step as the version of that time had it."""

from __future__ import annotations

from collections.abc import Callable

from engine.why.read import read
from engine.why.tell import tell
from tests.deploying.test_moving import DAY, FORMS, HEAD, HOUR, SALES, START, move_to
from tests.support.stage import Stage, open_stage

LISTENS = START + """
    flow
        send "one"
        wait up to 3 days for form "go" is submitted as step "listen"
            send "went"
        otherwise
            send "silent"
        wait 1 day as step "pause"
        send "two"
"""  # fmt: skip
TURNED = LISTENS.replace(
    'for form "go" is submitted as step "listen"\n            send "went"',
    'for email "one" is clicked as step "listen"\n            send "clicked"',
)
MOVED = "was moved to the campaign's new version"


async def lines(stage: Stage) -> list[tuple[str, str]]:
    log = await read(stage.rt.db, "ann@lead.example", "guide", stage.clock.now())
    return [(one.text, one.why) for one in tell(log).runs[0][1]][1:]


async def test_what_happened_before_a_move_is_told_by_the_plan_of_that_time(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), HEAD + FORMS + SALES + LISTENS) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.post("go", email="ann@lead.example")
        await stage.pass_time(HOUR)
        assert await move_to(stage, TURNED.replace("1 day", "2 days")) == {"moved": 1}
        await stage.pass_time(2 * DAY)
        told = await lines(stage)
        assert [text for text, _ in told] == [
            'sent "one": one', 'wait up to 3 days for form "go" is submitted',
            'the wait ended: the lead submitted form "go"', 'sent "went": went', "wait 1 day", MOVED, 'sent "two": two',
            "reached the end of the flow",
        ]  # fmt: skip


async def test_a_wait_that_began_before_a_move_ends_as_the_new_plan_says(new_database: Callable[[], str]) -> None:
    before = LISTENS.replace('form "go" is', 'form "in" is')
    async with open_stage(new_database(), HEAD + FORMS + SALES + before) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.pass_time(HOUR)
        assert await move_to(stage, LISTENS) == {"moved": 1}
        await stage.post("go", email="ann@lead.example")
        await stage.pass_time(HOUR)
        told = await lines(stage)
        assert [text for text, _ in told][1:5] == [
            'wait up to 3 days for form "in" is submitted', MOVED, 'the wait ended: the lead submitted form "go"',
            'sent "went": went',
        ]  # fmt: skip
        assert ('the wait ended: the lead submitted form "go"', 'for form "go" is submitted') in told


async def test_a_wait_that_is_looked_up_anew_does_not_end_twice(new_database: Callable[[], str]) -> None:
    before = LISTENS.replace("1 day as", "until friday 09:00 as")
    async with open_stage(new_database(), HEAD + FORMS + SALES + before) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.post("go", email="ann@lead.example")
        await stage.pass_time(HOUR)
        assert await move_to(stage, before.replace("friday", "thursday")) == {"moved": 1}
        assert [text for text, _ in await lines(stage)][-4:] == [
            "wait until friday 09:00", MOVED, "wait until thursday 09:00", "is waiting: wait until thursday 09:00",
        ]  # fmt: skip
