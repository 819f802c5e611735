"""A record is a frozen dataclass in all that can be seen of it."""

from __future__ import annotations

import copy
import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.model.lead import Facts
from engine.model.records import Record, record
from engine.rules.runs.position import FLOW, Branch, Position

BRANCH = Branch(FLOW, "step", "0", cursor=3, event={"a": 1}, used=(1, 2), arrived=datetime(2026, 9, 1, tzinfo=UTC))


@record
class Quick(Record):
    number: int
    names: dict[str, int] = dataclasses.field(default_factory=dict)
    tail: tuple[int, ...] = (1,)


@dataclasses.dataclass(frozen=True, slots=True)
class Slow:
    number: int
    names: dict[str, int] = dataclasses.field(default_factory=dict)
    tail: tuple[int, ...] = (1,)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (BRANCH, {}),
        (BRANCH, {"at": None, "cursor": 9}),
        (Position((BRANCH,), seen=3), {"ending": "left", "sent": {"one": 2}}),
        (Facts(fields={"a": 1}, stage="Lead"), {"event": {"b": 2}, "stage": "MQL"}),
    ],
)
def test_changed_is_the_same_as_the_slow_replace(record, changes):
    before = dataclasses.asdict(record)
    made = record.changed(**changes)
    assert made == dataclasses.replace(record, **changes)
    assert type(made) is type(record)
    assert made is not record
    assert dataclasses.asdict(record) == before


@pytest.mark.parametrize("given", [((4,), {}), ((4, {"a": 1}), {"tail": ()}), ((), {"number": 1, "names": {"b": 2}})])
def test_it_is_made_as_a_dataclass_is(given):
    args, more = given
    assert dataclasses.astuple(Quick(*args, **more)) == dataclasses.astuple(Slow(*args, **more))
    assert repr(Quick(*args, **more)) == repr(Slow(*args, **more)).replace("Slow", "Quick")


def test_a_field_may_be_called_anything():
    @record
    class Odd(Record):
        kind: int
        made: int
        twin: int = 3
        unset: tuple[int, ...] = dataclasses.field(default_factory=tuple)

    assert Odd(1, 2).changed(kind=4, unset=(5,)) == Odd(kind=4, made=2, twin=3, unset=(5,))


def test_no_two_share_a_default_that_is_made():
    first, second = Quick(1), Quick(2)
    first.names["a"] = 1
    assert second.names == {}


@pytest.mark.parametrize("args", [(), (1, {}, (), "more")])
def test_it_wants_its_fields_and_no_more(args):
    with pytest.raises(TypeError):
        Quick(*args)


@pytest.mark.parametrize("one", [BRANCH, BRANCH.changed(cursor=4), copy.copy(BRANCH)])
def test_it_is_frozen_however_it_was_made(one: Any):
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.cursor = 5


def test_a_name_that_is_not_a_field_is_refused():
    with pytest.raises(TypeError, match="colour"):
        BRANCH.changed(colour="red")
