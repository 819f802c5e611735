"""The same problem as text, as JSON, and with a true place."""

from __future__ import annotations

import json
import re

import pytest

from dsl.problems.diagnostics import as_json, as_text
from dsl.problems.messages import ENTRIES
from dsl.problems.problems import Problems
from dsl.problems.usage import USAGE
from dsl.text.lines import read_lines
from dsl.text.parse import Failure, grammar, parse
from dsl.text.source import normalise
from dsl.text.vocabulary import ALL_HEADS, CONTEXTS, INSIDE
from tests.dsl.harness import CASES, compile_text

MISSPELT = """
campaign "Pumps"
    starts when form "whitepapr" is submitted
    flow
        send "whitepaper/welcome"
"""


def test_text_is_rendered_exactly() -> None:
    compiled = compile_text(MISSPELT[1:])
    assert as_text(compiled.diagnostics, {"campaigns/case.campaign": MISSPELT[1:]}) == (
        "error[E104]: no form named `whitepapr`\n"
        "  --> campaigns/case.campaign:2:22\n"
        "   |\n"
        ' 2 |     starts when form "whitepapr" is submitted\n'
        "   |                      ^^^^^^^^^^^\n"
        "help: did you mean `whitepaper`? It is declared in campaigns/base.campaign:19\n"
    )


def test_json_has_the_promised_keys() -> None:
    (problem,) = json.loads(as_json(compile_text(MISSPELT[1:]).diagnostics))
    assert problem == {
        "code": "E104", "severity": "error", "message": "no form named `whitepapr`",
        "help": "did you mean `whitepaper`? It is declared in campaigns/base.campaign:19",
        "file": "campaigns/case.campaign", "line": 2, "column": 22, "end_line": 2, "end_column": 33, "related": [],
    }  # fmt: skip


@pytest.mark.parametrize("lead", ["\ufeff", "# text\r\n\r\n", "\n\n"])
def test_places_are_those_the_author_sees(lead: str) -> None:
    (problem,) = compile_text(lead + 'form "x"\n    ask emial\n    ask email').diagnostics
    line = lead.replace("\r\n", "\n").count("\n") + 2
    assert (problem.line, problem.column, problem.end_column) == (line, 9, 14)


def test_columns_count_characters() -> None:
    text = 'campaign "潤滑🙂"\n    starts when form "潤滑🙂" is submitted\n    flow\n        add 1 points'
    (problem,) = compile_text(text).diagnostics
    assert (problem.code, problem.column, problem.end_column) == ("E104", 22, 27)


def test_polarity_makes_different_trees() -> None:
    def plan_of(condition: str) -> object:
        head = 'campaign "X"\n    starts when form "demo" is submitted\n    flow\n'
        text = f"{head}        if {condition}\n            add 1 points"
        program = compile_text(text).program
        assert program is not None, condition
        return program.campaigns[0].steps[0].branches[0].condition

    pairs = [
        ('country is "DE"', 'country is not "DE"'),
        ('country in ("DE")', 'country not in ("DE")'),
        ("company is known", "company is unknown"),
        ("newsletter_reader", "not newsletter_reader"),
        ("email is a free address", "email is not a free address"),
        ("stage is Lead", "stage is not Lead"),
        ("stage is Lead", "stage is at least Lead"),
        ("score < 5", "score <= 5"),
    ]
    for one, other in pairs:
        assert plan_of(one) != plan_of(other)


# ── the parts fit together ───────────────────────────────────────────────────────────────────────────────────────────
def test_every_line_has_an_example() -> None:
    written = {head.split(" ")[0] for head in USAGE}
    assert written >= ALL_HEADS


def test_lines_and_blocks_are_rules_of_the_grammar() -> None:
    rules = {rule.origin.name for rule in grammar().rules} | {rule.alias for rule in grammar().rules}
    placed = {rule for rules_here in CONTEXTS.values() for rule in rules_here}
    assert placed <= rules
    assert set(INSIDE) <= placed
    assert set(INSIDE.values()) <= set(CONTEXTS)


UNSEEN = {"E007": "a file of two megabytes", "E014": "bytes, in test_workspace", "E023": "deep nesting, in test_fuzz"}
"""Codes that no file of the corpus shows, and where they are tested."""


def test_every_code_is_shown_in_the_corpus() -> None:
    goldens = "".join(path.read_text(encoding="utf-8") for path in sorted((CASES / "bad").glob("*.txt")))
    shown = set(re.findall(r"^(?:error|warning)\[(\w+)\]", goldens, re.MULTILINE))
    assert set(ENTRIES) - shown - set(UNSEEN) == set()
    assert shown - set(ENTRIES) == set()


LINES = [(head, line) for head, line in USAGE.items() if line != "flow"]


@pytest.mark.parametrize(("head", "line"), LINES, ids=[head for head, _ in LINES])
def test_every_line_that_is_offered_can_be_read(head: str, line: str) -> None:
    problems = Problems()
    (read,) = read_lines(normalise("x", line, problems), problems)
    starts = ("start", "segment_line", "split_line", "handoff_line")
    assert not problems.found
    assert any(not isinstance(parse(read.tokens, start), Failure) for start in starts), line
