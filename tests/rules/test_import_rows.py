"""A row of a table becomes a lead: values as forms read them, days and cells as only tables have them, consent."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from dsl.plan import LeadField, Program, Topic, Workspace
from engine.platform.tokens import email_key
from engine.rules.deals.numerals import Order
from engine.rules.imports.columns import resolve
from engine.rules.imports.rows import FORMULA, Agreed, BadRow, Cell, ImportedLead, Proof, Reading
from engine.rules.leads.values import Problem

TODAY = date(2026, 11, 20)


def program(*types: str, **workspace: Any) -> Program:
    fields = tuple(
        LeadField(name=f"f{n}", type=type, choices=("Pumps", "Seals"))  # type: ignore[arg-type]
        for n, type in enumerate(types)
    )
    topics = (Topic(name="News", description="n"), Topic(name="Tips", description="t"))
    return Program(
        workspace=Workspace(name="w", tracking_needs_consent=False, topics=topics, **workspace), fields=fields
    )


def read(
    header: tuple[str, ...], *cells: Cell, types: tuple[str, ...] = (), proof: Proof | None = None,
    order: Order | None = None, language: str | None = "en",
) -> ImportedLead | BadRow:  # fmt: skip
    declared = program(*types)
    columns = resolve(header, declared, {}, ())
    return Reading(columns, declared, email_key, TODAY, proof or Proof(), order, language).row(2, cells)


def value(type: str, cell: Cell, **more: Any) -> Any:
    found = read(("email", "f0"), "ann@lead.example", cell, types=(type,), **more)
    if isinstance(found, BadRow):
        ((column, reason),) = found.reasons
        assert column == "f0"
        return reason.code if isinstance(reason, Problem) else reason
    return found.fields.get("f0")


@pytest.mark.parametrize(
    ("type", "cell", "expected"),
    [
        ("text", " Ada ", "Ada"), ("text", 17.0, "17"), ("text", 1.5, "1.5"), ("text", True, "yes"),
        ("text", None, None), ("text", "  ", None), ("text", datetime(2026, 1, 2), "2026-01-02"),
        ("text", "a\nb", "control"), ("long text", "a\r\nb", "a\nb"), ("text", '="0049"', "0049"),
        ("text", "'=1+1", "=1+1"), ("text", "=1+1", FORMULA), ("text", "#REF!", FORMULA),
        ("text", "-", "-"), ("text", "'tis", "'tis"), ("text", "@ada", "@ada"),
        ("number", "1,200", 1200), ("number", "1.200", "ambiguous"), ("number", 12.5, 12.5), ("number", "x", "number"),
        ("money", "€ 99.50", 99.5), ("yes/no", "ja", True), ("yes/no", False, False), ("yes/no", "maybe", "yes/no"),
        ("date", "2026-12-24", "2026-12-24"), ("date", "24.12.1980", "1980-12-24"),
        ("date", "12/24/2026", "`12/24/2026` can be read with the day or the month first; say which with --dates."),
        ("date", datetime(2026, 12, 24), "2026-12-24"), ("date", date(1980, 2, 29), "1980-02-29"),
        ("date", "2026-12-24 00:00:00", "2026-12-24"), ("date", "Dec 24, 2026", "2026-12-24"),
        ("date", "03/04/2026", "`03/04/2026` can be read with the day or the month first; say which with --dates."),
        ("date", "24.12.80", "`24.12.80` has a year of two digits; write all four."),
        ("date", "31.02.2026", "`31.02.2026` is not a day."),
        ("date", "24.12.1066", "`24.12.1066` is not a day of our time."),
        ("moment", "24.12.2026 9:30", "2026-12-24T09:30:00"),
        ("moment", "2026-12-24T09:30Z", "2026-12-24T09:30:00+00:00"),
        ("moment", datetime(2026, 12, 24, 9, 30), "2026-12-24T09:30:00"),
        ("moment", date(2026, 12, 24), "2026-12-24T00:00:00"),
        ("country", "Deutschland", "DE"), ("country", "Xyz", "country"), ("language", "Deutsch", "de"),
        ("phone", "+49 30 123456", "+4930123456"), ("phone", "'+49 30 123456", "+4930123456"),
        ("phone", 4930123456, "phone"), ("url", "javascript:alert(1)", "url"),
        ("timezone", "europe/berlin", "Europe/Berlin"),
        ("choice", "pumps", "Pumps"), ("choice", "Valves", "choice"),
        ("choices", "pumps; Seals", ["Pumps", "Seals"]), ("choices", "Seals,Pumps", ["Seals", "Pumps"]),
        ("email", "boss@acme.example", "boss@acme.example"), ("email", "boss", "email"),
        ("text", time(9, 30), "09:30:00"),
    ],
)  # fmt: skip
def test_values_are_read_as_forms_read_them(type: str, cell: Cell, expected: Any) -> None:
    assert value(type, cell) == expected


def test_the_order_of_days_and_the_language_of_numbers_can_be_said() -> None:
    assert value("date", "03/04/2026", order="day-first") == "2026-04-03"
    assert value("date", "03/04/2026", order="month-first") == "2026-03-04"
    assert value("number", "1.200", language="de") == 1200
    assert value("number", "1.200,50", language="de") == 1200.5


def test_a_national_phone_number_is_read_in_the_rows_country() -> None:
    found = read(("email", "phone", "country"), "ann@lead.example", "030 123456", "DE")
    assert isinstance(found, ImportedLead)
    assert found.fields == {"country": "DE", "phone": "+4930123456"}


@pytest.mark.parametrize(
    ("address", "reason"),
    [("", "The address is missing."), ("ann@", Problem("email")), ("ann@a.example, bob@b.example", Problem("email")),
     ("=A1", Problem("email"))],
)  # fmt: skip
def test_a_row_needs_one_address(address: str, reason: object) -> None:
    found = read(("Mail", "city"), address, "Ulm")
    assert isinstance(found, BadRow)
    assert found.reasons == (("Mail", reason),)
    assert found.cells == (address, "Ulm")


def test_a_bad_row_names_every_wrong_cell() -> None:
    found = read(("email", "f0", "f1"), "ann", "x", "y", types=("number", "date"))
    assert isinstance(found, BadRow)
    assert [column for column, _ in found.reasons] == ["email", "f0", "f1"]


def test_a_row_with_more_cells_than_columns_is_bad_unless_they_are_empty() -> None:
    long = read(("email", "city"), "ann@lead.example", "Ulm", "Bonn")
    assert isinstance(long, BadRow)
    assert long.reasons == (("", "The row has 3 cells, and the header has 2."),)
    assert isinstance(read(("email", "city"), "ann@lead.example", "Ulm", "", None), ImportedLead)
    short = read(("email", "city"), "ann@lead.example")
    assert isinstance(short, ImportedLead)
    assert short.fields == {}


PAPER = Proof(("News",), "I want news", "2026-11-19", "form at the stand")


@pytest.mark.parametrize(
    ("header", "cells", "proof", "expected"),
    [
        ((), (), PAPER, (Agreed("News", "I want news", "2026-11-19", "form at the stand"),)),
        (("consent",), ("yes",), PAPER, (Agreed("News", "I want news", "2026-11-19", "form at the stand"),)),
        (("consent",), ("no",), PAPER, ()),
        (("consent",), ("",), PAPER, ()),
        (("consent",), (1,), PAPER, (Agreed("News", "I want news", "2026-11-19", "form at the stand"),)),
        (("consent", "consent given at"), ("tips; news", "18.11.2026"), PAPER,
         (Agreed("Tips", "I want news", "2026-11-18", "form at the stand"),
          Agreed("News", "I want news", "2026-11-18", "form at the stand"))),
        (("consent", "consent wording", "consent given at", "consent how"), ("News", "Yes!", "2026-11-01 9:05", "call"),
         Proof(), (Agreed("News", "Yes!", "2026-11-01T09:05", "call"),)),
        (("consent",), ("yes",), Proof(), "Name the topic of the consent, in the column or with --consent."),
        (("consent",), ("Newz",), PAPER, "`Newz` is not a topic. The topics are News, Tips."),
        (("consent",), ("news",), Proof(), "The proof of the consent is incomplete: `consent wording` is empty."),
        (("consent", "consent how"), ("news", ""), Proof((), "w", "2026-11-01"),
         "The proof of the consent is incomplete: `consent how` is empty."),
        ((), (), Proof(("News",), "w", "", "h"),
         "The proof of the consent is incomplete: `consent given at` is empty."),
        ((), (), Proof(("News",), "w", "2026-11-21", "h"), "The consent is from the future."),
        (("consent given at",), ("soon",), PAPER, "`soon` is not a day."),
    ],
)  # fmt: skip
def test_consent_comes_with_its_whole_proof_or_the_row_is_bad(
    header: tuple[str, ...], cells: tuple[Cell, ...], proof: Proof, expected: Any
) -> None:
    found = read(("email", *header), "ann@lead.example", *cells, proof=proof)
    if isinstance(expected, str):
        assert isinstance(found, BadRow)
        assert found.reasons == (("consent", expected),)
    else:
        assert isinstance(found, ImportedLead)
        assert found.consents == expected


def test_a_column_puts_on_lists() -> None:
    found = read(("email", "list"), "ann@lead.example", "Trade show; Pumps ;Trade show")
    assert isinstance(found, ImportedLead)
    assert found.lists == ("Trade show", "Pumps")
