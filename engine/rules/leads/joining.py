"""Two records of one person: what the lead is once they are one, and how a run reads a log with new numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.model.lead import Lead
from engine.rules.conditions.conditions import own_key
from engine.rules.leads.suppression import BOUNCED, STRENGTH
from engine.rules.runs.position import Branch, Position

Said = Mapping[tuple[str, str], datetime]
"""When a lead said last of a topic (casefolded) that they want it, `subscribed`, or not, `unsubscribed`; with proof."""


@dataclass(frozen=True, slots=True)
class Record:
    """One of the two: the lead, what they said of topics, when they came to their stage last, and the score that their
    bookings add up to, by model."""

    lead: Lead
    said: Said
    staged: datetime | None
    scores: Mapping[str, float]
    rated: Mapping[str, float]


def joined(kept: Record, other: Record, order: Sequence[str]) -> Lead:
    """The lead that both are, under the id of `kept`, which has their log already.

    Fields: the kept lead's, and what only the other one knows. Scores and interests are added up. Stage: the further
    one; of stages outside the order the newest. Where they come from is told by the record that was there first.
    """
    one, two = kept.lead, other.lead
    first, second = (one, two) if one.created_at <= two.created_at else (two, one)
    return one.changed(
        fields={**two.fields, **{name: value for name, value in one.fields.items() if value not in (None, "")}},
        scores=added(kept.scores, other.scores), rated=added(kept.rated, other.rated),
        interests=added(one.interests, two.interests), stage=_stage(kept, other, order),
        topics=_topics(kept, other), suppressed=suppressed(one.suppressed, two.suppressed),
        lists=_lists(one.lists, two.lists), segments=_segments(one.segments, two.segments),
        active_at=max(filter(None, (one.active_at, two.active_at)), default=None),
        last_at=max(one.last_at, two.last_at), created_at=first.created_at, origin={**second.origin, **first.origin},
    )  # fmt: skip


def suppressed(kept: str | None, other: str | None, *, same: bool = False) -> str | None:
    """Why the lead may not be mailed: a bounce is about one address, the other reasons are the person's own word.
    `same`: both are about the address at which they would be mailed."""
    own = [reason for reason in (kept, None if other == BOUNCED and not same else other) if reason is not None]
    return max(own, key=_strength, default=None)


def added(one: Mapping[str, float], two: Mapping[str, float]) -> dict[str, float]:
    """Both counts of each name."""
    return {name: float(one.get(name, 0)) + float(two.get(name, 0)) for name in {**one, **two}}


def _strength(reason: str) -> int:
    return STRENGTH.index(reason) if reason in STRENGTH else len(STRENGTH)


def _stage(kept: Record, other: Record, order: Sequence[str]) -> str:
    one, two = kept.lead.stage, other.lead.stage
    if one in order and two in order:
        return max(one, two, key=order.index)
    since = kept.staged, other.staged
    return two if since[1] is not None and (since[0] is None or since[1] > since[0]) else one


def _topics(kept: Record, other: Record) -> dict[str, str]:
    """The stricter of both, unless the other record has proof that the person wanted the topic again later."""
    found = dict(kept.lead.topics)
    for topic, state in other.lead.topics.items():
        key = own_key(found, topic) or topic
        mine = found.get(key)
        if mine is None or mine == state:
            found[key] = state
            continue
        left, wanted = (kept, other) if mine == "unsubscribed" else (other, kept)
        out = left.said.get((topic.casefold(), "unsubscribed"))
        back = wanted.said.get((topic.casefold(), "subscribed"))
        found[key] = "subscribed" if out is not None and back is not None and back > out else "unsubscribed"
    return found


def _lists(one: Mapping[str, str], two: Mapping[str, str]) -> dict[str, str]:
    """On every list that either is on, since the earlier instant."""
    found = dict(one)
    for name, since in two.items():
        key = own_key(found, name) or name
        found[key] = min(found.get(key, since), since, key=datetime.fromisoformat)
    return found


def _segments(
    one: Mapping[str, Mapping[str, Any]], two: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:  # fmt: skip
    """Whoever was in a segment under either record has not just come to it."""
    found = {**two, **one}
    for name, noted in two.items():
        if noted.get("in") and name in one and one[name].get("of") == noted.get("of"):
            found[name] = noted
    return found


def separated(lead: Lead, before: Lead, merged: Lead, other: Lead) -> Lead:
    """What is left of `lead` once the `other` record is one of its own again: what it brought and what nobody has
    changed since goes. `before` and `merged`: the lead right before and right after they became one."""
    fields = {
        name: value for name, value in lead.fields.items()
        if name in before.fields or value != merged.fields.get(name)
    }  # fmt: skip
    lists = {name: since for name, since in lead.lists.items() if name in before.lists or name not in merged.lists}
    left = {name: max(0.0, float(many) - float(other.interests.get(name, 0))) for name, many in lead.interests.items()}
    interests = {name: many for name, many in left.items() if many or name in before.interests}
    topics = {
        name: before.topics[name] if state == merged.topics.get(name) and name in before.topics else state
        for name, state in lead.topics.items()
        if name in before.topics or state != merged.topics.get(name)
    }
    return lead.changed(
        fields=fields, lists=lists, interests=interests, topics=topics,
        stage=before.stage if lead.stage == merged.stage else lead.stage,
        suppressed=before.suppressed if lead.suppressed == merged.suppressed else lead.suppressed,
        created_at=before.created_at, origin=before.origin if lead.origin == merged.origin else lead.origin,
    )  # fmt: skip


def set_free(other: Lead, lead: Lead, merged: Lead) -> Lead:
    """The record that became part of `lead`, as it was, without what the person has taken back since."""
    left = {name for name, state in lead.topics.items() if state == "unsubscribed" != merged.topics.get(name)}
    since = lead.suppressed if lead.suppressed != merged.suppressed else None
    return other.changed(
        topics={**other.topics, **{own_key(other.topics, name) or name: "unsubscribed" for name in left}},
        suppressed=suppressed(other.suppressed, since),
    )


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
Number = Callable[[int], int]
"""The new number of an event, or of the last one before it."""


def renumbered(
    position: Position, number: Number, upto: Number, entered: int, handoffs: Mapping[str, str]
) -> Position:  # fmt: skip
    """The same place in the plan, in a log whose events have other numbers.

    `upto` gives the new number up to which nothing counts any more: what the other record did before the merge ends no
    wait and starts no block. `entered`: the new number after which the run began; `handoffs`: which goes on for which.
    """
    branches = tuple(_branch(one, number, upto) for one in position.branches)
    sent = {template: number(seq) for template, seq in position.sent.items()}
    moved = position.changed(branches=branches, seen=upto(position.seen), entered=entered, sent=sent)
    return instead(moved, handoffs)


def instead(position: Position, handoffs: Mapping[str, str]) -> Position:
    """The same, waiting for the handoffs that go on for others."""
    branches = [one.changed(handoff=handoffs.get(one.handoff or "", one.handoff)) for one in position.branches]
    return position.changed(branches=tuple(branches))


def moved_again(moved: Mapping[str, Any], number: Number) -> dict[str, Any]:
    """Which rows a merge has moved, after their events got new numbers once more."""
    found = dict(moved)
    for table in ("events", "stages", "confirmations"):
        found[table] = [number(seq) for seq in moved.get(table, ())]
    found["consents"] = [[topic, number(seq)] for topic, seq in moved.get("consents", ())]
    found["points"] = [[_named(cause, number), rule] for cause, rule in moved.get("points", ())]
    found["touches"] = [_named(key, number) for key in moved.get("touches", ())]
    return found


def _named(name: str, number: Number) -> str:
    """What names an event as its last part: `e:12`, `x:e:12`."""
    before, mark, seq = name.rpartition("e:")
    if not mark or not seq.isdigit() or before.startswith("s:") or (before and not before.endswith(":")):
        return name
    return f"{before}{mark}{number(int(seq))}"


def _branch(branch: Branch, number: Number, upto: Number) -> Branch:
    return branch.changed(
        cursor=upto(branch.cursor), event_seq=number(branch.event_seq), used=tuple(map(number, branch.used))
    )
