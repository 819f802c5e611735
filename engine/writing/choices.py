"""What there is to choose from at each place of a line: names for texts in quotes, and words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsl.checks.declarations import INTENTS
from dsl.checks.steps import METRICS, PRIORITIES
from dsl.checks.styles import PARTS
from dsl.names.events import DATES, DEEDS, EVENTS, NOUNS
from dsl.names.known import COUNTRIES, CURRENCIES, LANGUAGES, zones
from dsl.names.scope import FIELD_TYPES, Scope
from dsl.text.lexer import Lexeme
from dsl.text.values import WEEKDAYS
from dsl.tree.declarations import Text
from engine.writing.names import kind_at

REASONS = ("not ready", "no budget", "bad fit", "wrong contact", "duplicate", "no response")
UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
OPERANDS = ("score", "stage", "today")
BY_HEAD: Mapping[str, Sequence[str]] = {
    "intent": INTENTS, "currency": sorted(CURRENCIES), "priority": PRIORITIES, "by": METRICS, "crm": ("crm",),
    "assign": ("former owner", "round robin", "least busy"),
}  # fmt: skip


# ── texts in quotes ──────────────────────────────────────────────────────────────────────────────────────────────────
def texts(tokens: Sequence[Lexeme], context: str, scope: Scope) -> tuple[str, Iterable[str]]:
    """What the text that begins after these tokens can be, and of which kind."""
    kind = kind_at(tokens, len(tokens), context)
    if kind is not None:
        return kind, names(kind, scope) if not _declares(tokens, context) else ()
    words = [str(token) for token in tokens]
    head, last = (words[0], words[-1]) if words else ("", "")
    if last == "because":
        return "reason", REASONS
    if head == "timezone" or (tokens and tokens[-1].type == "NUMBER" and head in ("wait", "webinar", "starts")):
        return "time zone", sorted(zones())
    if head == "languages":
        return "language", sorted(LANGUAGES)
    if head == "holidays":
        return "country", sorted(COUNTRIES)
    return _values(tokens, scope)


def _declares(tokens: Sequence[Lexeme], context: str) -> bool:
    return len(tokens) == 1 and (context == "file" or (context == "workspace" and tokens[0] == "topic"))


def _values(tokens: Sequence[Lexeme], scope: Scope) -> tuple[str, Iterable[str]]:
    """The values of the field that is compared or set."""
    for token in reversed(tokens):
        field = scope.fields.get(str(token)) if token.type == "NAME" else None
        if field is not None:
            spoken = {one.value for one in scope.workspace.languages} if scope.workspace else set()
            known = {"country": sorted(COUNTRIES), "language": sorted(LANGUAGES | spoken)}.get(field.type)
            return field.name, known or field.choices
    return "text", ()


def names(kind: str, scope: Scope) -> list[str]:
    """All declared names of a kind, as their authors wrote them."""
    if kind == "template":
        return sorted(name for name in scope.templates if not name.rpartition("/")[2].startswith("_"))
    if kind == "file":
        return sorted(scope.files)
    declared: Mapping[str, Mapping[str, object]] = {
        "form": scope.forms, "campaign": scope.campaigns, "list": scope.lists, "segment": scope.segments,
        "topic": scope.topics, "team": scope.teams, "webinar": scope.webinars, "event": scope.events,
        "scoring": scope.scorings, "interest": scope.interests,
    }  # fmt: skip
    found = (getattr(thing, "name", None) for thing in declared.get(kind, {}).values())
    return sorted(name.value for name in found if isinstance(name, Text))


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def words(tokens: Sequence[Lexeme], context: str, scope: Scope) -> Iterator[tuple[str, str]]:
    """Plain words that can follow these tokens, each with its kind."""
    text = [str(token) for token in tokens]
    last, before = text[-1], text[-2] if len(text) > 1 else ""
    if tokens[-1].type == "NUMBER":
        yield from ((unit, "unit") for unit in (*UNITS, "business hours", "business days"))
    elif last == "." and before == "event":
        data = {name: None for spec in EVENTS.values() for name in spec.data or ()}
        declared = scope.declaring
        data |= {name.value: None for event in declared for name, _ in event.data or ()}
        yield from ((name, "data") for name in data)
    elif text[0] == "style" and context == "form":
        if last in ("style", ","):
            yield from ((part, "value") for part in PARTS if part not in text)
    elif list(text) == ["hand", "off", "to"]:
        yield from ((word, "value") for word in ("sales", "owner", "team"))
    elif list(text) == ["send"]:
        yield ("next of", "value")
    elif _wants_stage(text):
        yield from ((stage if stage.isidentifier() else f'"{stage}"', "stage") for stage in scope.stages)
    elif context == "file" and "has" in text:
        if before in ("has", ","):  # the property of an event has its name now, which is the author's own
            yield from ((name, "type") for name in FIELD_TYPES)
    elif text[0] == "field" and context == "file":
        yield from ((name, "type") for name in FIELD_TYPES if len(tokens) == 2)
    elif last in BY_HEAD and (len(tokens) == 1 or last == "by"):
        yield from ((word, "value") for word in BY_HEAD[last])
    elif (text[0] in ("ask", "hidden", "set") and len(tokens) == 1) or (last == "field" and context != "file"):
        yield from ((field, "field") for field in scope.fields)
    elif last in ("until", "on") or text[:2] in (["sends", "on"], ["business", "hours"]):
        yield from ((day, "day") for day in (*WEEKDAYS, *(("daily", "weekdays") if text[0] == "sends" else ())))
        if text[0] == "repeat":
            yield from operands(scope)
        elif text[0] == "wait":
            yield from ((name, "field") for name, found in scope.fields.items() if found.type in ("date", "moment"))
    else:
        yield from _inside(text, tokens, context, scope)


def _wants_stage(text: Sequence[str]) -> bool:
    if text[-1] in ("as", "becomes") or text == ["recycle", "to"]:
        return True
    after = text[len(text) - 1 - text[::-1].index("stage") :] if "stage" in text[1:] or text[0] == "stage" else []
    asked = (["is"], ["is", "not"], ["is", "at", "least"], ["is", "not", "at", "least"])
    return after in [["stage", *words] for words in asked]


def _inside(text: Sequence[str], tokens: Sequence[Lexeme], context: str, scope: Scope) -> Iterator[tuple[str, str]]:
    opener = next((i for i in range(len(text) - 1, -1, -1) if _opens(text, i)), None)
    word = text[opener] if opener is not None else ""
    after = list(text[opener + 1 :]) if opener is not None else list(text)
    if word in ("when", "whenever", "goal", "for", "no") and not _in_where(tokens, opener):
        yield from _event(after, tokens[-1])
    elif word == "has":
        yield from _deed([part for part in after if part != "not"])
    elif text[-1] == "in":
        yield from ((group, "kind") for group in ("segment", "list", "campaign"))
    elif word or context == "segment" or text[-1] in ("=", "to"):
        yield from operands(scope)


def _opens(text: Sequence[str], index: int) -> bool:
    word = text[index]
    if word == "for":
        return text[0] in ("wait", "or")
    return word in ("when", "whenever", "goal", "no", "if", "where", "has", "until", "and", "or", "not") and (
        index > 0 or word not in ("or",)
    )


def _in_where(tokens: Sequence[Lexeme], opener: int | None) -> bool:
    return opener is not None and any(token == "where" for token in tokens[opener:])


def _event(after: list[str], last: Lexeme) -> Iterator[tuple[str, str]]:
    """The words of an event, after the word that begins it."""
    if not after:
        yield from ((noun, "event") for noun in (*NOUNS, *DATES))
        return
    noun = after[0]
    if after[-1] == "is":
        yield from ((verb, "event") for (known, verb), spec in EVENTS.items() if known == noun and spec.copula)
    elif len(after) == 1 or last.type == "STRING":
        yield from (
            (verb.split(" ")[0], "event") for (known, verb), spec in EVENTS.items() if known == noun and not spec.copula
        )


def _deed(after: list[str]) -> Iterator[tuple[str, str]]:
    if not after:
        yield from ((verb, "event") for verb in dict.fromkeys(verb for verb, _ in DEEDS))
        return
    for (verb, noun), deed in DEEDS.items():
        if verb == after[0] and (len(after) == 1 or after[1:] == [deed.preposition]):
            yield (f"{deed.preposition} {noun}".strip() if len(after) == 1 else noun), "event"


def operands(scope: Scope) -> Iterator[tuple[str, str]]:
    yield from ((field, "field") for field in scope.fields)
    yield from ((word, "word") for word in OPERANDS)
