"""What one call of `advance` sees: the locked lead, its run, the events since, and the ledger it writes into."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from dsl.plan import Plan
from engine.model.lead import Event, Facts, Lead
from engine.rules.conditions import calendar
from engine.rules.leads.admission import way_out
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import derived, needed
from engine.rules.runs.interpreter import World
from engine.rules.runs.local_time import basis_of
from engine.rules.runs.position import Branch
from engine.rules.sending.pause_rules import Pause, came_due
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import complete_history
from engine.store import leads, runs
from engine.store.db import Hot


class Turn:
    """Looked at once when the call begins, and again under the lock after each mail."""

    deployment: Deployment
    found: runs.Run
    ledger: Ledger
    pause: Pause | None

    def __init__(self, rt: Runtime, id: UUID, woken: str) -> None:
        self._rt, self._id = rt, id
        self._by_timer = woken == "timer"
        self._events: list[Event] = []
        self._history: list[Event] = []
        self.now = rt.clock.now()

    @property
    def lead(self) -> Lead:
        return self.ledger.lead

    async def open(self, hot: Hot) -> bool:
        """Lock the lead and look around; False when the run is gone."""
        before = self._rt.catalog.current or await self._rt.catalog.refresh()
        both = await runs.lock_and_read(hot, self._question(before, None))
        if both is None:
            return False
        locked, found = both
        self.deployment = await self._rt.deployment(locked.epoch)
        if self.deployment is not before or derived(self.deployment.rules):
            return await self.look(hot, locked)
        await self._take(hot, locked, found)
        return True

    async def look(self, hot: Hot, locked: leads.Locked) -> bool:
        """Read everything around the locked lead that is not known yet; False when the run is gone."""
        self.deployment = await self._rt.deployment(locked.epoch)
        self.now = max(self.now, self._rt.clock.now())
        found = await runs.read(hot, self._question(self.deployment, locked))
        if found is None:
            return False
        await self._take(hot, locked, found)
        return True

    def _question(self, deployment: Deployment | None, locked: leads.Locked | None) -> runs.Question:
        limit = deployment.program.workspace.mail_limit if deployment else None
        recent = calendar.since(limit.per, self.now, "UTC") - timedelta(days=2) if limit else self.now
        probes = needed(deployment.rules, locked.lead, "", "", {}, self.now) if deployment and locked else []
        provider = self._rt.mailer.name if self._rt.mailer else ""
        above = self._events[-1].seq if self._events else 0
        history = deployment.rules.index.watch.history if deployment else frozenset()
        return runs.Question(self._id, probes, recent, provider, above, history)

    async def _take(self, hot: Hot, locked: leads.Locked, found: runs.Run) -> None:
        self.found = found
        if self._by_timer and found.due_at is not None:
            self.now = max(self.now, found.due_at)
            self._by_timer = False
        self._events += found.events
        live = [one.digest for one in found.others if one.state != "ended"]
        await self._rt.catalog.need(live)
        self._history = await complete_history(
            self._rt, hot, locked.lead.id, self.deployment.rules, live, found.history
        )
        self._open_ledger(locked)

    async def look_again(self, hot: Hot, locked: leads.Locked) -> bool:
        """The same after a commit of ours; where nobody logged anything since, without asking the database."""
        known = self.ledger.lead.seq
        if self.found.truncated:
            return await self.look(hot, locked)
        self._events += self.ledger.events
        self._history = [*self.ledger.past()]
        if locked.lead.seq != known or derived(self.deployment.rules):
            return await self.look(hot, locked)
        self.now = max(self.now, self._rt.clock.now())
        self._open_ledger(locked)
        return True

    def received(self, template: str) -> None:
        """A mail of this call was accepted: from now on it is part of the past."""
        mail = Event(seq=0, at=self.now, type="email.received", name=template, enrolment_id=self._id)
        self.ledger.history = self._history = [*self._history, mail]

    def facts(self, branch: Branch) -> Facts:
        """What a step of this branch may ask for."""
        return self.ledger.facts(run=self.found.enrolment).changed(event=branch.event)

    def world(self, plan: Plan) -> World:
        """The interpreter's view, with what this call itself has logged. Of a log too long for one call it shows the
        part that was read, as of just before its last event."""
        own, ledger, program = self.found.enrolment, self.ledger, self.deployment.program
        events, seq, now = [*self._events, *ledger.events], ledger.lead.seq, self.now
        leaving = None
        if own.state == "leaving":
            leaving = next((one for one in events if one.seq == own.leave_seq), self.found.leaving)
        if self.found.truncated:
            events, last = self._events, self._events[-1]
            seq, now = last.seq, min(now, last.at - timedelta(microseconds=1))
        entry, outcome = way_out(plan, own, leaving, ledger.zone)
        return World(
            enrolment=self._id, now=now, seq=seq, facts=lambda: ledger.facts(run=own),
            zone=ledger.lead.zone(program), hours=program.workspace.business_hours, events=events, leaving=leaving,
            leave_entry=entry, outcome=outcome, lead=ledger.lead.id,
            basis=basis_of(ledger.lead.zone(program), program),
        )  # fmt: skip

    def came_due(self, branch: Branch) -> Branch:
        """The branch as having arrived when what it stands at came due, if that was while its campaign was paused."""
        found = self.found
        return came_due(branch, self.pause, found.due_at, (found.wait or {}).get("seen", 0))

    def _open_ledger(self, locked: leads.Locked) -> None:
        found, self.pause = self.found, Pause.of(locked.row.held)
        self.ledger = Ledger(
            self.deployment.rules, locked.lead, self.now, found.others, found.tallies, working=self._id,
            history=self._history,
        )  # fmt: skip
