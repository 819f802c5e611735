"""What is stored about a person, shown to themselves: asked for on the preference page, opened by a link that comes by
email. There they can take a copy along, and have everything erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsl.plan import Program
from engine.leads import own_data
from engine.leads.erase import erase
from engine.model.lead import TRACKING
from engine.wording.values import locale_of
from web.http.answers import missing, page
from web.http.context import client, deployed, posted, runtime, spend, token_parts, token_uuid
from web.http.origins import own_page
from web.http.words import Words

router = APIRouter()
STATES = ("asked", "subscribed", "unsubscribed")
AUTHOR = "the person, on their page"


@router.post("/p/{token}/data")
async def ask(request: Request, token: str) -> Response:
    """The link is sent to the address that the emails go to. Raises 404 for a person who was erased."""
    (id,) = token_parts(request, "preferences", token, 1)
    if not own_page(request, runtime(request).settings.base_url, unnamed=True):
        raise HTTPException(403, "Only the preference page itself can do this.")
    spend(request)
    lead = token_uuid(id)
    found = await own_data.everything(runtime(request), lead)
    if found is None:
        raise missing()
    words = await _words(request, found)
    await own_data.ask(runtime(request), lead, client(request))
    return page("problem.html", words=words, title=words("data asked"), text=words("data asked text"))


@router.get("/me/{token}")
async def show(request: Request, token: str) -> Response:
    found, words, program = await _found(request, token)
    return page(
        "own_data.html", words=words, token=token, found=found, details=details(found, program, words),
        consents=consents(found, program, words), emails=emails(found, program, words),
        since=_day(found["created_at"], program, words),
    )  # fmt: skip


@router.get("/me/{token}/file")
async def take_along(request: Request, token: str) -> Response:
    """All of it as JSON, to keep or to hand on."""
    found, _, _ = await _found(request, token)
    return JSONResponse(found, headers={"Content-Disposition": 'attachment; filename="my-data.json"'})


@router.post("/me/{token}")
async def forget(request: Request, token: str) -> Response:
    """Erase everything; 422 without the tick in the box."""
    if not own_page(request, runtime(request).settings.base_url, unnamed=True):
        raise HTTPException(403, "Only the page itself can do this.")
    found, words, _ = await _found(request, token)
    if list((await posted(request, bare=True)).get("sure", ())) != ["yes"]:
        raise HTTPException(422, words("erase sure"))
    await erase(runtime(request), UUID(str(found["id"])), AUTHOR)
    return page("problem.html", words=words, title=words("data erased"), text=words("data erased text"))


async def _found(request: Request, token: str) -> tuple[dict[str, Any], Words, Program]:
    """What is stored. Raises 404 for a link that is over, and for a person who was erased or has moved
    to another address since."""
    lead, until = token_parts(request, own_data.PURPOSE, token, 2)
    rt, id, current = runtime(request), token_uuid(lead), await deployed(request)
    found = await own_data.everything(rt, id) if await own_data.shows(rt, id, until) else None
    if found is None or current is None:
        raise missing()
    return found, await _words(request, found), current.program


async def _words(request: Request, found: Mapping[str, Any] | None) -> Words:
    current = await deployed(request)
    said = str((found or {}).get("fields", {}).get("language") or "")
    return Words(current.program.workspace.language(said) if current is not None else "en")


def details(found: Mapping[str, Any], program: Program, words: Words) -> Sequence[tuple[str, str]]:
    """Address and fields by their names in the person's language, those first that everybody has."""
    rows = [(words.label("email"), str(found["email"]))]
    given = {**found["origin"], **found["fields"]}
    for name in (name for name in program.all_fields if given.get(name) not in (None, "", [])):
        value = given[name]
        said = [_said(one, words) for one in (value if isinstance(value, list) else [value])]
        rows.append((words.label(name), ", ".join(program.all_fields[name].label(one, words.language) for one in said)))
    return rows


def consents(found: Mapping[str, Any], program: Program, words: Words) -> Sequence[tuple[str, str, str, str]]:
    """Each consent that was asked, given or withdrawn, in the order of time: day, topic, what became of it, wording."""
    topics = {one.name.casefold(): one.description for one in program.workspace.topics} | {TRACKING: words("measuring")}
    return [
        (
            _day(one["at"], program, words), topics.get(one["topic"].casefold(), one["topic"]),
            words(f"consent {one['state']}"), str(one["proof"].get("wording") or ""),
        )
        for one in found["consents"] if one["state"] in STATES
    ]  # fmt: skip


def emails(found: Mapping[str, Any], program: Program, words: Words) -> Sequence[tuple[str, str]]:
    """Day and subject of each email that left, the newest first."""
    sent = [one for one in found["emails"] if one["state"] in ("accepted", "unknown")]
    return [(_day(one["at"], program, words), one["subject"]) for one in reversed(sent)]


def _said(value: Any, words: Words) -> str:
    return words("yes") if value is True else words("no") if value is False else str(value)


def _day(at: str, program: Program, words: Words) -> str:
    local = datetime.fromisoformat(at).astimezone(ZoneInfo(program.workspace.timezone))
    return format_date(local.date(), "long", locale=locale_of(words.language))
