"""What to write instead of an event or condition that cannot be read, found by the words around the first wrong one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from dsl.names.events import EVENTS
from dsl.text.deeds import history_hint
from dsl.text.lexer import Lexeme
from dsl.text.values import WEEKDAYS

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
    (r"\bhas (not )?been (in )?\^ ?(@|$)", 'write `has been in campaign "Welcome"`'),
    # conditions
    (r"\b(?:if|and|or|not|until) is \^ (?!subscribed)([A-Za-z]\w*)", "write `stage is {0}`"),
    (r"^wait until .*\^ (?:reply|replies|answer|answers)\b", 'write `wait for email "whitepaper/welcome" is replied`'),
    (r"\bis in \^ (next|last)\b", "write `is in the {0} 30 days`"),
    (
        r"\b(?:opened|clicked|replied|submitted|visited|downloaded) in \^ the last\b",
        "write `has clicked email in the last 7 days`, with `has` before what the lead did",
    ),
    (r"\bin \^ the (next|last)\b", "write `is in the {0} 30 days`"),
    (r"\bis in \^ # (\w+)$", "write `is in the next 30 days`, or `is 14 days from today` for one day"),
    (r"\^ ?ends? with|\bends? \^ ?with", 'write `contains "@acme.example"`, which asks for any part of the text'),
    (r"\b(?:tagged|labeled|labelled) \^ @", 'write `in list "Warm"`'),
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
    (r"^tracking (is )?\^ ?(on|enabled|active)\b", "write `tracking needs consent`, or `tracking is always on`"),
    (r"^tracking (is )?\^ ?(off|disabled|never)\b", "write `tracking needs consent`; without it nothing is recorded"),
    (r"\btracking \^ \w+", "write `tracking is allowed`"),
    (r"\binterest \^ @", 'write `interest in "Pumps" >= 3`'),
    (
        r"^(?:wait|or) .*\bfor\b.* or (?:form|page|link|file|video|order|meeting|deal|list) \^",
        'write the other event as a line of its own: `or for form "demo" is submitted`',
    ),
    (
        r"\b(if|and|or|not) (email|form|page|link|file|video) \^ @",
        'write `has opened email "whitepaper/welcome"`, which asks what the lead did',
    ),
    (r"^(?!when|starts|wait|takes).*\b(or|and) \^$", "write both sides of the `{0}` on one line"),
    (r"^(?:unless|except|excluding|without) .*\^", "write `not` before the condition: `not company_size > 5`"),
    # steps
    (r"^wait up to .* \^ until\b", 'write `wait up to 4 days for form "demo" is submitted`'),
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
    (
        r"\bfor .*\bto (\^ )?(be )?(\^ )?(?:reply|answer|respond|replied)\b",
        'write `for email "whitepaper/welcome" is replied`',
    ),
    (r"\bfor .*\bto (\^ )?(be )?(\^ )?(?:open|opened)\b", 'write `for email "whitepaper/welcome" is opened`'),
    (r"\bfor .*\bto (\^ )?(be )?(\^ )?(?:click|clicked)\b", 'write `for email "whitepaper/welcome" is clicked`'),
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

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
LONGEST_LINE = 120
"""Characters of a line that a help shows whole."""
_BEGINS = ("when", "whenever", "for", "goal")
_ENDS = ("if", "where", "only", ",")


def hint(tokens: Sequence[Lexeme], index: int) -> str:
    """What to write instead; empty when the words around `index` are nothing known."""
    words = [_word(token) for token in tokens]
    if words[0] == "closed":
        return _closed(words[1:])
    line = " ".join((*words[:index], "^", *words[index:]))
    for pattern, advice in PHRASES:
        if match := re.search(pattern, line):
            return advice.format(*match.groups())
    return history_hint(words, index)


def _closed(words: Sequence[str]) -> str:
    """`closed on mondays` says which days are open, `closed in august` and `closed on 24 december` which dates."""
    said = [word.casefold() for word in words]
    month = next((month for month in MONTHS for word in said if len(word) > 2 and month.startswith(word[:3])), "")
    if any(word in ("christmas", "easter", "holidays", "holiday") for word in said):
        return 'write `holidays "DE"`, with the country whose holidays you keep'
    shut = {day for word in said for day in _days_of(word)}
    if "to" in said and len(shut) == 2:
        first, last = (WEEKDAYS.index(day) for word in said for day in _days_of(word))
        shut = {WEEKDAYS[(first + step) % 7] for step in range((last - first) % 7 + 1)}
    if shut and len(shut) < 7:
        return _open_days(shut)
    if month:
        number = MONTHS.index(month) + 1
        last = {4: 30, 6: 30, 9: 30, 11: 30, 2: 28}.get(number, 31)
        if "#" in said:
            return f"write a date: `closed on 2026-{number:02}-24`"
        return f"write two dates: `closed from 2026-{number:02}-01 to 2026-{number:02}-{last}`"
    return ""


def _days_of(word: str) -> tuple[str, ...]:
    if word in ("weekend", "weekends"):
        return ("saturday", "sunday")
    if word in ("weekday", "weekdays"):
        return WEEKDAYS[:5]
    return tuple(day for day in WEEKDAYS if word in (day, f"{day}s"))


def _open_days(shut: Collection[str]) -> str:
    """The other days, as `business hours` says them; the days behind the last closed one first."""
    runs: list[list[str]] = []
    start = next(at for at in range(7) if WEEKDAYS[at - 1] in shut and WEEKDAYS[at] not in shut)
    for day in (*WEEKDAYS[start:], *WEEKDAYS[:start]):
        if day not in shut:
            if runs and WEEKDAYS.index(day) == (WEEKDAYS.index(runs[-1][-1]) + 1) % 7:
                runs[-1].append(day)
            else:
                runs.append([day])
    spans = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    shown = " and ".join(f"{span} from 09:00 to 17:00" for span in spans)
    return f"write the days that are open: `business hours {shown}`"


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


def on_one_line(above: Sequence[Lexeme], rest: Sequence[Lexeme]) -> str:
    """Two lines of a segment as one with `or`, where the second begins with it."""
    line = f"{_as_text(above)} or {_as_text(rest)}"
    shown = above and len(line) <= LONGEST_LINE
    return f"write both on one line: `{line}`" if shown and rest else "write both sides of the `or` on one line"


def _as_text(tokens: Sequence[Lexeme]) -> str:
    written = " ".join(f'"{token}"' if token.type == "STRING" else str(token) for token in tokens)
    return re.sub(r"(?<=\() | (?=[),])| (?=\.)|(?<=\w\.) ", "", written)


def _word(token: Lexeme) -> str:
    return {"STRING": "@", "NUMBER": "#"}.get(token.type) or str(token)
