"""Where SQL may be: what changes or locks a lead's rows is in `engine/store`, and reads stand beside what they feed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).resolve().parents[1]
SQL = re.compile(
    r"^\s*(?:WITH\s+\w+\s+AS|SELECT\b|INSERT\s+INTO\b|UPDATE\s+\w+\s+(?:\w+\s+)?SET\b|DELETE\s+FROM\b"
    r"|TRUNCATE\b|LOCK\s+TABLE\b)"
)
CHANGES = re.compile(
    r"\b(?:INSERT\s+INTO|DELETE\s+FROM|TRUNCATE|UPDATE\s+\w+\s+(?:\w+\s+)?SET|FOR\s+(?:NO\s+KEY\s+)?UPDATE)\b"
)
BUILDERS = {"sqlalchemy": {"insert", "update", "delete"}, "sqlalchemy.dialects.postgresql": {"insert"}}

STORE = ("engine/store",)
READS = (
    # what people and other systems are shown
    "engine/reports", "engine/why", "engine/demo", "engine/sales/handoff_view.py", "engine/leads/profile.py",
    "engine/leads/own_data.py",
    "engine/runs/retry.py", "engine/cli/dev_clock.py", "engine/deploying/impact.py", "engine/deploying/unreached.py",
    "engine/deploying/history.py",
)  # fmt: skip
"""They may select, and change nothing."""
DEPLOYMENTS = (
    "engine/deploying", "engine/runtime/catalog.py", "engine/runtime/epochs.py", "engine/runtime/outbox.py",
    "engine/access/keys.py", "engine/embedded",
)  # fmt: skip
"""They keep tables that are theirs alone: deployments and their jobs, the outbox, keys, the server's own accounts."""


def statements(source: str) -> Iterator[tuple[int, bool]]:
    """The line of each SQL statement, and whether it changes or locks rows."""
    tree = ast.parse(source)
    docstrings = {
        id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in BUILDERS:
            for alias in node.names:
                if alias.name in BUILDERS[node.module]:
                    yield node.lineno, True
                elif alias.name == "select":
                    yield node.lineno, False
        elif is_text(node) and id(node) not in docstrings and SQL.match(node.value):
            yield node.lineno, bool(CHANGES.search(node.value))


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def inside(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in places)


def wrong(path: str, source: str) -> list[int]:
    if inside(path, STORE):
        return []
    reads = inside(path, READS)
    if inside(path, DEPLOYMENTS) and not reads:
        return []
    return [line for line, changes in statements(source) if changes or not reads]


def test_sql_is_where_it_may_be() -> None:
    files = [path for top in ("dsl", "engine", "web", "workflows") for path in sorted((ROOT / top).rglob("*.py"))]
    found = {
        name: lines
        for path in [*files, ROOT / "worker.py"]
        if (lines := wrong(name := path.relative_to(ROOT).as_posix(), path.read_text("utf-8")))
    }
    assert found == {}


def test_every_place_of_the_lists_is_there() -> None:
    assert [place for place in (*STORE, *READS, *DEPLOYMENTS) if not (ROOT / place).exists()] == []


@pytest.mark.parametrize(
    ("path", "source", "refused"),
    [
        ("web/public/forms.py", 'A = "SELECT 1"', True),
        ("web/public/forms.py", "from sqlalchemy import select", True),
        ("web/public/forms.py", "from sqlalchemy.exc import SQLAlchemyError", False),
        ("web/public/forms.py", '"""SELECT is not used here."""', False),
        ("engine/leads/intake.py", 'A = """\nUPDATE leads SET seq = 1"""', True),
        ("engine/leads/intake.py", 'A = "Update leads now"', False),
        ("engine/reports/status.py", 'A = "SELECT 1"', False),
        ("engine/reports/status.py", 'A = "WITH a AS (DELETE FROM leads RETURNING 1) SELECT 1"', True),
        ("engine/reports/status.py", "from sqlalchemy import insert", True),
        ("engine/deploying/jobs.py", 'A = "DELETE FROM jobs"', False),
        ("engine/deploying/impact.py", 'A = "DELETE FROM jobs"', True),
        ("engine/store/leads.py", 'A = "DELETE FROM jobs"', False),
    ],
)
def test_the_rule_tells_right_from_wrong(path: str, source: str, refused: bool) -> None:
    assert bool(wrong(path, source)) is refused
