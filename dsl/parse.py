"""One line's tokens through the LALR grammar. What the parser can take next tells keywords from names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Tree
from lark.common import LexerConf
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer, LexerState
from lark.parsers.lalr_analysis import Shift

from dsl.expressions import Expressions
from dsl.lexer import Lexeme

GRAMMAR = Path(__file__).with_name("grammar.lark")


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
        transformer=Expressions(),
        maybe_placeholders=True,
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


class _Tables:
    """Lark's LALR tables with each reduction's work beside it. Lark's own loop looks callbacks up by rule, which it
    hashes anew each time, and that was most of the time that lines took."""

    def __init__(self, start: str) -> None:
        parser: Any = grammar().parser
        self.keywords: dict[str, str] = {t.pattern.value: t.name for t in grammar().terminals if t.pattern is not None}
        inner = parser.parser.parser
        table = inner.parse_table
        self.first: int = table.start_states[start]
        self.last: int = table.end_states[start]
        self.shifts: list[dict[str, int]] = [{} for _ in table.states]
        self.reductions: list[dict[str, tuple[int, Callable[[list[Any]], Any], str]]] = [{} for _ in table.states]
        for state, actions in table.states.items():
            for symbol, (action, target) in actions.items():
                if action is Shift:
                    self.shifts[state][symbol] = target
                else:
                    work = (len(target.expansion), inner.callbacks[target], target.origin.name)
                    self.reductions[state][symbol] = work

    def run(self, tokens: list[Lexeme]) -> Any:
        """What the line's rule makes of it; None when it does not fit."""
        shifts, reductions, keywords = self.shifts, self.reductions, self.keywords
        states = [self.first]
        values: list[Any] = []
        for token in tokens:
            state, kind = states[-1], token.type
            if kind == "NAME":
                keyword = keywords.get(token)
                if keyword is not None and (keyword in shifts[state] or keyword in reductions[state]):
                    kind = keyword
                    token = token.corrected(keyword, token)
            while (target := shifts[state].get(kind)) is None:
                if not self._reduce(states, values, reductions[state].get(kind)):
                    return None
                state = states[-1]
            states.append(target)
            values.append(token)
        while states[-1] != self.last:
            if not self._reduce(states, values, reductions[states[-1]].get("$END")):
                return None
        return values[-1]

    def _reduce(self, states: list[int], values: list[Any], work: tuple[int, Any, str] | None) -> bool:
        if work is None:
            return False
        size, callback, origin = work
        parts = values[-size:] if size else []
        if size:
            del states[-size:]
            del values[-size:]
        states.append(self.shifts[states[-1]][origin])
        values.append(callback(parts))
        return True


@cache
def _tables(start: str) -> _Tables:
    return _Tables(start)


def _acceptable(error: UnexpectedToken) -> tuple[tuple[str, ...], frozenset[str]]:
    parser: Any = error.interactive_parser
    accepted: set[str] = parser.accepts() if parser else set()
    written = {t.name: t.pattern.value for t in grammar().terminals if t.pattern is not None}
    words = tuple(sorted(written[name] for name in accepted if name in written and written[name].isalpha()))
    return words, frozenset(name for name in accepted if name not in written)
