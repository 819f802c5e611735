"""engine.records.replace does what dataclasses.replace does."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from engine.conditions import Facts
from engine.position import FLOW, Branch, Position
from engine.records import replace

BRANCH = Branch(FLOW, "step", "0", cursor=3, event={"a": 1}, used=(1, 2), arrived=datetime(2026, 9, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (BRANCH, {}),
        (BRANCH, {"at": None, "cursor": 9}),
        (Position((BRANCH,), seen=3), {"ending": "left", "sent": {"one": 2}}),
        (Facts(fields={"a": 1}, stage="Lead"), {"event": {"b": 2}, "stage": "MQL"}),
    ],
)
def test_it_is_the_same_as_the_slow_one(record, changes):
    before = dataclasses.asdict(record)
    made = replace(record, **changes)
    assert made == dataclasses.replace(record, **changes)
    assert made is not record
    assert dataclasses.asdict(record) == before


def test_the_copy_is_as_frozen_as_the_original():
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(BRANCH, cursor=4).cursor = 5


def test_a_name_that_is_not_a_field_is_refused():
    with pytest.raises(TypeError, match="no field colour"):
        replace(BRANCH, colour="red")
