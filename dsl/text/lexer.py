"""One line of text as tokens. A run of digits with whatever hangs on it is one token, classed by `dsl.text.values`."""

from __future__ import annotations

import re
from typing import Any

from lark import Token

from dsl.problems.problems import Problems
from dsl.text.source import HOSTILE, character_name, without_hostile
from dsl.tree.declarations import Span

STRAIGHT = '"'
CLOSING = '“”‟"'
READABLE = ("E001", "E004", "E019")
"""Complaints after which the text is still what was meant: an open quote, single quotes, quotes inside of braces."""

LONGEST_BRACES = 1_000
"""Characters between `{{` and `}}` in which quotes are looked for."""

DEEPEST = 25
"""Brackets inside brackets in one line."""

_H = HOSTILE.pattern
_TOKEN = re.compile(
    rf"""[ ]*(?:
      (?P<NAME>yes/no\b|[^\W\d](?:\w|-(?=\w)|{_H})*)
    | (?P<STRING>"[^"\\]*")
    | (?P<NUMBER>[+\-\u2212\u2013]?\d(?:[\w:%]|[.,/\-](?=\w)|{_H})*)
    | (?P<OP>>=|<=|==|!=|<>|=>|=<|&&|\|\||[≥≤≠><=(),.])
    | (?P<SPACE>(?:[ \t\u00a0\u2000-\u200a\u202f\u3000\x85]|{_H})+)
    | (?P<COMMENT>\#.*)
    | (?P<QUOTE>["“”„‟])
    | (?P<OTHER>.)
    )""",
    re.VERBOSE,
)
"""A token with the spaces before it. `STRING`: a plain one; `QUOTE`: one with escapes, other quotes or no end."""
_OPERATORS = {
    ">": "GT", "<": "LT", ">=": "GE", "<=": "LE", "=": "EQ", "(": "_LPAR", ")": "_RPAR", ",": "_COMMA", ".": "_DOT",
}  # fmt: skip
_RUN = re.compile(r"[^\s,()#]*")
_GLUED_CLOCK = re.compile(r"([a-z]+)(\d{1,2}:\d\d)")
_MEANT = {
    "==": "=", "!=": "is not", "<>": "is not", "≠": "is not", "=>": ">=", "=<": "<=", "≥": ">=", "≤": "<=",
    "&&": "and", "||": "or",
}  # fmt: skip


class Lexeme(Token):
    """A token that knows its file and its place in it."""

    __slots__ = ("file",)

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    start_pos: int
    end_pos: int

    # Lark's own comparison is written in Python and compares kinds too, which nothing here asks for.
    __eq__ = str.__eq__
    __hash__ = str.__hash__

    def corrected(self, kind: str, text: str) -> Lexeme:
        """Another kind or word in the same place."""
        other = _lexeme(self.file, kind, text, self.line, self.start_pos, self.end_pos)
        other.end_line, other.end_column = self.end_line, self.end_column
        return other


def _lexeme(file: str, kind: str, text: str, line: int, start: int, end: int) -> Lexeme:
    """Lark's own constructor takes three times as long, and half of a file's characters are in tokens."""
    token = str.__new__(Lexeme, text)
    token.type, token.value, token.file = kind, text, file
    token.line = token.end_line = line
    token.start_pos, token.end_pos = start, end
    token.column, token.end_column = start + 1, end + 1
    return token


def span_of(first: Lexeme, last: Lexeme | None = None) -> Span:
    if last is None:
        last = first
    return Span(first.file, first.line, first.column, last.end_line, last.end_column)


class LineLexer:
    """Appends the tokens of physical lines to one logical line. `broken`: something in it was reported; `garbled`: and
    its tokens are not what the author meant."""

    def __init__(self, path: str, problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self.tokens: list[Lexeme] = []
        self.open: list[Span] = []
        self.broken = False
        self.garbled = False

    def feed(self, text: str, number: int, start: int) -> None:
        """Read `text` from index `start`; `number` is its line, counted from 1."""
        clean = text.isprintable()
        end = start
        while match := _TOKEN.match(text, end):
            kind = match.lastgroup or ""
            start, end = match.span(kind)
            if kind == "STRING" and (whole := _across_braces(text, start, end)) > end:
                self._complain("E019", number, end - 1, end)
                self._token("STRING", without_hostile(text[start + 1 : whole - 1]), number, start, whole)
                end = whole
            elif kind in ("NAME", "NUMBER", "STRING"):
                word = text[start:end] if kind != "STRING" else text[start + 1 : end - 1]
                self._token(kind, word if clean else without_hostile(word), number, start, end)
            elif kind == "OP":
                self._operator(text[start:end], number, start, end)
            elif kind == "QUOTE":
                end = self._string(text, number, start)
            elif kind == "OTHER":
                end = self._stray(text, number, start)

    def close(self) -> None:
        """The logical line is over."""
        if self.open:
            self.broken = self.garbled = True
            self.problems.add("E015", self.open[-1])

    def _token(self, kind: str, value: str, line: int, start: int, end: int) -> None:
        self.tokens.append(_lexeme(self.path, kind, value, line, start, end))
        if kind == "NAME" and value == "then":
            self._join("AND_THEN", 2, ("and", "then"))
        elif kind == "STRING":
            self._join("INTEREST_IN", 3, ("interest", "in"))

    def _join(self, kind: str, back: int, words: tuple[str, str]) -> None:
        """Two words that mean something else together become one token: `and then`, and `interest in` before a name."""
        at = len(self.tokens) - back
        if at < 0 or self.tokens[at + 1] != words[1] or self.tokens[at] != words[0]:
            return
        first, second = self.tokens[at : at + 2]
        if first.type == second.type == "NAME":
            joined = first.corrected(kind, " ".join(words))
            joined.end_line, joined.end_column, joined.end_pos = second.end_line, second.end_column, second.end_pos
            self.tokens[at : at + 2] = [joined]

    def _operator(self, text: str, line: int, start: int, end: int) -> None:
        if meant := _MEANT.get(text):
            self._complain("E005", line, start, end, text=text, meant=meant)
            text = meant if meant in _OPERATORS else "="
        if text == "(":
            self.open.append(Span(self.path, line, start + 1, line, end + 1))
            if len(self.open) == DEEPEST + 1:
                self._complain("E009", line, start, end, limit=DEEPEST)
        elif text == ")" and self.open:
            self.open.pop()
        self._token(_OPERATORS[text], text, line, start, end)

    def _stray(self, text: str, line: int, start: int) -> int:
        """A character without meaning. Single quotes are read as quotes, so that the rest makes sense."""
        char = text[start]
        end = start + 1
        if char in "'‘’‚«»`":
            closing = {"«": "»", "‘": "’‘", "‚": "‘’"}.get(char, char)
            found = next((i for i in range(end, len(text)) if text[i] in closing), None)
            if found is not None:
                self._complain("E004", line, start, found + 1, text=text[start : found + 1], inner=text[end:found])
                self._token("STRING", without_hostile(text[end:found]), line, start, found + 1)
                return found + 1
        if char == "%" and self.tokens and self.tokens[-1].type == "NUMBER":
            self._complain("E016", line, start, end, text=f"{self.tokens[-1]} %", meant=f"{self.tokens[-1]}%")
        elif text[start - 1 : start] != char:
            hint = _instead(text, start)
            self._complain("E003", line, start, end, text=char, character=character_name(char), hint=hint)
        return end

    def _string(self, text: str, line: int, start: int) -> int:
        """Read the string that opens at `start`; returns the index after it."""
        closing = STRAIGHT if text[start] == STRAIGHT else CLOSING
        value: list[str] = []
        index = start + 1
        while index < len(text):
            char = text[index]
            if char == "\\":
                escaped = text[index + 1 : index + 2]
                if escaped not in ('"', "\\"):
                    self._complain("E012", line, index, index + 1 + len(escaped), text=text[index : index + 2])
                value.append(escaped)
                index += 2
                continue
            if char in closing:
                self._token("STRING", without_hostile("".join(value)), line, start, index + 1)
                return index + 1
            value.append(char)
            index += 1
        end = len(text.rstrip())
        self._complain("E001", line, start, max(end, start + 1))
        self._token("STRING", without_hostile("".join(value).rstrip()), line, start, max(end, start + 1))
        return len(text)

    def _complain(self, code: str, line: int, start: int, end: int, **values: Any) -> None:
        self.broken = True
        self.garbled = self.garbled or code not in READABLE
        self.problems.add(code, Span(self.path, line, start + 1, line, end + 1), **values)


def _across_braces(text: str, start: int, end: int) -> int:
    """Where a text was meant to end whose first quote stands before `end`: one inside of `{{ … }}` was not its end."""
    at, quote = start + 1, end - 1
    while (opened := text.find("{{", at, quote)) >= 0:
        closed = text.find("}}", opened, opened + LONGEST_BRACES)
        at = closed + 2
        if at > quote:
            quote = text.find(STRAIGHT, at)
        if closed < 0 or quote < 0:
            return end
    return quote + 1


def _instead(text: str, at: int) -> str:
    """What was probably meant by a character without meaning."""
    char = text[at]
    if char == ":" and text[at + 1 : at + 2] == " ":
        return "delete it; between a name and its value write `=`"
    first = max(text.rfind(" ", 0, at), text.rfind("(", 0, at)) + 1
    run = _RUN.match(text, first)
    word = run[0] if run and '"' not in run[0] else ""
    if clock := _GLUED_CLOCK.fullmatch(word):
        return f"add a space before the time: `{clock[1]} {clock[2]}`"
    if char in "@/" and any(letter.isalnum() for letter in word):
        return f'write it in quotes: `"{word}"`'
    return "delete it"
