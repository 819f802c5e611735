"""Under which names the web process is reached. A page for any other name would be read by whoever owns that name.

A site can let its own name point to this process (DNS rebinding) and then reads, as its own, whatever is answered.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.platform.settings import Settings
from engine.rules.conditions.addresses import ascii_host
from web.http.answers import problem

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
ANY_NAME = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics")
"""What asks for a key or a signature, or says nothing of anybody: machines reach it by whatever name they have."""


class KnownHost:
    """Answers 421 to a request for a name that is not ours."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.names = names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(ANY_NAME):
            given = [value for name, value in scope["headers"] if name == b"host"]
            if len(given) != 1 or host_of(given[0].decode("latin-1")) not in self.names:
                await problem(Request(scope, receive), 421)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def names(settings: Settings) -> frozenset[str]:
    """The host of the base URL and those that are set beside it; on one machine also the machine's own names."""
    given = [urlsplit(settings.base_url).netloc, *settings.web_hosts.split(",")]
    found = frozenset(name for name in map(host_of, given) if name is not None)
    return found | LOOPBACK if settings.web_host in LOOPBACK or not settings.production else found


@lru_cache(maxsize=256)
def host_of(authority: str) -> str | None:
    """The name in `name:port`, in lower case without a final dot; None if it is not one."""
    try:
        parts = urlsplit(f"//{authority.strip()}")
        if parts.netloc != authority.strip() or "@" in authority or parts.port == 0:
            return None
    except ValueError:
        return None
    return ascii_host(parts.hostname.removesuffix(".")) if parts.hostname else None
