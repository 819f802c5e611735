"""One mail of the deployed workspace to an address of one's own, as an invented lead would get it."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from engine.mail.compose import Addressed, compose
from engine.model.ports import Receipt
from engine.runtime.runtime import NothingDeployed, Runtime
from engine.sending.composing import context_for
from engine.sending.sample_lead import given_for, invented_event, invented_lead, use_of


async def send_test(rt: Runtime, template: str, to: str, language: str | None) -> Receipt:
    """The provider's answer. Nothing is written into any lead's history, and the links in the mail lead to nobody.

    Raises TemplateError when there is no such template or it cannot be rendered, NothingDeployed before a deployment.
    """
    deployment = await rt.catalog.refresh()
    if deployment is None:
        raise NothingDeployed
    assert rt.mailer is not None, "a mailer must be chosen first"
    now, program = rt.clock.now(), deployment.program
    lead = replace(invented_lead(program, to, language, now), id=uuid4())
    plan, send, kind = use_of(program, template)
    base = rt.settings.base_url
    context = context_for(
        lead, deployment, rt.tokens, base, event=invented_event(program, now, template), given=given_for(send, lead),
        confirm_url=f"{base}/confirm/example",
    )  # fmt: skip
    topic, sender = (plan.topic or "", plan.sender or "") if plan else ("", "")
    message = Addressed(uuid4(), lead.id, to, kind or "staff", topic=topic, sender=sender)
    composed = compose(deployment.renderer, template, context, message, rt.tokens, base, tracked=False)
    return await rt.mailer.send(composed.mail)
