"""What to write instead of an event or condition that cannot be read, found by the words around the first wrong one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsl.names.events import EVENTS
from dsl.text.lexer import Lexeme

_COUNT = 'write a count and a period: `page "/pricing*" is visited 2 times within 7 days`'
_ABSENCE = "write `cart is updated and then no order is placed within 2 hours`"
_SUBSCRIBED = 'write `subscribed to "newsletter"`'

PHRASES: tuple[tuple[str, str], ...] = (
    # the lead's history
    (r"\bhas\b.* in the \^ next\b", "write `in the last 7 days`; a lead's history is in the past"),
    (r"\bhas\b.* \^ within #", "write `in the last 7 days`"),
    (
        r"\bhas\b.*\bwhere\b.* (and|or) .*\^ at least",
        "put the conditions in parentheses: `where (amount >= 50 and items >= 2) at least 2 times`",
    ),
    (r"\bhas\b.* (in the last|since) .*\^ at least", "write the count first: `at least 2 times in the last 30 days`"),
    (r"\bhas\b.* (\^ # times?|at least \^ \w+|\^ (twice|more|once|exactly))\b", "write a count: `at least 2 times`"),
    (r"\bhas (not )?clicked on \^", 'write `has clicked link "https://acme.example/*"`'),
    (r"\bhas\b.* since \^ (?!enter)", "write `since entering`, or a time: `in the last 7 days`"),
    (r"\bhas been \^", 'write `has been in campaign "Welcome"`'),
    # conditions
    (r"\bis in \^ (next|last)\b", "write `is in the {0} 30 days`"),
    (r"\bin \^ the (next|last)\b", "write `is in the {0} 30 days`"),
    (r"\bis within \^ #", "write `is in the next 30 days`"),
    (r"\b(later|earlier|older|newer) \^ than\b", "write `is before 2026-10-06` or `is after 2026-10-06`"),
    (r"\bis in \^ (segment|list|campaign)\b", 'write `in {0} "Customers"`, without `is`'),
    (
        r"\b(?!if|and|or|not|until|where)\w+ (not )?in \^ @",
        'put the values in parentheses: `country in ("DE", "AT")`',
    ),
    (r"\bin \^ @", 'write `in segment "Customers"`, `in list "Readers"` or `in campaign "Welcome"`'),
    (r"\bsubscribed \^ @", _SUBSCRIBED),
    (r"\bis \^ subscribed\b", _SUBSCRIBED),
    (r"\btracking \^ \w+", "write `tracking is allowed`"),
    (r"\binterest \^ @", 'write `interest in "Pumps" >= 3`'),
    (
        r"\b(if|and|or|not|until) (opened|clicked|visited|submitted|received|downloaded|watched|attended|placed) \^",
        'write `has opened email "whitepaper/welcome"`, with `has` before what the lead did',
    ),
    (
        r"\b(if|and|or|not) (email|form|page|link|file|video) \^ @",
        'write `has opened email "whitepaper/welcome"`, which asks what the lead did',
    ),
    # steps
    (r"^wait up to .* \^ until\b", 'write `wait up to 4 days for form "demo" is submitted`'),
    (
        r"^closed \^ (on|every|each)\b",
        "write the days that are open: `business hours tuesday to sunday from 10:00 to 18:00`",
    ),
    (r"^sends on .* \^ (except|without|but|excluding|not)\b", "write `sends on working days`, which skips holidays"),
    (r"^repeat (every|\w+ly) .*\^ ?up\b|^repeat \^ \w+ly\b", "write `repeat up to 3 times every 14 days`"),
    (
        r"^wait until .* (before|after) webinar \^",
        "write the day, as in `wait until 2026-10-05 at 11:00`; or start a campaign with `starts when 1 day {0} "
        'webinar "Seals explained"`',
    ),
    (r"^add # \^ [A-Z]{3} to (\w+)", "remove the currency: `add 5 to {0}`"),
    (
        r"^ask (\w+) (?:required )?\^ (?:optional|not|voluntary|if|may)\b",
        "write `ask {0}`; a field is optional unless `required` follows it",
    ),
    # events
    (
        r"\b(form|email|page|file|video|webinar|segment|list|topic|campaign) (\w+) is \^ (\w+)",
        'write `{0} "{1}" is {2}`',
    ),
    (r"\bwith \^ same\b", "write `with the same id within 2 hours`"),
    (r", \^ and then\b", "remove the comma before `and then`"),
    (r"\band then .* within # \w+ \^ where\b", "move `where` before `within`"),
    (r"\band then .*\^", _ABSENCE),
    (r"\bis \w+ \^ and no\b", _ABSENCE),
    (r"\bwhere .*\^ # times?\b", "write the count before `where`: `page is visited 3 times within 7 days where …`"),
    (r"\b(?:when|whenever|for) .*\^ (?:twice|thrice|at least|\w+ times)\b", _COUNT),
    (r"# times? within \^", _COUNT),
    (r"\b(?:when|whenever|for) # times? \^", _COUNT),
    (r"(?<!# )\b(day|week|month|hour)s? (before|after) \^", "write a number: `30 {0}s {1} contract_end`"),
    (r"\^ within # \w+ # times?\b", _COUNT),
)
"""Lines around `^`, which stands before the first word that does not fit; `#` is a number, `@` a text. The second part
is what to do, with the groups of the first as `{0}`, `{1}`."""

_BEGINS = ("when", "whenever", "for", "goal")
_ENDS = ("if", "where", "only", ",")


def hint(tokens: Sequence[Lexeme], index: int) -> str:
    """What to write instead; empty when the words around `index` are nothing known."""
    words = [_word(token) for token in tokens]
    line = " ".join((*words[:index], "^", *words[index:]))
    for pattern, advice in PHRASES:
        if match := re.search(pattern, line):
            return advice.format(*match.groups())
    return ""


def event_hint(tokens: Sequence[Lexeme], index: int) -> str:
    """How the event that goes wrong at `index` is written; empty when it is no event that goes wrong."""
    words = [_word(token) for token in tokens]
    starts = [i + 1 for i, word in enumerate(words[:index]) if word in _BEGINS and i + 1 < len(words)]
    start = next((i for i in reversed(starts) if words[i] != "#"), starts[-1] if starts else 0)
    if not start or any(word in _ENDS for word in words[start:index]):
        return ""
    noun, rest = words[start], words[start:]
    example = next((spec.example for (known, verb), spec in EVENTS.items() if known == noun and verb in rest), "")
    example = example or next((spec.example for (known, _), spec in EVENTS.items() if known == noun), "")
    if noun == "#" and index < len(words):
        example = '2 hours after webinar "Seals explained"' if "webinar" in rest else "30 days before contract_end"
    elif noun in ("birthday", "anniversary"):
        example = {"birthday": "birthday at 07:30", "anniversary": "anniversary of created at 07:30"}[noun]
    return f"write it like this: `{example}`" if example else ""


def _word(token: Lexeme) -> str:
    return {"STRING": "@", "NUMBER": "#"}.get(token.type) or str(token)
