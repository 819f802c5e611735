"""Every example of the language guide compiles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.compile import compile_workspace
from dsl.diagnostics import as_text
from dsl.events import EVENTS
from dsl.usage import USAGE
from tests.dsl.harness import ASSETS, CASES

GUIDE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```campaign\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
ONE_OF_ITS_KIND = ("workspace", "team")


def declarations(text: str) -> dict[str, str]:
    """Top-level declarations by their first line."""
    parts = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    return {part.split("\n")[0].split("#")[0].strip(): part for part in parts if part[:1].isalpha()}


def surroundings(block: str) -> str:
    """What an example refers to: the base of the corpus, without what the example declares itself."""
    own = declarations(block)
    kinds = {head.split(" ")[0] for head in own}
    return "\n".join(
        text
        for head, text in declarations((CASES / "base.campaign").read_text(encoding="utf-8")).items()
        if head not in own and not (head.split(" ")[0] in ONE_OF_ITS_KIND and head.split(" ")[0] in kinds)
    )


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
