"""Whether two teams can take the same lead: their conditions as ways to be true, each two of which must exclude each
other. What cannot be seen from the words counts as possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from dsl.build.program import program_of
from dsl.checks.conditions import check_conditions
from dsl.checks.contradictions import Facts, Key, facts_of, impossible, questions
from dsl.names.scope import Scope
from dsl.names.teams import above, is_above
from dsl.problems.diagnostics import at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Condition, Span, Team

MOST = 64
"""Ways of one condition that are compared; of a condition with more, nothing is said."""

Items = tuple[Condition, ...]


@dataclass(frozen=True)
class _Way:
    """One way for a condition to be true: what it says of each operand, and the questions with a yes and with a no."""

    about: dict[Key, Facts]
    asked: frozenset[Key]
    denied: frozenset[Key]

    def excludes(self, other: _Way) -> bool:
        if not self.asked.isdisjoint(other.denied) or not self.denied.isdisjoint(other.asked):
            return True
        both = self.about.keys() & other.about.keys()
        return any(impossible(self.about[key].also(other.about[key])) for key in both)


def check_overlaps(scope: Scope, problems: Problems) -> None:
    """Report teams that name the same value, and those whose conditions leave room for one lead. In one file the team
    above goes first; between two files no order says so."""
    teams = scope.program.teams
    named: dict[tuple[str, str], tuple[int, Span]] = {}
    told: set[tuple[int, int]] = set()
    for number, team in enumerate(teams):
        for field, value, span in _values(team.takes) if not team.rest else ():
            first, before = named.setdefault((field, value.casefold()), (number, span))
            if first != number:
                told.add((first, number))
                problems.add("E517", span, field=f"`{field}`", value=f'"{value}"', related=[at(FIRST_HERE, before)])
    for one, other in _overlapping(scope):
        if problems.full:
            return
        upper, lower = teams[one], teams[other]
        if (one, other) not in told and not (lower.rest and is_above(upper, lower)):
            _report(upper, lower, problems)


def teams_before(scope: Scope) -> dict[str, tuple[Team, ...]]:
    """For each team, by its folded name, those in the same file that go before it: all above it for a team that takes
    other leads, else those that could take the same lead."""
    teams = scope.program.teams
    found = {team.name.key: [one for one in above(team, teams) if team.rest] for team in teams}
    for one, other in _overlapping(scope):
        first, second = teams[one], teams[other]
        if not second.rest and is_above(first, second):
            found[second.name.key].append(first)
    return {key: tuple(before) for key, before in found.items()}


def _overlapping(scope: Scope) -> Iterator[tuple[int, int]]:
    """Pairs of teams, by number, that could take the same lead."""
    for (one, ways), (other, rivals) in combinations(_compared(scope), 2):
        if not all(way.excludes(rival) for way, rival in product(ways, rivals)):
            first, second = scope.program.teams[one], scope.program.teams[other]
            yield (other, one) if is_above(second, first) else (one, other)


def _report(first: Team, second: Team, problems: Problems) -> None:
    place = at("leads it may also take", first.takes_span or first.span)
    span = second.takes_span or second.span
    code = "W135" if is_above(first, second) else "E519"
    problems.add(code, span, related=[place], one=first.name.value, other=second.name.value)


def _compared(scope: Scope) -> Iterator[tuple[int, list[_Way]]]:
    """The teams whose conditions have no mistake, by their number."""
    teams = scope.program.teams
    found = check_conditions(scope.looking_at(program_of(teams, ())))
    wrong = {(problem.file, problem.line) for problem in found if problem.severity == "error"}
    for number, team in enumerate(teams):
        sound = team.takes is not None and (team.takes.span.file, team.takes.span.line) not in wrong
        ways = ways_of(team.takes) if team.takes is not None and sound else None
        if ways is not None:
            seen = [_Way(facts_of(items, scope), *questions(items)) for items in ways]
            yield number, [way for way in seen if not way.excludes(way)]


def ways_of(condition: Condition, *, denied: bool = False) -> Sequence[Items] | None:
    """The ways for a condition to be true (`denied`: to be false), each as parts that hold together; None: too many."""
    parts: list[Sequence[Items]] = []
    match condition:
        case tree.Not(item=item):
            return ways_of(item, denied=not denied)
        case tree.And(items=items) | tree.Or(items=items):
            for item in items:
                if (found := ways_of(item, denied=denied)) is None:
                    return None
                parts.append(found)
            if isinstance(condition, tree.Or) != denied:
                together: list[Items] = [way for part in parts for way in part]
                return together if len(together) <= MOST else None
            return _crossed(parts)
        case _:
            return [(_denied(condition) if denied else condition,)]


def _crossed(parts: Sequence[Sequence[Items]]) -> Sequence[Items] | None:
    found: list[Items] = [()]
    for part in parts:
        found = [(*before, *way) for before, way in product(found, part)]
        if len(found) > MOST:
            return None
    return found


def _denied(item: Condition) -> Condition:
    match item:
        case tree.Compare(left=left, op="is" | "is not" as op, right=right, span=span):
            return tree.Compare(left, "is" if op == "is not" else "is not", right, span)
        case tree.OneOf(left=left, values=values, negated=negated, span=span):
            return tree.OneOf(left, values, not negated, span)
        case tree.Known(left=left, negated=negated, span=span):
            return tree.Known(left, not negated, span)
        case _:
            return tree.Not(item, item.span)


def _values(condition: Condition | None) -> Iterator[tuple[str, str, Span]]:
    """The values a team takes by name."""
    match condition:
        case tree.OneOf(left=tree.Word(name=field), values=values, negated=False):
            found: set[str] = set()
            for value in values:
                if isinstance(value, tree.Quoted) and value.value.casefold() not in found:
                    found.add(value.value.casefold())
                    yield field, value.value, value.span
        case tree.Compare(left=tree.Word(name=field), op="is", right=tree.Quoted(value=text, span=span)):
            yield field, text, span
        case _:
            pass
