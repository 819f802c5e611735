"""Identifiers that advertising networks add to addresses: personal, so only a session keeps them, for 90 days. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.rules.tracking.tables import TABLES

REMOVED = "removed"
"""What stands where the identifier was: that there was one still says where a visit came from."""
ADDRESSES = ("url", "referrer", "link")
"""Properties of an event that are addresses."""
NAMES = (*TABLES.clicks, "fbclid", "igshid", "srsltid")
"""The last three come with free posts as well: they say nothing of where a visit came from, and as much of a person."""
_CLICK = re.compile(rf"([?&#](?:amp;)?(?:{'|'.join(map(re.escape, NAMES))})=)[^&#]+", re.IGNORECASE)


def without_click_id(address: str) -> str:
    """The address with the value of each click identifier replaced."""
    return _CLICK.sub(rf"\g<1>{REMOVED}", address)


def without_click_ids(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data with none in its addresses."""
    given = {name: data[name] for name in ADDRESSES if isinstance(data.get(name), str)}
    return {**data, **{name: without_click_id(value) for name, value in given.items()}}
