"""Scores, activities and what runs brought, slowly from the story itself. Nothing here is shared with the product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.reports import slow
from tests.reports.company import ACTS, PLACES, Person, Run, Story


def scores(people: Sequence[Person], model: str, end: datetime) -> dict[str, list[int]]:
    """By channel, each person's points of that model by then."""
    found: dict[str, list[int]] = {}
    for one in people:
        mine = sum(said.amount for said in one.points if said.model == model and said.at < end)
        found.setdefault(PLACES[one.place].channel, []).append(mine)
    return found


def deeds(story: Story, one: Person) -> dict[tuple[str, str], datetime]:
    """When the person first did what."""
    told = [(type, "x", at) for type, at in zip([*ACTS] * 9, one.acts, strict=False) if type != "page.visited"]
    told += [(f"email.{what}", letter.template, letter.at) for letter in story.letters for what in letter.done
             if story.people[letter.person] is one and what in ("clicked", "replied")]  # fmt: skip
    first: dict[tuple[str, str], datetime] = {}
    for type, name, at in told:
        first[type, name] = min(at, first.get((type, name), at))
    return first


def effects(story: Story, people: Sequence[Person], goal: str) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """By activity: of those who did it before they reached the goal, who reached it; how many they are; the others."""
    found: dict[tuple[str, str], set[UUID]] = {}
    reached = {one.id: at for one in people if (at := slow.first_time(one, goal)) is not None}
    for one in people:
        for key, at in deeds(story, one).items():
            if one.id not in reached or at <= reached[one.id]:
                found.setdefault(key, set()).add(one.id)
    rows = {}
    for key, did in found.items():
        others = [one.id for one in people if one.id not in did]
        rows[key] = sum(one in reached for one in did), len(did), sum(one in reached for one in others), len(others)
    return {key: row for key, row in rows.items() if row[1] >= 5}


def brought(story: Story, one: Run) -> int:
    """What the deals of the run's lead have brought since it began; a deal is of its lead who became known first."""
    whole = 0
    for deal in story.deals:
        first = min((story.people[who] for who in deal.people), key=lambda person: (person.created, person.id))
        if first.id == story.people[one.person].id:
            whole += sum(cents for at, _, cents in slow.booked(story, deal, "last") if at >= one.started)
    return whole


def mean(story: Story, runs: Iterable[Run]) -> float:
    found = [brought(story, one) for one in runs]
    return sum(found) / len(found)


def emails(story: Story, of: dict[str, Any]) -> dict[str, Any]:
    """Counted by looking at every letter; `of`: the letters by what they are counted under."""
    rows = {}
    for name, letters in of.items():
        sent = [one for one in letters if one.state == "accepted"]
        delivered = [one for one in sent if "bounced" not in one.done]
        rows[name] = {
            "sent": len(sent), "delivered": len(delivered), "machine": sum(one.machine for one in sent),
            **{what: sum(what in one.done for one in delivered) for what in ("opened", "clicked", "replied")},
        }  # fmt: skip
    return {name: row for name, row in rows.items() if row["sent"]}
