"""Deploying a compiled workspace: refuse what a process cannot read, store program, plans and files as one epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import SCHEMA, Program
from engine.ports import Clock
from engine.store.db import Database
from engine.store.tables import assets, deployments, plans, processes

ALIVE = timedelta(minutes=2)
"""A process that has not been seen for this long counts as gone."""


class Refused(Exception):
    """The deployment cannot be made; the message says why, for the person who asked."""


@dataclass(frozen=True)
class Deployed:
    """What a deployment did. `changed` is False when the same content was deployed already."""

    epoch: int
    changed: bool
    campaigns: tuple[str, ...]
    new_plans: tuple[str, ...]


async def deploy(db: Database, clock: Clock, program: Program, bundle: Mapping[str, bytes], author: str) -> Deployed:
    """Store a compiled workspace atomically. `bundle` holds its templates and files by path.

    Running leads stay on the plan they entered with. Raises Refused when a running process could not read it.
    """
    digest = _digest(program, bundle)
    async with db.engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('coldframe deploy'))"))
        await _readable(connection, clock)
        last = (await connection.execute(select(deployments).order_by(deployments.c.epoch.desc()).limit(1))).first()
        campaigns = tuple(plan.campaign for plan in program.campaigns)
        if last is not None and last.digest == digest:
            return Deployed(last.epoch, False, campaigns, ())
        epoch = (last.epoch if last else 0) + 1
        await connection.execute(
            insert(deployments).values(
                epoch=epoch, digest=digest, schema_version=SCHEMA, program=program.model_dump(mode="json"),
                author=author, at=clock.now(),
            )
        )  # fmt: skip
        known = set((await connection.execute(select(plans.c.digest))).scalars())
        for plan in program.campaigns:
            row = {"digest": plan.digest, "campaign": plan.campaign, "epoch": epoch}
            body = plan.model_dump(mode="json")
            statement = upsert(plans).values(**row, body=body)
            await connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_={"body": body}))
        for path, content in bundle.items():
            content_digest = hashlib.sha256(content).hexdigest()
            await connection.execute(insert(assets).values(epoch=epoch, path=path, digest=content_digest, body=content))
        fresh = tuple(plan.campaign for plan in program.campaigns if plan.digest not in known)
    return Deployed(epoch, True, campaigns, fresh)


async def _readable(connection: AsyncConnection, clock: Clock) -> None:
    alive = clock.real() - ALIVE
    behind = select(func.count()).where(processes.c.real_seen_at > alive, processes.c.schema_version < SCHEMA)
    if count := (await connection.execute(behind)).scalar():
        raise Refused(f"{count} running process(es) cannot read this version of plans; update them first")


def _digest(program: Program, bundle: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256(program.model_dump_json().encode())
    for path in sorted(bundle):
        whole.update(path.encode() + b"\0" + hashlib.sha256(bundle[path]).digest())
    return whole.hexdigest()
