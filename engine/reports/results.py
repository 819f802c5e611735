"""What tests have shown so far: of variants and of subject lines, with how far the numbers can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.rules.conditions.shares import interval
from engine.store.db import Database
from engine.store.variant_tests import numbers

_CAMPAIGNS = """
SELECT DISTINCT campaign FROM tests
WHERE %(campaign)s::text IS NULL OR lower(campaign) = lower(%(campaign)s) ORDER BY campaign"""

# With those whose rows were removed after their time.
_SUBJECTS = """
SELECT campaign, step, template, subject, min(began) AS began, sum(leads)::bigint AS leads,
    sum(opened)::bigint AS opened FROM (
SELECT e.campaign, m.step, m.template, m.variant AS subject, min(m.at) AS began, count(*) AS leads,
    count(*) FILTER (WHERE EXISTS (SELECT FROM events v WHERE v.lead_id = m.lead_id AND v.message_id = m.id
        AND v.type = 'email.opened')) AS opened
FROM messages m JOIN enrolments e ON e.id = m.owner_id
WHERE m.variant IS NOT NULL AND m.state = 'accepted'
    AND (%(campaign)s::text IS NULL OR lower(e.campaign) = lower(%(campaign)s))
GROUP BY e.campaign, m.step, m.template, m.variant
UNION ALL
SELECT campaign, step, template, variant, min(day)::timestamp AT TIME ZONE 'UTC', sum(emails), sum(opened)
FROM past_emails WHERE variant <> '' AND state = 'accepted'
    AND (%(campaign)s::text IS NULL OR lower(campaign) = lower(%(campaign)s))
GROUP BY campaign, step, template, variant) counted
GROUP BY campaign, step, template, subject ORDER BY campaign, template, step, subject"""


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant or subject: the leads it went to, and how many of them did what is counted. `low` and `high`: the
    shares between which the true one lies with 95 % confidence."""

    name: str
    leads: int
    successes: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.successes / self.leads if self.leads else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """One test. A test of subjects has no end and no winner, and its `name` is the template's."""

    campaign: str
    what: Literal["variants", "subjects"]
    name: str
    by: str
    started_at: datetime
    arms: tuple[Arm, ...]
    ends_at: datetime | None = None
    winner: str | None = None

    @property
    def leader(self) -> Arm | None:
        """The arm whose range lies above those of all others; None while the difference may be chance."""
        best = max(self.arms, key=lambda arm: arm.low, default=None)
        others = [arm for arm in self.arms if arm is not best]
        return best if best and others and all(best.low > arm.high for arm in others) else None


async def results(db: Database, campaign: str | None = None) -> list[Result]:
    """The tests of one campaign or of all, read from the log."""
    found: list[Result] = []
    async with db.hot() as hot:
        for row in await hot.all(_CAMPAIGNS, {"campaign": campaign}):
            for trial in await numbers(hot, row.campaign):
                arms = tuple(arm_of(one.variant, one.leads, one.successes) for one in trial.variants)
                found.append(
                    Result(
                        row.campaign, "variants", trial.name, trial.by, trial.started_at, arms, trial.ends_at,
                        trial.winner,
                    )
                )  # fmt: skip
        steps: dict[tuple[str, str, str], list[tuple[datetime, Arm]]] = {}
        for row in await hot.all(_SUBJECTS, {"campaign": campaign}):
            counted = row.began, arm_of(row.subject, row.leads, row.opened)
            steps.setdefault((row.campaign, row.step, row.template), []).append(counted)
    for (name, _, template), tried in steps.items():
        began = min(at for at, _ in tried)
        found.append(Result(name, "subjects", template, "opens", began, tuple(arm for _, arm in tried)))
    return found


def arm_of(name: str, leads: int, successes: int) -> Arm:
    """The arm with the range of its share."""
    return Arm(name, leads, successes, *interval(successes, leads))
