"""The pages for machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from workflows.health import HealthServer, sdk_runtime

PARTS = {"temporal": True, "postgres": True}


@pytest.fixture
async def parts() -> dict[str, bool]:
    return dict(PARTS)


@pytest.fixture
async def server(parts: dict[str, bool]) -> AsyncIterator[HealthServer]:
    registry = CollectorRegistry()
    Counter("mails_sent", "for the test", registry=registry).inc(3)

    async def ready() -> Mapping[str, bool]:
        return parts

    async with HealthServer("127.0.0.1", 0, ready, registry=registry) as running:
        yield running


async def fetch(server: HealthServer, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}")


async def test_alive(server: HealthServer) -> None:
    answer = await fetch(server, "/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_ready_names_what_is_missing(server: HealthServer, parts: dict[str, bool]) -> None:
    answer = await fetch(server, "/readyz?now")
    assert (answer.status_code, answer.json()) == (200, PARTS)
    parts["temporal"] = False
    answer = await fetch(server, "/readyz")
    assert (answer.status_code, answer.json()) == (503, {"temporal": False, "postgres": True})


async def test_metrics_are_prometheus_text(server: HealthServer) -> None:
    answer = await fetch(server, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "mails_sent_total 3.0" in answer.text


async def test_other_pages_and_methods_are_refused(server: HealthServer) -> None:
    assert (await fetch(server, "/")).status_code == 404
    assert (await fetch(server, "/healthz", "POST")).status_code == 405
    head = await fetch(server, "/healthz", "HEAD")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"GET /healthz\r\n\r\n", b"\xff" * 100_000 + b"\r\n\r\n", b""])
async def test_garbage_ends_only_its_own_connection(server: HealthServer, garbage: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(garbage)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    assert (await fetch(server, "/healthz")).status_code == 200


async def test_the_metrics_of_the_sdk_are_joined() -> None:
    runtime, address = sdk_runtime()
    runtime.metric_meter.create_counter("probe", "for the test").add(2)

    async def ready() -> Mapping[str, bool]:
        return {}

    async with HealthServer("127.0.0.1", 0, ready, address, CollectorRegistry()) as server:
        assert "probe" in (await fetch(server, "/metrics")).text


async def test_metrics_survive_an_sdk_that_serves_none() -> None:
    async def ready() -> Mapping[str, bool]:
        return {}

    async with HealthServer("127.0.0.1", 0, ready, "127.0.0.1:1", CollectorRegistry()) as server:
        assert (await fetch(server, "/metrics")).status_code == 200
