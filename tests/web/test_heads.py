"""Request heads are bounded in size, lines and time by the server itself, before any application sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from web.http.heads import MAX_BYTES, MAX_LINES, BoundedHeads

Ask = Callable[[bytes], Awaitable[bytes]]
END = b"\r\n\r\n"


LARGE = 30_000_000
"""Bytes that no two sockets hold between them."""


class Hasty(BoundedHeads):
    seconds = 0.5
    linger = 0.5
    reading = 0.5


async def application(scope: Any, receive: Any, send: Any) -> None:
    more = scope["path"] != "/unread"
    while more:
        more = (await receive()).get("more_body", False)
    body = b"ok"
    if scope["path"] == "/large":
        body = b"b" * LARGE
    elif scope["path"] == "/lines":
        body = b";".join(name + b"=" + value for name, value in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(application, port=0, http=Hasty, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def ask(port: int, *parts: bytes) -> bytes:
    """Everything the server says until it closes, or until the parts are sent and an answer came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(4096), 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(*lines: bytes, target: bytes = b"/") -> bytes:
    return b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"host: x", *lines)) + END


@pytest.mark.parametrize(
    "sent",
    [
        head(),
        head(*[b"a: b"] * (MAX_LINES - 1)),
        head(b"a: " + b"b" * (MAX_BYTES - 100)),
        head(target=b"/" + b"a" * (MAX_BYTES - 100)),
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"b" * 200_000,
    ],
    ids=["plain", "many lines", "long line", "long target", "large body"],
)
async def test_what_is_within_bounds_is_answered(port: int, sent: bytes) -> None:
    assert (await ask(port, sent)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        head(*[b"a: b"] * MAX_LINES),
        head(b"a: " + b"b" * MAX_BYTES),
        head(b"b" * MAX_BYTES + b": a"),
        head(target=b"/" + b"a" * MAX_BYTES),
        head(*[b"a: " + b"b" * 1000] * 50),
    ],
    ids=["many lines", "long value", "long name", "long target", "many large lines"],
)
async def test_a_head_that_is_too_large_is_refused(port: int, sent: bytes) -> None:
    assert (await ask(port, sent)).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nx: ", b"GET / HTTP/1.1\r\n"])
async def test_an_endless_head_is_cut_off(port: int, begin: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begin)

    async def go_on() -> None:
        for _ in range(500):
            writer.write(b"a" * 65_536)
            await writer.drain()
            await asyncio.sleep(0)

    with pytest.raises(ConnectionError):
        await go_on()
    writer.close()


async def test_trailers_count_too(port: int) -> None:
    begin = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    said = await ask(port, begin + b"t: v\r\n" * 200 + b"\r\n")
    assert not said.startswith(b"HTTP/1.1 200")


async def test_half_sent_heads_are_closed_and_hold_up_nobody(port: int) -> None:
    half = [asyncio.create_task(ask(port, b"GET / HTTP/1.1\r\nhost: x\r\n")) for _ in range(200)]
    silent = [asyncio.create_task(ask(port)) for _ in range(50)]
    for _ in range(5):
        assert (await ask(port, head())).startswith(b"HTTP/1.1 200")
    said = await asyncio.gather(*half, *silent)
    assert {one[:12] for one in said} == {b"HTTP/1.1 408"}


async def test_a_second_request_on_the_same_connection_has_bounds_of_its_own(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(5):
        writer.write(head(b"a: " + b"b" * (MAX_BYTES // 2)))
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.write(head(b"a: " + b"b" * MAX_BYTES))
    assert (await reader.read(4096)).startswith(b"HTTP/1.1 431")
    writer.close()


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_a_chunk_whose_extension_never_ends_is_refused(port: int) -> None:
    answer = await ask(port, CHUNKED + b"1;", *[b"a" * 65_536] * 40)
    assert answer.startswith(b"HTTP/1.1 413") or answer == b""


@pytest.mark.parametrize(
    "body", [b"1\r\nb\r\n" * 60_000 + b"0" + END, b"10000;a=b\r\n" + b"b" * 65_536 + b"\r\n0" + END]
)
async def test_small_and_large_chunks_are_read(port: int, body: bytes) -> None:
    assert (await ask(port, CHUNKED + body)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("target", "host"),
    [(b"http://evil.example/mailbox", b"evil.example"), (b"HTTP://a@b:1?x", b"a@b:1"), (b"/http://c", b"x")],
)
def test_the_hosts_name_in_the_target_outweighs_the_line(target: bytes, host: bytes) -> None:
    heads = BoundedHeads.__new__(BoundedHeads)
    heads.url, heads.headers = target, [(b"a", b"b"), (b"host", b"x")]
    heads._name_target()
    assert dict(heads.headers) == {b"a": b"b", b"host": host}


# ── beside a request ─────────────────────────────────────────────────────────────────────────────────────────────────
async def trickle(port: int, first: bytes, drop: bytes) -> bytes:
    """What the server says until it hangs up, while a client goes on with `drop` every tenth of a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.1)
            writer.write(drop)
            await writer.drain()

    dripping = asyncio.create_task(go_on())
    said = b""
    try:
        async with asyncio.timeout(60):
            while got := await reader.read(4096):
                said += got
    except ConnectionError:
        pass
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()
    return said


UNREAD = b"POST /unread HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (UNREAD + b"content-length: 60000\r\n\r\n", b"a"),
        (UNREAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (head(), b"\r\n"),
        (head() + b"\r\n", b"\r\n"),
    ],
    ids=["a body", "chunks", "line ends", "line ends at once"],
)
async def test_nobody_keeps_a_connection_by_sending_on_after_the_answer(port: int, first: bytes, drop: bytes) -> None:
    assert (await trickle(port, first, drop)).count(b"HTTP/1.1 200") == 1


async def test_after_a_body_that_ends_behind_its_answer_the_connection_goes_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(UNREAD + b"content-length: 4\r\n\r\nbo")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(b"dy")
        await writer.drain()
    writer.write(head())
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_an_answer_that_nobody_reads_is_given_up(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(head(target=b"/large"))
    await writer.drain()
    await asyncio.sleep(2)
    got = 0
    try:
        while chunk := await reader.read(65_536):
            got += len(chunk)
    except ConnectionError:
        pass
    assert got < LARGE
    writer.close()


async def test_a_large_answer_is_read_whole(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head(b"connection: close", target=b"/large"))
    assert len(await reader.read()) > LARGE
    writer.close()


async def test_trailers_are_no_lines_of_the_head(port: int) -> None:
    body = b"1\r\na\r\n0\r\nx-seen: trailer\r\nhost: evil.example\r\n\r\n"
    said = await ask(port, b"POST /lines HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + body)
    assert said.endswith(b"host=x;transfer-encoding=chunked")
