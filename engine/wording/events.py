"""How an event of the log reads in plain English; the phrases stand in the catalogue, `event_types`. Pure.

A phrase is about the lead wherever it can be, so that a list of them reads as what the lead did and what was done with
it. `deed` leaves the lead out (`submitted form "whitepaper"`), `clause` is a whole sentence, as it stands behind
"because" (`the lead submitted form "whitepaper"`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.model.lead import Event
from engine.wording.event_types import COMPLAINED, CONFIRMED, LEAD, NOTES, PHRASES, REACTIVATED, Phrase
from engine.wording.terms import number

LONGEST_PART = 40
"""Characters of one part of a link's path that a person would read."""
Quote = Callable[[str], str]


def straight(text: str) -> str:
    """A name in a line for the terminal. One with quotes of its own, as in `confirm form "demo"`, stays as it is."""
    return text if '"' in text else f'"{text}"'


def curly(text: str) -> str:
    """A name on a web page."""
    return f"“{text}”"


def deed(event: Event, *, past: bool = True, quote: Quote = straight, met: Mapping[str, str] | None = None) -> str:
    """What happened, the lead being understood: `clicked a link in email "welcome"`, `the score rose from 5 to 20`.

    `met` has words for the keys under which the engine logs what no single event shows (patterns and dates).
    """
    subject, said = _told(event, past, quote, met or {})
    return said if subject == LEAD else f"{subject} {said}".strip()


def clause(event: Event, *, past: bool = True, quote: Quote = straight, met: Mapping[str, str] | None = None) -> str:
    """The same as a sentence with its subject: `the lead clicked a link in email "welcome"`."""
    subject, said = _told(event, past, quote, met or {})
    return f"{subject} {said}".strip()


def booked(amount: float, after: float, model: str = "", *, expired: bool = False, quote: Quote = straight) -> str:
    """Points as they change a score: `+10 points in "fit", now 30`."""
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
        "to": str(data.get("to") or "a team member"), "text": str(data.get("text") or ""),
        "on": f" planned for {data['on']}" if data.get("on") else " canceled",
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
