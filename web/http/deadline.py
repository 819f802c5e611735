"""How long a request may take once it has arrived: whoever waits behind it is told within five seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from psycopg import InterfaceError as DriverInterfaceError
from psycopg import OperationalError as DriverOperationalError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 4.5
"""From the end of a request to its answer."""
BATCHES: Mapping[str, float] = {
    "/api/events": 60.0,
    "/api/leads": 60.0,
    "/api/spend": 60.0,
    "/api/rates": 60.0,
    "/hooks/sendgrid": 60.0,
}
WRITING = "/desk/write"
"""Below it a draft is compiled and compared, which may take longer (web.desk.rooms)."""
WRITING_SECONDS = 30.0
"""Where one request brings many items, each of them with time limits of its own in the database."""
BODY_SECONDS = 15.0
"""How long a client may take to send one body."""


class TooSlow(Exception):
    """The answer did not come in time; whatever the request had begun is given up."""


UNAVAILABLE = (
    OperationalError,
    InterfaceError,
    PoolExhausted,
    DriverOperationalError,
    DriverInterfaceError,
    ConnectionError,
    TooSlow,
)
"""What is answered with 503: the database is away, locked, or too slow."""


class Deadline:
    """Cancels a request that takes too long, by raising TooSlow for whoever wraps it."""

    def __init__(self, app: ASGIApp, seconds: float | None = None) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        usual = WRITING_SECONDS if scope["path"].startswith(WRITING) else SECONDS
        seconds = self.seconds or BATCHES.get(scope["path"], usual)
        loop = asyncio.get_running_loop()
        ended = False

        async def watched() -> Message:
            nonlocal ended
            message = await receive()
            if not ended and not message.get("more_body", False):
                ended = True
                limit.reschedule(loop.time() + seconds)
            return message

        limit = asyncio.timeout(seconds + (0 if scope["method"] in ("GET", "HEAD", "OPTIONS") else BODY_SECONDS))
        try:
            async with limit:
                await self.app(scope, watched, send)
        except TimeoutError:
            if limit.expired():
                raise TooSlow from None
            raise
