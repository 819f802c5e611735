"""Deploying a compiled workspace: refuse what a process cannot read, store program, plans and files as one epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import SCHEMA, Plan, Program, Workspace
from engine.deploying import jobs
from engine.deploying.moving import Order
from engine.deploying.pauses import EVERYTHING, restart_stopped
from engine.model.ports import Clock
from engine.rules.deploying.moves import step_map
from engine.rules.sales.routing import staff
from engine.runtime.epochs import DEPLOYING, LAST, Refused
from engine.store.db import Database
from engine.store.marks import mark_every_deal
from engine.store.tables import assets, deployments, plans, processes

__all__ = ["Deployed", "How", "Refused", "deploy"]

ALIVE = timedelta(minutes=2)
"""A process that has not been seen for this long counts as gone."""
MAX_NOTE = 500
"""Characters of what an author says about a deployment."""
SOURCES = "sources/"
"""Campaign files are kept among a deployment's files under this prefix, to show later what was written."""

_OLDER = text("""
SELECT DISTINCT e.digest, p.campaign FROM enrolments e JOIN plans p ON p.digest = e.digest WHERE e.state <> 'ended'""")


@dataclass(frozen=True)
class Deployed:
    """What a deployment did. `changed` is False when the same content was deployed already; `jobs` move its leads."""

    epoch: int
    changed: bool
    campaigns: tuple[str, ...]
    new_plans: tuple[str, ...]
    jobs: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class How:
    """`base`: the deployment that was looked at, None: whichever. `move`: running leads go over to the new plans where
    their steps allow it; with `leave` those whose step is gone leave. `kind` and `target` tell of a rollback. `note`:
    what the author says about it."""

    base: int | None = None
    move: bool = False
    leave: bool = False
    kind: str | None = None
    target: int | None = None
    note: str = ""


async def deploy(
    db: Database, clock: Clock, program: Program, bundle: Mapping[str, bytes], author: str, how: How | None = None,
    sources: Mapping[str, str] | None = None,
) -> Deployed:  # fmt: skip
    """Store a compiled workspace atomically. `bundle` holds its templates and files by path, `sources` its campaign
    files, for people to read later.

    Running leads stay on the plan they entered with, unless they are to be moved. Raises Refused when a running process
    could not read it, or somebody else has deployed since the base.
    """
    how, digest = how or How(), _digest(program, bundle)
    async with db.engine.begin() as connection:
        await connection.execute(DEPLOYING)
        await _readable(connection, clock)
        last = (await connection.execute(LAST)).first()
        if how.base is not None and how.base != (last.epoch if last else 0):
            raise Refused(_overtaken(how.base, last))
        campaigns = tuple(plan.campaign for plan in program.campaigns if plan.written)
        if last is not None and last.digest == digest:
            moving = await _move(connection, clock, program, last.epoch, author, how) if how.move else ()
            return Deployed(last.epoch, False, campaigns, (), moving)
        epoch = (last.epoch if last else 0) + 1
        await connection.execute(
            insert(deployments).values(
                epoch=epoch, digest=digest, schema_version=SCHEMA, program=program.model_dump(mode="json"),
                author=author, at=clock.now(), kind=how.kind, target=how.target, note=how.note or None,
            )
        )  # fmt: skip
        fresh = await _store_plans(connection, program, epoch)
        written = {f"{SOURCES}{path}": body.encode("utf-8", "replace") for path, body in (sources or {}).items()}
        for path, content in (*bundle.items(), *written.items()):
            content_digest = hashlib.sha256(content).hexdigest()
            await connection.execute(insert(assets).values(epoch=epoch, path=path, digest=content_digest, body=content))
        await restart_stopped(connection, clock, author, epoch)
        here = staff(program.teams)
        if last is not None and staff(Program.model_validate(last.program).teams) - here:
            await jobs.add(connection, clock, "staff", EVERYTHING, {"author": author, "here": sorted(here)})
        if last is not None and Workspace.model_validate(last.program["workspace"]).timing != program.workspace.timing:
            await jobs.add(connection, clock, "wake", EVERYTHING, {"author": author, "everyone": True, "due": True})
        if last is not None and _counted(last.program["workspace"]) != _counted(program.workspace.model_dump()):
            await mark_every_deal(connection, clock.now())
        moving = await _move(connection, clock, program, epoch, author, how) if how.move else ()
    return Deployed(epoch, True, campaigns, fresh, moving)


def _counted(workspace: Mapping[str, Any]) -> tuple[str, str]:
    """What the credits of deals depend on: the currency of sums, and on which day a deal was won."""
    known = Workspace.model_validate(workspace)
    return known.currency, known.timezone


async def _store_plans(connection: AsyncConnection, program: Program, epoch: int) -> tuple[str, ...]:
    """The campaigns whose plan was not known yet."""
    known = set((await connection.execute(select(plans.c.digest))).scalars())
    for plan in program.campaigns:
        row = {"digest": plan.digest, "campaign": plan.campaign, "epoch": epoch}
        body = plan.model_dump(mode="json")
        statement = upsert(plans).values(**row, body=body)
        await connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_={"body": body}))
    return tuple(plan.campaign for plan in program.campaigns if plan.written and plan.digest not in known)


async def _move(
    connection: AsyncConnection, clock: Clock, program: Program, epoch: int, author: str, how: How
) -> tuple[UUID, ...]:  # fmt: skip
    """One job for each older plan that has leads inside, with its map from old steps to new ones."""
    new = {plan.campaign.casefold(): plan for plan in program.campaigns}
    made: list[UUID] = []
    for row in (await connection.execute(_OLDER)).all():
        target = new.get(row.campaign.casefold())
        if (target is not None and target.digest == row.digest) or (target is None and not how.leave):
            continue
        body = select(plans.c.body).where(plans.c.digest == row.digest)
        old = Plan.model_validate((await connection.execute(body)).scalar_one())
        order = Order(
            row.campaign, row.digest, target.digest if target else None, epoch, author, how.leave,
            step_map(old, target) if target else dict.fromkeys(old.by_id),
        )  # fmt: skip
        made.append(await jobs.add(connection, clock, "move", row.campaign, asdict(order)))
    return tuple(made)


def _overtaken(base: int, last: Any) -> str:
    if last is None:
        return f"deployment {base} does not exist: nothing is deployed here"
    what = {"rollback": "rolled back", "stop": "ended a campaign", "resume": "resumed a campaign"}
    return (
        f"deployment {base} is no longer live: {last.author} has {what.get(last.kind, 'deployed')} since"
        f" (deployment {last.epoch}, {last.at:%Y-%m-%d %H:%M} UTC); run `coldframe plan` to see what would change now"
    )


async def _readable(connection: AsyncConnection, clock: Clock) -> None:
    alive = clock.real() - ALIVE
    behind = select(func.count()).where(processes.c.real_seen_at > alive, processes.c.schema_version < SCHEMA)
    if count := (await connection.execute(behind)).scalar():
        raise Refused(
            f"{count} running process{'' if count == 1 else 'es'} cannot read this version of plans; update first"
        )


def _digest(program: Program, bundle: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256(program.model_dump_json().encode())
    for path in sorted(bundle):
        whole.update(path.encode() + b"\0" + hashlib.sha256(bundle[path]).digest())
    return whole.hexdigest()
