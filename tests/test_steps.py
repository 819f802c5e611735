"""A new kind of step cannot be forgotten: a match over steps names all of them, or the type check fails."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from dsl import plan

ROOT = Path(__file__).resolve().parents[1]
STEPS = {kind.__name__ for kind in get_args(get_args(plan.AnyStep)[0])}
MANY = 8
"""A match that names as many kinds means all of them."""


def named(pattern: ast.pattern) -> Iterator[str]:
    for node in ast.walk(pattern):
        if isinstance(node, ast.MatchClass):
            yield ast.unparse(node.cls).rpartition(".")[2]


def unfinished(source: str) -> Iterator[int]:
    """The lines of matches that name many kinds of steps and have an answer of their own for any other. It is right to
    hand the others on to a function, whose own match is complete, or to `assert_never`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Match):
            continue
        kinds = {name for case in node.cases for name in named(case.pattern)} & STEPS
        last = node.cases[-1]
        anything = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        if len(kinds) >= MANY and anything and not hands_on(last, ast.unparse(node.subject)):
            yield node.lineno


def hands_on(case: ast.match_case, subject: str) -> bool:
    calls = [one for one in ast.walk(case) if isinstance(one, ast.Call)]
    return any(subject in map(ast.unparse, call.args) for call in calls)


def test_a_match_over_steps_names_all_of_them() -> None:
    files = [path for top in ("dsl", "engine", "workflows", "web") for path in sorted((ROOT / top).rglob("*.py"))]
    found = {path: list(unfinished(path.read_text("utf-8"))) for path in files}
    assert {str(path.relative_to(ROOT)): lines for path, lines in found.items() if lines} == {}


def test_the_type_check_refuses_a_match_that_forgets_a_case() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    assert "exhaustive-match" in settings["enable_error_code"]


@pytest.mark.parametrize(("last", "forgets"), [("return ''", True), ("assert_never(step)", False), ("f(step)", False)])
def test_the_finder_finds_what_it_should(last: str, forgets: bool) -> None:
    cases = "".join(f"    case {name}():\n        return 1\n" for name in sorted(STEPS)[:MANY])
    source = f"match step:\n{cases}    case _:\n        {last}\n"
    assert bool(list(unfinished(source))) is forgets
