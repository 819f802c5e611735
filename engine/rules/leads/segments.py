"""What a lead belongs to by what it is and does: interests that count up, segments that somebody watches. Pure."""

from __future__ import annotations

from typing import Any

from dsl.plan import Interest, Segment, Start
from dsl.plan.terms import digest_of
from engine.model.lead import Event
from engine.rules.conditions import addresses
from engine.rules.conditions.conditions import glob, holds, own_key
from engine.rules.leads.working_copy import WorkingCopy


def count_interest(ledger: WorkingCopy, event: Event) -> None:
    """A visit, download or click on what belongs to an interest counts 1."""
    for interest in ledger.rules.index.interests:
        if not counts_for(interest, event):
            continue
        before = float(ledger.lead.interests.get(interest.name, 0))
        after = before + 1
        ledger.lead = ledger.lead.changed(interests={**ledger.lead.interests, interest.name: after})
        watched = ledger.rules.index.crossings
        values = watched.get(interest.name.casefold(), frozenset()) | watched.get("*", frozenset())
        if any(before < value <= after for value in values):
            ledger.happen("interest.reached", interest.name, {"before": before, "after": after})


def counts_for(interest: Interest, event: Event) -> bool:
    """Whether the event adds 1 to the interest."""
    if event.type == "page.visited":
        address = str(event.data.get("url", ""))
        return any(addresses.fits(one, event.name, address) for one in interest.pages)
    of = {"file.downloaded": interest.files, "email.clicked": interest.emails}
    return any(glob(one, event.name) for one in of.get(event.type, ()))


def review(ledger: WorkingCopy) -> None:
    """Log who has come into or gone from a watched segment, one change at a time."""
    for segment in ledger.rules.index.segments:
        inside = holds(segment.condition, ledger.facts())
        if inside == _was_inside(ledger, segment):
            continue
        _note(ledger, segment, inside)
        ledger.happen("segment.joined" if inside else "segment.left", segment.name)


def settle(ledger: WorkingCopy) -> None:
    """Note who is in a segment that is new or means something else now: nobody has come or gone because of that."""
    known = ledger.lead.segments
    facts = ledger.facts()
    for segment in ledger.rules.index.segments:
        if known.get(segment.name, {}).get("of") != _digest(segment):
            _note(ledger, segment, holds(segment.condition, facts))


def take_present(ledger: WorkingCopy) -> None:
    """Enter the members of a segment or list into campaigns that take those who are in already, once in their life."""
    for plans in (
        ledger.rules.index.starts.all_for("segment.joined"),
        ledger.rules.index.starts.all_for("list.joined"),
    ):
        for plan, start in plans:
            past = [one for one in ledger.enrolments if one.campaign.casefold() == plan.campaign.casefold()]
            if start.present and not past and _member(ledger, start) and holds(start.only_if, ledger.facts()):
                ledger.enrol(plan, None)


def _member(ledger: WorkingCopy, start: Start) -> bool:
    name = start.pattern.name or ""
    if start.pattern.type == "list.joined":
        return own_key(ledger.lead.lists, name) is not None
    segments = ledger.rules.index.segments
    return any(glob(name, one.name) and _was_inside(ledger, one) for one in segments)


def _was_inside(ledger: WorkingCopy, segment: Segment) -> bool:
    return bool(ledger.lead.segments.get(segment.name, {}).get("in"))


def _note(ledger: WorkingCopy, segment: Segment, inside: bool) -> None:
    noted: dict[str, Any] = {"in": inside, "of": _digest(segment)}
    ledger.lead = ledger.lead.changed(segments={**ledger.lead.segments, segment.name: noted})


def _digest(segment: Segment) -> str:
    return digest_of(segment.condition.model_dump(mode="json"))[:12]
