"""`coldframe web`: one process that takes forms, clicks and events in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import Stop, load_settings, need_secrets

if TYPE_CHECKING:
    from fastapi import FastAPI

    from engine.model.ports import Runs, Wake
    from engine.platform.settings import Settings


def web(
    host: Annotated[str | None, typer.Option(help="The address to listen on. [default: COLDFRAME_WEB_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on. [default: COLDFRAME_WEB_PORT]")] = None,
    processes: Annotated[int, typer.Option(min=1, help="The number of processes that share the port.")] = 1,
) -> None:
    """Serve forms, links, unsubscribe and handoff pages, and the event API.

    You can run any number of web processes on any number of machines. On SIGTERM, a process stops accepting requests,
    finishes those it has, and exits. `/healthz` reports that it is running, `/readyz` that it can store a form, and
    `/metrics` is for Prometheus.

    Example: `DATABASE_URL=postgresql://app@db/coldframe coldframe web --host 0.0.0.0`
    """
    import uvicorn

    settings = load_settings(web_host=host, web_port=port)
    if settings.database_url is None:
        raise Stop("`coldframe web` needs DATABASE_URL; to run everything locally, use `coldframe dev`")
    need_secrets(settings)
    os.environ.update(COLDFRAME_WEB_HOST=settings.web_host, COLDFRAME_WEB_PORT=str(settings.web_port))
    uvicorn.run(
        "engine.cli.web:application",
        factory=True,
        host=settings.web_host,
        port=settings.web_port,
        workers=processes,
        loop="uvloop",
        http="web.http.heads:BoundedHeads",
        ws="none",
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        log_config=None,
        access_log=False,
        server_header=False,
    )


def application() -> FastAPI:
    """The web application with its runs on Temporal: the composition root of a web process."""
    from engine.platform.log import configure_logging
    from web.app import create_app

    settings = load_settings()
    configure_logging(settings, process="web")
    return create_app(runs=_Runs(settings), settings=settings)


class _Runs:
    """`ports.Runs` on a client that connects at its first call: forms are accepted while Temporal is down."""

    def __init__(self, settings: Settings) -> None:
        from engine.platform.settings import temporal_connect_config

        self._config = temporal_connect_config(settings)
        self._task_queue = settings.task_queue
        self._runs: Runs | None = None

    async def deliver(self, wake: Wake) -> None:
        if self._runs is None:
            from workflows.gateway import TemporalRuns, connect
            from workflows.options import queues

            self._runs = TemporalRuns(await connect(self._config, lazy=True), queues(self._task_queue))
        await self._runs.deliver(wake)
