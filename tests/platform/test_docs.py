"""The documentation agrees with the project: links, campaigns, commands, and what it says is tested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from dsl.problems.diagnostics import as_text
from engine.cli.main import app
from engine.cli.workspace import examine

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = {info.name for info in (*app.registered_commands, *app.registered_groups) if not info.hidden}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
IDS = [
    f"{letter}{number}" for letter, most in zip("RLAB", (14, 13, 8, 12), strict=True) for number in range(1, most + 1)
]
TEST = re.compile(r"(tests/[\w/.]+\.py)::(\w+)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and most other readers make them."""
    heads = re.findall(r"^#+ (.+)$", prose(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}


def named_tests(page: Path) -> list[tuple[str, str]]:
    return TEST.findall(page.read_text("utf-8"))


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page.read_text("utf-8")))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def test_the_readme_leads_to_every_page() -> None:
    assert [name_of(page) for page in PAGES[1:] if f"({name_of(page)})" not in README] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_that_a_page_names_exist(page: Path) -> None:
    """Only paths below a folder of the project: other words with a slash are routes, templates or types."""
    named = re.findall(
        r"`((?:dsl|engine|workflows|web|tests|bench|deploy)/[\w/.-]+)(?:::\w+)?`", page.read_text("utf-8")
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


# ── what can be run ──────────────────────────────────────────────────────────────────────────────────────────────────
def commands(text: str) -> Iterator[list[str]]:
    """The words of each command in a page's shell blocks and, beginning with our own programs, in its text."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(make|coldframe|\.venv/bin/coldframe) ", line):
                yield shlex.split(line)
    for inline in re.findall(r"`((?:make|coldframe|\.venv/bin/coldframe) [^`\n]+)`", prose(text)):
        yield inline.split()


BUILT = typer.main.get_command(app)
"""Once: it takes as long as a command."""


def options_of(command: str, rest: list[str]) -> set[str]:
    found = BUILT.commands[command]  # type: ignore[attr-defined]
    found = getattr(found, "commands", {}).get(next(iter(rest), ""), found)
    return {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    wrong = []
    for program, word, *rest in commands(page.read_text("utf-8")):
        if program == "make":
            wrong += [] if word in TARGETS else [f"make {word}"]
        elif word not in COMMANDS:
            wrong.append(f"coldframe {word}")
        else:
            named = {option for option in rest if option.startswith("--")}
            wrong += [f"coldframe {word} {option}" for option in named - options_of(word, rest)]
    assert wrong == []


def test_the_readme_shows_the_two_commands_first() -> None:
    first, second, *_ = commands(README)
    assert (first, second) == (["make", "demo"], ["make", "test"])


def test_the_readme_names_only_settings_that_exist() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    named = set(re.findall(r"\b(?:COLDFRAME|SENDGRID|TEMPORAL|DATABASE)_[A-Z_]+\b", README))
    assert len(named) > 5
    assert {name for name in named if name not in page} == set()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace like the project's own, for what a page adds to it."""
    for path in (ROOT / "campaigns").rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(ROOT / "campaigns")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path


def test_what_the_readme_asks_to_write_is_sound(workspace: Path) -> None:
    """The campaign and the mail, saved where the page says, beside the campaigns that are there."""
    [campaign], [mail] = blocks(README, "campaign"), blocks(README, "markdown")
    for name, text in (("questions.campaign", campaign), ("templates/contact/answer.md", mail)):
        assert f"`campaigns/{name}`" in README
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).write_text(text, "utf-8")
    found = examine(workspace)
    assert as_text(found.diagnostics, found.files) == ""
    assert found.program is not None
    [plan] = [plan for plan in found.program.campaigns if plan.campaign == "Questions"]
    assert "contact/answer" in {getattr(step, "template", None) for step in plan.steps}


OTHERS = [
    (page, block)
    for page in PAGES[1:]
    if page.name != "language.md"
    for block in blocks(page.read_text("utf-8"), "campaign")
]


def test_campaigns_of_other_pages_compile(workspace: Path) -> None:
    """Those of the language guide have a test of their own, beside its corpus."""
    for number, (_, block) in enumerate(OTHERS):
        (workspace / f"page{number}.campaign").write_text(block, "utf-8")
    found = examine(workspace)
    errors = [problem for problem in found.diagnostics if problem.severity == "error"]
    assert as_text(errors, found.files) == ""


# ── what is said to be tested ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("page", [page for page in PAGES if named_tests(page)], ids=name_of)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    missing = [
        f"{path}::{name}"
        for path, name in named_tests(page)
        if not (ROOT / path).exists() or not re.search(rf"def {name}\(", (ROOT / path).read_text("utf-8"))
    ]
    assert missing == []


def coverage() -> list[list[str]]:
    """The rows of the coverage tables: id, what is asked for, state, where, tests."""
    text = (ROOT / "docs" / "coverage.md").read_text("utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\| [RLAB]\d+ .*$", text, re.MULTILINE)
    ]


def test_every_id_stands_in_the_coverage_once() -> None:
    assert [row[0] for row in coverage()] == IDS


@pytest.mark.parametrize("row", coverage(), ids=lambda row: row[0])
def test_a_row_says_what_is_there_and_what_shows_it(row: list[str]) -> None:
    _, asked, state, where, tests = row
    assert asked
    word = re.split(r"[:,]", state)[0]
    assert word in ("done", "partly", "not yet")
    if word == "not yet":
        assert (where, tests) == ("", "")
    else:
        assert TEST.search(tests)
        named = re.findall(r"`([^`]+)`", where)
        assert named
        assert [path for path in named if not (ROOT / path).exists()] == []
    if word == "partly":
        assert state.startswith("partly: "), "say what works and what does not"


def test_every_invariant_names_a_test_or_says_that_there_is_none() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (I\d) \|(.*)\|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == [f"I{number}" for number in range(1, 9)]
    assert [name for name, row in rows if not TEST.search(row) and "No test" not in row] == []


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md"])
def test_figures_have_one_place(name: str) -> None:
    """Measured figures are put between these marks and nowhere else."""
    text = (ROOT / name).read_text("utf-8")
    assert text.count("<!-- figures: begin -->") == text.count("<!-- figures: end -->") == 1
    assert text.index("<!-- figures: begin -->") < text.index("<!-- figures: end -->")
