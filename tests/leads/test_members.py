"""Every lead a page at a time, judged by conditions of all kinds; and leads as the rows of an export."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import load_workbook

from dsl.plan import (
    Compare,
    Condition,
    FieldRef,
    Has,
    InCampaign,
    InList,
    LeadField,
    Not,
    Pattern,
    Program,
    Scoring,
    Segment,
    Topic,
    Value,
    Workspace,
)
from engine.cli.export import Format, writer_of
from engine.leads import members as reading
from engine.leads.export import Chosen, header_of, narrowed, row_of, rows
from engine.leads.imports import Import, import_leads
from engine.leads.members import members
from engine.rules.imports.cells import safe
from engine.rules.imports.rows import ImportedLead, bare
from tests.support.programs import campaign, happen, lead, open_program
from tests.support.stage import Stage

BIG = Compare(left=FieldRef(name="size"), op="ge", right=Value(value=3))
JOINS = campaign("Joins", Pattern(type="list.joined", name="Even"))
FIELDS = (LeadField(name="size", type="number"), LeadField(name="areas", type="choices", choices=("A", "B")))


async def fill(stage: Stage, many: int = 5) -> None:
    """Leads a0, a1, … whose size is their number; the even ones are on a list."""
    found = [
        ImportedLead(n, f"a{n}@lead.example", f"a{n}@lead.example", {"size": n}, () if n % 2 else ("Even",))
        for n in range(many)
    ]
    await import_leads(stage.rt, found, Import("f", "d", "ada"), lambda _: None)


async def named(stage: Stage, condition: Condition | None = None) -> list[str]:
    return sorted([(one.email or "").partition("@")[0] async for one in members(stage.rt, condition)])


async def test_conditions_of_all_kinds_choose_members(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    async with open_program(fresh_database_url, JOINS, fields=FIELDS) as stage:
        assert await named(stage) == []
        await fill(stage)
        await happen(stage, "call.received", "", email="a1@lead.example")
        assert await named(stage) == ["a0", "a1", "a2", "a3", "a4"]
        assert await named(stage, BIG) == ["a3", "a4"]
        assert await named(stage, InList(name="even")) == ["a0", "a2", "a4"]
        assert await named(stage, Not(item=InCampaign(name="Joins"))) == ["a1", "a3"]
        assert await named(stage, Has(pattern=Pattern(type="call.received"))) == ["a1"]
        before = (await lead(stage, "a1@lead.example")).seq
        assert await named(stage, BIG) == ["a3", "a4"]
        assert (await lead(stage, "a1@lead.example")).seq == before, "looking changes nothing"


async def test_an_export_is_narrowed_by_segment_list_and_stage(fresh_database_url: str) -> None:
    segments = (Segment(name="Big", condition=BIG, source="s:1"),)
    async with open_program(fresh_database_url, JOINS, fields=FIELDS, segments=segments) as stage:
        await fill(stage)
        program = (await stage.rt.deployment(stage.rt.catalog.current and stage.rt.catalog.current.epoch)).program

        async def emails(**by: Any) -> list[str]:
            chosen = narrowed(program, by.get("segment"), by.get("to_list"), by.get("stage"))
            assert isinstance(chosen, Chosen)
            return sorted([row["email"][:2] async for row in rows(stage.rt, chosen, program)])

        assert await emails(segment="big") == ["a3", "a4"]
        assert await emails(segment="Big", to_list="even") == ["a4"]
        assert narrowed(program, "Bigg", None, None) == ["Big"]
        assert narrowed(program, None, None, "MQL") == []


PROGRAM = Program(
    workspace=Workspace(name="w", topics=(Topic(name="News", description="n"),), tracking_needs_consent=False),
    fields=FIELDS, scorings=(Scoring(name="", rules=()), Scoring(name="fit", rules=())),
)  # fmt: skip
EVIL = {"first_name": '=HYPERLINK("http://x.example")', "last_name": "@SUM(1)", "phone": "+4930123456",
        "company": " =1", "areas": ["A", "B"], "size": 2.5, "city": "'quoted"}  # fmt: skip


async def written(stage: Stage, kind: Format) -> bytes:
    found = [one async for one in members(stage.rt)]
    target = io.BytesIO()
    writer = writer_of(kind, target, PROGRAM)
    for one in found:
        writer.add(row_of(replace(one, fields=EVIL, topics={"news": "subscribed"}, scores={"fit": 7}), PROGRAM))
    writer.end()
    return target.getvalue()


async def test_no_cell_of_an_export_is_a_formula_and_json_is_as_it_is(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, fields=FIELDS) as stage:
        assert json.loads(await written(stage, Format.json)) == []
        await fill(stage, 2)
        table = list(csv.DictReader(io.StringIO((await written(stage, Format.csv)).decode("utf-8-sig"))))
        assert len(table) == 2
        row = table[0]
        assert (row["first_name"], row["last_name"]) == ('\'=HYPERLINK("http://x.example")', "'@SUM(1)")
        assert (row["phone"], row["company"], row["areas"], row["size"]) == ("+4930123456", "' =1", "A; B", "2.5")
        assert (row["topic News"], row["score"], row["score fit"]) == ("subscribed", "0", "7")
        for name, value in EVIL.items():
            if isinstance(value, str):
                assert str(bare(row[name])).strip() == value.strip(), "an import reads it as it was"

        sheet = load_workbook(io.BytesIO(await written(stage, Format.xlsx)))["Leads"]
        header, *body = sheet.iter_rows()
        assert tuple(cell.value for cell in header) == header_of(PROGRAM)
        kinds = {str(name.value): cell for name, cell in zip(header, body[0], strict=True)}
        assert (kinds["first_name"].value, kinds["first_name"].data_type) == (EVIL["first_name"], "s")
        assert (kinds["size"].value, kinds["size"].data_type) == (2.5, "n")

        plain = json.loads(await written(stage, Format.json))
        assert (plain[0]["first_name"], plain[0]["areas"]) == (EVIL["first_name"], ["A", "B"])


@pytest.mark.parametrize("text", ["=1", "+1+cmd|' /C calc'!A0", "-2+3", "@x", "\t=1", "|x", "%x", " =1", "\u00a0=1"])
def test_what_could_be_a_formula_is_shielded(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert bare(safe(text)) == text


@pytest.mark.parametrize("text", ["", "Ada", "-", "-2.5", "+49 (30) 12-34", "2026-01-01", "a=b", "x@y.example"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert safe(text) == text
    assert bare(text) == text
