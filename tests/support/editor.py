"""An editor for tests: starts `coldframe lsp` and speaks the protocol over its standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds after which an answer is taken for lost."""


class Refused(Exception):
    """The server answered with an error."""


class Editor:
    """`texts` are the open files by their uri, `problems` the last diagnostics of each."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.problems: dict[str, list[dict[str, Any]]] = {}
        self.published: asyncio.Queue[str] = asyncio.Queue()
        self.registered: list[dict[str, Any]] = []
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._reader = asyncio.create_task(self._read())

    def file(self, uri: str) -> str:
        """The name of a file inside the folder."""
        return Path(unquote(urlsplit(uri).path)).relative_to(self.folder).as_posix()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while header := await self.process.stdout.readline():
            length = int(header.split(b":")[1])
            while (await self.process.stdout.readline()).strip():
                pass
            self._take(json.loads(await self.process.stdout.readexactly(length)))
        for answer in self._answers.values():
            answer.set_exception(Refused("the server has ended"))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._answers.pop(message["id"]).set_result(message)
        elif message["method"] == "textDocument/publishDiagnostics":
            params = message["params"]
            self.problems[params["uri"]] = params["diagnostics"]
            self.published.put_nowait(params["uri"])
        elif "id" in message:
            if message["method"] == "client/registerCapability":
                self.registered += message["params"]["registrations"]
            self._write({"id": message["id"], "result": None})

    def tell(self, method: str, params: Any) -> None:
        self._write({"method": method, "params": params})

    async def ask(self, method: str, params: Any) -> Any:
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        self._write({"id": self._count, "method": method, "params": params})
        message = await asyncio.wait_for(answer, PATIENCE)
        if "error" in message:
            raise Refused(message["error"]["message"])
        return message["result"]

    # ── what a person does ───────────────────────────────────────────────────────────────────────────────────────
    def open(self, name: str, text: str | None = None) -> None:
        uri = self.uri(name)
        self.texts[uri] = (self.folder / name).read_text("utf-8") if text is None else text
        document = {"uri": uri, "languageId": "coldframe", "version": 1, "text": self.texts[uri]}
        self.tell("textDocument/didOpen", {"textDocument": document})

    def close(self, uri: str) -> None:
        """Without saving."""
        del self.texts[uri]
        self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def type(self, name: str, text: str) -> None:
        """The file's text is now this one."""
        uri = self.uri(name)
        self.texts[uri] = text
        self.tell(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]}
        )

    async def problems_of(self, name: str) -> list[dict[str, Any]]:
        """The next diagnostics of a file."""
        uri = self.uri(name)
        while await asyncio.wait_for(self.published.get(), PATIENCE) != uri:
            pass
        return self.problems[uri]

    async def problems_until(self, name: str, code: str) -> list[dict[str, Any]]:
        """The diagnostics of a file, once they have this code and no other."""
        while {problem["code"] for problem in self.problems.get(self.uri(name), [])} != {code}:
            await asyncio.wait_for(self.published.get(), PATIENCE)
        return self.problems[self.uri(name)]

    async def until_sound(self) -> None:
        """Wait until nothing is wrong in any file."""
        while any(self.problems.values()):
            await asyncio.wait_for(self.published.get(), PATIENCE)
        while not self.published.empty():
            self.published.get_nowait()

    async def until_checked(self, name: str) -> None:
        """Wait until a mistake put at the end of an open template shows, and goes again."""
        text = self.texts[self.uri(name)]
        self.type(name, text + "{{ lead.nobody }}")
        while await self.problem("E704") not in self.problems[self.uri(name)]:
            pass
        self.type(name, text)
        while any(problem["code"] == "E704" for problem in self.problems[self.uri(name)]):
            await asyncio.wait_for(self.published.get(), PATIENCE)

    async def problem(self, code: str) -> dict[str, Any]:
        """The next problem with this code, in whatever file."""
        while True:
            uri = await asyncio.wait_for(self.published.get(), PATIENCE)
            for problem in self.problems[uri]:
                if problem["code"] == code:
                    return problem

    def at(self, name: str, mark: str, offset: int = 0) -> dict[str, Any]:
        """The place where a text first stands in an open file, as parameters of a question."""
        text = self.texts[self.uri(name)]
        start = text.index(mark) + offset
        line = text.count("\n", 0, start)
        column = start - (text.rfind("\n", 0, start) + 1)
        before = text[start - column : start]
        units = len(before.encode("utf-16-le")) // 2
        return {"textDocument": {"uri": self.uri(name)}, "position": {"line": line, "character": units}}

    def read(self, uri: str, place: dict[str, Any]) -> str:
        """The text in a range of a file."""
        path = Path(unquote(urlsplit(uri).path))
        lines = self.texts.get(uri, path.read_text("utf-8") if path.exists() else "").split("\n")
        start, end = place["start"], place["end"]
        if start["line"] != end["line"]:
            return "\n".join(lines[start["line"] : end["line"] + 1])
        units = lines[start["line"]].encode("utf-16-le")
        return units[start["character"] * 2 : end["character"] * 2].decode("utf-16-le")


@asynccontextmanager
async def editor(folder: Path, root: Path | None = None) -> AsyncIterator[Editor]:
    """A running server with `root` (else the folder) open."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine.cli.main", "lsp",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, limit=2**26,
    )  # fmt: skip
    it = Editor(process, folder)
    try:
        top = root or folder
        can = {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}}
        params = {"processId": None, "rootUri": top.as_uri(), "capabilities": can,
                  "workspaceFolders": [{"uri": top.as_uri(), "name": top.name}]}  # fmt: skip
        await it.ask("initialize", params)
        it.tell("initialized", {})
        yield it
        await it.ask("shutdown", None)
        it.tell("exit", None)
        await asyncio.wait_for(process.wait(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        it._reader.cancel()
