"""One handoff under its lead's lock: what judging it needs, the next rung of its ladder, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dsl.plan import Team
from engine.model.ports import Wake
from engine.rules.conditions.conditions import reached
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import needed
from engine.rules.sales import ladder
from engine.rules.sales.ladder import Act, Change, State
from engine.rules.sales.routing import Choice, Desk, choose, same, staff, team_for, works_here
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit, complete_history
from engine.store import handoffs as store
from engine.store import leads
from engine.store.db import Hot
from engine.store.leads import Locked
from engine.store.writes import Writes

MOST_RETRIED = 10
"""Waiting handoffs that look for a member again when one has become free."""


@dataclass(slots=True)
class HandoffTurn:
    """A handoff under its lead's lock, with what judging it needs. `orphaned`: no team is left to take it."""

    deployment: Deployment
    locked: Locked
    ledger: Ledger
    found: store.Found
    team: Team
    orphaned: bool

    @staticmethod
    async def at(rt: Runtime, hot: Hot, id: UUID, provider: str, now: datetime) -> HandoffTurn | None:
        locked = await leads.lock_by_handoff(hot, id)
        if locked is None:
            return None
        deployment = await rt.deployment(locked.epoch)
        probes = needed(deployment.rules, locked.lead, "", "", {}, now)
        asked = deployment.rules.index.watch.history
        found = await store.read(hot, id, locked.lead.id, probes, provider, asked)
        if found is None:
            return None
        live = [one.digest for one in found.enrolments if one.state != "ended"]
        await rt.catalog.need(live)
        history = await complete_history(rt, hot, locked.lead.id, deployment.rules, live, found.history)
        ledger = Ledger(deployment.rules, locked.lead, now, found.enrolments, found.tallies, history=history)
        return HandoffTurn.of(deployment, locked, ledger, found)

    @staticmethod
    def of(deployment: Deployment, locked: Locked, ledger: Ledger, found: store.Found) -> HandoffTurn:
        """With the team it stands at, else the one that takes the lead now. Pure."""
        team = deployment.teams.get(found.state.team.casefold())
        team = team or team_for(deployment.program.teams, ledger.facts())
        stand_in = Team(
            name=found.state.team, hours=deployment.program.workspace.business_hours, members=(), source=found.source
        )
        return HandoffTurn(deployment, locked, ledger, found, team or stand_in, orphaned=team is None)

    async def climb(self, hot: Hot, writes: Writes, now: datetime) -> Change:
        """One rung of the ladder, if it is time. Dealing leads holds the rows of the teams that may get this one."""
        if not self._is_time(now):
            return ladder.remind(Change(self.found.state), now)
        turns = await store.lock_teams(hot, chain_of(self.deployment, self.team))
        loads = await store.loads(hot, self.deployment.teams, self.found.id)
        change = self.deal(turns, loads, now)
        if change.turns:
            writes.update("teams", name=change.state.team, turn=turns[change.state.team] + change.turns)
        return change

    def deal(
        self, turns: Mapping[str, int], loads: Mapping[str, int], now: datetime, as_then: Choice | None = None
    ) -> Change:
        """The same, where it is known how many leads each team has dealt and how many open ones each member has
        beside this one. `as_then`: who really got the lead, and gets it again unless they were tried before. Pure."""
        state = self.found.state
        if not self._is_time(now):
            return ladder.remind(Change(state), now)
        by_rule, waits = self._chooser(turns, loads, now), state.phase == "waiting"

        def chosen(tried: tuple[str, ...]) -> Choice:
            again = as_then and as_then.member and not any(same(as_then.member, one) for one in tried)
            return as_then if as_then and again else by_rule(tried)

        change = ladder.retry(state, now, chosen) if waits else ladder.tick(state, now, self.team, chosen)
        return ladder.remind(change, now)

    def _chooser(
        self, turns: Mapping[str, int], loads: Mapping[str, int], now: datetime
    ) -> Callable[[tuple[str, ...]], Choice]:
        teams = {team.name: team for team in self.deployment.teams.values()}
        desk = Desk({**teams, self.team.name: self.team}, loads, turns, now)
        facts = self.ledger.facts()
        former = str(self.ledger.lead.fields.get("owner") or "") or self.found.former
        wanted = self.found.state.meant_for
        return lambda tried: choose(self.team, facts, desk, former_owner=former, tried=tried, meant_for=wanted)

    def here(self, address: str) -> bool:
        """Whether the address is somebody's who may act on handoffs now."""
        return works_here(address, staff(self.deployment.program.teams))

    def may_act(self, address: str) -> bool:
        """The same, for this handoff: whoever it was taken from by hand may no longer."""
        return self.here(address) and not any(same(address, one) for one in self.found.state.passed_on)

    def team_of(self, member: str) -> tuple[Team, str] | None:
        """The team that somebody is a member of, this handoff's before others, and their address as it is there."""
        for team in (self.team, *self.deployment.program.teams):
            for one in team.members:
                if same(one.email, member):
                    return team, one.email
        return None

    async def reassign(self, hot: Hot, writes: Writes) -> Change:
        """What becomes of the lead if the member who has it is in no team any more."""
        turns = await store.lock_teams(hot, chain_of(self.deployment, self.team))
        loads = await store.loads(hot, self.deployment.teams, self.found.id)
        now = max(self.ledger.now, self.ledger.lead.last_at)
        change = ladder.member_left(self.found.state, now, self._chooser(turns, loads, now), self.here)
        if change.turns:
            writes.update("teams", name=change.state.team, turn=turns[change.state.team] + change.turns)
        return change

    def _is_time(self, now: datetime) -> bool:
        state = self.found.state
        if state.phase == "closed":
            return False
        return state.phase == "waiting" or state.due_at is None or now >= state.due_at

    def follow(self, change: Change, *, action: Act | None = None, by: str = "") -> None:
        """Log what the change means, with all that follows from it for the lead and its campaigns."""
        before, after, ledger, id = self.found.state, change.state, self.ledger, str(self.found.id)
        if after.member is not None and not same(after.member, before.member):
            self._own(after.member)
            ledger.happen("handoff.assigned", after.team, {"handoff": id, "member": after.member}, mute=True)
        match action:
            case "acknowledge":
                ledger.happen("handoff.acknowledged", after.team, {"handoff": id, "by": by}, mute=True)
            case "contacted":
                ledger.happen("handoff.contacted", after.team, {"handoff": id, "by": by}, mute=True)
            case "accept":
                ledger.happen("handoff.accepted", after.team, {"handoff": id, "by": by})
            case "reject":
                data = {"handoff": id, "reason": after.reason or "", "by": by}
                ledger.happen("handoff.rejected", after.team, data)
            case None:
                pass
        if after.outcome == "overdue" and before.outcome is None:
            ledger.happen("handoff.overdue", after.team, {"handoff": id, "reason": after.reason or ""})
            if after.recycled:
                self._recycle()

    def _own(self, member: str) -> None:
        """The lead's owner, unless the CRM says who that is."""
        if not self.deployment.program.all_fields["owner"].from_crm:
            self.ledger.set_field("owner", member)
            self.ledger.rate()

    def _recycle(self) -> None:
        """Back to the second stage, for marketing; not from beyond the stage at which sales got the lead."""
        order, now = self.ledger.rules.order, self.ledger.lead.stage
        handed = self.found.stage or now
        if len(order) > 1 and reached(now, order[1], order) and reached(handed, now, order):
            self.ledger.qualify(order[1], self.found.source, back=True)


def wake_of(id: UUID, ledger: Ledger, gen: int) -> Wake:
    return Wake(id, "handoff", start=False, seq=ledger.lead.seq, gen=gen, queue="mail")


def freed(before: State, after: State) -> bool:
    """Whether somebody has one open handoff less."""
    return before.member is not None and (after.phase == "closed" or not same(before.member, after.member))


async def call_waiting(rt: Runtime, deployment: Deployment, freed: str) -> None:
    """Let the handoffs that could use somebody in team `freed` ask again, each in a transaction of its own."""
    teams = [team.name for team in deployment.teams.values() if freed in chain_of(deployment, team)]
    async with rt.db.hot() as hot:
        ids = await store.waiting(hot, teams or [freed], MOST_RETRIED)
    for id in ids:
        async with rt.db.hot() as hot:
            turn = await HandoffTurn.at(rt, hot, id, "", rt.clock.now())
            if turn is None or turn.found.state.phase != "waiting":
                continue
            turn.ledger.happen("handoff.retried", turn.found.state.team, {"handoff": str(id)}, mute=True)
            turn.ledger.wakes[id] = wake_of(id, turn.ledger, turn.found.gen)
            await commit(rt, hot, turn.ledger, Writes())


def chain_of(deployment: Deployment, team: Team) -> list[str]:
    """The team and those its overflow goes to, by name."""
    names: list[str] = []
    at: Team | None = team
    while at is not None and at.name not in names:
        names.append(at.name)
        following = at.when_full.to if at.when_full.kind == "team" else None
        at = deployment.teams.get((following or "").casefold())
    return names
