"""Tests of variants as rows: which there are, on whom each variant was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

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


async def find(hot: Hot, campaign: str, name: str) -> Any | None:
    """The test's `ends_at` and `winner`, or None when no lead has come to it yet."""
    return await hot.one(_FIND, {"campaign": campaign, "name": name})


async def begin(
    hot: Hot, campaign: str, name: str, by: str, variants: Sequence[str], now: datetime, ends: datetime
) -> None:  # fmt: skip
    """A test begins with its first lead; where two come at once the first to arrive says when it ends."""
    values = {"campaign": campaign, "name": name, "by": by, "variants": list(variants), "now": now, "ends": ends}
    await hot.run(_BEGIN, values)


async def try_on(
    hot: Hot, campaign: str, name: str, lead: UUID, enrolment: UUID, variant: str, steps: Sequence[str], now: datetime
) -> str:  # fmt: skip
    """Note that the variant is tried on the lead; the variant they had before, where they had one."""
    values = {
        "campaign": campaign, "name": name, "lead": lead, "enrolment": enrolment, "variant": variant,
        "steps": list(steps), "now": now,
    }  # fmt: skip
    return str((await hot.one(_TRY, values)).variant)


async def decide(hot: Hot, campaign: str, name: str, winner: str, now: datetime) -> str:
    """The winner: this one, or the one that somebody else decided on before."""
    await hot.run(_DECIDE, {"campaign": campaign, "name": name, "winner": winner, "now": now})
    return str((await hot.one(_FIND, {"campaign": campaign, "name": name})).winner)


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
