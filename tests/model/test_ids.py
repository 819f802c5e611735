"""Ids follow time, and nobody can guess one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest

from engine.model.ids import new_id

NOW = datetime(2026, 9, 1, 7, 0, 0, 123_000, tzinfo=UTC)


def test_ids_are_in_the_order_of_time() -> None:
    made = [new_id(NOW + timedelta(milliseconds=number)) for number in range(200)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(map(str, made)), "as text too"


@pytest.mark.parametrize("at", [NOW, datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_an_id_is_a_uuid_of_version_7_with_its_instant(at: datetime) -> None:
    one = new_id(at)
    assert (one.version, one.variant) == (7, RFC_4122)
    assert one.int >> 80 == int(at.timestamp() * 1000)


def test_ids_of_one_instant_differ_in_every_random_bit() -> None:
    made = [new_id(NOW).int for _ in range(400)]
    assert len(set(made)) == 400
    varying = 0
    for one in made:
        varying |= one ^ made[0]
    assert varying.bit_count() == 74
