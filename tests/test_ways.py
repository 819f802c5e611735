"""The four ways of docs/architecture.md: each function they name exists, and is called by the one above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```way\n(.*?)^```$", re.MULTILINE | re.DOTALL)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Place:
    """A function by its dotted name: the module it stands in, and where in it."""

    module: str
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path[-1]

    def __str__(self) -> str:
        return ".".join([self.module, *self.path])


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text("utf-8"))


def place_of(dotted: str) -> Place:
    """Raises AssertionError when there is no such module."""
    parts = dotted.split(".")
    for many in range(len(parts) - 1, 0, -1):
        if (ROOT / Path(*parts[:many])).with_suffix(".py").is_file():
            return Place(".".join(parts[:many]), tuple(parts[many:]))
    raise AssertionError(f"{dotted} lies in no module")


def function_of(place: Place) -> Function:
    """Raises AssertionError when there is no such function."""
    body: list[ast.stmt] = tree_of(place.module).body
    for name in place.path[:-1]:
        kind = next((one for one in body if isinstance(one, ast.ClassDef) and one.name == name), None)
        assert kind is not None, f"{place}: there is no class {name}"
        body = kind.body
    found = next((one for one in body if isinstance(one, Function) and one.name == place.name), None)
    assert found is not None, f"there is no function {place}"
    return found


def calls(function: Function) -> set[str]:
    """The names it calls, as they stand before the parentheses, and what it hands over to be called."""
    called = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
    named = [one.func for one in called] + [each for one in called for each in one.args]
    return {one.attr if isinstance(one, ast.Attribute) else one.id for one in named
            if isinstance(one, ast.Attribute | ast.Name)}  # fmt: skip


def imports(module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def ways(text: str) -> Iterator[list[tuple[str, str | None]]]:
    """Of each block its functions, with the one each is indented under."""
    for block in BLOCK.findall(text):
        above: list[tuple[int, str]] = []
        way: list[tuple[str, str | None]] = []
        for line in filter(str.strip, block.splitlines()):
            depth, place = len(line) - len(line.lstrip()), line.split()[0]
            above = [one for one in above if one[0] < depth]
            way.append((place, above[-1][1] if above else None))
            above.append((depth, place))
        yield way


def fault(name: str, above: str | None) -> str | None:
    """What is wrong with a line, or None."""
    place = place_of(name)
    function_of(place)
    if above is None:
        return None
    caller = place_of(above)
    if place.name not in calls(function_of(caller)):
        return f"{caller} does not call {place}"
    if len(place.path) == 1 and place.module not in {caller.module, *imports(caller.module)}:
        return f"{caller.module} does not import {place.module}"
    return None


LINES = [line for way in ways((ROOT / "docs" / "architecture.md").read_text("utf-8")) for line in way]


@pytest.mark.parametrize(("name", "above"), LINES, ids=[f"{above} > {name}" for name, above in LINES])
def test_a_line_of_a_way_is_as_the_code_says(name: str, above: str | None) -> None:
    assert fault(name, above) is None


def test_there_are_the_four_ways() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    headed = re.findall(r"^### (A [a-z ]+)\n+(?:[^`#]*)```way", text, re.MULTILINE)
    assert headed == ["A form post", "A click", "A timer", "A handoff"]
    assert len(LINES) > 80


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("engine.leads.intake.submit\n  engine.leads.intake.known\n", None),
        ("engine.leads.intake.submit\n  engine.leads.intake.fill\n", "engine.leads.intake.submit does not call"),
        ("engine.leads.intake.submit\n  engine.store.handoffs.open\n", "there is no function"),
        ("engine.leads.intake.confirm\n  engine.deploying.jobs.lock\n", "there is no function"),
        ("engine.leads.intake.vanished\n", "there is no function"),
        ("engine.leads.nowhere.submit\n", "lies in no module"),
        ("engine.runs.turn.Turn.vanished\n", "there is no function"),
        ("engine.runs.watch.Turn.open\n", "lies in no module"),
    ],
)
def test_a_wrong_line_is_found(block: str, found: str | None) -> None:
    try:
        said = next(filter(None, [fault(*line) for way in ways(f"```way\n{block}```\n") for line in way]), None)
    except AssertionError as error:
        said = str(error)
    assert said is None if found is None else said is not None and found in said
