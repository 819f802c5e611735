"""The events of the language: which nouns and verbs exist, and what each carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dsl.plan import EventType
from dsl.plan.carries import ANSWER, CROSSING, DEAL, LINK, ORDER, TALK, VISIT, WEBINAR, Data
from dsl.tree.declarations import Event


@dataclass(frozen=True)
class Spec:
    """One kind of event. `data` None: whatever was sent, or what a declaration says."""

    type: EventType
    example: str
    name: Literal["optional", "required", "none"] = "optional"
    needs: Literal["", "stage", "field", "number"] = ""
    copula: bool = True
    data: Data | None = None


def _does(type: EventType, example: str, data: Data | None, needs: Literal["", "stage", "field"] = "") -> Spec:
    """Without `is`, and about the lead rather than a named thing."""
    return Spec(type, example, name="none", needs=needs, copula=False, data=data)


EVENTS: Mapping[tuple[str, str], Spec] = {
    ("form", "submitted"): Spec("form.submitted", 'form "whitepaper" is submitted'),
    ("email", "delivered"): Spec("email.delivered", 'email "whitepaper/welcome" is delivered', data={}),
    ("email", "opened"): Spec("email.opened", 'email "whitepaper/welcome" is opened', data={}),
    ("email", "clicked"): Spec("email.clicked", 'email "whitepaper/welcome" is clicked', data=LINK),
    ("email", "replied"): Spec("email.replied", 'email "whitepaper/welcome" is replied', data={}),
    ("email", "bounced"): Spec("email.bounced", 'email "whitepaper/welcome" is bounced', data={}),
    ("link", "clicked"): Spec(
        "email.clicked", 'link "https://acme.example/*" is clicked', name="required", data=LINK
    ),
    ("page", "visited"): Spec("page.visited", 'page "/pricing*" is visited', data=VISIT),
    ("file", "downloaded"): Spec("file.downloaded", 'file "pump-guide.pdf" is downloaded', data=VISIT),
    ("video", "watched"): Spec("video.watched", 'video "How pumps work" is watched', data=VISIT),
    ("webinar", "registered"): Spec("webinar.registered", 'webinar "Seals explained" is registered', data=WEBINAR),
    ("webinar", "attended"): Spec("webinar.attended", 'webinar "Seals explained" is attended', data=WEBINAR),
    ("meeting", "booked"): Spec("meeting.booked", "meeting is booked", name="none", data=TALK),
    ("meeting", "held"): Spec("meeting.held", "meeting is held", name="none", data=TALK),
    ("call", "received"): Spec("call.received", "call is received", name="none", data=TALK),
    ("chat", "started"): Spec("chat.started", "chat is started", name="none", data=TALK),
    ("cart", "updated"): Spec("cart.updated", "cart is updated", name="none", data=ORDER),
    ("order", "placed"): Spec("order.placed", "order is placed", name="none", data=ORDER),
    ("deal", "opened"): Spec("deal.opened", "deal is opened", name="none", data=DEAL),
    ("deal", "moved"): Spec("deal.moved", "deal is moved", name="none", data=DEAL),
    ("deal", "changed"): Spec("deal.changed", "deal is changed", name="none", data=DEAL),
    ("deal", "won"): Spec("deal.won", "deal is won", name="none", data=DEAL),
    ("deal", "lost"): Spec("deal.lost", "deal is lost", name="none", data=DEAL),
    ("deal", "refunded"): Spec("deal.refunded", "deal is refunded", name="none", data=DEAL),
    ("sales", "accepts"): _does("handoff.accepted", "sales accepts", ANSWER),
    ("sales", "rejects"): _does("handoff.rejected", "sales rejects", ANSWER),
    ("event", "happens"): Spec("custom", 'event "review_written" happens', name="required", copula=False),
    ("lead", "becomes"): _does("stage.entered", "lead becomes Customer", {}, needs="stage"),
    ("lead", "unsubscribes"): _does("lead.unsubscribed", "lead unsubscribes", {}),
    ("lead", "inactive"): Spec("lead.inactive", "lead is inactive for 30 days", name="none", data={}),
    ("lead", "returns"): _does("lead.returned", "lead returns", {}),
    ("score", "reaches"): Spec("score.reached", "score reaches 50", needs="number", copula=False, data=CROSSING),
    ("score", "drops below"): Spec(
        "score.dropped", "score drops below 10", needs="number", copula=False, data=CROSSING
    ),
    ("interest", "reaches"): Spec(
        "interest.reached", 'interest in "Pumps" reaches 3', name="required", needs="number", copula=False,
        data=CROSSING,
    ),
    ("field", "changes"): _does("field.changed", "field contract_end changes", None, needs="field"),
    ("list", "joined"): Spec("list.joined", 'list "Trade show 2026" is joined', data={}),
    ("list", "entered"): Spec("list.joined", 'list "Trade show 2026" is entered', data={}),
    ("list", "left"): Spec("list.left", 'list "Trade show 2026" is left', data={}),
    ("segment", "joined"): Spec("segment.joined", 'segment "Customers" is joined', data={}),
    ("segment", "entered"): Spec("segment.joined", 'segment "Customers" is entered', data={}),
    ("segment", "left"): Spec("segment.left", 'segment "Customers" is left', data={}),
    ("topic", "joined"): Spec("topic.joined", 'topic "newsletter" is joined', data={}),
    ("topic", "entered"): Spec("topic.joined", 'topic "newsletter" is entered', data={}),
    ("topic", "left"): Spec("topic.left", 'topic "newsletter" is left', data={}),
    ("campaign", "entered"): Spec("campaign.entered", 'campaign "Welcome" is entered', data={}),
    ("campaign", "left"): Spec("campaign.left", 'campaign "Welcome" is left', data={}),
}  # fmt: skip

DATES = ("birthday", "anniversary")
"""Words that are an event on a day of every year."""

DATED = Spec("date.due", "30 days before contract_end", data={})

NOUNS = tuple(dict.fromkeys(noun for noun, _ in EVENTS))


@dataclass(frozen=True)
class Deed:
    """What a history can ask for: `has VERB [preposition] NOUN`."""

    spec: Spec
    preposition: str = ""


def _deed(type: EventType, example: str, data: Data | None, preposition: str = "", *, named: bool = True) -> Deed:
    return Deed(Spec(type, example, name="optional" if named else "none", copula=False, data=data), preposition)


DEEDS: Mapping[tuple[str, str], Deed] = {
    ("submitted", "form"): _deed("form.submitted", 'has submitted form "whitepaper"', None),
    ("received", "email"): _deed("email.received", 'has received email "whitepaper/welcome"', {}),
    ("opened", "email"): _deed("email.opened", 'has opened email "whitepaper/welcome"', {}),
    ("clicked", "email"): _deed("email.clicked", 'has clicked email "whitepaper/welcome"', LINK),
    ("replied", "email"): _deed("email.replied", 'has replied to email "whitepaper/welcome"', {}, "to"),
    ("clicked", "link"): _deed("email.clicked", 'has clicked link "https://acme.example/*"', LINK),
    ("visited", "page"): _deed("page.visited", 'has visited page "/pricing*"', VISIT),
    ("downloaded", "file"): _deed("file.downloaded", 'has downloaded file "pump-guide.pdf"', VISIT),
    ("watched", "video"): _deed("video.watched", 'has watched video "How pumps work"', VISIT),
    ("registered", "webinar"): _deed(
        "webinar.registered", 'has registered for webinar "Seals explained"', WEBINAR, "for"
    ),
    ("attended", "webinar"): _deed("webinar.attended", 'has attended webinar "Seals explained"', WEBINAR),
    ("booked", "meeting"): _deed("meeting.booked", "has booked meeting", TALK, named=False),
    ("held", "meeting"): _deed("meeting.held", "has held meeting", TALK, named=False),
    ("placed", "order"): _deed("order.placed", "has placed order", ORDER, named=False),
    ("done", "event"): _deed("custom", 'has done event "review_written"', None),
}

DEED_VERBS = tuple(dict.fromkeys(verb for verb, _ in DEEDS))


def spec_of(event: Event) -> Spec | None:
    if event.dated:
        return DATED
    if event.deed is not None:
        deed = DEEDS.get((event.verb.value, event.noun.value))
        return deed.spec if deed else None
    return EVENTS.get((event.noun.value, event.verb.value))


def also_of(event: Event) -> tuple[Spec, ...]:
    """What the further verbs of `is clicked or replied` mean, as far as they mean anything."""
    found = (EVENTS.get((event.noun.value, verb.value)) for verb in event.also)
    return tuple(spec for spec in found if spec is not None)


def verbs_of(noun: str) -> tuple[str, ...]:
    return tuple(verb for known, verb in EVENTS if known == noun)
