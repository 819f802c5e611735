"""`POST /api/leads`: what other systems of the company know of a lead, with an API key, up to 500 leads at once; and
`GET /api/leads/{address or id}`, which reads one back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsl.plan import Program
from dsl.plan.company import MEASURED
from engine.leads import external_changes
from engine.leads.address import Taken, change_address
from engine.leads.given_consent import Given
from engine.leads.profile import profile
from engine.model.lead import TRACKING
from engine.platform.tokens import email_key
from engine.runtime.runtime import NothingDeployed
from engine.store.leads import find
from web.api.events import MAX_BATCH, Wrong, authorise, instant_of, line, strange, who
from web.http.answers import SEND_JSON, is_json, missing
from web.http.context import deployed, load_json, runtime
from web.http.fields import Context, FieldValue, Refused, parse_field
from web.http.words import Words

router = APIRouter()
MAX_LISTS = 50
KNOWN = frozenset({"email", "new_email", "fields", "owner", "lists", "leave", "consent"})
PROOF = frozenset({"topic", "wording", "given_at", "how"})
MAX_PROOF = 500
"""Characters of a wording, and of how consent was given."""
OURS = frozenset({"email", "created", *MEASURED})
"""Fields that say who a lead is, since when, and where they came from; no other system writes them."""


@router.post("/api/leads")
async def take(request: Request) -> Response:
    """One lead (200 or 422) or a list of them (200, with an answer for each, in order).

    An answer is `{"state": "stored", "lead": "…"}` or `{"state": "refused", "errors": {…}}` with a message per member;
    a lead that is refused is not changed at all. Repeating is safe: what is so already is not done again.
    """
    by = await authorise(request)
    if not is_json(request):
        raise HTTPException(415, SEND_JSON)
    current = await deployed(request)
    if current is None:
        raise NothingDeployed
    body = load_json(await request.body())
    if isinstance(body, list):
        if not 0 < len(body) <= MAX_BATCH:
            raise HTTPException(422, f"A list has 1 to {MAX_BATCH} leads.")
        return JSONResponse({"results": [await _take(request, item, current.program, by) for item in body]})
    result = await _take(request, body, current.program, by)
    return JSONResponse(result, 422 if result["state"] == "refused" else 200)


async def _take(request: Request, item: object, program: Program, by: str) -> dict[str, Any]:
    try:
        email, fields, lists, left = read_lead(item, program)
        given = read_consents(item, program, runtime(request).clock.real(), by)
        if (new := _new_email(item)) is not None:
            email = await _moved(request, email, new)
    except Wrong as wrong:
        return {"state": "refused", "errors": {wrong.member: wrong.message}}
    lead, states = await external_changes.tell(runtime(request), email, fields, lists, left, given)
    return {"state": "stored", "lead": str(lead), **({"consent": states} if states else {})}


def _new_email(item: object) -> str | None:
    """The address that the lead has from now on. Raises Wrong."""
    given = item.get("new_email") if isinstance(item, dict) else None
    if given is None:
        return None
    try:
        found, _ = who({"email": given})
    except Wrong as wrong:
        raise Wrong("new_email", wrong.message) from None
    return found


async def _moved(request: Request, email: str, new: str) -> str:
    """The address under which the lead is known afterwards. Raises Wrong if it is another lead's."""
    rt = runtime(request)
    known = await find(rt.db, email_key(email))
    if known is None or known[1] is None:
        return new
    try:
        await change_address(rt, known[0], new, "api")
    except Taken:
        raise Wrong("new_email", "Another lead has this address. Merge the two with `coldframe leads merge`.") from None
    return new


def read_consents(item: object, program: Program, now: datetime, by: str = "") -> tuple[Given, ...]:
    """The consents that an item brings along, each with its proof and who brings it. Raises Wrong."""
    given = item.get("consent") if isinstance(item, dict) else None
    found = given if isinstance(given, list) else [] if given is None else [given]
    offered = {one.name.casefold(): one.name for one in program.workspace.topics}
    if program.workspace.tracking_needs_consent:
        offered[TRACKING] = TRACKING
    if len(found) > len(offered):
        raise Wrong("consent", "`consent` names each topic once.")
    return tuple(replace(_consent(one, offered, now), by=by) for one in found)


def _consent(one: object, offered: Mapping[str, str], now: datetime) -> Given:
    if not isinstance(one, dict) or set(one) != PROOF:
        raise Wrong("consent", f"A consent is an object with the members {', '.join(sorted(PROOF))}.")
    topic = offered.get(str(one["topic"]).casefold())
    if topic is None:
        raise Wrong("consent.topic", f"The topics are {', '.join(offered.values())}.")
    try:
        at = instant_of("given_at", one["given_at"], now)
    except Wrong as wrong:
        raise Wrong("consent.given_at", wrong.message) from None
    return Given(
        topic, line("consent.wording", one["wording"], MAX_PROOF), at, line("consent.how", one["how"], MAX_PROOF)
    )


@router.get("/api/leads/{who}")
async def read_back(request: Request, who: str) -> Response:
    """What is known of the lead with that address or id, as JSON; 404 if there is none."""
    await authorise(request)
    found = await profile(runtime(request).db, who)
    if found is None:
        raise missing()
    return JSONResponse(found)


def read_lead(
    item: object, program: Program
) -> tuple[str, Mapping[str, FieldValue | None], tuple[str, ...], tuple[str, ...]]:
    """Address, fields (None empties one), lists to join, lists to leave. Raises Wrong."""
    if not isinstance(item, dict):
        raise Wrong("lead", "A lead is a JSON object.")
    if not KNOWN.issuperset(item):
        raise Wrong("lead", f"{strange(item, KNOWN)} The members of a lead are {', '.join(sorted(KNOWN))}.")
    email, _ = who({"email": item.get("email")})
    given = {} if item.get("fields") is None else item["fields"]
    if not isinstance(given, dict):
        raise Wrong("fields", "`fields` is an object: the name of a field and its value.")
    if "owner" in item:
        given = {**given, "owner": item["owner"]}
    fields = {name: _value(name, value, program) for name, value in given.items()}
    assert email is not None
    return email, fields, _names("lists", item), _names("leave", item)


def _value(name: str, value: object, program: Program) -> FieldValue | None:
    declared = program.all_fields.get(name)
    if declared is None or name in OURS:
        known = ", ".join(sorted(program.all_fields.keys() - OURS))
        raise Wrong(f"fields.{name[:64]}", f"There is no such field to write. The fields are {known}.")
    try:
        return parse_field(declared, value if isinstance(value, list) else [value], Context(program))
    except Refused as refused:
        raise Wrong(f"fields.{name}", Words("en").problem(refused.problem)) from None


def _names(member: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    given = [] if item.get(member) is None else item[member]
    if not isinstance(given, list) or len(given) > MAX_LISTS:
        raise Wrong(member, f"`{member}` is a list of at most {MAX_LISTS} names.")
    return tuple(line(member, name) for name in given)
