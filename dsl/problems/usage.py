"""How each line of the language is written, and the names of the places where lines are."""

from __future__ import annotations

from collections.abc import Mapping

PLACES: Mapping[str, str] = {
    "file": "at the left edge", "workspace": "in a workspace", "field": "below a field", "form": "in a form",
    "scoring": "in a scoring model",
    "lifecycle": "in a lifecycle", "stage": "below a stage", "team": "in a team", "crm": "below a CRM",
    "campaign": "in a campaign",
    "trigger": "below a start", "flow": "in a flow", "handoff": "below a handoff", "split": "in a split",
    "test": "in a test", "interest": "in an interest", "segment": "in a segment", "nothing": "here",
}  # fmt: skip

TARGETS: Mapping[str, str] = {
    "file": "to the left edge", "workspace": "to a workspace", "field": "below a field", "form": "to a form",
    "scoring": "to a scoring model",
    "lifecycle": "to a lifecycle", "stage": "below a stage", "team": "to a team", "crm": "below a CRM",
    "campaign": "to a campaign",
    "trigger": "below a start", "flow": "to a flow", "handoff": "below a handoff", "split": "to a split",
    "test": "to a test", "interest": "to an interest", "segment": "to a segment",
}  # fmt: skip
"""Where a line is to be moved, by the kind of block that may hold it."""

USAGE: Mapping[str, str] = {
    "workspace": 'workspace "Acme Pumps"', "field": "field company_size number", "form": 'form "whitepaper"',
    "scoring": 'scoring "fit"', "lifecycle": "lifecycle", "team": 'team "Sales"', "campaign": 'campaign "Welcome"',
    "timezone": 'timezone "Europe/Berlin"', "languages": 'languages "en", "de"', "currency": "currency EUR",
    "sender": 'sender "Acme Pumps <hello@acme.example>"', "address": 'address "Acme Pumps GmbH, Hauptstr. 1, Voerde"',
    "quiet": "quiet hours from 20:00 to 08:00", "at": "at most 3 emails per 7 days", "holidays": 'holidays "DE", "AT"',
    "closed": "closed from 2026-12-29 to 2027-01-04",
    "business": "business hours monday to friday from 09:00 to 17:00",
    "mail": "mail needs consent", "tracking": "tracking needs consent", "own": 'own sites "acme.example"',
    "forget": "forget visitors after 13 months", "nobody": 'nobody in segment "Under 16" is mailed',
    "spend": 'spend from "ads/*.csv"', "region": 'region "DACH" country in ("DE", "AT", "CH")',
    "ignore": 'ignore referrers "pay.example"', "suppress": "suppress after 5 soft bounces",
    "channel": 'channel "Partners" when source in ("dealer", "lista")',
    "topic workspace": 'topic "newsletter" "Monthly news about pumps"', "topic campaign": 'topic "newsletter"',
    "choice": 'choice "pumps" labeled "Pumps", "de" "Pumpen"',
    "intent": "intent content", "title": 'title "Talk to us", "de" "Sprechen Sie mit uns"',
    "intro": 'intro "We answer within a day."', "button": 'button "Send", "de" "Senden"',
    "style": 'style color "#1f6f54", logo "logo.png"',
    "ask": 'ask company required "Your company"', "hidden": 'hidden country = "DE"',
    "consent": 'consent "I would like to get emails", "de" "Ich möchte E-Mails erhalten" for topic "newsletter"',
    "confirm": 'confirm with "forms/confirm"',
    "gives": 'gives file "pump-guide.pdf"', "thanks": 'thanks "https://acme.example/thanks"',
    "allowed": 'allowed on "https://acme.example"', "stage": "stage Lead",
    "agreed": 'agreed by "marketing@acme.example" on 2026-11-02', "takes": 'takes leads where country is "DE"',
    "member": 'member "eva@acme.example" for country is "DE", up to 20 open',
    "away": 'away "eva@acme.example" from 2026-08-03 to 2026-08-21', "assign": "assign former owner, then round robin",
    "when full": 'when full, team "Everyone else"', "acknowledge": "acknowledge within 4 business hours, then reassign",
    "contact": 'contact within 1 business day, then escalate to "lead@acme.example"',
    "decide": "decide within 14 days, then recycle", "starts": 'starts when form "whitepaper" is submitted',
    "when stage": 'when form "demo" is submitted', "when team": 'when full, team "Everyone else"',
    "when handoff": 'when rejected because "not ready"', "only": 'only if country is "DE"',
    "enters": "enters again after 90 days", "leaves": "leaves when lead becomes Customer",
    "sends from": 'sends from owner, otherwise "Ada Ortiz <ada@acme.example>"',
    "sends on": "sends on weekdays between 08:00 and 18:00", "sends": "sends on weekdays between 08:00 and 18:00",
    "flow": "flow", "whenever": 'whenever page "/pricing*" is visited, once per 14 days',
    "send": 'send "whitepaper/welcome" as transactional within 2 days', "wait": "wait 2 days",
    "send next": 'send next of "tips/1", "tips/2", "tips/3", then start again',
    "wait up": 'wait up to 4 days for form "demo" is submitted',
    "wait until": "wait until tuesday 09:00", "or for": 'or for form "demo" is submitted',
    "or": 'or for form "demo" is submitted', "otherwise": "otherwise", "otherwise if": "otherwise if score >= 50",
    "if": 'if score >= 50 and country is "DE"', "add": 'add 15 points to "fit"', "qualify": "qualify as MQL",
    "hand": "hand off to sales as MQL", "note": 'note "Read the whitepaper"', "enter": 'enter campaign "Wake up"',
    "list": 'list "Trade show 2026" "Visitors of our stand"',
    "event": 'event "invoice_sent" has amount money, number text',
    **{noun: f"{noun} has product text, seats number" for noun in ("deal", "order", "cart", "meeting", "call", "chat")},
    "webinar": 'webinar "Seals explained" on 2026-10-06 at 11:00 "Europe/Dublin"', "interest": 'interest "Pumps"',
    "pages": 'pages "/pumps*", "/pump-finder"', "files": 'files "pump-guide.pdf"', "emails": 'emails "pumps/*"',
    "segment": 'segment "Customers"', "segment line": 'country in ("DE", "AT", "CH")',
    "reactivate": 'reactivate after 90 days with campaign "Wake up"',
    "wait until before": "wait until 7 days before contract_end",
    "starts on": 'starts on 2026-09-15 at 10:00 for segment "Customers"',
    "starts every": 'starts every first tuesday of the month at 10:00 for list "Readers"',
    "crm": 'crm "Sales CRM" from hubspot', "sends crm": 'sends first_source to "cf_source", score to "cf_score"',
    "sends leads": "sends leads from stage MQL", "reads": 'reads company_size from "numberofemployees"',
    "conflict": "conflict company_size newest wins", "deal crm": 'deal stage "closedwon" is won',
    "accepted": 'accepted when "hs_lead_status" is "OPEN_DEAL"',
    "rejected": 'rejected when "hs_lead_status" is "UNQUALIFIED" because "lost_reason"',
    "acknowledged": 'acknowledged when "hs_lead_status" is "IN_PROGRESS"',
    "contacted": 'contacted when "hs_lead_status" is "CONNECTED"',
    "runs": "runs from 2026-09-01 to 2027-08-31", "goal": "goal lead becomes SQL within 60 days",
    "costs": "costs 1200 EUR per month", "priority": "priority high", "control": "control group 10%",
    "split": "split", "50%": '50% "discount"', "test": 'test "comeback" on 20% for 3 days by clicks',
    "variant": 'variant "short"', "repeat": "repeat up to 3 times every 14 days until score >= 50",
    "set": 'set plan to "pro"', "add to": 'add to list "Warm"', "remove": 'remove from list "Warm"',
    "subscribe": 'subscribe to "newsletter"', "unsubscribe": 'unsubscribe from "newsletter"',
    "recycle": 'recycle to Lead because "no budget"',
    "notify": 'notify owner with "internal/overdue", otherwise team "Sales"',
    "post": 'post to "https://crm.acme.example/hooks" with status = "expired"',
    "move": 'move to campaign "Wake up"', "leave": 'leave campaign "Wake up"',
    "stop": "stop",
    "has": 'if has not visited page "/pricing*" at least 2 times in the last 30 days',
    "+": "+10 when email is clicked, once per email",
}  # fmt: skip
"""How each line is written, by its first words."""

SHOWN: Mapping[str, str] = {
    "quiet": "quiet hours", "at": "at most", "business": "business hours", "confirm": "confirm with",
    "gives": "gives file", "allowed": "allowed on", "or": "or for", "hand": "hand off to", "enter": "enter campaign",
    "agreed": "agreed by", "only": "only if", "qualify": "qualify as", "control": "control group",
    "recycle": "recycle because", "remove": "remove from list",
    "subscribe": "subscribe to", "unsubscribe": "unsubscribe from", "post": "post to",
    "move": "move to campaign", "leave": "leave campaign", "runs": "runs from", "50%": '50% "name"',
}  # fmt: skip
"""First words of lines, with as much more as makes them recognisable."""

_ONLY_IF = 'add the condition after a comma: `…, only if country is "DE"`'
_IN = 'write `country in ("DE", "AT")`'
_CONTAINS = 'write `not company contains "x"`'
ADVICE: Mapping[tuple[str, str], str] = {
    **{(head, word): _ONLY_IF for head in ("starts", "when stage", "leaves", "whenever") for word in ("and", "if")},
    **{("set", word): 'write `set plan to "pro"`' for word in ("=", "is", "as")},
    **{("repeat", word): "write `repeat up to 3 times every 14 days`" for word in ("for", "while", "3")},
    **{("wait", word): f"write `wait until 7 days {word} contract_end`" for word in ("before", "after")},
    ("starts", "including"): "add a comma before it: `…, including present members`",
    ("starts", "members"): "write `including present members`",
    ("send", ","): 'write one email per line; join subjects under test with `or`: `testing subject "A" or "B"`',
    ("recycle", "as"): 'write `recycle to Lead because "no budget"`',
    **{(head, "("): _IN for head in ("if", "otherwise if", "only")},
    **{(head, "does"): _CONTAINS for head in ("if", "otherwise if", "only")},
}
"""Better than an example: what to do when this word stands wrongly in such a line."""
