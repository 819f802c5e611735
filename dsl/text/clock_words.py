"""Times and spans as people say them, turned into those of the grammar: `9am`, `9:00 pm`, `noon`, `5 min`, `3 working
days`, `repeat 3 times weekly`. Where a word can mean two things it stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dsl.text.lexer import Lexeme

Tokens = list[Lexeme]

_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(am|pm)?", re.IGNORECASE)
_HALVES = ("am", "pm", "AM", "PM")
NOON = ("noon", "midday", "midnight")
BEFORE_TIMES = (
    "at", "between", "and", "from", "to", "until", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
    "sunday",
)  # fmt: skip
SHORT: Mapping[str, str] = {
    "min": "minutes", "mins": "minutes", "hr": "hours", "hrs": "hours", "wk": "weeks", "wks": "weeks", "yr": "years",
    "yrs": "years",
}  # fmt: skip
COUNTING = ("a", "an", "one", "two", "three", "four", "five", "six", "ten", "twelve", "fifteen", "twenty", "thirty")
ADVERBS: Mapping[str, tuple[str, str]] = {
    "hourly": ("1", "hour"), "daily": ("1", "day"), "weekly": ("1", "week"), "fortnightly": ("2", "weeks"),
    "biweekly": ("2", "weeks"), "monthly": ("1", "month"), "quarterly": ("3", "months"), "yearly": ("1", "year"),
    "annually": ("1", "year"),
}  # fmt: skip


def _word(tokens: Tokens, index: int) -> str:
    return str(tokens[index]) if 0 <= index < len(tokens) and tokens[index].type == "NAME" else ""


def times(tokens: Tokens) -> Tokens:
    """`9am`, `9:00 pm`, `9:00`, and `noon` as times of day."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        token, half = tokens[index], _word(tokens, index + 1)
        if token.type == "NUMBER" and (found := _CLOCK.fullmatch(str(token))):
            spoken = half if half in _HALVES and not found[3] else ""
            time = _time(found[1], found[2], found[3] or spoken)
            if time:
                done.append(token.corrected("NUMBER", time))
                index += 2 if spoken else 1
                continue
        elif token in NOON and token.type == "NAME" and _word(tokens, index - 1).lower() in BEFORE_TIMES:
            ends = "24:00" if _word(tokens, index - 1) in ("and", "to") else "00:00"
            token = token.corrected("NUMBER", ends if token == "midnight" else "12:00")
        done.append(token)
        index += 1
    return done


def _time(hour: str, minute: str | None, half: str) -> str:
    """The time as HH:MM; empty when it is written so already, or is none."""
    if not half:
        return f"0{hour}:{minute}" if minute and len(hour) == 1 else ""
    number = int(hour)
    if not 1 <= number <= 12 or int(minute or 0) > 59:
        return ""
    return f"{number % 12 + (12 if half.lower() == 'pm' else 0):02}:{minute or '00'}"


def spans(tokens: Tokens) -> Tokens:
    """`5 min`, `3 working days`."""
    done: Tokens = []
    for index, token in enumerate(tokens):
        word = _word(tokens, index)
        counted = index > 0 and (tokens[index - 1].type == "NUMBER" or _word(tokens, index - 1) in COUNTING)
        if counted and word in SHORT:
            token = token.corrected("NAME", SHORT[word])
        elif counted and word in ("working", "work") and _word(tokens, index + 1) in ("day", "days", "hour", "hours"):
            token = token.corrected("NAME", "business")
        elif counted and word in ("workday", "workdays"):
            done.append(token.corrected("NAME", "business"))
            token = token.corrected("NAME", "days")
        done.append(token)
    return done


def repeats(tokens: Tokens) -> Tokens:
    """`repeat 3 times weekly`, `repeat up to 3 times every week`."""
    if _word(tokens, 0) != "repeat":
        return tokens
    if len(tokens) > 2 and tokens[1].type == "NUMBER" and _word(tokens, 2) in ("times", "time", "rounds"):
        added = [tokens[1].corrected("NAME", word) for word in ("up", "to")]
        tokens = [tokens[0], *added, *tokens[1:]]
    done: Tokens = []
    for index, token in enumerate(tokens):
        adverb = ADVERBS.get(_word(tokens, index)) if _word(tokens, index - 1) in ("times", "time") else None
        if adverb is None:
            done.append(token)
        else:
            number, unit = adverb
            done += [token.corrected("NAME", "every"), token.corrected("NUMBER", number), token.corrected("NAME", unit)]
    return done


CLOCK_WORDS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(), times),
    (frozenset((*SHORT, "working", "work", "workday", "workdays")), spans),
)
"""Each rewriting, behind the words without which there is nothing for it to do; without words, for every line."""
REPEATS = (frozenset(("repeat",)), repeats)
"""After numbers as words have become numbers."""
