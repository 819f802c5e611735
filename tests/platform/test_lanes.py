"""The order in which `make test` hands out test files keeps every file, and each worker's lane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.lanes import LANES, WAITING, choose, folder_of

TESTS = Path(__file__).resolve().parents[1]
FILES = ("tests/dsl/a.py", "tests/faults/b.py", "tests/platform/c.py", "tests/faults/d.py", "tests/test_e.py")


def order(worker: int) -> list[str]:
    """All files, as one worker alone would take them."""
    left, taken = list(FILES), []
    while left:
        taken.append(choose(left, worker))
        left.remove(taken[-1])
    return taken


@pytest.mark.parametrize(
    ("worker", "first"),
    [(0, ["tests/faults/b.py", "tests/faults/d.py"]), (1, ["tests/platform/c.py"]), (2, []), (3, [])],
)
def test_a_worker_begins_with_its_lane_goes_on_with_what_computes_and_takes_all(worker: int, first: list[str]) -> None:
    computing = ["tests/dsl/a.py", "tests/test_e.py"]
    assert order(worker)[: len(first) + 2] == first + computing
    assert sorted(order(worker)) == sorted(FILES)


def test_lanes_name_folders_that_are_there_once_each() -> None:
    assert len(WAITING) == len(set(WAITING)) == sum(map(len, LANES))
    assert [name for name in WAITING if not (TESTS / name).is_dir()] == []
    assert {folder_of(f"tests/{name}/test_x.py") for name in WAITING} == set(WAITING)
