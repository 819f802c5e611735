"""The small parts of the tree: places, names, operands, conditions and events. Every leaf knows where it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file. Lines and columns count from 1 in characters; the end column is the first one after."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    @property
    def source(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Text:
    """A word or the content of a quoted string."""

    value: str
    span: Span

    @property
    def key(self) -> str:
        """How names are compared: regardless of case."""
        return self.value.casefold()


@dataclass(frozen=True, slots=True)
class Amount:
    """One part of a duration as written: the digits, the unit if any, and whether it is in business time."""

    digits: Text
    unit: Text | None
    business: bool

    @property
    def span(self) -> Span:
        return self.digits.span.to(self.unit.span) if self.unit else self.digits.span


Amounts = tuple[Amount, ...]


# ── operands and conditions ──────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: a field, or in `where` a datum of the event."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class EventDatum:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Score:
    model: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Quoted:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A digit-led run as it was written: a number, a date, or an amount of money when a unit follows."""

    raw: str
    unit: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class InterestCount:
    """`interest in "Pumps"`: how often the lead touched a profile."""

    name: Text
    span: Span


@dataclass(frozen=True, slots=True)
class Today:
    span: Span


@dataclass(frozen=True, slots=True)
class Shifted:
    """A date that is counted from another: `today plus 14 days`, `contract_end minus 1 month`."""

    base: Word | EventDatum | Today | Number
    offset: Amounts
    before: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Age:
    """`age of birthday`: the whole years since a date; `word` is what was written for `age`."""

    word: Text
    field: Text
    span: Span


Operand = Word | EventDatum | Score | InterestCount | Today | Shifted | Age | Quoted | Number


def stage_named(operand: Operand) -> Text | None:
    """The stage that a word or a text beside `stage` names; None when it is neither."""
    match operand:
        case Word(name=name, span=span) | Quoted(value=name, span=span):
            return Text(name, span)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition
    span: Span


@dataclass(frozen=True, slots=True)
class Bare:
    """An operand alone: right only for a yes/no field."""

    operand: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    left: Operand
    op: str
    """`is`, `is not`, `<`, `<=`, `>`, `>=`, `contains`, `starts with`."""
    right: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class OneOf:
    left: Operand
    values: tuple[Operand, ...]
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Known:
    left: Operand
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class AtLeast:
    left: Operand
    right: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class FreeAddress:
    left: Operand
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Membership:
    """`in segment "x"`, with `ever` `has been in campaign "x"`. Which groups exist is not the tree's business."""

    group: Text
    name: Text
    negated: bool
    ever: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Subscribed:
    """`subscribed to "x"`; `word` is what was written for `subscribed`."""

    word: Text
    topic: Text
    span: Span


@dataclass(frozen=True, slots=True)
class TrackingAllowed:
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class DateIs:
    """Where a date lies. `relation` is the word as written: `next` and `last` with a `length`, `past` and `future`,
    `today`, `before` and `after` with a date on the `right`."""

    left: Operand
    relation: Text
    negated: bool
    span: Span
    length: Amounts | None = None
    right: Operand | None = None


@dataclass(frozen=True, slots=True)
class Has:
    """What the lead did: `deed` is an event whose verb is the one after `has`."""

    deed: Event
    negated: bool
    span: Span
    times: Number | None = None
    within: Amounts | None = None
    entering: Span | None = None
    """Where `since entering` stands."""


Condition = (
    And | Or | Not | Bare | Compare | OneOf | Known | AtLeast | FreeAddress
    | Membership | Subscribed | TrackingAllowed | DateIs | Has
)  # fmt: skip


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Dated:
    """`birthday`, `anniversary of customer_since`, `30 days before contract_end`, `2 hours after webinar "x"`: the
    offset if any, the word of the anchor, and what it is of."""

    word: Text
    offset: Amounts | None = None
    before: bool = False
    field: Text | None = None
    """After `of`."""
    name: Text | None = None
    """In quotes."""
    time: Number | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """`and then no … within …`: the word for `no`, what must not follow, and the datum that must be the same."""

    no: Text
    event: Event
    within: Amounts
    same: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens. Which nouns and verbs exist is not the tree's business."""

    noun: Text
    verb: Text
    span: Span
    copula: bool = False
    """Whether the verb stands after `is`."""
    name: Text | None = None
    medium: Text | None = None
    email: Text | None = None
    subject: Text | None = None
    number: Number | None = None
    to: Operand | None = None
    before: Operand | None = None
    silent: Amounts | None = None
    dated: Dated | None = None
    times: Number | None = None
    within: Amounts | None = None
    where: Condition | None = None
    absent: Absence | None = None
    also: tuple[Text, ...] = ()
    """Further verbs, any of which will do: `is clicked or replied`."""
    deed: str | None = None
    """In a history, the preposition between verb and noun, empty for none; in an event None."""
