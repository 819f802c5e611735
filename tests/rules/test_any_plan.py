"""The promise that no plan and no sequence of events breaks the interpreter."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import (
    AddPoints,
    After,
    Arm,
    At,
    ByRound,
    Case,
    Compare,
    Duration,
    EnterCampaign,
    FieldRef,
    HandOff,
    If,
    LeaveCampaign,
    Notify,
    Pattern,
    Plan,
    Post,
    Relative,
    Repeat,
    Send,
    SetField,
    Split,
    SplitArm,
    Stop,
    Value,
    Variant,
    VariantTest,
    Wait,
    Whenever,
)  # fmt: skip
from engine.model.lead import Facts
from engine.rules.runs.interpreter import Effect, Finished, Stuck, Verdict, settle, step
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep
from tests.rules.test_interpreter import CLICK, DEMO, RUN, Story, plan, send, wait
from tests.support.examples import examples

IDS = [f"s{number}" for number in range(8)]
LATE = Compare(left=FieldRef(name="day"), op="eq", right=Value(value="2026-09-06"))
PATTERNS = [CLICK, DEMO, Pattern(type="page.visited"), Pattern(type="email.clicked", name="s1", own=True)]
targets = st.sampled_from([*IDS, None])
durations = st.builds(Duration, days=st.integers(0, 3), minutes=st.integers(0, 90), business_days=st.integers(0, 1))
moments = st.one_of(
    st.builds(After, duration=durations),
    st.builds(At, date=st.sampled_from(["2026-08-30", "2026-09-03"]), time=st.just("09:00")),
    st.builds(Relative, field=st.just("day"), offset=durations, before=st.booleans()),
)
splits = st.lists(st.builds(SplitArm, percent=st.sampled_from([20, 50]), name=st.just("x"), target=targets), max_size=3)
variants = st.lists(st.builds(Variant, name=st.sampled_from("ab"), target=targets), max_size=3).map(tuple)
arms = st.lists(
    st.builds(Arm, pattern=st.sampled_from(PATTERNS), target=targets, source=st.just("c:1")), max_size=2
).map(tuple)
outcomes = st.sampled_from(["accepted", "rejected", "overdue"])
cases = st.lists(st.builds(Case, outcome=outcomes, target=targets), max_size=2).map(tuple)


def a_step(id: str):
    same = {"id": st.just(id), "source": st.just("c:1")}
    return st.one_of(
        st.builds(Send, template=st.sampled_from(["a", "s1"]), next=targets, **same),
        st.builds(Wait, until=st.none() | moments, arms=arms, then=targets, missed=targets, **same),
        st.builds(If, branches=st.just(()), otherwise=targets, **same),
        st.builds(AddPoints, amount=st.just(1), next=targets, **same),
        st.builds(HandOff, cases=cases, next=targets, detached=st.booleans(), **same),
        st.builds(EnterCampaign, campaign=st.just("x"), next=targets, **same),
        st.builds(Split, arms=splits.map(tuple), **same),
        st.builds(
            VariantTest,
            name=st.just("t"),
            percent=st.just(50),
            lasts=durations,
            by=st.just("clicks"),
            variants=variants,
            **same,
        ),
        st.builds(
            Repeat,
            times=st.integers(1, 4),
            every=st.none() | durations,
            until=st.none() | st.just(LATE),
            body=targets,
            next=targets,
            **same,
        ),
        st.builds(ByRound, ways=st.lists(targets, max_size=3).map(tuple), again=st.booleans(), next=targets, **same),
        st.builds(SetField, field=st.just("day"), next=targets, **same),
        st.builds(Notify, to=st.just(()), template=st.just("n"), next=targets, **same),
        st.builds(Post, url=st.just("https://x"), next=targets, **same),
        st.builds(LeaveCampaign, campaign=st.just("x"), next=targets, **same),
        st.builds(Stop, outcome=st.sampled_from(["", "moved"]), **same),
    )


plans = st.builds(
    plan, *[a_step(id) for id in IDS], entry=st.sampled_from(IDS),
    whenevers=st.lists(st.builds(Whenever, id=st.just("w"), pattern=st.sampled_from(PATTERNS), entry=targets,
                                 source=st.just("c:1")), max_size=1).map(tuple),
)  # fmt: skip
TYPES = ["email.clicked", "form.submitted", "page.visited", "handoff.accepted", "field.changed", "tick", "leave"]
happenings = st.lists(
    st.tuples(
        st.sampled_from(TYPES), st.sampled_from(["a", "s1", "demo"]), st.integers(0, 5000), st.booleans()
    ), max_size=12,
)  # fmt: skip


@examples(200)
@given(plans, happenings)
def test_no_plan_and_no_events_make_it_raise_skip_or_repeat(of: Plan, story_of):
    story = Story(of)
    story.facts = Facts(fields={"day": "2026-09-05"})

    def work(hold: bool) -> object:
        for _ in range(300):
            before = Position.from_json(story.position.to_json())
            story.position, request = step(of, before, story.world())
            again, repeated = step(of, story.position, story.world())
            assert (again, repeated) == (story.position, request), "asking twice must give the same"
            if isinstance(request, Sleep):
                assert request.due is None or request.due > story.now
                assert all(rest.due or rest.what for rest in request.resting)
                return request
            if isinstance(request, Finished | Stuck):
                return request
            held = hold and isinstance(request, Effect) and isinstance(request.step, Send | Notify | Post)
            verdict = Verdict(
                story.seq, handoff="h", variant="b", until=story.now + timedelta(hours=3) if held else None
            )
            after = settle(of, story.position, request, verdict)
            assert after != story.position, "an effect that is done must not come again"
            story.position = after
        return None  # a circle of effects: the caller's budget ends each call

    for kind, name, minutes, hold in story_of:
        ended = work(hold)
        if isinstance(ended, Finished | Stuck):
            return
        story.now += timedelta(minutes=minutes)
        if kind == "leave" and story.leaving is None:
            story.leaving = story.happen("form.submitted", "leave")
        elif kind == "field.changed":
            day = [None, "2026-08-30", "2026-09-06", "soon"][minutes % 4]
            story.facts = Facts(fields={"day": day} if day else {})
            story.happen(kind, "day", data={"after": day})
        elif kind not in ("tick", "leave"):
            story.happen(kind, name, enrolment_id=RUN, data={"handoff": "h"})
    rest = work(False)
    for _ in range(20):
        if not isinstance(rest, Sleep) or rest.due is None:
            return
        story.now, before_due = rest.due, story.position
        rest = work(False)
        moved = isinstance(rest, Stuck) or story.position != before_due
        assert rest is None or moved, "a due instant must move something"


@examples(60)
@given(st.integers(1, 4), st.integers(1, 4), st.none() | durations, st.none() | durations, st.integers(0, 2))
def test_nested_rounds_do_each_step_once_under_a_visit_of_its_own(outer, inner, every, sooner, days):
    steps = [
        Repeat(id="a", source="c:1", times=outer, every=every, body="b", next="e"), send("b", "c"),
        Repeat(id="c", source="c:2", times=inner, every=sooner, body="d", next="a"), send("d", "w"),
        wait("w", days, then="c"), send("e"),
    ]  # fmt: skip
    story = Story(plan(*steps))
    seen: list[tuple[str, str]] = []
    for _ in range(2000):
        story.position, request = step(story.plan, Position.from_json(story.position.to_json()), story.world())
        if isinstance(request, Sleep):
            assert request.due is not None
            story.now = request.due
            continue
        if isinstance(request, Finished):
            break
        assert isinstance(request, Effect)
        seen.append((request.step.id, request.branch.visit))
        story.position = settle(story.plan, story.position, request, Verdict(story.seq))
    assert len(seen) == len(set(seen)) == outer + outer * inner + 1
    assert seen[-1] == ("e", "0"), "behind the rounds the visit is what it was"
