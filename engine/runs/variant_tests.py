"""Tests of variants: who gets which, what came of it, and which one has won.

A test begins with its first lead and lasts so long. Each lead it is tried on is one row, with the steps of the variant,
so that its numbers can be read from the log without the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dsl.plan import BusinessHours, Plan, Target, VariantTest, targets
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import variant_of
from engine.store.db import Hot

_FIND = "SELECT ends_at, winner FROM tests WHERE campaign = %(campaign)s AND name = %(name)s"

_BEGIN = """
INSERT INTO tests (campaign, name, by, variants, started_at, ends_at)
VALUES (%(campaign)s, %(name)s, %(by)s, %(variants)s, %(now)s, %(ends)s) ON CONFLICT (campaign, name) DO NOTHING"""

_TRY = """
INSERT INTO test_leads AS t (campaign, name, lead_id, enrolment_id, variant, steps, at)
VALUES (%(campaign)s, %(name)s, %(lead)s, %(enrolment)s, %(variant)s, %(steps)s, %(now)s)
ON CONFLICT (campaign, name, lead_id) DO UPDATE SET variant = t.variant RETURNING variant"""

_DECIDE = """
UPDATE tests SET winner = %(winner)s, decided_at = %(now)s
WHERE campaign = %(campaign)s AND name = %(name)s AND winner IS NULL"""

_NUMBERS = """
SELECT o.name, o.by, o.variants, o.started_at, o.ends_at, o.decided_at, o.winner, t.variant, count(*) AS leads,
    count(*) FILTER (WHERE CASE o.by
        WHEN 'goal' THEN EXISTS (SELECT FROM enrolments e WHERE e.id = t.enrolment_id AND e.goal_at >= t.at)
        ELSE EXISTS (
            SELECT FROM events v JOIN messages m ON m.id = v.message_id
            WHERE v.enrolment_id = t.enrolment_id AND v.type = CASE o.by
                WHEN 'clicks' THEN 'email.clicked' WHEN 'opens' THEN 'email.opened' ELSE 'email.replied' END
                AND t.steps @> ARRAY[m.step]) END) AS successes
FROM tests o LEFT JOIN test_leads t ON t.campaign = o.campaign AND t.name = o.name
WHERE o.campaign = %(campaign)s AND (%(name)s::text IS NULL OR o.name = %(name)s)
GROUP BY o.campaign, o.name, t.variant ORDER BY o.started_at, o.name"""


@dataclass(frozen=True, slots=True)
class Tried:
    """One variant: the leads it was tried on, and those who clicked, opened, replied or reached the goal."""

    variant: str
    leads: int
    successes: int

    @property
    def rate(self) -> float:
        return self.successes / self.leads if self.leads else 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One test so far. `variants` are in the order they are written in; without `decided_at` there is no winner yet."""

    name: str
    by: str
    started_at: datetime
    ends_at: datetime
    decided_at: datetime | None
    winner: str | None
    variants: tuple[Tried, ...]

    @property
    def best(self) -> str | None:
        """The variant with the best rate; of equals the first."""
        return max(self.variants, key=lambda one: one.rate).variant if self.variants else None


async def choose(
    hot: Hot, test: VariantTest, plan: Plan, lead: UUID, enrolment: UUID, now: datetime, hours: BusinessHours
) -> str:  # fmt: skip
    """The variant for this lead, inside the caller's transaction."""
    key = {"campaign": plan.campaign, "name": test.name, "now": now}
    found = await hot.one(_FIND, key)
    if found is not None and found.winner is not None:
        return str(found.winner)
    if found is not None and now >= found.ends_at:
        return await _decide(hot, plan.campaign, test, key)
    if found is None:
        names = [one.name for one in test.variants]
        ends = calendar.add(test.lasts, now, hours.zone, hours)
        await hot.run(_BEGIN, {**key, "by": test.by, "variants": names, "ends": ends})
    variant = variant_of(test, plan, lead)
    if variant is None:
        return test.variants[0].name if test.variants else ""
    steps = sorted(steps_of(plan, test)[variant])
    row = await hot.one(_TRY, {**key, "lead": lead, "enrolment": enrolment, "variant": variant, "steps": steps})
    return str(row.variant)


async def _decide(hot: Hot, campaign: str, test: VariantTest, key: dict[str, object]) -> str:
    trials = await numbers(hot, campaign, test.name)
    await hot.run(_DECIDE, {**key, "winner": trials[0].best or test.variants[0].name})
    decided = await hot.one(_FIND, key)
    return str(decided.winner)


async def numbers(hot: Hot, campaign: str, name: str | None = None) -> list[Trial]:
    """What the campaign's tests have shown so far, read from the log."""
    trials: dict[str, Trial] = {}
    tried: dict[str, dict[str, Tried]] = {}
    for row in await hot.all(_NUMBERS, {"campaign": campaign, "name": name}):
        counted = tried.setdefault(row.name, {one: Tried(one, 0, 0) for one in row.variants})
        if row.variant is not None:
            counted[row.variant] = Tried(row.variant, row.leads, row.successes)
        trials[row.name] = Trial(
            row.name, row.by, row.started_at, row.ends_at, row.decided_at, row.winner, tuple(counted.values())
        )
    return list(trials.values())


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
