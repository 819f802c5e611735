"""Steps and re-entry as people say them, turned into those of the grammar: `enter "x"`, `add to "x"`, `increase size by
5`, `subtract 5 points`, `set plan = "pro"`, `hand off to "Sales"`, `at most one email a day`."""

from __future__ import annotations

from collections.abc import Callable

from dsl.text.lexer import Lexeme
from dsl.text.values import UNITS

Tokens = list[Lexeme]

_SPANS = frozenset((*UNITS, *(f"{unit}s" for unit in UNITS), "business"))
_GIVES = ("give", "award", "grant")
_TAKES = ("subtract", "deduct", "remove", "take")


def _words(tokens: Tokens) -> list[str]:
    return [str(token) if token.type == "NAME" else "" for token in tokens]


def _said(at: Lexeme, text: str) -> Tokens:
    return [at.corrected("NAME", word) for word in text.split(" ")]


def _kinds(tokens: Tokens) -> list[str]:
    return [
        str(token) if token.type == "NAME" else {"STRING": "@", "NUMBER": "#"}.get(token.type, "") for token in tokens
    ]


def campaigns(tokens: Tokens) -> Tokens:
    """`enter "x"`, `start campaign "x"`, `move to "x"`, `leave "x"`, `stop campaign "x"`."""
    kinds = _kinds(tokens)
    if kinds[:2] in (["enter", "@"], ["leave", "@"]):
        return [tokens[0], *_said(tokens[0], "campaign"), *tokens[1:]]
    if kinds[:3] == ["move", "to", "@"]:
        return [*tokens[:2], *_said(tokens[1], "campaign"), *tokens[2:]]
    if kinds[:3] in (["start", "campaign", "@"], ["stop", "campaign", "@"]):
        return [tokens[0].corrected("NAME", "enter" if kinds[0] == "start" else "leave"), *tokens[1:]]
    return tokens


def groups(tokens: Tokens) -> Tokens:
    """`add to "x"`, `remove from lists "x", "y"`, `add to list "x" and list "y"`, `subscribe "x"`, `subscribe to topic
    "x"`."""
    kinds = _kinds(tokens)
    if kinds[:2] in (["add", "to"], ["remove", "from"]) and kinds[2:3] in (["@"], ["lists"], ["list"]):
        names = [token for token, kind in zip(tokens[2:], kinds[2:], strict=True) if kind not in ("list", "lists")]
        return [*tokens[:2], *_said(tokens[1], "list"), *names]
    if kinds[:2] == ["subscribe", "@"]:
        return [tokens[0], *_said(tokens[0], "to"), *tokens[1:]]
    if kinds[:2] in (["subscribe", "to"], ["unsubscribe", "from"]):
        drop = 1 + (kinds[2:3] == ["the"]) if kinds[2:3] in (["topic"], ["topics"]) or kinds[3:4] == ["topic"] else 0
        return [*tokens[:2], *tokens[2 + drop :]]
    return tokens


def amounts(tokens: Tokens) -> Tokens:
    """`increase size by 5`, `subtract 5 points`, `add 5 to score`, `set plan = "pro"`, `set end to tomorrow`."""
    kinds = _kinds(tokens)
    if kinds[:1] in (["increase"], ["decrease"]) and kinds[2:4] == ["by", "#"] and len(tokens) == 4:
        number = _negated(tokens[3]) if kinds[0] == "decrease" else tokens[3]
        return [*_said(tokens[0], "add"), number, *_said(tokens[2], "to"), tokens[1]]
    if kinds[0] in (*_GIVES, *_TAKES) and kinds[1:2] == ["#"] and kinds[2:3] in (["points"], ["point"]):
        number = _negated(tokens[1]) if kinds[0] in _TAKES else tokens[1]
        return [*_said(tokens[0], "add"), number, *_said(tokens[2], "points"), *tokens[3:]]
    if kinds[:2] == ["add", "#"] and kinds[2:] == ["to", "score"]:
        return [*tokens[:2], *_said(tokens[2], "points")]
    if kinds[0] == "set" and len(tokens) > 3 and (tokens[2].type == "EQ" or kinds[2] in ("is", "as")):
        tokens = [*tokens[:2], *_said(tokens[2], "to"), *tokens[3:]]
    if kinds[0] == "set" and kinds[2:] == ["to", "tomorrow"]:
        one = tokens[3].corrected("NUMBER", "1")
        return [*tokens[:3], *_said(tokens[3], "today plus"), one, *_said(tokens[3], "day")]
    return tokens


def _negated(number: Lexeme) -> Lexeme:
    text = str(number)
    return number.corrected("NUMBER", text[1:] if text.startswith("-") else f"-{text.removeprefix('+')}")


def waits(tokens: Tokens) -> Tokens:
    """`wait 2 days before contract_end`, `wait for a reply to email "x"`, `wait for email "x" to be clicked`."""
    kinds = _kinds(tokens)
    at = 1
    while kinds[at : at + 1] == ["#"] and kinds[at + 1 : at + 2] and kinds[at + 1] in _SPANS:
        at += 3 if kinds[at + 1] == "business" else 2
    if at > 1 and kinds[at : at + 1] in (["before"], ["after"]) and len(tokens) > at + 1:
        return [tokens[0], *_said(tokens[0], "until"), *tokens[1:]]
    start = next((index for index, kind in enumerate(kinds) if kind == "for"), 0)
    if start and kinds[start + 1 : start + 5] in (["a", "reply", "to", "email"], ["a", "click", "in", "email"]):
        verb = "replied" if kinds[start + 2] == "reply" else "clicked"
        if kinds[start + 5 : start + 6] == ["@"]:
            done = _said(tokens[start + 2], f"is {verb}")
            return [*tokens[: start + 1], *tokens[start + 4 : start + 6], *done, *tokens[start + 6 :]]
    for index in range(start + 1, len(tokens) - 2):
        if start and kinds[index : index + 2] == ["to", "be"] and kinds[index - 1] == "@":
            return [*tokens[:index], *_said(tokens[index], "is"), *tokens[index + 2 :]]
    return tokens


def sales(tokens: Tokens) -> Tokens:
    """`hand off`, `hand over to sales`, `hand off to "Sales"`, `hand off to Sales`."""
    kinds = _kinds(tokens)
    if kinds[:2] == ["hand", "over"]:
        tokens = [tokens[0], *_said(tokens[1], "off"), *tokens[2:]]
        kinds = _kinds(tokens)
    if kinds == ["hand", "off"]:
        return [*tokens, *_said(tokens[1], "to sales")]
    if kinds[:4] == ["hand", "off", "to", "@"]:
        return [*tokens[:3], *_said(tokens[2], "team"), *tokens[3:]]
    if kinds[:4] == ["hand", "off", "to", "Sales"]:
        return [*tokens[:3], *_said(tokens[3], "sales"), *tokens[4:]]
    return tokens


def entries(tokens: Tokens) -> Tokens:
    """`enters only once`, `enters again every year`, `re-enters after 30 days`, `enters at most once per month`."""
    kinds = _kinds(tokens)
    if kinds[0] == "re-enters":
        return [*_said(tokens[0], "enters again"), *tokens[1:]]
    if kinds == ["enters", "only", "once"]:
        return [tokens[0], tokens[2]]
    if kinds[:3] == ["enters", "again", "every"]:
        return [tokens[0], *tokens[2:]]
    if kinds[:4] == ["enters", "at", "most", "once"] and kinds[4:5] in (["per"], ["a"], ["every"]):
        return [tokens[0], *_said(tokens[4], "every"), *tokens[5:]]
    return tokens


def limits(tokens: Tokens) -> Tokens:
    """`no more than 3 emails per week`, `maximum 3 emails per week`, `at most one email a day`."""
    kinds = _kinds(tokens)
    if "emails" not in kinds and "email" not in kinds:
        return tokens
    for said in (["no", "more", "than"], ["not", "more", "than"], ["maximum"], ["max"], ["up", "to"]):
        if kinds[: len(said)] == said:
            tokens = [*_said(tokens[0], "at most"), *tokens[len(said) :]]
            kinds = _kinds(tokens)
    if (
        kinds[:2] == ["at", "most"]
        and kinds[3:4] in (["email"], ["emails"])
        and kinds[4:5] in (["a"], ["an"], ["every"])
    ):
        return [*tokens[:4], *_said(tokens[4], "per"), *tokens[5:]]
    return tokens


def events(tokens: Tokens) -> Tokens:
    """`email "x" is opened, clicked or replied`."""
    kinds = _kinds(tokens)
    done: Tokens = []
    for index, token in enumerate(tokens):
        listed = (
            token.type == "_COMMA" and kinds[index - 2 : index - 1] == ["is"] and "or" in kinds[index + 2 : index + 3]
        )
        done.append(token.corrected("NAME", "or") if listed else token)
    return done


STEP_WORDS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(("enter", "move", "leave", "start", "stop")), campaigns),
    (frozenset(("add", "remove", "subscribe", "unsubscribe")), groups),
    (frozenset(("increase", "decrease", "add", "set", *_GIVES, *_TAKES)), amounts),
    (frozenset(("wait",)), waits),
    (frozenset(("hand",)), sales),
    (frozenset(("enters", "re-enters")), entries),
    (frozenset(("email", "emails")), limits),
    (frozenset(("email",)), events),
)
"""Each rewriting, behind the words without which there is nothing for it to do."""
