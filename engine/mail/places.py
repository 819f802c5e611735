"""Where in a file each word of a template stands. Jinja itself knows lines only.

The parser is given the number of a token in the place of its line, so that every node of the tree, and every syntax
error, leads to a token and by it to a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import ImmutableSandboxedEnvironment

_UNSEEN = frozenset((
    "whitespace", "comment_begin", "comment", "comment_end", "raw_begin", "raw_end", "linecomment_begin", "linecomment",
    "linecomment_end",
))  # fmt: skip
"""Tokens that the parser does not get."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line; counts characters from 1, `end` is one past the last."""

    line: int
    column: int
    end: int


@dataclass(frozen=True)
class Script:
    """A tree whose nodes have the number of a token for a line, counted from 1, and the place of each token."""

    tree: nodes.Template
    places: tuple[Place, ...]

    def at(self, number: int) -> Place:
        return self.places[min(max(number, 1), len(self.places)) - 1] if self.places else Place(1, 1, 2)

    def of_name(self, node: nodes.Node) -> Place:
        """All of `root`, `root.part` or `root["part"]`."""
        number = node.lineno or 1
        if not isinstance(node, nodes.Getattr | nodes.Getitem):
            return self.at(number)
        first, last = self.at(number - 1), self.at(number + 1 + isinstance(node, nodes.Getitem))
        return Place(first.line, first.column, last.end) if first.line == last.line else first


class _Numbered(Extension):
    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        return (Token(number, token.type, token.value) for number, token in enumerate(stream, 1))


_jinja = ImmutableSandboxedEnvironment()
_numbered = ImmutableSandboxedEnvironment(extensions=[_Numbered])


def script_of(text: str, line: int = 1, column: int = 1) -> Script:
    """`text` begins at this place of its file. Raises TemplateSyntaxError, as Jinja does."""
    return Script(_numbered.parse(text), tuple(_places(text, line, column)))


def place_of_error(text: str, line: int = 1, column: int = 1) -> Place | None:
    """Where the parser stops in a text that it cannot read; None when Jinja tells no more than the line."""
    try:
        places = tuple(_places(text, line, column))
    except TemplateSyntaxError as error:
        if sign := re.search(r" at (\d+)$", error.message or ""):
            before, breaks = text[: int(sign[1])], text.count("\n", 0, int(sign[1]))
            start = len(before) - before.rfind("\n") + (0 if breaks else column - 1)
            return Place(line + breaks, start, start + 1)
        return None
    try:
        _numbered.parse(text)
    except TemplateSyntaxError as error:
        return places[error.lineno - 1] if 0 < error.lineno <= len(places) else None
    return None


def _places(text: str, line: int, column: int) -> Iterator[Place]:
    """The lexer leaves out nothing but space beside tags, so each token is found behind the one before it."""
    at, start = 0, 1 - column
    for _, kind, value in _jinja.lex(text):
        found = text.find(value, at)
        if found < 0:
            continue
        breaks = text.count("\n", at, found)
        if breaks:
            line, start = line + breaks, text.rfind("\n", at, found) + 1
        if kind not in _UNSEEN:
            yield Place(line, found - start + 1, found - start + 1 + len(value.partition("\n")[0]))
        breaks = value.count("\n")
        if breaks:
            line, start = line + breaks, found + value.rfind("\n") + 1
        at = found + len(value)
