"""Every lead with what is known of them now, a page at a time in the order of their ids: for counts, exports, previews.

Nothing is locked, so memory stays flat and nobody waits. Conditions are judged as everywhere, by today's rules; erased
leads are not among them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

from dsl.plan import Condition, Has, InCampaign
from engine.model.lead import Lead
from engine.rules.conditions.conditions import holds
from engine.rules.conditions.matching import Watch, parts
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Rules
from engine.runtime.runtime import NothingDeployed, Runtime
from engine.store import leads
from engine.store.db import Database, Hot

PAGE = 500
"""Leads read in one statement."""


async def members(rt: Runtime, condition: Condition | None = None) -> AsyncIterator[Lead]:
    """Each lead for whom the condition holds now, without one each lead there is. Raises NothingDeployed."""
    deployment = await rt.catalog.refresh()
    if deployment is None:
        raise NothingDeployed
    async for lead in judged(rt.db, deployment.rules, condition, rt.clock.now()):
        yield lead


async def judged(db: Database, rules: Rules, condition: Condition | None, now: datetime) -> AsyncIterator[Lead]:
    """The same by the rules of any program, deployed or not, at one instant."""
    judging = _Judging(rules, condition) if condition is not None else None
    after = UUID(int=0)
    while True:
        async with db.hot() as hot:
            page = await leads.page_after(hot, after, PAGE)
            found = [lead for lead in page if judging is None or await judging.holds(hot, lead, now)]
        for lead in found:
            yield lead
        if len(page) < PAGE:
            return
        after = page[-1].id


@dataclass(frozen=True)
class _Judging:
    """Whether a condition holds for a lead; what it asks of their past is read for it, and nothing else."""

    rules: Rules
    condition: Condition

    @cached_property
    def asked(self) -> frozenset[str]:
        return Watch.over(self.condition).history

    @cached_property
    def runs(self) -> bool:
        return any(isinstance(one, InCampaign | Has) for one in parts(self.condition))

    async def holds(self, hot: Hot, lead: Lead, now: datetime) -> bool:
        around = (
            await leads.look_around(hot, lead.id, look=leads.Look(history=frozenset(self.asked)))
            if self.asked or self.runs
            else None
        )
        ledger = Ledger(
            self.rules, lead, now, around.enrolments if around else [], history=around.history if around else ()
        )
        past = ledger.facts()
        return holds(self.condition, replace(past, history=ledger.history) if around else past)
