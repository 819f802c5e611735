"""Unsubscriptions that PostgreSQL could not take: kept on disk until it can, so that none is ever lost.

Each is a file of its own that is synced before anybody is told that it is stored. Replaying repeats nothing: a lead who
has left already stays away, and one who has subscribed again since is not made to leave.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import psycopg
import structlog
from prometheus_client import Gauge
from sqlalchemy.exc import SQLAlchemyError

from engine.leads import intake
from engine.platform.private import private_folder
from engine.runtime.runtime import NothingDeployed, Runtime

log = structlog.get_logger(__name__)
EVERY = 5.0
"""Seconds between two attempts."""
WAITING = Gauge("coldframe_unsubscribes_spooled", "Unsubscriptions on disk that PostgreSQL has not taken yet")


@dataclass(frozen=True)
class Leaving:
    """A lead leaves a topic, or with None everything; `at` is when they said so, `how` the way they did."""

    lead_id: UUID
    topic: str | None
    how: str
    at: datetime


class Spool:
    """A folder of unsubscriptions, readable by its owner alone. Processes of one machine may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, *leaving: Leaving) -> None:
        """Return when all of them are on the disk. Raises OSError if they cannot be written."""
        await asyncio.to_thread(self._write, leaving)
        log.warning("unsubscribe.spooled", many=len(leaving))

    async def replay(self, rt: Runtime) -> int:
        """Hand over what is waiting, oldest first, and remove it; how many. What cannot be read is put aside.

        Raises whatever PostgreSQL does; what was not handed over stays.
        """
        done = 0
        for file in self.waiting():
            leaving = await asyncio.to_thread(_read, file)
            if leaving is not None:
                await _leave(rt, leaving)
                done += 1
            file.unlink(missing_ok=True)
        return done

    async def keep_replaying(self, rt: Runtime) -> None:
        """Until cancelled."""
        while True:
            try:
                if done := await self.replay(rt):
                    log.info("unsubscribe.replayed", many=done)
            except (SQLAlchemyError, psycopg.Error, NothingDeployed, OSError) as problem:
                log.warning("unsubscribe.waits", kind=type(problem).__name__)
            WAITING.set(len(self.waiting()))
            await asyncio.sleep(EVERY)

    def waiting(self) -> list[Path]:
        """The files, in the order in which they came."""
        return sorted(self._folder.glob("*.json"))

    def _write(self, leaving: tuple[Leaving, ...]) -> None:
        if not self._folder.is_dir():
            private_folder(self._folder.parent)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            _sync(self._folder.parent)
        for one in leaving:
            name = f"{one.at.timestamp():017.6f}-{uuid4().hex}"
            draft = self._folder / f"{name}.draft"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps(one))
                file.flush()
                os.fsync(file.fileno())
            draft.rename(draft.with_suffix(".json"))
        _sync(self._folder)


async def _leave(rt: Runtime, leaving: Leaving) -> None:
    current = rt.catalog.current or await rt.catalog.refresh()
    if current is None:
        raise NothingDeployed
    known = {topic.name for topic in current.program.workspace.topics}
    if leaving.topic is None or leaving.topic in known:
        await intake.unsubscribe(rt, leaving.lead_id, leaving.topic, leaving.how, since=leaving.at)


def _read(file: Path) -> Leaving | None:
    """None if it is gone, or not an unsubscription; such a file is put aside for a person to look at."""
    try:
        found = orjson.loads(file.read_bytes())
        return Leaving(
            UUID(found["lead_id"]), found["topic"], str(found["how"]), datetime.fromisoformat(found["at"])
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        log.error("unsubscribe.unreadable", file=file.name)
        file.replace(file.with_suffix(".unreadable"))
        return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
