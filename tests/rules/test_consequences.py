"""What follows from an event, in memory: points within their limits, stages, crossings, starts, to a depth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from dsl.plan import (
    Arm,
    BusinessHours,
    Compare,
    Duration,
    Every,
    FieldRef,
    Leave,
    Pattern,
    Plan,
    Program,
    Reentry,
    Rule,
    Scoring,
    Send,
    Stage,
    StageRule,
    Start,
    Team,
    Value,
    Wait,
    Workspace,
)  # fmt: skip
from engine.model.lead import Event, Lead
from engine.rules.leads.consequences import DEPTH, TOO_DEEP, Ledger
from engine.rules.leads.limits import Probe, Rules, needed, probes
from engine.rules.leads.working_copy import UNCHANGED

NOW = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
CLICK = Pattern(type="email.clicked")
DAY = Duration(days=1)


def rule(amount: float = 10, *limits: Every, pattern: Pattern | None = CLICK, id: str = "r", **more) -> Rule:
    return Rule(id=id, amount=amount, pattern=pattern, limits=limits, source="s:1", **more)


def stage(name: str, *patterns: Pattern, outside: bool = False) -> Stage:
    rules = tuple(StageRule(pattern=one, source="l:1") for one in patterns)
    return Stage(name=name, rules=rules, outside=outside, source="l:1")


def reaches(value: float, type: str = "score.reached", model: str = "") -> Pattern:
    return Pattern.model_validate({"type": type, "model": model, "threshold": value})


def campaign(name: str, start: Pattern, **more) -> Plan:
    given = {"entry": "w", "steps": (Wait(id="w", source="c:2"),), **more}
    return Plan(campaign=name, source="c:1", starts=(Start(pattern=start, source="c:1"),), **given)


class World:
    """One lead across many transactions: what a ledger books is remembered, as the database would."""

    def __init__(self, *rules: Rule, fit: tuple[Rule, ...] = (), zone: str = "UTC", **program) -> None:
        scorings = (Scoring(rules=rules), Scoring(name="fit", rules=fit))
        self.program = Program(workspace=Workspace(name="w", timezone=zone), scorings=scorings, **program)
        self.rules = Rules.of(self.program, {plan.digest: plan for plan in self.program.campaigns}.get)
        self.lead = Lead(UUID(int=1), 0, "Visitor", NOW, NOW, email="a@lead.example")
        self.now, self.booked, self.enrolments = NOW, [], []

    def open(self, type: str = "email.clicked", name: str = "one") -> Ledger:
        asked = needed(self.rules, self.lead, type, name, {}, self.now)
        return Ledger(self.rules, self.lead, self.now, self.enrolments, {one: self.tally(one) for one in asked})

    def tally(self, probe: Probe) -> tuple[int, float]:
        found = [
            one.amount for one in self.booked
            if one.rule == probe.rule and probe.thing in (None, one.thing)
            and (probe.since is None or one.booked_at >= probe.since)
        ]  # fmt: skip
        return len(found), sum(found)

    def close(self, ledger: Ledger) -> Ledger:
        self.lead, self.booked, self.enrolments = ledger.lead, [*self.booked, *ledger.points], ledger.enrolments
        return ledger

    def happen(self, type: str = "email.clicked", name: str = "one", **data) -> Ledger:
        (ledger := self.open(type, name)).happen(type, name, data)
        return self.close(ledger)

    def score(self, model: str = "") -> float:
        return self.lead.scores.get(model, 0)

    def earn(self, *after: timedelta, name: str = "one") -> list[float]:
        """The score after an event at each of these times since the beginning."""
        found = []
        for span in after:
            self.now = NOW + span
            self.happen(name=name)
            found.append(self.score())
        return found


def hours(*many: float) -> list[timedelta]:
    return [timedelta(hours=one) for one in many]


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_rule_without_limits_counts_every_time():
    assert World(rule()).earn(*hours(0, 0, 1)) == [10, 20, 30]


def test_once_counts_for_ever():
    assert World(rule(10, Every(times=1))).earn(*hours(0, 1, 24 * 400)) == [10, 10, 10]


def test_once_per_day_goes_by_the_calendar_of_the_lead():
    world = World(rule(10, Every(times=1, unit="day")), zone="Europe/Vienna")
    assert world.earn(*hours(0, 14.9, 15, 16)) == [10, 10, 20, 20], "midnight in Vienna is 22:00 UTC"


def test_once_per_week_and_month_go_by_the_calendar():
    assert World(rule(10, Every(times=1, unit="week"))).earn(*hours(0, 5 * 24, 6 * 24)) == [10, 10, 20]
    assert World(rule(10, Every(times=1, unit="month"))).earn(*hours(0, 29 * 24, 30 * 24)) == [10, 10, 20]


def test_once_per_seven_days_slides():
    world = World(rule(10, Every(times=1, span=Duration(days=7))))
    assert world.earn(*hours(0, 6 * 24, 7 * 24 + 1, 10 * 24)) == [10, 10, 20, 20]


def test_once_per_email_counts_each_name_once():
    world = World(rule(10, Every(per_thing=True)))
    assert world.earn(*hours(0, 48), name="one") == [10, 10]
    assert world.earn(*hours(49, 50), name="two") == [20, 20]


def test_at_most_three_times_per_day():
    assert World(rule(10, Every(times=3, unit="day"))).earn(*hours(0, 1, 2, 3, 17)) == [10, 20, 30, 30, 40]


def test_a_cap_on_points_is_filled_up_exactly():
    assert World(rule(6, Every(points=10, unit="day"))).earn(*hours(0, 1, 2, 17)) == [6, 10, 10, 16]


def test_a_cap_on_points_works_for_points_that_are_taken_away():
    assert World(rule(-6, Every(points=10, unit="day"))).earn(*hours(0, 1, 2)) == [-6, -10, -10]


def test_of_several_limits_each_must_agree():
    world = World(rule(6, Every(per_thing=True), Every(points=10, unit="day")))
    assert [world.earn(*hours(0), name=name)[0] for name in ("a", "a", "b", "c")] == [6, 6, 10, 10]


def test_limits_count_what_the_same_transaction_has_booked():
    world = World(rule(6, Every(points=10, unit="day")))
    ledger = world.open()
    for _ in range(3):
        ledger.happen("email.clicked", "one")
    assert ledger.lead.scores[""] == 10


def test_limits_of_one_rule_do_not_touch_another():
    world = World(rule(10, Every(times=1), id="a"), rule(5, id="b"))
    assert world.earn(*hours(0, 1)) == [15, 20]


def test_an_answer_still_fits_when_the_clock_has_run_on_or_the_zone_has_changed():
    limited = rule(10, Every(times=1, span=DAY), Every(points=20, unit="day"))
    event = Event(1, NOW, "email.clicked", "one")
    early = [probe for _, probe in probes(limited, event, "UTC")]
    late = [probe for _, probe in probes(limited, Event(1, NOW + timedelta(hours=1), "x", "y"), "Asia/Tokyo")]
    assert early == late
    assert len(set(early)) == 2, "the two limits ask two questions"


@pytest.mark.parametrize(
    ("type", "name", "asked"),
    [("stage.entered", "MQL", 3), ("handoff.accepted", "East", 1), ("score.reached", "", 1)],
)
def test_what_may_follow_from_anything_is_asked_for_in_time(type: str, name: str, asked: int):
    limited = rule(10, Every(per_thing=True), pattern=Pattern.model_validate({"type": type}))
    stages = (stage("Visitor"), stage("Lead"), stage("MQL"))
    east = Team(name="East", hours=BusinessHours(zone="UTC"), members=(), source="t:1")
    world = World(limited, stages=stages, teams=(east,))
    found = needed(world.rules, world.lead, "page.visited", "/x", {}, NOW)
    assert len(found) == asked
    assert Probe("r", 0, name, None) in found


def test_a_condition_and_a_name_narrow_a_rule():
    condition = Compare(left=FieldRef(name="country"), op="eq", right=Value(value="DE"))
    world = World(rule(pattern=Pattern(type="email.clicked", name="whitepaper/*"), condition=condition))
    world.happen(name="whitepaper/one")
    assert world.score() == 0
    world.lead = world.lead.changed(fields={"country": "de"})
    world.happen(name="other")
    assert world.score() == 0
    world.happen(name="Whitepaper/One")
    assert world.score() == 10


# ── expiry ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_points_that_expire_ask_to_be_looked_at_at_the_first_instant():
    world = World(rule(10, expires_after=Duration(days=90)), rule(1, id="b", expires_after=Duration(days=2)))
    ledger = world.happen()
    assert [one.expires_at for one in ledger.points] == [NOW + timedelta(days=90), NOW + timedelta(days=2)]
    assert ledger.clocks == {"expiry": NOW + timedelta(days=2)}


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def in_country(amount: float, code: str, id: str = "f") -> Rule:
    condition = Compare(left=FieldRef(name="country"), op="eq", right=Value(value=code))
    return rule(amount, pattern=None, condition=condition, id=id)


def rated(world: World, **fields) -> list[float]:
    ledger = world.open()
    ledger.lead = ledger.lead.changed(fields=fields)
    ledger.rate()
    ledger.rate()
    world.close(ledger)
    return [one.amount for one in ledger.points]


def test_the_points_of_a_state_come_and_go_with_it():
    world = World(in_country(15, "DE"))
    assert rated(world, country="DE") == [15]
    assert rated(world, country="DE", city="Kiel") == []
    assert rated(world, country="FR") == [-15]
    assert (world.score(), dict(world.lead.rated)) == (0, {})


def test_the_points_of_a_rule_that_is_gone_go_with_the_next_look():
    world, after = World(fit=(in_country(15, "DE", "old"),)), World(fit=(in_country(20, "DE", "new"),))
    rated(world, country="DE")
    assert world.score("fit") == 15
    world.rules = after.rules
    assert rated(world, country="DE") == [-15, 20]
    assert world.score("fit") == 20


# ── crossings ────────────────────────────────────────────────────────────────────────────────────────────────────────
def crossings(ledger: Ledger) -> list[tuple[str, str, float, float]]:
    return [(one.type, one.name, one.data["before"], one.data["after"]) for one in ledger.events if "after" in one.data]


def test_a_value_somebody_watches_is_crossed_each_time():
    watching = (stage("Visitor"), stage("MQL", reaches(20)), stage("Cold", reaches(20, "score.dropped")))
    world = World(rule(), rule(-10, pattern=Pattern(type="custom"), id="down"), stages=watching)
    assert crossings(world.happen()) == []
    assert crossings(world.happen()) == [("score.reached", "", 10, 20)]
    assert crossings(world.happen()) == []
    assert crossings(world.happen("custom")) == [], "from 30 to 20 is not below 20"
    assert crossings(world.happen("custom")) == [("score.dropped", "", 20, 10)]
    assert crossings(world.happen()) == [("score.reached", "", 10, 20)]


def test_nobody_hears_of_values_that_nobody_watches():
    watching = (stage("Visitor"), stage("MQL", reaches(20, model="fit")))
    world = World(rule(25), fit=(rule(5, id="g"),), stages=watching)
    assert crossings(world.happen()) == []
    world.happen()
    world.happen()
    assert (world.score(), world.score("fit"), world.lead.stage) == (75, 15, "Visitor")
    assert crossings(world.happen()) == [("score.reached", "fit", 15, 20)]
    assert world.lead.stage == "MQL"


# ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────────────
LADDER = (
    stage("Visitor"),
    stage("Lead", Pattern(type="form.submitted")),
    stage("Customer", Pattern(type="custom", name="won")),
    stage("Lost", Pattern(type="custom", name="lost"), outside=True),
)


def test_stages_move_forward_only():
    world = World(stages=LADDER)
    ledger = world.happen("custom", "won")
    assert [(one["before"], one["stage"]) for one in ledger.stages] == [("Visitor", "Customer")]
    assert world.happen("form.submitted").stages == []
    assert world.lead.stage == "Customer"


def test_a_stage_outside_the_order_is_entered_from_anywhere():
    world = World(stages=LADDER)
    world.happen("custom", "won")
    world.happen("custom", "lost")
    assert world.lead.stage == "Lost"
    assert world.happen("custom", "lost").stages == [], "entering is once"


def test_only_a_recycle_moves_back():
    world = World(stages=LADDER)
    world.happen("custom", "won")
    ledger = world.open()
    ledger.qualify("Lead", "s:1")
    assert ledger.lead.stage == "Customer"
    ledger.qualify("Lead", "s:1", back=True)
    assert ledger.lead.stage == "Lead"
    assert [one.name for one in ledger.events] == ["Lead"]


# ── depth ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_points_lead_to_a_stage_and_the_stage_to_a_start():
    stages = (stage("Visitor"), stage("MQL", reaches(10)))
    world = World(rule(), stages=stages, campaigns=(campaign("c", Pattern(type="stage.entered", name="MQL")),))
    ledger = world.happen()
    assert [one.type for one in ledger.events] == ["email.clicked", "score.reached", "stage.entered"]
    assert [one.seq for one in ledger.events] == [1, 2, 3]
    assert [one.campaign for one in ledger.started] == ["c"]
    assert ledger.attention is UNCHANGED


def test_consequences_end_at_a_depth_and_a_person_is_told():
    again = rule(1, pattern=Pattern(type="score.reached"))
    stages = (stage("Visitor"), *(stage(f"S{value}", reaches(value)) for value in range(1, 60)))
    world = World(again, rule(1, id="first"), stages=stages)
    ledger = world.happen()
    assert ledger.attention == TOO_DEEP
    assert len(ledger.events) < 4 * DEPTH


def test_what_is_mute_is_logged_and_nothing_follows():
    ledger = World(rule()).open()
    ledger.happen("email.clicked", "one", mute=True)
    assert (len(ledger.events), ledger.points) == (1, [])


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def enrolments(kind: str, *after: timedelta, end: bool = True) -> list[int]:
    """How many runs have been started after a click at each of these times; each ends at once."""
    reentry = Reentry(kind=kind, after=Duration(days=10) if kind == "after" else None)
    world = World(campaigns=(campaign("c", CLICK, reentry=reentry),))
    found = []
    for span in after:
        world.now = NOW + span
        for started in world.happen().started:
            if not end:
                continue
            started.state, started.ended_at = "ended", world.now + timedelta(days=1)
        found.append(len(world.enrolments))
    return found


def test_a_campaign_is_entered_as_often_as_it_says():
    assert enrolments("once", *hours(0, 1, 24 * 400)) == [1, 1, 1]
    assert enrolments("always", *hours(0, 1, 2)) == [1, 2, 3]
    assert enrolments("always", *hours(0, 1, 2), end=False) == [1, 1, 1], "one live run at a time"
    assert enrolments("after", *hours(0, 24 * 10, 24 * 11)) == [1, 1, 2], "counted from leaving, a day after entering"


def test_a_run_is_woken_only_by_what_it_waits_for():
    arm = Arm(pattern=Pattern(type="page.visited", name="/p*"), target=None, source="c:3")
    waits = campaign("c", CLICK, steps=(Wait(id="w", source="c:2", arms=(arm,)),))
    world = World(campaigns=(waits,))
    [run] = world.happen().started
    assert world.happen("page.visited", "/other").wakes == {}
    assert set(world.happen("page.visited", "/pricing").wakes) == {run.id}


def test_a_run_leaves_from_the_very_event_and_only_once():
    leaving = Leave(pattern=Pattern(type="form.submitted"), source="c:4")
    world = World(campaigns=(campaign("c", CLICK, leaves=(leaving,)),))
    [run] = world.happen().started
    ledger = world.happen("form.submitted", "demo")
    assert (run.state, run.leave_seq) == ("leaving", 2)
    assert ledger.leaving == [run]
    assert set(ledger.wakes) == {run.id}
    assert world.happen("form.submitted", "demo").leaving == []
    assert run.leave_seq == 2


def test_a_run_does_not_wake_itself():
    leaving = Leave(pattern=Pattern(type="form.submitted"), source="c:4")
    world = World(campaigns=(campaign("c", CLICK, leaves=(leaving,)),))
    [run] = world.happen().started
    ledger = world.open("form.submitted")
    ledger.working = run.id
    ledger.happen("form.submitted", "demo")
    assert run.state == "leaving"
    assert ledger.wakes == {}


@pytest.mark.parametrize(("sends", "queue"), [(True, "mail"), (False, "db")])
def test_a_start_goes_where_its_first_call_belongs(sends: bool, queue: str):
    first = Send(id="w", source="c:2", template="one") if sends else Wait(id="w", source="c:2")
    ledger = World(campaigns=(campaign("c", CLICK, steps=(first,)),)).happen()
    [wake] = ledger.wakes.values()
    assert (wake.start, wake.gen, wake.queue) == (True, 0, queue)


def test_an_event_never_runs_backwards():
    world = World(rule())
    world.lead = world.lead.changed(last_at=NOW + timedelta(hours=1))
    ledger = world.happen()
    assert ledger.events[0].at == NOW + timedelta(hours=1)
    assert ledger.points[0].booked_at == NOW + timedelta(hours=1)
