"""`where invoice is event.invoice`: two runs of one lead, each about an invoice of its own, on the engine, in a
simulation, and in a rehearsal of what really happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.simulation.test_rehearse import differences, rehearsed
from tests.simulation.twins import Act, in_simulation, on_stage
from tests.support.stage import company, open_stage

HEAD = (
    company("mail is allowed until opt-out")
    + """
event "invoice overdue" has invoice text, amount number
event "invoice paid" has invoice text, amount number
event "hello"
campaign "Dunning"
    starts when event "invoice overdue" happens
    enters once per event.invoice
"""
)
WAYS = {
    "leaves": """
    leaves when event "invoice paid" happens where invoice is event.invoice
    flow
        wait 10 days
        send "reminder"
""",
    "waits": """
    flow
        wait up to 10 days for event "hello" happens where amount > event.amount
            stop
        or for event "invoice paid" happens where invoice is event.invoice
            stop
        otherwise
            send "reminder"
""",
    "goal": """
    goal event "invoice paid" happens where invoice is event.invoice, then leave
    flow
        wait 10 days
        send "reminder"
""",
    "whenever": """
    flow
        wait 10 days
        if has not done event "invoice paid" where invoice is event.invoice
            send "reminder"
    whenever event "invoice paid" happens where invoice is event.invoice
        set city to event.invoice
""",
}
ACTS = [
    Act(0, "happen", "invoice overdue", {"invoice": "A-1", "amount": 10}),
    Act(60, "happen", "invoice overdue", {"invoice": "B-2", "amount": 20}),
    Act(60, "happen", "invoice paid", {"invoice": "C-3", "amount": 5}),
    Act(60, "happen", "invoice paid", {"invoice": "B-2", "amount": 5}),
]


@pytest.mark.parametrize("way", WAYS)
async def test_only_the_run_about_the_same_invoice_hears_of_its_payment(new_database, way: str):
    async with open_stage(new_database(), HEAD + WAYS[way]) as stage:
        lead, real = await on_stage(stage, ACTS, timedelta(days=20))
        assert await in_simulation(stage, ACTS, timedelta(days=20), lead) == real
        found = await rehearsed(stage, HEAD + WAYS[way])
    assert differences(found) == []
    assert [mail[0] for mail in real["mails"]] == ["reminder"]
    first, second = ((ended - started) for _, _, _, started, ended in real["runs"])
    if way != "whenever":
        assert (first, second) == (timedelta(days=10), timedelta(hours=2))
    assert real["lead"][0][3].get("city") == ("B-2" if way == "whenever" else None)
