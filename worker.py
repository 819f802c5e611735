"""A worker process: settings → PostgreSQL, Temporal, mailer → carry leads forward until SIGTERM, then drain.

`python worker.py` or `coldframe worker`; any number of them, on any number of machines, best one for each core.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import psycopg
import structlog
import uvloop
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.runtime import Runtime as TemporalRuntime
from temporalio.service import RPCError
from temporalio.worker import Worker

from engine.crm import pull, push
from engine.deploying import jobs
from engine.deploying.heartbeat import keep_announcing
from engine.leads import confirmations, forget_leads, forgetting, lead_clocks, mail_hits, own_data
from engine.mail.choose import choose_mailer
from engine.model.ports import Unreachable
from engine.platform.log import configure_logging
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings, temporal_connect_config
from engine.reports import keeping
from engine.runs import advance, watchdog
from engine.runtime import sweeper
from engine.runtime.runtime import Runtime, open_runtime
from engine.sales import handoffs
from engine.sending import webhook_figures
from engine.sending.webhook import WebPoster
from engine.store import gates
from engine.tracking import hits, retention
from workflows.activities import Activities
from workflows.gate import GatedWorker
from workflows.gateway import TemporalRuns, connect
from workflows.health import HealthServer, sdk_runtime
from workflows.options import queues
from workflows.workers import Limits, db_worker, mail_worker, main_worker

log = structlog.get_logger(__name__)

BESIDE = (
    sweeper.Recurring(1, lambda rt: rt.delivery.sweep_all()),
    sweeper.Recurring(1, jobs.sweep),
    sweeper.Recurring(1, lead_clocks.ring_all),
    sweeper.Recurring(1, mail_hits.settle_all),
    sweeper.Recurring(1, keeping.keep_up),
    sweeper.Recurring(1, push.push_all),
    sweeper.Recurring(30, pull.poll_all),
    sweeper.Recurring(30, watchdog.wake_stalled),
    sweeper.Recurring(60, retention.forget),
    sweeper.Recurring(60, webhook_figures.measure),
    sweeper.Recurring(60, forgetting.forget_past),
    sweeper.Recurring(5, own_data.answer),
    sweeper.Recurring(3600, forget_leads.forget_leads),
    sweeper.Recurring(3600, hits.prune),
    sweeper.Recurring(3600, confirmations.forget),
)
"""What a worker does beside its calls, every so many seconds."""
LOOK_SECONDS = 2.0
"""How long a dependency may take to say that it is there."""


@dataclass
class Process:
    """What this process has opened so far, and whether it still takes work."""

    settings: Settings
    stop: asyncio.Event
    client: Client | None = None
    runtime: Runtime | None = None

    async def ready(self) -> Mapping[str, bool]:
        return {
            "serving": not self.stop.is_set(),
            "temporal": await self._temporal_answers(),
            "postgres": await self._postgres_answers(),
        }

    async def _temporal_answers(self) -> bool:
        if self.client is None:
            return False
        try:
            return await self.client.service_client.check_health(timeout=timedelta(seconds=LOOK_SECONDS))
        except (RPCError, RuntimeError):
            return False

    async def _postgres_answers(self) -> bool:
        if self.runtime is None:
            return False
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.runtime.db.answers()
        except (psycopg.Error, OSError, TimeoutError):
            return False
        return True


def main() -> None:
    """Run until SIGTERM or SIGINT; a second signal ends the process at once."""
    settings = Settings()
    if settings.database_url is None:
        raise SystemExit("a worker needs DATABASE_URL; `coldframe dev` runs everything on this machine")
    if unset := settings.unset_secrets:
        raise SystemExit(f"a worker needs {' and '.join(unset)}, the same as on every other machine")
    configure_logging(settings, process="worker")
    uvloop.run(_until_told(settings))


async def _until_told(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        log.info("worker.draining", signal=number.name, seconds=settings.drain_seconds)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    await run(settings, stop)
    log.info("worker.ended")


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then drain. Waits for Temporal as long as it takes."""
    temporal, sdk_address = sdk_runtime()
    process = Process(settings, stop)
    async with AsyncExitStack() as stack:
        health = HealthServer(settings.metrics_host, settings.metrics_port, process.ready, sdk_address)
        await stack.enter_async_context(health)
        log.info("worker.health", address=f"http://{health.host}:{health.port}/readyz")
        client = await _connected(settings, temporal, stop)
        if client is None:
            return
        runs = TemporalRuns(client, queues(settings.task_queue))
        rt = await stack.enter_async_context(open_runtime(settings, runs=runs))
        rt.mailer = choose_mailer(settings.sendgrid_api_key, settings.sendgrid_url, rt.db.engine, rt.clock)
        stack.push_async_callback(rt.mailer.close)
        rt.poster = WebPoster(private=settings.post_private)
        stack.push_async_callback(rt.poster.close)
        process.client, process.runtime = client, rt
        with suppress(SQLAlchemyError, OSError):  # else it is read when it is needed
            await rt.catalog.refresh()
        await _work(rt, client, stop)


async def _connected(settings: Settings, temporal: TemporalRuntime, stop: asyncio.Event) -> Client | None:
    """A connected client; None when the process was told to stop before Temporal answered."""
    pause = 1.0
    while not stop.is_set():
        try:
            return await connect(temporal_connect_config(settings), runtime=temporal)
        except Unreachable as problem:
            log.warning("temporal.unreachable", reason=str(problem), again_in=pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(pause * 2, 30.0)
    return None


async def _work(rt: Runtime, client: Client, stop: asyncio.Event) -> None:
    """Poll the three queues and do what a process does beside them. What breaks one ends them all."""
    names, limits, build = queues(rt.settings.task_queue), limits_for(rt.settings), rt.settings.build_id or None
    activities = Activities(partial(advance.advance, rt), partial(handoffs.advance, rt))
    mail = GatedWorker(lambda: mail_worker(client, names, activities, limits, build), partial(closed_gate, rt))
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(sweeper.run(rt, BESIDE)), group.create_task(keep_announcing(rt, "worker"))]
        polling = [
            group.create_task(_serve(main_worker(client, names, activities, limits, build), stop)),
            group.create_task(_serve(db_worker(client, names, activities, limits, build), stop)),
            group.create_task(mail.run(stop)),
        ]
        settle_memory()
        log.info("worker.started", queue=names.main, build=build)
        await asyncio.wait(polling)
        for task in beside:
            task.cancel()


async def _serve(worker: Worker, stop: asyncio.Event) -> None:
    async with worker:
        await stop.wait()


def limits_for(settings: Settings) -> Limits:
    """As many calls at once as the pool can serve, and no more waiting mails than leave within half their time-out."""
    pool = settings.database_pool
    mails = max(1, min(2 * pool, int(settings.mails_per_second * 30)))
    return Limits(
        local_activities=2 * pool, db_activities=pool, mail_activities=mails,
        drain=timedelta(seconds=settings.drain_seconds),
    )  # fmt: skip


async def closed_gate(rt: Runtime) -> str | None:
    """Why the mail provider takes no mail now; None: it does."""
    assert rt.mailer is not None
    closed = await gates.closed(rt.db, rt.clock.real(), rt.mailer.name)
    return str(closed[0]["reason"]) if closed else None


if __name__ == "__main__":
    main()
