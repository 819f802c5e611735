"""Confirmation emails that were asked for, as rows; and how many emails anybody has asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.store.db import Database, Hot

_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(%(identity)s, 0))"
# Under the lock of the mailbox, since two leads can be one mailbox; the other budgets may be overrun by a few.
_COUNT = """
SELECT (SELECT count(*) FROM confirmations WHERE identity = %(identity)s AND address = %(address)s AND at > %(since)s)
        AS address,
    (SELECT count(*) FROM confirmations WHERE identity = %(identity)s AND at > %(since)s)
        + (SELECT count(*) FROM data_requests WHERE identity = %(identity)s AND at > %(since)s) AS identity,
    (SELECT count(*) FROM confirmations WHERE domain = %(domain)s AND at > %(since)s)
        + (SELECT count(*) FROM data_requests WHERE domain = %(domain)s AND at > %(since)s) AS domain,
    (SELECT count(*) FROM confirmations WHERE network = %(network)s AND at > %(since)s)
        + (SELECT count(*) FROM data_requests WHERE network = %(network)s AND at > %(since)s) AS network,
    (SELECT count(*) FROM confirmations WHERE at > %(since)s)
        + (SELECT count(*) FROM data_requests WHERE at > %(since)s) AS all,
    (SELECT max(at) FROM confirmations WHERE identity = %(identity)s AND address = %(address)s) AS last"""
_FORGET = text("DELETE FROM confirmations WHERE at < :before")


async def count(hot: Hot, values: Mapping[str, Any], since: datetime) -> Any:
    """How many emails were asked for since then by `identity`, `domain`, `network`, and in `all`: confirmations, and
    what people ask for about their own data. By `address` confirmations alone, and when the `last` was. All under the
    lock of the mailbox. `values`: those four."""
    _, row = await hot.both(_TURN, {"identity": values["identity"]}, _COUNT, {**values, "since": since})
    return row


async def forget(db: Database, before: datetime) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_FORGET, {"before": before})
