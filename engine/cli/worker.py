"""`coldframe worker`: one process that carries leads forward."""

from __future__ import annotations

from engine.cli.common import FAILED, Stop, load_settings


def worker() -> None:
    """Carry leads forward: the same as `python worker.py`.

    Any number of workers may run, on any number of machines. On SIGTERM one takes no more work, finishes what it has
    within `COLDFRAME_DRAIN_SECONDS` and ends. `/healthz`, `/readyz` and `/metrics` are on `COLDFRAME_METRICS_PORT`.

    Example: `DATABASE_URL=postgresql://app@db/coldframe TEMPORAL_ADDRESS=temporal:7233 coldframe worker`
    """
    if load_settings().database_url is None:
        raise Stop("`coldframe worker` needs DATABASE_URL; `coldframe dev` runs everything on this machine")
    import structlog

    import worker as process

    try:
        process.main()
    except Exception:
        structlog.get_logger(__name__).exception("worker.failed")
        raise SystemExit(FAILED) from None
