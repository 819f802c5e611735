"""The layers hold: who may import whom, what workflows can reach, and how long a file may be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("dsl", "engine", "workflows", "web", "worker", "bench", "tests")
LONGEST = 400

ROOTS = ("worker", "engine.cli", "engine.lsp", "web.app", "bench", "tests")
"""Composition roots: they put the parts together, so they may know all of them."""

PURE = (
    "engine.model", "engine.wording", "engine.rules",
    "engine.graph.layout", "engine.graph.mermaid", "engine.graph.scene", "engine.graph.svg",
)  # fmt: skip
"""Rules: values in, values out. They know no database, no network, no template and no clock."""

FORBIDDEN_IN_WORKFLOWS = (
    "lark",
    "jinja2",
    "sendgrid",
    "sqlalchemy",
    "psycopg",
    "fastapi",
    "engine.store",
    "engine.mail",
)


@dataclass(frozen=True)
class Arrow:
    """`importer` imports `imported`, at `line`."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def modules() -> Iterator[tuple[str, Path]]:
    for top in OURS:
        files = sorted((ROOT / top).rglob("*.py")) if (ROOT / top).is_dir() else [ROOT / f"{top}.py"]
        for path in files:
            if path.exists():
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def arrows_of(name: str, source: str, *, package: bool = False) -> Iterator[Arrow]:
    """Every import, also inside functions and for type checkers alone. `from a import b` points at `a` and `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Arrow(name, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = name.split(".")[: len(name.split(".")) - node.level + package]
                base = ".".join([*above, *filter(None, [node.module])])
            yield Arrow(name, base, node.lineno)
            for alias in node.names:
                yield Arrow(name, f"{base}.{alias.name}", node.lineno)


@pytest.fixture(scope="module")
def arrows() -> list[Arrow]:
    return [
        arrow
        for name, path in modules()
        for arrow in arrows_of(name, path.read_text("utf-8"), package=path.name == "__init__.py")
    ]


def third_party(name: str) -> bool:
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in OURS


def breaks(arrow: Arrow) -> str | None:
    """Why this arrow must not be, or None."""
    importer, imported = arrow.importer, arrow.imported
    reason = None
    if within(importer, "dsl"):
        if within(imported, "engine", "workflows", "web", "worker"):
            reason = "the language knows nothing of the rest"
        elif third_party(imported) and not within(imported, "lark", "pydantic"):
            reason = "the language stands on Lark and Pydantic alone"
    elif within(importer, *ROOTS):
        pass
    elif within(imported, "worker", "engine.cli", "engine.lsp", "engine.embedded", "bench", "tests") and not within(
        importer, "engine.embedded"
    ):
        reason = "composition roots and embedded servers are on top"
    elif within(importer, *PURE):
        if within(imported, "engine.store", "engine.mail", "engine.runtime.runtime", "workflows", "web"):
            reason = "rules know no adapter"
        elif third_party(imported) and not within(
            imported, "pydantic", "holidays", "babel", "phonenumbers", "pycountry"
        ):
            reason = "rules stand on values"
    elif within(importer, "engine") and within(imported, "workflows", "web"):
        reason = "the domain knows no way in or out"
    elif within(importer, "web") and within(imported, "workflows"):
        reason = "web speaks to runs through engine.model.ports"
    elif within(importer, "workflows") and within(imported, "web"):
        reason = "workflows know no HTTP"
    if reason is None and not within(importer, "dsl", *ROOTS) and within(imported, "dsl"):
        allowed = ("dsl.plan", "dsl.problems.diagnostics") if within(importer, "engine.mail.check") else ("dsl.plan",)
        if imported != "dsl" and not within(imported, *allowed):
            reason = "only the plan crosses from the language to the engine"
    return reason


def test_no_arrow_points_the_wrong_way(arrows: list[Arrow]) -> None:
    wrong = [f"{arrow}: {reason}" for arrow in arrows if (reason := breaks(arrow))]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "line", "wrong"),
    [
        ("dsl.build.program", "import engine.platform.clock", True),
        ("dsl.build.program", "def f():\n    from sqlalchemy import text", True),
        ("dsl.build.program", "from lark import Lark", False),
        ("engine.leads.intake", "from dsl.text.parse import parse", True),
        ("engine.leads.intake", "from dsl import parse", True),
        ("engine.leads.intake", "from dsl.plan import Plan", False),
        ("engine.rules.runs.interpreter", "from engine.store.db import Database", True),
        ("engine.rules.runs.interpreter", "import sqlalchemy", True),
        ("engine.leads.intake", "from web.app import create_app", True),
        ("engine.store.leads", "import engine.cli.main", True),
        ("engine.leads.intake", "from engine import embedded", True),
        ("web.public.forms", "if TYPE_CHECKING:\n    from workflows.gateway import TemporalRuns", True),
        ("web.public.forms", "from .answers import problem", False),
        ("workflows.loop", "from web import app", True),
        ("workflows.loop", "from engine.model.ports import Wake", False),
        ("worker", "from workflows.gateway import TemporalRuns", False),
        ("engine.cli.web", "from web.app import create_app", False),
    ],
)
def test_the_table_itself_tells_right_from_wrong(importer: str, line: str, wrong: bool) -> None:
    assert any(breaks(arrow) for arrow in arrows_of(importer, line)) is wrong


def test_the_walk_sees_every_folder(arrows: list[Arrow]) -> None:
    assert {name.partition(".")[0] for name, _ in modules()} >= {"dsl", "engine", "workflows", "web", "worker", "tests"}
    assert {arrow.importer.partition(".")[0] for arrow in arrows} >= {"dsl", "engine", "workflows", "web", "worker"}


def test_every_pure_module_exists() -> None:
    assert [name for name in PURE if name not in {found for found, _ in modules()}] == []


@pytest.mark.parametrize("module", ["workflows.enrolment", "workflows.handoff"])
def test_a_workflow_module_reaches_nothing_heavy(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = json.loads(answer.stdout)
    assert module in loaded
    assert [name for name in loaded if within(name, *FORBIDDEN_IN_WORKFLOWS)] == []


def test_no_file_is_longer_than_it_can_be_read() -> None:
    kinds = {".py", ".lark", ".html", ".css", ".js"}
    files = [path for top in OURS for path in (ROOT / top).rglob("*") if path.suffix in kinds] + [ROOT / "worker.py"]
    long = [
        f"{path.relative_to(ROOT)}: {n}" for path in files if (n := len(path.read_text("utf-8").splitlines())) > LONGEST
    ]
    assert long == []


def test_packages_have_no_code_of_their_own() -> None:
    """But for the plan, whose names everybody takes from one place."""
    found = [path for top in ("dsl", "engine", "workflows", "web") for path in (ROOT / top).rglob("__init__.py")]
    assert [path for path in found if path.read_text()] == [ROOT / "dsl" / "plan" / "__init__.py"]
