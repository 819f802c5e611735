"""What the attacks share: workspaces, and mailers and processes that get in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from engine.leads.intake import Occurrence, record
from engine.model.ports import Mail, Receipt
from engine.runtime.runtime import Runtime, open_runtime
from tests.support.stage import FakeMailer, Stage

HEAD = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    mail is allowed until opt-out
    tracking is always on
"""
FORMS = """
form "in"
    ask email required
    ask first_name

form "go"
    ask email required
"""
WAITING = (
    HEAD
    + FORMS
    + """
scoring
    +1 when page is visited
    +2 when page "/deep" is visited, at most 10 points per day
    +10 when email is clicked, once per email

campaign "Waiting"
    starts when form "in" is submitted
    enters every time
    flow
        send "one"
        wait up to 3 days for email "one" is clicked
            send "clicked"
        otherwise
            send "silent"
"""
)
LIMITED = (
    HEAD
    + """    at most 1 emails per 7 days
"""
    + FORMS
    + """
campaign "Limited"
    starts when form "in" is submitted
    flow
        send "answer" as transactional
        send "first"
        send "second"
"""
)
WHENEVER = (
    HEAD
    + FORMS
    + """
campaign "Whenever"
    starts when form "in" is submitted
    flow
        wait 30 days
    whenever page is visited
        add 1 points
"""
)


def subjects(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails]


def url_of(stage: Stage) -> str:
    return str(stage.rt.settings.database_url)


async def visit(rt: Runtime, n: int = 0, page: str = "/", email: str = "ann@lead.example") -> None:
    await record(rt, Occurrence("page.visited", page, {"n": n}, email))


@asynccontextmanager
async def second(stage: Stage) -> AsyncIterator[Runtime]:
    """Another process beside the stage's own."""
    async with open_runtime(
        stage.rt.settings, runs=stage.runs, mailer=stage.mailer, clock=stage.clock, size=10
    ) as other:
        yield other


class Meanwhile(FakeMailer):
    """Does something while each mail is on its way."""

    def __init__(self, what: Callable[[Mail], Awaitable[Any]]) -> None:
        super().__init__()
        self.what = what

    async def send(self, mail: Mail) -> Receipt:
        receipt = await super().send(mail)
        await self.what(mail)
        return receipt


def watched(stage: Stage, what: Callable[[Mail], Awaitable[Any]]) -> Meanwhile:
    mailer = Meanwhile(what)
    stage.mailer = stage.rt.mailer = mailer
    return mailer
