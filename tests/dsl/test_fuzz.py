"""Whatever is thrown at the compiler, it answers with a program or with diagnostics, in bounded time."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from dsl.explain import explanations
from dsl.fmt import format_text
from dsl.plan import Program
from dsl.problems.diagnostics import as_json, as_text
from dsl.problems.problems import MOST
from engine.graph.mermaid import mermaid
from engine.graph.scene import scene
from engine.graph.svg import svg
from engine.mail.check import check_templates
from engine.rules.conditions.matching import Index
from engine.wording.steps import head_lines
from tests.dsl.harness import ASSETS, CASES, files_of
from tests.support.examples import examples

GOOD = {path.stem: text for path in sorted((CASES / "good").iterdir()) if path.suffix == ".campaign" or path.is_dir()
        for text in ["\n".join(files_of(path).values())]}  # fmt: skip
WORDS = sorted({word for text in GOOD.values() for word in text.split()})
ODD = [
    "\t",
    "\0",
    "\u200b",
    "\u202e",
    "\ufeff",
    '"',
    "“",
    "\\",
    "(",
    ")",
    ",",
    "#",
    "\r",
    "\n",
    "    ",
    "9",
    "-",
    "%",
    "🙂",
    "\ud800",
]
BASE = (CASES / "base.campaign").read_text(encoding="utf-8")
TEMPLATES = {path: "---\nsubject: S\n---\n{{ lead.company }}" for path in ASSETS if path.startswith("templates/")}
FUZZ = examples(100)


def check(text: str) -> None:
    files = {"campaigns/fuzz.campaign": text}
    compiled = compile_workspace(files, ASSETS)
    errors = [d for d in compiled.diagnostics if d.severity == "error"]
    assert (compiled.program is None) == bool(errors)
    assert len(compiled.diagnostics) <= MOST
    count = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for problem in compiled.diagnostics:
        assert problem.message
        assert "{" not in problem.code
        assert 1 <= problem.line <= problem.end_line <= max(count, 1)
        assert problem.column >= 1
        assert problem.end_line > problem.line or problem.end_column > problem.column
    if compiled.program is not None:
        carry(compiled.program)
    tidy = format_text("campaigns/fuzz.campaign", text).text
    if tidy is not None:
        assert format_text("campaigns/fuzz.campaign", tidy).text == tidy
    shown = as_text(compiled.diagnostics, files)
    assert shown.count("-->") >= len(compiled.diagnostics)
    assert isinstance(json.loads(as_json(compiled.diagnostics)), list)


def carry(program: Program) -> None:
    """What compiles can be looked events up in, written into the database and read back, drawn, and mailed from."""
    Index(program)
    assert Program.model_validate_json(program.model_dump_json()) == program
    for problem in check_templates(program, TEMPLATES):
        assert problem.message
    for plan in program.campaigns:
        parts = scene(plan)
        assert mermaid(parts)
        assert svg(plan.campaign, head_lines(plan, program.workspace.currency), parts)


@FUZZ
@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    check(text)


@FUZZ
@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(ODD)), max_size=80), st.randoms(use_true_random=False)
)
def test_words_of_the_language_in_any_order(words: list[str], choose: random.Random) -> None:
    check("".join(word + choose.choice([" ", " ", " ", "\n", "\n    ", "\n        ", ""]) for word in words))


@FUZZ
@given(st.sampled_from(sorted(GOOD)), st.randoms(use_true_random=False), st.integers(1, 8))
def test_good_files_with_accidents(name: str, choose: random.Random, times: int) -> None:
    text = GOOD[name]
    for _ in range(times):
        text = accident(text, choose)
    check(text)


LINES = sorted({line for text in GOOD.values() for line in text.split("\n") if line.strip()})


@FUZZ
@given(st.lists(st.sampled_from(LINES), max_size=40), st.booleans())
def test_lines_of_the_language_in_any_order(lines: list[str], company: bool) -> None:
    check("\n".join(lines) + (f"\n{BASE}" if company else ""))


STEPS = sorted({line.strip() for line in LINES if line.startswith("        ")})


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), min_size=1, max_size=25))
def test_steps_in_any_order_and_depth(steps: list[tuple[str, int]]) -> None:
    """Nested as deep as the line before allows."""
    flow, depth = "", 0
    for text, up in steps:
        depth = max(0, depth - up)
        flow += "    " * (depth + 2) + text + "\n"
        depth += text.split(" ")[0] in ("if", "wait", "or", "otherwise", "split", "test", "repeat", "variant", "when")
    check(f'campaign "x"\n    starts when form "demo" is submitted\n    flow\n{flow}\n{BASE}')


EXAMPLES = [one.campaign for page in explanations().values() for one in (page.wrong, page.right)]


@FUZZ
@given(st.sampled_from(EXAMPLES), st.randoms(use_true_random=False), st.integers(0, 4))
def test_explained_examples_with_accidents(text: str, choose: random.Random, times: int) -> None:
    for _ in range(times):
        text = accident(text, choose)
    check(text if "workspace " in text else f"{text}\n{BASE}")


def accident(text: str, choose: random.Random) -> str:
    """One slip of the hand: something cut, doubled, swapped, typed in between, or moved."""
    start = choose.randrange(len(text) + 1)
    end = min(len(text), start + choose.choice([1, 1, 2, 5, 20, 80]))
    lines = text.split("\n")
    kind = choose.randrange(6)
    if kind == 0:
        return text[:start] + text[end:]
    if kind == 1:
        return text[:end] + text[start:end] + text[end:]
    if kind == 2:
        return text[:start] + choose.choice([*ODD, *WORDS]) + text[start:]
    if kind == 3:
        choose.shuffle(lines)
        return "\n".join(lines)
    index = choose.randrange(len(lines))
    if kind == 4:
        lines[index] = " " * choose.randrange(12) + lines[index].strip()
    else:
        words = lines[index].split(" ")
        choose.shuffle(words)
        lines[index] = " ".join(words)
    return "\n".join(lines)


DEEP = " and (vip or ".join(["vip"] * 24) + ")" * 23
CHAIN = "        otherwise if vip\n            stop\n"


@pytest.mark.parametrize(
    "text",
    [
        "campaign \"x\"\n    flow\n" + "".join(" " * (8 + depth) + "if score >= 5\n" for depth in range(3000)),
        "campaign \"x\"\n    flow\n        if " + "(" * 20000 + "vip" + ")" * 20000 + "\n            stop\n",
        "campaign \"x\"\n    flow\n        if " + "not " * 20000 + "vip\n            stop\n",
        "campaign \"x\"\n    flow\n        if " + " and ".join(["vip"] * 5000) + "\n            stop\n",
        "campaign \"x\"\n    flow\n        if " + DEEP + "\n            stop\n",
        "campaign \"x\"\n    flow\n        if vip\n            stop\n" + CHAIN * 3000,
        "campaign \"x\"\n    flow\n" + "        wait 1 day\n" * 5000,
        "\n".join(f'campaign "c{i}"\n    flow\n        enter campaign "c{(i + 1) % 1500}"' for i in range(1500)),
        "x" * 1_000_000,
        "\"" * 20_000,
        "(\n" * 20_000,
        "abc def\n" * 20_000,
        "9" * 100_000,
        "y" * 3_000_000,
    ],
    ids=["blocks", "brackets", "not", "and", "groups", "otherwise", "steps", "circle", "word", "quotes", "open", "junk",
         "digits", "large"],
)  # fmt: skip
def test_deep_and_long_input(text: str) -> None:
    check(text)
