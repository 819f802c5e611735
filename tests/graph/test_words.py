"""Plans in words: what the compiler read comes out as it was written."""

from __future__ import annotations

import pytest

from dsl.compile import compile_workspace
from dsl.plan import Plan
from engine.wording.steps import cost_words, goal_words, leave_words, reentry_words, start_words, whenever_words, words

HEAD = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme, Street 1, Town"
    topic "newsletter" "News"
    mail needs consent
field company_size number
field contract_end date
field plan text
field vip yes/no
form "whitepaper"
    ask email required
    consent "Yes" for topic "newsletter"
form "demo"
    ask email required
scoring
    +60 when page is visited
scoring "fit"
    +60 if company_size >= 10
interest "Pumps"
    pages "/pumps*"
segment "Customers"
    stage is at least Customer
lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
    stage Customer
        when deal is won
team "Sales"
    takes all leads
    member "eva@acme.example"
campaign "Other"
    starts when page is visited
    enters every time
    flow
        wait 1 day
        add 1 points
"""


def compiled(campaign: str) -> Plan:
    text = HEAD + campaign
    names = ("welcome", "internal/note")
    found = compile_workspace({"a.campaign": text}, ["files/a.pdf", *(f"templates/{name}.md" for name in names)])
    assert found.program is not None, [(one.line, one.message) for one in found.diagnostics if one.severity == "error"]
    return next(plan for plan in found.program.campaigns if plan.campaign == "C")


@pytest.mark.parametrize(
    "line",
    [
        'send "welcome"', 'send "welcome" as trigger', 'send "welcome" as transactional',
        'send "welcome" within 12 hours', 'send "welcome" with discount = 10, size = company_size',
        'send "welcome" testing subject "A" or "B"',
        "wait 3 days", "wait 1 day 12 hours", "wait 2 business days", "wait 1 year", "wait until tuesday 09:00",
        "wait until 2030-10-06 10:00", 'wait until 2030-10-06 10:00 "Europe/Dublin"',
        "wait until 7 days before contract_end",
        "add 15 points", "add -20 points", 'add 5 points to "fit"', 'set plan to "pro"', "set plan to nothing",
        "set contract_end to today", "add 1 to company_size", 'add to list "Warm"', 'remove from list "Warm"',
        'subscribe to "newsletter"', 'unsubscribe from "newsletter"', "qualify as MQL",
        "hand off to sales", "hand off to sales as MQL", 'hand off to team "Sales"',
        'recycle because "no answer"', 'recycle to Lead because "no answer"',
        'notify "boss@acme.example" with "internal/note"', 'notify owner with "internal/note"',
        'notify owner with "internal/note", otherwise team "Sales"',
        'post to "https://crm.acme.example/hook" with status = "new"', 'enter campaign "Other"',
        'move to campaign "Other"', 'leave campaign "Other"', "stop",
    ],
)  # fmt: skip
def test_a_statement_comes_out_as_it_went_in(line: str):
    answer = "        otherwise\n            stop\n" if " before " in line else ""
    beside = "    whenever page is visited\n        add 1 points\n"
    plan = compiled(
        f'campaign "C"\n    starts when form "demo" is submitted\n    flow\n        {line}\n{answer}{beside}'
    )
    assert words(plan.steps[0]) == line


@pytest.mark.parametrize(
    "condition",
    [
        "score >= 50", 'score of "fit" < 15', 'score >= 50 and score of "fit" >= 15', "company_size = 12",
        'country is "DE"', 'country is not "DE"', 'country in ("DE", "AT")', 'country not in ("DE", "AT")',
        'job_title contains "head"', 'job_title starts with "Head"', "company is known", "company is unknown",
        "vip", "not vip", "stage is MQL", "stage is at least MQL", 'in segment "Customers"',
        'not in segment "Customers"',
        'in list "Warm"', 'in campaign "Other"', 'has been in campaign "Other"', 'subscribed to "newsletter"',
        "tracking is allowed", "contract_end is in the next 30 days", "contract_end is in the last 7 days",
        "contract_end is in the past", "contract_end is today", "contract_end is before 2030-10-06",
        "today is after 2026-10-06", 'interest in "Pumps" >= 3', "email is a free address", "owner is known",
        'has visited page "/pricing*" at least 2 times in the last 30 days', 'has not clicked email "welcome"',
        'has submitted form "demo" since entering', 'has placed order where amount >= 50',
        'vip and (country is "DE" or country is "AT")', 'vip or country is "DE" and score >= 5',
    ],
)  # fmt: skip
def test_a_condition_comes_out_as_it_went_in(condition: str):
    plan = compiled(
        'campaign "C"\n    starts when form "demo" is submitted\n    flow\n'
        f'        if {condition}\n            send "welcome"\n'
    )
    said = words(plan.steps[0]).removeprefix("if ")
    assert said.replace("(", "").replace(")", "") == condition.replace("(", "").replace(")", "")


@pytest.mark.parametrize(
    "event",
    [
        'form "whitepaper" is submitted', 'email "welcome" is opened', 'link "https://acme.example/*" is clicked',
        'link "https://acme.example/*" in email "welcome" is clicked', 'page "/p*" is visited',
        'file "a.pdf" is downloaded', 'webinar "Seals" is attended', "meeting is booked", "order is placed",
        "deal is won", 'event "review" happens', "lead becomes MQL", "score reaches 50",
        'score of "fit" drops below 10',
        'interest in "Pumps" reaches 3', "field contract_end changes", 'field plan changes from "free" to "pro"',
        'list "Warm" is joined', 'segment "Customers" is entered', 'campaign "Other" is left', "lead returns",
        "lead is inactive for 30 days", "30 days before contract_end", "birthday at 07:30",
        "anniversary of contract_end",
        'page "/p*" is visited 3 times within 7 days', "order is placed where amount >= 50",
        "cart is updated and then no order is placed within 2 hours",
    ],
)  # fmt: skip
def test_an_event_comes_out_as_it_went_in(event: str):
    plan = compiled(f'campaign "C"\n    starts when {event}\n    flow\n        send "welcome"\n')
    assert start_words(plan.starts[0]) == f"starts when {event}"


def test_the_lines_of_a_campaign_come_out_as_they_went_in():
    lines = [
        "starts on 2030-09-15 at 10:00 for segment \"Customers\"", "enters again after 90 days",
        "leaves when deal is won", "goal lead becomes Customer within 60 days, then leave",
        "costs 1200 EUR per month", "costs 6 hours per month at 60 EUR",
        'whenever page "/pricing*" is visited, once per 14 days',
    ]  # fmt: skip
    body = "\n".join(f"    {line}" for line in lines[:-1])
    plan = compiled(f'campaign "C"\n{body}\n    flow\n        send "welcome"\n    {lines[-1]}\n        add 1 points\n')
    assert plan.goal is not None
    assert [
        start_words(plan.starts[0]), reentry_words(plan.reentry), leave_words(plan.leaves[0]), goal_words(plan.goal),
        *(cost_words(cost, "EUR") for cost in plan.costs), whenever_words(plan.whenevers[0]),
    ] == lines  # fmt: skip


def test_a_choice_says_all_its_ways():
    plan = compiled(
        'campaign "C"\n    starts when form "demo" is submitted\n    flow\n'
        "        wait up to 4 days for email is clicked\n            stop\n"
        '        or for form "demo" is submitted\n            stop\n        otherwise\n            send "welcome"\n'
    )
    assert words(plan.steps[0]) == 'wait up to 4 days for email is clicked or for form "demo" is submitted'
