"""Who mentions what: every name in a file, where it is declared and where it is used.

Names in quotes are told by the words around them, so they are found in lines that are not finished too; fields and
stages are plain words, so they are taken from the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from dsl.compile import Parsed
from dsl.text.lexer import Lexeme, span_of
from dsl.text.lines import Line
from dsl.text.natural import LISTED
from dsl.text.vocabulary import block_below
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span, Text, Word

QUOTED = ("form", "campaign", "list", "segment", "topic", "team", "webinar", "event", "file", "scoring", "interest")
"""Kinds of things with a name in quotes: the word stands before the name."""

DECLARED = frozenset(QUOTED) - {"topic", "file"}
"""Kinds that a line at the left edge declares."""

CASELESS = DECLARED | {"topic", "workspace"}
"""Kinds whose names mean the same in capitals."""

BARE = ("field", "stage")


@dataclass(frozen=True)
class Mention:
    """`kind` is one of QUOTED or BARE, `template`, `workspace`, or a kind of `Markup`; `name` as written."""

    kind: str
    name: str
    span: Span
    declares: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name.casefold() if self.kind in CASELESS else self.name


def mentions(file: Parsed) -> list[Mention]:
    """In the order of the file."""
    found = [*_quoted(file.lines, "file")]
    for declaration in file.declared:
        found += _bare(declaration)
    return sorted(dict.fromkeys(found), key=lambda mention: (mention.span.line, mention.span.column))


# ── names in quotes ──────────────────────────────────────────────────────────────────────────────────────────────────
def context_below(line: Line, context: str) -> str:
    """The kind of block below a line."""
    if line.tokens[0].type == "NUMBER":
        return "flow" if context == "split" else "nothing"
    return block_below(str(line.tokens[0]), context) or "nothing"


def _quoted(lines: Sequence[Line], context: str) -> Iterator[Mention]:
    for line in lines:
        for index, token in enumerate(line.tokens):
            if token.type == "STRING" and (kind := kind_at(line.tokens, index, context)):
                yield Mention(kind, str(token), span_of(token), declares(line.tokens, index, context))
        yield from _quoted(line.children, context_below(line, context))


def declares(tokens: Sequence[Lexeme], index: int, context: str) -> bool:
    if index != 1:
        return False
    if context == "file":
        return str(tokens[0]) in DECLARED or tokens[0] == "workspace"
    return context == "workspace" and tokens[0] == "topic"


def kind_at(tokens: Sequence[Lexeme], index: int, context: str) -> str | None:
    """What a text in quotes at this index names; None when it is only a text."""
    if not 0 < index <= len(tokens):
        return None
    head, before = str(tokens[0]), tokens[index - 1]
    word = str(before) if before.type == "NAME" else ""
    earlier = str(tokens[index - 2]) if index > 1 else ""
    if head == "ask":
        return None
    if before.type == "INTEREST_IN" or (word == "in" and earlier == "interest"):
        return "interest"
    if before.type == "_COMMA" or index == 1:
        listed = {"files": "file", "emails": "template"}.get(head) if context == "interest" else None
        if listed is None and before.type == "_COMMA" and head in LISTED and tokens[index - 2].type == "STRING":
            return kind_at(tokens, index - 2, context)
        if listed or before.type == "_COMMA":
            return listed
    if word == "and" and tokens[index - 2].type == "STRING" and head in LISTED:
        return kind_at(tokens, index - 2, context)
    if index == 1:
        return {"send": "template", "workspace": "workspace"}.get(head, head if head in QUOTED else None)
    return _after(word, earlier, head)


def _after(word: str, earlier: str, head: str) -> str | None:
    if head == "style":
        return "file" if word == "logo" else None
    if word == "email" or (word == "with" and head in ("confirm", "notify")):
        return "template"
    if word == "of":
        return {"score": "scoring", "next": "template"}.get(earlier)
    if word == "to":
        return "topic" if earlier.startswith("subscribe") else "scoring" if earlier == "points" else None
    if word == "from":
        return "topic" if earlier == "unsubscribe" else None
    return word if word in QUOTED else None


# ── fields and stages ────────────────────────────────────────────────────────────────────────────────────────────────
def _bare(declaration: Any) -> Iterator[Mention]:
    if isinstance(declaration, tree.Field):
        yield Mention("field", declaration.name.value, declaration.name.span, declares=True)
    elif isinstance(declaration, tree.Lifecycle):
        for stage in declaration.stages:
            yield Mention("stage", stage.name.value, stage.name.span, declares=True)
    yield from _words(declaration, data=False)


TEXTS = {
    ("Ask", "field"): "field", ("SetField", "field"): "field", ("Wait", "field"): "field", ("Dated", "field"): "field",
    ("Qualify", "stage"): "stage", ("HandOff", "stage"): "stage", ("Recycle", "stage"): "stage",
}  # fmt: skip
"""Attributes of the tree that hold the name of a field or a stage."""


def _words(node: Any, *, data: bool) -> Iterator[Mention]:
    """`data`: bare words are what an event carries, not fields."""
    if isinstance(node, tuple):
        for item in node:
            yield from _words(item, data=data)
        return
    if not is_dataclass(node) or isinstance(node, (Span, Text, type)):
        return
    if isinstance(node, Word):
        if not data:
            yield Mention("field", node.name, node.span)
        return
    kind = type(node).__name__
    if _about_stages(node):
        yield from (Mention("stage", word.name, word.span) for word in _right(node) if isinstance(word, Word))
        return
    if isinstance(node, tree.Event):
        data = node.noun.value != "form"
        if node.subject is not None and node.noun.value in ("lead", "field"):
            named = "stage" if node.noun.value == "lead" else "field"
            yield Mention(named, node.subject.value, node.subject.span)
    for attribute in fields(node):
        value = getattr(node, attribute.name)
        if isinstance(value, Text):
            if named_kind := TEXTS.get((kind, attribute.name)):
                yield Mention(named_kind, value.value, value.span)
        elif (kind, attribute.name) == ("Form", "hidden"):
            yield from (Mention("field", name.value, name.span) for name, _ in value)
            yield from _words(value, data=data)
        else:
            yield from _words(value, data=data if attribute.name == "where" else False)


def _about_stages(node: Any) -> bool:
    left = getattr(node, "left", None)
    return isinstance(left, Word) and left.name == "stage"


def _right(node: Any) -> tuple[Any, ...]:
    return node.values if isinstance(node, tree.OneOf) else (getattr(node, "right", None),)
