"""A workspace whose campaigns listen to what is reported of their mails, and reporting it on a stage."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from engine.model.ports import Fate, Report
from engine.sending.feedback import report
from tests.support.stage import COMPANY, Stage

WORKSPACE = (
    COMPANY
    + """
form "paper"
    ask email required
    consent "Yes" for topic "news"

form "double"
    ask email required
    consent "Yes" for topic "news"
    confirm with "confirm"

scoring
    -20 when email is bounced
    +7 when email is replied, once per email

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

team "Sales"
    takes all leads
    member "eva@test.example"

campaign "Careful"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait up to 3 days for email "one" is bounced
            add to list "Wrong addresses"
            send "after"
        or for email "one" is replied
            send "thanks"
        or for email "one" is delivered
            add to list "Arrived"
            wait 3 days
        otherwise
            send "reminder"

campaign "Careless"
    starts when form "paper" is submitted
    topic "news"
    flow
        wait 1 day
        send "careless"

campaign "Wrong address"
    starts when email is bounced
    flow
        notify team "Sales" with "internal/bounced"

campaign "Sorry"
    starts when lead unsubscribes
    flow
        add to list "Gone"
"""
)
TEMPLATES = {"internal/bounced": "---\nsubject: bounced\n---\nAn address is wrong.\n"}
ANN = "ann@lead.example"


async def mailed(stage: Stage, email: str = ANN) -> UUID:
    """A lead enters and gets its first mail."""
    await stage.post("paper", ("news",), email=email)
    return next(mail.message_id for mail in reversed(stage.mailer.mails) if mail.to == email)


async def tell(stage: Stage, message: UUID, fate: Fate, reason: str = "") -> str:
    done = await report(stage.rt, Report(message, fate, reason))
    await stage.settle()
    return done


async def logged(stage: Stage, *types: str) -> list[tuple[str, str]]:
    rows = await stage.rows("SELECT type, name FROM events ORDER BY lead_id, seq")
    return [(row.type, row.name) for row in rows if not types or row.type in types]


async def lead_of(stage: Stage, email: str = ANN) -> Any:
    [row] = await stage.rows("SELECT * FROM leads WHERE email_key = %(email)s", email=email)
    return row


async def outcomes(stage: Stage) -> dict[str, str]:
    return {row.campaign: row.outcome or row.state for row in await stage.rows("SELECT * FROM enrolments")}


async def reasons(stage: Stage) -> list[str]:
    return [row.reason for row in await stage.rows("SELECT reason FROM suppressions")]


async def state_of(stage: Stage, message: UUID) -> tuple[str, str]:
    [row] = await stage.rows("SELECT state, reason FROM messages WHERE id = %(id)s", id=message)
    return row.state, row.reason
