"""What goes in and out of the API, as JSON Schema (2020-12), from the same tables that requests are judged by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dsl.plan import FieldType, Form, LeadField, Program
from engine.model.lead import TRACKING
from engine.rules.deals.history import DEAL_TYPES
from engine.rules.deals.report import MOST_LEADS
from web.api.costs import RATE, SPEND
from web.api.events import MAILS, MAX_BATCH, MAX_DATA, MAX_NAME, NAMELESS, SOURCE, TYPES
from web.api.leads import MAX_LISTS, MAX_PROOF, OURS, PROOF

Schema = dict[str, Any]
INSTANT: Schema = {"type": "string", "format": "date-time", "description": "ISO 8601 with its zone"}
ADDRESS: Schema = {"type": "string", "minLength": 3, "maxLength": 320, "description": "one complete email address"}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "description": "one line"}
_SEVERAL: Schema = {"type": "array", "items": {"type": "string"}}
_OF_TYPE: Mapping[FieldType, Schema] = {
    "text": {"type": ["string", "number"], "maxLength": 2000},
    "long text": {"type": "string", "maxLength": 10_000},
    "number": {"type": ["number", "string"], "description": "a number, or a number as text"},
    "money": {"type": ["number", "string"], "description": "an amount, or an amount as text"},
    "yes/no": {"type": ["boolean", "string"], "description": "true, false, yes, or no"},
    "date": {"type": "string", "format": "date"},
    "moment": {"type": "string", "description": "ISO 8601; without a zone in the lead's own time"},
    "country": {"type": "string", "description": "an ISO 3166-1 code or a common name"},
    "language": {"type": "string", "description": "an ISO 639-1 code, a tag such as de-AT, or a name"},
    "phone": {"type": "string", "description": "with the country code"},
    "url": {"type": "string", "format": "uri"},
    "email": ADDRESS,
    "timezone": {"type": "string", "description": "an IANA name, such as Europe/Berlin"},
    "choice": {"type": "string"},
    "choices": _SEVERAL,
}


def of_type(type: FieldType, choices: Iterable[str] = ()) -> Schema:
    """How a value of a field or property of that type is written."""
    found = dict(_OF_TYPE[type])
    if chosen := list(choices):
        if type == "choices":
            found["items"] = {"enum": chosen}
        else:
            found["enum"] = chosen
    return found


def of_field(field: LeadField) -> Schema:
    return of_type(field.type, field.choices)


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
_SOURCE: Schema = {
    "type": "object", "additionalProperties": False, "minProperties": 1,
    "properties": {name: {"type": "string", "maxLength": 2000} for name in sorted(SOURCE)},
    "description": "where it came from: what is known of the visit, or its page",
}  # fmt: skip
_WHO: list[Schema] = [{"required": ["email"]}, {"required": ["visitor"]}]


def events(program: Program) -> dict[str, Schema]:
    """By the name of its schema, each event that may be told: the types that Coldframe knows, and those that the
    workspace declares."""
    found: dict[str, Schema] = {}
    for type, known in TYPES.items():
        if type == "custom":
            continue
        data = {**known, **program.carried_by(type)}
        required = program.required_by(type, "")
        found[_name(type)] = _event({"type": {"const": type}}, data, required, type)
    for one in program.events:
        found[_name(f"event.{one.name}")] = _event(
            {"event": {"type": "string", "const": one.name}}, dict(one.data), one.required, "custom", declared=True
        )
    if not program.events:
        found["Event"] = _event({"event": TEXT}, {}, (), "custom", declared=True)
    for report in MAILS:
        found[_name(report)] = _mail(report)
    return found


def _event(
    what: Mapping[str, Schema], data: Mapping[str, FieldType], required: Iterable[str], type: str, *,
    declared: bool = False,
) -> Schema:  # fmt: skip
    deal = type in DEAL_TYPES
    inner: Schema = {
        "type": "object", "maxProperties": MAX_DATA, "properties": {name: of_type(kind) for name, kind in data.items()},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }  # fmt: skip
    needed = [*required, *(["id"] if deal else []), *(["amount"] if type == "deal.refunded" else [])]
    if needed:
        inner["required"] = sorted(set(needed))
    properties: dict[str, Schema] = {
        **what, "email": ADDRESS, "data": inner, "at": {**INSTANT, "description": "when it happened there"},
        "key": {**TEXT, "description": "makes repeats safe: the same key for the same lead counts once"},
    }  # fmt: skip
    if not declared:
        properties["name"] = TEXT
    if deal:
        properties["emails"] = {"type": "array", "items": ADDRESS, "minItems": 1, "maxItems": MOST_LEADS}
    else:
        properties |= {"visitor": {"type": "string", "format": "uuid"}, "source": _SOURCE}
    must = [*what, *([] if declared or type in NAMELESS else ["name"]), *(["data"] if needed else [])]
    return {
        "type": "object", "additionalProperties": False, "properties": properties, "required": must,
        "oneOf": [{"required": ["email"]}, {"required": ["emails"]}] if deal else _WHO,
    }  # fmt: skip


def _mail(type: str) -> Schema:
    properties: dict[str, Schema] = {
        "type": {"const": type}, "email": ADDRESS, "name": {**TEXT, "description": "its template; else the last email"},
    }  # fmt: skip
    if type == "email.bounced":
        properties["status"] = {"type": "string", "description": "the code of the bounce, such as 5.1.1 or 4.2.2"}
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": ["type", "email"]}


def _name(type: str) -> str:
    """`deal.won` as a schema is called: `DealWon`."""
    words = "".join(sign if sign.isalnum() else " " for sign in type).split()
    return "".join(word[:1].upper() + word[1:] for word in words)


# ── leads, costs, forms ──────────────────────────────────────────────────────────────────────────────────────────────
def lead(program: Program) -> Schema:
    writable = [field for name, field in program.all_fields.items() if name not in OURS]
    topics = [one.name for one in program.workspace.topics]
    offered = [*topics, *([TRACKING] if program.workspace.tracking_needs_consent else [])]
    proof: dict[str, Schema] = {
        "topic": {"enum": offered} if offered else TEXT,
        "wording": {"type": "string", "minLength": 1, "maxLength": MAX_PROOF, "description": "what they agreed to"},
        "given_at": INSTANT,
        "how": {"type": "string", "minLength": 1, "maxLength": MAX_PROOF, "description": "how and where it was given"},
    }
    consent: Schema = {
        "type": "object", "properties": proof, "required": sorted(PROOF), "additionalProperties": False
    }  # fmt: skip
    lists: Schema = {"type": "array", "items": TEXT, "maxItems": MAX_LISTS}
    return {
        "type": "object", "additionalProperties": False, "required": ["email"],
        "properties": {
            "email": ADDRESS,
            "new_email": {**ADDRESS, "description": "the address that the lead has from now on"},
            "owner": {"type": ["string", "null"]},
            "fields": {
                "type": "object", "additionalProperties": False,
                "properties": {field.name: {"anyOf": [of_field(field), {"type": "null"}]} for field in writable},
                "description": "null empties a field",
            },
            "lists": {**lists, "description": "lists to join"},
            "leave": {**lists, "description": "lists to leave"},
            "consent": {"anyOf": [consent, {"type": "array", "items": consent, "minItems": 1}]},
        },
    }  # fmt: skip


def spend(program: Program) -> Schema:
    amount: Schema = {"type": ["number", "string"], "description": "decimal text or a number, not below zero"}
    properties: dict[str, Schema] = {
        **{name: {"type": "string", "maxLength": MAX_NAME} for name in SPEND},
        "day": {"type": "string", "format": "date"}, "amount": amount,
        "currency": {"type": "string", "description": f"ISO 4217; {program.workspace.currency} if it is missing"},
        "clicks": {"type": "integer", "minimum": 0}, "impressions": {"type": "integer", "minimum": 0},
    }  # fmt: skip
    return {
        "type": "object", "additionalProperties": False, "properties": properties,
        "required": ["day", "source", "amount"],
    }  # fmt: skip


def rate() -> Schema:
    properties: dict[str, Schema] = {
        "day": {"type": "string", "format": "date", "description": "the first day of the rate"},
        "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
        "rate": {"type": ["number", "string"], "description": "what one unit is worth in the workspace's currency"},
    }
    return {
        "type": "object", "additionalProperties": False, "properties": properties, "required": sorted(RATE)
    }  # fmt: skip


def form(one: Form, program: Program) -> Schema:
    """A post of the form as JSON. Names beside those of the form are ignored, and named in the answer."""
    properties = {ask.field: of_field(program.all_fields[ask.field]) for ask in one.asks}
    properties |= {name: of_field(program.all_fields[name]) for name in one.filled}
    if topics := [consent.topic for consent in one.consents]:
        properties["consent"] = {"type": "array", "items": {"enum": topics}}
    required = sorted({"email", *(ask.field for ask in one.asks if ask.required)})
    return {"type": "object", "properties": properties, "required": required}


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def answer(states: Iterable[str], **more: Schema) -> Schema:
    """What is said of one item: its state, and for a refused one a message for each member that is wrong."""
    errors: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "type": "object", "required": ["state"],
        "properties": {"state": {"enum": [*states, "refused"]}, "errors": errors, **more},
    }  # fmt: skip


def batch(item: Schema) -> Schema:
    """One item, or a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_BATCH}]}


def answers(item: Schema) -> Schema:
    """The answer to one item, or to a list: one for each, in order."""
    whole: Schema = {
        "type": "object", "properties": {"results": {"type": "array", "items": item}}, "required": ["results"]
    }  # fmt: skip
    return {"anyOf": [item, whole]}


PROBLEM: Schema = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def post() -> Schema:
    """What the step `post to` sends."""
    lead: Schema = {
        "type": "object", "properties": {"id": {"type": "string", "format": "uuid"}, "email": ADDRESS},
        "required": ["id", "email"], "additionalProperties": False,
    }  # fmt: skip
    return {
        "type": "object", "additionalProperties": False,
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "the same however often a post is repeated"},
            "at": INSTANT, "lead": lead, "campaign": {"type": "string"},
            "step": {"type": "string", "description": "the step's label, else its id"},
            "values": {"type": "object", "description": "each value that the step names"},
        },
        "required": ["id", "at", "lead", "campaign", "step", "values"],
    }  # fmt: skip
