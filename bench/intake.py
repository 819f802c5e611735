"""Form posts, page views and API events of one web process, against a bare FastAPI route with one INSERT and COMMIT.

Everything runs in this process: the application and the floor are called as ASGI applications, without sockets, and use
one PostgreSQL in a temporary folder. Rounds alternate between floor and subject, so that both see the same load of the
machine; a ratio is taken within each round, and the medians are shown with their spread.

`campaigns_ratio`: how much longer one form post takes with 200 deployed campaigns than with one. `history_ratio`: how
much longer one API event takes for a lead with 10,000 events than for one with ten; both of the time per request.

    python -m bench.intake --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import uvloop
from fastapi import FastAPI, Request, Response
from psycopg_pool import AsyncConnectionPool

from bench.workspace import SMALL, deploy_small, temporary_home
from engine.access.keys import make_key
from engine.cli.stack import Stack
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from web.app import create_app
from web.http.limits import Budget, Budgets

BASE = SMALL.format(
    form='    allowed on "https://bench.example"\n',
    scoring='    +5 when page "/pricing*" is visited, at most 10 points per day\n',
)
CAMPAIGN = """
campaign "Campaign {n}"
    starts when form "other {n}" is submitted
    starts when page "/landing/{n}*" is visited
    enters once
    leaves when lead becomes MQL
    topic "news"
    flow
        send "first"
        wait up to 3 days for email "first" is clicked
            if score >= 30
                send "second"

form "other {n}"
    ask email required
"""
SITE = "https://bench.example"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
PLENTY = Budget(1e9, 1e9)
KINDS = ("forms", "pages", "events")
SLOTS = 16
"""Requests under way at once; the same for floor and subject."""

Ask = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]
Say = Callable[[str], None]


@dataclass
class Bench:
    """The application and the floor, each behind a client, on one database."""

    rt: Runtime
    app: httpx.AsyncClient
    floor: httpx.AsyncClient
    token: str
    number: int = 0
    cookies: list[str] = field(default_factory=lambda: [str(uuid4()) for _ in range(200)])

    async def deploy(self, campaigns: int) -> None:
        await deploy_small(self.rt, BASE + "".join(CAMPAIGN.format(n=n) for n in range(campaigns)))

    async def form(self, client: httpx.AsyncClient, number: int) -> httpx.Response:
        data = {"email": f"f{number}@bench.example", "first_name": "Ann", "company": "Acme", "consent": "news"}
        return await client.post("/f/enter", json=data, headers={"origin": SITE})

    async def page(self, client: httpx.AsyncClient, number: int) -> httpx.Response:
        """Of 200 visitors, one after the other, each on pages of one visit."""
        body = {"url": f"{SITE}/page/{number % 50}", "title": "Page", "referrer": "", "consent": True}
        cookie = f"cf_v={self.cookies[number % len(self.cookies)]}"
        return await client.post("/t", json=body, headers={"origin": SITE, "cookie": cookie, "user-agent": BROWSER})

    async def event(self, client: httpx.AsyncClient, number: int, email: str = "") -> httpx.Response:
        """Of 200 leads, one after the other."""
        body = {"type": "page.visited", "name": "/docs", "email": email or f"e{number % 200}@bench.example",
                "key": f"k{number}"}  # fmt: skip
        return await client.post("/api/events", json=body, headers={"authorization": f"Bearer {self.token}"})

    async def bare(self, client: httpx.AsyncClient, number: int) -> httpx.Response:
        return await client.post("/floor", json={"email": f"f{number}@bench.example", "first_name": "Ann"})

    def ask(self, kind: str) -> Ask:
        return {"forms": self.form, "pages": self.page, "events": self.event}[kind]

    async def seconds(self, client: httpx.AsyncClient, ask: Ask, many: int) -> float:
        """How long `many` requests take, some of them at once. Raises if one is not answered as it should be."""
        first, self.number = self.number, self.number + many
        slots = asyncio.Semaphore(SLOTS)

        async def one(number: int) -> None:
            async with slots:
                answer = await ask(client, number)
            if answer.status_code not in (200, 202, 204, 303):
                raise RuntimeError(f"{answer.status_code}: {answer.text[:200]}")

        begun = time.perf_counter()
        await asyncio.gather(*(one(first + number) for number in range(many)))
        return time.perf_counter() - begun


def floor_app(pool: AsyncConnectionPool[Any]) -> FastAPI:
    """The least that stores a request: read JSON, one INSERT, COMMIT, answer."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/floor")
    async def floor(request: Request) -> Response:
        body = json.dumps(await request.json())
        async with pool.connection() as connection:
            await connection.execute("INSERT INTO bench_floor (id, body) VALUES (%s, %s)", (uuid4(), body))
        return Response(status_code=204)

    return app


@asynccontextmanager
async def open_bench(url: str | None = None) -> AsyncIterator[Bench]:
    """`url`: a migrated database to use; None: PostgreSQL in a temporary folder."""
    async with AsyncExitStack() as held:
        home = held.enter_context(temporary_home())
        given = {"database_url": url, "secret": "s" * 32, "pepper": "p" * 32} if url else {"database_url": None}
        settings = Settings(home=home, database_pool=10, confirmations_per_day=10**9, **given)
        if url is None:
            stack = await held.enter_async_context(Stack(settings, web=False, workers=0, temporal_server=False))
            settings = stack.settings
        rt = await held.enter_async_context(open_runtime(settings))
        assert settings.database_url is not None
        plain = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
        async with await psycopg.AsyncConnection.connect(plain) as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, body jsonb)")
        pool = AsyncConnectionPool(plain, min_size=10, max_size=10, open=False)
        await held.enter_async_context(pool)
        app = create_app(rt, budgets=Budgets(PLENTY, PLENTY, PLENTY))
        base = rt.settings.base_url
        clients = [
            await held.enter_async_context(
                httpx.AsyncClient(transport=httpx.ASGITransport(one), base_url=base, cookies=_no_cookies())
            )
            for one in (app, floor_app(pool))
        ]
        bench = Bench(rt, clients[0], clients[1], await make_key(rt.db, rt.clock, "bench"))
        settle_memory()
        yield bench


def _no_cookies() -> CookieJar:
    """A jar that keeps nothing: with the cookie of a page view, every later form would come from the same visitor."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


async def against_floor(bench: Bench, kind: str, requests: int, rounds: int, say: Say) -> dict[str, Any]:
    """Alternating rounds of one kind of request and the floor."""
    rates: dict[str, list[float]] = {"own": [], "floor": []}
    for number in range(rounds):
        for name, client, ask in (("floor", bench.floor, bench.bare), ("own", bench.app, bench.ask(kind))):
            rates[name].append(requests / await bench.seconds(client, ask, requests))
        say(f"{kind}, round {number + 1} of {rounds}: {rates['own'][-1]:.0f} a second, floor {rates['floor'][-1]:.0f}")
    ratios = [own / floor for own, floor in zip(rates["own"], rates["floor"], strict=True)]
    return {
        "per_second": round(statistics.median(rates["own"]), 1),
        "floor_per_second": round(statistics.median(rates["floor"]), 1),
        "ratio_to_floor": round(statistics.median(ratios), 3),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
    }


async def campaigns_ratio(bench: Bench, campaigns: int, requests: int, rounds: int, say: Say) -> dict[str, Any]:
    """How much longer a form post takes with many campaigns; each round deploys both twice: a drift evens out."""
    ratios = []
    for number in range(rounds):
        took = {1: 0.0, campaigns: 0.0}
        for many in (1, campaigns, campaigns, 1):
            await bench.deploy(many)
            await bench.seconds(bench.app, bench.form, max(4, requests // 10))  # the first looks up what is deployed
            took[many] += await bench.seconds(bench.app, bench.form, requests // 2 or 1)
        ratios.append(took[campaigns] / took[1])
        say(f"campaigns, round {number + 1} of {rounds}: {ratios[-1]:.2f} times as long with {campaigns}")
    await bench.deploy(1)
    return {"campaigns_ratio": round(statistics.median(ratios), 3), "campaigns_spread": _spread(ratios)}


async def history_ratio(bench: Bench, events: int, requests: int, rounds: int, say: Say) -> dict[str, Any]:
    """How much longer an event takes for a lead with a long history; one after the other, since they share a lock."""
    await _history(bench, "old@bench.example", events)
    ratios = []
    for number in range(rounds):
        took = dict.fromkeys(("old", "new"), 0.0)
        for part in range(4):  # in turns, so that the short history stays short and both see the same load
            fresh = f"new{number}-{part}-{bench.number}@bench.example"
            await _history(bench, fresh, 10)
            pair = [("old", "old@bench.example"), ("new", fresh)]
            for name, email in pair if part % 2 else reversed(pair):
                took[name] += await bench.seconds(bench.app, partial(bench.event, email=email), requests // 4 or 1)
        ratios.append(took["old"] / took["new"])
        say(f"history, round {number + 1} of {rounds}: {ratios[-1]:.2f} times as long after {events} events")
    return {"history_ratio": round(statistics.median(ratios), 3), "history_spread": _spread(ratios)}


async def _history(bench: Bench, email: str, events: int) -> None:
    """A lead whose log and points are that long: the first event as it comes, the others written beside it."""
    answer = await bench.event(bench.app, bench.number, email)
    bench.number += 1
    if answer.status_code != 202 and answer.status_code != 200:
        raise RuntimeError(answer.text[:200])
    async with bench.rt.db.engine.begin() as connection:
        for statement in (
            """INSERT INTO events (lead_id, seq, key, type, name, data, at, happened_at)
            SELECT l.id, l.seq + n, 'h' || n, 'page.visited', '/pricing/' || n %% 50, '{}', l.last_at, l.last_at
            FROM leads l, generate_series(1, %(many)s) n WHERE l.email_key = %(key)s""",
            """INSERT INTO points (lead_id, cause, rule, model, amount, thing, seq, score_after, earned_at, booked_at)
            SELECT l.id, 'e:' || (l.seq + n), 'old', '', 0, '', l.seq + n, 0, l.created_at, l.created_at
            FROM leads l, generate_series(1, %(many)s) n WHERE l.email_key = %(key)s""",
            "UPDATE leads SET seq = seq + %(many)s WHERE email_key = %(key)s",
        ):
            await connection.exec_driver_sql(statement, {"many": events, "key": email})
    async with bench.rt.db.engine.connect() as connection:  # as autovacuum would within the minute
        settled = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await settled.exec_driver_sql("ANALYZE events, points")
    await bench.seconds(bench.app, bench.event, 4 * SLOTS)  # each connection plans its statements anew


def _spread(values: list[float]) -> list[float]:
    return [round(min(values), 3), round(max(values), 3)]


@dataclass(frozen=True)
class Size:
    """Requests in a round, rounds, deployed campaigns, and events of the lead with a long history."""

    requests: int = 400
    rounds: int = 5
    campaigns: int = 200
    events: int = 10_000


async def measure(size: Size, say: Say, url: str | None = None) -> dict[str, Any]:
    """See the module; `url` as in `open_bench`."""
    async with open_bench(url) as bench:
        await bench.deploy(1)
        say("warming up")
        for client, ask in ((bench.floor, bench.bare), *((bench.app, bench.ask(kind)) for kind in KINDS)):
            await bench.seconds(client, ask, size.requests // 2 + 1)
        result: dict[str, Any] = {}
        for kind in KINDS:
            result[kind] = await against_floor(bench, kind, size.requests, size.rounds, say)
        result |= await campaigns_ratio(bench, size.campaigns, size.requests, size.rounds, say)
        result |= await history_ratio(bench, size.events, size.requests, size.rounds, say)
    return {**result, "requests": size.requests, "rounds": size.rounds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    standard = Size()
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--requests", type=int, default=standard.requests, help="in a round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=standard.rounds, help="of each kind (default %(default)s)")
    parser.add_argument("--campaigns", type=int, default=standard.campaigns, help="deployed (default %(default)s)")
    parser.add_argument("--events", type=int, default=standard.events, help="of the lead (default %(default)s)")
    args = parser.parse_args()
    size = Size(args.requests, args.rounds, args.campaigns, args.events)
    result = uvloop.run(measure(size, partial(print, file=sys.stderr)))
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:18} {value}")


if __name__ == "__main__":
    main()
