"""Conditions as people say them, turned into those of the grammar: `is greater than 50`, `between 5 and 10`,
`is empty`, `is "DE" or "AT"`, `is one of (…)`, `the lead is in list "x"`. Where a word can mean two things it stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dsl.text.lexer import Lexeme
from dsl.text.values import UNITS
from dsl.text.vocabulary import ALL_HEADS

Tokens = list[Lexeme]

HEADS = ("if", "otherwise", "only", "takes", "member", "repeat")
GROUPS = ("segment", "list", "campaign")
PERSONS = ("lead", "they", "who", "he", "she", "person", "contact", "customer")
BEING = ("is", "are", "was")
UNKNOWN = (
    ["is", "empty"], ["is", "blank"], ["is", "missing"], ["is", "not", "set"], ["is", "not", "filled"], ["is", "unset"],
    ["is", "not", "known"], ["does", "not", "exist"], ["is", "not", "available"], ["is", "not", "present"],
)  # fmt: skip
KNOWN = (
    ["is", "not", "empty"], ["is", "not", "blank"], ["is", "not", "missing"], ["is", "set"], ["is", "filled"],
    ["is", "not", "unknown"], ["is", "present"], ["is", "available"], ["exists"],
)  # fmt: skip
MORE = ("greater", "larger", "bigger", "higher", "more", "over", "above", "exceeds")
LESS = ("smaller", "lower", "fewer", "less", "under", "below")
EVENTS_OF_SCORES = ("drops", "falls", "reaches", "rises", "goes")
"""What stands before `below 10` in an event, which is no comparison."""
EQUAL = (["is", "equal", "to"], ["equals"], ["equal", "to"], ["is", "the", "same", "as"])
UNEQUAL = (["is", "not", "equal", "to"], ["does", "not", "equal"], ["is", "different", "from"], ["is", "other", "than"])
ONE_OF = (
    ["is", "one", "of"],
    ["is", "any", "of"],
    ["is", "either", "of"],
    ["is", "among"],
    ["is", "in"],
    ["one", "of"],
)
NONE_OF = (["is", "none", "of"], ["is", "not", "one", "of"], ["is", "not", "any", "of"], ["is", "not", "in"])
_SPANS = frozenset((*UNITS, *(f"{unit}s" for unit in UNITS), "business"))


def _words(tokens: Sequence[Lexeme]) -> list[str]:
    return [str(token) if token.type == "NAME" else "" for token in tokens]


def _said(at: Lexeme, text: str) -> Tokens:
    return [at.corrected("NAME", word) for word in text.split(" ")]


def conditions(tokens: Tokens) -> Tokens:
    """The line with its conditions as the grammar writes them; a line that cannot have any stays."""
    words = _words(tokens)
    asks = words[0] in HEADS or "if" in words or "where" in words or words[0] not in ALL_HEADS
    if not asks:
        return tokens
    for rewrite in (_membership, _comparatives, _phrases, _between, _several, _points):
        tokens = rewrite(tokens, _words(tokens))
    return tokens


def _membership(tokens: Tokens, words: list[str]) -> Tokens:
    """`the lead is in list "x"`, `are on list "x"`, `is not a member of segment "x"`."""
    for at in range(1, len(tokens) - 1):
        if words[at] not in GROUPS or tokens[at + 1].type != "STRING":
            continue
        start = at - 1
        if words[start] == "of" and words[start - 1 : start] == ["member"]:
            start -= 2 if words[start - 2 : start - 1] in (["a"], ["no"]) else 1
        elif words[start] not in ("in", "on"):
            continue
        denied = words[start - 1 : start] == ["not"] or words[start] == "no"
        first = start - (words[start - 1 : start] == ["not"])
        being = first > 0 and words[first - 1] in BEING
        first -= being
        if first > 0 and words[first - 1] in PERSONS and (being or words[start] not in ("in", "on")):
            first -= 1 + (words[first - 2 : first - 1] == ["the"])
        if first == start - denied and words[start] == "in":
            continue
        group = _said(tokens[start], "not in" if denied else "in")
        return _membership_on([*tokens[:first], *group, *tokens[at:]], first + len(group) + 2)
    return tokens


def _membership_on(tokens: Tokens, done: int) -> Tokens:
    rest = tokens[done:]
    return [*tokens[:done], *_membership(rest, _words(rest))] if len(rest) > 2 else tokens


def _phrases(tokens: Tokens, words: list[str]) -> Tokens:
    """`is empty`, `equals`, `is one of`, `is true`, and `more than 5 years ago` without its `is`."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        for ways, meant in ((UNKNOWN, "is unknown"), (KNOWN, "is known"), (UNEQUAL, "is not"), (EQUAL, "is")):
            if index and (length := _starts(words, index, ways)):
                done += _said(tokens[index], meant)
                break
        else:
            listed = _starts(words, index, (*ONE_OF, *NONE_OF))
            opened = index + listed < len(tokens) and tokens[index + listed].type in ("_LPAR", "STRING")
            if listed and opened:
                denied = bool(_starts(words, index, NONE_OF))
                length, said = _list_of(tokens, index + listed, "not in" if denied else "in")
                done += said
                length += listed
            elif words[index] in ("true", "false") and words[index - 1] in ("is", "not"):
                done.append(tokens[index].corrected("NAME", "yes" if words[index] == "true" else "no"))
                length = 1
            else:
                if words[index] in ("more", "less") and _is_ago(tokens, words, index) and words[index - 1] != "is":
                    done += _said(tokens[index], "is")
                done.append(tokens[index])
                length = 1
        index += length
    return done


def _starts(words: list[str], index: int, ways: Sequence[Sequence[str]]) -> int:
    """How many words of the longest of these ways to say it stand there."""
    return max((len(way) for way in ways if words[index : index + len(way)] == list(way)), default=0)


def _list_of(tokens: Tokens, start: int, head: str) -> tuple[int, Tokens]:
    """How many tokens a list has that begins there, and the list in parentheses."""
    at = tokens[start]
    if at.type == "_LPAR":
        return 0, _said(at, head)
    values, end = [at], start + 1
    while (joint := _joint(tokens, end)) and end + joint < len(tokens) and tokens[end + joint].type == "STRING":
        values += [tokens[end].corrected("_COMMA", ","), tokens[end + joint]]
        end += joint + 1
    return end - start, [*_said(at, head), at.corrected("_LPAR", "("), *values, at.corrected("_RPAR", ")")]


def _joint(tokens: Tokens, index: int) -> int:
    """How many tokens join two values there: a comma, `or`, or both."""
    if index >= len(tokens):
        return 0
    joins = [token.type == "_COMMA" or token == "or" for token in tokens[index : index + 2]]
    return 2 if joins == [True, True] and tokens[index].type == "_COMMA" else int(joins[0])


def _is_ago(tokens: Tokens, words: list[str], index: int) -> bool:
    """Whether `than 5 years ago` follows."""
    end = index + 2
    while end + 1 < len(tokens) and tokens[end].type == "NUMBER" and words[end + 1] in _SPANS:
        end += 2
    return words[index + 1 : index + 2] == ["than"] and words[end : end + 1] == ["ago"]


def _comparatives(tokens: Tokens, words: list[str]) -> Tokens:
    """`is greater than 50`, `over 50`, `is greater than or equal to 50`."""
    done: Tokens = []
    index = 0
    while index < len(tokens):
        sign = "more" if words[index] in MORE else "less" if words[index] in LESS else ""
        end = index + 1 + (words[index + 1 : index + 2] == ["than"])
        exact = words[end : end + 3] == ["or", "equal", "to"]
        end += 3 * exact
        number = end < len(tokens) and tokens[end].type == "NUMBER" and words[end + 1 : end + 2] != ["times"]
        span = words[end + 1 : end + 2] and words[end + 1] in _SPANS
        if not sign or not number or span or index == 0 or words[index - 1] in EVENTS_OF_SCORES:
            done.append(tokens[index])
            index += 1
            continue
        if done and done[-1].type == "NAME" and done[-1] == "is":
            done.pop()
        meant = {"more": "at least", "less": "at most"}[sign] if exact else f"{sign} than"
        done += _said(tokens[index], f"is {meant}")
        index = end
    return done


def _between(tokens: Tokens, words: list[str]) -> Tokens:
    """`size is between 5 and 10`: both ends count."""
    for at in range(2, len(tokens) - 3):
        if words[at] != "between":
            continue
        end = at - (words[at - 1] == "is")
        start = end - 3 if words[end - 2 : end - 1] == ["of"] else end - 1
        first = _amount(tokens, at + 1)
        second = _amount(tokens, at + 2 + first) if words[at + 1 + first : at + 2 + first] == ["and"] else 0
        if not (first and second) or start < 1 or not words[start]:
            continue
        operand, mark = tokens[start:end], tokens[at]
        low, high = tokens[at + 1 : at + 1 + first], tokens[at + 2 + first : at + 2 + first + second]
        both = [
            *operand,
            mark.corrected("GE", ">="),
            *low,
            *_said(mark, "and"),
            *operand,
            mark.corrected("LE", "<="),
            *high,
        ]
        opened, closed = operand[0].corrected("_LPAR", "("), high[-1].corrected("_RPAR", ")")
        rest = tokens[at + 2 + first + second :]
        return [*tokens[:start], opened, *both, closed, *rest]
    return tokens


def _amount(tokens: Tokens, index: int) -> int:
    """How many tokens a number or an amount has there."""
    if index >= len(tokens) or tokens[index].type != "NUMBER" or ":" in tokens[index]:
        return 0
    unit = index + 1 < len(tokens) and tokens[index + 1].type == "NAME" and tokens[index + 1].isupper()
    return 1 + unit


def _several(tokens: Tokens, words: list[str]) -> Tokens:
    """`country is "DE" or "AT"`."""
    for at in range(2, len(tokens)):
        if tokens[at].type == "STRING" and words[at - 1] == "is" and _joint(tokens, at + 1):
            length, said = _list_of(tokens, at, "in")
            if length > 1:
                rest = tokens[at + length :]
                return [*tokens[: at - 1], *said, *_several(rest, _words(rest))]
    return tokens


def _points(tokens: Tokens, words: list[str]) -> Tokens:
    """`score >= 50 points`."""
    if words[0] not in ("if", "otherwise", "only", "repeat") or "score" not in words:
        return tokens
    return [
        token for index, token in enumerate(tokens)
        if not (words[index] in ("points", "point") and index and tokens[index - 1].type == "NUMBER")
    ]  # fmt: skip


_TRIGGERS = frozenset((
    *GROUPS, *MORE, *LESS, "between", "is", "are", "was", "exists", "exist", "equal", "equals", "one", "points",
    "point",
))  # fmt: skip
CONDITION_WORDS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = ((_TRIGGERS, conditions),)
"""Each rewriting, behind the words without which there is nothing for it to do."""
