"""Another address for a person, by their own word: they ask on the page with their data, and the link that comes to the
new address shows a button, which changes it."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.leads import own_address, own_data
from engine.leads.address import Taken, change_address
from engine.store import leads
from web.http.answers import missing, page
from web.http.context import client, deployed, posted, runtime, spend, token_parts, token_uuid
from web.http.origins import own_page
from web.http.words import Words

router = APIRouter()


@router.post("/me/{token}/address")
async def ask(request: Request, token: str) -> Response:
    """The link is sent to the new address. Raises 404 for a link that is over, 422 for what is no address."""
    lead, until = token_parts(request, own_data.PURPOSE, token, 2)
    rt = runtime(request)
    if not own_page(request, rt.settings.base_url, unnamed=True):
        raise HTTPException(403, "Only the page itself can do this.")
    spend(request)
    words = await _words(request, token_uuid(lead)) if await own_data.shows(rt, token_uuid(lead), until) else None
    if words is None:
        raise missing()
    given = list((await posted(request, bare=True)).get("email", ()))
    try:
        await own_address.ask(rt, token_uuid(lead), str(given[0]) if len(given) == 1 else "", client(request))
    except ValueError:
        raise HTTPException(422, words("email")) from None
    return page("problem.html", words=words, title=words("data asked"), text=words("address asked text"))


@router.get("/address/{token}")
async def show(request: Request, token: str) -> Response:
    _, address, words = await _asked(request, token)
    return page("own_address.html", words=words, token=token, address=address)


@router.post("/address/{token}")
async def change(request: Request, token: str) -> Response:
    """From now on the person is written to at the new address. Pressing twice changes it once; 409 if it is another
    person's."""
    if not own_page(request, runtime(request).settings.base_url, unnamed=True):
        raise HTTPException(403, "Only the page itself can do this.")
    lead, address, words = await _asked(request, token)
    try:
        await change_address(runtime(request), lead, address, "link")
    except Taken:
        raise HTTPException(409, words("address taken")) from None
    return page(
        "problem.html", words=words, title=words("address done"), text=words("address done text", address=address)
    )


async def _asked(request: Request, token: str) -> tuple[UUID, str, Words]:
    """The person and the address they want. Raises 404 for a link that is over, for a person who was erased, and for
    one who has moved to a third address since: an old link never takes them back."""
    lead, until, address = token_parts(request, own_address.PURPOSE, token, 3)
    rt, id = runtime(request), token_uuid(lead)
    words = await _words(request, id) if own_data.still_valid(until, rt.clock.now()) else None
    if words is None or (await own_data.moved_since(rt, id, until) and not await own_address.theirs(rt, id, address)):
        raise missing()
    return id, address, words


async def _words(request: Request, lead: UUID) -> Words | None:
    current, row = await deployed(request), await leads.as_of_now(runtime(request).db, lead)
    if current is None or row is None or row.email is None:
        return None
    return Words(current.program.workspace.language(str(row.fields.get("language") or "")))
