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


Operand = Word | EventDatum | Score | Quoted | Number


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


Condition = And | Or | Not | Bare | Compare | OneOf | Known | AtLeast | FreeAddress


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
    where: Condition | None = None
