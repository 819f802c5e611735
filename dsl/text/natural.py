"""Words that have one meaning only, turned into those of the grammar: `every month`, `a day`, `twice`, `1 email`, `on
Mondays`, `more than 5 years ago`. Works on one line's tokens; what stands in the file stays as it was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from dsl.names.events import DEED_VERBS
from dsl.plan import ORIGIN
from dsl.text.clock_words import CLOCK_WORDS, REPEATS
from dsl.text.condition_words import CONDITION_WORDS
from dsl.text.date_words import DATE_WORDS, LIMITS
from dsl.text.declaration_words import DECLARATION_WORDS
from dsl.text.deeds import ARTICLES, awaited, history
from dsl.text.event_words import EVENT_WORDS
from dsl.text.lexer import Lexeme
from dsl.text.step_words import STEP_WORDS
from dsl.text.values import UNITS, WEEKDAYS
from dsl.text.wordings import WORDINGS

Tokens = list[Lexeme]

SPANS = frozenset((*UNITS, *(f"{unit}s" for unit in UNITS)))
COUNTS: Mapping[str, str] = {
    "a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
    "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20", "thirty": "30",
    "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90", "hundred": "100",
}  # fmt: skip
"""Numbers as words, where something that is counted follows."""
COUNTED: Mapping[str, str] = {
    "email": "emails", "mail": "emails", "mails": "emails", "time": "times", "point": "points", "round": "times",
    "rounds": "times",
}  # fmt: skip
"""What stands behind a number, in the number that the grammar has."""
ADVERBS: Mapping[str, str] = {"once": "1", "twice": "2", "thrice": "3"}
BEFORE_ONE = ("last", "next", "every")
"""Words after which a unit without a number is one of them."""
LISTED = (
    "subscribe", "unsubscribe", "add", "remove", "enter", "leave", "languages", "holidays", "agreed", "allowed",
    "pages", "files", "emails", "send", "nobody",
)  # fmt: skip
"""Lines that take several names, where `and` joins two of them as a comma does."""
MAKERS = ("form", "event", "call", "chat", "webinar", "meeting", "order", "deal", "import", "api")
"""What can make a lead known, as `created_by` keeps it."""
AFTER_LAST: Mapping[str, tuple[list[str], ...]] = {
    "start again": (
        ["start", "over"], ["begin", "again"], ["from", "the", "beginning"], ["from", "the", "start"], ["repeat"],
        ["again"], ["restart"], ["from", "the", "first"],
    ),
    "send nothing": (["nothing"], ["nothing", "more"], ["stop", "sending"], ["no", "more"], ["no", "email"]),
}  # fmt: skip
"""How people say what comes after the last email of `send next of`."""
SUFFIXES = ("as", "with", "within", "testing")
"""What can follow the template of a `send`."""
DAYS_IN = ("wait", "sends", "starts", "business")
DAYS: Mapping[str, str] = {
    **{form: day for day in WEEKDAYS for form in (day, day.capitalize(), f"{day}s", f"{day.capitalize()}s")},
    "weekday": "weekdays", "Weekdays": "weekdays", "weekend": "weekends", "Weekends": "weekends", "Daily": "daily",
}  # fmt: skip


def natural(tokens: Tokens) -> Tokens:
    """The line as the grammar writes it. Inserted words stand where the word beside them stands."""
    words = {str(token) for token in tokens if token.type == "NAME"}
    for triggers, rewrite in _all_rewrites():
        if not triggers or not triggers.isdisjoint(words):
            tokens = rewrite(tokens)
    return tokens


@cache
def _all_rewrites() -> tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...]:
    """Each with the words of which the line must have one; none: it looks at every line."""
    return (
        *DATE_WORDS, *CLOCK_WORDS, *STEP_WORDS, *EVENT_WORDS, *DECLARATION_WORDS, *CONDITION_WORDS, *WORDINGS,
        *_REWRITES, REPEATS, LIMITS,
    )  # fmt: skip


def _word(tokens: Sequence[Lexeme], index: int) -> str:
    """The word there; empty for a text, a number, a sign, or nothing."""
    return str(tokens[index]) if 0 <= index < len(tokens) and tokens[index].type == "NAME" else ""


def _is_number(tokens: Sequence[Lexeme], index: int) -> bool:
    return 0 <= index < len(tokens) and tokens[index].type == "NUMBER"


def _is_span(tokens: Sequence[Lexeme], index: int) -> bool:
    return _word(tokens, index) in SPANS or (_word(tokens, index) == "business" and _word(tokens, index + 1) in SPANS)


def _numbers(tokens: Tokens) -> Tokens:
    """`a day`, `two weeks`, `twice within`."""
    done: Tokens = []
    for index, token in enumerate(tokens):
        word = _word(tokens, index)
        follows = _is_span(tokens, index + 1) or _word(tokens, index + 1) in (*COUNTED, *COUNTED.values(), "soft")
        if word in COUNTS and follows:
            done.append(token.corrected("NUMBER", COUNTS[word]))
        elif word in ADVERBS and (_word(tokens, index - 1) in ("most", "least") or _counts_events(tokens, index)):
            done += [token.corrected("NUMBER", ADVERBS[word]), token.corrected("NAME", "times")]
        else:
            done.append(token)
    return done


def _counts_events(tokens: Sequence[Lexeme], index: int) -> bool:
    return _word(tokens, index) != "once" and _word(tokens, index + 1) == "within"


def _units(tokens: Tokens) -> Tokens:
    """`in the last week`, `repeat up to 3 times every month`."""
    done: Tokens = []
    starts = _word(tokens, 0) in ("starts", "enters")
    for index, token in enumerate(tokens):
        before = _word(tokens, index - 1)
        regular = starts and "every" in (before, _word(tokens, index - 2))
        if before in BEFORE_ONE and _is_span(tokens, index) and not regular:
            done.append(token.corrected("NUMBER", "1"))
        done.append(token)
    return done


def _plurals(tokens: Tokens) -> Tokens:
    """`1 email`, `1 time`, `1 point`; `up to 20 open leads`; `+10 points when …`."""
    done: Tokens = []
    for index, token in enumerate(tokens):
        word = _word(tokens, index)
        if index == 1 and word in ("points", "point") and _is_number(tokens, 0):
            continue
        if word in ("lead", "leads") and _word(tokens, index - 1) == "open" and _is_number(tokens, index - 2):
            continue
        if word in COUNTED and _is_number(tokens, index - 1):
            token = token.corrected("NAME", COUNTED[word])
        done.append(token)
    return done


def _days(tokens: Tokens) -> Tokens:
    if _word(tokens, 0) not in DAYS_IN:
        return tokens
    renamed = (DAYS.get(_word(tokens, index), "") for index in range(len(tokens)))
    return [token.corrected("NAME", day) if day else token for token, day in zip(tokens, renamed, strict=True)]


def _sends(tokens: Tokens) -> Tokens:
    """`send email "x"`, also without its quotes, which are missed later; and how a series goes on after the last."""
    words = [_word(tokens, index) for index in range(len(tokens))]
    for meant, ways in AFTER_LAST.items():
        for said in ways:
            at = len(words) - len(said)
            if words[:3] == ["send", "next", "of"] and words[at - 1 :] == ["then", *said]:
                tokens = [*tokens[:at], *(tokens[at].corrected("NAME", word) for word in meant.split(" "))]
    sends = _word(tokens, 0) == "send" and _word(tokens, 1) in ("email", "mail") and len(tokens) > 2
    named = sends and (tokens[2].type == "STRING" or _word(tokens, 2) not in ("", *SUFFIXES))
    return [tokens[0], *tokens[2:]] if named else tokens


def _history(tokens: Tokens) -> Tokens:
    """`has placed order where state is "open" or state is "paid"`, in parentheses: both are about the order, since both
    ask for the same property."""
    words = [_word(tokens, index) for index in range(len(tokens))]
    wheres = [index for index, word in enumerate(words) if word == "where" and "has" in words[:index]]
    for where in reversed(wheres):
        end = _same_property(tokens, where + 1)
        if end is not None:
            opened, closed = tokens[where].corrected("_LPAR", "("), tokens[end - 1].corrected("_RPAR", ")")
            tokens = [*tokens[: where + 1], opened, *tokens[where + 1 : end], closed, *tokens[end:]]
    return tokens


def _same_property(tokens: Sequence[Lexeme], start: int) -> int | None:
    """Where several comparisons of one property end; None if it is one comparison, or none."""
    name, end, several = _word(tokens, start), _comparison(tokens, start), False
    while end is not None and _word(tokens, end) in ("or", "and") and name and _word(tokens, end + 1) == name:
        following = _comparison(tokens, end + 1)
        if following is None:
            return None
        several, end = True, following
    return end if several else None


def _comparison(tokens: Sequence[Lexeme], start: int) -> int | None:
    """Where `name is "value"` ends that begins there."""
    at = start + 1
    if _word(tokens, start) and at < len(tokens):
        if tokens[at].type in ("GT", "LT", "GE", "LE", "EQ") or _word(tokens, at) == "contains":
            at += 1
        elif _word(tokens, at) == "is":
            at += 2 if _word(tokens, at + 1) == "not" else 1
        elif (_word(tokens, at), _word(tokens, at + 1)) == ("starts", "with"):
            at += 2
        else:
            return None
    if at >= len(tokens) or tokens[at].type not in ("STRING", "NUMBER", "NAME"):
        return None
    if at + 2 < len(tokens) and tokens[at + 1].type == "_DOT":
        return at + 3
    money = tokens[at].type == "NUMBER" and _word(tokens, at + 1).isupper()
    return at + 2 if money else at + 1


def _lists(tokens: Tokens) -> Tokens:
    """`"a" and "b"`, in lines that take several names."""
    if _word(tokens, 0) not in LISTED:
        return tokens
    done: Tokens = []
    for index, token in enumerate(tokens):
        beside = [tokens[at].type for at in (index - 1, index + 1) if 0 <= at < len(tokens)]
        joins = _word(tokens, index) == "and" and beside == ["STRING", "STRING"]
        done.append(token.corrected("_COMMA", ",") if joins else token)
    return done


def _dates(tokens: Tokens) -> Tokens:
    """`5 years ago` and `14 days from today` as a date counted from today; `more than 5 years ago` as one before it,
    `less than 5 years ago` as one since; `to in 14 days` as a value."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        token, end = tokens[index], _end_of_span(tokens, index)
        if end > index and (sign := _counted_from(tokens, end)):
            side, length = sign
            done += _from_today(done, side, token, tokens[index:end])
            index = end + length
            continue
        if _word(tokens, index) == "in" and _word(tokens, index - 1) == "to":
            end = _end_of_span(tokens, index + 1)
            if end > index + 1:
                done += [token.corrected("NAME", "today"), token.corrected("NAME", "plus")]
                index += 1
                continue
        done.append(token)
        index += 1
    return done


def _the_day(tokens: Tokens) -> Tokens:
    """`on the day of contract_end`: one token in a wait, and the date alone in an event."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        words = [_word(tokens, at) for at in range(index, index + 4)]
        length = 4 if words == ["on", "the", "day", "of"] else 3 if words[:3] == ["the", "day", "of"] else 0
        if not length:
            done.append(tokens[index])
            index += 1
            continue
        if _word(tokens, 0) == "wait":
            done.append(tokens[index].corrected("THE_DAY", "the day of"))
        elif index == 1 and _word(tokens, 0) == "starts":
            done.append(tokens[index].corrected("NAME", "when"))
        index += length
    return done


def _origins(tokens: Tokens) -> Tokens:
    """`first channel`, `created source`, `created by form "demo"`: the fields that say where a lead came from."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        token, what = tokens[index], _word(tokens, index + 1)
        if _word(tokens, index) in ("first", "created") and what in ORIGIN:
            done.append(token.corrected("NAME", f"{token}_{what}"))
            index += 2
        elif _word(tokens, index) == "created" and what == "by" and _word(tokens, index + 2) in MAKERS:
            noun, name = tokens[index + 2], tokens[index + 3] if index + 3 < len(tokens) else None
            named = name is not None and name.type == "STRING"
            said = f"{noun} {name}" if named else str(noun)
            done += [
                token.corrected("NAME", "created_by"),
                noun.corrected("NAME", "is"),
                noun.corrected("STRING", said),
            ]
            index += 4 if named else 3
        else:
            done.append(token)
            index += 1
    return done


def _counted_from(tokens: Sequence[Lexeme], at: int) -> tuple[str, int] | None:
    """What follows a span that is counted from today: its sign, and how many words say so."""
    if _word(tokens, at) == "ago":
        return "minus", 1
    if _word(tokens, at) in ("from", "after") and _word(tokens, at + 1) in ("today", "now"):
        return "plus", 2
    if _word(tokens, at) == "before" and _word(tokens, at + 1) == "today":
        return "minus", 2
    return None


def _from_today(done: Tokens, sign: str, at: Lexeme, span: Sequence[Lexeme]) -> Tokens:
    """The date that a span from today means, with the comparison before it in words for dates."""
    compared = (str(done[-2]), str(done[-1])) if len(done) > 1 and str(done[-1]) == "than" else ("", "")
    if compared[0] in ("more", "over") or compared[0] in ("less", "under"):
        more = compared[0] in ("more", "over")
        if not more and sign == "minus":
            done[-2:] = [at.corrected("NAME", word) for word in ("in", "the", "last")]
            return list(span)
        if not more:
            done[-2:] = [at.corrected("NAME", word) for word in ("in", "the", "next")]
            return list(span)
        done[-2:] = [at.corrected("NAME", "before" if sign == "minus" else "after")]
    return [at.corrected("NAME", "today"), at.corrected("NAME", sign), *span]


def _end_of_span(tokens: Sequence[Lexeme], index: int) -> int:
    """Where a sum such as `1 day 12 hours` that begins at `index` ends; `index` when there is none."""
    while _is_number(tokens, index) and _is_span(tokens, index + 1):
        index += 3 if _word(tokens, index + 1) == "business" else 2
    return index


_REWRITES: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(DEED_VERBS), history),
    (frozenset((*ARTICLES, "until")), awaited),
    (frozenset((*COUNTS, *ADVERBS)), _numbers),
    (frozenset(BEFORE_ONE), _units),
    (frozenset((*COUNTED, "points", "leads", "lead")), _plurals),
    (frozenset(DAYS) - frozenset(WEEKDAYS), _days),
    (frozenset(("and",)), _lists),
    (frozenset(("send",)), _sends),
    (frozenset(("where",)), _history),
    (frozenset(("ago", "from", "after", "before", "in")), _dates),
    (frozenset(("day",)), _the_day),
    (frozenset(("first", "created")), _origins),
)
"""Each rewriting, behind the words without which there is nothing for it to do."""
