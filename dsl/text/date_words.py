"""Days and time limits as people say them, turned into those of the grammar: `1st of October 2027`, `October 1, 2027`,
`wait for email is clicked within 3 days`, `wait 3 days for form "demo" is submitted`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dsl.text.lexer import Lexeme
from dsl.text.values import UNITS

Tokens = list[Lexeme]

_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTHS: Mapping[str, int] = {
    **{
        form: number
        for number, name in enumerate(_NAMES, 1)
        for form in (name, name.title(), name[:3], name[:3].title())
    },
    "sept": 9, "Sept": 9,
}  # fmt: skip
_DAY = re.compile(r"(0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?")
_YEAR = re.compile(r"20\d\d")
_SPANS = frozenset((*UNITS, *(f"{unit}s" for unit in UNITS), "business"))
_LIMITS: tuple[list[str], ...] = (
    ["for", "up", "to"], ["for", "at", "most"], ["up", "to"], ["at", "most"], ["within"], ["max"], ["maximum"], ["for"],
    ["no", "longer", "than"], ["not", "longer", "than"],
)  # fmt: skip
"""How a time limit is said behind the event."""
_BEFORE: tuple[list[str], ...] = (["at", "most"], ["max"], ["maximum"], ["within"], [])
"""How it is said before the event, for `up to`."""


def _word(tokens: Tokens, index: int) -> str:
    return str(tokens[index]) if 0 <= index < len(tokens) and tokens[index].type == "NAME" else ""


def _number(tokens: Tokens, index: int, pattern: re.Pattern[str]) -> str:
    there = 0 <= index < len(tokens) and tokens[index].type == "NUMBER"
    found = pattern.fullmatch(str(tokens[index])) if there else None
    return (found[1] if found.re.groups else found[0]) if found else ""


def written_dates(tokens: Tokens) -> Tokens:
    """Dates with the name of a month. One without a year stays in words, in one token, which is then no date."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        found = _date(tokens, index)
        if found is None:
            done.append(tokens[index])
            index += 1
            continue
        text, length = found
        if done and done[-1].type == "NAME" and done[-1] == "the":
            done.pop()
        done.append(tokens[index].corrected("NUMBER", text))
        index += length
    return done


def _date(tokens: Tokens, index: int) -> tuple[str, int] | None:
    """The date that begins there and how many tokens it has."""
    day, at = _number(tokens, index, _DAY), index + 1
    if day:
        at += at < len(tokens) and tokens[at].type == "_DOT"
        at += _word(tokens, at) == "of"
        month = MONTHS.get(_word(tokens, at), 0)
        at += 1
    else:
        month = MONTHS.get(_word(tokens, index), 0)
        at += _word(tokens, at) == "the"
        day = _number(tokens, at, _DAY) if month else ""
        at += 1
    if not (day and month):
        return None
    comma = at < len(tokens) and tokens[at].type == "_COMMA" and _number(tokens, at + 1, _YEAR)
    year = _number(tokens, at + bool(comma), _YEAR)
    if year:
        return f"{year}-{month:02}-{int(day):02}", at + bool(comma) + 1 - index
    return f"{int(day)} {_NAMES[month - 1].title()}", at - index


def limits(tokens: Tokens) -> Tokens:
    """The time limit of a wait at its place: `wait up to 3 days for …`."""
    words = [_word(tokens, index) for index in range(len(tokens))]
    if words[:1] != ["wait"] or "until" in words[:2] or len(tokens) < 4:
        return tokens
    return _said_before(tokens, words) if words[1] != "for" else _said_behind(tokens, words)


def _said_before(tokens: Tokens, words: list[str]) -> Tokens:
    for said in _BEFORE:
        start = 1 + len(said)
        if words[1:start] == said and start < len(tokens) and tokens[start].type == "NUMBER":
            end = _end_of_span(tokens, words, start)
            if end > start and end < len(words) - 1 and words[end] == "for":
                up = [tokens[1].corrected("NAME", word) for word in ("up", "to")]
                return [tokens[0], *up, *tokens[start:]]
    return tokens


def _said_behind(tokens: Tokens, words: list[str]) -> Tokens:
    for start in range(3, len(tokens) - 1):
        if tokens[start].type != "NUMBER" or _end_of_span(tokens, words, start) != len(tokens):
            continue
        said = next((one for one in _LIMITS if words[start - len(one) : start] == one), None)
        counted = said == ["within"] and ("times" in words or "no" in words)
        if said and not counted and start - len(said) > 2:
            up = [tokens[1].corrected("NAME", word) for word in ("up", "to")]
            return [tokens[0], *up, *tokens[start:], *tokens[1 : start - len(said)]]
        return tokens
    return tokens


def _end_of_span(tokens: Tokens, words: list[str], start: int) -> int:
    """Where a sum such as `1 day 12 hours` ends that begins there; `start` if there is none."""
    at = start
    while at + 1 < len(tokens) and tokens[at].type == "NUMBER" and words[at + 1] in _SPANS:
        at += 3 if words[at + 1] == "business" else 2
    return at


DATE_WORDS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = ((frozenset(MONTHS), written_dates),)
"""Each rewriting, behind the words without which there is nothing for it to do."""
LIMITS = (frozenset(("wait",)), limits)
"""After numbers as words have become numbers."""
