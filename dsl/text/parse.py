"""One line's tokens through the LALR grammar. What the parser can take next tells keywords from names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Tree
from lark.common import LexerConf
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer, LexerState

from dsl.text.lexer import Lexeme
from dsl.text.tables import Tables

GRAMMAR = Path(__file__).with_name("grammar.lark")
TABLES = GRAMMAR.parent / "__pycache__" / "grammar.tables"
"""The analysed grammar, kept as Python keeps its bytecode: made anew when the grammar or Lark is another, and done
without where nothing can be written. It spares a command the better part of a second."""


class Keywords(Lexer):
    """Hands the parser tokens that are already there. A whole word that is a keyword where the parser stands is one;
    anywhere else it is a name, so nothing is ever read out of a part of a word."""

    __future_interface__ = 2

    def __init__(self, conf: LexerConf) -> None:
        self.keywords = {t.pattern.value: t.name for t in conf.terminals}

    def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Lexeme]:
        states = parser_state.parse_conf.states
        tokens: Any = lexer_state.text
        for token in tokens:
            if token.type == "NAME":
                keyword = self.keywords.get(str(token))
                if keyword is not None and keyword in states[parser_state.position]:
                    token = token.corrected(keyword, str(token))
            yield token


@dataclass(frozen=True)
class Failure:
    """Why a line could not be parsed: the index of the first token that does not fit (the number of tokens when the
    line ends too early), and what could have stood there, keywords as written."""

    index: int
    keywords: tuple[str, ...]
    kinds: frozenset[str]


@cache
def grammar() -> Lark:
    return Lark(
        GRAMMAR.read_text(encoding="utf-8"),
        parser="lalr",
        lexer=Keywords,
        start=["start", "segment_line", "split_line", "handoff_line"],
        maybe_placeholders=True,
        cache=str(TABLES),
    )


def parse(tokens: list[Lexeme], start: str = "start") -> Tree[Any] | Failure:
    """The line's rule with its parts, or the first thing wrong with it. `start` is the kind of block that the line
    stands in where that decides how lines are read: `segment_line`, `split_line`, and `handoff_line` for a case."""
    found: Tree[Any] | None = _tables(start).run(tokens)
    return _failure(tokens, start) if found is None else found


def _failure(tokens: list[Lexeme], start: str) -> Failure:
    """Parse again with Lark itself, which can say what would have fitted."""
    seen: list[Lexeme] = []

    def counted() -> Iterator[Lexeme]:
        for token in tokens:
            seen.append(token)
            yield token

    try:
        grammar().parse(counted(), start)
    except UnexpectedToken as error:
        at_end = error.token.type == "$END"
        return Failure(len(tokens) if at_end else len(seen) - 1, *_acceptable(error))
    raise AssertionError("the tables and Lark disagree")


@cache
def _tables(start: str) -> Tables:
    return Tables(grammar(), start)


def _acceptable(error: UnexpectedToken) -> tuple[tuple[str, ...], frozenset[str]]:
    parser: Any = error.interactive_parser
    accepted: set[str] = parser.accepts() if parser else set()
    written = {t.name: t.pattern.value for t in grammar().terminals if t.pattern is not None}
    words = tuple(sorted(written[name] for name in accepted if name in written and written[name].isalpha()))
    return words, frozenset(name for name in accepted if name not in written)
