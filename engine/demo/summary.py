"""The end of the demo: figures read from the log, and the facts that have to hold whatever the machine was doing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.demo.leads import ROBOT
from engine.demo.people import Person, Sales
from engine.model.ports import Clock
from engine.store.db import Database

SETTLING = 20.0
"""Real seconds that what is under way gets to finish."""
LATE = timedelta(seconds=5)
"""Real time after its instant at which something counts as overdue."""

_TO_LEADS = "kind IN ('marketing', 'transactional')"
_FIGURES: Mapping[str, str] = {
    "stages": "SELECT stage, count(*) FROM leads GROUP BY stage ORDER BY 2 DESC",
    "events": "SELECT type, count(*) FROM events GROUP BY type ORDER BY type",
    "mails": f"SELECT state, count(*) FROM messages WHERE {_TO_LEADS} GROUP BY state ORDER BY state",
    "not_sent": f"SELECT reason, count(*) FROM messages WHERE {_TO_LEADS} AND state = 'skipped' GROUP BY reason",
    "notices": "SELECT step, count(*) FROM messages WHERE kind = 'staff' AND state = 'accepted' GROUP BY step",
    "reached": "SELECT stage, count(DISTINCT lead_id) FROM stages GROUP BY stage",
    "handoffs": "SELECT coalesce(outcome, 'open'), count(*) FROM handoffs GROUP BY 1 ORDER BY 1",
    "campaigns": "SELECT campaign, count(*) FROM enrolments GROUP BY campaign ORDER BY campaign",
}
_SUMS = text("""
SELECT (SELECT count(*) FROM leads) AS leads, (SELECT count(*) FROM points) AS bookings,
    (SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) FROM points WHERE model = '') AS earned,
    (SELECT count(*) FROM leads WHERE attention IS NOT NULL)
    + (SELECT count(*) FROM enrolments WHERE attention IS NOT NULL AND state <> 'ended')
    + (SELECT count(*) FROM handoffs WHERE attention IS NOT NULL) AS attention""")

_BUSY = text("""
SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM messages WHERE state = 'sending')
    + (SELECT count(*) FROM enrolments WHERE state = 'leaving')
    + (SELECT count(*) FROM enrolments WHERE state <> 'ended' AND due_at < :late)
    + (SELECT count(*) FROM handoffs WHERE due_at < :late)""")

_RULES: Sequence[tuple[str, str]] = (
    ("no email was sent twice", """
        SELECT owner_id || ' ' || step FROM messages JOIN mailbox USING (id)
        GROUP BY owner_id, step, visit HAVING count(*) > 1"""),
    ("the mailbox has exactly the emails in the log", """
        SELECT coalesce(m.id, b.id)::text FROM (SELECT id FROM messages WHERE state = 'accepted' AND kind <> 'post') m
        FULL JOIN mailbox b ON b.id = m.id WHERE m.id IS NULL OR b.id IS NULL"""),
    ("no email failed or has an unknown delivery", """
        SELECT concat_ws(' ', template, state, reason) FROM messages WHERE state NOT IN ('accepted', 'skipped')"""),
    ("nothing needs attention", """
        SELECT attention FROM leads WHERE attention IS NOT NULL
        UNION ALL SELECT campaign || ': ' || attention FROM enrolments WHERE attention IS NOT NULL AND state <> 'ended'
        UNION ALL SELECT 'handoff: ' || attention FROM handoffs WHERE attention IS NOT NULL"""),
    ("no lead or handoff is overdue", """
        SELECT campaign || ' due ' || due_at FROM enrolments WHERE state <> 'ended' AND due_at < :late
        UNION ALL SELECT 'handoff due ' || due_at FROM handoffs WHERE due_at < :late"""),
    ("every lead in a campaign has a next step", """
        SELECT campaign FROM enrolments e WHERE state <> 'ended' AND due_at IS NULL
        AND NOT EXISTS (SELECT FROM waits w WHERE w.enrolment_id = e.id)"""),
    ("every score is the sum of its points", """
        SELECT leads.id::text FROM leads, jsonb_each_text(scores) score WHERE score.value::numeric <> (
            SELECT coalesce(sum(amount), 0) FROM points p WHERE p.lead_id = leads.id AND p.model = score.key)"""),
)  # fmt: skip
"""What must hold, and the query for what breaks it."""


_TURNS: Sequence[tuple[str, frozenset[Sales], str]] = (
    ("sales rejected a lead", frozenset({"not ready", "no budget"}), """
        SELECT DISTINCT lead_id FROM events WHERE type = 'handoff.rejected'"""),
    ("a lead was reassigned to another team member", frozenset({"second", "nobody"}), """
        SELECT lead_id FROM events WHERE type = 'handoff.assigned' GROUP BY lead_id, data->>'handoff'
        HAVING count(DISTINCT data->>'member') > 1"""),
    ("a handoff ran overdue", frozenset({"nobody"}), """
        SELECT DISTINCT lead_id FROM events WHERE type = 'handoff.overdue'"""),
)  # fmt: skip
"""What sales does in the story beside accepting: the wording, the scripts that lead to it, and the leads it happened
to."""
_HANDED = "SELECT l.email FROM handoffs h JOIN leads l ON l.id = h.lead_id WHERE h.opened_at < :early ORDER BY l.email"
_MET = "SELECT email FROM leads WHERE id IN ({}) ORDER BY email"
IN_TIME = timedelta(days=3)
"""How long before the end a lead must have been handed over for all of that to have happened."""


@dataclass(frozen=True)
class Fact:
    """Something that has to be true. `broken`: what shows that it is not; it names ids and steps, nobody."""

    wording: str
    broken: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.broken


@dataclass(frozen=True)
class Summary:
    """`figures` by name, each a number or numbers by kind; plain values, ready for JSON."""

    figures: Mapping[str, Any]
    facts: tuple[Fact, ...]

    @property
    def holds(self) -> bool:
        return all(fact.holds for fact in self.facts)

    def as_json(self) -> dict[str, Any]:
        facts = [{"fact": fact.wording, "holds": fact.holds, "broken": list(fact.broken)} for fact in self.facts]
        return {**self.figures, "facts": facts, "ok": self.holds}


async def settle(db: Database, clock: Clock) -> None:
    """Wait until nothing is under way any more, as long as `SETTLING`."""
    deadline = clock.real() + timedelta(seconds=SETTLING)
    async with db.engine.connect() as connection:
        while clock.real() < deadline:
            if not (await connection.execute(_BUSY, {"late": _earlier(clock, LATE / 5)})).scalar():
                return
            await connection.rollback()
            await asyncio.sleep(0.2)


async def summarise(
    db: Database, clock: Clock, people: Sequence[Person], counts: Mapping[str, int], problems: Sequence[str]
) -> Summary:
    """Figures and facts, from the log. `counts` and `problems` are the players' own."""
    async with db.engine.connect() as connection:
        figures = await _figures(connection)
        late = _earlier(clock, LATE)
        facts = [
            Fact("every public page answered as expected", tuple(problems)),
            Fact(
                "every person who submitted a form is a lead, and no one else is",
                tuple(await _strangers(connection, people)),
            ),
            Fact("every form was stored once", _posts(figures["events"], counts)),
        ]
        facts += await _turns(connection, clock.now(), people)
        for wording, query in _RULES:
            bound = {"late": late} if ":late" in query else {}
            facts.append(Fact(wording, tuple(map(str, (await connection.execute(text(query), bound)).scalars()))))
    own = {name: counts.get(name, 0) for name in ("posts", "refused", "repeated", "trapped", "visits", "clicks")}
    return Summary({**figures, "done_by_players": own}, tuple(facts))


def _earlier(clock: Clock, real: timedelta) -> datetime:
    """The virtual instant of `real` ago."""
    now = clock.now()
    pace = timedelta(days=1) / (clock.to_real(now + timedelta(days=1)) - clock.to_real(now))
    return now - real * pace


async def _figures(connection: AsyncConnection) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, query in _FIGURES.items():
        found[name] = {str(key): int(many) for key, many in await connection.execute(text(query))}
    sums = (await connection.execute(_SUMS)).one()
    return {
        "leads": sums.leads, "points_booked": sums.bookings, "points_earned": float(sums.earned),
        "needs_attention": sums.attention, **found,
    }  # fmt: skip


async def _strangers(connection: AsyncConnection, people: Sequence[Person]) -> list[str]:
    known = set((await connection.execute(text("SELECT email FROM leads"))).scalars())
    expected = {person.address for person in people}
    found = [f"{len(expected - known)} are missing"] if expected - known else []
    found += ["the robot is a lead"] if ROBOT in known else []
    return found + ([f"{len(known - expected - {ROBOT})} are unknown"] if known - expected - {ROBOT} else [])


async def _turns(connection: AsyncConnection, now: datetime, people: Sequence[Person]) -> list[Fact]:
    """Whether the story has its turns. One is left out if nobody was handed over in time whose script leads to it: the
    control group, or a slow machine."""
    handed = set((await connection.execute(text(_HANDED), {"early": now - IN_TIME})).scalars())
    facts = []
    for wording, scripts, query in _TURNS:
        meant = [one for one in people if one.script.sales in scripts and one.address in handed]
        met = list((await connection.execute(text(_MET.format(query)))).scalars())
        if met:
            facts.append(Fact(wording))
        elif meant:
            facts.append(Fact(wording, tuple(f"not so for lead {one.number}" for one in meant)))
    return facts


def _posts(events: Mapping[str, int], counts: Mapping[str, int]) -> tuple[str, ...]:
    """Forms with double opt-in are `form.posted` first, and `form.submitted` once more when they are confirmed."""
    stored = events.get("form.posted", 0) + events.get("form.submitted", 0) - counts.get("confirmed", 0)
    made = counts.get("posts", 0) - counts.get("repeated", 0)
    return () if stored == made else (f"{made} different forms were accepted, {stored} are in the log",)
