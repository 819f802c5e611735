"""Playing sales: read the handoff mail, open its page, press the buttons, or do nothing, as the lead's script says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any

from dsl.plan import Duration, Program
from engine.demo.people import Person
from engine.demo.world import Letter, Postbox, World, expect
from engine.rules.conditions.calendar import add


class Office:
    """Everybody in sales. It remembers who was asked about which lead, since some scripts need a second person."""

    def __init__(self, program: Program, people: Sequence[Person], world: World, postbox: Postbox) -> None:
        self.people, self.world, self.postbox = people, world, postbox
        self.hours = program.workspace.business_hours
        self._later(1)  # loads the holidays, before every second counts
        self.members = {member.email for team in program.teams for member in team.members}
        limits = [limit for team in program.teams for limit in (team.acknowledge, team.contact, team.decide)]
        self.bosses = {limit.then.to for limit in limits if limit.then.to} - self.members
        self.asked: dict[str, list[str]] = {}

    def shifts(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """One endless job for each colleague."""
        return [(address, self._work(address)) for address in sorted(self.members | self.bosses)]

    async def _work(self, address: str) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                letter = await self.postbox.next(address)
                self.world.counts["notices"] += 1
                group.create_task(self._react(address, letter))

    async def _react(self, address: str, letter: Letter) -> None:
        """Once per lead and colleague: later notices only say what became of it."""
        link = letter.link_to("/h/")
        if link is None:
            return
        http = self.world.browser()
        page = expect(await http.get(link), 200).text
        person = next((one for one in self.people if one.address in page), None)
        asked = self.asked.setdefault(person.address if person else "", [])
        if person is None or address in asked:
            return
        asked.append(address)
        for minutes, action in self._plan(person, address, len(asked)):
            await self.world.until(self._later(minutes))
            reason = person.script.sales if action == "reject" else ""
            answer = await http.post(link, data={"action": action, **({"reason": reason} if reason else {})})
            expect(answer, 303, 409)  # 409: a colleague was quicker, or the limit has passed
            self.world.counts[f"sales: {action}"] += 1

    def _later(self, minutes: int) -> datetime:
        """So many business minutes from now."""
        return add(Duration(business_minutes=minutes), self.world.clock.now(), self.hours.zone, self.hours)

    def _plan(self, person: Person, address: str, turn: int) -> list[tuple[int, str]]:
        """What this colleague does with that lead, each after so many business minutes. `turn` 1 is the first asked."""
        boss = address in self.bosses
        call = [(10, "acknowledge"), (60, "contacted")]
        match person.script.sales:
            case "accept":
                return [*call, (400, "accept")]
            case "not ready" | "no budget":
                return [*call, (300, "reject")]
            case "second":
                return [] if turn == 1 else [*call, (600, "accept")]
            case "boss":
                return [*call, (120, "accept")] if boss else []
            case "no contact":
                return [(30, "contacted"), (60, "accept")] if boss else call[:1]
            case "nobody":
                return []
