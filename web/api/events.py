"""`POST /api/events`: other systems of the company tell what happened, with an API key, up to 500 events at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsl.plan import EventType, FieldType, LeadField, Program, Workspace
from engine.access.keys import Scope, holder_of
from engine.leads import deals, intake
from engine.mail.bounces import fate_of_bounce
from engine.model.ports import Fate, Report
from engine.platform.tokens import email_key
from engine.rules.conditions.calendar import in_utc
from engine.rules.deals.history import DEAL_TYPES, DealType
from engine.rules.deals.report import MOST_LEADS, BadReport, DealReport, read_report
from engine.rules.tracking.classify import Source
from engine.rules.tracking.ways import Ways
from engine.sending import feedback
from web.http.answers import SEND_JSON, is_json
from web.http.context import client, deployed, limits, load_json, runtime
from web.http.fields import MAX_NUMBER, Context, Refused, clean, parse_field, safe_url
from web.http.words import Words

router = APIRouter()
MAX_BATCH = 500
MAX_DATA = 50
MAX_NAME = 200
_VISIT: dict[str, FieldType] = {"url": "text", "title": "text", "seconds": "number"}
_TALK: dict[str, FieldType] = {"title": "text", "minutes": "number"}
_ORDER: dict[str, FieldType] = {"amount": "number", "items": "number", "id": "text"}
_DEAL: dict[str, FieldType] = {
    "amount": "number", "pipeline_stage": "text", "id": "text", "currency": "text", "pipeline": "text",
    "closes_on": "date", "owner": "text",
}  # fmt: skip
TYPES: Mapping[EventType, Mapping[str, FieldType]] = {
    "custom": {}, "page.visited": _VISIT, "file.downloaded": _VISIT, "video.watched": _VISIT,
    "webinar.registered": _TALK, "webinar.attended": _TALK, "meeting.booked": _TALK, "meeting.held": _TALK,
    "call.received": _TALK, "chat.started": _TALK, "cart.updated": _ORDER, "order.placed": _ORDER,
    **dict.fromkeys(DEAL_TYPES, _DEAL),
}  # fmt: skip
"""What the outside may report, and the types of the data that campaigns may ask for. The other types of events are
Coldframe's own findings."""
NAMELESS = frozenset(one for one in TYPES if one.startswith(("meeting.", "call.", "chat.", "cart.", "order.", "deal.")))
"""There is nothing to name: a name may be given and says what the log shows."""
MAILS: Mapping[str, Fate] = {
    "email.delivered": "delivered", "email.bounced": "bounced", "email.replied": "replied",
}  # fmt: skip
"""What may be reported of a mail of ours: of the last one to that address, or with a name of the last of that template.
Each of them happens once per mail."""
KNOWN = frozenset({"type", "event", "name", "email", "emails", "visitor", "data", "at", "key", "source"})
CAMPAIGN: Mapping[str, str] = {
    "source": "source", "medium": "medium", "campaign": "campaign", "keyword": "term", "content": "content",
}  # fmt: skip
"""What a sender may know of a visit, and the parameter that says the same in an address."""
SOURCE = frozenset({*CAMPAIGN, "page", "referrer"})
AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead."""

_DATUM = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)


class Wrong(Exception):
    """An event that cannot be taken: the name of the member that is wrong, and why."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(member)
        self.member, self.message = member, message


@router.post("/api/events")
async def take(request: Request) -> Response:
    """One event (200 or 422) or a list of them (200, with an answer for each, in order).

    An answer is `{"state": "recorded"}`, `"repeated"`, `"declined"` or `{"state": "refused", "errors": {…}}` with a
    message per member. What was recorded before a failure stays. Send the list again: an event with a `key` is taken
    once.
    """
    await authorise(request)
    if not is_json(request):
        raise HTTPException(415, SEND_JSON)
    body = load_json(await request.body(), exact=True)
    if isinstance(body, list):
        if not 0 < len(body) <= MAX_BATCH:
            raise HTTPException(422, f"A list has 1 to {MAX_BATCH} events.")
        results = [await _take(request, item) for item in body]
        return JSONResponse({"results": results})
    result = await _take(request, body)
    return JSONResponse(result, 422 if result["state"] == "refused" else 200)


REPORTS: Scope = "reports"


async def authorise(request: Request, scope: Scope = "all") -> str:
    """The name of the key that the request carries. Raises 401 unless it was made and not revoked, and 403 if it is for
    something else; failures cost the caller's budget."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    holder = await holder_of(runtime(request).db, key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    if holder is not None and holder[1] in ("all", scope):
        return holder[0]
    if wait := limits(request).client(client(request)):
        raise HTTPException(429, headers={"Retry-After": str(wait)})
    if holder is not None:
        raise HTTPException(403, "This key reads reports and nothing else.")
    raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


async def _take(request: Request, item: object) -> dict[str, Any]:
    try:
        if isinstance(item, dict) and item.get("type") in tuple(MAILS):
            return {"state": await feedback.report(runtime(request), await _mail_report(request, item))}
        current = await deployed(request)
        occurrence = read_event(item, runtime(request).clock.real(), current.program if current else None)
        if isinstance(occurrence, DealReport):
            return {"state": await deals.record(runtime(request), occurrence)}
    except Wrong as wrong:
        return {"state": "refused", "errors": {wrong.member: wrong.message}}
    except BadReport as bad:
        return {"state": "refused", "errors": {bad.member: str(bad)}}
    return {"state": await intake.record(runtime(request), occurrence)}


async def _mail_report(request: Request, item: Mapping[str, Any]) -> Report:
    """Which mail is meant, and what became of it. Raises Wrong."""
    bounced = item["type"] == "email.bounced"
    if not {"type", "email", "name", *(("status",) if bounced else ())}.issuperset(item):
        members = "email, name, status, and type" if bounced else "email, name, and type"
        raise Wrong("event", f"This report about an email has the members {members}.")
    fate = MAILS[item["type"]] if item.get("status") is None else fate_of_bounce(line("status", item["status"]), "")
    if fate is None:
        raise Wrong("status", "A status is the code of the bounce, such as 5.1.1 or 4.2.2.")
    address, _ = who(item)
    name = None if item.get("name") is None else line("name", item["name"])
    message = await feedback.newest_mail(runtime(request), str(address), name)
    if message is None:
        raise Wrong("email" if name is None else "name", "No such email has been sent to this address.")
    return Report(message, fate)


def strange(item: Iterable[str], known: Collection[str]) -> str:
    """A sentence that names the first member that is not known, as far as it can be printed."""
    name = next(one for one in item if one not in known)[:64]
    return f"`{''.join(one if one.isprintable() else '?' for one in name)}` is not known."


def read_event(item: object, now: datetime, program: Program | None = None) -> intake.Occurrence | DealReport:
    """Check one event. `{"event": "x"}` is short for `{"type": "custom", "name": "x"}`. Raises Wrong and BadReport.

    Data that campaigns know the type of, by the event's type or because `program` declares it, must be of that type;
    whatever else comes along is kept as it is. An order is placed once, so its id does without a key.
    """
    if not isinstance(item, dict):
        raise Wrong("event", "An event is a JSON object.")
    if not KNOWN.issuperset(item):
        raise Wrong("event", f"{strange(item, KNOWN)} The members of an event are {', '.join(sorted(KNOWN))}.")
    kind, name = _what(item)
    if kind in DEAL_TYPES:
        return _deal(item, kind, name, now, program)
    if item.get("emails") is not None:
        raise Wrong("emails", "Only a deal has several leads. Give `email` or `visitor`.")
    email, visitor = who(item)
    types = _types(kind, name, program)
    data = _complete(_typed(_data(item.get("data"), types), types, program), kind, name, program)
    if item.get("at") is not None:
        data["at"] = instant_of("at", item["at"], now)
    key = None if item.get("key") is None else f"api:{line('key', item['key'])}"
    if key is None and kind == "order.placed" and "id" in data:
        key = f"order:{data['id']}"
    return intake.Occurrence(kind, name, data, email, visitor, key, _source(item.get("source"), program))


def _source(given: object, program: Program | None) -> Source | None:
    """Where a call, a chat or another event came from: what its sender knows, or the page that it came from. Raises
    Wrong."""
    if given is None:
        return None
    if not isinstance(given, dict) or not given or not SOURCE.issuperset(given):
        raise Wrong("source", f"`source` is an object with one or more of {', '.join(sorted(SOURCE))}.")
    said = {name: line(f"source.{name}", value, 2_000) for name, value in given.items()}
    ways = Ways.of(program or Program(workspace=Workspace(name="")))
    query = urlencode({f"utm_{CAMPAIGN[name]}": said[name] for name in CAMPAIGN if name in said})
    page = safe_url(said.get("page", "")) or "https://page.invalid/"
    if "page" in said and not safe_url(said["page"]):
        raise Wrong("source.page", "A page is a complete http or https address.")
    joint = "&" if "?" in page else "?"
    return ways.source(f"{page}{joint}{query}" if query else page, said.get("referrer", ""))


def _deal(
    item: Mapping[str, Any], kind: DealType, name: str, now: datetime, program: Program | None
) -> DealReport:  # fmt: skip
    """An event about a deal. Its amount is read as it was written, beside the number that campaigns compare."""
    given = item.get("data")
    amount = given.get("amount") if isinstance(given, dict) else None
    types = _types(kind, name, program)
    data = _complete(_typed(_data(given, types), types, program), kind, name, program)
    at = None if item.get("at") is None else instant_of("at", item["at"], now)
    if at is not None:
        data["at"] = at
    key = None if item.get("key") is None else line("key", item["key"])
    instant = None if at is None else datetime.fromisoformat(at)
    return read_report(
        kind, name, data, amount, _emails(item), whole=item.get("emails") is not None, key=key, at=instant
    )


def _emails(item: Mapping[str, Any]) -> list[str]:
    """The addresses of a deal's leads: one in `email`, or all of them in `emails`."""
    if (item.get("email") is None) == (item.get("emails") is None) or item.get("visitor") is not None:
        raise Wrong("email", "A deal needs the address of its lead in `email`, or of all its leads in `emails`.")
    if item.get("email") is not None:
        return [str(who(item)[0])]
    given = item["emails"]
    if not isinstance(given, list) or not 0 < len(given) <= MOST_LEADS:
        raise Wrong("emails", f"`emails` is a list of 1 to {MOST_LEADS} addresses.")
    try:
        return [str(who({"email": one})[0]) for one in given]
    except Wrong as wrong:
        raise Wrong("emails", wrong.message) from None


def _what(item: Mapping[str, Any]) -> tuple[EventType, str]:
    if "event" in item:
        if "type" in item or "name" in item:
            raise Wrong("event", "Give either `event`, or `type` and `name`.")
        return "custom", line("event", item["event"])
    kind = item.get("type", "custom")
    found = next((one for one in TYPES if one == kind), None)
    if found is None:
        raise Wrong("type", f"The types are {', '.join(sorted([*TYPES, *MAILS]))}.")
    if item.get("name") is None and found in NAMELESS:
        return found, ""
    return found, line("name", item.get("name"))


def who(item: Mapping[str, Any]) -> tuple[str | None, UUID | None]:
    if (item.get("email") is None) == (item.get("visitor") is None):
        raise Wrong("email", "Give either `email` or `visitor`.")
    if item.get("email") is not None:
        address = line("email", item["email"], 320)
        try:
            email_key(address)
        except ValueError:
            raise Wrong("email", "This is not one complete email address.") from None
        return address, None
    try:
        return None, UUID(line("visitor", item["visitor"]))
    except ValueError:
        raise Wrong("visitor", "A visitor is the UUID in the cookie `cf_v`.") from None


def line(member: str, value: object, limit: int = MAX_NAME) -> str:
    try:
        text = clean(value) if isinstance(value, str) else ""
    except Refused:
        text = ""
    if not 0 < len(text) <= limit:
        raise Wrong(member, f"This must be one line of 1 to {limit} characters.")
    return text


def _data(given: object, types: Mapping[str, FieldType]) -> dict[str, Any]:
    """Plain values by name; None is left out, and what may have several lines is read by its type."""
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > MAX_DATA:
        raise Wrong("data", f"`data` is an object with at most {MAX_DATA} members.")
    long = {name for name, type in types.items() if type == "long text"}
    return {
        _datum(name): value if name in long and isinstance(value, str) else _plain(name, value)
        for name, value in given.items()
        if value is not None
    }


def _datum(name: str) -> str:
    if not _DATUM.fullmatch(name):
        raise Wrong("data", "Names in `data` are made of ASCII letters, digits, `_`, `-` and `.`.")
    return name


def _plain(name: str, value: object) -> bool | int | float | str:
    member = f"data.{_datum(name)}"
    if isinstance(value, str):
        try:
            return clean(value)
        except Refused:
            raise Wrong(member, "Text is one line of at most 2,000 characters, without control characters.") from None
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= MAX_NUMBER):
        return value
    raise Wrong(member, "A value is text, a number, true, or false.")


def _types(kind: EventType, name: str, program: Program | None) -> Mapping[str, FieldType]:
    if program is None:
        return TYPES[kind]
    if kind != "custom":
        return {**TYPES[kind], **program.carried_by(kind)}
    return next((dict(one.data) for one in program.events if one.name.casefold() == name.casefold()), {})


def _typed(data: dict[str, Any], types: Mapping[str, FieldType], program: Program | None) -> dict[str, Any]:
    """The same data, each datum as its type is written everywhere. Raises Wrong."""
    context = Context(program or Program(workspace=Workspace(name="")))
    for name in types.keys() & data.keys():
        given = data[name]
        if types[name] in ("text", "long text") and not isinstance(given, bool | str):
            given = str(given)
        try:
            data[name] = parse_field(LeadField(name=name, type=types[name]), [given], context)
        except Refused as refused:
            raise Wrong(
                f"data.{name}", f"{name} is of type {types[name]}. {Words('en').problem(refused.problem)}"
            ) from None
    return data


def _complete(data: dict[str, Any], kind: str, name: str, program: Program | None) -> dict[str, Any]:
    """The same data, with everything that the workspace declares such an event to have. Raises Wrong."""
    for part in program.required_by(kind, name) if program else ():
        if data.get(part) in (None, ""):
            raise Wrong(f"data.{part}", f"{part} is missing, which this event is declared to have.")
    return data


def instant_of(member: str, value: object, now: datetime) -> str:
    """When it happened there, kept with the event's data; the log's own order and instants are not changed by it."""
    try:
        given = datetime.fromisoformat(value) if isinstance(value, str) else None
        at = in_utc(given) if given is not None and given.tzinfo is not None else None
    except ValueError:
        at = None
    if at is None:
        raise Wrong(member, f"`{member}` is an ISO 8601 instant with its zone, such as 2026-09-01T09:30:00+02:00.")
    if at > now + AHEAD:
        raise Wrong(member, f"`{member}` is in the future.")
    return at.isoformat(timespec="seconds")
