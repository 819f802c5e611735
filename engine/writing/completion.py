"""What can be written at the cursor, as completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol.types import CompletionItem, CompletionItemKind, MarkupContent, MarkupKind, Range, TextEdit

from dsl.names.scope import Scope
from dsl.problems.usage import SHOWN
from dsl.text.lexer import Lexeme
from dsl.text.parse import Failure, parse
from dsl.text.reader import start_of
from dsl.text.vocabulary import heads
from engine.writing import choices
from engine.writing.guide import about_line, head_key, usage
from engine.writing.look import Unfinished, unfinished_at
from engine.writing.positions import Positions

KINDS = {
    "field": CompletionItemKind.Field, "stage": CompletionItemKind.EnumMember, "unit": CompletionItemKind.Unit,
    "event": CompletionItemKind.Event, "type": CompletionItemKind.TypeParameter, "template": CompletionItemKind.File,
    "file": CompletionItemKind.File, "word": CompletionItemKind.Keyword,
}  # fmt: skip
MOST = 500


def complete(path: str, positions: Positions, scope: Scope, line: int, column: int) -> list[CompletionItem]:
    """`line` and `column` count from 1; `column` is the one that would be written next."""
    at = unfinished_at(path, positions.lines, line, column)
    if at is None:
        return []
    found = _texts(at, scope, positions.lines[line - 1], column) if at.quoted else _words(at, scope)
    seen: dict[str, CompletionItem] = {}
    for item, end in found:
        edit = TextEdit(
            Range(positions.position(line, at.start), positions.position(line, max(end, column))),
            item.insert_text or item.label,
        )
        item.text_edit, item.insert_text = edit, None
        seen.setdefault(item.label, item)
        if len(seen) == MOST:
            break
    return list(seen.values())


Found = Iterator[tuple[CompletionItem, int]]
"""Completions, each with the column up to which it replaces what is there."""


def _texts(at: Unfinished, scope: Scope, text: str, column: int) -> Found:
    kind, names = choices.texts(at.tokens, at.context, scope)
    closing = text.find('"', column - 1)
    for name in names:
        written = name.replace("\\", "\\\\").replace('"', '\\"')
        item = CompletionItem(name, kind=KINDS.get(kind, CompletionItemKind.Reference), detail=kind)
        item.insert_text = written if closing >= 0 else f'{written}"'
        yield item, closing + 1


def _words(at: Unfinished, scope: Scope) -> Found:
    if not at.tokens:
        for item in _lines(at.context, scope):
            yield item, 0
        return
    failure = _next(at.tokens, at.context)
    for word in failure.keywords if failure else ():
        yield CompletionItem(word, kind=CompletionItemKind.Keyword), 0
    if failure and "NAME" in failure.kinds:
        for word, kind in choices.words(at.tokens, at.context, scope):
            yield CompletionItem(word, kind=KINDS.get(kind, CompletionItemKind.Value), detail=kind), 0
    if failure and "STRING" in failure.kinds and not at.partial:
        kind, names = choices.texts(at.tokens, at.context, scope)
        for name in names:
            written = name.replace("\\", "\\\\").replace('"', '\\"')
            yield CompletionItem(f'"{written}"', kind=KINDS.get(kind, CompletionItemKind.Reference), detail=kind), 0


def _next(tokens: Sequence[Lexeme], context: str) -> Failure | None:
    """What the grammar would take after these tokens."""
    end = tokens[-1].corrected("_CURSOR", "")
    result = parse([*tokens, end], start_of(tokens, context))
    return result if isinstance(result, Failure) and result.index == len(tokens) else None


def _lines(context: str, scope: Scope) -> Iterator[CompletionItem]:
    """The beginnings of lines that belong into this kind of block."""
    for head in heads(context):
        key = head_key(head, context)
        item = CompletionItem(SHOWN.get(head, head), kind=CompletionItemKind.Keyword, detail=usage(key))
        about = about_line(key)
        item.documentation = MarkupContent(MarkupKind.Markdown, about) if about else None
        yield item
    if context == "scoring":
        yield CompletionItem("+10 when", kind=CompletionItemKind.Keyword, detail=usage("+"))
        yield CompletionItem("+10 if", kind=CompletionItemKind.Keyword, detail="+20 if company_size >= 200")
    if context == "segment":
        for word, kind in (("has", "word"), ("in", "word"), ("not", "word"), *choices.operands(scope)):
            yield CompletionItem(word, kind=KINDS.get(kind, CompletionItemKind.Value), detail=kind)
