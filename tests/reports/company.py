"""A generated company: 60 leads with what happened to them, as plain values; `rows` writes them.

Its instants lie on purpose where mistakes are made: at midnight and a moment before it, in the nights when the clock is
changed, at the edges of the attribution window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.rules.tracking.classify import Source

BERLIN = ZoneInfo("Europe/Berlin")
ORDER = ("Visitor", "Lead", "MQL", "SQL")
OUTSIDE = "Lost"
BEGIN, END = date(2026, 1, 1), date(2026, 12, 31)
MOMENT = timedelta(microseconds=1)
PLACES = (
    Source("Direct", "(direct)", "(none)"), Source("Paid Search", "google", "cpc", "spring", "pumps"),
    Source("Paid Search", "google", "cpc", "spring", "seals"), Source("Email", "coldframe", "email", "nurture", "a"),
    Source("Organic Search", "google", "organic"), Source("Unknown", "(not set)", "(not set)"),
    Source("Referral", "news.example", "referral"),
)  # fmt: skip
PIPELINE = ("Talk", "Offer", "Contract")
ACTS = ("page.visited", "form.submitted", "call.received", "meeting.held")


@dataclass
class Touched:
    at: datetime
    place: int
    key: str
    seq: int | None


@dataclass
class Points:
    """A booking of a scoring model. `rule` and `thing` as its row has them."""

    at: datetime
    amount: int
    model: str
    rule: str
    thing: str


@dataclass
class Person:
    id: UUID
    created: datetime
    place: int
    how: str
    moves: list[tuple[str, datetime]] = field(default_factory=list)
    """The stages after the first one, and since when."""
    acts: list[datetime] = field(default_factory=list)
    rejected: list[datetime] = field(default_factory=list)
    touched: list[Touched] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)
    country: str = ""
    plan: str = ""
    owner: str = ""
    segments: tuple[str, ...] = ()


@dataclass
class Said:
    """One fact of a deal. `amount` in minor units."""

    at: datetime
    type: str
    amount: int | None = None
    stage: str | None = None
    owner: str | None = None


@dataclass
class Bargain:
    id: str
    people: list[int]
    currency: str
    said: list[Said] = field(default_factory=list)


@dataclass
class Run:
    """One run of campaign "Nurture"."""

    person: int
    started: datetime
    ended: bool
    goal: datetime | None
    held: bool | None


@dataclass
class Letter:
    """An email of that campaign, and what was done with it."""

    person: int
    template: str
    at: datetime
    state: str
    done: tuple[str, ...]
    machine: bool


@dataclass
class Given:
    """A lead handed off to sales."""

    person: int
    member: str
    opened: datetime
    acknowledged: datetime | None = None
    contacted: datetime | None = None
    closed: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    due: datetime | None = None


@dataclass
class Story:
    people: list[Person] = field(default_factory=list)
    deals: list[Bargain] = field(default_factory=list)
    spent: list[tuple[date, int, int, str]] = field(default_factory=list)
    """Day, place, minor units, currency."""
    rates: list[tuple[date, str, Decimal]] = field(default_factory=list)
    visits: list[tuple[date, int, int]] = field(default_factory=list)
    """Day in Berlin, place, how many."""
    strangers: list[list[tuple[datetime, int]]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    shown: list[tuple[date, str, int]] = field(default_factory=list)
    """Day in Berlin, form, how often."""


def drawn(seed: int, many: int = 60) -> Story:
    random, story = Random(seed), Story()
    for number in range(many):
        story.people.append(_person(random, number))
    for number in range(many // 2):
        story.deals.append(_deal(random, number, story.people))
    days = [BEGIN + timedelta(days=number) for number in range(365)]
    for day in random.sample(days, 90):
        line = (day, random.randrange(len(PLACES)), random.randrange(1, 90_000), random.choice(("EUR", "EUR", "USD")))
        if line[:2] not in {one[:2] for one in story.spent}:
            story.spent.append(line)
        story.visits.append((day, random.randrange(len(PLACES)), random.randrange(1, 30)))
    story.visits = [(*key, many) for key, many in {one[:2]: one[2] for one in story.visits}.items()]
    story.rates = [(date(2026, month, 10), "USD", Decimal(80 + month) / 100) for month in range(2, 13)]
    steps = Random(seed + 1)
    for deal in story.deals:
        _walk(steps, deal)
    for _ in range(many):
        story.strangers.append([(_instant(random), random.randrange(len(PLACES))) for _ in range(random.randint(1, 3))])
    for _ in range(3 * many):
        story.runs.append(_run(random, many))
        done = tuple(one for one in ("bounced", "opened", "clicked", "replied") if random.random() < 0.3)
        state = random.choice(("accepted", "accepted", "failed"))
        letter = Letter(
            random.randrange(many), random.choice("ab"), _instant(random), state, done, random.random() < 0.2
        )
        story.letters.append(letter)
    for one in story.people:
        one.points = [_points(steps, one) for _ in range(steps.randrange(7))]
    story.given = [_given(steps, number) for number in range(many)]
    for one in story.people:
        one.country, one.plan = steps.choice(("DE", "AT", "FR", "")), steps.choice(("small", "large", ""))
        one.owner = steps.choice(("eva@acme.example", "", ""))
        one.segments = tuple(name for name in ("Big", "Near") if steps.random() < 0.4)
    story.shown = [(day, form, steps.randrange(1, 50)) for day in days[::20] for form in ("in", "demo")]
    return story


def _points(random: Random, one: Person) -> Points:
    at = one.created + timedelta(hours=random.randrange(24 * 200))
    return Points(at, random.choice((-5, 10, 20, 40)), random.choice(("", "", "fit")), random.choice(("r1", "r2")), "x")


def _given(random: Random, person: int) -> Given:
    """One of each person, so that no two are open at once. Their ends lie minutes apart, or after every limit."""
    one = Given(person, random.choice(("eva@acme.example", "jonas@acme.example")), _instant(random))
    at = one.opened
    for step in ("acknowledged", "contacted", "closed"):
        at += random.choice((timedelta(minutes=30), timedelta(hours=20), timedelta(days=40)))
        if random.random() < 0.2:
            break
        setattr(one, step, at)
    if one.closed is None and random.random() < 0.5:
        one.closed, one.outcome = at + timedelta(days=9), "overdue"
    elif one.closed is not None:
        one.outcome = random.choice(("accepted", "rejected", "rejected", "merged"))
    if one.closed is None and random.random() < 0.8:
        one.due = at + timedelta(hours=random.randrange(24 * 400))
    if one.outcome == "rejected":
        one.reason = random.choice(("too small", "no budget", None))
    return one


def _run(random: Random, many: int) -> Run:
    """Goals come in time, since the log notes no others."""
    started = _instant(random)
    goal = started + timedelta(hours=random.randrange(24 * 30)) if random.random() < 0.4 else None
    return Run(random.randrange(many), started, random.random() < 0.8, goal, random.choice((True, False, False, None)))


def _instant(random: Random) -> datetime:
    """Often at a place where a day, a month or an hour begins or ends twice."""
    kind = random.randrange(6)
    if kind == 0:
        midnight = datetime.combine(BEGIN + timedelta(days=random.randrange(365)), time.min, BERLIN).astimezone(UTC)
        return midnight - MOMENT * random.randrange(2)
    if kind == 1:
        first = datetime(2026, random.randint(1, 12), 1, tzinfo=BERLIN).astimezone(UTC)
        return first - MOMENT * random.randrange(2)
    if kind == 2:
        night = random.choice((datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)))
        return night + timedelta(minutes=random.randrange(-180, 180))
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(364 * 86_400))


def _person(random: Random, number: int) -> Person:
    created = _instant(random)
    how = random.choice(("form demo", "form demo", "call", "chat", "event x", ""))
    one = Person(UUID(int=number + 1), created, random.randrange(len(PLACES)), how)
    at, stage = created, ORDER[0]
    while random.random() < 0.75:
        at += random.choice((timedelta(), timedelta(hours=1), timedelta(days=random.randrange(90))))
        stage = random.choice([name for name in (*ORDER, *ORDER, OUTSIDE) if name != stage])
        one.moves.append((stage, at))
    one.acts = sorted(created + timedelta(hours=random.randrange(24 * 120)) for _ in range(random.randrange(5)))
    one.rejected = [created + timedelta(hours=random.randrange(24 * 90)) for _ in range(random.randrange(2))]
    for place in range(random.randrange(6)):
        seq = random.choice((None, place + 1))
        shared = one.touched and random.random() < 0.3
        touched = one.touched[-1].at if shared else created - timedelta(days=random.randrange(-60, 60))
        one.touched.append(Touched(touched, random.randrange(len(PLACES)), f"t:{place}", seq))
    return one


def _deal(random: Random, number: int, people: list[Person]) -> Bargain:
    chosen = random.sample(range(len(people)), random.randint(1, 2))
    one = Bargain(f"D{number}", chosen, random.choice(("EUR", "EUR", "USD", "CHF")))
    opened = _instant(random)
    amount = random.choice((1, 3, random.randrange(1, 10**6)))
    one.said = [Said(opened, "deal.opened", random.choice((None, amount)))]
    if random.random() < 0.8:
        won = opened + timedelta(hours=random.randrange(24 * 40))
        one.said.append(Said(won, "deal.won", amount))
        edge = people[chosen[0]]
        where = won - timedelta(days=365) - MOMENT * random.randrange(2)
        edge.touched.append(Touched(where, random.randrange(len(PLACES)), f"edge:{number}", None))
        for place in range(random.randrange(3)):
            kind = random.choice(("deal.refunded", "deal.changed", "deal.lost", "deal.won"))
            many = amount if random.random() < 0.3 else random.randrange(1, amount + 1)
            said = Said(won + timedelta(days=random.randrange(1, 60), minutes=place), kind, many)
            one.said.append(said if kind != "deal.lost" else Said(said.at, kind))
    return one


def _walk(random: Random, deal: Bargain) -> None:
    """Through the stages of the pipeline, mostly forward, before it ends and after; some say no stage at all."""
    at, place = deal.said[0].at, 0
    if random.random() < 0.8:
        deal.said[0].stage = PIPELINE[0]
    deal.said[0].owner = random.choice(("a@acme.example", "b@acme.example", None))
    for _ in range(random.randrange(5)):
        at += timedelta(hours=random.randrange(24 * 30))
        place = max(0, min(len(PIPELINE) - 1, place + random.choice((1, 1, 1, -1))))
        deal.said.append(Said(at, "deal.moved", None, PIPELINE[place], random.choice((None, None, "c@acme.example"))))


def status_of(deal: Bargain) -> str:
    told = [said.type for said in sorted(deal.said, key=lambda said: said.at)]
    ends = [one.partition(".")[2] for one in told if one in ("deal.won", "deal.lost")]
    return ends[-1] if ends else "open"
