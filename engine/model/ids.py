"""Ids of new rows: in the order of time, so that what is written together lies together in every index."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

_RANDOM = (1 << 80) - 1


def new_id(at: datetime) -> UUID:
    """An id made at that instant (UUID version 7, RFC 9562): milliseconds first, then 74 random bits.

    Rows of random ids fall on any page of a large index, and each first change of a page after a checkpoint is written
    to disk as a whole.
    """
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    number = milliseconds << 80 | uuid4().int & _RANDOM
    return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)
