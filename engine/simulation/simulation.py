"""Production's rules without its servers: leads in memory, on a clock that skips from one due instant to the next.

What decides is what decides in production: `rules.runs.interpreter` carries runs, `rules.leads.consequences.Ledger`
follows events, `rules.sending.judge` lets mails go or not, `rules.sales.ladder` climbs the ladder of a handoff. This
module does what `engine.runs.advance` does around them, for a world that fits into memory.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from dsl.plan import Plan, Program, Send
from engine.model.lead import Event, Lead
from engine.platform.tokens import Tokens
from engine.rules.leads.admission import way_out
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.due import strike
from engine.rules.leads.limits import Rules
from engine.rules.runs import interpreter
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import Discard, Effect, Finished, Stuck, Verdict, settle
from engine.rules.runs.local_time import basis_of
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep
from engine.runtime.catalog import Deployment
from engine.simulation.effects import BASE_URL, Effects
from engine.simulation.person import Memory, Person, Tallies, at_once
from engine.simulation.sales import Sales
from engine.simulation.watcher import Watcher

EPOCH = 1
"""The number of the one deployment there is; a lead's own is 0 until the lead has seen it."""


def deployment_of(program: Program, assets: Mapping[str, bytes] | None = None) -> Deployment:
    """The program as if it were deployed. `assets`: templates and files by their path inside the workspace."""
    plans = {plan.digest: plan for plan in program.campaigns}
    templates, files = {}, {}
    for path, body in (assets or {}).items():
        if path.startswith("templates/"):
            templates[path.removeprefix("templates/")] = body.decode("utf-8", "replace")
        elif path.startswith("files/"):
            files[path.removeprefix("files/")] = body
    return Deployment(EPOCH, program, Rules.of(program, plans.get, EPOCH), templates, files)


class Simulation:
    """Leads, their runs and the sales desk at `now`. Everything is told to the watcher as it happens.

    `render`: mails are rendered, and one that cannot be is held back as in production. The same seed and the same calls
    give the same story.
    """

    def __init__(
        self, deployment: Deployment, start: datetime, watcher: Watcher, *, seed: int = 1, render: bool = False
    ) -> None:
        self.deployment, self.rules, self.now = deployment, deployment.rules, start
        self.watcher, self.render = watcher, render
        self.random = Random(seed)
        self.tokens = Tokens([b"a simulation signs for nobody"])
        self.sales = Sales(self)
        self.effects = Effects(self, self.sales)
        self._due: list[tuple[datetime, int, Callable[..., object], tuple[Any, ...]]] = []
        self._numbers = count()
        self._ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def at(self, when: datetime, act: Callable[..., object], *given: Any) -> None:
        """Do that when the time comes; what is planned for one instant happens in the order of planning."""
        heapq.heappush(self._due, (max(when, self.now), next(self._numbers), act, given))

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        """Do that as soon as what is under way is done."""
        self._ready.append((act, given))

    def next_due(self) -> datetime | None:
        return self._due[0][0] if self._due else None

    def run(self, until: datetime) -> None:
        """Let time go by, up to and with that instant."""
        self.settle()
        while self._due and self._due[0][0] <= until:
            when, _, act, given = heapq.heappop(self._due)
            self.now = max(self.now, when)
            act(*given)
            self.settle()
        self.now = max(self.now, until)

    def settle(self) -> None:
        """Carry everything on that is due now."""
        while self._ready:
            act, given = self._ready.popleft()
            act(*given)

    # ── leads ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def person(self, email: str | None = None, **fields: Any) -> Person:
        """Somebody who is known from now on, at the first stage, with these fields."""
        lead = Lead(
            id=self.new_id(), seq=0, stage=self.deployment.first_stage, last_at=self.now, created_at=self.now,
            email=email, fields=fields,
        )  # fmt: skip
        return Person(lead)

    def file_of(self, url: str) -> str | None:
        """The file behind a link of an email; None if it leads elsewhere."""
        token = url.removeprefix(f"{BASE_URL}/d/")
        parts = self.tokens.read("file", token) if token != url else None
        return parts[-1] if parts else None

    def open(self, person: Person, working: UUID | None = None) -> Ledger:
        """A transaction on one lead."""
        ledger = Ledger(
            self.rules, person.lead, self.now, person.runs, Tallies(person), working=working,
            history=self._history(person),
        )  # fmt: skip
        if working is None and person.lead.epoch != self.rules.epoch:
            ledger.refresh()
        return ledger

    def _history(self, person: Person) -> list[Event]:
        """The part of the lead's past that conditions of the deployment ask; see engine.store.leads.HISTORY."""
        asked = self.rules.index.watch.history
        if not asked:
            return []
        past = [one for one in person.log if one.type in asked]
        if "email.received" in asked:
            past += [
                Event(0, one.at, "email.received", one.send.template, {}, enrolment_id=one.run.id, message_id=one.id)
                for one in person.letters if one.state == "accepted"
            ]  # fmt: skip
        return sorted(past, key=lambda one: (one.at, one.seq))

    def commit(self, person: Person, ledger: Ledger) -> None:
        """End a transaction: keep what it decided, and carry on whom it woke."""
        person.lead = ledger.lead
        person.log += ledger.events
        person.points += ledger.points
        self.watcher.committed(person, ledger)
        for what, due in ledger.clocks.items():
            self.remind(person, what, due)
        if not ledger.wakes:
            return
        for run in person.runs:
            if run.id in ledger.wakes:
                self.soon(self.carry, person, run)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def carry(self, person: Person, run: Enrolment) -> None:
        """Carry one run to its next rest; what `engine.runs.advance` does in a transaction."""
        plan = self.rules.plan_of(run.digest)
        if run.state == "ended" or plan is None:
            return
        ledger = self.open(person, working=run.id)
        position, first, logged = run.position, True, 0
        view: interpreter.World | None = None
        lead = ledger.lead
        before_call = events = person.log[_floor(position) :]
        while True:
            before = position
            if view is None or view.events is not events or lead is not ledger.lead:
                view, lead = self._view(plan, person, run, ledger, events), ledger.lead
            position, request = interpreter.step(plan, position, view)
            if first:
                self._tell_woken(plan, person, run, before, position)
                first = False
            if isinstance(request, Effect):
                verdict = self.effects.perform(plan, person, run, ledger, request)
                position = settle(plan, position, request, verdict)
            elif isinstance(request, Discard):
                given_up = plan.by_id.get(request.step)
                if given_up is not None:
                    self.effects.skip(person, run, given_up, request.visit, request.reason)
                position = settle(plan, position, request, Verdict(ledger.lead.seq))
            else:
                break
            if len(ledger.events) != logged:
                logged, events = len(ledger.events), [*before_call, *ledger.events]
        run.position, run.gen = position, run.gen + 1
        self._rest(person, run, ledger, request)

    def _rest(self, person: Person, run: Enrolment, ledger: Ledger, request: Sleep | Finished | Stuck) -> None:
        if isinstance(request, Finished):
            ledger.end(run, request.outcome)
        self.commit(person, ledger)
        match request:
            case Finished(outcome=outcome):
                self.watcher.ended(person, run, outcome)
            case Stuck():
                self.watcher.stuck(person, run, request)
            case Sleep(due=due):
                self.watcher.rested(person, run, request)
                if due is not None:
                    self.at(due, self._timer, person, run, run.gen)

    def _timer(self, person: Person, run: Enrolment, gen: int) -> None:
        if run.gen == gen:
            self.carry(person, run)

    def _view(
        self, plan: Plan, person: Person, run: Enrolment, ledger: Ledger, events: list[Event]
    ) -> interpreter.World:  # fmt: skip
        leaving = None
        if run.state == "leaving" and run.leave_seq is not None:
            known = person.log if run.leave_seq <= len(person.log) else ledger.events
            leaving = next(one for one in reversed(known) if one.seq == run.leave_seq)
        entry, outcome = way_out(plan, run, leaving, ledger.zone)
        program, lead = self.deployment.program, ledger.lead
        return interpreter.World(
            enrolment=run.id, now=self.now, seq=lead.seq, facts=lambda: ledger.facts(run=run), zone=lead.zone(program),
            hours=program.workspace.business_hours, events=events, leaving=leaving, leave_entry=entry, outcome=outcome,
            lead=lead.id, basis=basis_of(lead.zone(program), program),
        )  # fmt: skip

    def _tell_woken(self, plan: Plan, person: Person, run: Enrolment, before: Position, after: Position) -> None:
        for old in before.branches:
            step = plan.by_id.get(old.at or "")
            if old.arrived is None or step is None or isinstance(step, Send):
                continue
            new = next((one for one in after.branches if (one.id, one.visit) == (old.id, old.visit)), None)
            if new is None or new.at != old.at or new.used != old.used:
                woken = new is not None and new.used != old.used
                self.watcher.woke(person, run, step, person.log[new.event_seq - 1] if new and woken else None)

    # ── the lead's own clocks ────────────────────────────────────────────────────────────────────────────────────────
    def remind(self, person: Person, what: str, due: datetime) -> None:
        """Look at the lead again then, for that purpose; the earliest instant wins."""
        known = person.clocks.get(what)
        if known is None or due < known:
            person.clocks[what] = due
            self.at(due, self._look, person, what, due)

    def _look(self, person: Person, what: str, due: datetime) -> None:
        """See engine.leads.lead_clocks.ring: every purpose that is due, in the order of time."""
        if person.clocks.get(what) != due:
            return
        rings = sorted((at, one) for one, at in person.clocks.items() if at <= self.now)
        for _, one in rings:
            del person.clocks[one]
        ledger = self.open(person)
        archive = Memory(person, ledger)
        for at, one in rings:
            at_once(strike(archive, ledger, one, at))
        self.commit(person, ledger)


def _floor(position: Position) -> int:
    """No event up to that number matters to the run any more, but for the mails it sent; see Position."""
    cursors = [position.seen, *(branch.cursor for branch in position.branches if branch.hold is None)]
    return max(0, min([*cursors, *position.sent.values()]))
