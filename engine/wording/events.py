"""How an event of the log reads in plain English: the one place that knows a phrase for every type. Pure.

A phrase is about the lead wherever it can be, so that a list of them reads as what the lead did and what was done with
it. `deed` leaves the lead out ("submitted form “whitepaper”"), `clause` is a whole sentence, as it stands behind
"because" ("the lead submitted form “whitepaper”").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.model.lead import Event
from engine.wording.terms import number

LEAD = "the lead"
LONGEST_PART = 40
"""Characters of one part of a link's path that a person would read."""
Quote = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Phrase:
    """The verb now and then, what follows it, and of whom it is told. `{name}` and what else `_values` holds bring a
    space of their own when they may be missing."""

    now: str
    then: str
    rest: str = ""
    subject: str = LEAD


def curly(text: str) -> str:
    return f"“{text}”"


def deed(event: Event, *, past: bool = True, quote: Quote = curly, met: Mapping[str, str] | None = None) -> str:
    """What happened, the lead being understood: `clicked a link in email “welcome”`, `the score rose from 5 to 20`.

    `met` has words for the keys under which the engine logs what no single event shows (patterns and dates).
    """
    subject, said = _told(event, past, quote, met or {})
    return said if subject == LEAD else f"{subject} {said}".strip()


def clause(event: Event, *, past: bool = True, quote: Quote = curly, met: Mapping[str, str] | None = None) -> str:
    """The same as a sentence with its subject: `the lead clicked a link in email “welcome”`."""
    subject, said = _told(event, past, quote, met or {})
    return f"{subject} {said}".strip()


def booked(amount: float, after: float, model: str = "", *, expired: bool = False, quote: Quote = curly) -> str:
    """Points as they change a score: `+10 points in “fit”, now 30`."""
    scoring = f" in {quote(model)}" if model else ""
    sign = "+" if amount >= 0 else ""
    return f"{sign}{number(amount)} points{scoring}{' (expired)' if expired else ''}, now {number(after)}"


def _told(event: Event, past: bool, quote: Quote, met: Mapping[str, str]) -> tuple[str, str]:
    """The subject and the rest of the sentence."""
    if event.type in ("pattern.met", "date.due") and event.name in met:
        return "", met[event.name]
    phrase, values = phrase_of(event), _values(event, quote)
    verb = phrase.then if past else phrase.now
    return phrase.subject.format_map(values), f"{verb}{phrase.rest.format_map(values)}"


def phrase_of(event: Event) -> Phrase:
    """The phrase of the event's type; of one that a newer version has logged, only that it happened."""
    if event.type == "form.submitted" and (event.key or "").startswith("confirm:"):
        return CONFIRMED
    if event.type == "lead.unsubscribed" and event.data.get("how") == "complaint":
        return COMPLAINED
    if event.type == "run.noted" and event.name in NOTES:
        return NOTES[event.name]
    if event.type == "pattern.met" and event.name == "reactivate":
        return REACTIVATED
    return PHRASES.get(event.type) or Phrase("happens", "happened", subject=f"{event.type}{{name}}")


def _values(event: Event, quote: Quote) -> Mapping[str, str]:
    data = event.data
    return {
        "name": f" {quote(event.name)}" if event.name else "",
        "bare": f" {event.name}" if event.name else "",
        "all": quote(event.name) if event.name else "everything",
        "model": f" of {quote(event.name)}" if event.name else "",
        "link": _link(str(data.get("link") or "")),
        "before": in_plain_words(data.get("before")), "after": in_plain_words(data.get("after")),
        "member": str(data.get("member") or "a team member"), "by": str(data.get("by") or "sales"),
        "because": f": {data['reason']}" if data.get("reason") else "",
        "stage": f" to {quote(str(data['pipeline_stage']))}" if data.get("pipeline_stage") else "",
        "campaign": f" {quote(str(data['campaign']))}" if data.get("campaign") else "",
    }  # fmt: skip


def _link(url: str) -> str:
    """A link short enough to read, without what only a machine needs: a query or a signed part may tell who clicked."""
    parts = urlsplit(url) if url.startswith(("http://", "https://")) else None
    if parts is None or not parts.netloc:
        return "a link"
    path = "/".join(part if len(part) <= LONGEST_PART else "…" for part in parts.path.split("/"))
    return f"{parts.netloc.rpartition('@')[2]}{path}".rstrip("/")


def in_plain_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "nothing")


CONFIRMED = Phrase("confirms", "confirmed", " form{name}")
COMPLAINED = Phrase("marks", "marked", " an email as spam")
REACTIVATED = Phrase("has been", "had been", " inactive for longer than the stage allows")
NOTES: Mapping[str, Phrase] = {
    "left": Phrase("removes", "removed", " the lead from campaign{campaign}", "another campaign"),
    "moved": Phrase("is", "was", " moved to the campaign's new version"),
    "removed": Phrase("is", "was", " removed by a deployment"),
    "reported": Phrase("is", "was", " reported on by the email provider", "an email"),
    "retried": Phrase("is", "was", " retried manually"),
    "woken": Phrase("is", "was", " re-evaluated"),
}
"""What was done to a run from outside its plan, by the name of the event."""
PHRASES: Mapping[str, Phrase] = {
    "form.posted": Phrase("submits", "submitted", " form{name}, not yet confirmed"),
    "form.submitted": Phrase("submits", "submitted", " form{name}"),
    "email.received": Phrase("is", "was", " sent email{name}"),
    "email.delivered": Phrase("receives", "received", " email{name}"),
    "email.opened": Phrase("opens", "opened", " email{name}"),
    "email.clicked": Phrase("clicks", "clicked", " {link} in email{name}"),
    "email.replied": Phrase("replies", "replied", " to email{name}"),
    "email.bounced": Phrase("bounces", "bounced", subject="email{name}"),
    "page.visited": Phrase("visits", "visited", " page{name}"),
    "file.downloaded": Phrase("downloads", "downloaded", " file{name}"),
    "video.watched": Phrase("watches", "watched", " video{name}"),
    "webinar.registered": Phrase("registers", "registered", " for webinar{name}"),
    "webinar.attended": Phrase("attends", "attended", " webinar{name}"),
    "meeting.booked": Phrase("books", "booked", " a meeting{name}"),
    "meeting.held": Phrase("has", "had", " a meeting{name}"),
    "call.received": Phrase("makes", "made", " a call{name}"),
    "chat.started": Phrase("starts", "started", " a chat{name}"),
    "cart.updated": Phrase("changes", "changed", " the cart{name}"),
    "order.placed": Phrase("places", "placed", " an order{name}"),
    "deal.opened": Phrase("is", "was", " opened", "a deal{name}"),
    "deal.moved": Phrase("moves", "moved", "{stage}", "a deal{name}"),
    "deal.won": Phrase("is", "was", " won", "a deal{name}"),
    "deal.lost": Phrase("is", "was", " lost", "a deal{name}"),
    "stage.entered": Phrase("becomes", "became", "{bare}"),
    "score.reached": Phrase("rises", "rose", " from {before} to {after}", "the score{model}"),
    "score.dropped": Phrase("falls", "fell", " from {before} to {after}", "the score{model}"),
    "interest.reached": Phrase("rises", "rose", " from {before} to {after}", "interest in{name}"),
    "lead.inactive": Phrase("is", "was", " inactive for too long"),
    "lead.returned": Phrase("returns", "returned", " after a long inactivity"),
    "lead.unsubscribed": Phrase("unsubscribes", "unsubscribed", " from {all}"),
    "field.changed": Phrase("changes", "changed", " from {before} to {after}", "field{bare}"),
    "list.joined": Phrase("is", "was", " added to list{name}"),
    "list.left": Phrase("is", "was", " removed from list{name}"),
    "segment.joined": Phrase("joins", "joined", " segment{name}"),
    "segment.left": Phrase("leaves", "left", " segment{name}"),
    "topic.joined": Phrase("is", "was", " subscribed to{name}"),
    "topic.left": Phrase("is", "was", " unsubscribed from{name}"),
    "preferences.chosen": Phrase("updates", "updated", " email preferences"),
    "campaign.entered": Phrase("enters", "entered", " campaign{name}"),
    "campaign.left": Phrase("leaves", "left", " campaign{name}"),
    "date.due": Phrase("arrives", "arrived", subject="a date that a campaign is waiting for"),
    "pattern.met": Phrase("happens", "happened", subject="an event pattern that a campaign is waiting for"),
    "handoff.opened": Phrase("is", "was", " handed off to team{name}"),
    "handoff.assigned": Phrase("is", "was", " assigned to {member}"),
    "handoff.acknowledged": Phrase("is", "was", " acknowledged by {by}"),
    "handoff.contacted": Phrase("is", "was", " contacted by {by}"),
    "handoff.accepted": Phrase("is", "was", " accepted by {by}"),
    "handoff.rejected": Phrase("is", "was", " rejected by {by}{because}"),
    "handoff.overdue": Phrase("gets", "got", " no decision from sales in time"),
    "handoff.retried": Phrase("is", "was", " offered to team{name} again"),
    "run.noted": Phrase("is", "was", " moved on manually"),
    "custom": Phrase("happens", "happened", subject="event{name}"),
}  # fmt: skip
"""Every type of event that the log can hold."""
