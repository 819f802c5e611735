"""One mail, from the rules that allow it to the provider's answer.

Order matters: rendered first, then marked `sending` in a commit under the lead's lock, then handed over once, then
settled. Between the mark and the answer nobody may hand it over again; what stays unclear is `unknown`, never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from dsl.plan import (
    AddPoints,
    AnyStep,
    ByRound,
    EnterCampaign,
    HandOff,
    If,
    LeaveCampaign,
    ListStep,
    Notify,
    Post,
    Qualify,
    Recycle,
    Repeat,
    Send,
    SetField,
    Split,
    Stop,
    TopicStep,
    VariantTest,
    Wait,
)
from engine.model.lead import Lead
from engine.model.ports import Mail, Receipt
from engine.runtime.runtime import Runtime
from engine.store import gates, messages
from engine.store.db import Hot

FRESH_MARK = timedelta(seconds=2)
"""A mark older than this is not handed over any more: a suppression may have come since."""


def message_row(
    id: UUID, owner: UUID, step: AnyStep, visit: str, lead: Lead, state: str, reason: str, attempt: str, now: datetime,
    subject: str = "", variant: str | None = None, staff: str | None = None, memo: Mapping[str, Any] | None = None,
    held: Sequence[tuple[str, str]] = (), address: str | None = None,
) -> Mapping[str, Any]:  # fmt: skip
    """The row of a step that leaves the house, or of one that was passed over. `variant`: the subject under test;
    `memo`: what makes a mail to a lead again; `held`: what kept it until now; `address`: the hash of where it goes."""
    what, kind = _content(step)
    return {
        "id": id, "owner_id": owner, "step": step.id, "visit": visit, "lead_id": lead.id, "template": what,
        "kind": kind, "staff": staff, "state": state, "reason": reason, "attempt": attempt, "source": step.source,
        "subject": subject, "variant": variant, "memo": memo, "held": [list(one) for one in held] or None,
        "address": address, "at": now, "settled_at": None if state == "sending" else now,
    }  # fmt: skip


def _content(step: AnyStep) -> tuple[str, str]:
    """What the step is about, and the kind of its row."""
    match step:
        case Send():
            return step.template, "transactional" if step.mode == "transactional" else "marketing"
        case Notify():
            return step.template, "staff"
        case Post():
            return step.url, "post"
        case ListStep():
            return step.list, "list"
        case TopicStep():
            return step.topic, "topic"
        case HandOff():
            return "owner" if step.owner else step.team or "sales", "handoff"
        case EnterCampaign():
            return step.campaign, "enter"
        case Wait() | If() | Split() | VariantTest() | Repeat() | ByRound() | Stop():
            return "", step.kind
        case AddPoints() | SetField() | Qualify() | Recycle() | LeaveCampaign():
            return "", step.kind
        case _:
            assert_never(step)


async def hand_over(rt: Runtime, mail: Mail, marked: datetime) -> Receipt:
    """Give the mail to the provider, once, and only while its mark is fresh (`marked` is real time)."""
    assert rt.mailer is not None, "this process has no mailer"
    if rt.clock.real() - marked > FRESH_MARK:
        return Receipt("retry", "marked too long ago")
    receipt = await rt.mailer.send(mail)
    if receipt.state == "closed":
        until = receipt.until or rt.clock.real() + timedelta(minutes=5)
        await gates.close(rt.db, rt.mailer.name, receipt.reason, until, rt.clock.real())
    return receipt


async def settle_late(hot: Hot, id: UUID, attempt: str, receipt: Receipt) -> None:
    """Another attempt has the run by now, but only this one knows what became of its mail: keep that it was accepted,
    where the row is still this attempt's, and commit."""
    if receipt.state == "accepted":
        await messages.keep_accepted(hot, id, attempt, receipt.provider_id)
        await hot.commit()
