"""How many of the leads there are would get no email of a campaign, because they never agreed to its topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import InList, InSegment, Plan, Program, Send, Start
from engine.model.lead import TRACKING
from engine.rules.deploying.changes import Change

# `groups` are the lists and segments the campaign takes its leads from; without them any lead may come.
_COUNT = text("""
SELECT count(*) AS leads, count(*) FILTER (WHERE CASE WHEN :needed THEN NOT agreed ELSE refused END) AS skipped
FROM (SELECT
    EXISTS (SELECT FROM jsonb_each_text(topics) t WHERE t.value = 'subscribed' AND t.key <> :tracking
        AND (:topic = '' OR lower(t.key) = lower(:topic))) AS agreed,
    EXISTS (SELECT FROM jsonb_each_text(topics) t WHERE t.value = 'unsubscribed' AND t.key <> :tracking
        AND lower(t.key) = lower(:topic)) AS refused
    FROM leads
    WHERE email IS NOT NULL AND suppressed IS NULL AND (NOT :narrow
        OR EXISTS (SELECT FROM jsonb_object_keys(lists) l WHERE lower(l) = ANY(CAST(:lists AS text[])))
        OR EXISTS (SELECT FROM jsonb_each(segments) s WHERE lower(s.key) = ANY(CAST(:segments AS text[]))
            AND s.value->>'in' = 'true'))) known""")


_BARRED = text("""
SELECT count(*) AS leads, count(*) FILTER (WHERE CASE WHEN :kind = 'list'
    THEN EXISTS (SELECT FROM jsonb_object_keys(lists) l WHERE lower(l) = lower(:name))
    ELSE EXISTS (SELECT FROM jsonb_each(segments) s WHERE lower(s.key) = lower(:name) AND s.value->>'in' = 'true') END)
    AS barred
FROM leads WHERE email IS NOT NULL AND suppressed IS NULL""")


@dataclass(frozen=True)
class Unreached:
    """Of `of` leads, those in the lists and segments that start the campaign or else all, `leads` would get none of its
    emails. `topic` is empty if the campaign has none; `refused`: emails need no consent, and they have opted out.
    `group`: they are in this segment or list, in which the workspace emails nobody (then of all leads)."""

    campaign: str
    source: str
    topic: str
    leads: int
    of: int
    refused: bool = False
    group: str = ""


async def unreached(connection: AsyncConnection, program: Program, changes: Iterable[Change]) -> Sequence[Unreached]:
    """For each new or changed campaign whose emails would be skipped for some of the leads there are."""
    changed = {one.name.casefold() for one in changes if one.kind in ("added", "changed")}
    found: list[Unreached] = []
    for plan in program.campaigns:
        if plan.campaign.casefold() not in changed:
            continue
        found += await _barred(connection, plan, program)
        if not _asks(plan, program):
            continue
        needed, topic = program.workspace.mail_needs_consent, plan.topic or ""
        groups = [_group(start) for start in plan.starts]
        values = {
            "needed": needed, "topic": topic, "tracking": TRACKING, "narrow": bool(groups) and all(map(any, groups)),
            "lists": [list_ for list_, _ in groups if list_], "segments": [segment for _, segment in groups if segment],
        }  # fmt: skip
        row = (await connection.execute(_COUNT, values)).one()
        if row.skipped:
            found.append(Unreached(plan.campaign, plan.source, topic, row.skipped, row.leads, not needed))
    return found


async def _barred(connection: AsyncConnection, plan: Plan, program: Program) -> Sequence[Unreached]:
    """The leads in each segment or list that the workspace emails nobody in."""
    if not _markets(plan):
        return []
    found = []
    for group in program.workspace.unmailed:
        row = (await connection.execute(_BARRED, {"kind": group.kind, "name": group.name})).one()
        if row.barred:
            named = f'{group.kind} "{group.name}"'
            found.append(Unreached(plan.campaign, plan.source, "", row.barred, row.leads, group=named))
    return found


def _markets(plan: Plan) -> bool:
    return plan.written and any(isinstance(one, Send) and one.mode != "transactional" for one in plan.steps)


def _asks(plan: Plan, program: Program) -> bool:
    """Whether it mails leads whose consent is not asked for by the very form that lets them in."""
    if not _markets(plan):
        return False
    asking = {
        form.name.casefold()
        for form in program.forms
        if any(not plan.topic or one.topic.casefold() == plan.topic.casefold() for one in form.consents)
    }
    starts = [start.pattern for start in plan.starts]
    return not starts or not all(
        one.type in ("form.submitted", "form.posted") and (one.name or "").casefold() in asking for one in starts
    )


def _group(start: Start) -> tuple[str, str]:
    """The list or segment whose members a start takes, in lower case; ("", "") if it takes anybody."""
    name = (start.pattern.name or "").casefold()
    if start.pattern.type == "list.joined" or isinstance(start.audience, InList):
        return (start.audience.name.casefold() if isinstance(start.audience, InList) else name), ""
    if start.pattern.type == "segment.joined" or isinstance(start.audience, InSegment):
        return "", (start.audience.name.casefold() if isinstance(start.audience, InSegment) else name)
    return "", ""
