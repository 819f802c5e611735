"""What a deployment would mean: what changes, who waits where, and what would become of them if they were moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from dsl.plan import Plan, Program, Send
from engine.deploying.history import Stored, digests, load
from engine.deploying.moving import LEFT, MOVED, STAYED, judge
from engine.deploying.recipients import Recipients, recipients
from engine.deploying.template_changes import TemplateChange, template_changes
from engine.deploying.unreached import Unreached, unreached
from engine.rules.deploying.changes import Change, Changes, compare
from engine.rules.deploying.moves import Stays, Times
from engine.rules.sales.routing import everyone, staff
from engine.store.db import Database
from engine.store.tables import plans
from engine.wording.steps import outline

CHUNK = 500

_RUNS = text("""
SELECT e.id, e.campaign, e.digest, e.state, e.position, e.attention, l.fields->>'timezone' AS zone,
    EXISTS (SELECT FROM messages m WHERE m.owner_id = e.id AND m.state = 'sending') AS sending,
    (SELECT jsonb_agg(jsonb_build_array(m.step, m.visit)) FROM messages m WHERE m.owner_id = e.id) AS mails,
    (SELECT jsonb_agg(substr(p.cause, 40)) FROM points p WHERE p.lead_id = e.lead_id
        AND p.cause LIKE 's:' || e.id || ':%') AS points
FROM enrolments e JOIN leads l ON l.id = e.lead_id
WHERE e.state <> 'ended' AND e.digest <> ALL(:current) AND (CAST(:after AS uuid) IS NULL OR e.id > :after)
ORDER BY e.id LIMIT :many""")
_INSIDE = text(
    "SELECT lower(campaign) AS campaign, count(*) AS leads FROM enrolments WHERE state <> 'ended' GROUP BY 1"
)
_STOPPED = text("""
SELECT n.name FROM unnest(CAST(:names AS text[])) AS n(name) JOIN campaign_states s ON s.campaign = lower(n.name)
WHERE s.until IS NULL AND s.state = 'stopped' ORDER BY n.name""")


_LEAVERS = text("""
SELECT member, team, count(*) AS leads FROM handoffs
WHERE outcome IS NULL AND member IS NOT NULL AND lower(member) <> ALL(CAST(:here AS text[]))
GROUP BY member, team ORDER BY member, team""")


@dataclass(frozen=True)
class Waiting:
    """Leads who rest at one step of a plan that is not the one to be in force.

    A lead can rest at several steps at once. `source` and `words` say which step, `ends` how many would come to which
    end if they were moved (see engine.deploying.moving).
    """

    campaign: str
    digest: str
    step: str
    source: str
    words: str
    leads: int
    ends: Mapping[str, int]


@dataclass(frozen=True)
class Leaver:
    """Somebody with open handoffs who would be in no team any more. `to`: the members of the same team then, among whom
    its rule picks; empty: another team takes each lead, or none."""

    member: str
    team: str
    leads: int
    to: tuple[str, ...]


@dataclass(frozen=True)
class Outlook:
    """`base`: the deployment compared with, 0 when there is none. `ends`: campaign in lower case → how many of its
    leads on older plans would come to which end, each counted once. `missing`: templates that leads on older plans
    still need and that are not there any more, by how many could come to need them. `unreached`: new or changed
    campaigns whose emails would be skipped for want of consent; `templates`: those whose text changes;
    `recipients`: whom campaigns would email that start for a segment or list."""

    base: int
    author: str
    at: datetime | None
    changes: Changes
    waiting: Sequence[Waiting] = ()
    ends: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    stopped: Sequence[str] = ()
    old_sources: Mapping[str, str] = field(default_factory=dict)
    leavers: Sequence[Leaver] = ()
    unreached: Sequence[Unreached] = ()
    templates: Sequence[TemplateChange] = ()
    recipients: Sequence[Recipients] = ()

    @property
    def leads(self) -> int:
        return sum(sum(ends.values()) for ends in self.ends.values())

    def at_step(self, campaign: str, step: str | None) -> int:
        """How many leads rest at a step of the campaign, on whichever plan."""
        found = (one for one in self.waiting if one.campaign.casefold() == campaign.casefold())
        return sum(one.leads for one in found if one.step == step)


async def look(
    db: Database, program: Program, bundle: Mapping[str, bytes], *, leave: bool = False, now: datetime | None = None
) -> Outlook:  # fmt: skip
    """Compare a compiled workspace with what is deployed. `leave`: as with `deploy --move --leave`. `now`: for whom
    campaigns would email that start for a segment or list; None: do not count them."""
    last = await load(db)
    changes = _changes(last, program, bundle)
    waiting, ends, missing = await _waiting(db, program, bundle, leave)
    async with db.engine.connect() as connection:
        names = [plan.campaign for plan in program.campaigns]
        stopped = list((await connection.execute(_STOPPED, {"names": names})).scalars())
        rows = list(await connection.execute(_LEAVERS, {"here": sorted(staff(program.teams))}))
        skipped = await unreached(connection, program, changes.campaigns)
        inside = {row.campaign: row.leads for row in await connection.execute(_INSIDE)}
    templates = template_changes(program, last.bundle if last else {}, bundle, inside)
    mailed = await recipients(db, program, changes.campaigns, now) if now is not None else ()
    teams = {team.name.casefold(): everyone(team) for team in program.teams}
    leavers = [Leaver(row.member, row.team, row.leads, teams.get(row.team.casefold(), ())) for row in rows]
    return Outlook(
        last.epoch if last else 0, last.author if last else "", last.at if last else None, changes, waiting, ends,
        missing, stopped, last.sources if last else {}, leavers, skipped, templates, mailed,
    )  # fmt: skip


def first(program: Program, bundle: Mapping[str, bytes]) -> Outlook:
    """Where nothing was ever deployed."""
    return Outlook(0, "", None, _changes(None, program, bundle))


def _changes(last: Stored | None, program: Program, bundle: Mapping[str, bytes]) -> Changes:
    return compare(last.program if last else None, program, digests(last.bundle) if last else {}, digests(bundle))


async def _waiting(
    db: Database, program: Program, bundle: Mapping[str, bytes], leave: bool
) -> tuple[list[Waiting], dict[str, Counter[str]], dict[str, int]]:  # fmt: skip
    new = {plan.campaign.casefold(): plan for plan in program.campaigns}
    hours, zone = program.workspace.business_hours, program.workspace.timezone
    olds: dict[str, Plan] = {}
    at_steps: dict[tuple[str, str, str], Counter[str]] = {}
    ends: dict[str, Counter[str]] = {}
    needed: Counter[str] = Counter()
    async for row in _runs(db, [plan.digest for plan in program.campaigns], olds):
        old, target = olds.get(row.digest), new.get(row.campaign.casefold())
        where = judge(old, target, row, Times(row.zone or zone, hours))
        end = MOVED
        if isinstance(where, Stays):
            end = LEFT if leave and where.gone and row.state == "live" else STAYED + where.reason
        ends.setdefault(row.campaign.casefold(), Counter())[end] += 1
        for branch in row.position["branches"] or [{"at": ""}]:
            at_steps.setdefault((row.campaign, row.digest, branch["at"] or ""), Counter())[end] += 1
        if end != MOVED and old is not None:
            needed.update(_gone(old, bundle))
    found = [
        Waiting(campaign, digest, step, *_told(olds.get(digest), step), counts.total(), dict(counts))
        for (campaign, digest, step), counts in at_steps.items()
    ]
    return sorted(found, key=lambda one: (one.campaign, one.source)), ends, dict(needed)


async def _runs(db: Database, current: Sequence[str], olds: dict[str, Plan]) -> AsyncIterator[Any]:
    """Every live run that is not on a plan to be in force; `olds` is filled with their plans."""
    after = None
    async with db.engine.connect() as connection:
        while True:
            values = {"current": list(current), "after": after, "many": CHUNK}
            rows = (await connection.execute(_RUNS, values)).all()
            missing = {row.digest for row in rows} - olds.keys()
            found = select(plans.c.digest, plans.c.body).where(plans.c.digest.in_(missing))
            olds |= {digest: Plan.model_validate(body) for digest, body in await connection.execute(found)}
            for row in rows:
                yield row
            if len(rows) < CHUNK:
                return
            after = rows[-1].id


def _gone(plan: Plan, bundle: Mapping[str, bytes]) -> Iterable[str]:
    there = {path.removeprefix("templates/").rpartition(".")[0] for path in bundle if path.startswith("templates/")}
    return {step.template for step in plan.steps if isinstance(step, Send) and step.template not in there}


def _told(plan: Plan | None, step: str) -> tuple[str, str]:
    """Where the step stood when that plan was deployed, and what it says. The file may be another one since."""
    found = plan.by_id.get(step) if plan else None
    if found is None:
        return "", "a step"
    label = f' as step "{found.label}"' if found.label else ""
    return found.source, outline(found).words + label


def relevant(change: Change, outlook: Outlook) -> Sequence[Waiting]:
    """Those who wait in a changed or removed campaign."""
    return [one for one in outlook.waiting if one.campaign.casefold() == change.name.casefold()]
