"""Two teams may take no lead both: what keeps their conditions apart, and what does not."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from dsl.plan import Condition
from engine.model.lead import Facts
from engine.rules.conditions.conditions import holds
from tests.support.examples import examples

TEXT = """
workspace "W"

field size number
field plan text
field partner yes/no
field wishes choices ("Pumps", "Valves")
field since date

lifecycle
    stage Visitor
    stage Lead
    stage MQL

segment "Big"
    size >= 500

team "One"
    takes leads where {one}
    member "eva@acme.example"

team "Two"
    takes leads where {two}
    member "jo@acme.example"

team "Others"
    takes all other leads
    member "sam@acme.example"
"""


STAGES = ("Visitor", "Lead", "MQL")


def told(one: str, two: str) -> list[str]:
    found = compile_workspace({"w.campaign": TEXT.format(one=one, two=two)}, ())
    assert all(problem.severity == "error" or problem.code.startswith("W") for problem in found.diagnostics)
    return [problem.code for problem in found.diagnostics if problem.severity == "error" or problem.code == "W135"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('country is "DE"', 'country is "FR"'),
        ('country in ("DE", "AT")', 'country not in ("DE", "AT")'),
        ('country is "DE"', 'not country is "DE"'),
        ('country is "DE" and size >= 100', 'country is "DE" and size < 100'),
        ("size >= 100", "not size >= 50"),
        ("size >= 100", "size is unknown"),
        ("not (size >= 100 or partner)", "size >= 100 and plan is known"),
        ('country is "DE" or country is "AT"', 'country is "FR" or country is "ES"'),
        ("partner", "not partner"),
        ("partner", "partner is no"),
        ('phone starts with "+49"', 'phone starts with "+43"'),
        ('phone starts with "+49"', 'phone is "+43 1"'),
        ('in segment "Big"', 'not in segment "Big"'),
        ("stage is MQL", "not stage is at least MQL"),
        ('has visited page "/x"', 'has not visited page "/x"'),
        ("since is before 2026-01-01", "since is after 2026-01-01"),
        ('country is "DE" and country is "FR"', 'country is "DE"'),
    ],
)
def test_conditions_that_exclude_each_other(one: str, two: str) -> None:
    assert told(one, two) == []
    assert told(two, one) == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('country is "DE"', "size >= 100"),
        ("size >= 100", "size < 200"),
        ("not size >= 100", "not size <= 200"),
        ("not size >= 100", "size is unknown"),
        ('country is "DE" or partner', 'country is "FR"'),
        ('wishes contains "Pumps"', 'wishes contains "Valves"'),
        ('phone starts with "+4"', 'phone starts with "+49"'),
        ('country is not "DE"', "country is unknown"),
        ('has visited page "/x"', 'has not visited page "/y"'),
        ('not (country is "DE" and partner)', 'country is "DE" and size > 5'),
        ("size >= 100 and not partner", "size >= 100 and plan is known"),
    ],
)
def test_conditions_that_leave_room_for_one_lead(one: str, two: str) -> None:
    assert told(one, two) == ["W135"]
    assert told(two, one) == ["W135"]


def test_a_condition_with_a_mistake_is_not_compared() -> None:
    assert told('contry is "DE"', "size >= 100") == ["E101"]


def test_a_condition_with_very_many_ways_is_not_compared() -> None:
    many = " and ".join(f'(plan is "D{n}" or size > {n})' for n in range(10))
    assert told(many, "partner") == []


COUNTRIES, SIZES, PHONES = ("DE", "FR", None), (None, 0, 50, 100, 150), (None, "+4", "+43", "+49")
LEADS = [
    Facts(fields={name: value for name, value in values.items() if value is not None}, stage=stage, order=STAGES)
    for *known, stage in product(COUNTRIES, SIZES, PHONES, (True, False, None), STAGES)
    for values in [dict(zip(("country", "size", "phone", "partner"), known, strict=True))]
]
ATOMS = st.sampled_from(
    [
        'country is "DE"', 'country is not "FR"', 'country in ("DE", "FR")', 'country not in ("FR", "DE")',
        "country is known", "country is unknown", "size > 50", "size >= 100", "size < 100", "size <= 50", "size = 50",
        "size is unknown", 'phone starts with "+4"', 'phone starts with "+43"', 'phone is "+49"', "partner",
        "partner is no", "stage is Lead", "stage is not MQL", "stage is at least Lead", "stage is at least MQL",
    ]
)  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=5,
)


@examples(150)
@given(CONDITIONS, CONDITIONS)
def test_wherever_a_lead_fits_both_it_is_told(one: str, two: str) -> None:
    first, second = takes(one), takes(two)
    if any(holds(first, lead) and holds(second, lead) for lead in LEADS):
        assert {"E517", "W135"}.intersection(told(one, two))


def takes(condition: str) -> Condition:
    alone = TEXT.replace("takes leads where {two}", "takes all leads").partition('team "Others"')[0]
    program = compile_workspace({"w.campaign": alone.format(one=condition)}, ()).program
    assert program is not None
    [found] = [team.takes for team in program.teams if team.takes is not None]
    return found
