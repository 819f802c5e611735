"""Which lines belong where, and which words of other tools mean which of this language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

STATEMENTS = (
    "send", "send_next", "wait", "wait_weekday", "wait_date", "wait_day", "wait_datum", "wait_before",
    "wait_after", "wait_from_date", "wait_for", "or_for", "if_",
    "otherwise_if", "otherwise", "split", "test", "repeat", "add", "count_up", "set_field", "add_to_list",
    "remove_from_list", "subscribe", "unsubscribe", "qualify", "hand_off", "recycle_lead", "notify",
    "notify_because", "post", "enter", "move", "leave", "stop",
)  # fmt: skip

CONTEXTS: Mapping[str, tuple[str, ...]] = {
    "file": (
        "workspace", "field", "contact_list", "custom_event", "carried", "webinar", "form", "scoring", "interest",
        "segment", "lifecycle", "team", "crm", "campaign",
    ),
    "workspace": (
        "timezone", "languages", "currency", "sender", "address", "quiet_hours", "mail_limit", "holidays", "closed",
        "business_hours", "mail", "tracking", "topic", "own_sites", "ignore_referrers", "channel", "soft_bounces",
        "forget", "spend_from", "unmailed", "region", "sends_on", "sends_on_working",
    ),
    "field": ("choice_label",),
    "form": (
        "intent", "title", "intro", "button", "style", "ask", "hidden", "consent", "confirm", "gives", "thanks",
        "allowed_on",
    ),
    "scoring": ("event_rule", "state_rule"),
    "interest": ("pages", "files", "emails"),
    "segment": ("segment_line",),
    "lifecycle": ("stage",),
    "stage": ("when", "agreed", "reactivate"),
    "team": (
        "takes_where", "takes_rest", "takes_others", "takes_all", "timezone", "business_hours", "holidays", "closed",
        "member", "away", "assign", "when_full", "time_limit",
    ),
    "crm": ("crm_sends_from", "crm_sends", "crm_reads", "crm_conflict", "crm_deal", "crm_outcome"),
    "campaign": (
        "starts", "starts_on", "starts_every", "enters_once", "enters_again", "enters_always", "enters_per",
        "enters_period", "enters_every", "leaves", "runs", "goal", "costs", "topic", "sends_from",
        "sends_from_owner", "sends_on", "sends_on_working", "priority", "control", "flow", "whenever",
    ),
    "trigger": ("only",),
    "flow": STATEMENTS,
    "split": ("arm",),
    "test": ("variant",),
    "handoff": ("note", "when_accepted", "when_rejected", "when_overdue"),
    "nothing": (),
}  # fmt: skip
"""The lines that may stand in each kind of block."""

INSIDE: Mapping[str, str] = {
    **{
        rule: rule
        for rule in (
            "workspace", "field", "form", "scoring", "interest", "segment", "lifecycle", "stage", "team", "crm",
            "campaign", "split", "test",
        )
    },
    "starts": "trigger", "starts_on": "trigger", "starts_every": "trigger", "when": "trigger", "leaves": "flow",
    "arm": "flow", "variant": "flow", "repeat": "flow", "flow": "flow", "whenever": "flow", "wait_for": "flow",
    "or_for": "flow", "otherwise": "flow", "otherwise_if": "flow", "if_": "flow", "hand_off": "handoff",
    "when_accepted": "flow", "when_rejected": "flow", "when_overdue": "flow",
}  # fmt: skip
"""The kind of block that stands below a line; a line that is not here has none."""

HEADS: Mapping[str, str] = {
    "choice_label": "choice",
    "contact_list": "list", "custom_event": "event", "arm": "50%", "segment_line": "", "starts_on": "starts",
    "starts_every": "starts", "enters_per": "enters", "enters_period": "enters", "enters_every": "enters",
    "wait_day": "wait", "wait_datum": "wait", "wait_from_date": "wait", "wait_before": "wait", "wait_after": "wait",
    "count_up": "add", "notify_because": "notify", "send_next": "send",
    "set_field": "set", "add_to_list": "add", "remove_from_list": "remove", "recycle_lead": "recycle",
    "quiet_hours": "quiet", "mail_limit": "at", "business_hours": "business", "allowed_on": "allowed",
    "own_sites": "own", "ignore_referrers": "ignore", "spend_from": "spend", "soft_bounces": "suppress",
    "takes_where": "takes", "takes_rest": "takes", "takes_others": "takes", "takes_all": "takes", "when_full": "when",
    "enters_once": "enters", "enters_again": "enters", "enters_always": "enters", "sends_from": "sends",
    "sends_from_owner": "sends", "sends_on": "sends", "sends_on_working": "sends",
    "unmailed": "nobody", "wait_weekday": "wait", "wait_date": "wait", "wait_for": "wait",
    "or_for": "or", "otherwise_if": "otherwise", "if_": "if", "hand_off": "hand", "when_accepted": "when",
    "crm_sends_from": "sends", "crm_sends": "sends", "crm_reads": "reads", "crm_conflict": "conflict",
    "crm_deal": "deal",
    "when_rejected": "when", "when_overdue": "when", "only": "only", "event_rule": "", "state_rule": "",
}  # fmt: skip
"""First words of the rules whose first word is not the rule's own name."""

TIME_LIMITS = ("acknowledge", "contact", "decide")
CARRIERS = ("deal", "order", "cart", "meeting", "call", "chat")
"""Things whose events can be declared to carry more than the language knows."""
OUTCOMES = ("acknowledged", "contacted", "accepted", "rejected")
"""What a CRM can tell of a handoff."""
SEVERAL_HEADS: Mapping[str, tuple[str, ...]] = {
    "time_limit": TIME_LIMITS, "carried": CARRIERS, "crm_outcome": OUTCOMES,
}  # fmt: skip


@cache
def heads(context: str) -> tuple[str, ...]:
    """The words with which a line in this kind of block can begin."""
    words: dict[str, None] = {}
    for rule in CONTEXTS[context]:
        for word in SEVERAL_HEADS.get(rule, (HEADS.get(rule, rule),)):
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
    "mailto": "send", "delay": "wait", "sleep": "wait", "pause": "wait", "exit": "stop",
    "finish": "stop", "quit": "stop", "journey": "campaign", "workflow": "campaign", "tz": "timezone",
    "when": "starts when", "start": "starts when", "starts": "starts when", "handoff": "hand off to",
    "hand-off": "hand off to", "points": "add", "score": "add", "case": "if", "unless": "if not", "steps": "flow",
    "language": "languages", "from": "sender", "question": "ask", "loop": "repeat", "while": "repeat",
    "goto": "move to campaign", "jump": "move to campaign", "webhook": "post to", "call": "post to",
    "alert": "notify", "tell": "notify", "experiment": "test", "ab": "test", "random": "split", "branch": "split",
    "update": "set", "change": "set", "audience": "segment", "holdout": "control group", "budget": "costs",
    "cost": "costs", "unsub": "unsubscribe from", "url": "pages", "page": "pages", "file": "files",
}  # fmt: skip
"""Words that people from other tools write, and the word of this language."""
