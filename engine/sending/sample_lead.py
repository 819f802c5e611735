"""A lead who does not exist, for previews and test mails: every field filled plausibly, or only what is sure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dsl.plan import LeadField, Notify, Operand, Plan, Program, Scalar, Send, Value
from engine.mail.compose import Kind
from engine.mail.notices import NOTICES
from engine.model.lead import Lead, stage_order

NOBODY = UUID("00000000-0000-4000-8000-000000000000")

PERSON: Mapping[str, Scalar] = {
    "first_name": "Ada", "last_name": "Lovelace", "company": "Analytical Engines", "job_title": "Head of computing",
    "country": "DE", "city": "Voerde", "phone": "+49 281 123456", "owner": "sales.person@acme.example",
    "timezone": "Europe/Berlin", "birthday": "1990-12-10",
}  # fmt: skip
ORIGIN: Mapping[str, str] = {
    f"{when}_{what}": value for when in ("first", "created")
    for what, value in (("channel", "Paid Search"), ("source", "google"), ("medium", "cpc"), ("campaign", "spring"),
                        ("keyword", "heat pump"))
} | {"created_by": "form demo"}  # fmt: skip
"""Where the person came from."""
_EVENT: Mapping[str, Any] = {
    "amount": 100, "items": 3, "id": "4711", "title": "An example", "reason": "not ready", "minutes": 30, "seconds": 90,
    "url": "https://acme.example/", "link": "https://acme.example/", "by": "sales.person@acme.example", "before": 40,
    "after": 50, "pipeline_stage": "Offer", "handoff_url": "https://acme.example/handoff", "team": "Sales",
    "member": "sales.person@acme.example", "campaign": "An example", "phase": "waiting", "note": "Read the whitepaper",
}  # fmt: skip


def example(field: LeadField, now: datetime) -> Scalar:
    """A plausible value for a field of the workspace."""
    if field.choices:
        return field.choices[0]
    coming = now + timedelta(days=60)
    values: Mapping[str, Scalar] = {
        "number": 42, "money": 1200, "yes/no": True, "date": coming.date().isoformat(), "moment": coming.isoformat(),
        "country": "DE", "language": "en", "phone": "+49 281 123456", "url": "https://acme.example/",
        "email": "colleague@acme.example", "timezone": "Europe/Berlin",
    }  # fmt: skip
    return values.get(field.type, field.name.replace("_", " ").capitalize())


def invented_lead(
    program: Program, email: str, language: str | None, now: datetime, *, only: Collection[str] | None = None
) -> Lead:
    """A lead at the first stage. `only`: of all fields just these are known, to see a template's defaults."""
    known = {**{field.name: example(field, now) for field in program.fields}, **PERSON}
    if only is not None:
        known = {name: value for name, value in known.items() if name in only}
    fields = {**known, "language": language or program.workspace.languages[0], "email": email}
    order = stage_order(program)
    origin = {name: value for name, value in ORIGIN.items() if only is None or name in only}
    scores: dict[str, float] = {"": 42} if only is None else {}
    return Lead(NOBODY, 0, order[0] if order else "", now, now, email, fields, scores, origin=origin)


def invented_event(program: Program, now: datetime, template: str) -> dict[str, Any]:
    """The data of any event there could have been: what the language knows, forms ask and declared events carry. In a
    notice about a handoff, names that a handoff has too mean the handoff's."""
    asked = {field.name: example(field, now) for field in program.all_fields.values() if field.name != "created"}
    events = (*(event.data for event in program.events), *(data for _, data in program.carried))
    declared = {name: example(LeadField(name=name, type=type), now) for data in events for name, type in data}
    known = {**_EVENT, "due": (now + timedelta(days=1)).isoformat()}
    notice = known if template.casefold() in NOTICES.values() else {}
    return {**asked, **PERSON, **known, **declared, **notice}


def given_for(send: Send | None, lead: Lead) -> dict[str, Any]:
    """The names a send gives by `with`, as far as this lead has values for them."""
    return {name: _value(operand, lead) for name, operand in send.values} if send else {}


def _value(operand: Operand, lead: Lead) -> Any:
    if isinstance(operand, Value):
        return operand.value
    return ({**lead.origin, **lead.fields}.get(operand.name) if operand.kind == "field" else None) or "example"


def use_of(program: Program, template: str) -> tuple[Plan | None, Send | None, Kind | None]:
    """A campaign's step that sends the template, and what kind of mail that makes it; None: nothing sends it."""
    wanted = template.casefold()
    for plan in program.campaigns:
        for step in plan.steps:
            if isinstance(step, Send) and step.template.casefold() == wanted:
                return plan, step, "transactional" if step.mode == "transactional" else "marketing"
    if any(form.confirm_with and form.confirm_with.casefold() == wanted for form in program.forms):
        return None, None, "transactional"
    notified = [step.template for plan in program.campaigns for step in plan.steps if isinstance(step, Notify)]
    if wanted in {name.casefold() for name in (*notified, *NOTICES.values())}:
        return None, None, "staff"
    return None, None, None
