"""One real stack for the tests of a module: servers, web and worker processes, and a mail server that fails on command.

Its clock makes a day out of four seconds, so waits of days come to their end while a test looks on.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from engine.cli.deploy import put_into_force
from engine.cli.workspace import examine
from engine.demo.world import BROWSER
from engine.platform.clock import HeldClock, VirtualClock
from engine.platform.settings import Settings, temporal_connect_config
from engine.runtime.runtime import Runtime, open_runtime
from tests.conftest import home_folder
from tests.support.attacks import WAITING
from tests.support.invariants import broken
from tests.support.mailserver import MailServer
from tests.support.nursery import ForkingStack
from tests.support.picture import query
from tests.support.stage import Stage, open_stage
from workflows.gateway import TemporalRuns, connect
from workflows.options import queues

DAY_SECONDS = 4
BEGIN = datetime(2026, 9, 1, 7, tzinfo=UTC)
PATIENCE = 150.0
"""Seconds a test waits for what must come. A call whose worker was killed comes round only after its time-out of 60."""

WORKSPACE = """
    workspace "Acme"
        timezone "UTC"
        sender "Acme <hello@acme.example>"
        address "Acme GmbH, Street 1, Town"
        mail is allowed until opt-out
        tracking is always on

    form "guide"
        ask email required
        ask first_name
        ask company

    form "storm"
        ask email required

    form "one mail"
        ask email required

    form "patient"
        ask email required

    form "slow"
        ask email required

    form "open"
        ask email required

    form "nudge"
        ask email required

    scoring
        +50 when email is clicked, once per email

    lifecycle
        stage Visitor
        stage Lead
            when form is submitted
        stage MQL
            when score reaches 50

    team "Sales"
        takes all leads
        member "eva@acme.example"

    campaign "Guide"
        starts when form "guide" is submitted
        flow
            send "welcome" within 300 days
            wait up to 300 days for email "welcome" is clicked
                hand off to sales
                    note "{{ lead.first_name | default('') }} of {{ lead.company | default('') }}"
                    when accepted
                        send "thanks" within 300 days

    campaign "Storm"
        starts when form "storm" is submitted
        flow
            send "one" within 300 days
            wait 1 day
            send "two" within 300 days
            wait 1 day
            send "three" within 300 days

    campaign "One mail"
        starts when form "one mail" is submitted
        flow
            send "only" within 300 days

    campaign "Patient"
        starts when form "patient" is submitted
        flow
            send "before" within 300 days
            wait 4 days
            send "after" within 300 days

    campaign "Slow"
        starts when form "slow" is submitted
        flow
            wait 1 day
            send "late" within 300 days

    campaign "Open"
        starts when form "open" is submitted
        flow
            wait for form "nudge" is submitted
            send "nudged" within 300 days
    """
TEMPLATE = (
    "---\nsubject: {name}\n---\nGood day {{{{ lead.first_name | default('') }}}}, [read](https://acme.example/a)\n"
)
TEMPLATES = ("welcome", "thanks", "one", "two", "three", "only", "before", "after", "late", "nudged")


@dataclass
class World:
    """`client` keeps no cookies that matter; `rt` is a runtime of the test's own beside the processes."""

    stack: ForkingStack
    mail: MailServer
    rt: Runtime
    client: httpx.AsyncClient
    posts: int = 0

    async def post(self, form: str, address: str, key: str | None = None, **values: str) -> httpx.Response:
        """Fill in a form, each time from another address, so that no budget runs out."""
        self.posts += 1
        headers = {"X-Forwarded-For": f"198.51.100.{self.posts % 250 + 1}"}
        headers |= {"Idempotency-Key": key} if key else {}
        answer = await self.client.post(f"/f/{form}", json={"email": address, **values}, headers=headers)
        assert answer.is_success, answer.text
        return answer

    def query(self, sql: str, *values: Any) -> list[Any]:
        return query(self.stack.database_url, sql, *values)

    def accepted(self, of: str) -> list[str]:
        """The subjects that the mail server took for addresses that begin like this."""
        return [str(one["body"]["subject"]) for one in self.mail.accepted if recipient(one).startswith(of)]

    def link(self, address: str) -> str | None:
        """The click link in the first mail to that address."""
        for one in self.mail.accepted:
            if recipient(one) == address:
                page = next(part["value"] for part in one["body"]["content"] if part["type"] == "text/html")
                found = re.search(r'href="([^"]*/c/[^"]+)"', page)
                return found and found[1]
        return None

    def log_files(self) -> list[Path]:
        return sorted((self.stack.home / "logs").glob("*.log"))

    def broken(self) -> list[str]:
        return broken(self.stack.database_url, self.mail.accepted)


def recipient(entry: dict[str, Any]) -> str:
    return str(entry["body"]["personalizations"][0]["to"][0]["email"])


async def until(true: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for it; what it is stands in the assertion that fails."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "what must come did not come"
        await asyncio.sleep(0.2)


@asynccontextmanager
async def open_world(
    workers: int = 1, workspace: str = WORKSPACE, templates: Sequence[str] = TEMPLATES, *,
    clock: Callable[[Path], VirtualClock | HeldClock] | None = None, **environment: str,
) -> AsyncIterator[World]:  # fmt: skip
    """A stack with that workspace deployed. `clock` is made in the home folder; `environment`: further variables for
    its processes."""
    for home in home_folder():
        (home / "campaigns").mkdir()
        write_workspace(home / "campaigns", workspace, templates)
        chosen = clock(home) if clock else VirtualClock(BEGIN, datetime.now(UTC), 86_400 / DAY_SECONDS)
        with MailServer(home / "ledger.jsonl") as mail:
            async with _stack(home, mail, workers, chosen, environment) as world:
                yield world


def write_workspace(folder: Path, workspace: str, templates: Sequence[str]) -> None:
    (folder / "faults.campaign").write_text(dedent(workspace).lstrip("\n"), "utf-8")
    for name in templates:
        file = folder / "templates" / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TEMPLATE.format(name=name), "utf-8")


@asynccontextmanager
async def _stack(
    home: Path, mail: MailServer, workers: int, clock: VirtualClock | HeldClock, environment: Mapping[str, str]
) -> AsyncIterator[World]:
    settings = Settings(home=home, campaigns=home / "campaigns", web_port=0, drain_seconds=5)
    found = examine(settings.campaigns)
    assert found.program is not None, [one.message for one in found.diagnostics]
    variables = {
        "SENDGRID_API_KEY": mail.key, "COLDFRAME_SENDGRID_URL": mail.url, "COLDFRAME_MAILS_PER_SECOND": "200",
        "COLDFRAME_DRAIN_SECONDS": "5", **environment,
    }  # fmt: skip
    if sys.dont_write_bytecode:  # else every start of a process compiles all it imports, which takes seconds
        variables |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(home / "bytecode")}
    async with ForkingStack(
        settings, clock=clock, workers=workers, database_settings={"fsync": "off"}, environment=variables
    ) as stack:
        await put_into_force(stack.settings, stack.database_url, found, "ada")
        config = {**temporal_connect_config(stack.settings), "target_host": stack.temporal_address}
        runs = TemporalRuns(await connect(config, lazy=True), queues(stack.settings.task_queue))  # type: ignore[arg-type]
        person = {"User-Agent": BROWSER}
        fresh = httpx.Limits(max_keepalive_connections=0)  # the server may close one that was idle just as it is used
        client = httpx.AsyncClient(base_url=stack.base_url, trust_env=False, timeout=60, headers=person, limits=fresh)
        async with open_runtime(stack.settings, runs=runs, clock=clock, size=4) as rt, client:
            yield World(stack, mail, rt, client)


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
def staged(new_database: Callable[[], str]) -> Callable[..., Any]:
    return lambda workspace, *rest: open_stage(new_database(), workspace, *rest)


@pytest.fixture
async def stage(staged: Callable[..., Any]) -> AsyncIterator[Stage]:
    async with staged(WAITING) as opened:
        yield opened
