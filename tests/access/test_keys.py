"""Keys for the event API."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from engine.access.keys import NameTaken, list_keys, make_key, revoke_key
from engine.platform.clock import FixedClock
from engine.store.db import Database
from engine.store.tables import api_keys


async def test_a_key_is_stored_as_a_hash_and_can_be_revoked(new_database):
    db, clock = Database(new_database(), size=2), FixedClock()
    key = await make_key(db, clock, "shop")
    async with db.engine.connect() as connection:
        stored = (await connection.execute(select(api_keys.c.hash))).scalars().all()
    assert stored == [hashlib.sha256(key.encode()).hexdigest()]
    with pytest.raises(NameTaken):
        await make_key(db, clock, "shop")
    assert await revoke_key(db, clock, "shop") == 1
    assert await revoke_key(db, clock, "shop") == 0
    assert await make_key(db, clock, "shop") != key
    assert [row["revoked_at"] is None for row in await list_keys(db)].count(True) == 1
    await db.close()
