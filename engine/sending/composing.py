"""A campaign's mail to a lead: what a template may know of them, and the links that lead back to us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from dsl.plan import Plan, Send
from engine.mail.compose import Addressed, Composed, compose
from engine.mail.context import Context
from engine.mail.render import Renderer
from engine.model.lead import Lead
from engine.model.ports import Mail
from engine.platform.tokens import Tokens
from engine.rules.conditions.chance import subject_of
from engine.rules.runs.position import Branch
from engine.runtime.catalog import Deployment
from engine.sending.mail_record import memo_of


def context_for(
    lead: Lead, deployment: Deployment, tokens: Tokens, base_url: str, *, event: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None, confirm_url: str = "",
) -> Context:  # fmt: skip
    """Plain values for a template; nothing in it reaches back into the program."""
    program = deployment.program
    owner = str(lead.fields.get("owner") or "")
    return Context(
        lead={**lead.origin, **lead.fields, "email": lead.email or "", "created": lead.created_at},
        score=float(lead.scores.get("", 0)),
        stage=lead.stage,
        interests=[name for name, count in sorted(lead.interests.items(), key=lambda one: (-one[1], one[0])) if count],
        owner={"email": owner, "name": owner.partition("@")[0].replace(".", " ").title()} if owner else {},
        event=event or {},
        given=given or {},
        confirm_url=confirm_url,
        language=str(lead.fields.get("language") or ""),
        zone=lead.zone(program),
        file_url=file_urls(tokens, base_url, lead.id),
    )


def file_urls(tokens: Tokens, base_url: str, lead: UUID) -> Callable[[str], str]:
    """The function by which a template gets the address of a file for this lead."""
    return lambda path: f"{base_url}/d/{tokens.sign('file', str(lead), path)}"


def confirm_url(tokens: Tokens, base_url: str, lead: UUID, seq: int) -> str:
    """Where the lead confirms the post with that number."""
    return f"{base_url}/confirm/{tokens.sign('confirm', str(lead), str(seq))}"


def compose_for_lead(
    send: Send, plan: Plan, branch: Branch, lead: Lead, deployment: Deployment, tokens: Tokens, base_url: str,
    given: Mapping[str, Any], id: UUID | None = None,
) -> Composed:  # fmt: skip
    """The mail of one send step. Raises engine.mail.errors.TemplateError, without any of the lead's data."""
    transactional = send.mode == "transactional"
    confirm = confirm_url(tokens, base_url, lead.id, branch.event_seq)
    owner = str(lead.fields.get("owner") or "")
    sender = owner if plan.from_owner and owner else plan.sender or ""
    message = Addressed(
        id or uuid4(), lead.id, lead.email or "", "transactional" if transactional else "marketing",
        topic=plan.topic or "", sender=sender,
    )  # fmt: skip
    context = context_for(lead, deployment, tokens, base_url, event=branch.event, given=given, confirm_url=confirm)
    tracked = lead.may_be_tracked(deployment.program) and not transactional
    composed = compose(
        deployment.renderer, send.template, context, message, tokens, base_url, tracked=tracked,
        subject=subject_of(send.subjects, plan, send.id, lead.id),
    )  # fmt: skip
    memo = memo_of(
        context, composed.rendered, epoch=deployment.epoch, topic=message.topic, tracked=tracked,
        event_seq=branch.event_seq,
    )  # fmt: skip
    return replace(composed, memo=memo)


def compose_for_staff(
    template: str, to: str, lead: Lead, deployment: Deployment, tokens: Tokens, base_url: str, *,
    event: Mapping[str, Any], zone: str, given: Mapping[str, Any] | None = None, renderer: Renderer | None = None,
) -> Mail:  # fmt: skip
    """A mail about a lead to a colleague: in the company's language, never tracked. Raises TemplateError.

    `renderer` stands in for the workspace's own.
    """
    context = replace(context_for(lead, deployment, tokens, base_url, event=event, given=given), language="", zone=zone)
    message = Addressed(uuid4(), lead.id, to, "staff")
    renderer = renderer or deployment.renderer
    return compose(renderer, template, context, message, tokens, base_url, tracked=False).mail
