"""What was deployed: the list of deployments, and each one as it was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select, text

from dsl.plan import SCHEMA, Program
from engine.deploying.deploy import SOURCES
from engine.runtime.epochs import Refused
from engine.store.db import Database
from engine.store.tables import assets, deployments
from engine.wording.refusals import NOTHING_DEPLOYED

_LIST = text("""
SELECT d.epoch, d.digest, d.author, d.at, d.kind, d.target, d.note,
    (SELECT count(*) FROM plans p WHERE p.epoch = d.epoch) AS plans
FROM deployments d ORDER BY d.epoch DESC LIMIT :many""")


@dataclass(frozen=True)
class Entry:
    """One epoch: `kind` is deploy, rollback (to `target`), stop or resume (of the campaign `note`); of a deploy `note`
    is what its author says. `plans`: how many campaigns were new or changed. `content` is the same for the same
    program and files."""

    epoch: int
    kind: str
    author: str
    at: datetime
    target: int | None
    note: str | None
    plans: int
    content: str


@dataclass(frozen=True)
class Stored:
    """A deployment's program, its templates and files by path, and its campaign files as they were written."""

    epoch: int
    author: str
    at: datetime
    program: Program
    bundle: Mapping[str, bytes] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


async def entries(db: Database, many: int = 50) -> Sequence[Entry]:
    """The newest deployments, newest first."""
    async with db.engine.connect() as connection:
        return [
            Entry(
                row.epoch, row.kind or "deploy", row.author, row.at, row.target, row.note, row.plans,
                row.digest.partition("+")[0],
            )
            for row in await connection.execute(_LIST, {"many": many})
        ]  # fmt: skip


async def load(db: Database, epoch: int | None = None) -> Stored | None:
    """A deployment, the newest unless it is said which; None when there is none.

    Raises Refused when this version of Coldframe cannot read it.
    """
    query = select(deployments).order_by(deployments.c.epoch.desc()).limit(1)
    if epoch is not None:
        query = query.where(deployments.c.epoch == epoch)
    async with db.engine.connect() as connection:
        row = (await connection.execute(query)).first()
        if row is None:
            return None
        kept = select(assets.c.path, assets.c.body).where(assets.c.epoch == row.epoch)
        files = {path: bytes(body) for path, body in await connection.execute(kept)}
    try:
        program = Program.model_validate(row.program)
    except ValidationError:
        raise Refused(
            f"deployment {row.epoch} was made for plan schema {row.schema_version}; this version reads {SCHEMA}"
        ) from None
    sources = {path.removeprefix(SOURCES): body.decode() for path, body in files.items() if path.startswith(SOURCES)}
    bundle = {path: body for path, body in files.items() if not path.startswith(SOURCES)}
    return Stored(row.epoch, row.author, row.at, program, bundle, sources)


async def before(db: Database) -> int:
    """The deployment a rollback leads to: the newest whose content was in force before what is in force now.

    Raises Refused when there is none.
    """
    known = await entries(db, 10_000)
    if not known:
        raise Refused(NOTHING_DEPLOYED)
    now = next((one for one in known if one.kind in ("deploy", "rollback")), known[-1])
    epoch = now.target if now.target is not None else now.epoch
    for one in known:
        if one.epoch < epoch and one.kind == "deploy" and one.content != now.content:
            return one.epoch
    raise Refused("no earlier deployment to roll back to; `coldframe deployments` lists them all")


def digests(bundle: Mapping[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(body).hexdigest() for path, body in bundle.items()}
