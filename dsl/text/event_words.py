"""Events as people say them, turned into those of the grammar: `lead visits page "/x"`, `form "x" submitted`, `order
was placed`, `added to list "x"`, `plan becomes "pro"`, `no activity for 30 days`. What can mean two things stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dsl.names.events import EVENTS, NOUNS
from dsl.text.lexer import Lexeme

Tokens = list[Lexeme]

HEADS = ("starts", "leaves", "whenever", "wait", "or", "goal", "when")
SUBJECTS = ("lead", "someone", "somebody", "visitor", "contact", "person", "customer", "they", "he", "she", "user")
PASSIVE = frozenset((noun, verb) for (noun, verb), spec in EVENTS.items() if " is " in spec.example)
"""Events that are written with `is`."""
ACTIVE: Mapping[str, str] = {
    "visits": "visited", "views": "visited", "opens": "opened", "clicks": "clicked", "submits": "submitted",
    "fills": "submitted", "completes": "submitted", "downloads": "downloaded", "watches": "watched",
    "attends": "attended", "registers": "registered", "books": "booked", "places": "placed", "joins": "joined",
    "enters": "entered", "leaves": "left", "replies": "replied",
}  # fmt: skip
SAME: Mapping[tuple[str, str], str] = {
    ("form", "completed"): "submitted", ("form", "filled"): "submitted",
    ("page", "viewed"): "visited", ("email", "answered"): "replied", ("video", "played"): "watched",
    ("topic", "unsubscribed"): "left", ("topic", "subscribed"): "joined", ("list", "added"): "joined",
    ("list", "removed"): "left", ("meeting", "scheduled"): "booked", ("order", "made"): "placed",
}  # fmt: skip
HAPPENED = ("occurs", "fires", "triggers")
WAS = (["was"], ["are"], ["were"], ["gets"], ["got"], ["has", "been"], ["is", "being"])
OF_LISTS = {"added": "joined", "put": "joined", "removed": "left", "taken": "left"}


def _words(tokens: Tokens) -> list[str]:
    return [str(token) if token.type == "NAME" else "" for token in tokens]


def _said(at: Lexeme, text: str) -> Tokens:
    return [at.corrected("NAME", word) for word in text.split(" ")]


def events(tokens: Tokens) -> Tokens:
    """The line with its event as the grammar writes it."""
    words = _words(tokens)
    if words[0] not in HEADS and not (tokens[0].type == "NUMBER" and words[1:2] == ["when"]):
        return tokens
    start = _start(words)
    if not start or start >= len(tokens):
        return tokens
    if words[start] == "every" and words[:2] == ["starts", "when"]:
        return [tokens[0], *tokens[2:]]
    rest = tokens[start:]
    for rewrite in (_subject, _lists, _passive, _fields, _others):
        rest = rewrite(rest, _words(rest))
        if not rest:
            return tokens
    return [*tokens[:start], *_absence(rest, _words(rest))]


def _absence(tokens: Tokens, words: list[str]) -> Tokens:
    """`… and then no order placed within 2 hours`."""
    for at in range(1, len(tokens) - 1):
        if tokens[at - 1].type == "AND_THEN" and words[at] == "no":
            missed = tokens[at + 1 :]
            return [*tokens[: at + 1], *_passive(missed, _words(missed))]
    return tokens


def _start(words: list[str]) -> int:
    """Where the event begins; 0 if the line has none."""
    if words[0] in ("whenever", "goal", "when"):
        return 1
    if words[0] in ("wait", "or"):
        return words.index("for") + 1 if "for" in words else 0
    return 2 if words[1:2] == ["when"] else 0


def _subject(tokens: Tokens, words: list[str]) -> Tokens:
    """`a lead visits page "/x"`, `lead replies to email "x"`, `lead unsubscribes from "news"`."""
    at = int(words[0] in ("a", "an", "the")) if words[1:2] and words[1] in SUBJECTS else 0
    if words[at] not in SUBJECTS or at + 1 >= len(tokens):
        return tokens
    if words[at + 1] == "unsubscribes" and words[at + 2 : at + 3] == ["from"]:
        name = at + 3 + (words[at + 3 : at + 4] == ["topic"])
        return [*_said(tokens[at], "topic"), tokens[name], *_said(tokens[at + 1], "is left"), *tokens[name + 1 :]]
    done = ACTIVE.get(words[at + 1])
    if done is None:
        return tokens[at:]
    noun = at + 2
    while words[noun : noun + 1] and words[noun] in ("to", "for", "in", "out", "on", "a", "an", "the"):
        noun += 1
    if noun >= len(tokens) or (words[noun], done) not in PASSIVE:
        return tokens
    named = noun + 1 + (noun + 1 < len(tokens) and tokens[noun + 1].type == "STRING")
    return [*tokens[noun:named], *_said(tokens[at + 1], f"is {done}"), *tokens[named:]]


def _lists(tokens: Tokens, words: list[str]) -> Tokens:
    """`lead is added to list "x"`, `removed from list "x"`."""
    for at in range(min(3, len(tokens) - 3)):
        way = OF_LISTS.get(words[at])
        if way and words[at + 1] in ("to", "from", "on", "off") and words[at + 2] == "list" and words[:at] in (
            [], ["is"], ["lead", "is"],
        ):  # fmt: skip
            return [*tokens[at + 2 : at + 4], *_said(tokens[at], f"is {way}"), *tokens[at + 4 :]]
    return tokens


def _passive(tokens: Tokens, words: list[str]) -> Tokens:
    """`form "x" submitted`, `order was placed`, `form is filled in`."""
    noun = words[0]
    at = 1 + (len(tokens) > 1 and tokens[1].type == "STRING")
    for said in WAS:
        if noun in NOUNS and words[at : at + len(said)] == said:
            tokens = [*tokens[:at], *_said(tokens[at], "is"), *tokens[at + len(said) :]]
            words = _words(tokens)
            break
    verb = at + (words[at : at + 1] == ["is"])
    done = SAME.get((noun, words[verb])) if verb < len(tokens) else None
    if done:
        more = verb + 1 + (words[verb + 1 : verb + 2] in (["in"], ["out"]))
        tokens = [*tokens[:verb], *_said(tokens[verb], done), *tokens[more:]]
        words = _words(tokens)
    if verb == at and at < len(tokens) and (noun, words[at]) in PASSIVE:
        return [*tokens[:at], *_said(tokens[at], "is"), *tokens[at:]]
    return tokens


def _fields(tokens: Tokens, words: list[str]) -> Tokens:
    """`plan changes to "pro"`, `plan becomes "pro"`, `field plan is changed`, `stage changes to MQL`."""
    if words[0] == "stage" and words[1:2] in (["becomes"], ["changes"], ["reaches"]) and len(tokens) > 2:
        value = 2 + (words[2] == "to")
        return [*_said(tokens[0], "lead becomes"), *tokens[value:]]
    if words[0] == "field" and words[2:4] == ["is", "changed"]:
        return [*tokens[:2], *_said(tokens[2], "changes"), *tokens[4:]]
    if words[0] and words[0] not in NOUNS and words[1:2] in (["changes"], ["becomes"]):
        changed = "changes to" if words[1] == "becomes" else "changes"
        return [*_said(tokens[0], "field"), tokens[0], *_said(tokens[1], changed), *tokens[2:]]
    return tokens


def _others(tokens: Tokens, words: list[str]) -> Tokens:
    """`score reaches 50 points`, `no activity for 30 days`, `handoff is rejected`, `sales rejects because "x"`, `"x"
    happens`, `on birthday`, `30 days before the renewal`."""
    if words[:1] == ["score"] and "points" in words:
        at = words.index("points")
        return [*tokens[:at], *tokens[at + 1 :]] if tokens[at - 1].type == "NUMBER" else tokens
    if words[:3] == ["no", "activity", "for"]:
        return [*_said(tokens[0], "lead is inactive for"), *tokens[3:]]
    if words[:3] == ["lead", "is", "inactive"] and len(tokens) > 3 and tokens[3].type == "NUMBER":
        return [*tokens[:3], *_said(tokens[2], "for"), *tokens[3:]]
    if words[:2] == ["handoff", "is"] and words[2:3] in (["rejected"], ["accepted"]):
        return [*_said(tokens[0], f"sales {words[2].removesuffix('ed')}s"), *tokens[3:]]
    if words[:3] in (["sales", "rejects", "because"], ["sales", "accepts", "because"]):
        return [*tokens[:2], *_said(tokens[2], "where reason is"), *tokens[3:]]
    if tokens[0].type == "STRING" and words[1:2] == ["happens"]:
        return [*_said(tokens[0], "event"), *tokens]
    if words[:1] == ["event"] and len(tokens) > 2 and tokens[1].type == "STRING":
        ends = 3 if words[2] in HAPPENED else 4 if words[2:4] in (["is", "triggered"], ["is", "fired"]) else 0
        return [*tokens[:2], *_said(tokens[2], "happens"), *tokens[ends:]] if ends else tokens
    if words[:1] == ["on"] and words[1:2] in (["birthday"], ["anniversary"]):
        return tokens[1:]
    articles = [
        index for index in range(1, len(tokens) - 1)
        if words[index] == "the" and words[index - 1] in ("before", "after") and words[index + 1] != "day"
    ]  # fmt: skip
    return [token for index, token in enumerate(tokens) if index not in articles]


EVENT_WORDS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(("when", "whenever", "for", "goal")), events),
)
"""Each rewriting, behind the words without which there is nothing for it to do."""
