"""What came of a mail: sent, held back, or not sent and why; opened, clicked, answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from dsl.plan import AnyStep, Plan
from engine.why.log import Log, Message, Run, Said
from engine.wording.events import deed
from engine.wording.steps import words
from engine.wording.terms import quoted

PROMPT = timedelta(minutes=2)
"""A mail that leaves this soon was not held back."""

REASONS = {
    "no consent": "the lead has not subscribed", "too late": "it waited longer than `within` allows",
    "erased": "the lead's data has been erased",
    "unsubscribed from the topic": "the lead has unsubscribed from its topic",
    "control group": "the lead is in the control group, which gets no emails",
    "nobody to notify": "no owner or team member to notify",
    "interrupted": "the connection dropped while sending; it may have arrived, so it will not be sent again",
}  # fmt: skip


def mail_lines(log: Log, run: Run, step: AnyStep, at: datetime, nth: int) -> Iterator[Said]:
    """The lines of the `nth` time the run came to a send."""
    mine = sorted((one for one in run.messages if one.step == step.id), key=lambda one: one.at)
    if nth < len(mine):
        one = mine[nth]
        yield from _message(log, run.at(one.at).plan, one, at, words(run.step(step.id, one.at) or step))


def not_walked(log: Log, run: Run) -> Iterator[Said]:
    """Mails of steps that the remembered way no longer shows."""
    shown: dict[str, int] = {}
    for walk in run.path:
        shown[walk.step] = shown.get(walk.step, 0) + 1
    counted: dict[str, int] = {}
    for one in sorted(run.messages, key=lambda each: each.at):
        nth = counted[one.step] = counted.get(one.step, 0) + 1
        if nth > shown.get(one.step, 0):
            step = run.step(one.step, one.at)
            said = words(step) if step else f"send {quoted(one.template)}"
            yield from _message(log, run.at(one.at).plan, one, one.at, said)


def _message(log: Log, plan: Plan | None, one: Message, arrived: datetime, said: str) -> Iterator[Said]:
    held = held_by(log, one, arrived) if one.at - arrived > PROMPT else ""
    match one.state:
        case "accepted":
            mail = f"sent {quoted(one.template)}: {one.subject}" if one.subject and one.staff is None else said
            yield Said(one.at, mail, why=", ".join(filter(None, (_to(one), held))), source=one.source)
        case "skipped":
            why = ", ".join(filter(None, (_reason(one.reason, plan), held if one.held else "")))
            yield Said(one.at, f"did not {said}", "not", why, one.source)
        case "failed":
            yield Said(one.at, f"{said}: the email failed", "warn", one.reason, one.source)
        case "unknown":
            yield Said(one.at, f"{said}: delivery unknown", "warn", REASONS.get(one.reason, one.reason), one.source)
        case _:
            yield Said(one.at, f"{said}: being sent", "wait", source=one.source)
    for event in log.events:
        if event.message_id == one.id and event.type.startswith("email."):
            yield Said(event.at, deed(event), "beside", seq=event.seq)


def _to(one: Message) -> str:
    return f"to {one.staff}" if one.staff else ""


def _reason(reason: str, plan: Plan | None) -> str:
    if reason == "no consent":
        return f"the lead is not subscribed to {quoted(plan.topic)}" if plan and plan.topic else REASONS[reason]
    if reason.startswith(("in segment ", "in list ")):
        return f"the lead is {reason}, which the workspace excludes from emails"
    if reason.startswith("suppressed: "):
        return f"the lead is suppressed: {reason.removeprefix('suppressed: ')}"
    return REASONS.get(reason, reason)


def held_by(log: Log, one: Message, arrived: datetime) -> str:
    """Why a mail left later than its step was reached, as it was stored at the time."""
    since = f"held back since {log.local(arrived)}"
    told = [f"{why} (from {log.local(at)})" if number else why for number, (at, why) in enumerate(one.held)]
    return f"{since}: {', then '.join(told)}" if told else since
