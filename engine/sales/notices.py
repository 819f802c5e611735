"""The mails to colleagues about a handoff: which are still to be sent, which are out of date, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, get_args
from uuid import UUID

from dsl.plan import Team
from engine.mail.errors import TemplateError
from engine.mail.notices import NOTICES
from engine.mail.render import Renderer
from engine.model.lead import Lead
from engine.model.ports import Mail
from engine.platform.tokens import Tokens
from engine.rules.sales.ladder import Notice, NoticeKind, State
from engine.rules.sales.routing import same
from engine.runtime.catalog import Deployment
from engine.sending.composing import compose_for_staff


@dataclass(frozen=True, slots=True)
class Pending:
    """A notice that nobody has handed over yet. `visit` is its number within the handoff, part of its identity."""

    kind: NoticeKind
    to: str
    visit: str


@dataclass(frozen=True, slots=True)
class Tray:
    """The notices of one handoff. `told`: how many there have been; `attempt`: the call that is sending them."""

    pending: tuple[Pending, ...] = ()
    told: int = 0
    attempt: str | None = None

    def plus(self, gen: int, notices: Iterable[Notice]) -> Tray:
        told, pending = self.told, list(self.pending)
        for notice in notices:
            pending.append(Pending(notice.kind, notice.to, f"{gen}:{told}"))
            told += 1
        return replace(self, pending=tuple(pending), told=told)

    def without(self, visit: str) -> Tray:
        return replace(self, pending=tuple(one for one in self.pending if one.visit != visit))

    def to_json(self) -> dict[str, Any]:
        pending = [[one.kind, one.to, one.visit] for one in self.pending]
        return {"pending": pending, "told": self.told, "attempt": self.attempt}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Tray:
        kinds: tuple[NoticeKind, ...] = get_args(NoticeKind)
        known = {str(kind): kind for kind in kinds}
        pending = tuple(Pending(known[kind], to, visit) for kind, to, visit in data.get("pending", ()))
        return Tray(pending, data.get("told", 0), data.get("attempt"))


def outdated(notice: Pending, state: State) -> str | None:
    """Why the notice no longer says what is true, or None."""
    if notice.kind == "overdue":
        return None
    if state.phase == "closed":
        return "closed meanwhile" if notice.kind != "reassigned" else None
    if notice.kind in ("assigned", "reminder") and not same(notice.to, state.member):
        return "a colleague has it meanwhile"
    if notice.kind == "reassigned" and same(notice.to, state.member):
        return "it came back meanwhile"
    return None


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
