"""Processes in which drafts are checked and drawn, one for each person who writes: bounded in time, memory and number.

What a person writes can take up their own process and nothing else. See engine.editing.process for what one answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException

from engine.deploying.drafts import Draft

SECONDS = 20.0
"""How long an answer may take; the process is ended then."""
MOST = 8
"""Processes at once; the one that was asked longest ago makes room for another."""
IDLE = 15 * 60.0
"""Seconds after the last question."""
LONGEST_LINE = 64 * 1024 * 1024
TOO_LONG = "This took too long, so it was stopped. Make the draft smaller or simpler, then try again."
BUSY = "Too many people are writing at this moment. Please try again in a minute."


class Wrong(Exception):
    """The question has no answer; the message says why, for people."""


@dataclass
class Room:
    """One process, and what it knows of the draft. `newest`: the last keystroke that came for it."""

    process: asyncio.subprocess.Process
    folder: str
    holds: tuple[Any, ...] = ()
    asked_at: float = field(default_factory=monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    count: int = 0

    async def ask(self, what: str, **given: Any) -> Any:
        """The process's answer. Raises Wrong, and TimeoutError or ConnectionError when there is none."""
        self.count += 1
        self.asked_at = monotonic()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"id": self.count, "do": what, **given}).encode() + b"\n")
        async with asyncio.timeout(SECONDS):
            await self.process.stdin.drain()
            line = await self.process.stdout.readline()
        if not line:
            raise ConnectionError("the process has ended")
        answer = json.loads(line)
        if "wrong" in answer:
            raise Wrong(answer["wrong"])
        if "failed" in answer:
            raise ConnectionError(answer["failed"])
        return answer["ok"]

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


class Rooms:
    """The processes of one web process, by the draft's owner."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[UUID, Room] = OrderedDict()
        self._opening = asyncio.Lock()

    async def ask(self, owner: UUID, draft: Draft, what: str, **given: Any) -> Any:
        """Ask about the draft as it is stored. Raises Wrong, and HTTPException 503 when it takes too much."""
        room = await self._room(owner, draft.folder)
        async with room.lock:
            return await self._answer(owner, room, draft, what, given)

    async def typed(self, owner: UUID, draft: Draft, path: str, text: str, **more: int) -> Any:
        """What is wrong now that the file has this text; None when a newer keystroke has come meanwhile."""
        room = await self._room(owner, draft.folder)
        room.newest += 1
        mine = room.newest
        async with room.lock:
            if mine != room.newest:
                return None
            if _but(room.holds, path) != _but(_held(draft), path):
                await self._answer(owner, room, draft, "contents", {}, only_load=True)
            room.holds = _held(draft)
            return await self._answer(owner, room, draft, "type", {"path": path, "text": text, **more})

    async def _answer(
        self, owner: UUID, room: Room, draft: Draft, what: str, given: Mapping[str, Any], *, only_load: bool = False
    ) -> Any:  # fmt: skip
        try:
            if room.holds != (holds := _held(draft)):
                texts, names = _texts(draft)
                await room.ask("load", files=texts, names=names)
                room.holds = holds
            return None if only_load else await room.ask(what, **given)
        except (TimeoutError, ConnectionError, asyncio.CancelledError) as error:
            self._end(owner, room)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise HTTPException(503, TOO_LONG) from None

    async def _room(self, owner: UUID, folder: str) -> Room:
        async with self._opening:
            found = self._rooms.get(owner)
            if found is not None and found.folder == folder and found.process.returncode is None:
                self._rooms.move_to_end(owner)
                return found
            if found is not None:
                self._end(owner, found)
            self._make_room()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "engine.editing.process", folder, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
            )  # fmt: skip
            made = self._rooms[owner] = Room(process, folder)
            return made

    def _make_room(self) -> None:
        now = monotonic()
        for owner, room in list(self._rooms.items()):
            if room.process.returncode is not None or (not room.lock.locked() and now - room.asked_at > IDLE):
                self._end(owner, room)
        for owner, room in list(self._rooms.items()):
            if len(self._rooms) < MOST:
                return
            if not room.lock.locked():
                self._end(owner, room)
        if len(self._rooms) >= MOST:
            raise HTTPException(503, BUSY, {"Retry-After": "60"})

    def _end(self, owner: UUID, room: Room) -> None:
        room.end()
        if self._rooms.get(owner) is room:
            del self._rooms[owner]

    async def close(self) -> None:
        """End all of them."""
        rooms = list(self._rooms.values())
        self._rooms.clear()
        for room in rooms:
            room.end()
        for room in rooms:
            await room.process.wait()


def _held(draft: Draft) -> tuple[Any, ...]:
    """What tells whether a process has the draft as it is: the deployment beneath, and each file by its text."""
    return (draft.base, tuple(sorted((path, body) for path, body in draft.own.items() if body is not None)),
            tuple(sorted(path for path, body in draft.own.items() if body is None)))  # fmt: skip


def _but(holds: tuple[Any, ...], path: str) -> tuple[Any, ...]:
    """The same without one file."""
    return (*holds[:1], *(tuple(one for one in part if one != path and one[:1] != (path,)) for part in holds[1:]))


def _texts(draft: Draft) -> tuple[dict[str, str], list[str]]:
    """The files that are read, and the names of all others."""
    texts, names = {}, []
    for path, body in draft.files.items():
        try:
            if path.startswith("files/"):
                names.append(path)
            else:
                texts[path] = body.decode("utf-8")
        except UnicodeDecodeError:
            names.append(path)
    return texts, names


def bodies(answer: Mapping[str, str]) -> dict[str, bytes]:
    """Files that a process gives in base64."""
    return {path: b64decode(text) for path, text in answer.items()}
