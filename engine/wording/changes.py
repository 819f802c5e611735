"""What `plan` calls the parts of a deployment: kinds of steps and attributes of declarations, in the author's words."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.plan import CONFIRMING

KINDS: Mapping[str, str] = {
    "send": "`send`", "wait": "`wait`", "if": "`if`", "split": "`split`", "test": "`test`", "repeat": "`repeat`",
    "round": "`send next of`",
    "points": "`add … points`", "set": "`set`", "list": "`add to list` or `remove from list`",
    "topic": "`subscribe to` or `unsubscribe from`", "qualify": "`qualify as`", "handoff": "`hand off`",
    "recycle": "`recycle`", "notify": "`notify`", "post": "`post to`", "enter": "`enter` or `move to`",
    "leave": "`leave campaign`", "stop": "`stop`",
}  # fmt: skip
"""Kind of a step in a plan → the words that begin its line."""

ATTRIBUTES: Mapping[str, str] = {
    "from_crm": "whether the CRM writes it", "measured": "whether Coldframe writes it", "data": "its properties",
    "labels": "the labels of its choices",
    "intent": "what the form is for", "asks": "the fields it asks for", "hidden": "its hidden values",
    "filled": "the values that the page fills in", "consents": "the consents it asks for",
    "confirm_with": "the confirmation email", "file": "the file it gives", "thanks": "the page of thanks",
    "allowed_on": "the websites it may be on", "rules": "its rules", "pages": "its pages", "files": "its files",
    "emails": "its emails", "condition": "who belongs to it", "reactivate": "what happens to inactive leads",
    "agreed_by": "who agreed to it", "agreed_on": "when it was agreed", "outside": "whether it is outside the order",
    "takes": "which leads it takes", "others": "which other leads it takes", "hours": "business hours",
    "assign": "how leads are assigned", "when_full": "what happens when every member is full",
    "acknowledge": "time to acknowledge", "contact": "time to contact", "decide": "time to decide",
    "zone": "time zone", "timezone": "time zone", "mail_limit": "the limit on emails",
    "mail_needs_consent": "whether emails need consent", "tracking_needs_consent": "whether tracking needs consent",
    "own_sites": "the company's own websites", "ignored_referrers": "websites that are not a source",
}  # fmt: skip
"""Attribute of a declaration or the workspace → what people call it, where that is more than the word itself."""


def attribute(name: str) -> str:
    return ATTRIBUTES.get(name, name.replace("_", " "))


def campaign(name: str) -> str:
    """`campaign "Guide"`, or what the compiler's own campaign for a double opt-in stands for."""
    if name.startswith(CONFIRMING):
        return f'the confirmation email of form "{name.removeprefix(CONFIRMING).removesuffix(chr(34))}"'
    return f'campaign "{name}"'
