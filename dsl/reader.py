"""From lines to rows: each line parsed, put to its block, and every line that does not fit reported once.

A misspelt first word is read as the word it was meant to be, and a line that goes wrong is read up to there, so that
one mistake does not hide what depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dsl.diagnostics import at
from dsl.lexer import Lexeme, span_of
from dsl.lines import Line
from dsl.messages import FIRST_HERE
from dsl.near import near
from dsl.parse import Failure, parse
from dsl.problems import Problems
from dsl.tree import Span, Text
from dsl.vocabulary import ALL_HEADS, CONTEXTS, HEADS, INSIDE, SYNONYMS, block_below, heads

CASES = ("accepted", "rejected", "overdue")
LONG_HEADS = (
    "wait until", "wait up", "otherwise if", "or for", "sends on", "sends from", "when full", "starts on",
    "starts every", "add to",
)  # fmt: skip
"""First words that take a second one to tell how the line is written."""
KINDS = (
    "workspace", "field", "form", "scoring", "lifecycle", "stage", "team", "campaign", "topic", "list", "event",
    "webinar", "interest", "segment",
)  # fmt: skip
NUMBERED = ("scoring", "split")
"""Blocks whose lines begin with a number."""
LOST = {"workspace": "topic", "lifecycle": "stage"}
"""What a lost line of a block may have declared."""


@dataclass(frozen=True)
class Row:
    """A parsed line in its place. `args` are the rule's parts in the order of the grammar."""

    rule: str
    args: list[Any]
    line: Line
    whole: bool = True
    """False when the end of the line could not be read."""

    @property
    def span(self) -> Span:
        return self.line.span


class Reader:
    """Reads blocks of lines. `unreadable` collects the kinds of which a declaration was lost, `damaged` the lines of
    which only a part or nothing was read."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.unreadable: set[str] = set()
        self.damaged: list[Line] = []

    def rows(self, lines: list[Line], context: str) -> Iterator[Row]:
        """The lines of one block that belong there."""
        for line in lines:
            row = self._row(line, context)
            if row is None:
                yield from self._orphans(line, context)
                continue
            yield row
            if row.rule not in INSIDE and line.children:
                self.problems.add("E403", line.children[0].span, head=_head(line))
                yield from self.rows(line.children, context)

    def _orphans(self, line: Line, context: str) -> Iterator[Row]:
        """What stands below a line that could not be read: the same kind of lines go on here, others are only read."""
        first = line.tokens[0]
        inside = block_below("50%" if first.type == "NUMBER" else str(first), context)
        if inside == context:
            yield from self.rows(line.children, context)
        elif inside:
            self._skim(line.children, inside)

    def _skim(self, lines: list[Line], context: str) -> None:
        for row in self.rows(lines, context):
            self._skim(row.line.children, INSIDE.get(row.rule, "nothing"))

    def below(self, row: Row) -> Iterator[Row]:
        """The rows of the block below a row."""
        return self.rows(row.line.children, INSIDE.get(row.rule, "nothing"))

    def needs_block(self, row: Row) -> None:
        if not row.line.children and row.whole:
            self.problems.add("E404", row.span, head=_written(row.rule, row.line))

    def twice(self, seen: dict[str, Span], what: str, row: Row) -> None:
        """Report a line that may stand once and has been said before."""
        if what in seen:
            self.problems.add("E405", row.span, what=what, related=[at(FIRST_HERE, seen[what])])
        else:
            seen[what] = row.span

    def _row(self, line: Line, context: str) -> Row | None:
        tokens = line.tokens if context == "segment" else self._known_head(line, context)
        if tokens is None:
            return None
        result = _parse(tokens, context)
        if isinstance(result, Failure):
            repaired = None if line.broken else self._explain(tokens, result, context)
            result = _parse(repaired, context) if repaired else result
            if isinstance(result, Failure):
                return self._half(line, tokens, result, context)
        return self._placed(Row(result.data, result.children, line, not line.broken), context)

    def _known_head(self, line: Line, context: str) -> list[Lexeme] | None:
        """The line's tokens with a first word that exists, or None when the line is reported or cannot be read."""
        if line.garbled:
            self.damaged.append(line)
        first = line.tokens[0]
        word = str(first)
        if first.type == "NUMBER":
            if context not in NUMBERED:
                arm = len(line.tokens) > 1 and line.tokens[1].type == "STRING"
                self._misplaced(line, context, word, "arm" if arm else "")
                return None
            return line.tokens
        if self._meant_here(line, context):
            return self._unknown_head(line, context)
        if first.type == "NAME" and word in ALL_HEADS:
            return line.tokens
        return self._unknown_head(line, context)

    def _meant_here(self, line: Line, context: str) -> bool:
        """Whether the word begins lines elsewhere, but this one only makes sense with a word of this block that is
        near: `enter once` in a campaign."""
        word = str(line.tokens[0])
        if word in heads(context) or word not in ALL_HEADS:
            return False
        close = near(word, heads(context))
        if not close or not isinstance(parse(line.tokens), Failure):
            return False
        result = parse([line.tokens[0].corrected("NAME", close[0]), *line.tokens[1:]])
        return not isinstance(result, Failure) and result.data in CONTEXTS[context]

    def _unknown_head(self, line: Line, context: str) -> list[Lexeme] | None:
        first = line.tokens[0]
        word = str(first)
        if self.problems.full:
            self._lost(line, context, word)
            return None
        allowed = heads(context)
        meant = SYNONYMS.get(word.lower(), "")
        if meant.split(" ")[0] not in allowed:
            meant = ""
        close = (meant,) if meant else near(word, allowed) or near(word, sorted(ALL_HEADS))
        if not line.broken:
            self.problems.add("E401", span_of(first), near=close, text=word, allowed=allowed, context=context)
        if not close or first.type != "NAME":
            self._lost(line, context, word)
            return None
        words = close[0].split(" ")
        while len(words) > 1 and len(line.tokens) > 1 and words[-1] == line.tokens[1]:
            words.pop()
        return [*(first.corrected("NAME", text) for text in words), *line.tokens[1:]]

    def _half(self, line: Line, tokens: list[Lexeme], failure: Failure, context: str) -> Row | None:
        self.damaged.append(line)
        result: Any = failure
        if 0 < failure.index < len(tokens):
            result = _parse(tokens[: failure.index], context)
        if isinstance(result, Failure):
            self._lost(line, context, str(tokens[0]))
            return None
        return self._placed(Row(result.data, result.children, line, whole=False), context)

    def _explain(self, tokens: list[Lexeme], failure: Failure, context: str) -> list[Lexeme] | None:
        """Report the one problem of a line that does not parse. Returns the line as it was probably meant, if that is
        clear enough to go on with."""
        if context == "handoff" and tokens[0] == "when" and len(tokens) > 1 and tokens[1] not in CASES:
            close = near(str(tokens[1]), CASES)
            self.problems.add("E010", span_of(tokens[1]), near=close, text=str(tokens[1]), head="when handoff")
            return [tokens[0], tokens[1].corrected("NAME", close[0]), *tokens[2:]] if close else None
        head = _rule_head(tokens, context)
        if failure.index >= len(tokens):
            self.problems.add("E011", span_of(tokens[-1]), head=head, expected=failure.keywords, kinds=failure.kinds)
            return None
        token = tokens[failure.index]
        text = f'"{token}"' if token.type == "STRING" else str(token)
        close = near(str(token), failure.keywords) if token.type == "NAME" else ()
        kind, meant = "NAME", close[0] if close else ""
        if token.type == "NAME" and "STRING" in failure.kinds and not close:
            self.problems.add("E013", span_of(token), text=text)
            kind, meant = "STRING", text
        else:
            self.problems.add("E010", span_of(token), near=close, text=text, head=head, kinds=failure.kinds)
        index = failure.index
        return [*tokens[:index], token.corrected(kind, meant), *tokens[index + 1 :]] if meant else None

    def _placed(self, row: Row, context: str) -> Row | None:
        if row.rule in CONTEXTS[context]:
            return row
        self._misplaced(row.line, context, _written(row.rule, row.line), row.rule)
        self._lost(row.line, context, "")
        return None

    def _misplaced(self, line: Line, context: str, text: str, rule: str = "") -> None:
        homes = tuple(name for name, rules in CONTEXTS.items() if rule in rules)
        self.problems.add("E402", line.span, text=text, context=context, homes=homes, allowed=heads(context))

    def _lost(self, line: Line, context: str, head: str) -> None:
        """Remember what a line that cannot be read may have declared."""
        self.damaged.append(line)
        if context in LOST:
            self.unreadable.add(LOST[context])
        elif context == "file":
            self.unreadable.update([head] if head in KINDS else KINDS)


def _parse(tokens: list[Lexeme], context: str) -> Any:
    return parse(tokens, f"{context}_line" if context in ("segment", "split") else "start")


def label_of(token: Any) -> Text | None:
    return None if token is None else Text(str(token.children[0]), span_of(token.children[0]))


def _head(line: Line) -> str:
    return str(line.tokens[0])


def _written(rule: str, line: Line) -> str:
    """The beginning of a line as the author wrote it, long enough to be recognised."""
    words = []
    for token in line.tokens[:3]:
        if token.type != "NAME":
            break
        words.append(str(token))
    return " ".join(words) if HEADS.get(rule, rule) != "if" else "if"


def _rule_head(tokens: list[Lexeme], context: str) -> str:
    if context in ("segment", "split"):
        return "segment line" if context == "segment" else "50%"
    word = str(tokens[0])
    second = str(tokens[1]) if len(tokens) > 1 else ""
    for candidate in (f"{word} {second}", word):
        if candidate in LONG_HEADS:
            return candidate
    return f"{word} {context}" if word in ("when", "topic") else word
