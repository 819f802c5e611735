"""`POST /api/spend` and `POST /api/rates`: what advertising cost by day and source, and what currencies are worth."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsl.plan import Program
from engine.deals.costs import take_rates, take_spend
from engine.rules.deals.money import BadMoney, currency_of, minor_units
from engine.rules.deals.numerals import Unreadable, day_of
from engine.rules.deals.rate_files import RateLine, checked_rate
from engine.rules.deals.spend_files import SpendLine
from engine.runtime.runtime import NothingDeployed
from engine.store.spend import Stored
from web.api.events import MAX_BATCH, Wrong, authorise, line, strange
from web.http.answers import SEND_JSON, is_json
from web.http.context import deployed, load_json, runtime

router = APIRouter()
TEXTS = ("source", "medium", "campaign", "keyword", "content")
SPEND = ("day", *TEXTS, "amount", "currency", "clicks", "impressions")
RATE = ("day", "currency", "rate")
MOST = 10**12


@router.post("/api/spend")
async def spend(request: Request) -> Response:
    """What one source cost on one day (200 or 422), or a list of up to 500 of them (200, with an answer for each).

    An answer is `{"state": "stored"}`, `"replaced"` (another value was known), `"repeated"`, or
    `{"state": "refused", "errors": {…}}`.
    """
    return await _answer(request, _spend)


@router.post("/api/rates")
async def rates(request: Request) -> Response:
    """The rate of one currency from one day on, or a list; answers as for spend."""
    return await _answer(request, _rate)


async def _answer(request: Request, take: Any) -> Response:
    await authorise(request)
    if not is_json(request):
        raise HTTPException(415, SEND_JSON)
    current = await deployed(request)
    if current is None:
        raise NothingDeployed
    body = load_json(await request.body(), exact=True)
    if isinstance(body, list):
        if not 0 < len(body) <= MAX_BATCH:
            raise HTTPException(422, f"A list has 1 to {MAX_BATCH} entries.")
        return JSONResponse({"results": [await take(request, item, current.program) for item in body]})
    result = await take(request, body, current.program)
    return JSONResponse(result, 422 if result["state"] == "refused" else 200)


async def _spend(request: Request, item: object, program: Program) -> dict[str, Any]:
    try:
        found = read_spend_entry(item, program)
    except Wrong as wrong:
        return {"state": "refused", "errors": {wrong.member: wrong.message}}
    rt = runtime(request)
    return _said(await take_spend(rt.db, rt.clock, program, [found], "api"))


async def _rate(request: Request, item: object, program: Program) -> dict[str, Any]:
    try:
        found = read_rate_entry(item, program)
    except Wrong as wrong:
        return {"state": "refused", "errors": {wrong.member: wrong.message}}
    rt = runtime(request)
    return _said(await take_rates(rt.db, rt.clock, program, [found], "api"))


def _said(stored: Stored) -> dict[str, Any]:
    return {"state": "stored" if stored.new else "replaced" if stored.replaced else "repeated"}


def read_spend_entry(item: object, program: Program) -> SpendLine:
    """Raises Wrong."""
    given = _members(item, SPEND, "An entry")
    currency = _currency(given, program)
    texts = {name: "" if given.get(name) in (None, "") else line(name, given[name]) for name in TEXTS}
    if not texts["source"]:
        raise Wrong("source", "An entry needs its `source`, as in utm_source.")
    amount = _exact("amount", given.get("amount"))
    try:
        units = minor_units(amount, currency)
    except BadMoney as bad:
        raise Wrong("amount", str(bad)) from None
    if units < 0:
        raise Wrong("amount", "An amount is not below zero.")
    return SpendLine(
        day=_day(given), **texts, amount=units, currency=currency, clicks=_count("clicks", given),
        impressions=_count("impressions", given),
    )  # fmt: skip


def read_rate_entry(item: object, program: Program) -> RateLine:
    """Raises Wrong."""
    given = _members(item, RATE, "A rate")
    rate, day = _exact("rate", given.get("rate")), _day(given)
    if not isinstance(given.get("currency"), str):
        raise Wrong("currency", "A rate needs its `currency`.")
    currency = _currency(given, program)
    try:
        return checked_rate(day, currency, rate, program.workspace.currency)
    except BadMoney as bad:
        raise Wrong("currency" if currency == program.workspace.currency else "rate", str(bad)) from None


def _members(item: object, known: tuple[str, ...], what: str) -> Mapping[str, Any]:
    if not isinstance(item, dict) or not set(known).issuperset(item):
        which = f"{strange(item, known)} " if isinstance(item, dict) else ""
        raise Wrong("entry", f"{which}{what} is a JSON object with the members {', '.join(known)}.")
    return item


def _exact(member: str, value: object) -> Decimal | int | str:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise Wrong(member, f"`{member}` is a number, or text like 1250.50.")
    return value


def _currency(given: Mapping[str, Any], program: Program) -> str:
    value = given.get("currency")
    try:
        return program.workspace.currency if value is None else currency_of(line("currency", value))
    except BadMoney as bad:
        raise Wrong("currency", str(bad)) from None


def _day(given: Mapping[str, Any]) -> Any:
    value = given.get("day")
    if not isinstance(value, str) or len(value) != len("2026-09-01"):
        raise Wrong("day", "A day is written like 2026-09-01.")
    try:
        return day_of(value, None)
    except Unreadable:
        raise Wrong("day", "A day is written like 2026-09-01.") from None


def _count(member: str, given: Mapping[str, Any]) -> int | None:
    value = given.get(member)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise Wrong(member, f"`{member}` is a whole number.")
    return value
