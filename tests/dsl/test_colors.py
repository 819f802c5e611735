"""Contrast as WCAG 2.2 defines it, and colors that are read on their ground."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan.colors import READABLE, color_of, contrast, ink_on, readable_on, written

COLORS = st.tuples(*(st.integers(0, 255),) * 3)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000", "#fff", 21.0),
        ("#ffffff", "#FFFFFF", 1.0),
        ("#777", "#fff", 4.48),
        ("#767676", "#fff", 4.54),
        ("#ff0000", "#fff", 4.0),
        ("#1f6f54", "#ffffff", 6.07),
    ],
)
def test_known_ratios(one: str, other: str, ratio: float) -> None:
    first, second = color_of(one), color_of(other)
    assert first
    assert second
    assert contrast(first, second) == contrast(second, first) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("text", ["", "red", "#12", "#1234", "#12345g", "1f6f54", "#1f6f54 ", "#١٢٣", "rgb(1,2,3)"])
def test_what_is_no_color(text: str) -> None:
    assert color_of(text) is None


@given(COLORS)
def test_what_is_written_is_read(color: tuple[int, int, int]) -> None:
    assert color_of(written(color)) == color


@given(COLORS, COLORS)
def test_a_proposal_can_be_read(color: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    assert contrast(ink_on(ground), ground) >= READABLE
    better = readable_on(color, ground)
    assert contrast(better, ground) >= READABLE
    assert better == color or contrast(color, ground) < READABLE
