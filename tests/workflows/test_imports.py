"""Workflow code stays light and pure: what it imports is loaded or trusted for every single run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.workers import PASSED_THROUGH

FOLDER = Path(__file__).parent.parent.parent / "workflows"
RUN_IN_WORKFLOWS = ("enrolment", "handoff", "loop")
PURE = {
    "temporalio", "temporalio.exceptions",
    "workflows.contracts", "workflows.ids", "workflows.loop", "workflows.options",
}  # fmt: skip


def imported(name: str) -> set[str]:
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


@pytest.mark.parametrize("name", RUN_IN_WORKFLOWS)
def test_a_workflow_module_imports_nothing_with_a_clock_chance_or_effects(name: str) -> None:
    """Not even the standard library. That is why the sandbox may pass the loop through."""
    assert imported(name) <= PURE


@pytest.mark.parametrize("name", RUN_IN_WORKFLOWS)
def test_a_workflow_module_keeps_nothing_between_runs(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    values = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    assert all(isinstance(value, ast.Constant | ast.Tuple) for value in values)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]


@pytest.mark.parametrize("name", ["enrolment", "handoff"])
def test_whatever_a_workflow_imports_of_ours_is_passed_through(name: str) -> None:
    assert {module for module in imported(name) if module.startswith("workflows.")} <= set(PASSED_THROUGH)


@pytest.mark.parametrize("name", ["enrolment", "handoff"])
def test_importing_a_workflow_loads_nothing_heavy(name: str) -> None:
    heavy = ("sqlalchemy", "jinja2", "lark", "sendgrid", "fastapi", "psycopg", "prometheus_client", "engine", "dsl")
    program = f"import sys, workflows.{name}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=FOLDER.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
