"""Figures about posts to other systems, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from engine.rules.sending.retries import LATELY
from engine.runtime.runtime import Runtime
from engine.store import webhooks

ATTEMPTS = Counter("coldframe_webhook_attempts_total", "Attempts to post to another system", ["outcome"])
POSTS = Gauge("coldframe_webhook_posts", "Posts that wait for another attempt, or failed within a day", ["state"])
for _outcome in ("delivered", "waiting", "failed"):
    ATTEMPTS.labels(_outcome)
for _state in ("waiting", "failed"):
    POSTS.labels(_state)


async def measure(rt: Runtime) -> dict[str, int]:
    """Count what waits and what has failed lately, once a minute. Every worker tells the same."""
    found = await webhooks.count_open(rt.db, rt.clock.now() - LATELY)
    for state, many in found.items():
        POSTS.labels(state).set(many)
    return found
