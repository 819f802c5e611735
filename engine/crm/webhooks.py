"""Any other system: it gets each lead as a signed post, and tells what changed there by signed posts of its own."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import orjson

from engine.model.crm import Page, RemoteDeal, RemoteLead, Wanted, Written
from engine.model.ports import Clock
from engine.platform.settings import CrmAccess
from engine.sending.webhook import WebPoster, parcel, webhook_secret

OLDEST = timedelta(minutes=5)
"""How old a signature may be."""
MOST_VALUES, MOST_DEALS, LONGEST = 200, 50, 10_000


class Malformed(ValueError):
    """What a post says is not what is expected; the text names the member and what would be right."""


class Webhooks:
    """See engine.model.crm.CrmPort. A lead's record there has the lead's own id."""

    polls = False

    def __init__(self, access: CrmAccess, clock: Clock, secret: str, *, private: bool = False) -> None:
        self._url, self._clock = access.url, clock
        self._secret = access.secret.get_secret_value() if access.secret else secret
        self._poster = WebPoster(private=private)

    async def close(self) -> None:
        await self._poster.close()

    async def write(self, rows: Sequence[Wanted]) -> Sequence[Written]:
        return [await self._write(row) for row in rows]

    async def _write(self, row: Wanted) -> Written:
        now = self._clock.real()
        body = {"lead": str(row.lead), "email": row.email, "values": dict(row.values), "at": now.isoformat()}
        digest = hmac.new(b"crm", orjson.dumps([row.email, sorted(row.values.items())], default=str), "sha256")
        key = f"{row.lead}:{digest.hexdigest()[:16]}"
        receipt = await self._poster.post(parcel(self._url, body, key, self._secret, now))
        match receipt.state:
            case "accepted":
                return Written("written", str(row.lead))
            case "refused":
                return Written("refused", reason=receipt.reason)
            case _:
                return Written("retry", reason=receipt.reason)

    async def changed(self, names: Sequence[str], cursor: str) -> Page:
        return Page((), cursor)

    async def read(self, names: Sequence[str], remote: str) -> RemoteLead | None:
        return None

    async def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        return ()


def signed(secret: str, body: bytes, signature: str, now: datetime) -> bool:
    """Whether `t=<unix seconds>,v1=<hex>` is the HMAC-SHA256 of `<t>.<body>` and not older than five minutes."""
    parts = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    stamp = parts.get("t", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > OLDEST:
        return False
    right = hmac.new(webhook_secret(secret).encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    return hmac.compare_digest(right.encode(), parts.get("v1", "").encode("utf-8", "replace"))


def read_record(body: bytes, now: datetime) -> RemoteLead:
    """`{"id", "lead", "email", "at", "values": {…}, "deals": [{"id", "stage", "amount", "currency", "at"}]}`, of which
    `id`, `lead` or `email` is needed. Raises Malformed."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(said, dict):
        raise Malformed("the body is a JSON object")
    email, lead = said.get("email"), _lead(said.get("lead"))
    id = said.get("id", said.get("lead"))
    if id is None and email is None:
        raise Malformed('`id`, `lead` or `email` says whom it is about: {"email": "ada@acme.example", "values": {}}')
    if email is not None and (not isinstance(email, str) or len(email) > 320):
        raise Malformed("`email` is one address")
    values = said.get("values", {})
    if not isinstance(values, dict) or len(values) > MOST_VALUES or not all(map(_scalar, values.values())):
        raise Malformed(f"`values` is an object of at most {MOST_VALUES} texts, numbers, true, false or null")
    deals = said.get("deals", [])
    if not isinstance(deals, list) or len(deals) > MOST_DEALS:
        raise Malformed(f"`deals` is a list of at most {MOST_DEALS} deals")
    at = _instant(said.get("at"), now)
    return RemoteLead(
        str(id if id is not None else email), at, email, values, lead, (), tuple(_deal(one, now) for one in deals)
    )


def _scalar(value: object) -> bool:
    return value is None or (isinstance(value, str | int | float | bool) and len(str(value)) <= LONGEST)


def _lead(text: object) -> UUID | None:
    try:
        return UUID(str(text)) if text is not None else None
    except ValueError:
        raise Malformed("`lead` is the id that we sent") from None


def _instant(text: object, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(str(text))
        return at.astimezone(UTC) if at.tzinfo is not None and at.year >= 1970 else now
    except (ValueError, OverflowError):
        raise Malformed("`at` is an instant such as 2026-09-08T15:30:00Z") from None


def _deal(one: Any, now: datetime) -> RemoteDeal:
    if not isinstance(one, Mapping) or not one.get("id") or not isinstance(one.get("stage"), str):
        raise Malformed('a deal has `id` and `stage`: {"id": "4711", "stage": "won", "amount": "1250.50"}')
    amount = one.get("amount")
    try:
        text = None if amount is None else str(Decimal(str(amount)))
    except InvalidOperation:
        raise Malformed("the `amount` of a deal is a number, or text like 1250.50") from None
    currency = one.get("currency")
    at = _instant(one["at"], now) if one.get("at") else None
    return RemoteDeal(str(one["id"]), one["stage"], text, str(currency) if currency else None, at)
