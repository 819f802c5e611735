"""Charts: well-formed, a tooltip per mark, a sentence for the whole, nothing inline, round ticks, the same figures."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.charts import shapes
from engine.charts.drawing import STYLE, Mark, Series, round_ticks
from engine.charts.of_tables import MOST_ROWS, REST, bars_of, chart, measure_of
from engine.rules.reports.table import Column, Report, Table
from tests.charts import samples

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(-5, 5).map(float))
MARKS = st.lists(
    st.builds(lambda label, value: Mark(label, value, str(value)), st.text(max_size=60), VALUES), max_size=8
)


def tips(text: str) -> list[str]:
    return [str(one.text) for one in ET.fromstring(text).iter(f"{SVG}title")]


def test_the_sample_of_the_page_is_what_is_drawn_now() -> None:
    assert samples.FILE.read_text(encoding="utf-8") == samples.page()


def test_every_shape_has_marks_with_tips_a_role_and_no_style() -> None:
    for text in samples.drawn():
        root = ET.fromstring(text)
        assert root.get("role") == "img"
        assert "most, " in (root.get("aria-label") or "")
        assert tips(text)
        assert "style" not in text.replace("</style>", "")
        assert "script" not in text
        kinds = {kind for one in root.iter() for kind in (one.get("class") or "").split()}
        assert all(f".{kind}" in STYLE for kind in kinds), kinds
    line, bars, *_ = samples.drawn()
    assert tips(line)[0] == "this year, July: 31"
    assert len(tips(line)) == 7
    assert tips(bars) == ["Organic Search: 61", "Paid Search <brand>: 48", "Email: 22", "Refunded: -9"]


@given(MARKS)
def test_any_figures_and_labels_give_a_picture_with_finite_places(marks: list[Mark]) -> None:
    series = [Series("a", marks), Series("b", marks)]
    for text in (
        shapes.bars("t", marks), shapes.funnel("t", marks), shapes.dots("t", marks), shapes.stacked_bars("t", series),
        shapes.line("t", series, str), shapes.line("t", [], str), shapes.bars("t", marks, alone=True),
    ):  # fmt: skip
        root = ET.fromstring(text)
        for one in root.iter():
            for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
                if (place := one.get(name)) is not None:
                    assert -1 <= float(place) <= 1000
            assert float(one.get("width") or 0) >= 0


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_ticks_hold_the_figures_and_zero(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = round_ticks(low, high)
    slack = (ticks[-1] - ticks[0]) * 1e-6
    assert 2 <= len(ticks) <= 8
    assert 0 in ticks
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


def test_a_stretch_to_an_unripe_figure_is_dashed() -> None:
    marks = [Mark("May", 1, "1"), Mark("June", 2, "2"), Mark("July", 1, "1", ripe=False)]
    text = shapes.line("t", [Series("leads", marks)], str)
    assert text.count('class="line c0"') == 1
    assert text.count('class="line c0 open"') == 1
    assert tips(text)[-1] == "leads, July: 1, so far"


def found(table: Table) -> Report:
    return Report("sources", date(2026, 7, 1), date(2026, 9, 30), "UTC", datetime(2026, 10, 1, tzinfo=UTC), "EUR",
                  [table], ())  # fmt: skip


def drawn(*columns: Column, rows: Any, name: str = "t", compared: tuple[str, ...] = ()) -> tuple[str | None, Table]:
    table = Table(name, "Title", columns, rows, None, "", compared)
    return chart(found(table), table), table


def test_a_table_is_drawn_by_its_kind() -> None:
    name, leads, money = Column("source", "source", "text"), Column("leads", "leads"), Column("won", "won", "money")
    rows = [{"source": "a", "leads": 2, "won": 500}, {"source": "b", "leads": 1, "won": 1000}]
    text, table = drawn(name, leads, money, rows=rows, compared=("leads", "won"))
    assert tips(text or "") == ["a: 5.00", "b: 10.00"]
    assert bars_of(table, 4) == ["██", "████"]
    text, table = drawn(name, leads, money, rows=[{**row, "won": 0} for row in rows], compared=("leads", "won"))
    assert tips(text or "") == ["a: 2", "b: 1"]
    text, _ = drawn(Column("period", "month", "text"), leads, rows=[{"period": "2026-07", "leads": 3}])
    assert "circle" in (text or "")
    shares = [Column(key, key, "share") for key in ("share", "low", "high")]
    row = {"source": "a", "share": Fraction(1, 2), "low": Fraction(1, 4), "high": Fraction(3, 4)}
    text, _ = drawn(name, *shares, rows=[row, {"source": "b"}])
    assert tips(text or "") == ["a: 50% (25% to 75%)"]
    assert drawn(name, leads, rows=[])[0] is None
    nothing, table = drawn(name, leads, rows=[{"source": "a", "leads": 0}])
    assert (nothing, measure_of(table), bars_of(table)) == (None, None, [])
    text, _ = drawn(name, leads, rows=[{"source": str(n), "leads": 1} for n in range(50)])
    assert tips(text or "")[-1] == f"{REST}: {50 - MOST_ROWS + 1}"


def test_a_place_in_an_order_measures_nothing() -> None:
    columns = (Column("member", "member", "text"), Column("place", "place"))
    table = Table("work", "Work list", columns, [{"member": "eva", "place": 1}, {"member": "eva", "place": 2}])
    assert measure_of(table) is None
