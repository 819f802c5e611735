"""Whole phrases that have one meaning only, turned into those of the grammar, as `natural` does with single words: `no
one in segment "x" gets emails`, `sends on business days`."""

from __future__ import annotations

from collections.abc import Callable

from dsl.text.lexer import Lexeme

Tokens = list[Lexeme]

GROUPS = {"segment": "segment", "segments": "segment", "list": "list", "lists": "list"}
_MAIL = ("email", "emails", "mail", "mails", "anything")
_TAILS = (
    *(["is", done] for done in ("mailed", "emailed", "contacted", "written")),
    *(["are", done] for done in ("mailed", "emailed")),
    *([verb, what] for verb in ("gets", "get", "receives", "receive") for what in _MAIL),
    *(["gets", "any", what] for what in _MAIL),
    *(["is", "sent", what] for what in _MAIL),
)
_NOBODY = (["nobody"], ["no", "one"], ["noone"], ["no", "lead"], ["no", "leads"], ["nobody", "who", "is"])
_NEVER = (
    *(["never", verb] for verb in ("mail", "email", "send", "contact")),
    *(["do", "not", verb] for verb in ("mail", "email", "contact")),
)
WORKING = (["business", "days"], ["business", "day"], ["work", "days"], ["workdays"], ["workday"], ["working", "day"])


def _words(tokens: Tokens) -> list[str]:
    return [str(token) if token.type == "NAME" else "" for token in tokens]


def nobody(tokens: Tokens) -> Tokens:
    """`nobody in segment "Under 16" is mailed`, in the words in which people say it."""
    words = _words(tokens)
    start = next((len(said) for said in (*_NOBODY, *_NEVER)[::-1] if words[: len(said)] == said), 0)
    if not start:
        return tokens
    at = start
    while at < len(words) and words[at] in ("in", "to", "leads", "anyone", "anybody", "people", "of"):
        at += 1
    if at + 1 >= len(tokens) or words[at] not in GROUPS or tokens[at + 1].type != "STRING":
        return tokens
    end, names = at + 2, [tokens[at + 1]]
    while end + 1 < len(tokens) and (tokens[end].type == "_COMMA" or words[end] in ("and", "or")):
        if tokens[end + 1].type != "STRING":
            break
        names += [tokens[end].corrected("_COMMA", ","), tokens[end + 1]]
        end += 2
    tail = words[end:]
    never = any(words[: len(said)] == said for said in _NEVER)
    if tail not in _TAILS and not (never and not tail):
        return tokens
    first, last = tokens[0], tokens[-1]
    group = tokens[at].corrected("NAME", GROUPS[words[at]])
    return [
        first.corrected("NAME", "nobody"),
        first.corrected("NAME", "in"),
        group,
        *names,
        last.corrected("NAME", "is"),
        last.corrected("NAME", "mailed"),
    ]


def working_days(tokens: Tokens) -> Tokens:
    """`sends on business days`, `sends on workdays`."""
    words = _words(tokens)
    for said in WORKING:
        if words[:2] == ["sends", "on"] and words[2 : 2 + len(said)] == said:
            named = [tokens[2].corrected("NAME", word) for word in ("working", "days")]
            return [*tokens[:2], *named, *tokens[2 + len(said) :]]
    return tokens


WORDINGS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(said[0] for said in (*_NOBODY, *_NEVER)), nobody),
    (frozenset(("sends",)), working_days),
)
"""Each rewriting, behind the words without which there is nothing for it to do."""
