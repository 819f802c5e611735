"""Warnings: conditions that are never or always true. Only what can be seen from the words is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from itertools import product
from typing import Any

from dsl.checks.shown import show
from dsl.names.scope import Scope
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Condition, Operand

Key = tuple[object, ...]
Literal = float | str | bool
_BOUNDS = ("<", "<=", ">", ">=", "before", "after")
_REST = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""What a value is like for which the comparison does not hold."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """One end of a range, and whether it belongs to the range itself. Not `sure`: or the value is unknown."""

    value: Literal
    inside: bool
    shown: str
    sure: bool


@dataclass
class Facts:
    """What the parts of one `and` say of one operand, each with how it was written."""

    left: Operand
    allowed: list[tuple[frozenset[Literal], str]] = field(default_factory=list)
    forbidden: list[tuple[frozenset[Literal], str]] = field(default_factory=list)
    starts: list[tuple[str, str]] = field(default_factory=list)
    above: list[_Bound] = field(default_factory=list)
    below: list[_Bound] = field(default_factory=list)
    unknown: bool = False

    @property
    def positive(self) -> bool:
        return bool(self.allowed or self.starts or any(bound.sure for bound in (*self.above, *self.below)))

    def also(self, other: Facts) -> Facts:
        """What both say."""
        return Facts(
            self.left, self.allowed + other.allowed, self.forbidden + other.forbidden, self.starts + other.starts,
            self.above + other.above, self.below + other.below, self.unknown or other.unknown,
        )  # fmt: skip


def warn(condition: Condition, scope: Scope, problems: Problems) -> None:
    """Report every part of a condition without mistakes that is never or always true."""
    for part in _parts(condition):
        match part:
            case tree.And(items=items):
                if why := _clash(list(_flat(items)), scope):
                    problems.add("W131", part.span, why=why[0], hint=why[1])
            case tree.Or(items=items):
                if why_always := _covers(items):
                    problems.add("W132", part.span, why=why_always, hint="delete the condition, or correct it")
            case tree.AtLeast(right=tree.Word(name=name)) if name in scope.stages and scope.stages[name].outside:
                why_never = f"`is at least` never includes `{name}`, which is outside the order"
                problems.add("W131", part.span, why=why_never, hint=f"write `stage is {name}`")
            case tree.Bare(operand=tree.Word(name="yes" | "no" as word)):
                code = "W132" if word == "yes" else "W131"
                problems.add(code, part.span, why=f"it says `{word}`", hint="use a field instead, or delete it")
            case tree.Compare(left=left, op=op, right=right) if type(left) is type(right) and _key(left) == _key(right):
                code = "W131" if op in ("<", ">", "is not") else "W132"
                problems.add(code, part.span, why="both sides are the same", hint="compare with another value")


def warn_together(lines: tuple[Condition, ...], scope: Scope, problems: Problems) -> None:
    """Report lines that are joined by `and` and exclude each other, each of them possible alone."""
    if len(lines) < 2 or any(_clash(list(_flat((line,))), scope) for line in lines):
        return
    if why := _clash(list(_flat(lines)), scope):
        problems.add("W131", lines[0].span.to(lines[-1].span), why=why[0], hint=why[1])


def _parts(condition: Condition) -> Iterator[Condition]:
    yield condition
    match condition:
        case tree.And(items=items) | tree.Or(items=items):
            for item in items:
                yield from _parts(item)
        case tree.Not(item=item):
            yield from _parts(item)
        case _:
            pass


def _flat(items: Iterable[Condition]) -> Iterator[Condition]:
    for item in items:
        if isinstance(item, tree.And):
            yield from _flat(item.items)
        else:
            yield item


# ── never ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _clash(items: list[Condition], scope: Scope) -> tuple[str, str] | None:
    """Why these cannot all be true, with what to do."""
    for facts in facts_of(items, scope).values():
        if found := impossible(facts):
            return found
    if _opposites(items):
        return "one part says the opposite of another", "delete one of the two"
    return None


def facts_of(items: Iterable[Condition], scope: Scope) -> dict[Key, Facts]:
    """What these say together of each operand."""
    about: dict[Key, Facts] = {}
    for item in items:
        _gather(item, about, scope)
    return about


def _gather(item: Condition, about: dict[Key, Facts], scope: Scope) -> None:
    match item:
        case tree.Compare(left=tree.Word(name=name)) | tree.OneOf(left=tree.Word(name=name)) if _several(name, scope):
            return
        case tree.Not(item=tree.Compare(left=left, op=op, right=right)) if op in _REST:
            if (value := _literal(right)) is not None:
                _fact(_facts(left, about), _REST[op], value, show(right), sure=False)
        case tree.Bare(operand=tree.Word() as left):
            _facts(left, about).allowed.append((frozenset((True,)), "`yes`"))
        case tree.Compare(left=left, op="starts with", right=tree.Quoted(value=value) as right):
            _facts(left, about).starts.append((value.casefold(), show(right)))
        case tree.Compare(left=tree.Word(name="stage") as left, op="is", right=tree.Word(name=name)):
            _facts(left, about).allowed.append((frozenset((name,)), f"`{name}`"))
        case tree.AtLeast(left=left, right=tree.Word(name=name)) if name in scope.stages:
            _facts(left, about).allowed.append((_later(name, scope), f"at least `{name}`"))
        case tree.Not(item=tree.AtLeast(left=left, right=tree.Word(name=name))) if name in scope.stages:
            earlier = frozenset(scope.stages) - _later(name, scope)
            _facts(left, about).allowed.append((earlier, f"less than `{name}`"))
        case tree.Compare(left=left, op=op, right=right) if (value := _literal(right)) is not None:
            _fact(_facts(left, about), op, value, show(right))
        case tree.DateIs(left=left, relation=relation, negated=False, right=tree.Number() as right):
            _fact(_facts(left, about), relation.value, right.raw, show(right))
        case tree.OneOf(left=left, values=chosen, negated=negated):
            found = frozenset(value for one in chosen if (value := _literal(one)) is not None)
            facts = _facts(left, about)
            (facts.forbidden if negated else facts.allowed).append((found, ", ".join(map(show, chosen))))
        case tree.Known(left=left, negated=True):
            _facts(left, about).unknown = True
        case _:
            pass  # says nothing of one operand


def _later(name: str, scope: Scope) -> frozenset[Literal]:
    """The stage and those after it in the order."""
    inside = [stage for stage, found in scope.stages.items() if not found.outside]
    return frozenset(inside[inside.index(name) :] if name in inside else ())


def _several(field: str, scope: Scope) -> bool:
    """Whether a lead can have several values there, so that one does not exclude another."""
    return field in scope.fields and scope.fields[field].type == "choices"


def _facts(left: Operand, about: dict[Key, Facts]) -> Facts:
    return about.setdefault(_key(left), Facts(left))


def _fact(facts: Facts, op: str, value: Literal, shown: str, *, sure: bool = True) -> None:
    match op:
        case "is":
            facts.allowed.append((frozenset((value,)), shown))
        case "is not":
            facts.forbidden.append((frozenset((value,)), shown))
        case ">" | ">=" | "after":
            facts.above.append(_Bound(value, op == ">=", f"{op} {shown}", sure))
        case "<" | "<=" | "before":
            facts.below.append(_Bound(value, op == "<=", f"{op} {shown}", sure))
        case _:
            pass


def impossible(facts: Facts) -> tuple[str, str] | None:
    left = show(facts.left)
    either = "join them with `or`, or delete one"
    if facts.unknown and facts.positive:
        return f"{left} cannot be unknown and have a value at the same time", either
    for one, shown in facts.allowed:
        for other, other_shown in facts.allowed:
            if not one & other:
                literals = f"({shown}, {other_shown})" if shown[:1] == other_shown[:1] == '"' else ""
                hint = f"write `{left.strip('`')} in {literals}`" if literals else either
                return f"{left} cannot be {shown} and {other_shown} at the same time", hint
        for other, other_shown in facts.forbidden:
            if one <= other:
                return f"{left} cannot be {shown} and not {other_shown} at the same time", either
        for bound in (*facts.above, *facts.below):
            if not any(_inside(value, bound, facts) for value in one):
                return f"{left} cannot be {shown} and {bound.shown} at the same time", either
        for start, start_shown in facts.starts:
            if not any(str(value).startswith(start) for value in one):
                return f"{left} cannot be {shown} and start with {start_shown} at the same time", either
    for low in facts.above:
        for high in facts.below:
            if (low.sure or high.sure) and _apart(low, high):
                return f"{left} cannot be {low.shown} and {high.shown} at the same time", either
    for (start, start_shown), (rival, rival_shown) in product(facts.starts, repeat=2):
        if not start.startswith(rival) and not rival.startswith(start):
            return f"{left} cannot start with {start_shown} and {rival_shown} at the same time", either
    return None


def _inside(value: Literal, bound: _Bound, facts: Facts) -> bool:
    if value == bound.value:
        return bound.inside
    return _more(value, bound.value) if bound in facts.above else _more(bound.value, value)


def _apart(low: _Bound, high: _Bound) -> bool:
    return _more(low.value, high.value) or (low.value == high.value and not (low.inside and high.inside))


def _more(one: Literal, other: Literal) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one > other
    if isinstance(one, str) or isinstance(other, str):
        return False
    return one > other


# ── always ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _covers(items: tuple[Condition, ...]) -> str:
    """Why one of these is always true; empty when it is not so. Only scores are never missing."""
    if _opposites(items):
        return "one part says the opposite of another"
    about: dict[Key, Facts] = {}
    for item in items:
        if isinstance(item, tree.Compare) and isinstance(item.left, tree.Score) and item.op in _BOUNDS:
            value = _literal(item.right)
            if value is not None:
                _fact(_facts(item.left, about), item.op, value, show(item.right))
    for facts in about.values():
        for low in facts.above:
            for high in facts.below:
                if _more(high.value, low.value) or (low.value == high.value and (low.inside or high.inside)):
                    return f"{show(facts.left)} is always {low.shown} or {high.shown}"
    return ""


# ── sameness ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _opposites(items: Iterable[Condition]) -> bool:
    """Whether two items are the same question, once with `not`."""
    asked, denied = questions(items)
    return not asked.isdisjoint(denied)


def questions(items: Iterable[Condition]) -> tuple[frozenset[Key], frozenset[Key]]:
    """What is asked, and what is asked with `not`."""
    found: dict[bool, list[Condition]] = {False: [], True: []}
    for item in items:
        found[_negated(item)].append(item)
    return frozenset(map(_question, found[False])), frozenset(map(_question, found[True]))


def _negated(item: Condition) -> bool:
    match item:
        case tree.Not(item=inner):
            return not _negated(inner)
        case tree.Compare(op=op):
            return op == "is not"
        case _:
            return getattr(item, "negated", False)


def _question(item: Condition) -> Key:
    """What is asked, without `not`."""
    match item:
        case tree.Not(item=inner):
            return _question(inner)
        case tree.Compare(left=left, op="is not", right=right):
            return _key(tree.Compare(left, "is", right, item.span))
        case _:
            return tuple(part for part in _key(item) if part != ("negated", True) and part != ("negated", False))


def _key(thing: object) -> Key:
    """What was written, without its place."""
    if isinstance(thing, tuple):
        return tuple(_key(item) for item in thing)
    kind: Any = type(thing)
    parts = _parts_of(kind)
    if parts is None:
        return (thing.casefold() if isinstance(thing, str) else thing,)
    found: list[object] = [kind.__name__]
    for name in parts:
        value = getattr(thing, name)
        if isinstance(value, tree.Span):
            value = True
        found.append((name, value if isinstance(value, bool) else _key(value)))
    return tuple(found)


@cache
def _parts_of(kind: Any) -> tuple[str, ...] | None:
    """What a part of the tree is made of, besides its place; None for a single value."""
    return tuple(part.name for part in fields(kind) if part.name != "span") if is_dataclass(kind) else None


def _literal(operand: Operand) -> Literal | None:
    match operand:
        case tree.Quoted(value=text):
            return text.casefold()
        case tree.Number(raw=raw):
            return float(raw) if values.is_plain(raw) else raw
        case tree.Word(name="yes" | "no" as word):
            return word == "yes"
        case _:
            return None
