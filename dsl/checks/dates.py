"""Dates that are events: birthdays, anniversaries, so long before or after a date."""

from __future__ import annotations

from dsl.checks.meant import as_event
from dsl.names.events import DATES, EVENTS, NOUNS, verbs_of
from dsl.names.scope import Scope, unknown
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.tree.declarations import Dated, Span, Text


def check_dated(dated: Dated, span: Span, scope: Scope, problems: Problems) -> None:
    word = dated.word
    if dated.name is not None:
        _webinar(dated, dated.name, scope, problems)
    elif dated.field is not None:
        if word.value == "birthday":
            problems.add("E339", word.span.to(dated.field.span))
        elif word.value != "anniversary":
            problems.add("E337", word.span, near=near(word.value, ("anniversary",)), word=word.value)
        else:
            _date_field(dated.field, scope, problems)
    elif dated.offset is None:
        _day(word, span, scope, problems)
    else:
        _date_field(word, scope, problems)
    if dated.offset is not None:
        values.duration(dated.offset, problems)
    if dated.time is not None:
        values.clock(dated.time.raw, dated.time.span, problems)


def _webinar(dated: Dated, name: Text, scope: Scope, problems: Problems) -> None:
    if dated.word.value != "webinar":
        problems.add("E338", dated.word.span, near=near(dated.word.value, ("webinar",)), word=dated.word.value)
    elif name.key not in scope.webinars and not scope.lost("webinar"):
        unknown(problems, "E143", name, scope.webinars)


def _day(word: Text, span: Span, scope: Scope, problems: Problems) -> None:
    """A word alone, which can only be the birthday."""
    if word.value == "birthday":
        return
    field = scope.fields.get(word.value)
    if word.value in NOUNS:
        example = EVENTS[word.value, verbs_of(word.value)[0]].example
        problems.add("E336", span, word=word.value, hint=f"add what happens: `{example}`")
    elif field is not None and field.type in ("date", "moment"):
        return
    elif word.value == "anniversary":
        problems.add("E336", span, word=word.value, hint="add a date: `anniversary of created`")
    elif meant := as_event(word, scope):
        problems.add("E336", span, word=word.value, hint=f"write `{meant}`")
    else:
        problems.add("E116", word.span, near=near(word.value, (*NOUNS, *DATES)), noun=word.value)


def _date_field(name: Text, scope: Scope, problems: Problems) -> None:
    field = scope.fields.get(name.value)
    if field is None and name.value == "webinar":
        problems.add("E338", name.span, word=name.value)
        return
    dates = [known for known, found in scope.fields.items() if found.type in ("date", "moment")]
    if field is None:
        if not scope.lost("field"):
            unknown(problems, "E144", name, dates)
    elif field.type not in ("date", "moment"):
        problems.add("E331", name.span, name=name.value, type=field.type, names=tuple(dates))
