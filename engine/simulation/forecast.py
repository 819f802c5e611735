"""What a population led to, in numbers: mails per day, stages per week, handoffs, and where the leads end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from dsl.plan import AnyStep, Program
from engine.rules.conditions.calendar import local_date
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Rules
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import Stuck
from engine.rules.runs.rests import sleep
from engine.simulation.person import Handover, Letter, Person
from engine.simulation.watcher import Watcher


class Forecast(Watcher):
    """Counts. Days are those of the workspace's zone, weeks begin on Monday."""

    def __init__(self, program: Program, now: Callable[[], datetime]) -> None:
        self.program, self._now = program, now
        self.mails: Counter[date] = Counter()
        self.templates: Counter[tuple[str, str]] = Counter()
        self.skipped: Counter[str] = Counter()
        self.stages: Counter[tuple[date, str]] = Counter()
        self.entered: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.handoffs: Counter[str] = Counter()
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.attention: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self._day: tuple[datetime, date] | None = None

    def committed(self, person: Person, ledger: Ledger) -> None:
        for event in ledger.events:
            self.events[event.type] += 1
            if event.type == "stage.entered":
                day = self._today()
                self.stages[(day - timedelta(days=day.weekday()), event.name)] += 1
        for run in ledger.started:
            self.entered[run.campaign] += 1

    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        if letter.state == "accepted":
            self.mails[self._today()] += 1
            self.templates[(run.campaign, letter.send.template)] += 1
        else:
            self.skipped[letter.reason] += 1

    def passed(self, person: Person, run: Enrolment, step: AnyStep, reason: str) -> None:
        self.skipped[f"{step.kind}: {reason}"] += 1

    def stuck(self, person: Person, run: Enrolment, stuck: Stuck) -> None:
        self.attention[f"{run.campaign}: {stuck.reason}"] += 1

    def ended(self, person: Person, run: Enrolment, outcome: str) -> None:
        self.outcomes[(run.campaign, self._why(person, run, outcome))] += 1

    def handed(self, person: Person, handover: Handover) -> None:
        self.handoffs[handover.state.team] += 1

    def climbed(self, person: Person, handover: Handover) -> None:
        if handover.state.outcome is not None:
            self.decisions[(handover.state.team, handover.state.outcome)] += 1

    def _why(self, person: Person, run: Enrolment, outcome: str) -> str:
        if outcome != "left" or run.leave_seq is None:
            return outcome
        event = person.log[run.leave_seq - 1]
        return f"left: {event.type.replace('.', ' ')} {event.name}".strip()

    def _today(self) -> date:
        now = self._now()
        if self._day is None or self._day[0] != now:
            self._day = (now, local_date(now, self.program.workspace.timezone))
        return self._day[1]

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def result(self, people: Sequence[Person], rules: Rules) -> dict[str, Any]:
        """Everything as plain values, for JSON and for the tables."""
        waiting: Counter[tuple[str, str, str]] = Counter()
        for person in people:
            for run in person.runs:
                plan = rules.plan_of(run.digest)
                if run.state == "ended" or plan is None:
                    continue
                for rest in sleep(plan, run.position).resting[:1]:
                    waiting[(run.campaign, rest.source, rest.what)] += 1
        return {
            "leads": len(people),
            "mails": sum(self.mails.values()),
            "mails_per_day": {day.isoformat(): many for day, many in sorted(self.mails.items())},
            "mails_per_template": [
                {"campaign": campaign, "template": template, "mails": many}
                for (campaign, template), many in sorted(self.templates.items())
            ],
            "skipped": dict(self.skipped.most_common()),
            "stages_per_week": self._weeks(),
            "stages": dict(Counter(person.lead.stage for person in people)),
            "handoffs": [
                {"team": team, "handoffs": many, **{what: self.decisions[team, what] for what in _OUTCOMES}}
                for team, many in sorted(self.handoffs.items())
            ],
            "campaigns": [self._campaign(name, waiting) for name in sorted(self.entered)],
            "unsubscribes": self.events["lead.unsubscribed"],
            "opens": self.events["email.opened"], "clicks": self.events["email.clicked"],
            "replies": self.events["email.replied"],
            "attention": dict(self.attention),
        }  # fmt: skip

    def _weeks(self) -> list[dict[str, Any]]:
        weeks = sorted({week for week, _ in self.stages})
        names = [stage.name for stage in self.program.stages if any(stage.name == name for _, name in self.stages)]
        return [{"week": week.isoformat(), **{name: self.stages[week, name] for name in names}} for week in weeks]

    def _campaign(self, name: str, waiting: Counter[tuple[str, str, str]]) -> dict[str, Any]:
        ended = {what: many for (campaign, what), many in self.outcomes.items() if campaign == name}
        still = [
            {"source": source, "what": what, "leads": many}
            for (campaign, source, what), many in sorted(waiting.items()) if campaign == name
        ]  # fmt: skip
        return {"campaign": name, "entered": self.entered[name], "ended": dict(sorted(ended.items())), "waiting": still}


_OUTCOMES = ("accepted", "rejected", "overdue")
