"""One mail of the deployed workspace to an address of one's own, as an invented lead would get it."""

from __future__ import annotations

from uuid import uuid4

from dsl.plan import Plan, Send
from engine.catalog import Deployment
from engine.letters import context_for
from engine.mail.compose import Addressed, Kind, compose
from engine.model import Lead
from engine.ports import Receipt
from engine.runtime import NothingDeployed, Runtime

INVENTED = {
    "first_name": "Ada", "last_name": "Lovelace", "company": "Analytical Engines", "job_title": "Head of computing",
    "country": "DE", "city": "Voerde", "phone": "+49 281 123456", "owner": "sales@acme.example",
}  # fmt: skip
EVENT = {"amount": 100, "id": "4711", "title": "An example", "reason": "not ready", "url": "https://acme.example/"}


async def send_test(rt: Runtime, template: str, to: str, language: str | None) -> Receipt:
    """The provider's answer. Nothing is written into any lead's history, and the links in the mail lead to nobody.

    Raises TemplateError when there is no such template or it cannot be rendered, NothingDeployed before a deployment.
    """
    deployment = await rt.catalog.refresh()
    if deployment is None:
        raise NothingDeployed
    assert rt.mailer is not None, "a mailer must be chosen first"
    now = rt.clock.now()
    lead = Lead(uuid4(), 0, deployment.first_stage, now, now, to, _fields(deployment, to, language), {"": 42})
    plan, send = _use_of(deployment, template)
    given = {name: "example" for name, _ in send.values} if send else {}
    base = rt.settings.base_url
    context = context_for(
        lead, deployment, rt.tokens, base, event=EVENT, given=given, confirm_url=f"{base}/confirm/example"
    )
    transactional = send is not None and send.mode == "transactional"
    kind: Kind = "staff" if plan is None else "transactional" if transactional else "marketing"
    message = Addressed(uuid4(), lead.id, to, kind, topic=(plan.topic or "") if plan else "")
    composed = compose(deployment.renderer, template, context, message, rt.tokens, base, tracked=False)
    return await rt.mailer.send(composed.mail)


def _fields(deployment: Deployment, to: str, language: str | None) -> dict[str, bool | int | float | str]:
    """An invented value for every field the workspace declares."""
    examples: dict[str, bool | int | float | str] = {
        "number": 42, "money": 42, "yes/no": True, "date": "2026-12-24", "moment": "2026-12-24T09:00:00+00:00",
    }  # fmt: skip
    declared = {
        field.name: field.choices[0] if field.choices else examples.get(field.type, "example")
        for field in deployment.program.fields
    }
    return {**declared, **INVENTED, "language": language or deployment.program.workspace.languages[0], "email": to}


def _use_of(deployment: Deployment, template: str) -> tuple[Plan | None, Send | None]:
    """A campaign's step that sends the template, if there is one: it says what kind of mail it is."""
    for plan in deployment.program.campaigns:
        for step in plan.steps:
            if isinstance(step, Send) and step.template.casefold() == template.casefold():
                return plan, step
    return None, None
