"""Words of other tools and of plain English at the beginning of a line, and what to write for them here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

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

_SALES = "write `hand off to sales`"
_STEP_OUT = "write `stop`, which ends the run; a lead's data is erased by `coldframe erase`"
_WAIT_BEFORE = "write `wait 2 days` or `wait until monday 09:00` above the `send`"
_NAME = 'write the name in the first line: `workspace "Acme Pumps"`'
_CONSENT = 'write `consent "I would like to receive emails" for topic "newsletter"`'
_TAKES = 'write `takes leads where country is "DE"`'
_HOURS = "write `business hours monday to friday from 09:00 to 17:00`"
_OPEN = "write the days that are open: `business hours tuesday to sunday from 09:00 to 17:00`"
_WINDOW = "write `sends on weekdays between 08:00 and 18:00` in the campaign; emails then wait for it"

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
        (r"(forward|pass|route|transfer|send|hand|give|escalate) (lead |it |them |the lead )?to sales\b", _SALES),
        (r"(convert|promote|upgrade|mark|become|becomes|set stage|advance)\b", "write `qualify as MQL`"),
        (r"(inform|remind|alert|tell|email|mail|message) (owner|team|@ with)", _TASK),
        (r"send @ to (owner|team|@)", 'write `notify owner with "internal/note"`'),
        (r"send (to|the)? ?(owner|team)\b", 'write `notify owner with "internal/note"`'),
        (r"(put|place|move) (lead |it |them )?(on|onto|in|into|to) list\b", 'write `add to list "Warm"`'),
        (r"(add|remove) (lead|contact|person|them|it|@) (to|from|in) list\b", _LIST),
        (r"add to segment\b", "write `set plan to \"pro\"`; a segment follows from its conditions"),
        (r"(give|award|grant|deduct|take|plus|minus) # points?\b", _POINTS),
        (r"(give|award|grant|deduct) points\b", _POINTS),
        (r"[+-]?# points?$", _POINTS),
        (r"(skip|nothing|do nothing|noop|pass)$", "delete the line; the flow continues below the block"),
        (r"(restart|start over|start again|begin again)\b", _STEP),
        (r"(filter|check|condition|decision|decide|where|case|require|only)\b", 'write `if country is "DE"`'),
        (r"switch\b", 'write `if country is "DE"`, then `otherwise if country is "AT"`'),
        (r"(percent|random|percentage|a|ab)( \w+)? ?(split|branch)?$", "write `split`, with `50% \"a\"` below it"),
        (r"(increment|decrement|count)\b", "write `add 1 to visits`"),
        (r"copy \w+ to \w+", "write `set city to country`, the field to change first"),
        (r"(clear|empty|delete|erase|reset) (lead|contact|person)\b", _STEP_OUT),
        (r"(archive|suppress|block|blacklist)\b", _STEP_OUT),
        (r"(clear|empty|delete|erase|reset|unset)\b", "write `set city to nothing`"),
        (r"(comment|remark|memo)\b", 'write `# …`; or add `note "…"` below a handoff'),
        (r"wait until (form|email|page|link|file|list|order|deal|event|meeting|webinar)\b", _EVENT),
        (r"wait (up to # \w+ )?for (a|an|the) (reply|click|open|answer|response|purchase|order|visit)$", _EVENT),
        (
            r"wait until (the )?(first|last|end|start|beginning|middle|#)( day)? (of|in)\b",
            "write a date, such as `wait until 2027-10-01`; `starts every month` starts on the first of each",
        ),
        (r"wait until (tomorrow|next|the next)\b", "write `wait 1 day`, or `wait until monday 09:00`"),
        (r"wait until (weekday|weekdays|weekend|weekends|working)\b", _WINDOW),
        (r"wait (half|a couple|a few|some|overnight|several)\b", "write a number: `wait 12 hours`, or `wait 3 days`"),
        (r"wait # weekdays?$", "write `wait 2 business days`"),
        (r"wait \w+ and a half\b", "write `wait 1 hour 30 minutes`"),
        (r"send @ (if|only|when|unless)\b", 'write `if score >= 50`, with the `send` below it'),
        (r"send @ (after|in|on|at|every|each|daily|weekly)\b", _WAIT_BEFORE),
    ),
    "campaign": (
        (
            r"starts (every|on the|on) #( day)?( of| in) (the|each|every)\b",
            'write `starts every first monday of the month at 10:00 for segment "Customers"`',
        ),
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
    "workspace": (
        (r"sends from\b|(from|reply|replies|reply-to|email)\b", 'write `sender "Acme Pumps <hello@acme.example>"`'),
        (r"(limit|max|maximum|frequency|cap|no more|up to)\b", "write `at most 3 emails per 7 days`"),
        (r"(not|never) open\b", _OPEN),
        (r"(open|opening|office|working|work) (hours\b|\w+day)", _HOURS),
        (r"(quiet|silent|night|do not disturb)\b", "write `quiet hours from 20:00 to 08:00`"),
        (r"(exclude|exclusion|suppress|block|skip) (segment|list)\b", 'write `nobody in segment "Under 16" is mailed`'),
        (r"(double opt-in|opt-in|consent|gdpr|permission)\b", "write `mail needs consent`"),
        (r"(unsubscribe|opt-out)\b", "write `mail is allowed until opt-out`"),
        (r"(website|site|domain|domains|url)\b", 'write `own sites "acme.example"`'),
        (r"(holiday|vacation|public)\b", 'write `holidays "DE"`, or `closed from 2026-12-24 to 2027-01-01`'),
        (r"(time zone|zone|time-zone)\b", 'write `timezone "Europe/Berlin"`'),
        (r"(newsletter|subscription|subscriptions|category|list)\b", 'write `topic "newsletter" "Monthly news"`'),
        (r"(company|name|brand|organisation|organization)\b", _NAME),
    ),
    "form": (
        (r"(input|email|textarea|select|dropdown|require|requires|required)\b", "write `ask email required`"),
        (r"(checkbox|opt-in|optin|newsletter|gdpr|terms|agree)\b", _CONSENT),
        (r"(redirect|success|thank|confirmation)\b", 'write `thanks "https://acme.example/thanks"`'),
        (r"(submit|cta|send)\b", 'write `button "Send"`'),
        (r"(download|attachment|offers|give)\b", 'write `gives file "guide.pdf"`'),
        (r"(double|verify|confirms)\b", 'write `confirm with "forms/confirm"`'),
        (r"(headline|heading|header|name)\b", 'write `title "Talk to us"`'),
        (r"(description|text|subtitle)\b", 'write `intro "We answer within a day."`'),
        (r"(subscribe|subscribes|add to|topic|list)\b", _CONSENT),
    ),
    "team": (
        (r"(members|user|rep|person|agent|owner)\b", 'write `member "eva@acme.example"`'),
        (r"(territory|region|country|leads|gets|handles|receives|covers)\b", _TAKES),
        (r"(round|rotate|distribute|distribution|assigns|routing)\b", "write `assign round robin`"),
        (r"(respond|response|sla|answer|call|reply)\b", "write `contact within 1 business day, then reassign`"),
        (r"(accept|take|pick|claim)\b", "write `acknowledge within 4 business hours, then reassign`"),
        (r"(holiday|vacation|absent|out)\b", 'write `away "eva@acme.example" from 2026-08-03 to 2026-08-21`'),
        (r"(capacity|limit|max|at most)\b", 'add the limit to a member: `member "eva@acme.example", up to 20 open`'),
    ),
}  # fmt: skip
"""By the kind of block: how a line begins, `#` for a number and `@` for a text, and one instruction."""


def instead(tokens: Sequence[Lexeme], context: str) -> str:
    """What to write for a line that begins with a word of another tool; empty when it is none."""
    line = " ".join({"STRING": "@", "NUMBER": "#"}.get(token.type) or str(token) for token in tokens)
    return _advice(line, context)


@lru_cache(maxsize=8192)
def _advice(line: str, context: str) -> str:
    return next((advice for pattern, advice in WORDS.get(context, ()) if re.match(pattern, line)), "")
