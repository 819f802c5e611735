"""`coldframe worker`: one process that carries leads forward."""

from __future__ import annotations

from engine.cli.common import FAILED, Stop, load_settings, need_secrets


def worker() -> None:
    """Run a worker, which moves leads through their campaigns.

    You can run any number of workers on any number of machines. On SIGTERM, a worker takes no new work, finishes what
    it has within `COLDFRAME_DRAIN_SECONDS`, and exits. `/healthz`, `/readyz`, and `/metrics` are on
    `COLDFRAME_METRICS_PORT`. `python worker.py` does the same.

    Example: `DATABASE_URL=postgresql://app@db/coldframe TEMPORAL_ADDRESS=temporal:7233 coldframe worker`
    """
    settings = load_settings()
    if settings.database_url is None:
        raise Stop("`coldframe worker` needs DATABASE_URL; to run everything locally, use `coldframe dev`")
    need_secrets(settings)
    import structlog

    import worker as process

    try:
        process.main()
    except Exception:
        structlog.get_logger(__name__).exception("worker.failed")
        raise SystemExit(FAILED) from None
