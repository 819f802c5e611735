"""Reading one enrolment for `advance`: everything it needs in one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.model.lead import Event
from engine.rules.leads.limits import Probe
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.position import MOST_USED
from engine.rules.runs.rests import Resting
from engine.store.db import Hot
from engine.store.leads import (
    ENROLMENTS,
    EVENT_JSON,
    HISTORY,
    LOCK_BY_ENROLMENT,
    TALLIES,
    Locked,
    enrolment_of,
    enrolments_of,
    event_of,
    locked_of,
    probes_json,
    tallies_of,
)  # fmt: skip
from engine.store.writes import Writes

MOST_EVENTS = 1000
"""Events looked at in one call; a longer log is worked through call by call."""
MOST_ALIKE = MOST_USED + 1
"""Of a mail's events that are alike, one more than can have been used up decides."""

# The lead is found through the enrolment, so that this can be sent together with the statement that locks the lead.
_READ = f"""
WITH e AS (SELECT * FROM enrolments WHERE id = %(id)s)
SELECT (SELECT to_jsonb(e) FROM e) AS enrolment, {ENROLMENTS}, {TALLIES},
    (SELECT jsonb_agg({EVENT_JSON} ORDER BY seq) FROM (
        SELECT v.* FROM events v WHERE v.lead_id = %(lead)s
            AND v.seq > greatest(%(above)s, (SELECT cursor FROM e)) ORDER BY v.seq LIMIT {MOST_EVENTS}) n) AS events,
    (SELECT jsonb_agg({EVENT_JSON} ORDER BY seq) FROM (
        SELECT * FROM (
            SELECT v.*, row_number() OVER (PARTITION BY v.message_id, v.type, v.data ORDER BY v.seq) AS nth
            FROM events v WHERE v.enrolment_id = %(id)s AND v.seq <= (SELECT cursor FROM e) AND %(above)s = 0
                AND (v.message_id IS NOT NULL OR v.type = 'pattern.met')) w
        WHERE nth <= {MOST_ALIKE} ORDER BY seq DESC LIMIT {MOST_EVENTS}) o) AS own,
    (SELECT {EVENT_JSON} FROM events WHERE lead_id = %(lead)s AND seq = (SELECT leave_seq FROM e)) AS leaving,
    (SELECT jsonb_agg(jsonb_build_object('id', id, 'step', step, 'visit', visit, 'kind', kind, 'attempt', attempt,
        'reason', reason)) FROM messages WHERE owner_id = %(id)s AND state = 'sending') AS sending,
    (SELECT jsonb_agg(at) FROM messages WHERE lead_id = %(lead)s AND kind = 'marketing' AND at > %(recent)s
        AND state IN ('sending', 'accepted', 'unknown')) AS sent,
    (SELECT real_closed_until FROM gates WHERE provider = %(provider)s) AS closed_until, {HISTORY}""".replace(
    "%(lead)s", "(SELECT lead_id FROM e)"
)


@dataclass(frozen=True, slots=True)
class Run:
    """An enrolment as it stands under the lead's lock, with what has happened since its cursor.

    `wait` is the stored answer of the last advance, `truncated` that more events follow than were read, `sending` the
    messages that an earlier attempt marked and never settled, `sent` the instants that count against the mail limit.
    """

    enrolment: Enrolment
    attempt: str | None
    wait: dict[str, Any] | None
    due_at: datetime | None
    attention: str | None
    events: list[Event]
    truncated: bool
    leaving: Event | None
    sending: list[dict[str, Any]]
    sent: list[datetime]
    closed_until: datetime | None
    others: list[Enrolment]
    tallies: dict[Probe, tuple[int, float]]
    history: list[Event]


@dataclass(frozen=True, slots=True)
class Question:
    """What to read. `recent`: how far back mails count; `above`: events up to there are known already; `history`: the
    types of events whose past is asked."""

    id: UUID
    probes: Sequence[Probe]
    recent: datetime
    provider: str
    above: int = 0
    history: Collection[str] = ()

    @property
    def values(self) -> dict[str, Any]:
        return {
            "id": self.id, "probes": probes_json(self.probes), "recent": self.recent, "provider": self.provider,
            "above": self.above, "history": sorted(self.history),
        }  # fmt: skip


# Not while a mail is on its way: its outcome must find the run as it left it.
_TO_RETRY = """SELECT position, gen, attention FROM enrolments e WHERE id = %(id)s AND state <> 'ended'
    AND NOT EXISTS (SELECT FROM messages WHERE owner_id = e.id AND state = 'sending')"""


async def lock_and_read(hot: Hot, question: Question) -> tuple[Locked, Run] | None:
    """Lock the lead and read its run in one round trip; two statements, so that the second sees what the first
    waited for."""
    lock, row = await hot.both(LOCK_BY_ENROLMENT, {"enrolment": question.id}, _READ, question.values)
    if lock is not None and lock.merged_into is not None:  # merged while the first statement waited
        return await lock_and_read(hot, question)
    locked, run = locked_of(lock), _run_of(question, row)
    return None if locked is None or run is None else (locked, run)


async def read(hot: Hot, question: Question) -> Run | None:
    """The run, under the lock its lead already has."""
    return _run_of(question, await hot.one(_READ, question.values))


def _run_of(question: Question, row: Any) -> Run | None:
    if row.enrolment is None:
        return None
    own = enrolment_of(row.enrolment)
    own.leave_seq = row.enrolment["leave_seq"]
    others = [own if one.id == own.id else one for one in enrolments_of(row.enrolments)]
    due = row.enrolment["due_at"]
    return Run(
        enrolment=own, attempt=row.enrolment["attempt"], wait=row.enrolment["wait"],
        due_at=datetime.fromisoformat(due) if due else None, attention=row.enrolment["attention"],
        events=[event_of(one) for one in [*(row.own or []), *(row.events or [])]],
        truncated=len(row.events or ()) == MOST_EVENTS,
        leaving=event_of(row.leaving) if row.leaving else None, sending=row.sending or [],
        sent=[datetime.fromisoformat(at) for at in row.sent or []], closed_until=row.closed_until, others=others,
        tallies=tallies_of(question.probes, row.tallies), history=[event_of(one) for one in row.history or ()],
    )  # fmt: skip


def rest_rows(writes: Writes, id: UUID, resting: Sequence[Resting]) -> None:
    """Replace the waits of a run."""
    writes.keep_only("waits", "enrolment_id", id, "branch", [one.branch for one in resting])
    for one in resting:
        writes.insert(
            "waits", enrolment_id=id, branch=one.branch, step=one.step, source=one.source, what=one.what,
            due_at=one.due, held=one.held,
        )  # fmt: skip


async def to_retry(hot: Hot, id: UUID) -> Any | None:
    """Position, gen and attention of a run that may be retried; None while one of its emails is on its way."""
    return await hot.one(_TO_RETRY, {"id": id})
