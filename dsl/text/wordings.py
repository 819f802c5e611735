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


_LABELED: tuple[list[str], ...] = (
    ["labelled"],
    ["label"],
    ["shown", "as"],
    ["called"],
    ["named"],
    ["is"],
    ["as"],
    ["means"],
    [],
)


def labeled(tokens: Tokens) -> Tokens:
    """`choice "pumps" labelled "Pumps"`, `choice "pumps" shown as "Pumps"`, `… "Pumpen" in "de"`."""
    words = _words(tokens)
    texts = [index for index, token in enumerate(tokens) if token.type == "STRING"]
    if words[0] not in ("choice", "option", "label") or texts[:1] != [1] or len(texts) < 2:
        return tokens
    between = words[2 : texts[1]]
    if between in _LABELED:
        tokens = [*tokens[:2], *_said(tokens[1], "labeled"), *tokens[texts[1] :]]
    tokens, at = [tokens[0].corrected("NAME", "choice"), *tokens[1:]], 3
    while at + 2 < len(tokens):
        text, joint, language = tokens[at : at + 3]
        if (text.type, str(joint)) == ("STRING", "in") and language.type in ("STRING", "NAME"):
            swapped = [text.corrected("STRING", str(language)), language.corrected("STRING", str(text))]
            tokens[at : at + 3] = swapped
        at += 1
    return tokens


def working_days(tokens: Tokens) -> Tokens:
    """`sends on business days`, `sends on workdays`."""
    words = _words(tokens)
    for said in WORKING:
        if words[:2] == ["sends", "on"] and words[2 : 2 + len(said)] == said:
            named = [tokens[2].corrected("NAME", word) for word in ("working", "days")]
            return [*tokens[:2], *named, *tokens[2 + len(said) :]]
    return tokens


PERIODS = ("day", "week", "month", "year")
REST = (
    ["other", "leads"], ["the", "rest"], ["all", "others"], ["everything", "else"], ["everyone", "else"],
    ["all", "the", "other", "leads"], ["all", "the", "rest"], ["all", "remaining", "leads"], ["remaining", "leads"],
)  # fmt: skip


def _said(at: Lexeme, text: str) -> Tokens:
    return [at.corrected("NAME", word) for word in text.split(" ")]


def otherwise(tokens: Tokens) -> Tokens:
    """`else`, `else if`, `elseif` at the beginning of a line."""
    words = _words(tokens)
    if words[0] in ("elif", "elseif"):
        return [*_said(tokens[0], "otherwise if"), *tokens[1:]]
    if words[0] == "else" and (len(words) == 1 or words[1] == "if"):
        return [*_said(tokens[0], "otherwise"), *tokens[1:]]
    return tokens


def again(tokens: Tokens) -> Tokens:
    """`enters each year`, `enters once per year`, `starts each monday`."""
    words = _words(tokens)
    if words[0] == "enters" and words[1:3] == ["once", "per"] and words[3:] and words[3] in PERIODS:
        return [tokens[0], *_said(tokens[1], "every"), *tokens[3:]]
    if words[0] == "enters" and words[1:] in (["once", "a", period] for period in PERIODS):
        return [tokens[0], *_said(tokens[1], "every"), tokens[3]]
    if words[0] in ("enters", "starts", "repeat"):
        return [token.corrected("NAME", "every") if token == "each" else token for token in tokens]
    return tokens


def hours(tokens: Tokens) -> Tokens:
    """`quiet hours 20:00 to 08:00`, `quiet hours between 20:00 and 08:00`, and the same of business hours."""
    words = _words(tokens)
    if words[:2] not in (["quiet", "hours"], ["business", "hours"]):
        return tokens
    done: Tokens = []
    for index, token in enumerate(tokens):
        number = token.type == "NUMBER"
        spans = index + 2 < len(tokens) and tokens[index + 2].type == "NUMBER"
        if words[index] == "between" and index + 3 < len(tokens) and words[index + 2] == "and":
            done += _said(token, "from")
            continue
        if words[index] == "and" and index > 1 and words[index - 2] == "between":
            done += _said(token, "to")
            continue
        if number and spans and words[index + 1] == "to" and words[index - 1] not in ("from", "between"):
            done += _said(token, "from")
        done.append(token)
    return done


def closed(tokens: Tokens) -> Tokens:
    """`closed on 2026-12-24`."""
    words = _words(tokens)
    if words[0] == "closed" and len(tokens) == 3 and words[1] == "on" and tokens[2].type == "NUMBER":
        return [tokens[0], *_said(tokens[1], "from"), tokens[2], *_said(tokens[2], "to"), tokens[2]]
    return tokens


def takes(tokens: Tokens) -> Tokens:
    """`takes other leads`, `takes everyone else`."""
    words = _words(tokens)
    return [tokens[0], *_said(tokens[1], "all other leads")] if words[0] == "takes" and words[1:] in REST else tokens


def notices(tokens: Tokens) -> Tokens:
    """`notify owner, otherwise team "Sales" with "internal/note"`: the template belongs behind the first receiver."""
    words = _words(tokens)
    commas = [index for index, token in enumerate(tokens) if token.type == "_COMMA"]
    if words[0] != "notify" or not commas or words[commas[0] + 1 : commas[0] + 2] != ["otherwise"]:
        return tokens
    at = next((index for index in range(commas[-1], len(tokens) - 1) if words[index] == "with"), 0)
    if "with" in words[: commas[0]] or not at or tokens[at + 1].type != "STRING":
        return tokens
    return [*tokens[: commas[0]], *tokens[at : at + 2], *tokens[commas[0] : at], *tokens[at + 2 :]]


WORDINGS: tuple[tuple[frozenset[str], Callable[[Tokens], Tokens]], ...] = (
    (frozenset(said[0] for said in (*_NOBODY, *_NEVER)), nobody),
    (frozenset(("choice", "option", "label")), labeled),
    (frozenset(("sends",)), working_days),
    (frozenset(("else", "elif", "elseif")), otherwise),
    (frozenset(("enters", "each")), again),
    (frozenset(("quiet", "business")), hours),
    (frozenset(("closed",)), closed),
    (frozenset(("takes",)), takes),
    (frozenset(("notify",)), notices),
)
"""Each rewriting, behind the words without which there is nothing for it to do."""
