"""Leaving: the page behind a mail's unsubscribe link, and the one click of RFC 8058. A GET never changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dsl.plan import Topic
from engine.leads import intake
from engine.leads.spool import Leaving, Spool
from engine.mail.compose import preferences_url
from engine.rules.conditions.conditions import topic_state
from engine.store import leads
from web.http.answers import missing, page
from web.http.context import deployed, posted, runtime, token_parts, token_uuid
from web.http.deadline import UNAVAILABLE, TooSlow
from web.http.fields import Raw
from web.http.words import LANGUAGES, Words, preferred

router = APIRouter()
SECONDS = 3.5
"""How long the database has to take an unsubscription before it goes to disk."""


@dataclass(frozen=True)
class Choices:
    """What the page offers: the address, masked, and the topics the lead gets mail about. `topic` is the mail's own."""

    lead_id: UUID
    address: str
    language: str
    subscribed: tuple[Topic, ...]
    topics: tuple[Topic, ...]
    topic: str | None
    suppressed: bool
    preferences: str

    @property
    def own(self) -> Topic | None:
        """The topic of the mail that led here, while its lead still gets it: leaving it is what most come for."""
        return next((topic for topic in self.subscribed if topic.name == self.topic), None)


@router.get("/u/{token}")
async def show(request: Request, token: str) -> Response:
    return _page(token, await _choices(request, token))


@router.post("/u/{token}")
async def unsubscribe(request: Request, token: str) -> Response:
    """`List-Unsubscribe=One-Click` leaves the mail's topic, or everything when it has none; no cookie, no redirect.

    The page's own form says `leave=all` or the name of a topic in `leave`. Whatever the database does, what was said is
    stored: if it cannot take it in time, on disk, and it is replayed.
    """
    lead_id, own = _lead(request, token)
    raw = await said(request, _choices(request, token))
    one_click = is_one_click(raw)
    wanted = own if one_click else raw.get("leave", [None])[0]
    try:
        async with asyncio.timeout(SECONDS):
            choices = await _choices(request, token)
            names = {topic.name: topic for topic in choices.topics}
            if one_click:
                await intake.unsubscribe(runtime(request), lead_id, own or None, "one-click")
                return PlainTextResponse("Unsubscribed.\n")
            if not isinstance(wanted, str) or (wanted and wanted not in names):
                return _page(token, choices)
            await intake.unsubscribe(runtime(request), lead_id, wanted or None, "page")
            return _page(token, await _choices(request, token), left=names.get(wanted), done=True)
    except (*UNAVAILABLE, TimeoutError):
        if not isinstance(wanted, str):
            raise TooSlow from None
        await noted(request, lead_id, [wanted or None], "one-click" if one_click else "page")
    return PlainTextResponse("Unsubscribed.\n") if one_click else noted_page(request)


def is_one_click(raw: Raw) -> bool:
    """Whether it is the post of RFC 8058; mailbox providers add line ends, and write it in letters of their choice."""
    given = [value for name, values in raw.items() if name.strip().lower() == "list-unsubscribe" for value in values]
    return [value.strip().lower() for value in given if isinstance(value, str)] == ["one-click"]


async def said(request: Request, known: Coroutine[Any, Any, object]) -> Raw:
    """The post. One that cannot be read is answered like any other if its lead is not `known`, which raises 404."""
    try:
        raw = await posted(request, bare=True)
    except HTTPException:
        await known
        raise
    known.close()
    return raw


async def noted(request: Request, lead_id: UUID, topics: Iterable[str | None], how: str) -> None:
    """Keep on disk that the lead leaves these topics; None is everything."""
    spool: Spool = request.app.state.spool
    now = runtime(request).clock.now()
    await spool.keep(*(Leaving(lead_id, topic, how, now) for topic in topics))


def noted_page(request: Request) -> Response:
    """What somebody reads whose unsubscription is on disk: of the database's contents nothing can be shown."""
    words = Words(preferred(request.headers.get("accept-language", ""), tuple(LANGUAGES)))
    return page("problem.html", words=words, title=words("unsubscribed"), text=words("noted"))


def mask(address: str) -> str:
    """`a•••@e•••.com`: enough to recognise one's own address by, too little to learn another's."""
    local, _, domain = address.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{host[:1]}•••{dot}{ending}"


def _page(token: str, choices: Choices, left: Topic | None = None, done: bool = False) -> Response:
    return page("unsubscribe.html", words=Words(choices.language), token=token, choices=choices, left=left, done=done)


def _lead(request: Request, token: str) -> tuple[UUID, str]:
    """Who may leave by this address, and the topic of its mail, empty for everything."""
    lead, topic = token_parts(request, "unsubscribe", token, 2)
    return token_uuid(lead), topic


async def _choices(request: Request, token: str) -> Choices:
    lead_id, topic = _lead(request, token)
    deployment = await deployed(request)
    row = await leads.as_of_now(runtime(request).db, lead_id)
    if row is None or row.email is None or deployment is None:
        raise missing()
    workspace = deployment.program.workspace
    return Choices(
        lead_id=lead_id,
        address=mask(row.email),
        language=workspace.language(str(row.fields.get("language") or "")),
        subscribed=tuple(one for one in workspace.topics if topic_state(row.topics, one.name) == "subscribed"),
        topics=workspace.topics,
        topic=topic or None,
        suppressed=row.suppressed is not None,
        preferences=preferences_url(runtime(request).tokens, "", lead_id),
    )
