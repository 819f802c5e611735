"""P4: every figure opens the list of the leads or deals behind it, and the list has that many rows."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import Any

import pytest

from engine.rules.reports.query import BadQuery
from tests.reports.conftest import Ask
from tests.reports.test_stages import YEAR

LISTED = {
    "sources": {"sources": "leads by_form by_call by_chat by_other stage0 stage1 won"},
    "funnel": {
        "flow": "began came forward backward outside stay", "cohort": "reached unripe on", "period": "reached on",
        "drop-off": "ripe on outside lost silent active", "follow-up": "handoffs missed accepted rejected overdue",
    },
    "nurture": {"leads": "new reopened times mqls cohort", "activities": "did"},
    "campaigns": {"campaigns": "entered live goals"},
    "opportunities": {"stages": "standing progressed regressed stalled won lost"},
    "content": {"content": "leads mqls"},
    "segments": {"segments": "leads stage0 stage1"},
    "sales": {"teams": "handoffs missed rejected", "members": "handoffs accepted overdue"},
}  # fmt: skip
CASES = [(report, part, column) for report, parts in LISTED.items() for part, columns in parts.items()
         for column in columns.split()]  # fmt: skip


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(("report", "part", "column"), CASES)
async def test_p4_a_list_has_as_many_rows_as_its_figure(
    ask: Ask, shown: dict[str, Any], report: str, part: str, column: str
) -> None:
    if report not in shown:
        shown[report] = await ask(report, **YEAR, alone="yes")
    table = next(one for one in shown[report].tables if one.name == part)
    heads = [one.key for one in takewhile(lambda one: one.kind == "text", table.columns)]
    (found,) = (await ask(report, **YEAR, part=part, list=column)).tables
    many = Counter(tuple(row.get(head, "") for head in heads) for row in found.rows)
    figures = {tuple(row.get(head) or "" for head in heads): row[column] for row in table.rows if row.get(column)}
    assert sum(many.values()) > 0 or column == "lost"
    assert dict(many) == figures
    assert all(row["id"] for row in found.rows)


async def test_one_row_and_words_that_are_not_there(ask: Ask) -> None:
    table = (await ask("sources", **YEAR)).tables[0]
    row = next(row for row in table.rows if row["leads"])
    (found,) = (await ask("sources", **YEAR, list="new leads", row=row["channel"].upper())).tables
    assert len(found.rows) == row["leads"]
    assert {one["channel"] for one in found.rows} == {row["channel"]}
    for words, said in (
        ({"list": "new leeds"}, "no list behind `new leeds`: did you mean `new leads`?"),
        ({"list": "revenue"}, "no list behind `revenue`: "),
        ({"list": "leads", "part": "source"}, "no part named `source`: did you mean `sources`?"),
        ({"list": "leads", "row": "Emial"}, "nothing is counted in a row named `Emial`: did you mean `Email`?"),
    ):
        with pytest.raises(BadQuery) as caught:
            await ask("sources", **YEAR, **words)
        assert str(caught.value).startswith(said)
