"""Which lines belong where, and which words of the language this version does not carry yet."""

from __future__ import annotations

from collections.abc import Mapping

STATEMENTS = (
    "send", "wait", "wait_weekday", "wait_date", "wait_for", "or_for", "otherwise", "otherwise_if", "if_", "add",
    "qualify", "hand_off", "enter", "stop",
)  # fmt: skip

CONTEXTS: Mapping[str, tuple[str, ...]] = {
    "file": ("workspace", "field", "form", "scoring", "lifecycle", "team", "campaign"),
    "workspace": (
        "timezone", "languages", "currency", "sender", "address", "quiet_hours", "mail_limit", "holidays", "closed",
        "business_hours", "mail", "tracking", "topic",
    ),
    "form": ("intent", "ask", "hidden", "consent", "confirm", "gives", "thanks", "allowed_on"),
    "scoring": ("event_rule", "state_rule"),
    "lifecycle": ("stage",),
    "stage": ("when", "agreed"),
    "team": (
        "takes_where", "takes_others", "takes_all", "timezone", "business_hours", "holidays", "closed", "member",
        "away", "assign", "when_full", "time_limit",
    ),
    "campaign": (
        "starts", "enters_once", "enters_again", "enters_always", "leaves", "topic", "sends_from", "sends_from_owner",
        "sends_on", "flow", "whenever",
    ),
    "trigger": ("only",),
    "flow": STATEMENTS,
    "handoff": ("note", "when_accepted", "when_rejected", "when_overdue"),
    "nothing": (),
}  # fmt: skip
"""The lines that may stand in each kind of block."""

INSIDE: Mapping[str, str] = {
    **{rule: rule for rule in ("workspace", "form", "scoring", "lifecycle", "stage", "team", "campaign")},
    "starts": "trigger", "when": "trigger", "leaves": "flow", "flow": "flow", "whenever": "flow", "wait_for": "flow",
    "or_for": "flow", "otherwise": "flow", "otherwise_if": "flow", "if_": "flow", "hand_off": "handoff",
    "when_accepted": "flow", "when_rejected": "flow", "when_overdue": "flow",
}  # fmt: skip
"""The kind of block that stands below a line; a line that is not here has none."""

HEADS: Mapping[str, str] = {
    "quiet_hours": "quiet", "mail_limit": "at", "business_hours": "business", "allowed_on": "allowed",
    "takes_where": "takes", "takes_others": "takes", "takes_all": "takes", "when_full": "when",
    "enters_once": "enters", "enters_again": "enters", "enters_always": "enters", "sends_from": "sends",
    "sends_from_owner": "sends", "sends_on": "sends", "wait_weekday": "wait", "wait_date": "wait", "wait_for": "wait",
    "or_for": "or", "otherwise_if": "otherwise", "if_": "if", "hand_off": "hand", "when_accepted": "when",
    "when_rejected": "when", "when_overdue": "when", "only": "only", "event_rule": "", "state_rule": "",
}  # fmt: skip
"""First words of the rules whose first word is not the rule's own name."""

TIME_LIMITS = ("acknowledge", "contact", "decide")


def heads(context: str) -> tuple[str, ...]:
    """The words with which a line in this kind of block can begin."""
    words: dict[str, None] = {}
    for rule in CONTEXTS[context]:
        for word in TIME_LIMITS if rule == "time_limit" else (HEADS.get(rule, rule),):
            if word:
                words[word] = None
    return tuple(words)


def block_below(head: str, context: str) -> str | None:
    """The kind of block below a line that begins with this word, whatever the rest of the line says."""
    for rule in (*CONTEXTS[context], *INSIDE):
        if HEADS.get(rule, rule) == head and rule in INSIDE:
            return INSIDE[rule]
    return None


ALL_HEADS = frozenset(word for context in CONTEXTS for word in heads(context))

SYNONYMS: Mapping[str, str] = {
    "else": "otherwise", "elif": "otherwise if", "elseif": "otherwise if", "email": "send", "mail": "send",
    "mailto": "send", "delay": "wait", "sleep": "wait", "pause": "wait", "end": "stop", "exit": "stop",
    "finish": "stop", "quit": "stop", "journey": "campaign", "workflow": "campaign", "tz": "timezone",
    "when": "starts when", "start": "starts when", "starts": "starts when", "handoff": "hand off to",
    "hand-off": "hand off to", "points": "add", "score": "add", "case": "if", "unless": "if not", "steps": "flow",
    "language": "languages", "from": "sender", "question": "ask",
}  # fmt: skip
"""Words that people from other tools write, and the word of this language."""

LATER_HEADS: Mapping[tuple[str, str], str] = {
    ("file", "list"): "lists", ("file", "event"): "declared events", ("file", "webinar"): "webinars",
    ("file", "interest"): "interest profiles", ("file", "segment"): "segments",
    ("stage", "reactivate"): "reactivations from a stage",
    ("campaign", "runs"): "dates between which a campaign runs", ("campaign", "goal"): "goals",
    ("campaign", "costs"): "costs", ("campaign", "priority"): "priorities", ("campaign", "control"): "control groups",
    ("flow", "split"): "splits", ("flow", "test"): "tests of variants", ("flow", "variant"): "tests of variants",
    ("flow", "set"): "steps that set a field", ("flow", "subscribe"): "steps that subscribe",
    ("flow", "unsubscribe"): "steps that unsubscribe",
    ("flow", "recycle"): "recycle steps", ("flow", "notify"): "internal mails", ("flow", "post"): "webhooks",
    ("flow", "move"): "moves to another campaign", ("flow", "leave"): "steps that leave another campaign",
    ("flow", "repeat"): "repeats", ("flow", "remove"): "lists",
}  # fmt: skip
"""Lines of the whole language that this version does not know, by the block they belong to."""

LATER_PHRASES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("to", "list"), "lists"),
    (("from", "list"), "lists"),
    (("for", "list"), "lists"),
    (("for", "segment"), "segments"),
    (("testing",), "tests of subject lines"),
    (("including", "present"), "starts from a segment or list"),
    (("starts", "on"), "starts on a date"),
    (("starts", "every"), "regular starts"),
    (("enters", "once", "per"), "entries once per value"),
    (("#", "*", "before"), "times before or after a date"),
    (("#", "*", "after"), "times before or after a date"),
    (("add", "#", "to", "@"), "steps that set a field"),
)
"""Phrases of the whole language inside a line; `#` is any number, `@` any word, `*` any token."""
