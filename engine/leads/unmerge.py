"""A merge undone: the record that became part of a lead is one of its own again, with everything that was its own.

What has happened since stays with the lead that was kept, and so do the runs that ended because of the merge. Whatever
the person has taken back since is taken back for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from engine.leads.consent import hashed
from engine.leads.merge import BUSY
from engine.model.lead import UNMERGED, Lead
from engine.model.ports import Wake
from engine.platform.tokens import email_key
from engine.rules.leads import composite, joining
from engine.rules.leads.consequences import Ledger
from engine.rules.runs.position import Position
from engine.rules.sales.ladder import State
from engine.rules.sales.tray import Tray
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction, open_ledger
from engine.store import handoffs, joins, leads, unjoins
from engine.store.leads import Locked
from engine.store.record import record

NOT_MERGED, LATER = "not merged", "later"


class NotUndone(Exception):
    """Nothing was changed. `why`: no merge made this record part of a lead (`not merged`), the lead was itself merged
    since (`later`), which is to be undone first, or an email is being sent at this moment (`busy`)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Unmerge:
    """What goes back to the other record, and the score of each by model."""

    kept: UUID
    other: UUID
    events: int
    runs: int
    emails: int
    scores: Mapping[str, float]
    other_scores: Mapping[str, float]


async def unmerge(rt: Runtime, other: UUID, author: str = "", *, dry: bool = False) -> Unmerge:
    """Make the record a lead of its own again; `dry`: only say what would happen. Raises NotUndone."""
    async with lead_transaction(rt, str(other)) as work:
        hot = work.hot
        await joins.take_turn(hot)
        if (key := await unjoins.lock_other(hot, other)) is None:
            raise NotUndone(NOT_MERGED)
        locked, merge = await leads.lock(hot, other), await unjoins.merge_of(hot, other)
        if locked is None or merge is None:
            raise NotUndone(NOT_MERGED)
        if locked.lead.id != merge.kept:
            raise NotUndone(LATER)
        if await joins.busy(hot, locked.lead.id):
            raise NotUndone(BUSY)
        done = await _undo(work, locked, merge, key, author)
        if not dry:
            await work.write()
    return done


async def _undo(work: LeadTransaction, locked: Locked, merge: Any, key: str, author: str) -> Unmerge:
    rt, hot, lead, other = work.rt, work.hot, locked.lead, merge.other
    was, theirs = _lead(merge.before["kept"]), _lead(merge.before["other"])
    merged = was.changed(**merge.before["merged"])
    email = theirs.email if theirs.email and email_key(theirs.email) == key else key
    await unjoins.move_back(hot, lead.id, other, merge.moved)
    gone = [hashed(rt, key), *theirs.former]
    await unjoins.take_less(hot, lead.id, merge.before["kept"]["created_at"], gone)
    await unjoins.set_free(hot, other, email, list(theirs.former))
    mine = await _summed(work, joining.separated(lead, was, merged, theirs))
    free = joining.set_free(theirs, lead, merged)
    free = await _summed(work, free.changed(seq=lead.seq, last_at=lead.last_at, email=email, epoch=0))
    ledger = await work.open(Locked(mine.changed(former=tuple({*mine.former} - {*gone})), locked.epoch, locked.row))
    second, _ = await open_ledger(rt, hot, Locked(free, locked.epoch, locked.row))
    for one, peer in ((ledger, other), (second, lead.id)):
        one.happen(UNMERGED, "", {"lead": str(peer), "by": author}, mute=True)
        await _hand_off_again(work, one, lead.id, other)
        one.rate()
        composite.watch_silence(one)
        composite.watch_dates(one)
        one.remind("expiry", one.now)
        one.review()
    work.writes.update("merges", id=merge.id, undone_at=ledger.now)
    record(second, work.writes, rt.clock.real())
    return Unmerge(
        lead.id, other, len(merge.moved["events"]), len(merge.moved["enrolments"]), len(merge.moved["messages"]),
        ledger.lead.scores, second.lead.scores,
    )  # fmt: skip


async def _summed(work: LeadTransaction, lead: Lead) -> Lead:
    """With the scores that its own bookings add up to."""
    await joins.sum_up(work.hot, lead.id)
    found = await joins.record(work.hot, lead.id)
    return lead.changed(scores=found.scores, rated=found.rated)


async def _hand_off_again(work: LeadTransaction, ledger: Ledger, kept: UUID, other: UUID) -> None:
    """A run that waits for a handoff which is the other record's again gets one of its own, like the one that the merge
    closed."""
    for run in await unjoins.stranded(work.hot, ledger.lead.id, kept, other):
        closed = await unjoins.closed_handoff(work.hot, ledger.lead.id)
        if closed is None and ledger.open_handoff is None:
            continue
        if ledger.open_handoff is None:
            ledger.open_handoff = _opened(work, ledger, closed)
        position = joining.instead(
            Position.from_json(run.position), {str(run.handoff): str(ledger.open_handoff)}
        )  # fmt: skip
        work.writes.update("enrolments", id=run.id, position=position.to_json())


def _opened(work: LeadTransaction, ledger: Ledger, closed: Any) -> UUID:
    id, team = uuid4(), closed.team
    opened = ledger.happen("handoff.opened", team, {"handoff": str(id)}, mute=True)
    state = State(phase="waiting", team=team, meant_for=closed.member, step_started_at=opened.at)
    work.writes.insert(
        "handoffs", id=id, lead_id=ledger.lead.id, enrolment_id=closed.enrolment_id, source=closed.source,
        step=closed.step, stage=closed.stage, note=closed.note, gen=0, wait=None, attention=None, due_at=opened.at,
        opened_at=opened.at, **handoffs.columns(state, Tray()),
    )  # fmt: skip
    ledger.wakes[id] = Wake(id, "handoff", start=True, seq=ledger.lead.seq, gen=0, queue="mail")
    return id


def _lead(row: Mapping[str, Any]) -> Lead:
    """From a row of `leads` as JSON."""
    names = ("email", "seq", "fields", "scores", "rated", "stage", "topics", "suppressed", "lists", "interests",
             "segments", "epoch", "origin")  # fmt: skip
    known: dict[str, Any] = {name: row[name] for name in names}
    for name in ("last_at", "created_at", "active_at"):
        known[name] = datetime.fromisoformat(row[name]) if row[name] else None
    return Lead(id=UUID(row["id"]), former=tuple(row["former"]), **known)
