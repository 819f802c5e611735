"""How often a form is shown: people are counted by day, crawlers and mere looks at the head are not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.tracking import form_views


async def counted(rt: Runtime) -> list[Any]:
    async with rt.db.engine.connect() as connection:
        return list(
            (await connection.execute(text("SELECT day::text, form, shown FROM form_days ORDER BY 1, 2"))).all()
        )


async def test_people_who_see_a_form_are_counted_by_day(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock
) -> None:
    clock.set(datetime(2026, 7, 1, 21, 59, tzinfo=UTC))
    for _ in range(2):
        assert (await http.get("/f/whitepaper")).status_code == 200
    clock.set(datetime(2026, 7, 1, 22, 1, tzinfo=UTC))
    await http.get("/f/Whitepaper?embed=1")
    await http.head("/f/Whitepaper")
    await http.get("/f/Whitepaper", headers={"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"})
    await http.get("/f/nothing")
    assert [tuple(row) for row in await counted(rt)] == [
        ("2026-07-01", "Whitepaper", 2),
        ("2026-07-02", "Whitepaper", 1),
    ]


async def test_a_count_that_cannot_be_written_keeps_nobody_from_the_form(
    http: httpx.AsyncClient, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise OSError("no database")

    before = await counted(rt)
    monkeypatch.setattr(form_views.form_days, "count", broken)
    assert (await http.get("/f/whitepaper")).status_code == 200
    assert await counted(rt) == before
