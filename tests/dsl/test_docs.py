"""Every example of the language guide compiles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.compile import compile_workspace
from dsl.names.events import EVENTS
from dsl.problems.diagnostics import as_text
from dsl.problems.usage import USAGE
from tests.dsl.harness import ASSETS, surroundings

GUIDE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```campaign\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.split("\n")[0] for block in BLOCKS])
def test_an_example_of_the_guide_compiles(block: str) -> None:
    files = {"example.campaign": block, "surroundings.campaign": surroundings(block)}
    compiled = compile_workspace(files, ASSETS)
    errors = [problem for problem in compiled.diagnostics if problem.severity == "error"]
    assert as_text(errors, files) == ""


def test_the_guide_has_examples_of_every_line() -> None:
    written = {line.split()[0] for block in BLOCKS for line in block.splitlines() if line.strip()}
    assert {head.split(" ")[0] for head in USAGE} - written - {"+"} == set()


def test_the_guide_names_every_event() -> None:
    for noun, verb in EVENTS:
        assert re.search(rf"`[^`]*\b{noun}\b[^`]*`", GUIDE), noun
        assert verb in GUIDE
