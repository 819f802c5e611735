"""The whole of Coldframe on one machine: PostgreSQL, Temporal, a web process and workers, supervised until the end.

`async with Stack(settings) as stack:` starts what the settings do not name elsewhere, and waits until all parts answer.
A part that ends by itself is started again. On leaving, web and workers drain before the servers stop. Logs are in
`<home>/logs`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from engine.cli.parts import Part
from engine.embedded import postgres, temporal
from engine.embedded.process import Child, EmbeddedError, free_port
from engine.model.ports import Clock
from engine.platform.clock import HeldClock, VirtualClock
from engine.platform.private import opener, private_folder
from engine.platform.settings import Settings, temporal_configured
from engine.store.migrate import migrate

_ROOT = Path(__file__).resolve().parents[2]
_LOOK_EVERY = 0.25


class Stack:
    """The parts of one home folder. After entering: `settings` (complete, also for this process), `base_url`,
    `database_url`, `temporal_address`, `parts` by name (`postgres`, `temporal`, `web`, `worker-1`, …).

    `clock`: a VirtualClock is handed to every process. `fresh`: what the embedded servers have stored is removed first.
    `environment`: further variables for web and workers.
    `say` hears one line about each thing that happens. `migrated` gets the database's address before web and workers
    start, and may refuse it. Raises EmbeddedError, with the end of the part's log, when a
    part does not come up.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        home: Path | None = None,
        fresh: bool = False,
        web: bool = True,
        workers: int = 1,
        temporal_server: bool = True,
        temporal_page: bool = False,
        database_settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
        migrated: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        described = clock.describe() if isinstance(clock, VirtualClock | HeldClock) else settings.clock
        self.settings = settings.model_copy(update={"home": home or settings.home, "clock": described})
        self.parts: dict[str, Part] = {}
        self.temporal_address = ""
        self.temporal_page: str | None = None
        self._wants = (web, workers, temporal_server, temporal_page)
        self._fresh = fresh
        self._database_settings = database_settings
        self._environment = dict(environment or {})
        self._say = say
        self._migrated = migrated
        self._held = ExitStack()
        self._watch: asyncio.Task[None] | None = None
        self._fixed_base = "base_url" in settings.model_fields_set
        self.named_database = settings.database_url is not None

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def base_url(self) -> str:
        return self.settings.base_url

    @property
    def database_url(self) -> str:
        assert self.settings.database_url is not None, "the stack has been entered"
        return self.settings.database_url

    async def __aenter__(self) -> Self:
        web, workers, temporal_server, temporal_page = self._wants
        try:
            self._hold()
            if self._fresh:
                postgres.erase(self.home)
                temporal.erase(self.home)
            self._start_postgres()
            if temporal_server:
                self._start_temporal(page=temporal_page)
            self._say("migrating the database")
            await asyncio.to_thread(migrate, self.database_url)
            if self._migrated is not None:
                await self._migrated(self.database_url)
            self._watch = asyncio.create_task(self._supervise())
            if web:  # first: its address is in the environment of the workers, since links in mails begin with it
                self.parts["web"] = self._web()
            for number in range(1, workers + 1):
                self.parts[f"worker-{number}"] = self._worker(number)
            await self._start([part for part in self.parts.values() if part.ours])
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def _hold(self) -> None:
        """One stack per home folder, and nobody else's. Released by the operating system should we be killed."""
        private_folder(self.home)
        lock = self._held.enter_context(open(self.home / "stack.lock", "a", opener=opener))  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedError(
                f"Coldframe is already running in {self.home}; stop it, or set COLDFRAME_HOME"
            ) from None

    def _start_postgres(self) -> None:
        if self.settings.database_url is not None:
            return
        self._say("starting PostgreSQL")
        server = postgres.ensure_running(self.home, settings=self._database_settings)
        self.settings = self.settings.model_copy(update={"database_url": server.url()})
        if server.child is not None:
            self.parts["postgres"] = Part(
                "postgres", server.child, server.accepts, before=server.forget_pid, ours=False
            )

    def _start_temporal(self, *, page: bool) -> None:
        if temporal_configured():
            return
        self._say("starting Temporal")
        server = temporal.ensure_running(self.home, ui=page)
        self.temporal_address = server.address
        if server.ui_port is not None:
            self.temporal_page = f"http://127.0.0.1:{server.ui_port}"
        if server.child is not None:
            self.parts["temporal"] = Part("temporal", server.child, server.answers, ours=False)

    def _web(self) -> Part:
        port = free_port(self.settings.web_port or None)
        address = f"http://{self.settings.web_host}:{port}"
        changes = {"web_port": port} if self._fixed_base else {"web_port": port, "base_url": address}
        self.settings = self.settings.model_copy(update=changes)
        return Part("web", self._child("web", {}), lambda: _answers(f"{address}/readyz"), address=address)

    def _worker(self, number: int) -> Part:
        wanted = number == 1 and "metrics_port" in self.settings.model_fields_set
        port = free_port(self.settings.metrics_port or None if wanted else None)
        address = f"http://{self.settings.metrics_host}:{port}"
        child = self._child(f"worker-{number}", {"COLDFRAME_METRICS_PORT": str(port)})
        return Part(child.name, child, lambda: _answers(f"{address}/readyz"), address=address)

    def _child(self, name: str, extra: Mapping[str, str]) -> Child:
        command = [sys.executable, "-m", "engine.cli.main", name.partition("-")[0]]
        environment = {**self.environment(), **extra}
        return Child(name, command, self.home / "logs" / f"{name}.log", environment=environment)

    def environment(self) -> dict[str, str]:
        """The variables with which any process joins this stack."""
        own = self.settings
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        named = {
            "PYTHONPATH": path,
            "DATABASE_URL": self.database_url,
            "COLDFRAME_HOME": str(self.home.absolute()),
            "COLDFRAME_CAMPAIGNS": str(own.campaigns.absolute()),
            "COLDFRAME_CHECKOUT": str(own.checkout.absolute()) if own.checkout else "",
            "COLDFRAME_SECRET": own.secret.get_secret_value(),
            "COLDFRAME_PEPPER": own.pepper.get_secret_value(),
            "COLDFRAME_CLOCK": own.clock,
            "COLDFRAME_WEB_HOST": own.web_host,
            "COLDFRAME_WEB_PORT": str(own.web_port),
            "COLDFRAME_BASE_URL": own.base_url,
        }
        if self.temporal_address:
            named["TEMPORAL_ADDRESS"] = self.temporal_address
        return {**os.environ, **named, **self._environment}

    async def _start(self, parts: list[Part]) -> None:
        """Start them together and wait until each answers."""
        for part in parts:
            self._say(f"starting {part.name}")
            part.held = True
            part.start()
        await asyncio.gather(*(part.until_ready() for part in parts))
        for part in parts:
            part.held = False

    def set_clock(self, clock: VirtualClock | HeldClock) -> None:
        """The clock of every process that starts from now on."""
        self.settings = self.settings.model_copy(update={"clock": clock.describe()})

    async def add_web(self) -> Part:
        """The web process of a stack that was entered without one; it answers when this returns."""
        part = self.parts["web"] = self._web()
        await self._start([part])
        return part

    async def add_worker(self) -> Part:
        """One more worker process; it answers when this returns."""
        number = 1 + sum(name.startswith("worker-") for name in self.parts)
        part = self.parts[f"worker-{number}"] = self._worker(number)
        await self._start([part])
        return part

    async def restart(self, name: str, *, by: signal.Signals = signal.SIGTERM) -> None:
        """End one part (SIGKILL for a fault) and wait until it answers again."""
        part = self.parts[name]
        part.held = True
        try:
            await part.end(by)
            part.start()
        finally:
            part.held = False
        await part.until_ready()

    async def end(self, name: str, *, by: signal.Signals = signal.SIGTERM) -> None:
        """End one part and leave it down, until `restart`."""
        part = self.parts[name]
        part.held = True
        await part.end(by)

    def hurry(self) -> None:
        """Kill web and workers instead of letting them drain; nothing is lost, their work is done again later."""
        for part in self.parts.values():
            if part.ours and part.child.process is not None and part.child.running():
                part.child.process.kill()

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for part in list(self.parts.values()):
                for line in part.look_after():
                    self._say(line)

    async def _close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for ours, seconds in ((True, self.settings.drain_seconds + 5), (False, 30.0)):
            parts = [part for part in self.parts.values() if part.ours is ours]
            for part in parts:
                part.child.ask_to_stop()
            await asyncio.gather(*(asyncio.to_thread(part.child.wait_or_kill, seconds=seconds) for part in parts))
        self._held.close()


def _answers(url: str) -> bool:
    """Asked many times while a process starts, so with the least that asks."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=2)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
