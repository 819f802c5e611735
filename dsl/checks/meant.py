"""What an author meant by a word that is no field and no event: a stage, a segment, a list, a topic, or a deed such as
`opened`, told with the email that the campaign sends last before that line."""

from __future__ import annotations

import re

from dsl.names.events import EVENTS
from dsl.names.scope import Scope
from dsl.names.walk import all_statements
from dsl.text.deeds import ALONE, deed_example
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span, Text

HAPPENED = {
    **{(verb, noun): (noun, verb) for verb, noun in ALONE.values() if (noun, verb) in EVENTS},
    ("received", "email"): ("email", "delivered"),
}
"""The event behind a deed."""
ALSO = {
    **dict.fromkeys(("reply", "replies", "answer", "answers", "response", "responds"), ("email", "replied")),
    **dict.fromkeys(("clicks", "click"), ("email", "clicked")),
    **dict.fromkeys(("open", "opens", "opening"), ("email", "opened")),
    **dict.fromkeys(("bounce", "bounces", "bounced"), ("email", "bounced")),
    **dict.fromkeys(("purchase", "purchases", "sale", "orders", "buys"), ("order", "placed")),
    **dict.fromkeys(("booking", "books", "appointment", "meetings"), ("meeting", "booked")),
    **dict.fromkeys(("submission", "submits", "signup"), ("form", "submitted")),
    **dict.fromkeys(("visit", "visits"), ("page", "visited")),
    **dict.fromkeys(("download", "downloads"), ("file", "downloaded")),
    **dict.fromkeys(("registration", "registers"), ("webinar", "registered")),
    **dict.fromkeys(("attends", "attendance"), ("webinar", "attended")),
    **dict.fromkeys(("unsubscribe", "unsubscribed", "unsubscribes"), ("lead", "unsubscribes")),
    **dict.fromkeys(("won",), ("deal", "won")),
    **dict.fromkeys(("lost",), ("deal", "lost")),
}
"""Nouns and verbs that name an event by themselves."""


def as_condition(name: Text, scope: Scope, *, alone: bool) -> tuple[str, ...]:
    """The condition that a word means which is no field; empty when it is nothing known. `alone`: nothing is asked of
    it, so that it may be a deed."""
    word = name.value.casefold()
    for stage in scope.stages:
        if word in (stage.casefold(), f"{stage.casefold()}s") and not near_field(name.value, scope):
            return (f"stage is at least {stage}" if not scope.stages[stage].outside else f"stage is {stage}",)
    for group, known in (("segment", scope.segments), ("list", scope.lists)):
        if word in known:
            return (f'in {group} "{known[word].name.value}"',)
    if alone and word in ("subscribed", "unsubscribed") and scope.topics:
        topic = next(iter(scope.topics.values())).name.value
        return (f'{"not " if word == "unsubscribed" else ""}subscribed to "{topic}"',)
    if word in scope.topics:
        return (f'subscribed to "{scope.topics[word].name.value}"',)
    if alone and word in ALONE:
        verb, noun = ALONE[word]
        return (deed_example(verb, noun, email=sent_before(name.span, scope)),)
    return ()


def as_event(word: Text, scope: Scope) -> str:
    """The event that a word alone means, `reply` or `replied`; empty when it is nothing known."""
    name = word.value.casefold()
    for stage in scope.stages:
        if name == stage.casefold():
            return f"lead becomes {stage}"
    found = ALSO.get(name) or HAPPENED.get(ALONE.get(name, ("", "")))
    return _about(found, word.span, scope) if found else ""


def verb_of(noun: str, verb: str) -> str:
    """The verb of that noun that another form of it means, `reply` for `email`; empty when there is none."""
    found = ALSO.get(verb) or HAPPENED.get(ALONE.get(verb, ("", "")))
    return found[1] if found and found[0] == noun else ""


def _about(event: tuple[str, str], span: Span, scope: Scope) -> str:
    example = EVENTS[event].example
    if event[0] == "email" and (template := sent_before(span, scope)):
        return re.sub(r'"[^"]*"', f'"{template}"', example)
    return example


def near_field(word: str, scope: Scope) -> bool:
    """Whether a field has that name but for upper and lower case."""
    return any(word.casefold() == field.casefold() for field in scope.fields)


def sent_before(span: Span, scope: Scope) -> str:
    """The email that the campaign around a line sends last above it; else its first one, else none."""
    around = [one for one in scope.program.campaigns if one.span.file == span.file and one.span.line <= span.line]
    if not around:
        return ""
    campaign = max(around, key=lambda one: one.span.line)
    sends = [one for one in all_statements(campaign) if isinstance(one, tree.Send) and one.mode != "transactional"]
    above = [one for one in sends if one.span.line < span.line]
    chosen = above[-1:] or sends[:1]
    return chosen[0].template.value if chosen else ""
