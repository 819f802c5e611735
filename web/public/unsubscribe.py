"""Leaving: the page behind a mail's unsubscribe link, and the one click of RFC 8058. A GET never changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dsl.plan import Topic
from engine.leads import intake
from engine.mail.compose import preferences_url
from engine.rules.conditions.conditions import topic_state
from engine.store.tables import leads
from web.http.answers import missing, page
from web.http.context import deployed, posted, runtime, token_parts, token_uuid
from web.http.words import Words

router = APIRouter()


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


@router.get("/u/{token}")
async def show(request: Request, token: str) -> Response:
    return _page(token, await _choices(request, token))


@router.post("/u/{token}")
async def unsubscribe(request: Request, token: str) -> Response:
    """`List-Unsubscribe=One-Click` leaves the mail's topic, or everything when it has none; no cookie, no redirect.

    The page's own form says `leave=all` or the name of a topic in `leave`.
    """
    choices = await _choices(request, token)
    raw = await posted(request)
    if raw.get("List-Unsubscribe") == ["One-Click"]:
        await intake.unsubscribe(runtime(request), choices.lead_id, choices.topic, "one-click")
        return PlainTextResponse("Unsubscribed.\n")
    wanted = raw.get("leave", [None])[0]
    names = {topic.name: topic for topic in choices.topics}
    if wanted == "":
        await intake.unsubscribe(runtime(request), choices.lead_id, None, "page")
    elif isinstance(wanted, str) and wanted in names:
        await intake.unsubscribe(runtime(request), choices.lead_id, wanted, "page")
    else:
        return _page(token, choices)
    return _page(token, await _choices(request, token), left=names.get(wanted), done=True)


def mask(address: str) -> str:
    """`a•••@e•••.com`: enough to recognise one's own address by, too little to learn another's."""
    local, _, domain = address.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{host[:1]}•••{dot}{ending}"


def _page(token: str, choices: Choices, left: Topic | None = None, done: bool = False) -> Response:
    return page("unsubscribe.html", words=Words(choices.language), token=token, choices=choices, left=left, done=done)


async def _choices(request: Request, token: str) -> Choices:
    lead, topic = token_parts(request, "unsubscribe", token, 2)
    lead_id = token_uuid(lead)
    deployment = await deployed(request)
    async with runtime(request).db.engine.connect() as connection:
        columns = (leads.c.email, leads.c.topics, leads.c.fields, leads.c.suppressed)
        row = (await connection.execute(select(*columns).where(leads.c.id == lead_id))).first()
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
