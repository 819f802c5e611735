"""Words of other tools and of plain English at the beginning of a line, and what to write for them here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dsl.text.lexer import Lexeme

_EVENT = 'write `wait up to 4 days for form "demo" is submitted`, with the steps below it'
_POINTS = "write `add 15 points`; a negative number takes points away"
_STEP = "the flow runs from top to bottom; repeat steps with `repeat up to 3 times every 14 days`"
_TASK = 'write `notify owner with "internal/task"`, or hand the lead off with `hand off to sales`'
_LIST = 'use a list: `add to list "Warm"` or `remove from list "Warm"`'
_SMS = 'Coldframe sends email; tell another system with `post to "https://sms.example/hook"`'
_LEAVE = "write `leaves when deal is won`"
_START = 'write `starts when form "demo" is submitted`'
_SEGMENT = 'write `starts when segment "Customers" is entered`, or add `only if` below a start'

WORDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "flow": (
        (r"when\b|on (click|open|submit|reply)\b", _EVENT),
        (r"after #", "write `wait 2 days`, and the steps on the lines that follow"),
        (r"for #", "write `wait 2 days`"),
        (r"every #|every \w", "write `repeat up to 3 times every 14 days`, with the steps below it"),
        (r"until\b", "write `wait until tuesday 09:00`"),
        (r"unless\b", "write `if not score >= 50`"),
        (r"(end|done|close)( if)?$", "delete the line, since indentation ends a block; to end the run write `stop`"),
        (r"(exit|finish|quit|return|terminate)\b", "write `stop`, which ends the run"),
        (r"(continue|next|proceed|break)\b", "delete the line; the flow continues below the block"),
        (r"(go to|goto|jump to|jump)\b", _STEP),
        (r"then\b", "delete `then`, and start the next line with the step"),
        (r"(add |remove )?(tag|label|untag)\b", _LIST),
        (r"(sms|text|whatsapp|push|send (sms|text|whatsapp|push))\b", _SMS),
        (r"(mail|email) @", 'write `send "whitepaper/welcome"`'),
        (r"(call|webhook|request|ping|http)\b", 'write `post to "https://crm.acme.example/hooks"`'),
        (r"(increase|decrease|raise|lower|subtract|score|points)\b", _POINTS),
        (r"add score\b|remove # points?\b|add #$", _POINTS),
        (r"(create |add )?(task|todo|reminder)\b", _TASK),
        (r"(assign|rotate)\b", "write `hand off to sales`; teams choose the owner"),
        (r"hand over\b", "write `hand off to sales`"),
        (r"(alert|tell|notify) sales\b", 'write `notify team "Sales" with "internal/note"`'),
        (r"move to stage\b|(change|update) stage\b", "write `qualify as MQL`"),
        (r"(enroll|enrol|add) (in|into|to) campaign\b|start campaign\b", 'write `enter campaign "Wake up"`'),
        (r"(unenroll|unenrol)\b", 'write `stop`, or `leave campaign "Wake up"` for another campaign'),
        (r"(unsubscribe$|opt out)", 'write `unsubscribe from "newsletter"`'),
        (r"(publish|activate|log|trigger)\b", "delete the line; `coldframe deploy` makes campaigns live"),
        (r"or$", 'write `or for form "demo" is submitted` below a wait, or join conditions in one `if`'),
        (r"wait until \w+ (>=|<=|>|<|=) ", "write `wait up to 30 days for score reaches 50`"),
        (r"wait # \w+ then\b", "write the next step on a line of its own"),
        (r"while\b", "write `repeat up to 3 times every 14 days until score >= 50`"),
        (r"loop\b", "write `repeat up to 3 times every 14 days`"),
        (r"(update|change) \w+ (to|=)", 'write `set company to "Acme"`'),
    ),
    "campaign": (
        (r"(trigger|triggers|triggered|enrollment|enrolment|enrol|enroll|when|start|entry)\b", _START),
        (r"(starts|enters) (on|with|if) form\b", _START),
        (r"(re-enter|reenter|re-enroll|reentry)\b", "write `enters again after 90 days`"),
        (r"(exit|exits|end|ends|stop|stops|until|goal reached)\b", _LEAVE),
        (
            r"(suppress|suppression|exclude|excludes|unless|except)\b",
            'write `only if not in segment "Customers"` below the start',
        ),
        (r"(audience|segment|list)\b", _SEGMENT),
        (r"(schedule|every|daily|weekly|monthly)\b", 'write `starts every monday at 10:00 for segment "Customers"`'),
        (r"(active|valid|from|between|live)\b", "write `runs from 2026-09-01 to 2027-08-31`"),
        (r"(send from|sender|reply)\b", 'write `sends from "Ada Ortiz <ada@acme.example>"`; steps belong below `flow`'),
        (r"(steps|actions|then|do)\b", "write `flow`, with the steps below it"),
        (r"(budget|cost|price)\b", "write `costs 1200 EUR per month`"),
        (r"holdout\b", "write `control group 10%`"),
    ),
    "file": (
        (r"(journey|workflow|sequence|automation|program|drip|flow|series)\b", 'write `campaign "Welcome"`'),
        (r"(property|attribute|custom|variable|column)\b", "write `field company_size number`"),
        (r"(tag|label|group)\b", 'write `list "Trade show"`'),
        (r"(audience|filter|smart)\b", 'write `segment "Customers"`, with conditions below it'),
        (r"(pipeline|stages|stage|funnel)\b", "write `lifecycle`, with lines such as `stage Lead` below it"),
        (r"(score|points|lead)\b", "write `scoring`, with lines such as `+10 when email is clicked` below it"),
        (r"(landing|page|popup)\b", 'write `form "whitepaper"`; its hosted page needs no other line'),
        (r"(email|mail|template)\b", "write the email as a file in `templates/`, and send it in a flow"),
        (r"(company|account|brand)\b", 'write `workspace "Acme Pumps"`'),
        (r"(owner|user|rep|sales)\b", 'write `team "Sales"`, with its members below it'),
        (r"(import|include|use)\b", "delete the line; all files of the folder belong together"),
        (r"(topic|subscription|newsletter)\b", 'write `topic "newsletter" "Monthly news"` in the workspace'),
    ),
}  # fmt: skip
"""By the kind of block: how a line begins, `#` for a number and `@` for a text, and one instruction."""


def instead(tokens: Sequence[Lexeme], context: str) -> str:
    """What to write for a line that begins with a word of another tool; empty when it is none."""
    line = " ".join({"STRING": "@", "NUMBER": "#"}.get(token.type) or str(token) for token in tokens)
    return next((advice for pattern, advice in WORDS.get(context, ()) if re.match(pattern, line)), "")
