"""The story of one lead, from every side that remembers it, in the order of time; ids and codes only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tests.support.picture import Picture

Line = tuple[datetime, str]
_FIRST = datetime.min.replace(tzinfo=UTC)


def story(picture: Picture, lead: str, to_real: Callable[[datetime], datetime] = lambda at: at) -> str:
    """Domain time becomes real time, in which Temporal tells its part. Then where the lead's runs stand."""
    told = sorted([(to_real(at), text) for at, text in _stored(picture, lead)] + list(_elsewhere(picture, lead)))
    lines = [f"  {at:%H:%M:%S.%f}  {text}" for at, text in told]
    return "\n".join([f"the story of lead {lead}:", *lines, *_standing(picture, lead)])


def _stored(picture: Picture, lead: str) -> Iterator[Line]:
    accepted = Counter(str(one["message"]) for one in picture.ledger or ())
    for event in picture.events:
        if event.lead_id == lead:
            yield event.at, f"event {event.seq}: {event.type} {event.name}".rstrip()
    for point in picture.points:
        if point.lead_id == lead:
            score = f"now {float(point.score_after):g}"
            yield point.booked_at, f"{float(point.amount):+g} points ({point.cause} by {point.rule}), {score}"
    for run in picture.enrolments:
        if run.lead_id == lead:
            yield run.started_at, f"enrolment {run.id} starts: {run.campaign}, plan {run.digest[:8]}"
            if run.ended_at is not None:
                yield run.ended_at, f"enrolment {run.id} ends: {run.outcome}"
    for handoff in picture.handoffs:
        if handoff.lead_id == lead:
            yield handoff.opened_at, f"handoff {handoff.id} opens"
            if handoff.closed_at is not None:
                yield handoff.closed_at, f"handoff {handoff.id} closes: {handoff.outcome}"
    for mail in picture.messages:
        if mail.lead_id == lead:
            yield mail.at, f"message {mail.id} ({mail.template}, step {mail.step}, visit {mail.visit}) of {mail.owner}"
            if mail.settled_at is not None:
                many = f"the ledger has it {accepted[mail.id]} times"
                yield mail.settled_at, f"message {mail.id} is {mail.state} {mail.reason}".rstrip() + f"; {many}"


def _elsewhere(picture: Picture, lead: str) -> Iterator[Line]:
    runs = {row.id for row in (*picture.enrolments, *picture.handoffs) if row.lead_id == lead}
    for id in runs & (picture.runs or {}).keys():
        for at, text in (picture.runs or {})[id].events:
            yield at, f"Temporal {id[:8]}: {text}"
    ids = {mail.id for mail in picture.messages if mail.lead_id == lead}
    for entry in picture.ledger or ():
        if entry["message"] in ids:
            at = datetime.fromisoformat(str(entry["at"])) if "at" in entry else _FIRST
            yield at, f"the mail server accepts {entry['message']}"


def _standing(picture: Picture, lead: str) -> Iterator[str]:
    for run in picture.enrolments:
        if run.lead_id != lead:
            continue
        yield f"  enrolment {run.id} is {run.state}, generation {run.gen}, due {run.due_at}, attention: {run.attention}"
        for branch in run.position["branches"]:
            yield f"    {branch['id']} at {branch['at']}, visit {branch['visit']}, cursor {branch['cursor']}"
        for wait in picture.waits:
            if wait.run == run.id:
                yield f"    waits at {wait.step} until {wait.due_at} or {wait.what}"
