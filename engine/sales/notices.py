"""The mails to colleagues about a handoff: what they say, and their row."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from dsl.plan import Team
from engine.mail.errors import TemplateError
from engine.mail.notices import NOTICES
from engine.mail.render import Renderer
from engine.model.lead import Lead
from engine.model.ports import Mail
from engine.platform.tokens import Tokens
from engine.rules.sales.ladder import State
from engine.rules.sales.tray import Pending
from engine.runtime.catalog import Deployment
from engine.sending.composing import compose_for_staff


def notice_mail(
    notice: Pending, handoff: UUID, lead: Lead, state: State, team: Team, deployment: Deployment, tokens: Tokens,
    base_url: str, **known: Any,
) -> tuple[Mail, str | None]:  # fmt: skip
    """The mail, and what is wrong with the workspace's own template when the built-in one stands in for it.

    `known` adds to the template's `event`: note and campaign. Raises TemplateError when neither can be rendered.
    """
    url = f"{base_url}/h/{tokens.sign('handoff', str(handoff), notice.to)}"
    event = {
        "handoff_url": url, "team": team.name, "member": state.member, "phase": state.phase, "due": state.due_at,
        "reason": state.reason, **known,
    }  # fmt: skip
    compose = partial(
        compose_for_staff, NOTICES[notice.kind], notice.to, lead, deployment, tokens, base_url, zone=team.hours.zone,
        event={key: one for key, one in event.items() if one},
    )  # fmt: skip
    try:
        return compose(), None
    except TemplateError as problem:
        builtin = Renderer({}, deployment.program.workspace)
        return compose(renderer=builtin), f"template {problem.name}: {problem.message}"


def notice_row(
    id: UUID, notice: Pending, handoff: UUID, lead: UUID, source: str, attempt: str, now: datetime, state: str,
    reason: str = "", subject: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The row of `messages`."""
    return {
        "id": id, "owner_id": handoff, "step": notice.kind, "visit": notice.visit, "lead_id": lead,
        "template": NOTICES[notice.kind], "kind": "staff", "staff": notice.to, "state": state, "reason": reason,
        "attempt": attempt, "source": source, "subject": subject, "at": now,
        "settled_at": None if state == "sending" else now,
    }  # fmt: skip
