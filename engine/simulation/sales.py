"""The sales desk of a simulation: handoffs on their ladder, dealt to the members of teams as in production."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import HandOff
from engine.mail.errors import TemplateError
from engine.rules.leads.consequences import Ledger
from engine.rules.runs.enrolment import Enrolment
from engine.rules.sales import ladder
from engine.rules.sales.desk_log import DeskLog
from engine.rules.sales.ladder import Act, Change, State
from engine.rules.sales.routing import Choice, route, same
from engine.rules.sales.tray import Tray
from engine.sales.handoff_turn import HandoffTurn, chain_of, freed
from engine.sales.handoffs import NO_TEAM
from engine.sending.composing import context_for
from engine.simulation.host import Host
from engine.simulation.person import Handover, Person
from engine.store.handoffs import Found
from engine.store.leads import Locked

NO_HANDOFF = "no handoff"
NO_MEMBER = "no member"


class Sales:
    """Who has which lead, how often each team has dealt, and what colleagues do."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.turns: Counter[str] = Counter()
        self.loads: Counter[str] = Counter()
        """Open handoffs by member, in lower case."""
        self.open: dict[UUID, Handover] = {}
        self.past: DeskLog | None = None
        """Who had which lead when, if what really happened is played again."""

    def hand_over(
        self, person: Person, ledger: Ledger, step: HandOff, run: Enrolment, event: Mapping[str, Any]
    ) -> UUID | None:  # fmt: skip
        """Open a handoff or join the lead's open one, inside the run's transaction; see sales.handoffs.open_for."""
        host = self._host
        if step.stage:
            ledger.qualify(step.stage, step.source, step=step.id)
        if found := person.open_handover():
            return found.id
        deployment = host.deployment
        facts = ledger.lead.facts(ledger.rules.order)
        team, member = route(deployment.program.teams, step.team, step.owner, facts)
        if team is None:
            ledger.attention = f"{step.source}: {NO_TEAM}"
            return None
        id = host.new_id()
        opened = ledger.happen("handoff.opened", team.name, {"handoff": str(id)}, mute=True)
        state = State(phase="waiting", team=team.name, meant_for=member, step_started_at=opened.at)
        note = self._note(ledger, step, event)
        one = Handover(id, person, run.id, run.campaign, step.source, ledger.lead.stage, note, state)
        person.handovers.append(one)
        self.open[id] = one
        host.watcher.progressed(person, ledger)
        host.watcher.handed(person, one)
        host.soon(self.climb, one)
        return id

    def act(self, person: Person, action: Act, reason: str | None = None, by: str = "") -> str | None:
        """A colleague does something about the lead's open handoff; without `by` it is the member who has the lead.
        Why it came to nothing: NO_HANDOFF, or engine.rules.sales.ladder.Ignored; None when it did not."""
        one = person.open_handover()
        if one is None:
            return NO_HANDOFF
        turn, by = self._turn(one), by or one.state.member or ""
        now = max(turn.ledger.now, turn.ledger.lead.last_at)
        change = ladder.act(one.state, action, by, reason, now, turn.team)
        if change.ignored:
            return change.ignored
        turn.follow(change, action=action, by=by)
        self._done(one, turn, change)
        return None

    def reassign(self, person: Person, to: str, by: str) -> str | None:
        """A colleague gives the lead's open handoff to another member. Why it came to nothing, as `act`; a member who
        is in no team of these files gets nothing."""
        one = person.open_handover()
        if one is None:
            return NO_HANDOFF
        turn = self._turn(one)
        found = turn.team_of(to)
        if found is None:
            return NO_MEMBER
        now = max(turn.ledger.now, turn.ledger.lead.last_at)
        change = ladder.reassign(one.state, found[1], found[0], by, now, turn.team)
        if change.ignored:
            return change.ignored
        data = {"handoff": str(one.id), "by": by, "to": found[1]}
        turn.ledger.happen("handoff.reassigned", found[0].name, data, mute=True)
        turn.follow(change)
        self._done(one, turn, change)
        return None

    def _done(self, one: Handover, turn: HandoffTurn, change: Change) -> None:
        self._changed(one, change)
        self._host.commit(one.person, turn.ledger)
        self._after(one, change)
        self._host.soon(self.climb, one)

    def climb(self, one: Handover) -> None:
        """One rung of the ladder, if it is time; see engine.sales.handoff_turn.HandoffTurn.climb."""
        if one.id not in self.open:
            return
        turn = self._turn(one)
        ledger = turn.ledger
        loads = {
            member.email: self.loads[member.email.lower()] - (_key(one.state) == member.email.lower())
            for team in self._host.deployment.teams.values() for member in team.members
        }  # fmt: skip
        now = max(ledger.now, ledger.lead.last_at)
        if self.past is not None:
            loads = {member: self.past.load(member, now, one.person.lead.id) for member in loads}
        change = turn.deal(self.turns, loads, now, self._as_then(one, turn, now))
        if change.turns:
            self.turns[change.state.team] += change.turns
        turn.follow(change)
        self._changed(one, change)
        self._host.commit(one.person, ledger)
        self._after(one, change)

    def _as_then(self, one: Handover, turn: HandoffTurn, now: datetime) -> Choice | None:
        """Who really had the lead at that instant, if they are in one of the teams that may get it now."""
        found = self.past.holder(now, one.person.lead.id) if self.past else None
        if found is None:
            return None
        for name in chain_of(self._host.deployment, turn.team):
            team = turn.team if name == turn.team.name else self._host.deployment.teams[name.casefold()]
            if name == found[0] and any(same(member.email, found[1]) for member in team.members):
                return Choice(team, found[1])
        return None

    def _turn(self, one: Handover) -> HandoffTurn:
        host, person = self._host, one.person
        former = next(
            (old.state.member for old in reversed(person.handovers) if old is not one and old.state.member), None
        )
        found = Found(
            id=one.id, enrolment_id=one.run, campaign=one.campaign, source=one.source, stage=one.stage, note=one.note,
            state=one.state, tray=Tray(), gen=0, wait=None, attention=None, due_at=one.state.due_at, sending={},
            former=former, closed_until=None, enrolments=person.runs, tallies={}, history=[],
        )  # fmt: skip
        return HandoffTurn.of(host.deployment, Locked(person.lead, 0, None), host.open(person), found)

    def _changed(self, one: Handover, change: Change) -> None:
        """Keep the books: who has how many."""
        if old := _key(one.state):
            self.loads[old] -= 1
        before, one.state = one.state, change.state
        if new := _key(one.state):
            self.loads[new] += 1
        if one.state.phase == "closed":
            self.open.pop(one.id, None)
        if freed(before, one.state):
            self._host.soon(self._call_waiting, before.team)

    def _after(self, one: Handover, change: Change) -> None:
        one.gen += 1
        self._host.watcher.climbed(one.person, one)
        for notice in change.notices:
            self._host.watcher.told(one.person, one, notice)
        if one.state.due_at is not None:
            self._host.at(one.state.due_at, self._timer, one, one.gen)
        if self.past is not None and one.state.phase == "waiting" and (at := self.past.freed_after(self._host.now)):
            self._host.at(at, self._timer, one, one.gen)

    def _timer(self, one: Handover, gen: int) -> None:
        if one.gen == gen:
            self.climb(one)

    def _call_waiting(self, freed: str) -> None:
        deployment = self._host.deployment
        teams = {team.name for team in deployment.teams.values() if freed in chain_of(deployment, team)} or {freed}
        waiting = [one for one in self.open.values() if one.state.phase == "waiting" and one.state.team in teams]
        for one in waiting[:10]:
            self.climb(one)

    def _note(self, ledger: Ledger, step: HandOff, event: Mapping[str, Any]) -> str:
        if not step.note or not self._host.render:
            return step.note
        host = self._host
        context = context_for(ledger.lead, host.deployment, host.tokens, "", event=event)
        try:
            return host.deployment.renderer.render_text(step.note, context).strip()
        except TemplateError:
            return step.note


def _key(state: State) -> str:
    """The member who has an open handoff, in lower case; empty when nobody has."""
    return (state.member or "").lower() if state.phase != "closed" else ""
