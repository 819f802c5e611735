"""How many leads are at each step of a campaign, and what became of its mails: read from Postgres.

By step id over all versions of the campaign's plan, or over one: a step keeps its id as long as its line says the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from engine.store.db import Database

_OF = """lower(e.campaign) = lower(:campaign) AND (CAST(:digest AS text) IS NULL OR starts_with(e.digest, :digest))"""

_RUNS = text(f"""
SELECT count(*) AS entered, count(DISTINCT e.lead_id) AS leads, count(*) FILTER (WHERE state <> 'ended') AS live,
    count(*) FILTER (WHERE state = 'ended' AND outcome = 'finished') AS finished,
    count(*) FILTER (WHERE attention IS NOT NULL AND state <> 'ended') AS attention
FROM enrolments e WHERE {_OF}""")

_WAITING = text(f"""
SELECT w.step, count(DISTINCT w.enrolment_id) AS many FROM waits w JOIN enrolments e ON e.id = w.enrolment_id
WHERE e.state <> 'ended' AND {_OF} GROUP BY w.step""")

_MAILS = text(f"""
SELECT m.step, m.state, count(*) AS many, count(DISTINCT m.lead_id) AS leads,
    count(*) FILTER (WHERE EXISTS (SELECT FROM events v WHERE v.lead_id = m.lead_id AND v.message_id = m.id
        AND v.type = 'email.opened')) AS opened,
    count(*) FILTER (WHERE EXISTS (SELECT FROM events v WHERE v.lead_id = m.lead_id AND v.message_id = m.id
        AND v.type = 'email.clicked')) AS clicked
FROM messages m JOIN enrolments e ON e.id = m.owner_id WHERE m.kind <> 'staff' AND {_OF}
GROUP BY m.step, m.state""")

_LEFT = text(f"""
SELECT e.position->'path'->-1->>0 AS step, e.outcome, count(*) AS many FROM enrolments e
WHERE e.state = 'ended' AND e.outcome IN ('left', 'unsubscribed') AND {_OF} GROUP BY 1, 2""")

_PASSED = text(f"""
SELECT walked.step, count(DISTINCT e.lead_id) AS leads FROM enrolments e
CROSS JOIN LATERAL (
    SELECT DISTINCT p->>0 AS step FROM jsonb_array_elements(coalesce(e.position->'path', '[]')) p) walked
WHERE {_OF} GROUP BY walked.step""")

# Runs and emails that were removed after their time, and stay as figures.
_PAST_RUNS = text(f"""
SELECT e.digest, e.outcome, e.step, sum(e.runs)::bigint AS many FROM past_runs e WHERE {_OF} GROUP BY 1, 2, 3""")

_PAST_MAILS = text(f"""
SELECT e.step, e.state, sum(e.emails)::bigint AS many, 0 AS leads, sum(e.opened)::bigint AS opened,
    sum(e.clicked)::bigint AS clicked FROM past_emails e WHERE {_OF} GROUP BY 1, 2""")

_PLANS = text(f"SELECT e.digest, count(*) AS runs FROM enrolments e WHERE {_OF} GROUP BY e.digest ORDER BY 2 DESC")


@dataclass
class AtStep:
    """Runs that rest here; mails by what became of them; runs that left from here; different leads that came by."""

    waiting: int = 0
    sent: int = 0
    opened: int = 0
    clicked: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    left: int = 0
    leads: int = 0

    def told(self) -> tuple[str, ...]:
        """What is worth a line in a drawing."""
        lines = []
        if self.waiting:
            lines.append(f"{self.waiting} waiting")
        mails = [
            f"{many}{share} {name}"
            for name, many, share in (
                ("sent", self.sent, ""), ("opened", self.opened, _share(self.opened, self.sent)),
                ("clicked", self.clicked, _share(self.clicked, self.sent)),
            ) if many or (name != "sent" and self.sent)
        ]  # fmt: skip
        rest = [
            f"{getattr(self, name)} {name}" for name in ("skipped", "failed", "unknown", "left") if getattr(self, name)
        ]
        lines += [" · ".join(part) for part in (mails, rest) if part]
        if not lines and self.leads:
            lines.append(f"{self.leads} lead{'' if self.leads == 1 else 's'} reached it")
        return tuple(lines)


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.0%})" if whole else ""


@dataclass(frozen=True)
class Numbers:
    """`runs` counts entered, leads, live, finished and attention; `plans` is runs by the digest of their plan."""

    runs: Mapping[str, int]
    plans: Mapping[str, int]
    steps: Mapping[str, AtStep] = field(default_factory=dict)

    def summary(self) -> str:
        runs = self.runs
        said = f"{runs['entered']} entered ({runs['leads']} different leads)"
        said += f", {runs['live']} in progress, {runs['finished']} finished"
        return said + (f", {runs['attention']} need attention" if runs["attention"] else "")


async def numbers(db: Database, campaign: str, digest: str | None = None) -> Numbers:
    """The figures of a campaign; with `digest`, or its beginning, only those of runs on that version of the plan."""
    steps: defaultdict[str, AtStep] = defaultdict(AtStep)
    async with db.engine.connect() as connection:

        async def rows(statement: Any) -> list[Any]:
            return list(await connection.execute(statement, {"campaign": campaign, "digest": digest}))

        runs = dict((await connection.execute(_RUNS, {"campaign": campaign, "digest": digest})).mappings().one())
        plans = {row.digest: row.runs for row in await rows(_PLANS)}
        for row in await rows(_WAITING):
            steps[row.step].waiting = row.many
        for row in await rows(_PASSED):
            steps[row.step].leads = row.leads
        for row in [*await rows(_MAILS), *await rows(_PAST_MAILS)]:
            _count_mails(steps[row.step], row)
        left: Counter[str] = Counter()
        for row in await rows(_LEFT):
            if row.step is not None:
                left[row.step] += row.many
        for row in await rows(_PAST_RUNS):
            runs["entered"] += row.many
            runs["finished"] += row.many if row.outcome == "finished" else 0
            plans[row.digest] = plans.get(row.digest, 0) + row.many
            if row.step and row.outcome in ("left", "unsubscribed"):
                left[row.step] += row.many
    for step, many in left.items():
        steps[step].left = many
    return Numbers(runs, plans, steps)


def _count_mails(at: AtStep, row: Any) -> None:
    at.leads = max(at.leads, row.leads)
    at.opened += row.opened
    at.clicked += row.clicked
    match row.state:
        case "accepted":
            at.sent += row.many
        case "skipped" | "failed" | "unknown":
            setattr(at, row.state, getattr(at, row.state) + row.many)
        case _:
            pass  # still being sent
