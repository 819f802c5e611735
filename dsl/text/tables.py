"""Lark's LALR tables, run by a loop of our own. What is decided once per rule is decided when the tables are built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from sys import intern
from typing import Any

from lark import Lark, Tree
from lark.grammar import Rule, Terminal
from lark.parsers.lalr_analysis import Shift

from dsl.text.expressions import Expressions
from dsl.text.lexer import Lexeme

Make = Callable[[list[Any]], Any]
Reduction = tuple[int, Make, str]
"""How many parts a rule has, what is made of them, and the rule's name."""
_SAME: Make = itemgetter(0)
"""Of a rule that only passes its one part on."""


class Tables:
    """Actions by state and kind of token: a number is the state to go to with the token, anything else a reduction."""

    def __init__(self, grammar: Lark, start: str) -> None:
        parser: Any = grammar.parser
        table = parser.parser.parser.parse_table
        self.keywords = {t.pattern.value: t.name for t in grammar.terminals if t.pattern is not None}
        self.first: int = table.start_states[start]
        self.last: int = table.end_states[start]
        self.actions: list[dict[str, Any]] = [{} for _ in table.states]
        reductions: dict[Rule, Reduction] = {}
        for state, actions in table.states.items():
            for symbol, (action, target) in actions.items():
                if action is not Shift and target not in reductions:
                    reductions[target] = len(target.expansion), _make(target), intern(str(target.origin.name))
                self.actions[state][intern(str(symbol))] = target if action is Shift else reductions[target]
        self.beyond = _Beyond(self)

    def run(self, tokens: list[Lexeme]) -> Any:
        """What the line's rule makes of it; None when it does not fit. A whole word that is a keyword where it stands
        is one; anywhere else it is a name, so nothing is ever read out of a part of a word."""
        table, keywords, beyond, last = self.actions, self.keywords, self.beyond, self.last
        states = [self.first]
        values: list[Any] = []
        for token in (*tokens, None):
            actions = table[states[-1]]
            if token is None:
                kind = "$END"
            elif (kind := token.type) == "NAME" and (keyword := keywords.get(token, "")) in actions:
                kind = keyword
            while not isinstance(action := actions.get(kind), int):
                if action is None:
                    return None
                size, make, rule = action
                before = len(values) - size
                values[before:] = (make(values[before:]),)
                del states[before + 1 :]
                state = beyond[states[-1], rule, kind]
                if state == last:
                    return values[-1]
                states.append(state)
                actions = table[state]
            states.append(action)
            values.append(token)
        return None


class _Beyond(dict[tuple[int, str, str], int]):
    """Where the parser stands after a rule that began in a state, with the kind of token that follows. Rules that only
    pass their part on are behind it then; the way past them is looked up once."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self.tables = tables

    def __missing__(self, key: tuple[int, str, str]) -> int:
        began, rule, kind = key
        table, last = self.tables.actions, self.tables.last
        state: int = table[began][rule]
        while state != last and isinstance(action := table[state].get(kind), tuple) and action[1] is _SAME:
            state = table[began][action[2]]
        self[key] = state
        return state


_EXPRESSIONS = Expressions()


def _make(rule: Rule) -> Make:
    """What becomes of a rule's parts, as Lark has it: tokens without a name are left out, None stands for an optional
    part that is missing, the parts of a `_rule` are parts of the one around it, a `?rule` with one part is that part,
    and a rule without a method in `dsl.text.expressions` is a plain tree."""
    name = intern(str(rule.alias or rule.origin.name))
    wanted = _wanted(rule)
    if rule.options.expand1 and not rule.alias and len(wanted) == 1:
        return itemgetter(wanted[0]) if len(rule.expansion) > 1 else _SAME
    gather = _gather(rule, wanted)
    if name.startswith("_"):
        return gather
    method: Callable[..., Any] | None = getattr(_EXPRESSIONS, name, None)
    if method is None:
        return lambda parts: Tree(name, list(gather(parts)))
    return lambda parts: method(*gather(parts))


def _wanted(rule: Rule) -> list[int | None]:
    """The indices of the parts that count, with None for those that are missing."""
    wanted: list[int | None] = []
    symbols = enumerate(rule.expansion)
    for missing in rule.options.empty_indices or (False,) * len(rule.expansion):
        index, symbol = (None, None) if missing else next(symbols)
        if not (isinstance(symbol, Terminal) and symbol.filter_out):
            wanted.append(index)
    return wanted


def _gather(rule: Rule, wanted: list[int | None]) -> Callable[[list[Any]], Sequence[Any]]:
    spread = {index for index, symbol in enumerate(rule.expansion) if not symbol.is_term and symbol.name[0] == "_"}
    if spread:
        return lambda parts: _flat(parts, wanted, spread)
    if None in wanted or len(wanted) < 2:
        return lambda parts: [None if index is None else parts[index] for index in wanted]
    return itemgetter(*wanted)


def _flat(parts: list[Any], wanted: list[int | None], spread: set[int]) -> list[Any]:
    """The parts, with those of a `_rule` in its place. A list that comes first is taken over and grows."""
    found: list[Any] = []
    for index in wanted:
        if index not in spread:
            found.append(None if index is None else parts[index])
        elif found:
            found += parts[index]
        else:
            found = parts[index]
    return found
