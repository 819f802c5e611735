"""The reports computed slowly from the story itself, in plain Python. Nothing here is shared with the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.reports.company import BERLIN, ORDER, PLACES, Bargain, Person, Story, Touched

Within = Callable[[datetime], bool]


def days(first: date, last: date, zone: ZoneInfo) -> Within:
    """By looking at each instant's own local day."""
    return lambda at: first <= at.astimezone(zone).date() <= last


def first_time(one: Person, stage: str) -> datetime | None:
    """When the person first stood at the stage or a later one."""
    stood = [(ORDER[0], one.created), *one.moves]
    times = [at for name, at in stood if name in ORDER and ORDER.index(name) >= ORDER.index(stage)]
    return times[0] if times else None


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def worth_over_time(deal: Bargain) -> tuple[list[tuple[datetime, int]], list[datetime]]:
    """The net amount after each change, and the instants of winning."""
    told = sorted(enumerate(deal.said), key=lambda one: (one[1].at, one[0]))
    amount, refunds, won, nets, wins = 0, 0, False, [(datetime.min, 0)], []
    for _, said in told:
        if said.type == "deal.refunded":
            refunds += said.amount or 0
        elif said.amount is not None:
            amount = said.amount
        if said.type == "deal.won" and not won:
            won = True
            wins.append(said.at)
        if said.type == "deal.lost":
            won = False
        net = amount - refunds if won else 0
        if net != nets[-1][1]:
            nets.append((said.at, net))
    return nets[1:], wins


def rate_on(story: Story, day: date, code: str) -> Decimal | None:
    if code == "EUR":
        return Decimal(1)
    known = [(at, rate) for at, one, rate in story.rates if one == code and at <= day]
    return max(known)[1] if known else None


def euros(units: int, rate: Decimal) -> int:
    return int((Decimal(units) * rate).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def shares(model: str, path: list[Touched], created: datetime, opened: datetime, direct: bool) -> list[Fraction]:
    named = [place for place, one in enumerate(path) if PLACES[one.place].channel not in ("Direct", "Unknown")]
    if not direct and named and len(named) < len(path):
        inner = iter(shares(model, [path[place] for place in named], created, opened, True))
        return [next(inner) if place in named else Fraction(0) for place in range(len(path))]
    size = len(path)

    def one_hot(place: int) -> list[Fraction]:
        return [Fraction(int(n == place)) for n in range(size)]

    def before(at: datetime) -> int | None:
        return next((place for place in reversed(range(size)) if path[place].at <= at), None)

    if model == "first":
        return one_hot(0)
    if model == "last":
        return one_hot(size - 1)
    if model == "last-non-direct":
        return one_hot(named[-1] if named else size - 1)
    if model == "linear":
        return [Fraction(1, size)] * size
    if model == "time-decay":
        raw = [Fraction(0.5 ** (int((path[-1].at - one.at).total_seconds()) / (7 * 86400))) for one in path]
        return [one / sum(raw) for one in raw]
    anchors: dict[str, tuple[str, list[int | None]]] = {
        "position": ("0.4", [0, size - 1]), "u-shaped": ("0.4", [0, before(created)]),
        "w-shaped": ("0.3", [0, before(created), before(opened)]),
        "full-path": ("0.225", [0, before(created), before(opened), size - 1]),
    }  # fmt: skip
    part, places = anchors[model]
    got: dict[int, Fraction] = defaultdict(Fraction)
    for place in places:
        if place is not None:
            got[place] += Fraction(part)
    others = [place for place in range(size) if place not in got]
    for place in others:
        got[place] = (1 - Fraction(part) * len(places)) / len(others)
    whole = sum(got.values())
    return [got[place] / whole for place in range(size)]


def cut(net: int, parts: list[Fraction]) -> list[int]:
    sign, net = (-1, -net) if net < 0 else (1, net)
    cents = [net * part // 1 for part in parts]
    missing = net - sum(cents)
    for place in sorted(range(len(parts)), key=lambda one: (-(net * parts[one] % 1), one))[: int(missing)]:
        cents[place] += 1
    return [sign * int(one) for one in cents]


def booked(
    story: Story, deal: Bargain, model: str, direct: bool = True, restated: bool = False
) -> list[tuple[datetime, int | None, int]]:
    """Instant, place (None: no touch known), euro cents; nothing of a deal without a rate."""
    nets, wins = worth_over_time(deal)
    if not wins or (rate := rate_on(story, wins[-1].astimezone(BERLIN).date(), deal.currency)) is None:
        return []
    people = [story.people[who] for who in deal.people]
    created, opened = min(one.created for one in people), min(said.at for said in deal.said)
    found: list[tuple[datetime, int | None, int]] = []
    before: dict[int | None, int] = {}
    for at, net in nets:
        won = max(one for one in wins if one <= at)
        path = [one for person in people for one in person.touched if won - timedelta(days=365) <= one.at <= won]
        path.sort(key=lambda one: (one.at, one.seq or -1, one.key))
        now: dict[int | None, int] = defaultdict(int)
        if not path:
            now[None] = euros(net, rate)
        else:
            for one, cents in zip(
                path, cut(euros(net, rate), shares(model, path, created, opened, direct)), strict=True
            ):
                now[one.place] += cents
        for place in {*before, *now}:
            found.append((nets[0][0] if restated else at, place, now.get(place, 0) - before.get(place, 0)))
        before = now
    return found


def visitors(story: Story, first: date, last: date, zone: ZoneInfo) -> tuple[dict[str, int], int]:
    """Different strangers by channel, and in all."""
    within = days(first, last, zone)
    came = [(PLACES[place].channel, number)
            for number, one in enumerate(story.strangers) for at, place in one if within(at)]  # fmt: skip
    channels = {channel for channel, _ in came}
    by_channel = {one: len({number for channel, number in came if channel == one}) for one in channels}
    return by_channel, len({number for _, number in came})


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def sources(
    story: Story, first: date, last: date, zone: ZoneInfo, width: int, model: str, direct: bool = True
) -> dict[tuple[str, ...], dict[str, int]]:
    within = days(first, last, zone)
    rows: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def at(place: int | None) -> dict[str, int]:
        if place is None:
            return rows["No touch known", *[""] * (width - 1)]
        one = PLACES[place]
        return rows[(one.channel, one.source, one.campaign, one.keyword)[:width]]

    for day, place, many in story.visits:
        at(place)["visits"] += many * (first <= day <= last)
    for one in story.people:
        for stage, name in (("Lead", "leads"), ("MQL", "stage0"), ("SQL", "stage1")):
            if (reached := first_time(one, stage)) is not None and within(reached):
                at(one.place)[name] += 1
                if name == "leads":
                    word = one.how.partition(" ")[0]
                    at(one.place)[f"by_{word}" if word in ("form", "call", "chat") else "by_other"] += 1
    for deal in story.deals:
        _, wins = worth_over_time(deal)
        if wins and within(wins[0]):
            known = min((story.people[who] for who in deal.people), key=lambda one: (one.created, one.id))
            at(known.place)["won"] += 1
        for when, place, cents in booked(story, deal, model, direct):
            at(place)["revenue"] += cents * within(when)
    for day, place, amount, code in story.spent:
        rate = rate_on(story, day, code)
        if rate is not None and first <= day <= last:
            at(place)["cost"] += euros(amount, rate)
    return {key: {name: many for name, many in row.items() if many} for key, row in rows.items() if any(row.values())}


def counted(rows: Iterable[Any], names: Iterable[str], keys: Iterable[str]) -> dict[tuple[str, ...], dict[str, int]]:
    """The product's rows in the same shape, where one of the figures is not zero."""
    keys, names = list(keys), list(names)
    found = {tuple(row[key] for key in keys): {name: row[name] for name in names if row.get(name)} for row in rows}
    return {key: row for key, row in found.items() if row}
