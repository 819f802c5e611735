"""Lines of the workspace and of forms as people say them, turned into those of the grammar: `sends on weekdays from 9
to 17`, `business hours on weekdays from 9am to 5pm`, `mail requires consent`, `ask for email is required`, `button "Go"
in "en"`."""

from __future__ import annotations

import re
from collections.abc import Callable

from dsl.text.lexer import Lexeme
from dsl.text.values import WEEKDAYS

Tokens = list[Lexeme]

_HOUR = re.compile(r"\d{1,2}")
_TIMES = re.compile(r"(\d{1,2}:\d{2})[-–](\d{1,2}:\d{2})")
_EVERY = ["monday", "to", "sunday"]
_LABELS = ("labeled", "labelled", "label", "as", "called", "named")
_TEXTS = ("title", "intro", "button", "ask", "consent")
_WINDOWS = (["sends"], ["quiet", "hours"], ["business", "hours"])


def _words(tokens: Tokens) -> list[str]:
    return [str(token) if token.type == "NAME" else "" for token in tokens]


def _said(at: Lexeme, text: str) -> Tokens:
    return [at.corrected("NAME", word) for word in text.split(" ")]


def hours(tokens: Tokens) -> Tokens:
    """`sends between 9 and 17`, `business hours on weekdays from 9 to 17`, `quiet hours from 20:00 until 08:00`."""
    words = _words(tokens)
    if not any(words[: len(head)] == head for head in _WINDOWS):
        return tokens
    tokens = [part for token in tokens for part in _parts(token)]
    words = _words(tokens)
    if words[:2] == ["quiet", "hours"]:
        return [
            token.corrected("NAME", "to") if word == "until" else token
            for token, word in zip(tokens, words, strict=True)
        ]
    if words[:3] == ["sends", "only", "on"]:
        tokens, words = [tokens[0], *tokens[2:]], [words[0], *words[2:]]
    if words[:2] == ["sends", "between"]:
        tokens = [tokens[0], *_said(tokens[0], "on monday to sunday"), *tokens[1:]]
    if words[:3] == ["business", "hours", "on"]:
        tokens = [*tokens[:2], *tokens[3:]]
    words = _words(tokens)
    if words[:2] == ["business", "hours"] and words[2:3] in (["weekdays"], ["weekday"]):
        tokens = [*tokens[:2], *_said(tokens[2], "monday to friday"), *tokens[3:]]
    words = _words(tokens)
    ends = words[0] == "sends" and [
        at for at in range(3, len(tokens) - 3) if words[at] == "from" and words[at + 2] == "to"
    ]
    for at in ends or ():
        tokens[at], tokens[at + 2] = tokens[at].corrected("NAME", "between"), tokens[at + 2].corrected("NAME", "and")
    return _whole_hours(tokens)


def _parts(token: Lexeme) -> Tokens:
    """`monday-friday` and `09:00-17:00` taken apart."""
    first, _, last = str(token).lower().partition("-")
    if token.type == "NAME" and first in WEEKDAYS and last in WEEKDAYS:
        return _said(token, f"{first} to {last}")
    if token.type == "NUMBER" and (found := _TIMES.fullmatch(str(token))):
        start, end = (token.corrected("NUMBER", one.zfill(5)) for one in found.groups())
        return [token.corrected("NAME", "from"), start, token.corrected("NAME", "to"), end]
    return [token]


def _whole_hours(tokens: Tokens) -> Tokens:
    """`9` and `17` as times of day, where the second is later, so that they can only mean that."""
    at = [index for index, token in enumerate(tokens) if token.type == "NUMBER"]
    bare = [index for index in at if _HOUR.fullmatch(str(tokens[index]))]
    hours = [int(found[0]) for index in at if (found := _HOUR.match(str(tokens[index])))]
    if not bare or len(at) != 2 or len(hours) != 2 or not hours[0] < hours[1] <= 24:
        return tokens
    return [
        token.corrected("NUMBER", f"{int(token):02}:00") if index in bare else token
        for index, token in enumerate(tokens)
    ]


def rules(tokens: Tokens) -> Tokens:
    """`mail requires consent`, `mail needs opt-in`, `currency "EUR"`, `at most 3 emails in 7
    days`."""
    words = _words(tokens)
    asked = words[2:] in (["consent"], ["permission"], ["opt-in"], ["optin"])
    if words[0] in ("mail", "tracking") and words[1:2] in (["needs"], ["requires"], ["need"]) and asked:
        return [tokens[0], *_said(tokens[1], "needs consent")]
    if words[:1] == ["currency"] and len(tokens) == 2 and tokens[1].type == "STRING" and tokens[1].isidentifier():
        return [tokens[0], tokens[1].corrected("NAME", str(tokens[1]))]
    if (
        words[:2] == ["at", "most"]
        and words[3:4] in (["emails"], ["mails"])
        and words[4:5] in (["in"], ["within"], ["during"])
    ):
        return [*tokens[:4], *_said(tokens[4], "per"), *tokens[5:]]
    return tokens


def forms(tokens: Tokens) -> Tokens:
    """`ask for email is required`, `ask email as "Your email" required`, `button "Go" in "en"`, `consent "I agree" to
    topic "news"`."""
    words = _words(tokens)
    if words[0] not in _TEXTS:
        return tokens
    if words[0] == "ask" and words[1:2] == ["for"] and len(tokens) > 2 and words[2]:
        tokens = [tokens[0], *tokens[2:]]
    if words[0] == "consent" and words[-3:-1] == ["to", "topic"]:
        tokens = [*tokens[:-3], tokens[-3].corrected("NAME", "for"), *tokens[-2:]]
    words = _words(tokens)
    if words[0] == "ask":
        tokens = [
            token for index, token in enumerate(tokens)
            if not (index > 1 and words[index] in _LABELS and tokens[index + 1 : index + 2] and not words[index + 1])
            and not (words[index] == "is" and words[index + 1 : index + 2] == ["required"])
        ]  # fmt: skip
        words = _words(tokens)
        if words[-1] == "required" and len(tokens) > 3:
            tokens = [*tokens[:2], tokens[-1], *tokens[2:-1]]
    return _languages_first(tokens)


def _languages_first(tokens: Tokens) -> Tokens:
    """`"Go" in "en"` as `"en" "Go"`."""
    done = list(tokens)
    at = 1
    while at + 2 < len(done):
        text, joint, language = done[at : at + 3]
        if (text.type, joint.type, str(joint)) == ("STRING", "NAME", "in") and language.type in ("STRING", "NAME"):
            done[at : at + 3] = [text.corrected("STRING", str(language)), language.corrected("STRING", str(text))]
        at += 1
    return done


def data(tokens: Tokens) -> Tokens:
    """`order has sku text required`: a property is required unless the line says `optional`."""
    words = _words(tokens)
    if "has" not in words[1:3]:
        return tokens
    return [
        token for index, token in enumerate(tokens)
        if not (words[index] == "required" and index > 3 and (index + 1 == len(tokens) or not words[index + 1]))
    ]  # fmt: skip


DECLARATION_WORDS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(("sends", "quiet", "business")), hours),
    (frozenset(("mail", "tracking", "currency", "emails", "mails")), rules),
    (frozenset(_TEXTS), forms),
    (frozenset(("required",)), data),
)
"""Each rewriting, behind the words without which there is nothing for it to do."""
