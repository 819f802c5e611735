"""A HubSpot that refuses what HubSpot refuses: unknown fields, wrong numbers, unknown choices, batches over 100, pages
over 200, questions with more than 10,000 hits. It can lag, answer 429, be away, and hang up after it has taken a
batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

NUMBERS = {"cf_score", "cf_fit", "numberofemployees"}
CHOICES = {"hs_lead_status": {"NEW", "OPEN_DEAL", "UNQUALIFIED", "IN_PROGRESS", "CONNECTED"}}
FIELDS = {
    "email", "firstname", "lastname", "company", "jobtitle", "phone", "country", "city", "coldframe_id", "cf_source",
    "cf_stage", "renewal_date", "hubspot_owner_id", "lost_reason", "lastmodifieddate", "hs_object_id",
    "hs_merged_object_ids", "createdate", *NUMBERS, *CHOICES,
}  # fmt: skip
Answer = tuple[int, Any]


@dataclass
class HubSpotServer:
    """`contacts` by id; `calls` are the requests. `script` holds what comes instead, in order: a response, an error,
    or `"hang up"` for a connection that breaks after the work was done."""

    token: str = "t0ken"
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    deals: dict[str, dict[str, str]] = field(default_factory=dict)
    ties: dict[str, list[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=lambda: {"77": "eva@acme.example", "78": "jonas@acme.example"})
    script: list[Any] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    writes: list[dict[str, str]] = field(default_factory=list)
    now: datetime = datetime(2026, 9, 1, 12, tzinfo=UTC)
    lag: int = 0
    """Milliseconds before `now` that a search does not show."""

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def put(self, id: str, **values: str) -> None:
        """Somebody changes a contact there by hand."""
        self.contacts.setdefault(id, {"hs_object_id": id}).update(values)
        self.contacts[id]["lastmodifieddate"] = self._stamp()

    def _stamp(self) -> str:
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(f"{request.method} {path}")
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._error(401, "Authentication credentials not found")
        planned = self.script.pop(0) if self.script else None
        if isinstance(planned, httpx.Response):
            return planned
        if isinstance(planned, Exception):
            raise planned
        body = json.loads(request.content) if request.content else {}
        status, answer = self._route(request.method, path, body, request.url.params)
        if planned == "hang up":
            raise httpx.ReadError("the connection was cut")
        return httpx.Response(status, json=answer)

    def _error(self, status: int, message: str) -> httpx.Response:
        return httpx.Response(status, json={"status": "error", "message": message})

    def _route(self, method: str, path: str, body: Any, query: Mapping[str, str]) -> Answer:
        contacts = "/crm/v3/objects/contacts"
        routes: dict[tuple[str, str], Callable[[Any], Answer]] = {
            ("POST", f"{contacts}/batch/read"): self._read,
            ("POST", f"{contacts}/batch/create"): self._create,
            ("POST", f"{contacts}/batch/update"): self._update,
            ("POST", f"{contacts}/search"): self._search,
            ("POST", "/crm/v4/associations/contacts/deals/batch/read"): self._deals_of,
            ("POST", "/crm/v3/objects/deals/batch/read"): self._read_deals,
        }
        if (method, path) in routes:
            if len(body.get("inputs", ())) > 100:
                return 400, {"message": "The maximum number of inputs supported in a batch request is 100"}
            return routes[method, path](body)
        if (method, path) == ("GET", "/crm/v3/owners"):
            return 200, {"results": [{"id": id, "email": email} for id, email in self.owners.items()]}
        if (method, path) == ("GET", "/crm/v3/properties/contacts"):
            return 200, {"results": [{"name": name} for name in sorted(FIELDS)]}
        if method == "GET" and path.startswith(f"{contacts}/"):
            id = path.rpartition("/")[2]
            id = self.merged.get(id, id)
            if id not in self.contacts:
                return 404, {"message": "resource not found"}
            return 200, self._shown(id)
        return 404, {"message": "no such path"}

    def _shown(self, id: str) -> dict[str, Any]:
        return {"id": id, "properties": dict(self.contacts[id]), "updatedAt": self.contacts[id]["lastmodifieddate"]}

    def _wrong(self, properties: Mapping[str, str]) -> str | None:
        for name, value in properties.items():
            if name not in FIELDS:
                return f'Property values were not valid: [{{"name":"{name}","error":"PROPERTY_DOESNT_EXIST"}}]'
            if name in NUMBERS and value and not value.replace(".", "", 1).lstrip("-").isdigit():
                return f"Property values were not valid: {name} was not a valid number"
            if name in CHOICES and value and value not in CHOICES[name]:
                return f"Property values were not valid: {value} was not one of the allowed options"
        if "@" not in properties.get("email", "@"):
            return f"Property values were not valid: Email address {properties['email']} is invalid"
        return None

    def _by_email(self, email: str) -> str | None:
        wanted = email.casefold()
        return next((id for id, one in self.contacts.items() if one.get("email", "").casefold() == wanted), None)

    def _read(self, body: Any) -> Answer:
        found = [self._by_email(one["id"]) for one in body["inputs"]]
        return 200, {"results": [self._shown(id) for id in found if id is not None]}

    def _create(self, body: Any) -> Answer:
        for one in body["inputs"]:
            if wrong := self._wrong(one["properties"]):
                return 400, {"message": wrong}
            if existing := self._by_email(one["properties"]["email"]):
                return 409, {"message": f"Contact already exists. Existing ID: {existing}"}
        made = []
        for one in body["inputs"]:
            id = str(len(self.contacts) + 101)
            self.put(id, **one["properties"])
            self.writes.append(dict(one["properties"]))
            made.append(self._shown(id))
        return 201, {"status": "COMPLETE", "results": made[::-1]}

    def _update(self, body: Any) -> Answer:
        for one in body["inputs"]:
            if one["id"] not in self.contacts:
                return 404, {
                    "message": f"Could not get some CONTACT objects, they may be deleted or not found: {one['id']}"
                }
            if wrong := self._wrong(one["properties"]):
                return 400, {"message": wrong}
        for one in body["inputs"]:
            self.put(one["id"], **one["properties"])
            self.writes.append(dict(one["properties"]))
        return 200, {"results": [self._shown(one["id"]) for one in body["inputs"]]}

    def _search(self, body: Any) -> Answer:
        if body["limit"] > 200 or len(body["sorts"]) > 1:
            return 400, {"message": "limit is at most 200, with one sort"}
        shown = int(self.now.timestamp() * 1000) - self.lag
        found = []
        for id, one in self.contacts.items():
            known = {"lastmodifieddate": _millis(one["lastmodifieddate"]), "hs_object_id": int(id)}
            groups = body["filterGroups"]
            if known["lastmodifieddate"] <= shown and any(
                all(_fits(known[rule["propertyName"]], rule) for rule in group["filters"]) for group in groups
            ):
                found.append((known[body["sorts"][0]["propertyName"]], id))
        if int(body.get("after", 0)) + body["limit"] > 10_000:
            return 400, {"message": "the search is limited to 10,000 results"}
        chosen = [id for _, id in sorted(found, key=lambda one: (one[0], -int(one[1])))][: body["limit"]]
        return 200, {"total": len(found), "results": [self._shown(id) for id in chosen]}

    def _deals_of(self, body: Any) -> Answer:
        ties = ((one["id"], self.ties[one["id"]]) for one in body["inputs"] if one["id"] in self.ties)
        return 200, {
            "results": [{"from": {"id": id}, "to": [{"toObjectId": to} for to in deals]} for id, deals in ties]
        }

    def _read_deals(self, body: Any) -> Answer:
        found = [one["id"] for one in body["inputs"] if one["id"] in self.deals]
        return 200, {"results": [{"id": id, "properties": self.deals[id]} for id in found]}


def _millis(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _fits(value: int, rule: Mapping[str, str]) -> bool:
    wanted = int(rule["value"])
    return {"EQ": value == wanted, "GT": value > wanted, "GTE": value >= wanted}[rule["operator"]]
