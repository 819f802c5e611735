"""A workspace with a CRM at a strict HubSpot, and what tests about it do and look at over and over."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from engine.crm import push
from tests.support.stage import Stage

CRM = """
field company_size number
field contract_end date from crm

scoring
    +20 when form "demo" is submitted

crm "Sales CRM" from hubspot
    sends leads from stage MQL
    sends first_source to "cf_source", score to "cf_score", stage to "cf_stage"
    sends company_size to "numberofemployees"
    reads company_size from "numberofemployees", contract_end from "renewal_date", owner from "hubspot_owner_id"
    conflict company_size newest wins
    deal stage "closedwon" is won
    deal stage "closedlost" is lost
    acknowledged when "hs_lead_status" is "IN_PROGRESS"
    contacted when "hs_lead_status" is "CONNECTED"
    accepted when "hs_lead_status" is "OPEN_DEAL"
    rejected when "hs_lead_status" is "UNQUALIFIED" because "lost_reason"
"""
ANN = "ann@acme.example"
NAME = "Sales CRM"


async def demo(stage: Stage, email: str = ANN, **values: object) -> None:
    await stage.post("demo", ("news",), email=email, first_name="Ann", country="DE", **values)
    await push.push_all(stage.rt)


async def link(stage: Stage, email: str = ANN) -> Any:
    rows = await stage.rows(
        "SELECT k.* FROM crm_links k JOIN leads l ON l.id = k.lead_id WHERE l.email = %(email)s", email=email
    )
    return rows[0] if rows else None


async def lead(stage: Stage, email: str = ANN) -> Any:
    return (await stage.rows("SELECT * FROM leads WHERE email = %(email)s", email=email))[0]


async def waiting(stage: Stage) -> list[tuple[int, str | None]]:
    return [(row.attempts, row.reason) for row in await stage.rows("SELECT * FROM crm_outbox ORDER BY lead_id")]


def sign(secret: str, method: str, url: str, body: bytes, stamp: str) -> str:
    text = method.encode() + url.encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), text, "sha256").digest()).decode()
