"""The interpreter in single situations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from dsl.plan import (
    AddPoints,
    After,
    Arm,
    At,
    Branch,
    BusinessHours,
    Case,
    Compare,
    Duration,
    HandOff,
    If,
    Leave,
    Limit,
    Pattern,
    Plan,
    Qualify,
    ScoreRef,
    Send,
    Value,
    Wait,
    Whenever,
)  # fmt: skip
from engine.model.lead import Event, Facts
from engine.rules.runs.interpreter import Discard, Effect, Finished, Stuck, Verdict, World, begin, settle, step
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep

RUN = UUID(int=1)
START = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
HOURS = BusinessHours(zone="Europe/Berlin")
CLICK = Pattern(type="email.clicked", name="a", own=True)
DEMO = Pattern(type="form.submitted", name="demo")


def plan(*steps, entry="a", **more) -> Plan:
    return Plan(campaign="c", source="c:1", starts=(), entry=entry, steps=steps, **more)


def send(id: str, next: str | None = None, template: str | None = None) -> Send:
    return Send(id=id, source="c:1", template=template or id, next=next)


def wait(id: str, days: int, *arms: tuple[Pattern, str | None], then: str | None = None) -> Wait:
    return Wait(
        id=id, source="c:2", until=After(duration=Duration(days=days)), then=then, missed=then,
        arms=tuple(Arm(pattern=pattern, target=target, source="c:3") for pattern, target in arms),
    )  # fmt: skip


def event(seq: int, type: str = "form.submitted", name: str = "demo", at: datetime | None = None, **more) -> Event:
    return Event(seq=seq, at=at or START + timedelta(hours=seq), type=type, name=name, **more)


class Story:
    """Drives a run by hand and keeps what it asked for."""

    def __init__(self, of: Plan, seq: int = 1) -> None:
        self.plan, self.seq, self.events, self.now = of, seq, [], START
        self.position = begin(of, seq, event(seq, name="entry", at=START))
        self.done: list[str] = []
        self.facts = Facts()
        self.leaving: Event | None = None
        self.entry: str | None = None

    def happen(self, type: str = "form.submitted", name: str = "demo", **more) -> Event:
        self.seq += 1
        one = event(self.seq, type, name, at=self.now, **more)
        self.events.append(one)
        return one

    def world(self) -> World:
        return World(
            enrolment=RUN, now=self.now, seq=self.seq, facts=lambda: self.facts, zone="Europe/Berlin", hours=HOURS,
            events=self.events, leaving=self.leaving, leave_entry=self.entry,
        )  # fmt: skip

    def run(self, until: datetime | None = None, handoff: str | None = None):
        """Perform everything up to the next rest; a mail is held back until `until` when given."""
        for _ in range(500):
            stored = Position.from_json(self.position.to_json())
            assert stored == self.position
            self.position, request = step(self.plan, stored, self.world())
            if isinstance(request, Sleep | Finished | Stuck):
                return request
            verdict = Verdict(self.seq, handoff=handoff)
            if isinstance(request, Effect) and isinstance(request.step, Send) and until is not None:
                verdict = Verdict(self.seq, until=until)
            elif isinstance(request, Discard):
                self.done.append(f"-{request.step}")
            else:
                self.done.append(request.step.id)
            self.position = settle(self.plan, self.position, request, verdict)
        raise AssertionError("never rests")


def test_a_flow_runs_to_its_end():
    story = Story(plan(send("a", "p"), AddPoints(id="p", source="c:2", amount=5, next="q"),
                       Qualify(id="q", source="c:3", stage="MQL")))  # fmt: skip
    assert story.run() == Finished("finished")
    assert story.done == ["a", "p", "q"]


def test_the_click_ends_the_wait_and_the_timer_does_not():
    story = Story(plan(send("a", "w"), wait("w", 3, (CLICK, "yes"), then="no"), send("yes"), send("no")))
    rest = story.run()
    assert isinstance(rest, Sleep)
    assert rest.due == START + timedelta(days=3)
    assert rest.event_may_send
    assert rest.timer_may_send
    story.now += timedelta(days=1)
    story.happen("email.clicked", "a", enrolment_id=RUN)
    assert story.run() == Finished("finished")
    assert story.done == ["a", "yes"]


def test_a_click_in_another_runs_mail_does_not_count():
    story = Story(plan(send("a", "w"), wait("w", 3, (CLICK, "yes"), then="no"), send("yes"), send("no")))
    story.run()
    story.happen("email.clicked", "a", enrolment_id=UUID(int=2))
    assert isinstance(story.run(), Sleep)


def test_an_event_before_the_deadline_wins_even_when_the_timer_came_first():
    story = Story(plan(send("a", "w"), wait("w", 3, (DEMO, "yes"), then="no"), send("yes"), send("no")))
    story.run()
    story.now += timedelta(days=2)
    story.happen()
    story.now += timedelta(days=9)
    story.run()
    assert story.done == ["a", "yes"]


def test_an_event_after_the_deadline_counts_for_the_next_wait():
    flow = plan(
        send("a", "w"), wait("w", 3, (DEMO, "yes"), then="x"), wait("x", 9, (DEMO, "late")), send("yes"), send("late")
    )
    story = Story(flow)
    story.run()
    story.now += timedelta(days=4)
    story.happen()
    story.run()
    assert story.done == ["a", "late"]


def test_a_wait_looks_back_to_the_send_before_it_and_a_mails_own_click_to_its_send():
    flow = plan(
        send("a", "w"), wait("w", 1, then="b"), send("b", "x"), wait("x", 3, (DEMO, "demo"), (CLICK, "click")),
        send("demo"), send("click"),
    )  # fmt: skip
    story = Story(flow)
    story.run()
    story.happen()
    story.happen("email.clicked", "a", enrolment_id=RUN)
    story.now += timedelta(days=1)
    story.run()
    assert story.done == ["a", "b", "click"]


def test_an_event_that_ended_a_wait_and_the_entry_never_count_again():
    flow = plan(wait("a", 1, (DEMO, "x")), wait("x", 1, (DEMO, "yes"), then="no"), send("yes"), send("no"))
    story = Story(flow)
    story.happen()
    rest = story.run()
    assert isinstance(rest, Sleep)
    story.now = rest.due or story.now
    story.run()
    assert story.done == ["no"]


def test_a_held_mail_rests_until_its_hour_and_is_then_asked_for_again():
    story = Story(plan(send("a")))
    later = START + timedelta(hours=5)
    rest = story.run(until=later)
    assert isinstance(rest, Sleep)
    assert rest.due == later
    assert isinstance(story.run(), Sleep)
    story.now = later
    assert story.run() == Finished("finished")
    assert story.done == ["a"]


def test_leaving_records_the_held_mail_and_runs_the_block():
    flow = plan(send("a"), send("bye"), leaves=(Leave(pattern=DEMO, entry="bye", source="c:9"),))
    story = Story(flow)
    story.run(until=START + timedelta(days=1))
    story.leaving, story.entry = story.happen(), "bye"
    assert story.run() == Finished("left")
    assert story.done == ["-a", "bye"]


def test_the_most_specific_case_of_a_handoff_follows():
    cases = (
        Case(outcome="rejected", target="any"), Case(outcome="rejected", reason="Not ready", target="exact"),
        Case(outcome="accepted", target="yes"),
    )  # fmt: skip
    flow = plan(
        HandOff(id="a", source="c:1", cases=cases, next="n"), send("any"), send("exact"), send("yes"), send("n")
    )
    for type, data, expected in [
        ("handoff.rejected", {"reason": "not ready"}, "exact"), ("handoff.rejected", {"reason": "no budget"}, "any"),
        ("handoff.accepted", {}, "yes"), ("handoff.overdue", {}, "n"),
    ]:  # fmt: skip
        story = Story(flow)
        assert isinstance(story.run(handoff="h"), Sleep)
        story.happen(type, data={"handoff": "other"})
        assert isinstance(story.run(), Sleep)
        story.happen(type, data={"handoff": "h", **data})
        story.run()
        assert story.done == ["a", expected]


def test_whenever_runs_beside_the_flow_within_its_limit_and_ends_with_it():
    flow = plan(
        wait("a", 30), send("help", "tag"), AddPoints(id="tag", source="c:5", amount=10),
        whenevers=(Whenever(id="w", pattern=Pattern(type="page.visited", name="/pricing*"), entry="help", source="c:4",
                            limit=Limit(times=1, per=Duration(days=14))),),
    )  # fmt: skip
    story = Story(flow)
    story.run()
    story.happen("page.visited", "/pricing/pumps")
    story.happen("page.visited", "/pricing")
    story.happen("page.visited", "/about")
    story.run()
    assert story.done == ["help", "tag"]
    story.now += timedelta(days=15)
    story.happen("page.visited", "/pricing")
    assert isinstance(story.run(), Sleep)
    assert story.done == ["help", "tag"] * 2
    story.now += timedelta(days=30)
    assert story.run() == Finished("finished")


def test_a_moment_in_the_past_takes_the_missed_path():
    past = At(date="2026-08-01", time="10:00")
    story = Story(
        plan(Wait(id="a", source="c:1", until=past, then="then", missed="missed"), send("then"), send("missed"))
    )
    story.run()
    assert story.done == ["missed"]


def test_conditions_see_the_score():
    high = Compare(left=ScoreRef(), op="ge", right=Value(value=50))
    flow = plan(
        If(id="a", source="c:1", branches=(Branch(condition=high, target="yes"),), otherwise="no"),
        send("yes"),
        send("no"),
    )
    story = Story(flow)
    story.facts = Facts(scores={"": 50})
    story.run()
    assert story.done == ["yes"]


def test_a_plan_in_a_circle_is_reported_and_not_followed_for_ever():
    circle = If(id="a", source="c:1", branches=(), otherwise="a")
    assert Story(plan(circle)).run() == Stuck("the plan goes round without waiting")


def test_a_step_that_is_gone_is_reported():
    assert Story(plan(send("b"), entry="a")).run() == Stuck("step a is not in the plan")


def test_a_position_of_an_earlier_version_is_read():
    stored = {"branches": [{"id": "flow", "at": "a", "visit": "0", "cursor": 4}], "seen": 4}
    position = Position.from_json(stored)
    assert position.branches[0].loops == ()
    assert Position.from_json(position.to_json()) == position
