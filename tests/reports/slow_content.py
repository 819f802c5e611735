"""Content, segments, scoring, work list, slowly from the story itself. Nothing here is shared with the product."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.reports import slow
from tests.reports.company import ACTS, BERLIN, ORDER, PLACES, Bargain, Person, Story

DAY = timedelta(days=1)


def submitted(one: Person) -> list[datetime]:
    """When the person sent the form x: there is no other in the log."""
    return [at for number, at in enumerate(one.acts) if ACTS[number % len(ACTS)] == "form.submitted"]


def net(story: Story, deal: Bargain, within: Callable[[datetime], bool]) -> int:
    return sum(cents for at, _, cents in slow.booked(story, deal, "last") if within(at))


def content(story: Story, first: date, last: date, zone: ZoneInfo) -> dict[str, dict[str, int]]:
    within, rows = slow.days(first, last, zone), defaultdict[str, Counter[str]](Counter)
    for day, form, many in story.shown:
        rows[form]["shown"] += many * (first <= day <= last)
    for one in story.people:
        sent = [at for at in submitted(one) if within(at)]
        rows["x"]["sent"] += len(sent)
        rows["x"]["known"] += sum(at - one.created >= DAY for at in sent)
        reached = slow.first_time(one, "Lead")
        if reached is not None and within(reached) and one.how.startswith("form "):
            rows[one.how.removeprefix("form ")]["leads"] += 1
            rows[one.how.removeprefix("form ")]["mqls"] += slow.first_time(one, "MQL") is not None
    for deal in story.deals:
        _, wins = slow.worth_over_time(deal)
        if wins and any(at <= wins[0] for who in deal.people for at in submitted(story.people[who])):
            rows["x"]["touched"] += net(story, deal, within)
            rows["x"]["credited"] += net(story, deal, within)
    return {name: {what: many for what, many in row.items() if many} for name, row in rows.items() if any(row.values())}


def values(one: Person, by: str) -> Iterable[str]:
    if by == "segment":
        return one.segments
    if by == "interest":
        return ("pumps",) if one.segments else ()
    if by == "region":
        return ({"DE": "DACH", "AT": "DACH", "FR": "other countries", "": "(none)"}[one.country],)
    return ({"country": one.country, "plan": one.plan, "channel": PLACES[one.place].channel}[by] or "(none)",)


def segments(story: Story, first: date, last: date, zone: ZoneInfo, by: str) -> dict[str, dict[str, int]]:
    within, rows = slow.days(first, last, zone), defaultdict[str, Counter[str]](Counter)
    for one in story.people:
        times = {stage: slow.first_time(one, stage) for stage in ORDER}
        for value in values(one, by):
            row = rows[value]
            for stage, key in (("Lead", "leads"), ("MQL", "stage0"), ("SQL", "stage1")):
                row[key] += (at := times[stage]) is not None and within(at)
            row["later"] += (at := times["Lead"]) is not None and within(at) and times["MQL"] is not None
    for deal in story.deals:
        lead = min((story.people[who] for who in deal.people), key=lambda person: (person.created, person.id))
        _, wins = slow.worth_over_time(deal)
        for value in values(lead, by):
            rows[value]["won"] += bool(wins) and within(wins[0])
            rows[value]["revenue"] += net(story, deal, within)
    return {name: {what: many for what, many in row.items() if many} for name, row in rows.items() if any(row.values())}


def scoring(story: Story, first: date, last: date, zone: ZoneInfo) -> dict[tuple[str, str], tuple[int, int, int]]:
    """By model and rule: times, points, leads."""
    within, found = slow.days(first, last, zone), defaultdict[tuple[str, str], list[tuple[Any, int]]](list)
    for one in story.people:
        for said in one.points:
            if within(said.at):
                found[said.model or "score", said.rule].append((one.id, said.amount))
    return {
        key: (len(rows), sum(amount for _, amount in rows), len({who for who, _ in rows}))
        for key, rows in found.items()
    }


def effects(people: Sequence[Person]) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """As `slow_nurture.effects`, by day in Berlin and by rule."""
    found = {}
    for key in {(said.model, said.rule) for one in people for said in one.points}:
        had, came, others, others_came = 0, 0, 0, 0
        for one in people:
            days = [said.at.astimezone(BERLIN).date() for said in one.points if (said.model, said.rule) == key]
            reached = slow.first_time(one, "MQL")
            if days and (reached is None or min(days) <= reached.astimezone(BERLIN).date()):
                had, came = had + 1, came + (reached is not None)
            else:
                others, others_came = others + 1, others_came + (reached is not None)
        if had >= 5:
            found[key[0] or "score", key[1]] = came, had, others_came, others
    return found


def work(story: Story, now: datetime) -> dict[str, list[str]]:
    """By member, the leads in their order."""
    todo: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    handed = {one.person: one for one in story.given if one.outcome is None}
    for number, person in enumerate(story.people):
        stage = person.moves[-1][0] if person.moves else ORDER[0]
        member, due = person.owner if stage in ("MQL", "SQL") else "", None
        if number in handed:
            member, due = handed[number].member, handed[number].due
        if not member:
            continue
        late = max((now - due).total_seconds(), 0) if due is not None else 0
        score = sum(said.amount for said in person.points if said.model == "")
        acts = [at.timestamp() for at in (*person.acts, *mails(story, person))]
        todo[member].append((late == 0, -late, -score, -max(acts, default=0.0), str(person.id)))
    return {member: [one[-1] for one in sorted(rows)][:20] for member, rows in todo.items()}


def mails(story: Story, one: Person) -> list[datetime]:
    return [letter.at for letter in story.letters if story.people[letter.person] is one
            and {"clicked", "replied"} & {*letter.done}]  # fmt: skip
