"""The sequence of deployments: one writer at a time, and the newest is in force."""

from __future__ import annotations

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.model.ports import Clock
from engine.store.tables import deployments
from engine.wording.refusals import NOTHING_DEPLOYED

DEPLOYING = text("SELECT pg_advisory_xact_lock(hashtext('coldframe deploy'))")
"""Whoever has executed this is the only one to deploy until its transaction ends."""
LAST = select(deployments).order_by(deployments.c.epoch.desc()).limit(1)

_COPY = text("INSERT INTO assets SELECT :epoch, path, digest, body FROM assets WHERE epoch = :from")


class Refused(Exception):
    """It cannot be done; the message says why, for the person who asked."""


async def again(connection: AsyncConnection, clock: Clock, author: str, kind: str, note: str) -> int:
    """Put what is in force into force once more as a new epoch, so that every process looks at it afresh."""
    last = (await connection.execute(LAST)).first()
    if last is None:
        raise Refused(NOTHING_DEPLOYED)
    content = last.digest.partition("+")[0]
    await connection.execute(
        insert(deployments).values(
            epoch=last.epoch + 1, digest=f"{content}+{last.epoch + 1}" if kind == "stop" else content,
            schema_version=last.schema_version, program=last.program, author=author, at=clock.now(), kind=kind,
            note=note,
        )
    )  # fmt: skip
    await connection.execute(_COPY, {"epoch": last.epoch + 1, "from": last.epoch})
    return int(last.epoch) + 1
