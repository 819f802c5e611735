"""`GET /openapi.json`: the API as OpenAPI 3.1, with the fields, events and forms of the workspace that is deployed; and
`GET /docs/api`, the same as a page."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsl.plan import Program
from engine.runtime.runtime import NothingDeployed
from web.api import schemas
from web.api.schemas import PROBLEM, Schema, answer, answers, batch
from web.http.answers import page
from web.http.context import deployed, runtime

router = APIRouter()
KEY: list[dict[str, list[str]]] = [{"key": []}]
_JSON = "application/json"


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """For everybody: it says nothing that a form's page or the documentation does not say."""
    current = await deployed(request)
    if current is None:
        raise NothingDeployed
    return JSONResponse(describe(current.program, runtime(request).settings.base_url))


@router.get("/docs/api")
async def reading(request: Request) -> Response:
    """The same for people, without a script."""
    current = await deployed(request)
    if current is None:
        raise NothingDeployed
    whole = describe(current.program, runtime(request).settings.base_url)
    parts = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    ]
    return page("api.html", parts=parts, schemas=whole["components"]["schemas"], base=whole["servers"][0]["url"])


def describe(program: Program, base_url: str) -> dict[str, Any]:
    """The description of the API for this workspace. Every route under `/api` and `/hooks`, and each form, is in it."""
    told = schemas.events(program)
    known: dict[str, Schema] = {
        **told, "AnyEvent": {"anyOf": [_ref(name) for name in told]}, "Lead": schemas.lead(program),
        "Spend": schemas.spend(program), "Rate": schemas.rate(), "Post": schemas.post(), "Problem": PROBLEM,
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Coldframe of {program.workspace.name}", "version": version("coldframe"),
            "description": "Forms, events, leads, costs, and reports. A refused item names a wrong member and what "
            "would be right; in a list, the other items are taken.",
        },
        "servers": [{"url": base_url}],
        "paths": {**_data_paths(), **_report_paths(), **_hook_paths(), **_form_paths(program)},
        "webhooks": {"post": {"post": _outgoing()}},
        "components": {
            "schemas": known,
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer", "description": "a key from `coldframe key create NAME`",
            }},
        },
    }  # fmt: skip


def _outgoing() -> dict[str, Any]:
    """What a receiver of `post to` is sent."""
    heads = {
        "webhook-id": "the same in every attempt", "webhook-timestamp": "Unix seconds of this attempt",
        "webhook-signature": "`v1,` and the Base64 of the HMAC-SHA256 of `<id>.<timestamp>.<body>`; two of them, with "
        "a space between, while the secret is rotated",
        "Idempotency-Key": "the same as webhook-id",
        "X-Coldframe-Signature": "`t=<timestamp>,v1=<hex>`, the HMAC-SHA256 of `<timestamp>.<body>`",
    }  # fmt: skip
    return {
        "summary": "A post from the step “post to”", "operationId": "receivePost",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
            for name, said in heads.items()
        ],
        "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("Post")}}},
        "responses": {
            "2XX": {"description": "taken"}, "4XX": {"description": "failed; not sent again, except 408, 425, and 429"},
            "429": {"description": "sent again later, after `Retry-After` seconds at the earliest"},
            "5XX": {"description": "sent again later"},
        },
    }  # fmt: skip


def _data_paths() -> dict[str, Any]:
    lead_id: Schema = {"type": "string", "format": "uuid"}
    consent: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    stored = answer(["stored"], lead=lead_id, consent=consent)
    costs = answer(["stored", "replaced", "repeated"])
    one = {"name": "who", "in": "path", "required": True, "description": "address or id", "schema": {"type": "string"}}
    return {
        "/api/events": {"post": _taking(
            "Tell what happened", "tellEvents", batch(_ref("AnyEvent")),
            answer(["recorded", "repeated", "declined", "unknown", "set aside"]),
        )},
        "/api/leads": {"post": _taking("Write leads", "writeLeads", batch(_ref("Lead")), stored)},
        "/api/leads/{who}": {"get": {
            "summary": "Read a lead", "operationId": "readLead", "security": KEY, "parameters": [one],
            "responses": {"200": _content({"type": "object"}), **_refusals("401", "403", "404", "429", "503")},
        }},
        "/api/spend": {"post": _taking("Tell what advertising cost", "writeSpend", batch(_ref("Spend")), costs)},
        "/api/rates": {"post": _taking("Tell rates of currencies", "writeRates", batch(_ref("Rate")), costs)},
    }  # fmt: skip


def _taking(summary: str, name: str, body: Schema, item: Schema) -> dict[str, Any]:
    problem = {"anyOf": [item, PROBLEM]}
    return {
        "summary": summary, "operationId": name, "security": KEY,
        "requestBody": {"required": True, "content": {_JSON: {"schema": body}}},
        "responses": {
            "200": _content(answers(item)), "422": _content(problem, "refused; nothing was stored"),
            **_refusals("400", "401", "403", "408", "413", "415", "429", "503"),
        },
    }  # fmt: skip


def _report_paths() -> dict[str, Any]:
    from web.api.reports import ASKED, FORMATS, WORKBOOK

    asked = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in (*ASKED, "part")]
    asked.append({"name": "format", "in": "query", "schema": {"enum": list(FORMATS)}})
    path = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    text: Schema = {"type": "string"}
    whole = {
        "description": "the report", "content": {
            _JSON: {"schema": {"type": "object"}}, "text/csv": {"schema": text},
            WORKBOOK: {"schema": {"type": "string", "format": "binary"}},
        },
    }  # fmt: skip
    refused = _refusals("401", "403", "422", "429", "503")
    return {
        "/api/reports": {"get": {
            "summary": "List the reports", "operationId": "listReports", "security": KEY,
            "responses": {"200": _content({"type": "object"}), **refused},
        }},
        "/api/reports/{name}": {"get": {
            "summary": "Read a report", "operationId": "readReport", "security": KEY, "parameters": [path, *asked],
            "responses": {"200": whole, **refused},
        }},
    }  # fmt: skip


def _hook_paths() -> dict[str, Any]:
    path = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    signed = {"type": "object", "description": "as its sender signs it"}
    hook = {
        "requestBody": {"required": True, "content": {_JSON: {"schema": {"anyOf": [signed, {"type": "array"}]}}}},
        "responses": {
            "200": _content({"type": "object"}), **_refusals("400", "403", "404", "408", "413", "422", "429", "503")
        },
    }  # fmt: skip
    return {
        "/hooks/sendgrid": {"post": {"summary": "SendGrid's signed events", "operationId": "hookSendgrid", **hook}},
        "/hooks/crm/{name}": {"post": {
            "summary": "What a CRM tells, signed", "operationId": "hookCrm", "parameters": [path], **hook,
        }},
    }  # fmt: skip


def _form_paths(program: Program) -> dict[str, Any]:
    """One path for each form: a name is part of the address."""
    from urllib.parse import quote

    found: dict[str, Any] = {}
    for number, form in enumerate(program.forms):
        said: Schema = {
            "type": "object", "required": ["state"],
            "properties": {"state": {"enum": ["submitted", "confirm"]}, "thanks": {"type": "string"},
                           "file": {"type": ["string", "null"]}, "ignored": {"type": "array"}},
        }  # fmt: skip
        errors: Schema = {
            "type": "object", "properties": {"message": {"type": "string"}, "errors": {"type": "object"}}
        }  # fmt: skip
        found[f"/f/{quote(form.name.casefold(), safe='')}"] = {"post": {
            "summary": f"Submit the form “{form.name}”", "operationId": f"submitForm{number + 1}",
            "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
            "requestBody": {"required": True, "content": {_JSON: {"schema": schemas.form(form, program)}}},
            "responses": {
                "200": _content(said), "422": _content({"anyOf": [errors, PROBLEM]}, "a value is invalid"),
                **_refusals("400", "403", "404", "408", "413", "415", "429", "503"),
            },
        }}  # fmt: skip
    return found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(schema: Schema, said: str = "taken") -> dict[str, Any]:
    return {"description": said, "content": {_JSON: {"schema": schema}}}


_SAID = {
    "400": "not well formed", "401": "the key is missing, wrong, or revoked",
    "403": "not allowed, or not signed as it must be", "404": "there is no such thing",
    "408": "the body took too long", "413": "the body is too large", "415": "not JSON", "422": "refused",
    "429": "too many requests; `Retry-After` says how many seconds to wait", "503": "try again later",
}  # fmt: skip


def _refusals(*codes: str) -> dict[str, Any]:
    return {code: _content(_ref("Problem"), _SAID[code]) for code in codes}
