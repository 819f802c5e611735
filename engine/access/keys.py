"""Keys for the API: shown once, stored as a hash, revoked by name."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import insert, select, update

from engine.model.ports import Clock
from engine.store.db import Database
from engine.store.tables import api_keys

Scope = Literal["all", "reports"]
"""`reports`: it reads reports, and is refused everywhere else."""
_HOLDER = "SELECT name, scope FROM api_keys WHERE hash = %(hash)s AND revoked_at IS NULL"


class NameTaken(Exception):
    """A key of that name is in force."""


async def make_key(db: Database, clock: Clock, name: str, scope: Scope = "all") -> str:
    """A new key of 256 random bits, which cannot be shown again. Raises NameTaken."""
    key = f"cf_{secrets.token_urlsafe(32)}"
    in_force = select(api_keys.c.name).where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
    async with db.engine.begin() as connection:
        if (await connection.execute(in_force)).first() is not None:
            raise NameTaken(name)
        digest = hashlib.sha256(key.encode()).hexdigest()
        await connection.execute(insert(api_keys).values(hash=digest, name=name, created_at=clock.now(), scope=scope))
    return key


async def revoke_key(db: Database, clock: Clock, name: str) -> int:
    """How many keys of that name are no longer taken from this commit on."""
    found = update(api_keys).where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
    async with db.engine.begin() as connection:
        return (await connection.execute(found.values(revoked_at=clock.now()))).rowcount


async def holder_of(db: Database, key: str) -> tuple[str, Scope] | None:
    """Name and scope of a key that is active. One statement, since each call of the API asks."""
    async with db.hot() as hot:
        row = await hot.last(_HOLDER, {"hash": hashlib.sha256(key.encode()).hexdigest()})
    return (str(row.name), row.scope) if row else None


async def list_keys(db: Database) -> Sequence[Mapping[str, Any]]:
    """Name and instants of every key there ever was, the newest first."""
    columns = api_keys.c.name, api_keys.c.created_at, api_keys.c.revoked_at, api_keys.c.scope
    async with db.engine.connect() as connection:
        rows = await connection.execute(select(*columns).order_by(api_keys.c.created_at.desc()))
        return [dict(row) for row in rows.mappings()]
