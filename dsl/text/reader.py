"""From lines to rows: each line parsed, put to its block, and every line that does not fit reported once.

A misspelt first word is read as the word it was meant to be, and a line that goes wrong is read up to there, so that
one mistake does not hide what depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsl.problems.diagnostics import at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text.counts import miscounted
from dsl.text.deeds import history
from dsl.text.hints import event_hint, hint, on_one_line
from dsl.text.lexer import Lexeme, span_of
from dsl.text.lines import Line
from dsl.text.natural import natural
from dsl.text.parse import Failure, parse
from dsl.text.vocabulary import ALL_HEADS, CARRIERS, CONTEXTS, HEADS, INSIDE, SYNONYMS, block_below, heads
from dsl.text.words import WORDS, instead
from dsl.tree.declarations import Span, Text

CASES = ("accepted", "rejected", "overdue")
COUNTED_IN = ("in", "per", "during", "over")
"""What people write for `within` in a count."""
LONG_HEADS = (
    "wait until", "wait up", "send next", "otherwise if", "or for", "sends on", "sends from", "when full", "starts on",
    "starts every", "add to",
)  # fmt: skip
"""First words that take a second one to tell how the line is written."""
KINDS = (
    "workspace", "field", "form", "scoring", "lifecycle", "stage", "team", "campaign", "topic", "list", "event",
    "webinar", "interest", "segment", "crm",
)  # fmt: skip
NUMBERED = ("scoring", "split")
"""Blocks whose lines begin with a number."""
JOINING = ("and", "or", "if", "where", "only", "when", "but", "either")
"""Words with which people begin the lines of a segment."""
UNQUOTED = (
    "on", "to", "with", "for", "from", "at", "by", "in", "is", "as", "because", "and", "or", "if", "until", "where",
)  # fmt: skip
"""Words that come before a name and are not part of one."""
KEYWORDS = (
    *UNQUOTED,
    "after",
    "before",
    "has",
    "of",
    "once",
    "otherwise",
    "per",
    "since",
    "testing",
    "than",
    "then",
    "when",
    "whenever",
    "within",
)
"""Words of the language with which a name without quotes is not likely to begin."""
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
        self.above: Line | None = None
        """The line before the one that is read, in the same block."""

    def rows(self, lines: list[Line], context: str) -> Iterator[Row]:
        """The lines of one block that belong there."""
        for before, line in zip((None, *lines), lines, strict=False):
            self.above = before
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
        inside = "flow" if context == "split" else block_below(str(first), context)
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
        line.tokens = natural(line.tokens)
        if self._is_foreign(line, context):
            return None
        tokens = self._condition(line) if context == "segment" else self._known_head(line, context)
        if tokens is None:
            return None
        result = _parse(tokens, context)
        if isinstance(result, Failure):
            repaired = None if line.broken else self._explain(tokens, result, context)
            result = _parse(repaired, context) if repaired else result
            if isinstance(result, Failure):
                return self._half(line, tokens, result, context)
        return self._placed(Row(result.data, result.children, line, not line.broken), context)

    def _is_foreign(self, line: Line, context: str) -> bool:
        """Whether the line begins with a word of another tool and cannot be read; then it is reported."""
        advice = instead(line.tokens, context) if context in WORDS and not line.broken else ""
        if not advice:
            return False
        first, *rest = line.tokens
        word = str(first)
        meant = (word if word in ALL_HEADS else SYNONYMS.get(word.lower(), word)).split(" ")
        for tokens in (line.tokens, [*(first.corrected("NAME", word) for word in meant), *rest]):
            result = _parse(tokens, context)
            if not isinstance(result, Failure) and result.data in CONTEXTS[context]:
                return False
        self.problems.add("E413", span_of(line.tokens[0]), text=str(line.tokens[0]), hint=advice)
        self._lost(line, context, str(line.tokens[0]))
        return True

    def _condition(self, line: Line) -> list[Lexeme] | None:
        """A line that is a condition by itself, without the words that join conditions elsewhere."""
        words = [str(token) for token in line.tokens[:2]]
        if words[0] not in JOINING or (len(line.tokens) < 2 and words[0] != "or"):
            if words[0] in ALL_HEADS and not isinstance(found := parse(line.tokens), Failure):
                self._placed(Row(found.data, found.children, line), "segment")
                return None
            line.tokens = history(line.tokens, whole=True)
            return line.tokens
        extra = 1 if len(line.tokens) == 1 else 0
        while extra < len(line.tokens) - 1 and str(line.tokens[extra]) in (*JOINING, "if"):
            extra += 1
        code = "E411" if words[0] == "or" else "E410"
        self.problems.add(
            code,
            span_of(line.tokens[0], line.tokens[extra - 1]),
            text=" ".join(str(token) for token in line.tokens[:extra]),
            hint=on_one_line(self.above.tokens if self.above else (), line.tokens[extra:]),
        )
        rest = line.tokens[extra:]
        return history(rest, whole=True) if rest else None

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
        if context == "split":
            self.problems.add("E412", span_of(first), name=_arm_name(line))
            self.damaged.append(line)
            return None
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
        close = self._readable(close, line) if not meant else close
        if not line.broken:
            self.problems.add("E401", span_of(first), near=close, text=word, allowed=allowed, context=context)
        if not close or first.type != "NAME":
            self._lost(line, context, word)
            return None
        words = close[0].split(" ")
        while len(words) > 1 and len(line.tokens) > 1 and words[-1] == line.tokens[1]:
            words.pop()
        return [*(first.corrected("NAME", text) for text in words), *line.tokens[1:]]

    def _readable(self, near: tuple[str, ...], line: Line) -> tuple[str, ...]:
        """Those near words with which the line can be read, if there are any."""
        if len(near) < 2 or line.tokens[0].type != "NAME":
            return near
        first, *rest = line.tokens
        fitting = [word for word in near if not isinstance(parse([first.corrected("NAME", word), *rest]), Failure)]
        return tuple(fitting) or near

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
        if count := miscounted(tokens, failure):
            code, first, last = count
            text = " ".join(str(token) for token in tokens[first : last + 1])
            self.problems.add(code, span_of(tokens[first], tokens[last]), text=text)
            index = failure.index
            if code == "E017" and index < len(tokens) and tokens[index] in COUNTED_IN:
                return [*tokens[:index], tokens[index].corrected("NAME", "within"), *tokens[index + 1 :]]
            return None
        if _waits_for_a_span(tokens):
            shown = " ".join(str(token) for token in tokens[2:])
            self.problems.add(
                "E010", span_of(tokens[1]), text="for", head="wait", advice=f"write `wait {shown}`, without `for`"
            )
            return [tokens[0], *tokens[2:]]
        index = failure.index
        advice = hint(tokens, index)
        head = (
            _rule_head(tokens, context)
            if tokens[0] in ("event", *CARRIERS) or not _of_history(tokens[:index])
            else "has"
        )
        goes_on = "$END" in failure.kinds and tokens[index].type == "NAME"
        words: dict[str, Any] = {"head": head, "advice": advice or ("" if goes_on else event_hint(tokens, index))}
        if index >= len(tokens):
            self.problems.add("E011", span_of(tokens[-1]), **words)
            return None
        token = tokens[index]
        text = f'"{token}"' if token.type == "STRING" else str(token)
        close = near(str(token), failure.keywords) if token.type == "NAME" and not advice else ()
        if token.type == "NAME" and "STRING" in failure.kinds and not close and not advice and _quotable(token, head):
            last = _end_of_name(tokens, index)
            text = " ".join(str(word) for word in tokens[index : last + 1])
            self.problems.add("E013", span_of(token, tokens[last]), text=text)
            return [*tokens[:index], token.corrected("STRING", text), *tokens[last + 1 :]]
        self.problems.add("E010", span_of(token), near=close, text=text, **words)
        return [*tokens[:index], token.corrected("NAME", close[0]), *tokens[index + 1 :]] if close else None

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


def _waits_for_a_span(tokens: list[Lexeme]) -> bool:
    """`wait for 3 days`, which waits for no event."""
    started = [str(token) for token in tokens[:2]] == ["wait", "for"] and len(tokens) > 3
    return started and tokens[2].type == "NUMBER" and not isinstance(parse([tokens[0], *tokens[2:]]), Failure)


def _of_history(tokens: list[Lexeme]) -> bool:
    """Whether the last question on the line asks what a lead did."""
    after = [token for token in tokens if token.type == "NAME" and token in ("has", "and", "or")]
    return bool(after) and after[-1] == "has"


def _parse(tokens: list[Lexeme], context: str) -> Any:
    return parse(tokens, start_of(tokens, context))


def start_of(tokens: Sequence[Lexeme], context: str) -> str:
    """The grammar's start for a line: `when` is followed by an outcome below a handoff, and by an event elsewhere."""
    own = context in ("segment", "split") or (context == "handoff" and tokens[0] == "when")
    return f"{context}_line" if own else "start"


def label_of(token: Any) -> Text | None:
    return None if token is None else Text(str(token.children[0]), span_of(token.children[0]))


def _quotable(token: Lexeme, head: str) -> bool:
    """Whether a word in the place of a text is that text without its quotes."""
    return token not in KEYWORDS and head != "notify"


def _end_of_name(tokens: list[Lexeme], first: int) -> int:
    """The last word of a name without quotes: it may have several at the end of a line, `add to list Trade show`."""
    rest = tokens[first:]
    words = all(token.type == "NAME" and token not in UNQUOTED for token in rest)
    return len(tokens) - 1 if words and len(rest) <= 5 else first


def _arm_name(line: Line) -> str:
    """What was probably meant as the name of an arm."""
    words = [str(token) for token in line.tokens if token.type in ("STRING", "NAME")]
    known = str(line.tokens[0]) in ALL_HEADS
    return words[-1] if len(line.tokens) <= 3 and words and not known else "name"


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
        if candidate == "wait until" and any(token in ("before", "after") for token in tokens):
            return "wait until before"
        if candidate in LONG_HEADS:
            return candidate
    if context == "crm" and word in ("sends", "deal"):
        return "sends leads" if second == "leads" else f"{word} crm"
    return f"{word} {context}" if word in ("when", "topic") else word
