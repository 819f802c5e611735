"""Tests of variants: who gets which, what came of it, and which one has won.

A test begins with its first lead and lasts so long. Each lead it is tried on is one row, with the steps of the variant,
so that its numbers can be read from the log without the plan.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from dsl.plan import BusinessHours, Plan, Target, VariantTest, targets
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import variant_of
from engine.store import variant_tests
from engine.store.db import Hot


async def choose(
    hot: Hot, test: VariantTest, plan: Plan, lead: UUID, enrolment: UUID, now: datetime, hours: BusinessHours
) -> str | datetime:  # fmt: skip
    """The variant for this lead, inside the caller's transaction; or the instant until which they wait for it."""
    campaign = plan.campaign
    found = await variant_tests.find(hot, campaign, test.name)
    if found is not None and found.winner is not None:
        return str(found.winner)
    if found is not None and now >= found.ends_at:
        best = (await variant_tests.numbers(hot, campaign, test.name))[0].best
        return await variant_tests.decide(hot, campaign, test.name, best or test.variants[0].name, now)
    ends: datetime = found.ends_at if found is not None else calendar.add(test.lasts, now, hours.zone, hours)
    if found is None:
        names = [one.name for one in test.variants]
        await variant_tests.begin(hot, campaign, test.name, test.by, names, now, ends)
    variant = variant_of(test, plan, lead)
    if variant is None and test.waits:
        return ends
    if variant is None:
        return test.variants[0].name if test.variants else ""
    steps = sorted(steps_of(plan, test)[variant])
    return await variant_tests.try_on(hot, campaign, test.name, lead, enrolment, variant, steps, now)


def steps_of(plan: Plan, test: VariantTest) -> dict[str, frozenset[str]]:
    """variant → the steps only it leads to."""
    reached = {one.name: _reached(plan, test, one.target) for one in test.variants}
    return {
        name: frozenset(own).difference(*(others for other, others in reached.items() if other != name))
        for name, own in reached.items()
    }


def _reached(plan: Plan, test: VariantTest, entry: Target) -> set[str]:
    """The steps that can follow, without those behind the test itself when a round leads back to it."""
    found: set[str] = set()
    pending = [entry]
    while pending:
        at = pending.pop()
        if at is not None and at in plan.by_id and at not in found and at != test.id:
            found.add(at)
            pending += targets(plan.by_id[at])
    return found
