"""Leads as the desk lists them: found by a part of their name, address or company, the newest first, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.store.db import Database

SEARCHED = (
    "lower(coalesce(email_key, '') || ' ' || coalesce(fields->>'first_name', '') || ' ' || "
    "coalesce(fields->>'last_name', '') || ' ' || coalesce(fields->>'company', ''))"
)
"""What a search looks through: r0024_desk_leads has a trigram index of exactly this where pg_trgm can be had."""

_PAGE = """
SELECT l.id, l.email, l.stage, l.created_at, l.active_at, l.suppressed, l.attention,
    coalesce((l.scores->>'')::float, 0) AS score, l.fields->>'company' AS company,
    concat_ws(' ', l.fields->>'first_name', l.fields->>'last_name') AS name
FROM leads l WHERE l.merged_into IS NULL AND l.email IS NOT NULL {}
ORDER BY l.created_at DESC, l.id DESC LIMIT :limit"""
_FILTERS: Mapping[str, str] = {
    "q": f"AND {SEARCHED.replace('email_key', 'l.email_key').replace('fields', 'l.fields')} LIKE :q",
    "stage": "AND l.stage = :stage",
    "on_list": "AND l.lists ? :on_list",
    "topic": "AND l.topics->>:topic = 'subscribed'",
    "campaign": """AND l.id IN (SELECT e.lead_id FROM enrolments e
        WHERE e.state <> 'ended' AND lower(e.campaign) = lower(:campaign)
            AND (:step = '' OR EXISTS (SELECT FROM waits w WHERE w.enrolment_id = e.id AND w.step = :step)))""",
    "attention": "AND l.attention IS NOT NULL",
    "suppressed": "AND l.suppressed IS NOT NULL",
    "at": "AND (l.created_at, l.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))",
}


@dataclass(frozen=True)
class Wanted:
    """Which leads; "" and False: whichever. `step`: the id of a step of `campaign` that they wait at. `before`: those
    that stand behind this one."""

    q: str = ""
    stage: str = ""
    on_list: str = ""
    topic: str = ""
    campaign: str = ""
    step: str = ""
    attention: bool = False
    suppressed: bool = False
    before: tuple[datetime, UUID] | None = None


async def page(db: Database, wanted: Wanted, limit: int) -> Sequence[Mapping[str, Any]]:
    """At most `limit` leads: id, email, name, company, stage, score, created_at, active_at, suppressed, attention."""
    at, id = wanted.before or (None, None)
    values: dict[str, Any] = {
        "q": f"%{_plain(wanted.q)}%" if wanted.q else "", "stage": wanted.stage, "on_list": wanted.on_list,
        "topic": wanted.topic, "campaign": wanted.campaign, "attention": wanted.attention,
        "suppressed": wanted.suppressed, "at": at,
    }  # fmt: skip
    used = {name: value for name, value in values.items() if value}
    statement = text(_PAGE.format(" ".join(_FILTERS[name] for name in used)))
    bound = {name: value for name, value in used.items() if name not in ("attention", "suppressed")}
    bound |= {"step": wanted.step} if "campaign" in used else {}
    bound |= {"id": id} if at is not None else {}
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(statement, {**bound, "limit": limit})).mappings()]


def _plain(given: str) -> str:
    """As LIKE takes it literally."""
    lowered = " ".join(given.lower().split())
    return lowered.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
