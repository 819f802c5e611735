"""What each kind of event carries: the data that `where` may ask, templates may show and sources may send."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.plan.company import FieldType
from dsl.plan.terms import EventType

Data = Mapping[str, FieldType]

VISIT: Data = {"url": "text", "title": "text", "seconds": "number"}
TALK: Data = {"title": "text", "minutes": "number"}
WEBINAR: Data = {**TALK, "date": "date"}
ORDER: Data = {"amount": "money", "items": "number", "id": "text"}
DEAL: Data = {
    "amount": "money", "pipeline_stage": "text", "id": "text", "currency": "text", "pipeline": "text",
    "closes_on": "date", "owner": "text",
}  # fmt: skip
ANSWER: Data = {"reason": "text", "by": "text"}
CROSSING: Data = {"before": "number", "after": "number"}
LINK: Data = {"link": "text"}

CARRIES: Mapping[EventType, Data] = {
    "email.clicked": LINK,
    "page.visited": VISIT, "file.downloaded": VISIT, "video.watched": VISIT,
    "webinar.registered": WEBINAR, "webinar.attended": WEBINAR, "meeting.booked": TALK, "meeting.held": TALK,
    "call.received": TALK, "chat.started": TALK,
    "cart.updated": ORDER, "order.placed": ORDER,
    "deal.opened": DEAL, "deal.moved": DEAL, "deal.changed": DEAL, "deal.won": DEAL, "deal.lost": DEAL,
    "deal.refunded": DEAL,
    "handoff.accepted": ANSWER, "handoff.rejected": ANSWER, "handoff.overdue": ANSWER,
    "score.reached": CROSSING, "score.dropped": CROSSING, "interest.reached": CROSSING,
    "field.changed": {"before": "text", "after": "text"},
}  # fmt: skip
"""Kinds that are not here carry nothing, apart from forms (their fields) and custom events (as declared or sent)."""

SURE: Mapping[EventType, tuple[str, ...]] = {
    "email.clicked": ("link",), "page.visited": ("url",), "score.reached": ("before", "after"),
    "score.dropped": ("before", "after"), "interest.reached": ("before", "after"),
}  # fmt: skip
"""What an event of the kind always has; the rest only perhaps."""
