"""HubSpot through its CRM API, version 3 (documentation as of November 2025), with a private app's token.

Contacts carry our id in the property `coldframe_id`, which has to exist there. A contact that HubSpot has already under
the lead's address is taken over. At most 100 contacts are written at once; a batch that is refused as a whole is
halved until the one that is wrong stands alone.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson

from engine.model.crm import Closed, Page, RemoteDeal, RemoteLead, Wanted, Written
from engine.model.ports import Clock
from engine.platform.settings import CrmAccess

HOST = "https://api.hubapi.com"
OUR_ID = "coldframe_id"
PAGE = 100
"""Contacts of one search; HubSpot allows 200, and 10,000 in all for one question."""
OLDEST_HOOK = timedelta(minutes=5)
LAG = timedelta(minutes=1)
"""A search may show a change that much later than it was made."""
RECENT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=1)
_EXISTING = re.compile(r"Existing ID: (\d+)")
_CONTACTS = "/crm/v3/objects/contacts"
_DEALS = ("dealstage", "amount", "deal_currency_code", "hs_lastmodifieddate", "closedate")


class HubSpot:
    """See engine.model.crm.CrmPort."""

    polls = True

    def __init__(
        self, access: CrmAccess, clock: Clock, *, seconds: float = 15.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        token = access.token.get_secret_value() if access.token else ""
        self._clock = clock
        self._client = httpx.AsyncClient(
            base_url=access.url or HOST,
            timeout=seconds,
            trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
            transport=transport,
        )
        self._owners: Mapping[str, str] | None = None

    async def close(self) -> None:
        await self._client.aclose()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def write(self, rows: Sequence[Wanted]) -> Sequence[Written]:
        known = await self._known([row.email for row in rows if row.remote is None])
        answers: dict[UUID, Written] = {}
        there = [(row, row.remote or known.get(row.email.casefold())) for row in rows]
        await self._batch([(row, remote) for row, remote in there if remote], "update", answers)
        await self._batch([(row, None) for row, remote in there if not remote], "create", answers)
        return [answers[row.lead] for row in rows]

    async def _known(self, emails: Sequence[str]) -> Mapping[str, str]:
        """The contacts that have these addresses, by address."""
        if not emails:
            return {}
        body = {"idProperty": "email", "properties": ["email"], "inputs": [{"id": email} for email in emails]}
        answer = await self._call("POST", f"{_CONTACTS}/batch/read", body, allow=(404,))
        found = answer.get("results", [])
        return {str(one["properties"].get("email") or "").casefold(): str(one["id"]) for one in found}

    async def _batch(
        self, rows: Sequence[tuple[Wanted, str | None]], what: str, answers: dict[UUID, Written]
    ) -> None:  # fmt: skip
        if not rows:
            return
        inputs = [_input(row, remote) for row, remote in rows]
        try:
            response = await self._raw("POST", f"{_CONTACTS}/batch/{what}", {"inputs": inputs})
        except Unclear as unclear:
            answers.update({row.lead: Written("retry", reason=str(unclear)) for row, _ in rows})
            return
        if response.status_code in (200, 201):
            ids = {str(one["properties"].get(OUR_ID)): str(one["id"]) for one in response.json().get("results", [])}
            for row, remote in rows:
                stands = ids.get(str(row.lead)) or remote
                answers[row.lead] = (
                    Written("written", stands) if stands else Written("retry", reason="no answer for it")
                )
        elif len(rows) > 1:  # the whole batch was refused, or a part of it
            half = len(rows) // 2
            await self._batch(rows[:half], what, answers)
            await self._batch(rows[half:], what, answers)
        else:
            await self._alone(rows[0], response, answers)

    async def _alone(
        self, one: tuple[Wanted, str | None], response: httpx.Response, answers: dict[UUID, Written]
    ) -> None:
        row, remote = one
        said = _message(response)
        existing = _EXISTING.search(said)
        if response.status_code == 409 and existing and remote is None:
            await self._batch([(row, existing[1])], "update", answers)
        elif remote is not None and (response.status_code == 404 or "not found" in said.casefold()):
            answers[row.lead] = Written("gone", reason=said)
        elif response.status_code >= 500:
            answers[row.lead] = Written("retry", reason=said)
        else:
            answers[row.lead] = Written("refused", reason=said or f"HTTP {response.status_code}")

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def changed(self, names: Sequence[str], cursor: str) -> Page:
        """The cursor is a time and an id: first the rest of those changed at that very time, by id, then those changed
        later, by time. So neither 10,000 hits nor 10,000 contacts of one time are an obstacle."""
        at, _, last = cursor.partition(":")
        since, last = int(at or 0), last or "0"
        same = await self._search(
            names, [_is("lastmodifieddate", "EQ", since), _is("hs_object_id", "GT", last)], "hs_object_id"
        )
        if same:
            return Page(tuple(await self._records(same)), f"{since}:{same[-1]['id']}", more=True)
        later = await self._search(names, [_is("lastmodifieddate", "GT", since)], "lastmodifieddate")
        if later:
            newest = _millis(later[-1]["properties"]["lastmodifieddate"])
            return Page(tuple(await self._records(later)), f"{newest}:0", more=True)
        now = self._clock.real()
        recent = now - datetime.fromtimestamp(since / 1000, UTC) < RECENT
        return Page((), f"{max(0, since - int(LAG.total_seconds() * 1000))}:0" if recent else cursor or "0:0")

    async def read(self, names: Sequence[str], remote: str) -> RemoteLead | None:
        wanted = ",".join(_properties(names))
        response = await self._raw("GET", f"{_CONTACTS}/{remote}?properties={wanted}")
        if response.status_code == 404:
            return None
        found = self._checked(response)
        return (await self._records([found]))[0]

    async def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        answer = await self._call("GET", "/crm/v3/properties/contacts")
        known = {str(one["name"]) for one in answer.get("results", [])}
        return tuple(name for name in (*names, OUR_ID) if name not in known)

    async def _search(self, names: Sequence[str], filters: list[dict[str, str]], by: str) -> list[Any]:
        body = {
            "filterGroups": [{"filters": filters}], "sorts": [{"propertyName": by, "direction": "ASCENDING"}],
            "properties": _properties(names), "limit": PAGE,
        }  # fmt: skip
        answer = await self._call("POST", f"{_CONTACTS}/search", body)
        return list(answer.get("results", []))

    async def _records(self, found: Sequence[Mapping[str, Any]]) -> list[RemoteLead]:
        deals = await self._deals([str(one["id"]) for one in found])
        return [await self._record(one, deals.get(str(one["id"]), ())) for one in found]

    async def _record(self, one: Mapping[str, Any], deals: tuple[RemoteDeal, ...]) -> RemoteLead:
        said = dict(one["properties"])
        if said.get("hubspot_owner_id"):
            said["hubspot_owner_id"] = (await self._owner_addresses()).get(str(said["hubspot_owner_id"]))
        merged = str(said.pop("hs_merged_object_ids", None) or "")
        at = datetime.fromtimestamp(_millis(said.pop("lastmodifieddate", None) or one.get("updatedAt")) / 1000, UTC)
        email = said.pop("email", None)
        for name in ("createdate", "hs_object_id"):
            said.pop(name, None)
        former = tuple(part for part in merged.split(";") if part and part != str(one["id"]))
        return RemoteLead(str(one["id"]), at, email, said, _uuid(said.pop(OUR_ID, None)), former, deals)

    async def _deals(self, contacts: Sequence[str]) -> Mapping[str, tuple[RemoteDeal, ...]]:
        """The deals of each contact."""
        if not contacts:
            return {}
        body = {"inputs": [{"id": one} for one in contacts]}
        answer = await self._call("POST", "/crm/v4/associations/contacts/deals/batch/read", body, allow=(404,))
        ties = {
            str(one["from"]["id"]): [str(to["toObjectId"]) for to in one.get("to", [])]
            for one in answer.get("results", [])
        }
        wanted = sorted({deal for deals in ties.values() for deal in deals})
        known: dict[str, RemoteDeal] = {}
        for start in range(0, len(wanted), 100):
            part = {"properties": list(_DEALS), "inputs": [{"id": one} for one in wanted[start : start + 100]]}
            read = await self._call("POST", "/crm/v3/objects/deals/batch/read", part, allow=(404,))
            known |= {str(one["id"]): _deal(one) for one in read.get("results", [])}
        return {contact: tuple(known[deal] for deal in deals if deal in known) for contact, deals in ties.items()}

    async def _owner_addresses(self) -> Mapping[str, str]:
        if self._owners is None:
            answer = await self._call("GET", "/crm/v3/owners?limit=500")
            self._owners = {str(one["id"]): one.get("email") or "" for one in answer.get("results", [])}
        return self._owners

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def _call(self, method: str, path: str, body: object = None, allow: tuple[int, ...] = ()) -> Any:
        try:
            response = await self._raw(method, path, body)
        except Unclear as unclear:
            raise Closed(str(unclear)) from None
        return {} if response.status_code in allow else self._checked(response)

    def _checked(self, response: httpx.Response) -> Any:
        if response.status_code not in (200, 201, 207):
            raise Closed(f"{response.status_code} {_message(response)}".strip())
        return response.json()

    async def _raw(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Raises Closed where HubSpot takes nothing at all, and Unclear where nobody knows what it did."""
        content = orjson.dumps(body) if body is not None else None
        try:
            response = await self._client.request(
                method, path, content=content, headers={"Content-Type": "application/json"}
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Closed(f"HubSpot cannot be reached: {type(error).__name__}") from None
        except (httpx.HTTPError, OSError) as error:
            raise Unclear(f"no answer: {type(error).__name__}") from None
        if response.status_code in (401, 403):
            raise Closed(
                f"{response.status_code} {_message(response)}".strip(), self._clock.real() + timedelta(minutes=15)
            )
        if response.status_code == 429:
            raise Closed(f"429 {_message(response)}".strip(), self._opens(response))
        if response.status_code in (502, 503, 504):
            raise Closed(f"HubSpot answers {response.status_code}")
        return response

    def _opens(self, response: httpx.Response) -> datetime:
        try:
            wait = timedelta(seconds=float(response.headers["Retry-After"]))
        except (KeyError, ValueError):
            wait = timedelta(seconds=10)
        return self._clock.real() + min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)


class Unclear(Exception):
    """The request left, and no answer came."""


def signed(secret: str, method: str, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    """Whether HubSpot signed this hook in the last five minutes (its signature version 3)."""
    stamp = headers.get("x-hubspot-request-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 15:
        return False
    if abs(now - datetime.fromtimestamp(int(stamp) / 1000, UTC)) > OLDEST_HOOK:
        return False
    text = method.encode() + url.encode() + body + stamp.encode()
    right = base64.b64encode(hmac.new(secret.encode(), text, "sha256").digest())
    return hmac.compare_digest(right, headers.get("x-hubspot-signature-v3", "").encode("utf-8", "replace"))


def named(body: bytes) -> list[tuple[str, str]]:
    """Key and contact of each event of a hook's body; those about nothing else than contacts. Raises ValueError."""
    found = orjson.loads(body)
    if not isinstance(found, list):
        raise ValueError("a hook is a list")
    about: Callable[[Any], bool] = lambda one: isinstance(one, dict) and "objectId" in one  # noqa: E731
    return [
        (f"{one.get('eventId')}:{one.get('subscriptionId')}:{one.get('occurredAt')}", str(one["objectId"]))
        for one in found
        if about(one) and str(one.get("subscriptionType", "")).startswith("contact.")
    ]


def _input(row: Wanted, remote: str | None) -> dict[str, Any]:
    properties = {name: _text(value) for name, value in row.values.items()}
    properties |= {"email": row.email, OUR_ID: str(row.lead)}
    return {"properties": properties} if remote is None else {"id": remote, "properties": properties}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _properties(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*names, "email", OUR_ID, "lastmodifieddate", "hs_merged_object_ids"]))


def _is(name: str, operator: str, value: object) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _millis(at: object) -> int:
    text = str(at or "0")
    if text.isdigit():
        return int(text)
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _deal(one: Mapping[str, Any]) -> RemoteDeal:
    said = one["properties"]
    at = said.get("hs_lastmodifieddate") or one.get("updatedAt")
    return RemoteDeal(
        str(one["id"]), str(said.get("dealstage") or ""), said.get("amount") or None,
        said.get("deal_currency_code") or None, datetime.fromtimestamp(_millis(at) / 1000, UTC) if at else None,
    )  # fmt: skip


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json().get("message", ""))[:300]
    except (ValueError, AttributeError):
        return ""
