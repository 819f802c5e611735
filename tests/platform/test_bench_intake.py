"""The bench of the intake runs and answers with everything it promises; how fast is no test's business."""

from __future__ import annotations

from bench.intake import KINDS, Size, measure


async def test_a_tiny_run_prints_every_figure(fresh_database_url: str) -> None:
    said: list[str] = []
    result = await measure(Size(requests=6, rounds=1, campaigns=3, events=30), said.append, fresh_database_url)
    for kind in KINDS:
        assert result[kind]["per_second"] > 0
        assert result[kind]["floor_per_second"] > 0
        low, high = result[kind]["spread"]
        assert low <= result[kind]["ratio_to_floor"] <= high
    assert result["campaigns_ratio"] > 0
    assert result["history_ratio"] > 0
    assert len(said) == 1 + len(KINDS) + 2
