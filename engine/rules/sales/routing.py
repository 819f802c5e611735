"""Who gets a lead: which team takes it, and which of its members."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dsl.plan import Member, Team
from engine.model.lead import Facts
from engine.rules.conditions.calendar import local_date
from engine.rules.conditions.conditions import holds


@dataclass(frozen=True)
class Choice:
    """What routing decided. Without a member the lead waits for `team`, and `escalate_to` are told.

    `used_turn`: the team's round robin moved on by one.
    """

    team: Team
    member: str | None = None
    used_turn: bool = False
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """The state of sales at one moment. `loads` counts open handoffs by address, `turns` those dealt by team."""

    teams: Mapping[str, Team]
    loads: Mapping[str, int]
    turns: Mapping[str, int]
    now: datetime


def team_for(teams: Sequence[Team], facts: Facts) -> Team | None:
    """The team that takes the lead: by its condition, else the one for all others, else one that takes all."""
    for team in teams:
        if team.takes is not None and holds(team.takes, facts):
            return team
    rest = [team for team in teams if team.takes is None]
    return next((team for team in rest if team.others), rest[0] if rest else None)


def route(teams: Sequence[Team], named: str | None, to_owner: bool, facts: Facts) -> tuple[Team | None, str | None]:
    """The team that a handoff begins in, and the member it is meant for.

    With `to_owner` it is the lead's owner, in the team that takes the lead or else in the first they are a member of.
    Without such a member, and without a team of that name, the team that takes the lead gets it.
    """
    by_territory = team_for(teams, facts)
    owner = str(facts.fields.get("owner") or "") if to_owner else ""
    for team in (by_territory, *teams) if owner else ():
        if team is not None and any(same(owner, member.email) for member in team.members):
            return team, owner
    said = next((team for team in teams if named and team.name.casefold() == named.casefold()), None)
    return said or by_territory, None


def choose(
    team: Team, facts: Facts, desk: Desk, *, former_owner: str | None = None, tried: Collection[str] = (),
    meant_for: str | None = None,
) -> Choice:  # fmt: skip
    """The member who gets the lead, in `team` or, when it is full, where its `when full` leads.

    The member whom it is `meant_for` gets it if they are free, until somebody has been tried. Then the lead stays in
    its team. Where teams send their overflow in a circle it waits in the first.
    """
    if meant_for and not tried and _may_get(team, meant_for, facts, desk):
        return Choice(team, next(member.email for member in team.members if same(member.email, meant_for)))
    at, seen = team, {team.name}
    while True:
        member, used_turn = member_for(
            at, facts, desk.loads, desk.turns.get(at.name, 0), former_owner, tried, local_date(desk.now, at.hours.zone)
        )
        if member is not None:
            return Choice(at, member, used_turn)
        if tried or at.when_full.kind == "wait":
            return Choice(team)
        if at.when_full.kind == "escalate":
            return Choice(team, escalate_to=(at.when_full.to,) if at.when_full.to else everyone(at))
        following = desk.teams.get(at.when_full.to or "")
        if following is None or following.name in seen:
            return Choice(team)
        seen.add(following.name)
        at = following


def member_for(
    team: Team,
    facts: Facts,
    loads: Mapping[str, int],
    turn: int,
    former_owner: str | None,
    tried: Collection[str],
    today: date,
) -> tuple[str | None, bool]:
    """The member's address, or None when nobody is free; and whether round robin used a turn.

    Members whose condition holds come before those without one; one whose condition fails is passed over, unless the
    lead fits no member at all, and with `only` even then. A former owner who is free and fits comes before both. Round
    robin uses a turn only when it had a choice.
    """
    skipped = {_key(email) for email in tried}
    ranks = [
        [member for member in rank if _key(member.email) not in skipped and is_free(member, loads, today)]
        for rank in _ranks(team, facts)
    ]
    free = next((rank for rank in ranks if rank), None)
    if free is None:
        return None, False
    for strategy in team.assign:
        match strategy:
            case "former owner":
                for member in (member for rank in ranks for member in rank):
                    if former_owner and _key(member.email) == _key(former_owner):
                        return member.email, False
            case "least busy":
                return min(free, key=lambda member: loads.get(member.email, 0)).email, False
            case "round robin":
                break
    return free[turn % len(free)].email, len(free) > 1


def _may_get(team: Team, address: str, facts: Facts, desk: Desk) -> bool:
    """Whether the member is free, and the lead is none that they never get."""
    today = local_date(desk.now, team.hours.zone)
    member = next((one for one in team.members if same(one.email, address)), None)
    if member is None or not is_free(member, desk.loads, today):
        return False
    return not member.only or member.condition is None or holds(member.condition, facts)


def is_free(member: Member, loads: Mapping[str, int], today: date) -> bool:
    """Neither away today (both ends of a span included) nor at the limit of open handoffs."""
    if any(first <= today.isoformat() <= last for first, last in member.away):
        return False
    return member.up_to is None or loads.get(member.email, 0) < member.up_to


def everyone(team: Team) -> tuple[str, ...]:
    """The addresses of all members, each once."""
    return distinct(member.email for member in team.members)


def staff(teams: Iterable[Team]) -> frozenset[str]:
    """Everybody who may act on a handoff, in one spelling: members, and whom limits and full teams escalate to."""
    found: set[str] = set()
    for team in teams:
        found.update(_key(member.email) for member in team.members)
        found.update(_key(one.then.to) for one in (team.acknowledge, team.contact, team.decide) if one.then.to)
        if team.when_full.kind == "escalate" and team.when_full.to:
            found.add(_key(team.when_full.to))
    return frozenset(found)


def works_here(address: str | None, people: frozenset[str]) -> bool:
    """Whether the address is one of `staff`."""
    return address is not None and _key(address) in people


def distinct(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses without repetitions, regardless of case, in order."""
    found: dict[str, str] = {}
    for address in addresses:
        found.setdefault(_key(address), address)
    return tuple(found.values())


def same(one: str | None, other: str | None) -> bool:
    """Whether two addresses are the same person's."""
    return one is not None and other is not None and _key(one) == _key(other)


def _ranks(team: Team, facts: Facts) -> list[list[Member]]:
    matching = [member for member in team.members if member.condition is not None and holds(member.condition, facts)]
    general = [member for member in team.members if member.condition is None]
    return [matching, general] if matching or general else [[member for member in team.members if not member.only]]


def _key(address: str) -> str:
    return address.strip().casefold()
