"""The bench of reports runs at a small size, prints every figure, and finds something in every report."""

from __future__ import annotations

from collections.abc import Callable

from bench.company import EVENTS, TOUCHES
from bench.reports import Size, measure, open_company
from engine.reports.report import report
from engine.rules.reports.query import NAMES, read_query


async def test_a_small_run_has_every_figure(new_database: Callable[[], str]) -> None:
    url, size = new_database(), Size(leads=300, rounds=1, rebuilt=5)
    said: list[str] = []
    result = await measure(size, said.append, url=url)
    assert result["rows"]["leads"] == size.leads
    assert result["rows"]["events"] == size.leads * EVENTS
    assert result["rows"]["touches"] == size.leads * TOUCHES
    assert set(result["reports"]) == set(NAMES)
    for found in result["reports"].values():
        assert found["seconds"] > 0
        assert found["ratio_to_scan"] > 0
    assert result["rebuild"]["leads"] == 5
    async with open_company(size, None, url, said.append) as rt:
        program = (await rt.catalog.refresh()).program  # type: ignore[union-attr]
        for name in NAMES:
            words = {"report": name, "last": "3 years", "alone": "yes"}
            found = await report(rt.db, rt.clock, program, read_query(words, rt.clock.now(), "Europe/Berlin"))
            assert any(table.rows for table in found.tables), name
