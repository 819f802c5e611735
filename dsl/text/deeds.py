"""What a lead did, in the words in which people ask for it: `opened email "welcome"` without `has`, `has never placed
an order`, `has visited "/pricing"`; and the hint for a history that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dsl.names.events import DEED_VERBS, DEEDS, NOUNS
from dsl.text.lexer import Lexeme
from dsl.text.values import UNITS
from dsl.text.vocabulary import CARRIERS

Tokens = list[Lexeme]

ARTICLES = ("a", "an", "any", "some", "the")
JOINS = ("if", "and", "or", "not", "until")
"""Words behind which a condition begins."""
SINGULAR: Mapping[str, str] = {
    **{noun: noun for _, noun in DEEDS}, **{f"{noun}s": noun for _, noun in DEEDS}, "mail": "email", "mails": "email",
}  # fmt: skip
NAMED: Mapping[str, tuple[str, ...]] = {
    verb: tuple(noun for (known, noun), deed in DEEDS.items() if known == verb and deed.spec.name != "none")
    for verb in DEED_VERBS
}
"""The nouns of each verb that may have a name."""
LINK = re.compile(r"https?://|/")
DONE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("bought", "purchased", "ordered", "purchases"), ("placed", "order")),
    **dict.fromkeys(("filled", "completed"), ("submitted", "form")),
    **dict.fromkeys(("seen", "viewed", "browsed", "visits", "views"), ("visited", "page")),
    **dict.fromkeys(("opens", "open", "read"), ("opened", "email")),
    **dict.fromkeys(("clicks", "click"), ("clicked", "email")),
    **dict.fromkeys(("answered", "responded", "reply", "replies"), ("replied", "email")),
    **dict.fromkeys(("got", "gotten"), ("received", "email")),
    **dict.fromkeys(("scheduled", "arranged", "appointment", "meetings"), ("booked", "meeting")),
    **dict.fromkeys(("met",), ("held", "meeting")),
    **dict.fromkeys(("downloads",), ("downloaded", "file")),
}
"""What other words for a deed mean."""
ALONE: Mapping[str, tuple[str, str]] = {
    **{verb: next(key for key in DEEDS if key[0] == verb) for verb in DEED_VERBS if verb != "done"}, **DONE,
}  # fmt: skip
"""The deed behind a word that stands alone in a condition."""


def _words(tokens: Sequence[Lexeme]) -> list[str]:
    return [str(token) if token.type == "NAME" else "" for token in tokens]


# ── one meaning only ─────────────────────────────────────────────────────────────────────────────────────────────────
def without_has(tokens: Tokens, *, whole: bool = False) -> Tokens:
    """`if opened email "welcome"`, `not visited page "/pricing"`. `whole`: the line is nothing but a condition."""
    words = _words(tokens)
    if words[0] == "wait":
        return tokens
    done: Tokens = []
    for index, token in enumerate(tokens):
        asked = words[index - 1] == "not" and words[index - 2 : index - 1] == ["has"]
        begins = index > 0 and not asked and (_joins(words, index - 1) or tokens[index - 1].type == "_LPAR")
        if words[index] in DEED_VERBS and (begins or (whole and index == 0)) and _noun(tokens, index + 1):
            denied = [done.pop()] if index > 0 and words[index - 1] == "not" else []
            done += [token.corrected("NAME", "has"), *denied]
        done.append(token)
    return done


def _joins(words: Sequence[str], index: int) -> bool:
    """Whether a condition begins behind the word there."""
    return words[index] in JOINS or (words[index] == "where" and words[0] == "takes")


def _noun(tokens: Sequence[Lexeme], at: int) -> bool:
    """Whether what a deed is about begins there: `email`, `an order`, `for webinar`, or a name."""
    words = _words(tokens[at : at + 4])
    at += words[:1] in (["to"], ["for"])
    named = at < len(tokens) and tokens[at].type == "STRING"
    said = [word for word in words if word not in (*ARTICLES, "to", "for")]
    return named or bool(said and said[0] in SINGULAR)


PERSONS = ("lead", "they", "he", "she", "person", "contact", "customer", "user", "someone")


def who(tokens: Tokens) -> Tokens:
    """`if the lead has opened email "welcome"`: a condition is about the lead anyway."""
    words = _words(tokens)
    for index, word in enumerate(words):
        if word == "has" and index > 1 and words[index - 1] in PERSONS:
            first = index - 1 - (words[index - 2] == "the")
            if first > 0 and (_joins(words, first - 1) or tokens[first - 1].type == "_LPAR"):
                return who([*tokens[:first], *tokens[index:]])
    return tokens


def about(tokens: Tokens) -> Tokens:
    """`has never placed an order`, `has opened emails`, `has visited "/pricing"`."""
    words = _words(tokens)
    done: Tokens = []
    index = 0
    while index < len(tokens):
        done.append(tokens[index])
        index += 1
        if words[index - 1] != "has" or index == len(tokens):
            continue
        if words[index] in ("not", "never"):
            done.append(tokens[index].corrected("NAME", "not"))
            index += 1
        verb = words[index] if index < len(tokens) else ""
        if verb in DEED_VERBS:
            done.append(tokens[index])
            index = _about(tokens, words, index + 1, verb, done)
    return done


def _about(tokens: Tokens, words: list[str], at: int, verb: str, done: Tokens) -> int:
    """Write what the deed is about behind its verb; returns where the line goes on."""
    start = at
    if at < len(tokens) and words[at] in ("to", "for"):
        done.append(tokens[at])
        at += 1
    if at < len(tokens) and tokens[at].type == "STRING":
        nouns = NAMED[verb]
        if verb == "clicked" and LINK.match(str(tokens[at])):
            nouns = ("link",)
        if len(nouns) == 1:
            before = DEEDS[verb, nouns[0]].preposition
            if before and at == start:
                done.append(tokens[at].corrected("NAME", before))
            done.append(tokens[at].corrected("NAME", nouns[0]))
        return at
    article = words[at] if at < len(tokens) and words[at] in ARTICLES else ""
    noun = at + bool(article)
    if noun >= len(tokens) or words[noun] not in SINGULAR:
        return at
    named = noun + 1 < len(tokens) and tokens[noun + 1].type == "STRING"
    if article == "the" and not named:
        return at
    done.append(tokens[noun].corrected("NAME", SINGULAR[words[noun]]))
    return noun + 1


SPANS = (*UNITS, *(f"{unit}s" for unit in UNITS), "moment", "while")
EVENT_HEADS = ("when", "whenever", "for", "goal")


def awaited(tokens: Tokens) -> Tokens:
    """`wait until email is replied`, and an event with an article: `wait for a meeting is booked`."""
    words = _words(tokens)
    if words[0] == "wait" and "until" in words[1:6]:
        at = words.index("until") + 1
        at += at < len(words) and words[at] in ARTICLES
        happens = at + 1 < len(words) and (words[at + 1] == "is" or tokens[at + 1].type == "STRING")
        if at < len(words) and words[at] in NOUNS and happens:
            until = words.index("until")
            tokens = [*tokens[:until], tokens[until].corrected("NAME", "for"), *tokens[until + 1 :]]
            words = _words(tokens)
    for index in range(1, len(words) - 2):
        begins = words[index - 1] in EVENT_HEADS and words[0] in ("wait", "or", "starts", "leaves", "whenever", "goal")
        happens = words[index + 2] == "is" or tokens[index + 2].type == "STRING"
        if begins and words[index] in ARTICLES and words[index + 1] in NOUNS and happens:
            return [*tokens[:index], *tokens[index + 1 :]]
    alone = len(words) > 3 and words[-3] in EVENT_HEADS and words[-2] in ARTICLES and words[-1] not in SPANS
    return [*tokens[:-2], tokens[-1]] if alone and words[-1] else tokens


def history(tokens: Tokens, *, whole: bool = False) -> Tokens:
    """The line with every deed as the grammar writes it."""
    return about(without_has(who(tokens), whole=whole))


# ── what to write instead ────────────────────────────────────────────────────────────────────────────────────────────
def history_hint(words: Sequence[str], index: int) -> str:
    """For a line that goes wrong at `index`: the deed that was probably meant, or the time of it. `words` have `@` for
    a text and `#` for a number. Empty when no deed was meant, or the deed itself is right."""
    if words[0] in ("event", *CARRIERS):
        return ""
    if "has" not in words[:index]:
        return _without_has_hint(words, index)
    start = max(at for at in range(index) if words[at] == "has") + 1
    never = start < len(words) and words[start] in ("not", "never", "no")
    said = words[start + never :]
    if len(said) > 1 and said[0] in DEED_VERBS and _is_deed(said) and index - start - never > 1:
        return _time(words[index:])
    for word in said[: max(1, 1 + index - start - never)]:
        if word in ALONE:
            verb, noun = ALONE[word]
            if word not in DEED_VERBS:
                verb, noun = next(((verb, one) for one in said if (verb, one) in DEEDS), (verb, noun))
            return f"write `{deed_example(verb, noun, denied=never)}`"
    nouns = [SINGULAR[word] for word in said[:3] if word in SINGULAR]
    for (verb, noun), _ in DEEDS.items():
        if noun in nouns[:1]:
            return f"write `{deed_example(verb, noun, denied=never)}`"
    return _belongs(said, never)


def _without_has_hint(words: Sequence[str], index: int) -> str:
    """`if email was not opened`, `if no reply`, `if clicked in the last 7 days`."""
    starts = [at + 1 for at in range(index) if words[at] in ("if", "and", "or", "until")]
    if not starts or words[0] == "wait":
        return ""
    clause = words[starts[-1] :]
    seen = max(0, index - starts[-1])
    ends = [at for at, word in enumerate(clause) if word in ("where", "only") or (at > seen and word in ("and", "or"))]
    end = ends[0] if ends else len(clause)
    deed = next((ALONE[word] for word in clause[:end] if word in ALONE), None)
    if deed is None:
        return ""
    denied = any(word in ("not", "no", "never") for word in clause[:end])
    return f"write `{deed_example(*deed, denied=denied)}`, with `has` before what the lead did"


def _is_deed(said: Sequence[str]) -> bool:
    about = [word for word in said[1:3] if word not in ("to", "for")]
    return bool(about) and (said[0], about[0]) in DEEDS


def _time(rest: Sequence[str]) -> str:
    """A time that a history cannot have."""
    first = rest[0] if rest else ""
    if first in ("before", "after", "until"):
        return "write a time up to now: `in the last 30 days`"
    if first in ("today", "yesterday"):
        return f"write `in the last {'1 day' if first == 'today' else '2 days'}`"
    if first == "ever":
        return "delete `ever`; without a time the whole history counts"
    if first in ("last", "this", "for", "during", "over", "past"):
        return "write `in the last 7 days`"
    if first in ("recently", "lately"):
        return "write `in the last 30 days`"
    return ""


def _belongs(said: Sequence[str], denied: bool) -> str:
    """`has tag "x"`, `has score >= 5`, `has phone`: no deed at all."""
    said = [word for word in said if word not in (*ARTICLES, "had")]
    first, second = (*said, "", "")[:2]
    no = "not " if denied else ""
    if first == "been" and second in ("inactive", "silent", "quiet", "active", "engaged"):
        silent = denied == (second in ("active", "engaged"))
        return f"write `has {'not ' if silent else ''}visited page in the last 30 days`"
    if first == "been" and second and second not in ("in", "@", "#"):
        return "write `stage is at least Customer`, with the name of the stage"
    if first in ("score", "points", "interest"):
        return "write `score >= 50`, without `has`"
    if first in ("tag", "tags", "list", "label"):
        return f'write `{no}in list "Warm"`'
    if first in ("bounced", "complained"):
        return "delete the condition; a lead whose address bounces gets no email anyway"
    if first in ("consented", "subscribed", "unsubscribed", "consent", "subscription"):
        return f'write `{"not " if denied or first == "unsubscribed" else ""}subscribed to "newsletter"`'
    if first.endswith("ed") and second in ("", "@", "and", "or"):
        return f'write `has {no}done event "{first}"`'
    if first.isidentifier() and second in ("", "and", "or") and first not in NOUNS:
        return f"write `{first} is {'unknown' if denied else 'known'}`"
    return ""


def deed_example(verb: str, noun: str, *, denied: bool = False, email: str = "") -> str:
    """How the deed is asked for, about that email if it is about one."""
    example = DEEDS[verb, noun].spec.example
    if email and noun == "email":
        example = re.sub(r'"[^"]*"', f'"{email}"', example)
    return example.replace("has ", "has not ", 1) if denied else example
