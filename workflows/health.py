"""A worker's three pages for machines: `/healthz`, `/readyz` and `/metrics`, on a server of thirty lines.

`/metrics` joins the process's own figures with those of the Temporal SDK, which serves them on a private port.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import httpx
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
READ_SECONDS: Final = 5.0
PHRASES: Final = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""What the process needs to do its work, and whether it has it."""


def sdk_runtime() -> tuple[Runtime, str]:
    """The SDK's runtime for this process, and the address where it serves its own metrics."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    telemetry = TelemetryConfig(metrics=PrometheusConfig(bind_address=address, durations_as_seconds=True))
    return Runtime(telemetry=telemetry), address


class HealthServer:
    """`async with` it. `port` is the one it listens on, also when it was asked for any."""

    def __init__(
        self, host: str, port: int, ready: Ready, sdk_address: str | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:  # fmt: skip
        self.host, self.port = host, port
        self._ready = ready
        self._sdk_address = sdk_address
        self._registry = registry
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> HealthServer:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                method, path = await _request(reader)
                status, kind, body = await self._answer(method, path)
                head = f"HTTP/1.1 {status} {PHRASES[status]}\r\nContent-Type: {kind}\r\n"
                head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode() + (b"" if method == "HEAD" else body))
                await writer.drain()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, TEXT, b""
        if path == "/healthz":
            return 200, "application/json", b'{"alive": true}\n'
        if path == "/readyz":
            parts = await self._ready()
            return 200 if all(parts.values()) else 503, "application/json", json.dumps(dict(parts)).encode() + b"\n"
        if path == "/metrics":
            return 200, TEXT, generate_latest(self._registry) + await self._of_the_sdk()
        return 404, TEXT, b""

    async def _of_the_sdk(self) -> bytes:
        if self._sdk_address is None:
            return b""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
                return (await client.get(f"http://{self._sdk_address}/metrics")).content
        except httpx.HTTPError:
            return b""


async def _request(reader: asyncio.StreamReader) -> tuple[str, str]:
    """The method and path of one request; its headers are read and ignored. Raises ValueError for anything else."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, target, _ = head.split("\r\n", 1)[0].split(" ", 2)
    return method, target.partition("?")[0]
