"""Everything a process works with, opened once: settings, clock, database, catalog, tokens, delivery and mailer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from engine.model.crm import CrmPort
from engine.model.ports import Clock, Mailer, Poster, Runs, Unreachable, Wake
from engine.platform.clock import parse_clock
from engine.platform.rate_limit import Pace
from engine.platform.settings import Settings
from engine.platform.tokens import Tokens
from engine.runtime.catalog import Catalog, Deployment
from engine.runtime.outbox import Outbox
from engine.store.db import Database
from engine.store.session import PATIENT, Patience

MOST_LINKS = 10_000


class NothingDeployed(Exception):
    """No workspace has been deployed to this database yet."""


@dataclass
class Runtime:
    settings: Settings
    clock: Clock
    db: Database
    catalog: Catalog
    tokens: Tokens
    delivery: Outbox
    pace: Pace
    mailer: Mailer | None = None
    poster: Poster | None = None
    crms: dict[str, CrmPort] = field(default_factory=dict)
    """Connections to CRMs by name, opened when they are first needed."""
    sources_counted: tuple[datetime, int] | None = None
    """When the sources were last counted by this process, and how many there were."""
    _known_links: set[str] = field(default_factory=set)
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, key: str) -> asyncio.Lock:
        """A lock to take before a connection, so that a storm on one lead waits in memory and not in the pool."""
        lock = self._turns.get(key)
        if lock is None:
            lock = self._turns[key] = asyncio.Lock()
        return lock

    def fresh_links(self, ids: Iterable[str]) -> list[str]:
        """Those this process has not stored yet, in an order that keeps two that store the same from a deadlock."""
        return sorted(id for id in ids if id not in self._known_links)

    def know_links(self, ids: Iterable[str]) -> None:
        """They are stored, and need not be again."""
        if len(self._known_links) >= MOST_LINKS:
            self._known_links.clear()
        self._known_links.update(ids)

    async def deployment(self, epoch: int | None) -> Deployment:
        """The deployment at the epoch a locking statement read. Raises NothingDeployed."""
        found = await self.catalog.at(epoch)
        if found is None:
            raise NothingDeployed
        return found


class NoRuns:
    """A Runs port for processes that never start runs, like `coldframe status`: rows stay in the outbox."""

    async def deliver(self, wake: Wake) -> None:
        raise Unreachable("this process has no connection to Temporal")


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, runs: Runs | None = None, mailer: Mailer | None = None, poster: Poster | None = None,
    clock: Clock | None = None, size: int | None = None, patience: Patience = PATIENT,
) -> AsyncIterator[Runtime]:  # fmt: skip
    """Open the parts and close them again. `settings.database_url` must name a migrated database."""
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is not set")
    clock = clock or parse_clock(settings.clock)
    db = Database(
        settings.database_url, size=size or settings.database_pool, patience=patience,
        prepared=settings.database_prepared,
    )  # fmt: skip
    rt = Runtime(
        settings=settings, clock=clock, db=db, catalog=Catalog(db),
        tokens=Tokens([settings.secret.get_secret_value()]), delivery=Outbox(db, runs or NoRuns(), clock),
        pace=Pace(settings.mails_per_second), mailer=mailer, poster=poster,
    )  # fmt: skip
    try:
        yield rt
    finally:
        await rt.delivery.settle()
        for port in (mailer, poster, *rt.crms.values()):
            if port is not None:
                await port.close()
        await db.close()
