"""Which leads a CRM gets, as what, and what its values mean here. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from dsl.plan import Crm, CrmRead, Program, Scalar
from engine.model.crm import RemoteDeal, RemoteLead, Values
from engine.model.lead import Lead, stage_order
from engine.rules.conditions.conditions import own_key
from engine.rules.deals.history import DealType
from engine.rules.leads.values import Context, FieldValue, Refused, parse_field

NAMES: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("firstname", "lastname", "company", "jobtitle", "phone", "country", "city"),
    "webhooks": ("first_name", "last_name", "company", "job_title", "phone", "country", "city"),
}
"""What every lead goes along with, by provider, in the order of `OWN`."""
OWN = ("first_name", "last_name", "company", "job_title", "phone", "country", "city")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
Act = Literal["acknowledge", "contacted", "accept", "reject"]
ACTS: Mapping[str, Act] = {
    "acknowledged": "acknowledge", "contacted": "contacted", "accepted": "accept", "rejected": "reject",
}  # fmt: skip


def stages_from(program: Program, crm: Crm) -> frozenset[str]:
    """The stages whose leads the CRM gets: the one that the declaration names, and those after it."""
    order = stage_order(program)
    return frozenset(order[order.index(crm.stage) :]) if crm.stage in order else frozenset({crm.stage})


def concerns(program: Program, crm: Crm, lead: Lead, moved_from: Iterable[str]) -> bool:
    """Whether a change of this lead may have to be told: it is at such a stage, was until now, or has left the order,
    where it may have been told of before."""
    wanted = stages_from(program, crm)
    return lead.stage in wanted or not wanted.isdisjoint(moved_from) or lead.stage not in stage_order(program)


def values_for(crm: Crm, lead: Lead) -> dict[str, Scalar | None]:
    """The lead as the CRM should have it. What is unknown here is left out, so that it empties nothing there; once
    known and emptied again it is sent as None by whoever compares."""
    known: dict[str, Any] = {**lead.origin, **lead.fields, "created": lead.created_at.isoformat(), "email": lead.email}
    found: dict[str, Scalar | None] = {}
    for ours, theirs in zip(OWN, NAMES[crm.provider], strict=True):
        if known.get(ours) not in (None, ""):
            found[theirs] = known[ours]
    for sent in crm.sends:
        value = _value(sent.kind, sent.name, lead, known)
        if value not in (None, ""):
            found[sent.to] = value
    return found


def _value(kind: str, name: str, lead: Lead, known: Mapping[str, Any]) -> Scalar | None:
    match kind:
        case "score":
            return _plain(lead.scores.get(name, 0))
        case "interest":
            return _plain(lead.interests.get(own_key(lead.interests, name) or name, 0))
        case "stage":
            return lead.stage
        case _:
            value = known.get(name)
            return ";".join(map(str, value)) if isinstance(value, list | tuple) else value


def _plain(value: float) -> Scalar:
    return int(value) if float(value).is_integer() else value


def to_write(wanted: Values, seen: Values) -> dict[str, Scalar | None]:
    """What must be written so that the CRM, which has `seen` as far as is known, has `wanted`."""
    return {name: value for name, value in wanted.items() if not same(value, seen.get(name))}


def same(one: object, other: object) -> bool:
    """Whether two systems mean the same: 12, 12.0 and "12" are, and so are None and ""."""
    return _written(one) == _written(other)


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.10g}" if len(text) < 16 else text


@dataclass(frozen=True)
class Incoming:
    """What a record of the CRM changes here. `lost`: by field, the value that a conflict was decided against, ours or
    theirs; `refused`: fields of the CRM whose value does not fit; `act`, `reason`: for the open handoff."""

    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    lost: Mapping[str, object] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    act: Act | None = None
    reason: str = ""


def judge(
    crm: Crm, program: Program, lead: Lead, record: RemoteLead, seen: Values, pending: datetime | None
) -> Incoming:  # fmt: skip
    """`seen`: the CRM's values as they were last written or read; what equals them is no news. `pending`: since when
    something of the lead waits to be written there."""
    fields: dict[str, FieldValue] = {}
    lost: dict[str, object] = {}
    refused: list[str] = []
    for one in crm.reads:
        theirs = record.values.get(one.remote)
        if theirs in (None, "") or same(theirs, seen.get(one.remote)):
            continue
        try:
            value = _read(one, program, theirs)
        except Refused:
            refused.append(one.remote)
            continue
        ours = lead.fields.get(one.field)
        if value is None or value == ours:
            continue
        if _ours_stands(one, ours, seen, pending, record.at):
            lost[one.field] = value
        else:
            fields[one.field] = value
            if pending is not None and ours is not None and not same(ours, seen.get(one.remote)):
                lost[one.field] = ours
    act, reason = _outcome(crm, record.values, seen)
    return Incoming(fields, lost, tuple(refused), act, reason)


def _read(one: CrmRead, program: Program, theirs: object) -> FieldValue | None:
    declared = program.all_fields[one.field]
    text = str(theirs)
    if declared.type == "date" and len(text) > 10:  # midnight UTC is that day, wherever the company is
        text = _day(text)
    if declared.type == "email":
        if not _ADDRESS.fullmatch(text.strip()):
            raise Refused("email")
        return text.strip()
    given = [part.strip() for part in text.split(";")] if declared.type == "choices" else [text]
    return parse_field(declared, given, Context(program))


def _day(text: str) -> str:
    try:
        at = datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return text
    return (at if at.tzinfo is None else at.astimezone(UTC)).date().isoformat()


def _ours_stands(one: CrmRead, ours: object, seen: Values, pending: datetime | None, theirs_at: datetime) -> bool:
    """Only where both sides have changed it: ours is another than the CRM was last known to have, and waits."""
    if ours in (None, "") or pending is None or same(ours, seen.get(one.remote)):
        return False
    return one.wins == "ours" or (one.wins == "newest" and pending > theirs_at)


def _outcome(crm: Crm, values: Values, seen: Values) -> tuple[Act | None, str]:
    """What the first line that fits says, if the value is news."""
    for one in crm.outcomes:
        if same(values.get(one.remote), one.value) and not same(values.get(one.remote), seen.get(one.remote)):
            because = values.get(one.because) if one.because else None
            return ACTS[one.outcome], str(because or "")
    return None, ""


def deal_event(crm: Crm, deal: RemoteDeal) -> DealType:
    """The type of event that a deal in this stage stands for."""
    if deal.stage in crm.won:
        return "deal.won"
    return "deal.lost" if deal.stage in crm.lost else "deal.moved"
