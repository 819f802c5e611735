"""What the parser makes of conditions, events, operands and durations while it reduces a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsl.text.lexer import Lexeme, span_of
from dsl.tree import declarations as tree
from dsl.tree.declarations import Amounts, Condition, Event, Operand, Text


def text_of(token: Lexeme) -> Text:
    return Text(str(token), span_of(token))


def words_of(first: Lexeme, second: Lexeme | None) -> Text:
    """A name of one word or two, such as `long text`."""
    if second is None:
        return text_of(first)
    return Text(f"{first} {second}", span_of(first).to(span_of(second)))


class Expressions:
    """What becomes of a rule's parts, one method per rule. Rules without one become trees for `dsl.text.reader`."""

    # ── operands ─────────────────────────────────────────────────────────────────────────────────────────────────
    def word(self, name: Lexeme) -> Operand:
        if name == "score":
            return tree.Score(None, span_of(name))
        if name == "today":
            return tree.Today(span_of(name))
        return tree.Word(str(name), span_of(name))

    def datum(self, noun: Lexeme, name: Lexeme) -> Operand:
        whole = span_of(noun).to(span_of(name))
        return tree.EventDatum(str(name), whole) if noun == "event" else tree.Word(f"{noun}.{name}", whole)

    def score_of(self, noun: Lexeme, model: Lexeme) -> Operand:
        whole = span_of(noun).to(span_of(model))
        return tree.Score(text_of(model), whole) if noun == "score" else tree.Word(f"{noun} of", whole)

    def interest_count(self, noun: Lexeme, profile: Lexeme) -> Operand:
        return tree.InterestCount(text_of(profile), span_of(noun).to(span_of(profile)))

    def quoted(self, value: Lexeme) -> Operand:
        return tree.Quoted(str(value), span_of(value))

    def number(self, raw: Lexeme, unit: Lexeme | None) -> tree.Number:
        whole = span_of(raw).to(span_of(unit)) if unit else span_of(raw)
        return tree.Number(str(raw), text_of(unit) if unit else None, whole)

    def shifted(self, base: Operand, sign: Lexeme, offset: Amounts) -> Operand:
        whole = base.span.to(offset[-1].span)
        return tree.Shifted(base, offset, sign == "minus", whole)  # type: ignore[arg-type]  # checked later

    def age_of(self, word: Lexeme, field: Lexeme) -> Operand:
        return tree.Age(text_of(word), text_of(field), span_of(word).to(span_of(field)))

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
        return _is(left, right, negated=False)

    def is_not(self, left: Operand, right: Operand) -> Condition:
        return _is(left, right, negated=True)

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
        if isinstance(left, tree.Word) and left.name == "stage":
            return tree.AtLeast(left, right, left.span.to(right.span))
        return _compare(left, ">=", right)

    def not_at_least(self, left: Operand, right: Operand) -> Condition:
        found = self.at_least(left, right)
        return tree.Not(found, found.span)

    def at_most(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, "<=", right)

    def more_than(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, ">", right)

    def less_than(self, left: Operand, right: Operand) -> Condition:
        return _compare(left, "<", right)

    def free_address(self, left: Operand) -> Condition:
        return tree.FreeAddress(left, False, left.span)

    def not_free_address(self, left: Operand) -> Condition:
        return tree.FreeAddress(left, True, left.span)

    # ── where a date lies ────────────────────────────────────────────────────────────────────────────────────────
    def date_in(self, left: Operand, relation: Lexeme, length: Amounts | None) -> Condition:
        end = length[-1].span if length else span_of(relation)
        return tree.DateIs(left, text_of(relation), False, left.span.to(end), length)

    def date_not_in(self, left: Operand, relation: Lexeme, length: Amounts | None) -> Condition:
        return _negated(self.date_in(left, relation, length))

    def date_beside(self, left: Operand, relation: Lexeme, right: Operand) -> Condition:
        return tree.DateIs(left, text_of(relation), False, left.span.to(right.span), right=right)

    def date_not_beside(self, left: Operand, relation: Lexeme, right: Operand) -> Condition:
        return _negated(self.date_beside(left, relation, right))

    # ── where a lead belongs, and what it did ────────────────────────────────────────────────────────────────────
    def in_group(self, group: Lexeme, name: Lexeme) -> Condition:
        return tree.Membership(text_of(group), text_of(name), False, False, span_of(group).to(span_of(name)))

    def has_been(self, group: Lexeme, name: Lexeme) -> Condition:
        return tree.Membership(text_of(group), text_of(name), False, True, span_of(group).to(span_of(name)))

    def has_not_been(self, group: Lexeme, name: Lexeme) -> Condition:
        return _negated(self.has_been(group, name))

    def subscribed(self, word: Lexeme, topic: Lexeme) -> Condition:
        return tree.Subscribed(text_of(word), text_of(topic), span_of(word).to(span_of(topic)))

    def deed(self, verb: Lexeme, noun: Lexeme) -> Event:
        return _event(noun, verb, noun, deed="", start=verb)

    def deed_about(self, verb: Lexeme, preposition: Lexeme, noun: Lexeme) -> Event:
        return _event(noun, verb, noun, deed=str(preposition), start=verb)

    def has(
        self,
        deed: Event,
        name: Lexeme | None,
        medium: Lexeme | None,
        email: Lexeme | None,
        where: Condition | None,
        times: tree.Number | None,
        since: Amounts | tree.Span | None,
    ) -> Condition:
        last = span_of(email or name) if email or name else deed.span  # type: ignore[arg-type]
        done = replace(
            deed,
            span=deed.span.to(last),
            name=text_of(name) if name else None,
            medium=text_of(medium) if medium else None,
            email=text_of(email) if email else None,
            where=where,
        )
        entering = since if isinstance(since, tree.Span) else None
        length = since if isinstance(since, tuple) else None
        return tree.Has(done, False, done.span, times, length, entering)

    def has_not(self, deed: Event, *parts: Any) -> Condition:
        return _negated(self.has(deed, *parts))

    def at_least_times(self, raw: Lexeme) -> tree.Number:
        return tree.Number(str(raw), None, span_of(raw))

    def in_the_last(self, length: Amounts) -> Amounts:
        return length

    def since_entering(self, since: Lexeme) -> tree.Span:
        return span_of(since)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────────────
    def event(self, what: Event, where: Condition | None, absent: tree.Absence | None) -> Event:
        end = absent.span if absent else what.span
        return replace(what, where=where, absent=absent, span=what.span.to(end)) if where or absent else what

    def absence(
        self, then: Lexeme, no: Lexeme, what: Event, where: Condition | None, same: Lexeme | None, within: Amounts
    ) -> tree.Absence:
        event = replace(what, where=where) if where else what
        return tree.Absence(
            text_of(no), event, within, text_of(same) if same else None, span_of(then).to(within[-1].span)
        )

    def counted(self, what: Event, count: tuple[tree.Number, Amounts]) -> Event:
        times, within = count
        return replace(what, times=times, within=within, span=what.span.to(within[-1].span))

    def thing_does_counted(self, noun: Lexeme, verb: Lexeme, count: tuple[tree.Number, Amounts]) -> Event:
        return self.counted(self.thing_does(noun, verb), count)

    def count(self, raw: Lexeme, within: Amounts) -> tuple[tree.Number, Amounts]:
        return tree.Number(str(raw), None, span_of(raw)), within

    def inactive(self, noun: Lexeme, verb: Lexeme, silent: Amounts) -> Event:
        found = _event(noun, verb, verb, copula=True, silent=silent)
        return replace(found, span=found.span.to(silent[-1].span))

    def verbs(self, *words: Lexeme) -> tuple[Lexeme, ...]:
        return words

    def thing_is(self, noun: Lexeme, verbs: tuple[Lexeme, ...]) -> Event:
        return _any_of(_event(noun, verbs[0], verbs[-1], copula=True), verbs)

    def thing_does(self, noun: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb)

    def named_is(self, noun: Lexeme, name: Lexeme, verbs: tuple[Lexeme, ...]) -> Event:
        return _any_of(_event(noun, verbs[0], verbs[-1], name=text_of(name), copula=True), verbs)

    def named_does(self, noun: Lexeme, name: Lexeme, verb: Lexeme) -> Event:
        return _event(noun, verb, verb, name=text_of(name))

    def link_in_email(
        self, noun: Lexeme, name: Lexeme, medium: Lexeme, email: Lexeme, verbs: tuple[Lexeme, ...]
    ) -> Event:
        parts: dict[str, Any] = {"name": text_of(name), "medium": text_of(medium), "email": text_of(email)}
        return _any_of(_event(noun, verbs[0], verbs[-1], copula=True, **parts), verbs)

    def link_is_in_email(
        self, noun: Lexeme, name: Lexeme, verbs: tuple[Lexeme, ...], medium: Lexeme, email: Lexeme
    ) -> Event:
        found = self.link_in_email(noun, name, medium, email, verbs)
        return replace(found, span=span_of(noun).to(span_of(email)))

    def thing_becomes(self, noun: Lexeme, verb: Lexeme, subject: Lexeme) -> Event:
        if noun == "field":
            return _event(noun, subject, subject, subject=text_of(verb))
        return _event(noun, verb, subject, subject=text_of(subject))

    def changes_to(self, noun: Lexeme, field: Lexeme, verb: Lexeme, to: Operand, before: Operand | None) -> Event:
        found = replace(_event(noun, verb, verb, subject=text_of(field)), to=to, before=before)
        return replace(found, span=found.span.to((before or to).span))

    def changes_from(self, noun: Lexeme, field: Lexeme, verb: Lexeme, before: Operand, to: Operand | None) -> Event:
        found = replace(_event(noun, verb, verb, subject=text_of(field)), to=to, before=before)
        return replace(found, span=found.span.to((to or before).span))

    def interest_reaches(self, noun: Lexeme, profile: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        whole = span_of(noun).to(span_of(raw))
        word = Text("interest", span_of(noun))
        return Event(word, text_of(verb), whole, name=text_of(profile), number=self.number(raw, None))

    def reaches(self, noun: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _event(noun, verb, raw, number=self.number(raw, None))

    def model_reaches(self, noun: Lexeme, model: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _event(noun, verb, raw, name=text_of(model), number=self.number(raw, None))

    def drops(self, noun: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _below(self.reaches(noun, verb, raw))

    def model_drops(self, noun: Lexeme, model: Lexeme, verb: Lexeme, raw: Lexeme) -> Event:
        return _below(self.model_reaches(noun, model, verb, raw))

    # ── dates as events ──────────────────────────────────────────────────────────────────────────────────────────
    def clock(self, raw: Lexeme) -> tree.Number:
        return tree.Number(str(raw), None, span_of(raw))

    def on_day(self, word: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), time=time))

    def on_day_of(self, word: Lexeme, field: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), field=text_of(field), time=time))

    def before_day(self, offset: Amounts, word: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), offset, before=True, time=time))

    def before_day_of(self, offset: Amounts, word: Lexeme, field: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), offset, before=True, field=text_of(field), time=time))

    def before_thing(self, offset: Amounts, word: Lexeme, name: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), offset, before=True, name=text_of(name), time=time))

    def after_day(self, offset: Amounts, word: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), offset, time=time))

    def after_day_of(self, offset: Amounts, word: Lexeme, field: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), offset, field=text_of(field), time=time))

    def after_thing(self, offset: Amounts, word: Lexeme, name: Lexeme, time: tree.Number | None) -> Event:
        return _dated(tree.Dated(text_of(word), offset, name=text_of(name), time=time))

    # ── durations and lists ──────────────────────────────────────────────────────────────────────────────────────
    def part(self, digits: Lexeme, unit: Lexeme | None) -> tree.Amount:
        return tree.Amount(text_of(digits), text_of(unit) if unit else None, False)

    def business_part(self, digits: Lexeme, unit: Lexeme) -> tree.Amount:
        return tree.Amount(text_of(digits), text_of(unit), True)

    def duration(self, *parts: tree.Amount) -> Amounts:
        return parts

    def channel_test(self, attribute: Lexeme, *values: Lexeme | None) -> tree.ChannelTest:
        return tree.ChannelTest(text_of(attribute), tuple(text_of(one) for one in values if one is not None))

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


def _any_of(event: Event, verbs: tuple[Lexeme, ...]) -> Event:
    return replace(event, also=tuple(text_of(verb) for verb in verbs[1:])) if len(verbs) > 1 else event


def _below(event: Event) -> Event:
    return replace(event, verb=Text(f"{event.verb.value} below", event.verb.span))


def _is(left: Operand, right: Operand, *, negated: bool) -> Condition:
    """`is` with a word on the right that has a meaning of its own."""
    whole = left.span.to(right.span)
    match left, right:
        case tree.Word(name="tracking"), tree.Word(name="allowed"):
            return tree.TrackingAllowed(negated, whole)
        case _, tree.Today():
            return tree.DateIs(left, Text("today", right.span), negated, whole)
        case _:
            return tree.Compare(left, "is not" if negated else "is", right, whole)


def _negated(condition: Condition) -> Condition:
    assert isinstance(condition, tree.DateIs | tree.Membership | tree.Has)
    return replace(condition, negated=True)


def _dated(dated: tree.Dated) -> Event:
    start = dated.offset[0].span if dated.offset else dated.word.span
    last = dated.time or dated.name or dated.field or dated.word
    return Event(dated.word, dated.word, start.to(last.span), dated=dated)


def _event(noun: Lexeme, verb: Lexeme, last: Lexeme, start: Lexeme | None = None, **parts: Any) -> Event:
    return Event(text_of(noun), text_of(verb), span_of(start or noun).to(span_of(last)), **parts)
