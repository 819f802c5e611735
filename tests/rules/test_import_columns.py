"""Which column means which field, and what is said of one that means none."""

from __future__ import annotations

import pytest

from dsl.plan import Ask, Form, LeadField, Program, Topic, Workspace
from dsl.plan.company import BUILT_IN
from engine.rules.imports.columns import BadColumns, count_known, known_names, resolve

PROGRAM = Program(
    workspace=Workspace(name="w", topics=(Topic(name="news", description="News"),)),
    fields=(
        LeadField(name="pump_size", type="number"),
        LeadField(name="contract_end", type="date", from_crm=True),
    ),
    forms=(
        Form(name="f", source="f:1", asks=(Ask(field="email"), Ask(field="job_title", labels=(("", "Your role"),)))),
    ),
)


def meant(*header: str, renamed: dict[str, str] | None = None, ignored: tuple[str, ...] = (), others: bool = False):
    columns = resolve(header, PROGRAM, renamed or {}, ignored, others=others)
    return [name for _, name in columns.told]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (("Email", "First Name", "Last name", "Company"), ["email", "first_name", "last_name", "company"]),
        (("E-Mail-Adresse", "VORNAME", "Nachname", "Firma"), ["email", "first_name", "last_name", "company"]),
        (("Adresse e-mail", "Prénom", "Nom", "Pays"), ["email", "first_name", "last_name", "country"]),
        (("e_mail", "pump-size", "Your role"), ["email", "pump_size", "job_title"]),
        (("mail", "list", "Consent", "consent_wording", "Consent given at", "consent how"),
         ["email", "list", "consent", "consent wording", "consent given at", "consent how"]),
    ],
)  # fmt: skip
def test_columns_are_found_by_name(header: tuple[str, ...], fields: list[str]) -> None:
    assert meant(*header) == fields


def test_every_built_in_field_is_found_by_its_own_name() -> None:
    known = known_names(PROGRAM)
    for field in BUILT_IN:
        assert (known.get(field.name.replace("_", " ")) == field.name) is (
            not field.measured and field.name != "created"
        )


def test_columns_can_be_renamed_and_left_out() -> None:
    assert meant("Kontakt", "Notes", renamed={"Kontakt": "email"}, ignored=("notes",)) == ["email"]
    assert meant("email", "Notes", "Score", others=True) == ["email"]
    assert meant("email", "", "city") == ["email", "city"], "a column without a name has no meaning"


@pytest.mark.parametrize(
    ("header", "renamed", "ignored", "problem"),
    [
        (("name", "city"), {}, (), 'no column has email addresses; name the one that has with --column "NAME=email"'),
        (("email", "compny"), {}, (),
         'column `compny` is not a field; write --column "compny=company" if it is company, or --ignore "compny" to '
         "leave it out"),
        (("email", "Notes"), {}, (), 'column `Notes` is not a field; write --ignore "Notes" to leave it out'),
        (("email", "Land", "Country"), {}, (),
         "columns `Land` and `Country` are both country; pass --ignore for one"),
        (("email", "Contract end"), {}, (),
         'only the CRM writes `contract_end`; leave the column out with --ignore "Contract end"'),
        (("email", "created by"), {}, (),
         'column `created by` is not a field; write --ignore "created by" to leave it out'),
        (("email", "x"), {"x": "citi"}, (), "`citi` is not a field; did you mean `city`?"),
        (("email", "city"), {"Town": "city"}, (), "the file has no column `Town`"),
        (("email",), {}, ("emial",), "the file has no column `emial`; did you mean `email`?"),
    ],
)  # fmt: skip
def test_what_is_said_of_columns_that_mean_nothing(
    header: tuple[str, ...], renamed: dict[str, str], ignored: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(BadColumns) as bad:
        resolve(header, PROGRAM, renamed, ignored)
    assert problem in bad.value.problems


def test_a_row_without_an_address_is_no_header() -> None:
    known = known_names(PROGRAM)
    assert count_known(("Leads of 2026", "city"), known, {}) == 0
    assert count_known(("E-mail", "city", "Notes"), known, {}) == 2
    assert count_known(("Kontakt", "city"), known, {"Kontakt": "email"}) == 2
