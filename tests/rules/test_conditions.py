"""Conditions on what is known of a lead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import (
    All,
    Any_,
    Compare,
    Condition,
    EventRef,
    FieldRef,
    FreeMail,
    In,
    Known,
    Not,
    Operand,
    ScoreRef,
    StageIs,
    Value,
)
from engine.model.lead import Facts
from engine.rules.conditions.conditions import compare, holds, reached, value_of
from tests.support.examples import examples

ORDER = ("Visitor", "Lead", "MQL", "SQL")
FACTS = Facts(
    fields={
        "country": "DE",
        "company_size": 250,
        "job_title": "Head of Maintenance",
        "vip": False,
        "areas": ["Pumps", "Valves"],
        "empty": "",
        "none": [],
        "email": "ada@Gmail.com",
        "contract_end": "2026-12-24",
    },
    scores={"": 42.0, "fit": 15},
    stage="MQL",
    order=ORDER,
    event={"amount": 50000, "link": "https://acme.example/pricing"},
)
TRUE, FALSE = All(items=()), Any_(items=())


def is_(left: Operand | str, op: Any, right: Operand | bool | int | float | str) -> Compare:
    left = FieldRef(name=left) if isinstance(left, str) else left
    return Compare(left=left, op=op, right=Value(value=right) if isinstance(right, bool | int | float | str) else right)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, True),
        (TRUE, True),
        (FALSE, False),
        (Not(item=TRUE), False),
        (All(items=(TRUE, FALSE)), False),
        (Any_(items=(FALSE, TRUE)), True),
        # fields
        (is_("country", "eq", "de"), True),
        (is_("country", "eq", "AT"), False),
        (is_("company_size", "ge", 250), True),
        (is_("company_size", "gt", 250), False),
        (is_("company_size", "lt", 250.5), True),
        (is_("company_size", "le", 249), False),
        (is_("job_title", "contains", "HEAD"), True),
        (is_("job_title", "contains", "leiter"), False),
        (is_("job_title", "starts", "head of"), True),
        (is_("job_title", "starts", "maintenance"), False),
        (is_("vip", "eq", False), True),
        (is_("vip", "eq", True), False),
        (is_("contract_end", "lt", "2027-01-01"), True),
        (is_("contract_end", "gt", "2027-01-01"), False),
        (is_("country", "eq", FieldRef(name="country")), True),
        # choices
        (is_("areas", "contains", "pumps"), True),
        (is_("areas", "contains", "Seals"), False),
        (is_("areas", "eq", "Valves"), True),
        # a missing value
        (is_("unknown", "eq", "x"), False),
        (Not(item=is_("unknown", "eq", "x")), True),
        (is_("unknown", "lt", 5), False),
        (is_("unknown", "ge", 5), False),
        (is_("empty", "eq", ""), False),
        (is_("country", "eq", FieldRef(name="unknown")), False),
        (is_("unknown", "contains", "none"), False),
        # different types
        (is_("company_size", "eq", "250"), False),
        (is_("vip", "eq", 0), False),
        (is_("country", "lt", 5), False),
        # lists of values
        (In(left=FieldRef(name="country"), values=("AT", "de")), True),
        (In(left=FieldRef(name="country"), values=("AT", "CH")), False),
        (In(left=FieldRef(name="company_size"), values=(250,)), True),
        (In(left=FieldRef(name="unknown"), values=("x",)), False),
        (In(left=FieldRef(name="country"), values=()), False),
        # known
        (Known(operand=FieldRef(name="country")), True),
        (Known(operand=FieldRef(name="vip")), True),
        (Known(operand=FieldRef(name="unknown")), False),
        (Known(operand=FieldRef(name="empty")), False),
        (Known(operand=FieldRef(name="none")), False),
        # scores
        (is_(ScoreRef(), "ge", 42), True),
        (is_(ScoreRef(), "gt", 42), False),
        (is_(ScoreRef(model="fit"), "eq", 15), True),
        (is_(ScoreRef(model="other"), "eq", 0), True),
        # the event
        (is_(EventRef(name="amount"), "ge", 50000), True),
        (is_(EventRef(name="link"), "contains", "/pricing"), True),
        (is_(EventRef(name="page"), "eq", "/"), False),
        # stages
        (StageIs(stage="MQL"), True),
        (StageIs(stage="Lead"), False),
        (StageIs(stage="Lead", at_least=True), True),
        (StageIs(stage="MQL", at_least=True), True),
        (StageIs(stage="SQL", at_least=True), False),
        (StageIs(stage="Disqualified", at_least=True), False),
        # public mailboxes
        (FreeMail(), True),
    ],
)
def test_holds(condition: Condition | None, expected: bool) -> None:
    assert holds(condition, FACTS) is expected


def test_without_anything_known() -> None:
    assert not holds(FreeMail(), Facts())
    assert not holds(FreeMail(), Facts(fields={"email": "ada@acme.example"}))
    assert not holds(StageIs(stage="Lead", at_least=True), Facts(order=ORDER))
    assert holds(is_(ScoreRef(), "eq", 0), Facts())


def test_a_stage_outside_the_order_has_reached_nothing() -> None:
    assert not reached("Disqualified", "Visitor", ORDER)
    assert reached("SQL", "Visitor", ORDER)


def test_reads_operands() -> None:
    assert value_of(Value(value=False), FACTS) is False
    assert value_of(FieldRef(name="empty"), FACTS) is None
    assert value_of(EventRef(name="amount"), FACTS) == 50000


def test_an_unknown_comparison_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="no such comparison"):
        compare(1, "between", 2)


values = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=4) | st.lists(
    st.text(max_size=2), max_size=3
)  # fmt: skip
names = st.sampled_from(["a", "b", "c"])
operands = st.one_of(
    st.builds(FieldRef, name=names),
    st.builds(ScoreRef, model=names),
    st.builds(EventRef, name=names),
    st.builds(Value, value=st.booleans() | st.integers(-5, 5) | st.text(max_size=4)),
)
operators = st.sampled_from(["eq", "lt", "le", "gt", "ge", "contains", "starts"])
leaves = st.one_of(
    st.builds(Compare, left=operands, op=operators, right=operands),
    st.builds(In, left=operands, values=st.lists(st.integers(-5, 5) | st.text(max_size=4), max_size=3).map(tuple)),
    st.builds(Known, operand=operands),
    st.builds(StageIs, stage=st.sampled_from([*ORDER, "Elsewhere"]), at_least=st.booleans()),
    st.just(FreeMail()),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(All, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Any_, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, item=inner),
    ),
    max_leaves=8,
)
facts = st.builds(
    Facts,
    fields=st.dictionaries(names | st.just("email"), values),
    scores=st.dictionaries(names, st.floats(-100, 100)),
    stage=st.sampled_from(ORDER),
    order=st.just(ORDER),
    event=st.dictionaries(names, values),
)


@examples(200)
@given(conditions, facts)
def test_conditions_never_raise_and_obey_logic(condition: Condition, known: Facts) -> None:
    found = holds(condition, known)
    assert holds(Not(item=condition), known) is not found
    assert holds(All(items=(condition, TRUE)), known) is found
    assert holds(Any_(items=(condition, FALSE)), known) is found
    assert holds(type(condition).model_validate_json(condition.model_dump_json()), known) is found


@examples(200)
@given(values, values)
def test_values_are_ordered_one_way(left: Any, right: Any) -> None:
    held = [op for op in ("lt", "eq", "gt") if compare(left, op, right)]
    if not isinstance(left, list):
        assert len(held) <= 1
        assert compare(left, "le", right) is (held in (["lt"], ["eq"]))
        assert compare(left, "ge", right) is (held in (["gt"], ["eq"]))
