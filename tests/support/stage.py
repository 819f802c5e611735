"""The engine without Temporal, on a clock that a test moves: real Postgres, real rules, runs carried on in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dsl.compile import compile_workspace
from engine.deploying.deploy import deploy
from engine.leads.intake import FormPost, Submitted, submit
from engine.model.ports import Mail, Receipt, Unreachable, Wake
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.rules.runs.answer import Answer
from engine.runs import advance
from engine.runtime.runtime import Runtime, open_runtime
from engine.sales import handoffs

TUESDAY = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)


def company(mail: str = "mail needs consent", tracking: str = "tracking is always on") -> str:
    """How most workspaces in tests begin."""
    return f"""
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    {mail}
    {tracking}

"""


COMPANY = company()


class FakeMailer:
    """Keeps what it was given. `script` holds receipts to answer with, in order; afterwards everything is accepted."""

    name = "fake"

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.script: list[Receipt] = []

    async def send(self, mail: Mail) -> Receipt:
        receipt = self.script.pop(0) if self.script else Receipt("accepted", provider_id=f"p{len(self.mails)}")
        if receipt.state in ("accepted", "unknown"):
            self.mails.append(mail)
        return receipt

    async def close(self) -> None:
        pass


@dataclass
class LocalRuns:
    """A Runs port that keeps the runs in memory; `down` makes it unreachable."""

    runs: dict[UUID, tuple[str, Answer | None]] = field(default_factory=dict)
    news: dict[UUID, int] = field(default_factory=dict)
    delivered: list[Wake] = field(default_factory=list)
    down: bool = False

    async def deliver(self, wake: Wake) -> None:
        if self.down:
            raise Unreachable("down")
        self.delivered.append(wake)
        self.runs.setdefault(wake.run, (wake.kind, None))
        self.news[wake.run] = max(wake.seq, self.news.get(wake.run, 0))


@dataclass
class Stage:
    rt: Runtime
    clock: FixedClock
    mailer: FakeMailer
    runs: LocalRuns

    async def settle(self, *, due: bool = False) -> None:
        """Carry every run on until it rests; with `due`, also those whose timer has come."""
        for _ in range(1000):
            await self.rt.delivery.settle()
            ready = [run for run in list(self.runs.runs) if self._woken(run, due)]
            if not ready:
                return
            for run in ready:
                await self.step(run, self._woken(run, due) or "event")
        raise AssertionError("the runs never rest")

    async def step(self, run: UUID, woken: str, *, can_send: bool = True) -> Answer:
        """One call of advance, as the workflow would make it."""
        kind, last = self.runs.runs[run]
        act = advance.advance if kind == "enrolment" else handoffs.advance
        answer: Answer = await act(self.rt, run, last.gen if last else 0, woken, can_send=can_send)
        self.runs.runs[run] = (kind, answer)
        return answer

    def _woken(self, run: UUID, due: bool) -> str | None:
        _, last = self.runs.runs[run]
        if last is None:
            return "start"
        if last.state == "done":
            return None
        if last.state == "again":
            return "again"
        if self.runs.news.get(run, 0) > last.seen:
            return "event"
        if due and last.wake_at is not None and last.wake_at <= self.clock.now():
            return "timer"
        return None

    async def pass_time(self, span: timedelta) -> None:
        """Let time go by, stopping at every instant a run wants to wake."""
        end = self.clock.now() + span
        while True:
            await self.settle(due=True)
            wakes = [
                last.wake_at for _, last in self.runs.runs.values() if last and last.state == "wait" and last.wake_at
            ]
            following = min((at for at in wakes if at <= end), default=None)
            if following is None:
                self.clock.set(end)
                await self.settle(due=True)
                return
            self.clock.set(max(following, self.clock.now()))

    async def post(self, form: str, topics: tuple[str, ...] = (), key: str | None = None, **values: Any) -> Submitted:
        """Submit a deployed form and let everything come to rest."""
        deployed = await self.rt.catalog.refresh()
        assert deployed is not None
        done = await submit(self.rt, FormPost(deployed.forms[form.casefold()], values, topics, key))
        await self.settle()
        return done

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.rt.db.hot() as hot:
            return await hot.all(sql, values)


@asynccontextmanager
async def open_stage(
    database_url: str, workspace: str, templates: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    """A stage with that workspace deployed. Every template a campaign names is written for it unless given."""
    clock, mailer, runs = FixedClock(TUESDAY), FakeMailer(), LocalRuns()
    secrets = {"secret": "s" * 32, "pepper": "p" * 32}
    chosen = Settings(**{"database_url": database_url, "mails_per_second": 1000, **secrets, **settings})
    async with open_runtime(chosen, runs=runs, mailer=mailer, clock=clock) as rt:
        await deploy_text(rt, workspace, templates)
        yield Stage(rt, clock, mailer, runs)


def stage_fixture(workspace: str, templates: Mapping[str, str] | None = None, *, now: datetime | None = None) -> Any:
    """The fixture `stage` of a test module: each test has its own, its clock at `now` when all is deployed."""

    @pytest.fixture
    async def stage(new_database: Callable[[], str]) -> AsyncIterator[Stage]:
        async with open_stage(new_database(), workspace, templates) as opened:
            if now is not None:
                opened.clock.set(now)
            yield opened

    return stage


async def deploy_text(rt: Runtime, workspace: str, templates: Mapping[str, str] | None = None) -> None:
    """Compile and deploy a workspace written in a test."""
    import re

    named = set(re.findall(r'(?:send|confirm with) "([^"]+)"', workspace)) - set(templates or {})
    bundle = {
        f"templates/{name}.md": f"---\nsubject: {name}\n---\n[go](https://acme.example/{name})\n" for name in named
    }
    bundle |= {f"templates/{name}.md": text for name, text in (templates or {}).items()}
    compiled = compile_workspace({"campaigns/test.campaign": workspace}, bundle.keys())
    assert compiled.program is not None, "\n".join(one.message for one in compiled.diagnostics)
    await deploy(rt.db, rt.clock, compiled.program, {path: text.encode() for path, text in bundle.items()}, "test")
