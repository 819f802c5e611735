"""The words inside the tags of a template, read one by one so that a template that is being written can be read too."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsl.compile import Parsed
from dsl.text.lines import Line
from dsl.tree.declarations import Span
from engine.writing.names import Mention
from engine.writing.positions import lines_of

_OUTSIDE = re.compile(
    r"\{#.*?(?:#\}|\Z)|\{%[-+]?\s*raw\s*-?%\}.*?(?:\{%[-+]?\s*endraw\s*-?%\}|\Z)|(\{\{|\{%)[-+]?", re.S
)
_INSIDE = re.compile(
    r"""(?P<end>[-+]?[%}]\})|(?P<begin>\{[{%#])|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<name>[^\W\d]\w*)|(?P<number>\d[\d.]*)|(?P<sign>[^\w\s])|\s+"""
)
_MEMBERS = {"lead": "field", "event": "datum", "owner": "owner", "workspace": "company"}
_BRINGS = ("include", "extends", "import", "from")
_KEYWORDS = frozenset((
    "and", "or", "not", "in", "is", "if", "else", "elif", "for", "endfor", "endif", "set", "endset", "block",
    "endblock", "macro", "endmacro", "call", "endcall", "filter", "endfilter", "include", "extends", "import", "from",
    "as", "with", "without", "context", "ignore", "missing", "true", "false", "none", "True", "False", "None",
    "endwith", "raw", "endraw", "do", "scoped", "recursive",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """`kind` is `name`, `text` (with its quotes), `number` or `sign`; `start` and `end` count characters from 0."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """`{{ … }}` or `{% … %}`; one that is never closed ends where the next begins."""

    statement: bool
    words: tuple[Word, ...]
    start: int
    end: int
    closed: bool


def tags_of(text: str) -> Iterator[Tag]:
    at = 0
    while found := _OUTSIDE.search(text, at):
        if found[1] is None:
            at = found.end()
            continue
        tag = _tag(text, found.start(), found.end(), "%}" if found[1] == "{%" else "}}")
        yield tag
        at = tag.end


def _tag(text: str, start: int, at: int, closing: str) -> Tag:
    words: list[Word] = []
    while found := _INSIDE.match(text, at):
        kind = found.lastgroup
        if kind == "begin" and found[0] != "{#":
            break
        at = found.end()
        if kind == "end" and found[0].endswith(closing):
            return Tag(closing == "%}", tuple(words), start, at, closed=True)
        if kind is not None:
            words.append(Word("sign" if kind in ("end", "begin") else kind, found[0], found.start(), at))
    return Tag(closing == "%}", tuple(words), start, max(at, start + 2), closed=False)


class Markup:
    """One text with tags in it, as lines; `mentions` are in its order.

    Of these kinds: `field` (`lead.…`), `datum` (`event.…`), `owner`, `company` (`workspace.…`), `part`, `file`,
    `filter`, any other `word`, and `whole`: `lead` or `event` handed on as a whole, so that what becomes of it is not
    known.
    """

    def __init__(self, shown: str, text: str, line: int = 1, column: int = 1) -> None:
        lines = lines_of(text)
        self.text = "\n".join(lines)
        self._shown, self._line, self._column = shown, line, column
        self._starts = [0]
        for one in lines[:-1]:
            self._starts.append(self._starts[-1] + len(one) + 1)
        self.mentions = [mention for tag in tags_of(self.text) for mention in self._in(tag.words)]

    def offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        """Of a stretch within one line."""
        row = bisect_right(self._starts, start) - 1
        shift = 1 - self._starts[row] + (self._column - 1 if row == 0 else 0)
        return Span(self._shown, self._line + row, start + shift, self._line + row, end + shift)

    def _in(self, words: Sequence[Word]) -> Iterator[Mention]:
        for index, word in enumerate(words):
            before = words[index - 1].text if index else ""
            if word.kind == "name" and (kind := self._kind(words, index, before)):
                yield Mention(kind, word.text, self.span(word.start, word.end))
            elif word.kind == "text" and (kind := kind_of_text(words, index, before)):
                yield Mention(kind, word.text[1:-1], self.span(word.start + 1, word.end - 1))

    def _kind(self, words: Sequence[Word], index: int, before: str) -> str | None:
        word = words[index]
        if before == ".":
            return member_kind(words, index - 2)
        if before == "|":
            return "filter"
        if word.text in _KEYWORDS or (before == "not" and index > 1 and words[index - 2].text == "is"):
            return None
        if before == "is" or (index == 0 and word.text not in _MEMBERS and len(words) > 1 and words[1].kind == "name"):
            return None
        return "whole" if word.text in ("lead", "event") and not _hasmember_kind(words, index) else "word"


def member_kind(words: Sequence[Word], root: int) -> str | None:
    """What a part of the name at `root` is."""
    if root < 0 or words[root].kind != "name" or (root > 0 and words[root - 1].text == "."):
        return None
    return _MEMBERS.get(words[root].text)


def _hasmember_kind(words: Sequence[Word], index: int) -> bool:
    following = [word.text for word in words[index + 1 : index + 4]]
    if following[:1] == ["."]:
        return len(following) > 1
    return len(following) == 3 and (following[0], following[2]) == ("[", "]") and words[index + 2].kind == "text"


def kind_of_text(words: Sequence[Word], index: int, before: str) -> str | None:
    """What a text in quotes names."""
    head = words[0].text
    if before == "[" and (index + 1 == len(words) or words[index + 1].text == "]" or words[index].kind == "sign"):
        return member_kind(words, index - 2)
    if before in _BRINGS or (head == "include" and before in ("[", ",", "else")):
        return "part"
    return "file" if before == "(" and index > 1 and words[index - 2].text == "file_url" else None


def markups_in(file: Parsed, text: str) -> list[Markup]:
    """The templates in quotes of a campaign file: subjects and notes."""
    lines = lines_of(text)
    return [Markup(file.path, raw, line, column) for line, column, raw in _quoted(file.lines, lines)]


def _quoted(written: Sequence[Line], lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    for one in written:
        for token in one.tokens:
            if token.type == "STRING" and "{" in token and token.line and token.column:
                raw = lines[token.line - 1][token.column : (token.end_column or 1) - 2]
                yield token.line, token.column + 1, raw
        yield from _quoted(one.children, lines)
