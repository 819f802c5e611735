"""The HTTP server's protocol with bounds on request heads: their size, their lines, and the time they may take; and on
what a client may do beside a request: send on after its answer, send nothing but line ends, not read the answer.

uvicorn bounds none of them when httptools reads the requests: an endless line would be collected until the memory is
full, and a head that never ends would keep its connection. What an application could check comes after the head, and
ends with the answer.
"""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle
from http import HTTPStatus
from typing import Any

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_BYTES = 32 * 1024
"""Of a head: its target and its header lines together."""
MAX_LINES = 100
MAX_FRAMING = 32 * 1024
"""Bytes of a chunked body that are none of it, beside those that its chunks need: sizes, extensions, line ends."""
PER_BYTE = 8
"""Bytes that frame one byte of a body, if it comes alone in a chunk: `1`, two line ends, and some zeros."""
SECONDS = 10.0
"""From the first byte of a head, or from the connection before its first, to the head's end."""
LINGER = 5.0
"""Seconds in which a client that was answered before its body's end has to end it; what it sends is dropped."""
READING = 15.0
"""Seconds after which a client that is sent something is looked at again."""
SLOWEST = 1024
"""Bytes a second that it has to take."""

REFUSED = Counter("coldframe_web_heads_refused_total", "Connections closed over their request head", ["status"])
for _status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE):
    REFUSED.labels(str(_status.value))


class BoundedHeads(HttpToolsProtocol):
    """Answers 431 to a head that is too large, 408 to one that does not come, and closes the connection."""

    seconds = SECONDS
    linger = LINGER
    reading = READING

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._in_head = True
        self._arrived = 0
        """Bytes that came while no head was complete: also those of a line whose end has not come yet."""
        self._framing = 0
        """Bytes that came after the head, less those that its body may account for."""
        self._parsed = 0
        self._lines = 0
        self._refused = False
        self._timer: TimerHandle | None = None
        self._reader: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._reader is not None:
            self._reader.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head:
            self._arrived += len(data)
        else:
            self._framing += len(data)
        super().data_received(data)
        if self._in_head and self._arrived > MAX_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not self._in_head and self._framing > MAX_FRAMING:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self._in_head and self._arrived and self._idle():
            self._wait()  # line ends between requests begin no message, but end the pause after which uvicorn hangs up

    def on_response_complete(self) -> None:
        """A body that goes on after the answer gets little more time: uvicorn would wait for its end for ever."""
        unread = not self._in_head and not self.pipeline
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.linger, self.transport.close)
        elif self._in_head and self._arrived and self._idle():
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reader is None:
            self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def send_400_response(self, msg: str) -> None:
        if not self._refused:
            super().send_400_response(msg)

    # ── called by the parser ─────────────────────────────────────────────────────────────────────────────────────────
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._arrived, self._framing, self._parsed, self._lines = True, 0, 0, 0, 0
        if self.cycle is not None:
            self._stop_waiting()
        self._wait()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line, or a trailer after a chunked body: it counts for the same head, and is dropped. A proxy that
        sets or removes a line of the head need not look at trailers (RFC 9110, 6.5.1)."""
        self._lines += 1
        self._count(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        self._name_target()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing -= len(body) * (1 + PER_BYTE)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if not self._in_head and self._idle():  # answered before its end
            self._stop_waiting()
            self._wait()
        self._in_head, self._arrived = True, 0

    # ── the bounds ───────────────────────────────────────────────────────────────────────────────────────────────────
    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > MAX_BYTES or self._lines > MAX_LINES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            raise ValueError("the head is too large")  # which ends the parser

    def _name_target(self) -> None:
        """A target with a host, such as proxies are sent, outweighs the `Host` line (RFC 9112, 3.2.2)."""
        scheme, sign, rest = self.url.partition(b"://")
        if sign and scheme.lower() in (b"http", b"https"):
            authority = rest.split(b"/", 1)[0].split(b"?", 1)[0]
            self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"] + [
                (b"host", authority)
            ]

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _watch_reader(self, left: int | None = None) -> None:
        """Hang up on a client that takes less than SLOWEST of what waits for it: `left`, when it was last looked at."""
        now = self.transport.get_write_buffer_size()
        if left is not None and left - now < SLOWEST * self.reading:
            self.transport.abort()
        else:
            self._reader = self.loop.call_later(self.reading, self._watch_reader, now)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer if no other answer is on its way, and close."""
        if self._refused:
            return
        self._refused = True
        self._stop_waiting()
        REFUSED.labels(str(status.value)).inc()
        if self._idle() and self._in_head:  # no other answer is on its way, or has been given
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(line.encode("ascii"))
        self.transport.close()
