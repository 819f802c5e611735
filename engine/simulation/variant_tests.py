"""Tests of variants in a simulation; see engine.runs.variant_tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dsl.plan import Plan, VariantTest
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import variant_of
from engine.rules.runs.enrolment import Enrolment
from engine.runs.variant_tests import steps_of
from engine.simulation.host import Host
from engine.simulation.person import Person
from engine.store.variant_tests import Tried

_EVENTS = {"clicks": "email.clicked", "opens": "email.opened", "replies": "email.replied"}


@dataclass(slots=True)
class TestSoFar:
    """A test that has begun: who tried what, until when, and which variant has won."""

    ends: datetime
    tried: dict[Person, tuple[str, Enrolment, datetime]] = field(default_factory=dict)
    winner: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a real test came to, which one lead alone cannot tell: its winner, and the variant this lead tried."""

    variant: str | None
    winner: str | None
    ends_at: datetime


class Trials:
    """The tests of every campaign of a simulation. `known`: what real tests of that campaign and name came to."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.begun: dict[tuple[str, str], TestSoFar] = {}
        self.known: dict[tuple[str, str], Known] = {}

    def choose(self, test: VariantTest, plan: Plan, person: Person, run: Enrolment) -> str | datetime:
        """The variant for this lead, or the instant until which they wait for it."""
        now, hours = self._host.now, self._host.deployment.program.workspace.business_hours
        key = (plan.campaign, test.name)
        if known := self.known.get(key):
            said = known.winner if now >= known.ends_at else known.variant
            if said in [one.name for one in test.variants]:
                return str(said)
            if test.waits and now < known.ends_at:
                return known.ends_at
        trial = self.begun.get(key)
        if trial is None:
            trial = self.begun[key] = TestSoFar(calendar.add(test.lasts, now, hours.zone, hours))
        elif trial.winner is None and now >= trial.ends:
            trial.winner = self._best(test, plan, trial)
        if trial.winner is not None:
            return trial.winner
        variant = variant_of(test, plan, person.lead.id)
        if variant is None and test.waits:
            return trial.ends
        if variant is None:
            return test.variants[0].name if test.variants else ""
        return trial.tried.setdefault(person, (variant, run, now))[0]

    def _best(self, test: VariantTest, plan: Plan, trial: TestSoFar) -> str:
        own = steps_of(plan, test)
        counted = []
        for name in [one.name for one in test.variants]:
            leads = [(person, run, at) for person, (variant, run, at) in trial.tried.items() if variant == name]
            counted.append(Tried(name, len(leads), sum(self._succeeded(test, own[name], *lead) for lead in leads)))
        return max(counted, key=lambda one: one.rate).variant if counted else ""

    def _succeeded(
        self, test: VariantTest, steps: frozenset[str], person: Person, run: Enrolment, at: datetime
    ) -> bool:  # fmt: skip
        if test.by == "goal":
            return run.goal_at is not None and run.goal_at >= at
        mails = {letter.id for letter in person.letters if letter.run is run and letter.send.id in steps}
        wanted = _EVENTS[test.by]
        return any(event.type == wanted and event.message_id in mails for event in person.log)
