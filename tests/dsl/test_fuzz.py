"""Whatever is thrown at the compiler, it answers with a program or with diagnostics, in bounded time."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from dsl.diagnostics import as_json, as_text
from dsl.problems import MOST
from tests.dsl.harness import ASSETS, CASES, files_of

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
FUZZ = settings(max_examples=100, deadline=None)


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
    shown = as_text(compiled.diagnostics, files)
    assert shown.count("-->") >= len(compiled.diagnostics)
    assert isinstance(json.loads(as_json(compiled.diagnostics)), list)


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
