"""What is said with and without `not` is not the same, in the tree and in the plan; and the grammar has one reading."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from lark import Lark, logger
from lark.lexer import Lexer

from dsl import plan
from dsl.problems.problems import Problems
from dsl.text.lexer import LineLexer
from dsl.text.parse import GRAMMAR, Failure, parse
from dsl.tree import declarations as tree
from tests.dsl.harness import compile_text

PAIRS = (
    ("newsletter_reader", "not newsletter_reader"),
    ('country is "DE"', 'country is not "DE"'),
    ('country in ("DE", "AT")', 'country not in ("DE", "AT")'),
    ('in segment "Customers"', 'not in segment "Customers"'),
    ('in list "Readers"', 'not in list "Readers"'),
    ('in campaign "X"', 'not in campaign "X"'),
    ('has been in campaign "X"', 'has not been in campaign "X"'),
    ('subscribed to "newsletter"', 'not subscribed to "newsletter"'),
    ("tracking is allowed", "tracking is not allowed"),
    ("company is known", "company is not known"),
    ("email is a free address", "email is not a free address"),
    ("contract_end is in the next 30 days", "contract_end is not in the next 30 days"),
    ("contract_end is in the last 7 days", "contract_end is not in the last 7 days"),
    ("contract_end is in the past", "contract_end is not in the past"),
    ("contract_end is in the future", "contract_end is not in the future"),
    ("contract_end is today", "contract_end is not today"),
    ("contract_end is before 2026-10-06", "contract_end is not before 2026-10-06"),
    ("contract_end is after 2026-10-06", "contract_end is not after 2026-10-06"),
    ('has visited page "/x"', 'has not visited page "/x"'),
    ('has replied to email where link is "x"', 'has not replied to email where link is "x"'),
    ("has placed order since entering", "has not placed order since entering"),
)
OPPOSITES = (
    ("contract_end is before 2026-10-06", "contract_end is after 2026-10-06"),
    ("contract_end is in the next 7 days", "contract_end is in the last 7 days"),
    ("contract_end is in the past", "contract_end is in the future"),
    ("has placed order in the last 1 year", "has placed order since entering"),
)
SEGMENT = 'segment "Customers"\n    stage is at least Customer\n\n'


def tree_of(line: str) -> Any:
    """The first part of a parsed line."""
    problems = Problems()
    lexer = LineLexer("case.campaign", problems)
    lexer.feed(line, 1, 0)
    result = parse(lexer.tokens)
    assert not isinstance(result, Failure), line
    assert not problems.found
    return result.children[0]


def condition_of(text: str) -> plan.Condition:
    flow = f"    flow\n        if {text}\n            add 1 points\n"
    compiled = compile_text(f'{SEGMENT}campaign "X"\n    starts when form "demo" is submitted\n{flow}')
    assert compiled.program is not None, [problem.message for problem in compiled.diagnostics]
    found = next(campaign for campaign in compiled.program.campaigns if campaign.campaign == "X")
    (step,) = [step for step in found.steps if isinstance(step, plan.If)]
    return step.branches[0].condition


@pytest.mark.parametrize(("said", "denied"), PAIRS)
def test_not_is_kept(said: str, denied: str) -> None:
    assert tree_of(f"if {said}") != tree_of(f"if {denied}")


@pytest.mark.parametrize(("said", "denied"), [pair for pair in PAIRS if "where link" not in pair[0]])
def test_the_denied_plan_is_the_plan_denied(said: str, denied: str) -> None:
    assert condition_of(denied) == plan.Not(item=condition_of(said))
    assert condition_of(f"not ({denied})") != condition_of(denied)


@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_words_that_only_differ_in_direction_differ_in_the_plan(one: str, other: str) -> None:
    assert condition_of(one) != condition_of(other)


def test_before_and_after_differ_in_events() -> None:
    before = tree_of("starts when 30 days before contract_end")
    after = tree_of("starts when 30 days after contract_end")
    assert (before.dated.before, after.dated.before) == (True, False)
    assert tree_of('starts when 2 hours before webinar "x"').dated.before
    assert not tree_of('starts when 2 hours after webinar "x"').dated.before
    assert tree_of("starts when 1 day before anniversary of created").dated.before
    assert not tree_of("starts when 1 day after anniversary of created").dated.before


def test_business_time_is_not_plain_time() -> None:
    plain = tree_of("starts when lead is inactive for 3 days")
    business = tree_of("starts when lead is inactive for 3 business days")
    assert [part.business for part in plain.silent] == [False]
    assert [part.business for part in business.silent] == [True]


def test_from_and_to_are_told_apart_in_any_order() -> None:
    one = tree_of('starts when field plan changes to "pro" from "free"')
    other = tree_of('starts when field plan changes from "free" to "pro"')
    for event in (one, other):
        assert (event.to.value, event.before.value) == ("pro", "free")


def test_and_then_ends_the_condition_before_it() -> None:
    event = tree_of(
        "starts when cart is updated where amount >= 5 and items >= 2 and then no order is placed within 1 day"
    )
    assert isinstance(event.where, tree.And)
    assert event.absent.event.noun.value == "order"


def test_a_field_may_be_called_interest() -> None:
    assert isinstance(tree_of('if interest in ("a", "b")'), tree.OneOf)
    assert isinstance(tree_of('if interest in "a" > 2').left, tree.InterestCount)


class NoLexer(Lexer):
    """The grammar is only built, never used."""

    __future_interface__ = 2

    def __init__(self, conf: Any) -> None: ...

    def lex(self, lexer_state: Any, parser_state: Any) -> Any: ...


def test_the_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    level = logger.level
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.DEBUG)
    try:
        starts = ["start", "segment_line", "split_line", "handoff_line"]
        text = GRAMMAR.read_text(encoding="utf-8")
        Lark(text, parser="lalr", lexer=NoLexer, start=starts, maybe_placeholders=True, debug=True)
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(level)
    assert [record.message for record in caplog.records if "onflict" in record.message] == []
