"""The examples of docs/web.md for checking a post's signature, run against posts as they are sent over HTTP; and
receivers that misbehave."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.model.ports import Parcel, Receipt
from engine.sending.webhook import WebPoster, secret_with, sign, standard

DOCS = (Path(__file__).parents[2] / "docs" / "web.md").read_text("utf-8")
OLD, NEW = secret_with("s" * 16, ""), secret_with("s" * 16, "n1")
BODY = '{"lead":{"email":"jörg@acme.example"},"values":{"a":"x\\n$y `z` %s"}}'.encode()

DRIVERS = {
    "python": ("py", ["python3"], "\nimport sys\nbody = open(sys.argv[5], 'rb').read()\n"
               "sys.exit(0 if verify(*sys.argv[1:5], body) else 1)\n"),
    "javascript": ("js", ["node"], "\nconst body = require('node:fs').readFileSync(process.argv[6]);\n"
                   "process.exit(verify(...process.argv.slice(2, 6), body) ? 0 : 1);\n"),
    "php": ("php", ["php"], "\nexit(verify($argv[1], $argv[2], $argv[3], $argv[4], file_get_contents($argv[5])) ? 0 "
            ": 1);\n"),
    "bash": ("sh", ["bash"], '\nverify "$@"\n'),
}  # fmt: skip
"""By the language of the block: a suffix, the interpreter, and what calls `verify` with the words of the command."""


@dataclass
class Heard:
    """One request as a receiver reads it."""

    headers: dict[str, str]
    body: bytes

    def said(self) -> list[str]:
        return [self.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")]


@asynccontextmanager
async def receiver(
    answer: bytes, *, hangs: float = 0.0, endless: bool = False
) -> AsyncIterator[tuple[str, list[Heard]]]:
    """Its address, and what it heard. It answers and closes; `hangs`: it goes on saying nothing for so many seconds."""
    heard: list[Heard] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        heard.append(Heard(headers, await reader.readexactly(int(headers["content-length"]))))
        try:
            writer.write(answer)
            await writer.drain()
            while endless:
                writer.write(b"x" * 65_536)
                await writer.drain()
            await asyncio.sleep(hangs)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", heard
    finally:
        server.close()


async def posted(url: str, secrets: list[str], at: datetime, *, seconds: float = 15.0) -> Receipt:
    one = WebPoster(private=True, seconds=seconds)
    try:
        return await one.post(sign(Parcel(url, BODY, "id-1", ""), secrets, at))
    finally:
        await one.close()


async def hear(secrets: list[str], at: datetime | None = None) -> Heard:
    async with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, heard):
        assert (await posted(url, secrets, at or datetime.now(UTC))).state == "accepted"
        return heard[0]


def test_every_example_has_a_driver():
    part = DOCS[DOCS.index("### Checking a signature") : DOCS.index("### Rotating the secret")]
    assert re.findall(r"^```(\w+)$", part, re.M) == list(DRIVERS)


@pytest.mark.parametrize("language", DRIVERS)
async def test_the_examples_accept_what_is_right_and_nothing_else(language):
    suffix, command, driver = DRIVERS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    found = re.search(rf"^```{language}\n(def verify|.*?verify.*?)^```", DOCS, re.M | re.S)
    assert found is not None
    program = found[0].removeprefix(f"```{language}\n").removesuffix("```") + driver
    real = datetime.now(UTC)
    one, both, new = await hear([OLD]), await hear([OLD, NEW]), await hear([NEW])
    stale, early = await hear([OLD], real - timedelta(minutes=10)), await hear([OLD], real + timedelta(minutes=10))
    with tempfile.TemporaryDirectory() as folder:
        script, body = Path(folder) / f"verify.{suffix}", Path(folder) / "body"
        script.write_text(program, "utf-8")

        def accepts(secret: str, said: list[str], sent: bytes) -> bool:
            body.write_bytes(sent)
            done = subprocess.run([*command, str(script), secret, *said, str(body)], capture_output=True, timeout=60)
            assert done.returncode in (0, 1), done.stderr
            assert not done.stderr, done.stderr
            return done.returncode == 0

        assert accepts(OLD, one.said(), one.body)
        assert accepts(OLD, both.said(), both.body), "a receiver that does not have the new secret yet"
        assert accepts(NEW, both.said(), both.body), "and one that has"
        assert accepts(NEW, new.said(), new.body)
        assert not accepts(OLD, new.said(), new.body), "the old secret has retired"
        assert not accepts(NEW, one.said(), one.body)
        assert not accepts(OLD, stale.said(), stale.body)
        assert not accepts(OLD, early.said(), early.body)
        assert not accepts(OLD, one.said(), one.body + b" ")
        id, stamp, signature = one.said()
        for wrong in ([f"{id}x", stamp, signature], [id, str(int(stamp) + 1), signature], [id, stamp, "v1,"],
                      [id, stamp, signature[:-4]], [id, "", signature], [id, "soon", signature]):  # fmt: skip
            assert not accepts(OLD, wrong, one.body), wrong


def test_the_form_for_libraries_is_the_same_key():
    import base64

    assert base64.b64decode(standard(OLD).removeprefix("whsec_")) == OLD.encode()


# ── receivers that misbehave ─────────────────────────────────────────────────────────────────────────────────────────
async def test_of_an_endless_answer_the_beginning_is_kept():
    async with receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", endless=True) as (url, _):
        receipt = await posted(url, [OLD], datetime.now(UTC))
    assert (receipt.state, receipt.status, receipt.answer) == ("accepted", 200, "x" * 1_024)


@pytest.mark.parametrize(
    ("answer", "hangs", "state"),
    [
        (b"", 30, "retry"),
        (b"", 0, "retry"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 0, "retry"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", 0, "accepted"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", 30, "accepted"),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 0, "refused"),
        (b"nonsense\r\n\r\n", 0, "retry"),
    ],
)
async def test_what_hangs_or_is_cut_is_tried_again_unless_its_head_has_settled_it(answer, hangs, state):
    async with receiver(answer, hangs=hangs) as (url, heard):
        receipt = await posted(url, [OLD], datetime.now(UTC), seconds=1)
    assert receipt.state == state
    assert len(heard) == 1


@pytest.mark.parametrize(("said", "seconds"), [("120", 120), ("99999999", 86_400), ("-5", None), ("soon", None)])
async def test_the_pause_that_is_asked_for(said, seconds):
    head = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {said}\r\nContent-Length: 2\r\n\r\n\0b".encode()
    async with receiver(head) as (url, _):
        receipt = await posted(url, [OLD], datetime.now(UTC))
    assert (receipt.state, receipt.status, receipt.answer) == ("retry", 429, "\ufffdb")
    assert receipt.pause == (timedelta(seconds=seconds) if seconds is not None else None)


async def test_a_redirect_is_not_followed():
    async with receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (inner, reached):
        head = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {inner}\r\nContent-Length: 0\r\n\r\n".encode()
        async with receiver(head) as (url, _):
            receipt = await posted(url, [OLD], datetime.now(UTC))
    assert (receipt.state, receipt.status, reached) == ("refused", 307, [])
