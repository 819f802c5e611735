"""A past through the files it happened under shows no difference: programs drawn at random, and what happens to two
leads of theirs, who share the members of a team."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from engine.leads import external_changes, intake, lead_clocks
from engine.mail.links import link_id
from engine.model.ports import Report
from engine.sales import handoffs
from engine.sending import feedback
from tests.simulation.test_rehearse import differences, rehearsed
from tests.support.examples import examples
from tests.support.stage import Stage, open_stage

HOUR, DAY = 60, 24 * 60
HEAD = """
workspace "Drawn"
    timezone "Europe/Berlin"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    quiet hours from 20:00 to 08:00
    at most 3 emails per 2 days
    business hours monday to friday from 09:00 to 17:00
    closed from 2026-09-04 to 2026-09-07
    holidays "DE"
    topic "news" "News"
    topic "tips" "Tips"
    mail is allowed until opt-out
    tracking is always on

field size number
field rank number
field plan text
field end date

form "in"
    ask email required
    ask size
    ask plan
    ask end
    consent "Yes" for topic "news"

form "go"
    ask email required

scoring
    +10 when form "in" is submitted, at most 2 times
    +5 when email is clicked, once per email
    +4 when page is visited, at most 8 points per day, expires after 3 days
    -5 when lead is inactive for 6 days

scoring "fit"
    +20 if size >= 100

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
        reactivate after 8 days with campaign "Idle"
    stage MQL
        when score reaches 20
    stage SQL
        when sales accepts
    stage Lost outside the order
        when event "lost" happens

segment "Big"
    size >= 100

campaign "Idle"
    enters every time
    flow
        send "idle"
"""
TEAM = """
team "All"
    takes all leads
    member "eva@acme.example", up to 1 open
    {more}
    away "eva@acme.example" from 2026-09-14 to 2026-09-15
    {full}
    acknowledge within {limit}, then {then}
    decide within 3 days, then recycle
"""
SIMPLE = [
    'send "a"', 'send "b" as trigger', 'send "c" within 1 day', 'send "d" as transactional', "wait 1 day",
    "wait 3 hours", "wait 2 business days", "wait 4 business hours", "wait until tuesday 09:00",
    "wait until 3 days before end or skip if past", "add 5 points", 'add 3 points to "fit"', "set size to 150",
    'set plan to "pro"', "set plan to nothing", "add 1 to rank", "set end to 9 days from today", 'add to list "L"',
    'remove from list "L"', 'add to list "M"', 'unsubscribe from "news"', 'subscribe to "tips"', "qualify as MQL",
    'recycle because "later"', 'enter campaign "Idle"', 'leave campaign "C0"',
]  # fmt: skip
CONDITIONS = [
    "size >= 100", 'plan is "pro"', "score >= 10", 'in list "L"', 'not in list "M"', "stage is at least MQL",
    'has visited page "/p*" in the last 3 days', 'has not clicked email "a" since entering', 'subscribed to "news"',
    "end is in the next 7 days", 'in segment "Big"', 'in campaign "C0"', "rank >= 2", 'score of "fit" >= 20',
]  # fmt: skip
EVENTS = [
    'form "go" is submitted', 'page "/p*" is visited', "email is clicked", 'email "a" is opened', 'list "L" is joined',
    'list "M" is left', 'field plan changes', 'field plan changes to "pro"', 'segment "Big" is entered',
    "lead becomes MQL", "score reaches 15", 'event "lost" happens', "email is bounced or replied", "lead unsubscribes",
    'page is visited 2 times within 2 days', 'event "lost" happens and then no form "go" is submitted within 5 hours',
    "lead is inactive for 4 days", "sales rejects", 'campaign "Idle" is entered', 'topic "tips" is joined',
    "order is placed where amount >= 50",
]  # fmt: skip
REENTRY = ["enters once", "enters every time", "enters again after 2 days", "enters every week"]
STARTS = [*EVENTS, 'form "in" is submitted', "2 days before end", "lead returns", "sales accepts"]


def indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@st.composite
def blocks(draw: st.DrawFn, depth: int) -> list[str]:
    found: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(
            st.sampled_from(["simple", "simple", "wait", "if", "split", "repeat", "handoff"] if depth else ["simple"])
        )
        match kind:
            case "simple":
                found.append(draw(st.sampled_from(SIMPLE)))
            case "wait":
                limit = draw(st.sampled_from(["2 days", "1 business day", "5 hours"]))
                found.append(f"wait up to {limit} for {draw(st.sampled_from(EVENTS))}")
                found += [*indented(draw(blocks(depth - 1))), "otherwise", *indented(draw(blocks(depth - 1)))]
            case "if":
                found += [f"if {draw(st.sampled_from(CONDITIONS))}", *indented(draw(blocks(depth - 1)))]
                found += ["otherwise", *indented(draw(blocks(depth - 1)))]
            case "split":
                found += ["split", '    50% "x"', *indented(indented(draw(blocks(depth - 1))))]
                found += ['    50% "y"', *indented(indented(draw(blocks(depth - 1))))]
            case "repeat":
                found += ["repeat up to 2 times every 1 day", *indented(draw(blocks(depth - 1)))]
            case _:
                found += ["hand off to sales", "    when accepted", *indented(indented(draw(blocks(0))))]
                found += ["    when rejected", *indented(indented(draw(blocks(0))))]
                found += ["    when overdue", *indented(indented(draw(blocks(0))))]
    return found


@st.composite
def programs(draw: st.DrawFn) -> str:
    """The text of a workspace without errors."""
    text = HEAD + TEAM.format(
        more=draw(st.sampled_from(['member "jon@acme.example", up to 1 open', ""])),
        full=draw(st.sampled_from(["when full, wait", "when full, escalate", ""])),
        limit=draw(st.sampled_from(["4 business hours", "1 day"])),
        then=draw(st.sampled_from(["reassign", "recycle", 'escalate to "boss@acme.example"'])),
    )
    for number in range(draw(st.integers(1, 3))):
        head = [
            f'campaign "C{number}"', f"    starts when {draw(st.sampled_from(STARTS))}",
            f"    {draw(st.sampled_from(REENTRY))}",
        ]  # fmt: skip
        head += draw(
            st.sampled_from(
                [[], ['    topic "news"'], ['    topic "tips"', "    sends on weekdays between 10:00 and 16:00"]]
            )
        )
        head += draw(
            st.sampled_from([[], ["    goal lead becomes MQL within 9 days, then leave"], ["    control group 40%"]])
        )
        if draw(st.booleans()):
            head += [f"    leaves when {draw(st.sampled_from(EVENTS))}", *indented(indented(draw(blocks(0))))]
        head += ["    flow", *indented(indented(draw(blocks(2))))]
        if draw(st.booleans()):
            head += [
                f"    whenever {draw(st.sampled_from(EVENTS))}, once per 1 day",
                *indented(indented(draw(blocks(0)))),
            ]
        text += "\n" + "\n".join(head) + "\n"
    named = re.findall(r'send "([^"]+)"', text)
    assume(compile_workspace({"draft.campaign": text}, [f"templates/{name}.md" for name in named]).program is not None)
    return text


@dataclass(frozen=True)
class Act:
    """`after` so many minutes something happens to `lead`, by its number."""

    after: int
    lead: int
    verb: str
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)


GAPS = st.sampled_from([0, 1, HOUR, 3 * HOUR, 14 * HOUR, DAY, 3 * DAY])
LEADS = st.integers(0, 1)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([5, 120]),
        "plan": st.sampled_from(["pro", "free"]),
        "end": st.sampled_from(["2026-09-12", "2026-09-20"]),
    },
)
ACTS = st.one_of(
    st.builds(Act, GAPS, LEADS, st.just("post"), st.just("in"), FIELDS),
    st.builds(Act, GAPS, LEADS, st.just("post"), st.just("go")),
    st.builds(
        Act, GAPS, LEADS, st.sampled_from(["click", "open", "bounced", "replied"]), st.sampled_from(["a", "b", "d"])
    ),
    st.builds(Act, GAPS, LEADS, st.just("page"), st.sampled_from(["/p", "/q"])),
    st.builds(Act, GAPS, LEADS, st.just("happen"), st.just("lost")),
    st.builds(Act, GAPS, LEADS, st.just("order"), st.just(""), st.just({"amount": 80})),
    st.builds(Act, GAPS, LEADS, st.just("tell"), st.sampled_from(["", "L", "M"]), FIELDS),
    st.builds(Act, GAPS, LEADS, st.just("unsubscribe"), st.sampled_from(["news", ""])),
    st.builds(Act, GAPS, LEADS, st.just("sales"), st.sampled_from(["acknowledge", "contacted", "accept", "reject"])),
)  # fmt: skip


def email_of(lead: int) -> str:
    return f"lead{lead}@x.example"


async def play(stage: Stage, acts: Sequence[Act], rest: timedelta) -> None:
    for act in acts:
        await pass_time(stage, timedelta(minutes=act.after))
        await carry_out(stage, act)
        await stage.settle()
    await pass_time(stage, rest)


async def pass_time(stage: Stage, span: timedelta) -> None:
    """Let time go by, with the sweeper at work whenever something is due, also what runs bring about meanwhile."""
    end = stage.clock.now() + span
    while True:
        await stage.settle(due=True)
        now = stage.clock.now()
        wakes = [last.wake_at for _, last in stage.runs.runs.values() if last and last.state == "wait" and last.wake_at]
        due = (await stage.rows("SELECT min(due_at) AS at FROM lead_clock"))[0].at
        if due is not None and due <= now:
            await lead_clocks.ring_clocks(stage.rt)
            continue
        following = min((at for at in (*wakes, due or end) if at <= end), default=end)
        if following >= end and now >= end:
            return
        stage.clock.set(max(following, now))


async def carry_out(stage: Stage, act: Act) -> None:
    rt, email = stage.rt, email_of(act.lead)
    match act.verb:
        case "post":
            await stage.post(act.name, ("news",) if act.values.get("plan") == "pro" else (), email=email, **act.values)
        case "click" | "open" | "bounced" | "replied":
            sent = [one for one in stage.mailer.mails if one.category == act.name and one.to == email]
            for mail in sent[-1:]:
                if act.verb == "click":
                    await intake.click(rt, mail.message_id, link_id(f"https://acme.example/{act.name}"))
                elif act.verb == "open":
                    await intake.opened(rt, mail.message_id)
                else:
                    fate: Any = act.verb
                    await feedback.report(rt, Report(mail.message_id, fate))
        case "page" | "happen" | "order":
            types: Any = {"page": "page.visited", "happen": "custom", "order": "order.placed"}
            await intake.record(rt, intake.Occurrence(types[act.verb], act.name, act.values, email=email))
        case "tell":
            await external_changes.tell(rt, email, act.values, [act.name] if act.name else [], ())
        case "unsubscribe":
            for lead in await stage.rows(f"SELECT id FROM leads WHERE email = '{email}'"):
                await intake.unsubscribe(rt, lead.id, act.name or None, "page")
        case _:
            action: Any = act.name
            for one in await stage.rows(
                f"SELECT h.id, member FROM handoffs h JOIN leads l ON l.id = h.lead_id "
                f"WHERE outcome IS NULL AND l.email = '{email}'"
            ):
                await handoffs.act(rt, one.id, action, one.member or "", "no" if act.name == "reject" else None)


async def same(database: str, text: str, acts: Sequence[Act]) -> None:
    async with open_stage(database, text) as stage:
        await play(stage, [Act(0, 0, "post", "in"), Act(1, 1, "post", "in", {"size": 120}), *acts], timedelta(days=25))
        found = await rehearsed(stage, text, days=400)
    assert differences(found) == []
    assert dict(found.dropped) == {}


@examples(12, suppress_health_check=list(HealthCheck), derandomize=True)
@given(programs(), st.lists(ACTS, min_size=3, max_size=10))
def test_any_program_and_any_past(new_database, text: str, acts: list[Act]):
    asyncio.run(same(new_database(), text, acts))


FULL = (
    HEAD
    + TEAM.format(more="", full="when full, {full}", limit="1 day", then="reassign")
    + """
campaign "Asks"
    starts when form "go" is submitted
    enters every time
    flow
        hand off to sales
            when accepted
                send "a"
            when rejected
                send "b"
            when overdue
                send "c"
"""
)


@pytest.mark.parametrize("full", ["wait", "escalate"])
async def test_a_handoff_that_waited_because_members_were_full(new_database, full: str):
    acts = [
        Act(DAY, 0, "post", "go"), Act(HOUR, 1, "post", "go"), Act(HOUR, 0, "sales", "accept"),
        Act(3 * HOUR, 1, "sales", "reject"), Act(DAY, 1, "post", "go"), Act(1, 0, "post", "go"),
    ]  # fmt: skip
    text = FULL.replace("{full}", full)
    async with open_stage(new_database(), text) as stage:
        await play(stage, [Act(0, 0, "post", "in"), Act(1, 1, "post", "in"), *acts], timedelta(days=20))
        held = await stage.rows("SELECT name, data FROM events WHERE type = 'handoff.assigned' ORDER BY at")
        found = await rehearsed(stage, text, days=400)
        roomy = await rehearsed(stage, text.replace(", up to 1 open", ""), days=400)
    assert len(held) >= 3
    assert (differences(found), dict(found.dropped)) == ([], {})
    assert roomy.leads == found.leads
