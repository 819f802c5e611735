"""The order in which `make test` hands out test files keeps every file, and each worker's lane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.lanes import FOLDERS, STACKS, choose, lane_of

TESTS = Path(__file__).resolve().parents[1]
COMPUTING = ["tests/dsl/test_a.py", "tests/test_e.py"]
FILES = (*COMPUTING, "tests/faults/test_changes.py", *sorted(STACKS), "tests/platform/test_c.py", "tests/test_f.py")


def order(worker: int) -> list[str]:
    """All files, as one worker alone would take them."""
    left, taken = list(FILES), []
    while left:
        taken.append(choose(left, worker))
        left.remove(taken[-1])
    return taken


@pytest.mark.parametrize(
    ("worker", "first"),
    [(0, [*STACKS]), (1, ["tests/platform/test_c.py", "tests/faults/test_changes.py"]), (2, []), (3, [])],
)
def test_a_worker_begins_with_its_lane_goes_on_with_what_computes_and_takes_all(worker: int, first: list[str]) -> None:
    assert order(worker)[: len(first) + 2] == first + COMPUTING
    assert sorted(order(worker)) == sorted(FILES)


def test_lanes_name_what_is_there() -> None:
    assert [file for file in STACKS if not (TESTS.parent / file).is_file()] == []
    assert [name for name in FOLDERS if not (TESTS / name).is_dir()] == []
    assert {path.name for path in TESTS.glob("faults/test_*.py") if "open_world" in path.read_text("utf-8")} <= {
        Path(file).name for file in STACKS
    }
    assert {lane_of(file) for file in STACKS} == {0}
    assert lane_of("tests/faults/test_changes.py") == 1
