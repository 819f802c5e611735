"""What can be written at the cursor, as completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dsl.names.scope import Scope
from dsl.problems.usage import SHOWN
from dsl.text.lexer import Lexeme
from dsl.text.parse import Failure, parse
from dsl.text.reader import start_of
from dsl.text.vocabulary import heads
from engine.writing import choices
from engine.writing.guide import about_line, head_key, usage
from engine.writing.look import Unfinished, unfinished_at
from engine.writing.offers import Offer
from engine.writing.positions import Positions, Range

MOST = 500


def complete(path: str, positions: Positions, scope: Scope, line: int, column: int) -> list[Offer]:
    """`line` and `column` count from 1; `column` is the one that would be written next."""
    at = unfinished_at(path, positions.lines, line, column)
    if at is None:
        return []
    found = _texts(at, scope, positions.lines[line - 1], column) if at.quoted else _words(at, scope)
    seen: dict[str, Offer] = {}
    for one, end in found:
        place = Range(positions.position(line, at.start), positions.position(line, max(end, column)))
        seen.setdefault(one.label, Offer(one.label, one.kind, one.insert or one.label, place, one.detail, one.about))
        if len(seen) == MOST:
            break
    return list(seen.values())


class Word(NamedTuple):
    """`detail` is shown beside it, `about` below it; `insert` is written, if not `label`."""

    label: str
    kind: str = "keyword"
    detail: str = ""
    insert: str = ""
    about: str = ""


Found = Iterator[tuple[Word, int]]
"""Words, each with the column up to which it replaces what is there."""


def _texts(at: Unfinished, scope: Scope, text: str, column: int) -> Found:
    kind, names = choices.texts(at.tokens, at.context, scope)
    closing = text.find('"', column - 1)
    for name in names:
        written = name.replace("\\", "\\\\").replace('"', '\\"')
        yield Word(name, kind, kind, written if closing >= 0 else f'{written}"'), closing + 1


def _words(at: Unfinished, scope: Scope) -> Found:
    if not at.tokens:
        for item in _lines(at.context, scope):
            yield item, 0
        return
    failure = _next(at.tokens, at.context)
    for word in failure.keywords if failure else ():
        yield Word(word), 0
    if failure and "NAME" in failure.kinds:
        for word, kind in choices.words(at.tokens, at.context, scope):
            yield Word(word, kind, kind), 0
    if failure and "STRING" in failure.kinds and not at.partial:
        kind, names = choices.texts(at.tokens, at.context, scope)
        for name in names:
            written = name.replace("\\", "\\\\").replace('"', '\\"')
            yield Word(f'"{written}"', kind, kind), 0


def _next(tokens: Sequence[Lexeme], context: str) -> Failure | None:
    """What the grammar would take after these tokens."""
    end = tokens[-1].corrected("_CURSOR", "")
    result = parse([*tokens, end], start_of(tokens, context))
    return result if isinstance(result, Failure) and result.index == len(tokens) else None


def _lines(context: str, scope: Scope) -> Iterator[Word]:
    """The beginnings of lines that belong into this kind of block."""
    for head in heads(context):
        key = head_key(head, context)
        yield Word(SHOWN.get(head, head), detail=usage(key) or "", about=about_line(key) or "")
    if context == "scoring":
        yield Word("+10 when", detail=usage("+") or "")
        yield Word("+10 if", detail="+20 if company_size >= 200")
    if context == "segment":
        for word, kind in (("has", "word"), ("in", "word"), ("not", "word"), *choices.operands(scope)):
            yield Word(word, kind, kind)
