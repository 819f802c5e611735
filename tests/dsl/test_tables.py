"""Our loop over Lark's tables makes of a line what Lark itself makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lark import Transformer, v_args

from bench.workspace import workspace
from dsl.problems.problems import Problems
from dsl.text.expressions import Expressions
from dsl.text.lexer import Lexeme
from dsl.text.lines import Line, read_lines
from dsl.text.parse import Failure, grammar, parse
from dsl.text.reader import start_of
from dsl.text.source import normalise
from dsl.text.vocabulary import INSIDE
from tests.dsl.harness import CASES

TEXTS = {
    **{path.name: path.read_text("utf-8") for path in sorted((CASES / "good").rglob("*.campaign"))},
    "base.campaign": (CASES / "base.campaign").read_text("utf-8"),
    **workspace(3),
}


METHODS = {name: method for name, method in vars(Expressions).items() if not name.startswith("_")}
REFERENCE = v_args(inline=True)(type("Reference", (Transformer,), METHODS))()
"""The same methods, called by Lark for the tree that it has built."""


def _lines(lines: list[Line], context: str) -> Iterator[tuple[list[Lexeme], str]]:
    for line in lines:
        start = start_of(line.tokens, context)
        yield line.tokens, start
        found = parse(line.tokens, start)
        inside = "nothing" if isinstance(found, Failure) else INSIDE.get(found.data, "nothing")
        yield from _lines(line.children, inside)


@pytest.mark.parametrize("name", TEXTS)
def test_a_line_means_what_lark_reads(name: str) -> None:
    lines = read_lines(normalise(name, TEXTS[name], Problems()), Problems())
    seen = 0
    for tokens, start in _lines(lines, "file"):
        found = parse(tokens, start)
        if isinstance(found, Failure):
            continue
        seen += 1
        assert found == REFERENCE.transform(grammar().parse(iter(tokens), start))
    assert seen > 0
