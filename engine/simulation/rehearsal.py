"""What a draft would have done differently, over all leads: entries, mails, points, stages and handoffs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import AddPoints, HandOff, Program, Send
from engine.runtime.catalog import Deployment
from engine.simulation.person import Person
from engine.simulation.replay import Replay
from engine.store.past import Past
from engine.wording.events import straight
from engine.wording.terms import pattern

EXAMPLES = 3
"""Leads named per line."""
KINDS = ("entries", "mails", "stages", "handoffs", "points")


@dataclass(slots=True)
class Line:
    """One thing that differs: how often it really happened and how often in the draft, to which leads more often or
    less."""

    kind: str
    campaign: str
    what: str
    source: str
    real: float = 0
    draft: float = 0
    added: int = 0
    missing: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)


class Rehearsal:
    """Compares lead by lead and keeps only the sums. `campaign` narrows everything but stages."""

    def __init__(
        self, deployment: Deployment, since: datetime, until: datetime, *, campaign: str | None = None
    ) -> None:  # fmt: skip
        self.deployment, self.since, self.until = deployment, since, until
        self.campaign = campaign.casefold() if campaign else None
        self.leads = self.differing = 0
        self.dropped: Counter[str] = Counter()
        self._lines: dict[tuple[str, str, str], Line] = {}
        self._places = _places(deployment.program)

    def add(self, past: Past) -> None:
        """Send one lead's past through the draft and compare."""
        replay = Replay(self.deployment, past, self.until)
        replay.run()
        self.leads += 1
        self.dropped.update(replay.dropped)
        real, draft = _real(past, self.since), self._draft(replay)
        differs = False
        for kind in KINDS:
            for key in real[kind].keys() | draft[kind].keys():
                if self._asked(kind, key):
                    differs |= self._compare(past, kind, key, real[kind][key], draft[kind][key])
        self.differing += differs

    def lines(self) -> list[Line]:
        """What differs, the largest differences of each kind first."""

        def order(one: Line) -> tuple[Any, ...]:
            return KINDS.index(one.kind), -(one.added + one.missing), one.campaign, one.what

        found = [line for line in self._lines.values() if line.added or line.missing]
        return sorted(
            found, key=lambda one: (KINDS.index(one.kind), -(one.added + one.missing), one.campaign, one.what)
        )

    def _asked(self, kind: str, key: tuple[str, str]) -> bool:
        return self.campaign is None or kind == "stages" or key[0].casefold() == self.campaign

    def _compare(self, past: Past, kind: str, key: tuple[str, str], real: float, draft: float) -> bool:
        campaign, what = key
        line = self._lines.get((kind, campaign, what))
        if line is None:
            said, source = self._places.get((kind, campaign.casefold(), what), (what, ""))
            if kind == "points" and not source:
                said = "a rule that is not in the draft"
            line = self._lines[kind, campaign, what] = Line(kind, campaign, said, source)
        line.real, line.draft = line.real + real, line.draft + draft
        if abs(real - draft) < 1e-9:
            return False
        if draft > real:
            line.added += 1
        else:
            line.missing += 1
        if len(line.examples) < EXAMPLES:
            example = {"lead": str(past.lead.id), "real": f"{real:g}", "draft": f"{draft:g}"}
            line.examples.append(example | ({"email": past.lead.email} if past.lead.email else {}))
        return True

    def _draft(self, replay: Replay) -> dict[str, Counter[Any]]:
        person, since = replay.person, self.since
        runs = {run.id: run.campaign for run in person.runs}
        teams = _opened(person, since)
        return {
            "entries": Counter((run.campaign, "enters") for run in person.runs if run.started_at >= since),
            "mails": Counter(
                (one.run.campaign, one.send.template) for one in person.letters
                if one.state == "accepted" and one.at >= since
            ),
            "stages": Counter(("", one.name) for one in person.log if one.type == "stage.entered" and one.at >= since),
            "handoffs": Counter(
                (runs.get(one.run, ""), teams[str(one.id)]) for one in person.handovers if str(one.id) in teams
            ),
            "points": _sums(
                (_campaign_of(one.cause, one.rule, runs), one.rule, one.amount)
                for one in person.points if one.booked_at >= since
            ),
        }  # fmt: skip


def _real(past: Past, since: datetime) -> dict[str, Counter[Any]]:
    return {
        "entries": Counter((one["campaign"], "enters") for one in past.runs),
        "mails": Counter((one["campaign"] or "", one["template"]) for one in past.mails if one["at"] >= since),
        "stages": Counter(("", stage) for stage in past.stages),
        "handoffs": Counter((one["campaign"] or "", one["team"]) for one in past.handoffs),
        "points": _sums((one["campaign"] or "", one["rule"], float(one["amount"])) for one in past.points),
    }


def _sums(points: Iterable[tuple[str, str, float]]) -> Counter[Any]:
    """Points by campaign and rule; those that expired are taken off again."""
    total: Counter[Any] = Counter()
    for campaign, rule, amount in points:
        total[campaign, rule.removeprefix("expired:")] += amount  # type: ignore[assignment]
    return total


def _campaign_of(cause: str, rule: str, runs: Mapping[UUID, str]) -> str:
    """The campaign whose step gave the points; empty for a scoring's own rules."""
    if not rule.startswith("step:"):
        return ""
    return next((campaign for run, campaign in runs.items() if cause.startswith(f"s:{run}:")), "")


def _opened(person: Person, since: datetime) -> dict[str, str]:
    """Handoff → team, of those opened since."""
    opened = [one for one in person.log if one.type == "handoff.opened" and one.at >= since]
    return {str(one.data["handoff"]): one.name for one in opened}


def _places(program: Program) -> dict[tuple[str, str, str], tuple[str, str]]:
    """What a line is about in words, and where in the draft it comes from."""
    found: dict[tuple[str, str, str], tuple[str, str]] = {}
    for plan in program.campaigns:
        name = plan.campaign.casefold()
        found["entries", name, "enters"] = "enters", plan.source
        for step in plan.steps:
            if isinstance(step, Send):
                found.setdefault(("mails", name, step.template), (step.template, step.source))
            elif isinstance(step, HandOff):
                found.setdefault(("handoffs", name, step.team or ""), (step.team or "", step.source))
            elif isinstance(step, AddPoints):
                model = f" to {straight(step.model)}" if step.model else ""
                found["points", name, f"step:{step.id}"] = f"add {step.amount:g} points{model}", step.source
    for stage in program.stages:
        found["stages", "", stage.name] = stage.name, stage.source
    for scoring in program.scorings:
        for rule in scoring.rules:
            why = f"when {pattern(rule.pattern)}" if rule.pattern else "for the lead's fields"
            model = f" in {straight(scoring.name)}" if scoring.name else ""
            found["points", "", rule.id] = f"{rule.amount:+g}{model} {why}", rule.source
    return found
