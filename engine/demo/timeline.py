"""What has happened since the last look, read from PostgreSQL, as lines for people.

Everything one transaction wrote about a lead carries one instant, so its rows become one line: what happened, what
followed from it, and the score afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from engine.model.lead import Event
from engine.store.db import Database
from engine.wording.events import booked as booked_words
from engine.wording.events import deed, straight

Tone = Literal["plain", "quiet", "mail", "click", "good", "sales", "late", "bad"]

TURNS = ("MQL", "SQL", "Opportunity", "Customer", "Disqualified")
"""Stages worth a line of their own."""
_LOOK_BACK = timedelta(days=2)
"""Virtual time. A row's instant is taken before its commit, so rows may appear behind newer ones."""

_NEWS = text("""
SELECT 'event' AS what, lead_id, seq, at, type AS a, name AS b,
    data || jsonb_build_object('key', key) AS c, NULL::numeric AS d
FROM events WHERE at > :since
UNION ALL
SELECT 'points', lead_id, seq, booked_at, cause, rule, to_jsonb(score_after), amount
FROM points WHERE booked_at > :since AND model = ''
UNION ALL
SELECT 'enters', lead_id, 0, started_at, id::text, campaign, 'null', NULL
FROM enrolments WHERE started_at > :since AND campaign NOT LIKE 'confirm form %'
UNION ALL
SELECT 'ends', lead_id, 0, ended_at, id::text, campaign, to_jsonb(outcome), NULL
FROM enrolments WHERE ended_at > :since AND campaign NOT LIKE 'confirm form %'
UNION ALL
SELECT 'mail', lead_id, 0, settled_at, id::text, CASE WHEN kind = 'staff' THEN step ELSE subject END,
    jsonb_build_object('state', state, 'reason', reason, 'kind', kind, 'staff', staff, 'template', template), NULL
FROM messages WHERE settled_at > :since AND kind IN ('marketing', 'transactional', 'staff')
ORDER BY 4, 2, 3""")

_NAMES = text("SELECT id, email FROM leads")
_COUNTS = text("""
SELECT (SELECT count(*) FROM messages WHERE state = 'accepted') AS mails,
    (SELECT count(*) FROM events WHERE type = 'email.clicked') AS clicks,
    (SELECT count(*) FROM stages WHERE stage = 'MQL') AS mql,
    (SELECT count(*) FROM handoffs) AS handoffs""")


@dataclass(frozen=True)
class Row:
    """One row of `_NEWS`; what a to d mean depends on `what`."""

    what: str
    lead: UUID
    seq: int
    at: datetime
    a: str
    b: str
    c: Any
    d: float | None


@dataclass(frozen=True)
class Line:
    """One line of the timeline. `email` is the lead's address."""

    at: datetime
    email: str
    sign: str
    text: str
    tone: Tone
    extra: tuple[str, ...] = ()


@dataclass
class Timeline:
    """Call `news` again and again; each line comes once."""

    db: Database
    since: datetime
    _seen: set[tuple[Any, ...]] = field(default_factory=set)
    _emails: dict[UUID, str] = field(default_factory=dict)

    async def news(self) -> list[Line]:
        """What was not there at the last call, oldest first."""
        async with self.db.engine.connect() as connection:
            rows = [Row(*row) for row in await connection.execute(_NEWS, {"since": self.since - _LOOK_BACK})]
            fresh = [row for row in rows if self._is_new(row)]
            if any(row.lead not in self._emails for row in fresh):
                self._emails = {row.id: row.email or "" for row in await connection.execute(_NAMES)}
        if fresh:
            self.since = max(self.since, *(row.at for row in fresh))
        groups: defaultdict[tuple[datetime, UUID], list[Row]] = defaultdict(list)
        for row in fresh:
            groups[row.at, row.lead].append(row)
        return [line for (at, lead), group in groups.items() for line in lines(at, self._emails.get(lead, ""), group)]

    async def counts(self) -> Mapping[str, int]:
        """How much there is of everything, for the line at the bottom."""
        async with self.db.engine.connect() as connection:
            return dict((await connection.execute(_COUNTS)).mappings().one())

    def _is_new(self, row: Row) -> bool:
        key = (row.what, row.lead, row.seq, row.a, row.b)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def lines(at: datetime, email: str, rows: Sequence[Row]) -> list[Line]:
    """The lines of one lead's rows of one instant."""
    events = [row for row in rows if row.what == "event"]
    found: list[Line] = []
    for row in _worth_telling(events):
        if row.a in _EVENTS:
            sign, tone = _EVENTS[row.a]
            happened = Event(row.seq, at, row.a, row.b, row.c or {}, key=(row.c or {}).get("key"))
            found.append(Line(at, email, sign, deed(happened, past=False), tone))
    found += [line for row in rows if row.what == "mail" and (line := _mail(at, email, row))]
    extra = _extras(rows)
    if extra and not found:
        found.append(Line(at, email, "·", extra.pop(0), "quiet"))
    if extra:
        found[0] = replace(found[0], extra=tuple(extra))
    return found


def _worth_telling(events: Sequence[Row]) -> list[Row]:
    """Without what another event of the same instant says already."""
    types = {row.a for row in events}
    acting = {(row.c or {}).get("by") for row in events}
    return [
        row for row in events
        if not (row.a == "page.visited" and "form.submitted" in types)
        and not (row.a == "handoff.assigned" and row.c.get("member") in acting)
        and not (row.a == "stage.entered" and row.b not in TURNS)
    ]  # fmt: skip


def _extras(rows: Sequence[Row]) -> list[str]:
    """What followed from an event: pages seen before, campaigns entered and left, small steps, and the points."""
    said = []
    visits = sum(row.a == "page.visited" for row in rows)
    if visits and any(row.a == "form.submitted" for row in rows):
        said.append(f"{visits} page{'' if visits == 1 else 's'} seen before")
    said += [f"becomes {row.b}" for row in rows if row.a == "stage.entered" and row.b not in TURNS]
    said += [f"enters {straight(row.b)}" for row in rows if row.what == "enters"]
    said += [f"finishes {straight(row.b)}" for row in rows if row.what == "ends" and row.c == "finished"]
    said += [f"leaves {straight(row.b)}" for row in rows if row.what == "ends" and row.c != "finished"]
    booked = [row for row in rows if row.what == "points"]
    if booked:
        total = sum(float(row.d or 0) for row in booked)
        after = (max if total >= 0 else min)(float(row.c) for row in booked)
        said.append(booked_words(total, after))
    return said


def _mail(at: datetime, email: str, row: Row) -> Line | None:
    mail = row.c
    if mail["kind"] == "staff":
        if mail["state"] != "accepted":
            return None
        said = _NOTICES.get(row.b)
        return Line(at, email, said[0], said[1].format(mail["staff"]), said[2]) if said else None
    match mail["state"]:
        case "accepted":
            return Line(at, email, "✉", f"gets {straight(_short(row.b))}", "mail")
        case "skipped":
            return Line(at, email, "∅", f"gets no {straight(mail['template'])}: {mail['reason']}", "quiet")
        case state:
            return Line(at, email, "✗", f"{straight(mail['template'])} {state}: {mail['reason']}", "bad")


def _short(subject: str, limit: int = 48) -> str:
    return subject if len(subject) <= limit else subject[: limit - 1].rstrip() + "…"


_NOTICES: Mapping[str, tuple[str, str, Tone]] = {
    "escalated": ("⚠", "no reaction in time: escalated to {}", "late"),
    "follow_up": ("⏰", "follow-up reminder sent to {}", "late"),
    "reminder": ("⚠", "reminder sent to {}", "late"),
}

_EVENTS: Mapping[str, tuple[str, Tone]] = {
    "form.posted": ("+", "plain"), "form.submitted": ("✓", "good"),
    "email.opened": ("◦", "quiet"), "email.clicked": ("↗", "click"), "file.downloaded": ("↓", "click"),
    "page.visited": ("◦", "quiet"), "custom": ("◆", "click"), "lead.unsubscribed": ("✗", "bad"),
    "stage.entered": ("★", "good"),
    "handoff.opened": ("⇒", "sales"), "handoff.assigned": ("⇒", "sales"), "handoff.acknowledged": ("⇒", "sales"),
    "handoff.contacted": ("⇒", "sales"), "handoff.accepted": ("✔", "good"), "handoff.rejected": ("✘", "bad"),
    "handoff.overdue": ("⚠", "late"),
}  # fmt: skip
"""Events worth a line of their own."""
