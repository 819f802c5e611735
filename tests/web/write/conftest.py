"""A fresh workspace at the desk, and colleagues who come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest_asyncio
from fastapi import FastAPI

from engine.access import users
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from tests.support.writing import OURS, Enter, OneRoom, Writer
from tests.web.conftest import BASE, UNLIMITED, client_of
from web.app import create_app

BY = (None, "test")


@pytest_asyncio.fixture
async def rt(fresh_database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Runtime]:
    settings = Settings(database_url=fresh_database_url, home=tmp_path, base_url=BASE)
    async with open_runtime(settings) as opened:
        opened.clock = clock
        yield opened


@pytest_asyncio.fixture(scope="module")
async def rooms() -> AsyncIterator[OneRoom]:
    made = OneRoom()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def app(rt: Runtime, rooms: OneRoom) -> FastAPI:
    made = create_app(rt, budgets=UNLIMITED)
    rooms.forget()
    made.state.rooms = rooms
    return made


@pytest_asyncio.fixture
async def enter(app: FastAPI, rt: Runtime) -> AsyncIterator[Enter]:
    """`await enter("marketing")`: a new colleague with these roles."""
    opened: list[httpx.AsyncClient] = []

    async def come_in(*roles: str) -> Writer:
        user = await users.add(rt, f"{uuid4().hex}@acme.example", "Ada Lovelace", roles or ("marketing",), BY)
        client = client_of(app)
        opened.append(client)
        path = await users.make_link(rt, user, "entry", BY)
        assert (await client.post(path, data={"go": "1"}, headers=OURS)).status_code == 303
        return Writer(client)

    yield come_in
    for client in opened:
        await client.aclose()
