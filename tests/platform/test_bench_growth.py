"""The bench at 20 million events runs at a small size and prints every figure; how fast is no test's business."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from bench.filling import EVENTS, fill
from bench.growth import KINDS, Size, measure, plain


async def test_a_tiny_run_prints_every_figure(new_database: Callable[[], str]) -> None:
    said: list[str] = []
    made: dict[str, str] = {}

    def url(name: str) -> str:
        return made.setdefault(name, new_database())

    size = Size(events=8 * EVENTS, against=4 * EVENTS, requests=2, rounds=1)
    result = await measure(size, said.append, url=url)
    for kind in KINDS:
        low, high = result[kind]["spread"]
        assert 0 < low <= result[kind]["ratio"] <= high
        assert result[kind]["from_disk"]["ratio"] > 0
    with psycopg.connect(plain(made["large"])) as connection:
        asked = "SELECT (SELECT count(*) FROM events WHERE key NOT LIKE '%-%' OR key IS NULL), count(*) FROM leads"
        events, leads = connection.execute(asked).fetchone() or (0, 0)
        assert events >= 8 * EVENTS
        assert leads == 8 + 2 * (1 + size.rounds), "filled, and those of the forms"
        (waiting,) = connection.execute("SELECT count(*) FROM enrolments WHERE state = 'live'").fetchone() or (0,)
        assert waiting == 2 * (1 + size.rounds)
    assert fill(plain(made["small"]), 4 * EVENTS, 1, said.append) == 4, "filled once"
