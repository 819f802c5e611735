"""While the database is locked or away: forms are refused in time, unsubscriptions are kept on disk and replayed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select, text

from engine.deploying.deploy import deploy
from engine.leads import intake
from engine.leads.spool import Leaving, Spool
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.session import Patience
from engine.store.tables import consents, events, leads
from tests.web.conftest import PROGRAM, UNLIMITED, client_of, make_settings
from web.app import create_app
from web.http.deadline import Deadline, TooSlow

BOTH = {"newsletter": "subscribed", "product": "subscribed"}
HASTY = Patience(connection=1, lock=0.3, statement=1)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest_asyncio.fixture
async def rt(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    settings = make_settings(fresh_database_url, tmp_path)
    async with open_runtime(settings, clock=FixedClock(), patience=HASTY) as opened:
        await deploy(opened.db, opened.clock, PROGRAM, {}, "test")
        yield opened


@asynccontextmanager
async def locked(rt: Runtime, table: str = "leads") -> AsyncIterator[None]:
    async with rt.db.engine.connect() as connection:
        await connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield
        await connection.rollback()


async def new_lead(rt: Runtime) -> UUID:
    lead, now = uuid4(), rt.clock.now()
    row: dict[str, Any] = {
        "id": lead, "email": f"{lead}@firm.example", "email_key": f"{lead}@firm.example", "seq": 0, "fields": {},
        "scores": {}, "rated": {}, "stage": "Visitor", "topics": BOTH, "created_at": now, "last_at": now,
    }  # fmt: skip
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(leads).values(**row))
    return lead


async def topics(rt: Runtime, lead: UUID) -> tuple[dict[str, str], str | None]:
    async with rt.db.engine.connect() as connection:
        row = (await connection.execute(select(leads.c.topics, leads.c.suppressed).where(leads.c.id == lead))).one()
    return row.topics, row.suppressed


async def unsubscribed(rt: Runtime, lead: UUID) -> int:
    chosen = (events.c.lead_id == lead, events.c.type == "lead.unsubscribed")
    async with rt.db.engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(events).where(*chosen))).scalar_one()


def spool(rt: Runtime) -> Spool:
    return Spool(rt.settings.home / "spool")


@pytest.mark.parametrize("table", ["leads", "deployments", "events", "enrolments"])
async def test_a_form_is_refused_in_time_under_a_lock_of_any_table(rt: Runtime, table: str) -> None:
    async with client_of(create_app(rt, budgets=UNLIMITED)) as http, locked(rt, table), asyncio.timeout(60):
        data = {"email": "a@firm.example", "company": "A", "company_size": "3"}
        answers = [await http.post("/f/whitepaper", data=data) for _ in range(2)]
        for answer in answers:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_same_form_is_taken_once_the_lock_is_gone(rt: Runtime) -> None:
    async with client_of(create_app(rt, budgets=UNLIMITED)) as http:
        async with locked(rt):
            assert (await http.post("/f/demo", data={"email": "b@firm.example"})).status_code == 503
        assert (await http.post("/f/demo", data={"email": "b@firm.example"})).status_code == 303


@pytest.mark.parametrize(
    ("purpose", "data", "left", "suppressed"),
    [
        ("unsubscribe", ONE_CLICK, {"newsletter"}, None),
        ("unsubscribe", {"leave": "product"}, {"product"}, None),
        ("unsubscribe", {"leave": ""}, {"newsletter", "product"}, "unsubscribed"),
        ("preferences", {"leave": "everything"}, {"newsletter", "product"}, "unsubscribed"),
        ("preferences", {"shown": ["newsletter", "product"], "topic": "product"}, {"newsletter"}, None),
    ],
)
async def test_an_unsubscription_is_stored_under_a_lock_and_replayed_once(
    rt: Runtime, purpose: str, data: dict[str, Any], left: set[str], suppressed: str | None
) -> None:
    lead = await new_lead(rt)
    parts = (str(lead), "newsletter") if purpose == "unsubscribe" else (str(lead),)
    app = create_app(rt, budgets=UNLIMITED)
    async with client_of(app) as http, asyncio.timeout(60), locked(rt):
        path = f"/{purpose[0]}/{rt.tokens.sign(purpose, *parts)}"
        answer = await http.post(path, data=data)
        assert answer.status_code == 200
        with pytest.raises(Exception, match="lock timeout"):
            await spool(rt).replay(rt)
    [file] = spool(rt).waiting()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"@" not in file.read_bytes()
    kept = file.read_bytes()
    assert await spool(rt).replay(rt) == 1
    file.write_bytes(kept)
    assert await spool(rt).replay(rt) == 1
    states, reason = await topics(rt, lead)
    assert {name for name, state in states.items() if state == "unsubscribed"} == left
    assert (reason, await unsubscribed(rt, lead), spool(rt).waiting()) == (suppressed, 1, [])


@pytest.mark.parametrize(
    ("purpose", "data"),
    [("unsubscribe", {"x": "y"}), ("preferences", {"shown": "product", "topic": ["product", "newsletter"]})],
)
async def test_what_unsubscribes_nobody_is_refused(rt: Runtime, purpose: str, data: dict[str, Any]) -> None:
    lead = await new_lead(rt)
    parts = (str(lead), "newsletter") if purpose == "unsubscribe" else (str(lead),)
    async with client_of(create_app(rt, budgets=UNLIMITED)) as http, locked(rt):
        answer = await http.post(f"/{purpose[0]}/{rt.tokens.sign(purpose, *parts)}", data=data)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert spool(rt).waiting() == []


async def test_a_lead_who_subscribed_again_meanwhile_stays(rt: Runtime) -> None:
    lead, before = await new_lead(rt), rt.clock.now() - timedelta(hours=1)
    row = {"lead_id": lead, "topic": "newsletter", "seq": 1, "state": "subscribed", "record": {}, "at": rt.clock.now()}
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(consents).values(row))
    await intake.unsubscribe(rt, lead, "newsletter", "page", since=before)
    await intake.unsubscribe(rt, lead, None, "page", since=before)
    assert await topics(rt, lead) == (BOTH, None)
    await intake.unsubscribe(rt, lead, "product", "page", since=before)
    assert (await topics(rt, lead))[0] == {"newsletter": "subscribed", "product": "unsubscribed"}


async def test_a_file_that_cannot_be_read_is_put_aside(rt: Runtime) -> None:
    lead = await new_lead(rt)
    await spool(rt).keep(*(Leaving(lead, topic, "page", rt.clock.now()) for topic in ("product", "gone")))
    folder = rt.settings.home / "spool"
    (folder / "0-half.json").write_bytes(b'{"lead_id": "')
    assert await spool(rt).replay(rt) == 2
    assert [file.name for file in folder.iterdir()] == ["0-half.unreadable"]
    assert (await topics(rt, lead))[0]["product"] == "unsubscribed"


async def test_it_survives_a_kill(rt: Runtime, tmp_path: Path) -> None:
    lead = await new_lead(rt)
    script = f"""
import asyncio, os, signal
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from engine.leads.spool import Leaving, Spool
leaving = Leaving(UUID("{lead}"), None, "one-click", datetime.now(UTC))
asyncio.run(Spool(Path({str(tmp_path / "spool")!r})).keep(leaving))
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=Path(__file__).parents[2])
    assert await process.wait() == -signal.SIGKILL
    assert await spool(rt).replay(rt) == 1
    assert (await topics(rt, lead))[1] == "unsubscribed"


async def test_a_request_that_takes_too_long_is_given_up() -> None:
    ends: list[str] = []

    async def application(scope: Any, receive: Callable[[], Any], send: Any) -> None:
        await receive()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with pytest.raises(TooSlow):
        await Deadline(application, 0.05)({"type": "http", "path": "/", "method": "POST"}, receive, send)
    assert ends == ["cancelled"]


async def test_an_own_time_out_of_a_route_is_not_taken_for_the_deadline() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Deadline(application, 60)({"type": "http", "path": "/", "method": "GET"}, None, None)  # type: ignore[arg-type]
