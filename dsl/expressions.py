"""What the parser makes of conditions, events, operands and durations while it reduces a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark import Transformer, v_args

from dsl import tree
from dsl.lexer import Lexeme, span_of
from dsl.tree import Condition, Event, Operand, Text

Amount = tuple[Lexeme, Lexeme | None, bool]
"""One part of a duration as written: the digits, the unit if any, and whether it is in business time."""


def text_of(token: Lexeme) -> Text:
    return Text(str(token), span_of(token))


@v_args(inline=True)
class Expressions(Transformer[Lexeme, Any]):
    """Callbacks of the LALR parser, one per rule. Rules without one become plain Lark trees for `dsl.reader`."""

    # ── operands ─────────────────────────────────────────────────────────────────────────────────────────────────
    def word(self, name: Lexeme) -> Operand:
        if name == "score":
            return tree.Score(None, span_of(name))
        return tree.Word(str(name), span_of(name))

    def datum(self, noun: Lexeme, name: Lexeme) -> Operand:
        whole = span_of(noun).to(span_of(name))
        return tree.EventDatum(str(name), whole) if noun == "event" else tree.Word(f"{noun}.{name}", whole)

    def score_of(self, noun: Lexeme, model: Lexeme) -> Operand:
        whole = span_of(noun).to(span_of(model))
        return tree.Score(text_of(model), whole) if noun == "score" else tree.Word(f"{noun} of", whole)

    def quoted(self, value: Lexeme) -> Operand:
        return tree.Quoted(str(value), span_of(value))

    def number(self, raw: Lexeme, unit: Lexeme | None) -> Operand:
        whole = span_of(raw).to(span_of(unit)) if unit else span_of(raw)
        return tree.Number(str(raw), text_of(unit) if unit else None, whole)

    def values(self, *items: Operand) -> tuple[Operand, ...]:
        return items

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────
    def or_(self, *items: Condition) -> Condition:
        return tree.Or(_flat(tree.Or, items), items[0].span.to(items[-1].span))

    def and_(self, *items: Condition) -> Condition:
        return tree.And(_flat(tree.And, items), items[0].span.to(items[-1].span))

    def not_(self, item: Condition) -> Condition:
        return item.item if isinstance(item, tree.Not) else tree.Not(item, item.span)

    def grouped(self, item: Condition) -> Condition:
        return item

    def bare(self, operand: Operand) -> Condition:
        return tree.Bare(operand, operand.span)

    def compare(self, left: Operand, op: Lexeme, right: Operand) -> Condition:
        return _compare(left, "is" if op == "=" else str(op), right)

    def is_(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, "is", right)

    def is_not(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, "is not", right)

    def contains(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, "contains", right)

    def starts_with(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, "starts with", right)

    def in_(self, left: Operand, values: tuple[Operand, ...]) -> Condition:
        return tree.OneOf(left, values, False, left.span.to(values[-1].span))

    def not_in(self, left: Operand, values: tuple[Operand, ...]) -> Condition:
        return tree.OneOf(left, values, True, left.span.to(values[-1].span))

    def known(self, left: Operand) -> Condition:
        return tree.Known(left, False, left.span)

    def unknown(self, left: Operand) -> Condition:
        return tree.Known(left, True, left.span)

    def at_least(self, left: Operand, right: Operand) -> Condition:
        return tree.AtLeast(left, right, left.span.to(right.span))

    def free_address(self, left: Operand) -> Condition:
        return tree.FreeAddress(left, False, left.span)

    def not_free_address(self, left: Operand) -> Condition:
        return tree.FreeAddress(left, True, left.span)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────────────
    def event(self, what: Event, where: Condition | None) -> Event:
        return replace(what, where=where) if where else what

    def thing_is(self, noun: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb, copula=True)

    def thing_does(self, noun: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb)

    def named_is(self, noun: Lexeme, name: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb, name=text_of(name), copula=True)

    def named_does(self, noun: Lexeme, name: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb, name=text_of(name))

    def link_in_email(self, noun: Lexeme, name: Lexeme, medium: Lexeme, email: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb, name=text_of(name), medium=text_of(medium), email=text_of(email), copula=True)

    def thing_becomes(self, noun: Lexeme, verb: Lexeme, subject: Lexeme) -> Event:
        return _event(noun, verb, subject, subject=text_of(subject))

    def reaches(self, noun: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _event(noun, verb, raw, number=self.number(raw, None))

    def model_reaches(self, noun: Lexeme, model: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _event(noun, verb, raw, name=text_of(model), number=self.number(raw, None))

    def drops(self, noun: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _below(self.reaches(noun, verb, raw))

    def model_drops(self, noun: Lexeme, model: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _below(self.model_reaches(noun, model, verb, raw))

    # ── durations and lists ──────────────────────────────────────────────────────────────────────────────────────
    def part(self, digits: Lexeme, unit: Lexeme | None) -> Amount:
        return digits, unit, False

    def business_part(self, digits: Lexeme, unit: Lexeme) -> Amount:
        return digits, unit, True

    def duration(self, *parts: Amount) -> tuple[Amount, ...]:
        return parts

    def strings(self, *items: Lexeme) -> tuple[Text, ...]:
        return tuple(text_of(item) for item in items)


def _compare(left: Operand, op: str, right: Operand) -> Condition:
    return tree.Compare(left, op, right, left.span.to(right.span))


def _flat(kind: type[tree.And] | type[tree.Or], items: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Brackets around the same connective change nothing; kept flat, a long list stays shallow."""
    flat: list[Condition] = []
    for item in items:
        if isinstance(item, kind):
            flat.extend(item.items)
        else:
            flat.append(item)
    return tuple(flat)


def _below(event: Event) -> Event:
    return replace(event, verb=Text(f"{event.verb.value} below", event.verb.span))


def _event(noun: Lexeme, verb: Lexeme, last: Lexeme, **parts: Any) -> Event:
    return Event(text_of(noun), text_of(verb), span_of(noun).to(span_of(last)), **parts)
