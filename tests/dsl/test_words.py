"""The words that people bring from HubSpot, Mautic, Customer.io and plain English: each has a meaning or a hint."""

from __future__ import annotations

import re

import pytest

from dsl.text.words import WORDS
from tests.dsl.harness import compile_text

FLOW = """campaign "Words"
    starts when form "demo" is submitted
    topic "newsletter"
    flow
        send "whitepaper/welcome"
        {line}
"""
CAMPAIGN = """campaign "Words"
    {line}
    topic "newsletter"
    flow
        send "whitepaper/welcome"
"""
WORKSPACE = """workspace "Acme"
    sender "Acme <hello@acme.example>"
    address "Acme, Hauptstr. 1, Voerde"
    {line}
"""
FORM = 'form "x"\n    ask email required\n    {line}\n'
TEAM = 'team "x"\n    takes all other leads\n    member "eva@acme.example"\n    {line}\n'
PLACES = {
    "flow": FLOW, "campaign": CAMPAIGN, "file": "{line}\n", "workspace": WORKSPACE, "form": FORM, "team": TEAM,
}  # fmt: skip

HINTS = [
    ("flow", 'when email "whitepaper/welcome" is clicked', "wait up to 4 days for"),
    ("flow", "after 2 days", "wait 2 days"),
    ("flow", "for 3 days", "wait 2 days"),
    ("flow", "every 2 days", "repeat up to 3 times"),
    ("flow", "until tuesday 09:00", "wait until tuesday 09:00"),
    ("flow", "unless score >= 5", "if not"),
    ("flow", "end", "indentation ends a block"),
    ("flow", "end if", "indentation ends a block"),
    ("flow", "exit", "stop"),
    ("flow", "finish", "stop"),
    ("flow", "quit", "stop"),
    ("flow", "return", "stop"),
    ("flow", "continue", "delete the line"),
    ("flow", "break", "delete the line"),
    ("flow", 'go to "x"', "repeat up to"),
    ("flow", 'goto step "x"', "repeat up to"),
    ("flow", "delay 2 days", "wait"),
    ("flow", "sleep 2 days", "wait"),
    ("flow", "pause 2 days", "wait"),
    ("flow", "wait for 2 days", "wait 2 days"),
    ("flow", "wait until score >= 50", "score reaches 50"),
    ("flow", 'tag "warm"', "add to list"),
    ("flow", 'add tag "warm"', "add to list"),
    ("flow", 'untag "warm"', "remove from list"),
    ("flow", 'email "whitepaper/welcome"', "send"),
    ("flow", 'mail "whitepaper/welcome"', "send"),
    ("flow", 'sms "x"', "post to"),
    ("flow", 'send sms "x"', "post to"),
    ("flow", 'webhook "https://a.example"', "post to"),
    ("flow", 'call "https://a.example"', "post to"),
    ("flow", "set score to 5", "add 15 points"),
    ("flow", "increase score by 5", "add 15 points"),
    ("flow", "add score 5", "add 15 points"),
    ("flow", "add 5", "add 15 points"),
    ("flow", 'assign to "a@b.example"', "hand off to sales"),
    ("flow", "handoff to sales", "hand off to"),
    ("flow", 'notify sales with "internal/note"', "notify team"),
    ("flow", 'create task "x"', "notify owner"),
    ("flow", 'task "x"', "notify owner"),
    ("flow", 'update company to "x"', "set"),
    ("flow", "set stage to MQL", "qualify as MQL"),
    ("flow", "move to stage MQL", "qualify as MQL"),
    ("flow", "loop 3 times", "repeat up to 3 times"),
    ("flow", "while score < 5", "repeat up to 3 times"),
    ("flow", 'then send "whitepaper/welcome"', "delete `then`"),
    ("flow", 'enroll in campaign "T"', "enter campaign"),
    ("flow", "unenroll", "stop"),
    ("flow", "unsubscribe", "unsubscribe from"),
    ("flow", "opt out", "unsubscribe from"),
    ("flow", "wait until tomorrow", "wait 1 day"),
    ("flow", "wait until next monday 09:00", "wait until monday 09:00"),
    ("flow", "wait until weekdays 09:00", "sends on weekdays"),
    ("flow", "wait half a day", "wait 12 hours"),
    ("flow", "wait a couple of days", "wait 3 days"),
    ("flow", "wait 2 weekdays", "business days"),
    ("flow", "repeat every week up to 3 times", "repeat up to 3 times every 14 days"),
    ("flow", "skip", "delete the line"),
    ("flow", "do nothing", "delete the line"),
    ("flow", 'send "whitepaper/welcome" after 2 days', "wait 2 days"),
    ("flow", 'send "whitepaper/welcome" on monday', "wait until monday 09:00"),
    ("flow", 'send "whitepaper/welcome" if score >= 5', "if score >= 50"),
    ("flow", 'send "internal/note" to owner', "notify owner"),
    ("flow", 'send "internal/note" to "ada@acme.example"', "notify owner"),
    ("flow", 'inform owner with "internal/note"', "notify owner"),
    ("flow", "forward lead to sales", "hand off to sales"),
    ("flow", "route to sales", "hand off to sales"),
    ("flow", "convert to MQL", "qualify as MQL"),
    ("flow", "mark as MQL", "qualify as MQL"),
    ("flow", "set stage MQL", "qualify as MQL"),
    ("flow", 'add to segment "Customers"', "set plan to"),
    ("flow", 'add lead to list "Warm"', "add to list"),
    ("flow", 'put on list "Warm"', "add to list"),
    ("flow", "restart", "repeat up to 3 times"),
    ("flow", 'filter country is "DE"', "if country is"),
    ("flow", "switch country", "otherwise if"),
    ("flow", "random split", "write `split`"),
    ("flow", "increment visits", "add 1 to visits"),
    ("flow", "clear city", "set city to nothing"),
    ("flow", "delete lead", "stop"),
    ("flow", 'comment "x"', "#"),
    *(
        ("flow", f"{line}\n            stop", meant)
        for line, meant in (
            ("if opened", 'has opened email "whitepaper/welcome"'),
            ("if not clicked", 'has clicked email "whitepaper/welcome"'),
            ("if email was not opened", 'has not opened email "whitepaper/welcome"'),
            ("if email is replied", 'has replied to email "whitepaper/welcome"'),
            ("if no reply", 'has not replied to email "whitepaper/welcome"'),
            ("if never visited", "has not visited page"),
            ("if clicked in the last 7 days", "has clicked email in the last 7 days"),
            ("if bought", "has placed order"),
            ("if MQL", "stage is at least MQL"),
            ("if is MQL", "stage is MQL"),
            ("if newsletter", 'subscribed to "newsletter"'),
            ("if unsubscribed", 'not subscribed to "newsletter"'),
            ("if has opened", 'write `has opened email "whitepaper/welcome"`'),
            ("if has never placed", "has not placed order"),
            ("if has bought", "write `has placed order`"),
            ('if has filled form "demo"', "has submitted form"),
            ("if has a meeting", "has booked meeting"),
            ("if has a phone", "phone is known"),
            ("if has no company", "company is unknown"),
            ('if has tag "x"', 'in list "Warm"'),
            ("if has score >= 5", "score >= 50"),
            ("if has been a customer", "stage is at least"),
            ("if has been inactive for 30 days", "has not visited page in the last 30 days"),
            ('if has been in "Other"', 'has been in campaign "Welcome"'),
            ('if has unsubscribed from "newsletter"', 'not subscribed to "newsletter"'),
            ('if has visited page "/x" yesterday', "in the last 2 days"),
            ('if has visited page "/x" last 7 days', "in the last 7 days"),
            ('if has visited page "/x" ever', "delete `ever`"),
            ('if email "whitepaper/welcome" is opened', "has opened email"),
        )
    ),
    ("flow", "wait for reply", 'write `email "whitepaper/welcome" is replied`'),
    ("flow", "wait up to 5 days for a reply", 'write `email "whitepaper/welcome" is replied`'),
    ("flow", "wait until reply", 'wait for email "whitepaper/welcome" is replied'),
    ("flow", "wait until they reply", 'wait for email "whitepaper/welcome" is replied'),
    ("flow", "wait up to 2 days for the lead to reply", "is replied"),
    ("flow", "wait for booking", "meeting is booked"),
    ("flow", "wait up to 2 days for email reply", "did you mean `replied`"),
    ("campaign", "leaves when they reply", 'email "whitepaper/welcome" is replied'),
    ("campaign", "leaves when bought", "order is placed"),
    ("campaign", "leaves when customer", "lead becomes Customer"),
    ("workspace", "closed on sundays and mondays", "business hours tuesday to saturday from"),
    ("workspace", "closed at weekends", "business hours monday to friday from"),
    ("workspace", "closed wednesdays", "business hours thursday to tuesday from"),
    ("workspace", "closed on christmas", 'holidays "DE"'),
    ("workspace", "closed in august", "closed from 2026-08-01 to 2026-08-31"),
    ("workspace", "closed on 24 december", "`2027-12-24`"),
    ("workspace", "open monday to friday", "business hours monday to friday"),
    ("campaign", "sends on weekdays except holidays", "sends on working days"),
    ("workspace", 'sends from "a@b.example"', "sender"),
    ("workspace", "office hours monday to friday from 09:00 to 17:00", "business hours"),
    ("workspace", 'exclude segment "x"', "nobody in segment"),
    ("workspace", "double opt-in", "mail needs consent"),
    ("workspace", 'website "acme.example"', "own sites"),
    ("workspace", 'newsletter "x" "y"', "topic"),
    ("form", "input first_name", "ask email required"),
    ("form", 'checkbox "I agree"', "consent"),
    ("form", 'redirect "https://acme.example"', "thanks"),
    ("form", 'submit "Send"', "button"),
    ("form", 'download "guide.pdf"', "gives file"),
    ("form", 'headline "Hello"', "title"),
    ("team", "territory DE", "takes leads where"),
    ("team", "rotate", "assign round robin"),
    ("team", "respond within 1 day", "contact within"),
    ("team", 'vacation "eva@acme.example"', "away"),
    ("campaign", 'trigger when form "demo" is submitted', "starts when"),
    ("campaign", 'when form "demo" is submitted', "starts when"),
    ("campaign", 'starts on form "demo"', "starts when"),
    ("campaign", "re-enter after 30 days", "enters again after"),
    ("campaign", "exit when deal is won", "leaves when"),
    ("campaign", "ends when deal is won", "leaves when"),
    ("campaign", 'exclude segment "x"', "only if not in segment"),
    ("campaign", 'audience "x"', "starts when segment"),
    ("campaign", "schedule every monday", "starts every monday"),
    ("campaign", "active from 2027-01-01", "runs from"),
    ("campaign", 'send from "a@b.example"', "sends from"),
    ("flow", "if trial_ends is in 14 days\n        add 1 points", "is in the next"),
    ("flow", 'if email ends with "x"', "contains"),
    ("flow", 'if tagged "warm"', 'in list "Warm"'),
    ("flow", "wait until 1st of October", "`2027-10-01`"),
    ("flow", "wait until october 22", "`2027-10-22`"),
    ("flow", "wait until 24/12/2027", "`2027-12-24`"),
    ("flow", "wait until 2027/10/01", "`2027-10-01`"),
    ("flow", "wait until the first of the month", "starts every month"),
    ("flow", "wait until end of month", "starts every month"),
    ("campaign", 'starts every 1st of the month at 10:00 for segment "x"', "starts every first monday of the month"),
    ("file", 'journey "x"', "campaign"),
    ("file", 'sequence "x"', "campaign"),
    ("file", 'automation "x"', "campaign"),
    ("file", "property x text", "field"),
    ("file", 'tag "x"', "list"),
    ("file", 'audience "x"', "segment"),
    ("file", "pipeline", "lifecycle"),
    ("file", 'owner "a@b.example"', "team"),
    ("file", 'topic "x" "News"', "workspace"),
]


@pytest.mark.parametrize(("place", "line", "meant"), HINTS, ids=[line.split("\n")[0] for _, line, _ in HINTS])
def test_a_word_of_other_tools_has_a_hint(place: str, line: str, meant: str) -> None:
    found = compile_text(PLACES[place].format(line=line), base=place not in ("workspace", "team"))
    errors = [one for one in found.diagnostics if one.severity == "error" and one.code not in ("E501", "E513")]
    assert errors, "it has a meaning now: move it to the table of test_natural"
    assert meant in (errors[0].help or "")


@pytest.mark.parametrize("line", ['send email "whitepaper/welcome"', 'send mail "whitepaper/welcome"', "wait a day"])
def test_words_with_a_meaning(line: str) -> None:
    assert compile_text(FLOW.format(line=line)).program is not None


@pytest.mark.parametrize("place", WORDS)
def test_every_hint_is_one_instruction(place: str) -> None:
    for _, advice in WORDS[place]:
        assert re.match(r"(write|delete|use|tell|add|the flow|Coldframe|join|hand)", advice), advice
        assert advice.count("`") % 2 == 0
