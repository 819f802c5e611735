"""The events of the language: which nouns and verbs exist, and what each carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dsl.plan import EventType, FieldType
from dsl.tree import Event

Data = Mapping[str, FieldType]
_VISIT: Data = {"url": "text", "title": "text", "seconds": "number"}
_ANSWER: Data = {"reason": "text", "by": "text"}
_CROSSING: Data = {"before": "number", "after": "number"}


@dataclass(frozen=True)
class Spec:
    """One kind of event. `data` None: whatever was sent, unknown to the compiler."""

    type: EventType
    example: str
    name: Literal["optional", "required", "none"] = "optional"
    needs: Literal["", "subject", "number"] = ""
    copula: bool = True
    data: Data | None = None


EVENTS: Mapping[tuple[str, str], Spec] = {
    ("form", "submitted"): Spec("form.submitted", 'form "whitepaper" is submitted'),
    ("email", "delivered"): Spec("email.delivered", 'email "whitepaper/welcome" is delivered', data={}),
    ("email", "opened"): Spec("email.opened", 'email "whitepaper/welcome" is opened', data={}),
    ("email", "clicked"): Spec("email.clicked", 'email "whitepaper/welcome" is clicked', data={"link": "text"}),
    ("email", "replied"): Spec("email.replied", 'email "whitepaper/welcome" is replied', data={}),
    ("email", "bounced"): Spec("email.bounced", 'email "whitepaper/welcome" is bounced', data={}),
    ("link", "clicked"): Spec(
        "email.clicked", 'link "https://acme.example/*" is clicked', name="required", data={"link": "text"}
    ),
    ("page", "visited"): Spec("page.visited", 'page "/pricing*" is visited', data=_VISIT),
    ("file", "downloaded"): Spec("file.downloaded", 'file "pump-guide.pdf" is downloaded', data=_VISIT),
    ("lead", "becomes"): Spec(
        "stage.entered", "lead becomes Customer", name="none", needs="subject", copula=False, data={}
    ),
    ("score", "reaches"): Spec("score.reached", "score reaches 50", needs="number", copula=False, data=_CROSSING),
    ("score", "drops below"): Spec(
        "score.dropped", "score drops below 10", needs="number", copula=False, data=_CROSSING
    ),
    ("sales", "accepts"): Spec("handoff.accepted", "sales accepts", name="none", copula=False, data=_ANSWER),
    ("sales", "rejects"): Spec("handoff.rejected", "sales rejects", name="none", copula=False, data=_ANSWER),
    ("event", "happens"): Spec("custom", 'event "review_written" happens', name="required", copula=False),
}

NOUNS = tuple(dict.fromkeys(noun for noun, _ in EVENTS))

LATER_NOUNS: Mapping[str, str] = {
    "video": "videos", "webinar": "webinars", "meeting": "meetings", "call": "calls", "chat": "chats", "cart": "carts",
    "order": "orders", "deal": "deals", "list": "lists", "segment": "segments", "topic": "events of subscribing",
    "campaign": "events of entering a campaign", "interest": "interest profiles", "birthday": "events on a date",
    "anniversary": "events on a date", "field": "events about a changed field",
}  # fmt: skip
LATER_VERBS: Mapping[tuple[str, str], str] = {
    ("lead", "unsubscribes"): "events of unsubscribing",
    ("lead", "returns"): "events of returning",
    ("lead", "inactive"): "events of inactivity",
}


def spec_of(event: Event) -> Spec | None:
    return EVENTS.get((event.noun.value, event.verb.value))


def verbs_of(noun: str) -> tuple[str, ...]:
    return tuple(verb for known, verb in EVENTS if known == noun)
