"""Carries one handoff to its next rest: the call behind its run's every wake.

Notices are mails like any other: rendered, marked `sending` in a commit, handed over once, settled. What is unclear is
`unknown` and never repeated; what the provider certainly has not taken stays in the tray.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from engine.mail.errors import TemplateError
from engine.model.ids import new_id
from engine.model.ports import Mail, Receipt
from engine.rules.runs.answer import FAR_AHEAD, RESTORED, Answer
from engine.rules.sales.ladder import State
from engine.rules.sales.tray import Pending, Tray, outdated
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit
from engine.sales.handoff_turn import HandoffTurn, call_waiting, freed
from engine.sales.notices import notice_mail, notice_row
from engine.sending.allowance import Allowance
from engine.sending.delivery import hand_over, settle_late
from engine.sending.feedback import reported
from engine.store import handoffs as store
from engine.store.db import Hot
from engine.store.writes import Writes

PAUSE = timedelta(minutes=1)
"""How long a notice rests that the provider has not taken."""
TEAM_GONE = "its team is gone from the workspace, and no other takes the lead"
OVERTAKEN = "another attempt has taken over"


async def advance(rt: Runtime, id: UUID, gen: int, woken: str, *, can_send: bool = True) -> Answer:
    """Carry the handoff on: the call behind its run's every wake. See engine.runs.advance.advance."""
    call = _Call(rt, id, gen, woken, can_send)
    async with rt.turn(str(id)):
        answer = await call.run()
    if call.freed is not None:
        await call_waiting(rt, call.deployment, call.freed)
    return answer


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A marked notice on its way."""

    notice: Pending
    mail: Mail
    marked: datetime


class _Call:
    """One call of `advance`: a transaction, and one more for each notice that is handed over."""

    deployment: Deployment

    def __init__(self, rt: Runtime, id: UUID, gen: int, woken: str, can_send: bool) -> None:
        self.rt, self.id, self.gen, self.woken, self.can_send = rt, id, gen, woken, can_send
        self.attempt = uuid4().hex
        self.allowance = Allowance(rt)
        self.held = False
        self.freed: str | None = None
        self.attention: str | None = None

    async def run(self) -> Answer:
        sent: tuple[_Outgoing, Receipt] | None = None
        try:
            while True:
                if self.can_send:
                    await self.allowance.take_token()
                async with self.rt.db.hot() as hot:
                    result = await self._turn(hot, sent)
                if isinstance(result, Answer):
                    return result
                sent = result, await hand_over(self.rt, result.mail, result.marked)
        finally:
            self.allowance.give_back()

    async def _turn(self, hot: Hot, sent: tuple[_Outgoing, Receipt] | None) -> Answer | _Outgoing:
        """Lock, look, settle what was sent, climb, and mark the next notice or rest."""
        provider = self.rt.mailer.name if self.rt.mailer else ""
        turn = await HandoffTurn.at(self.rt, hot, self.id, provider, self.rt.clock.now())
        if turn is None:
            return Answer("done", self.gen)
        self.deployment, found, writes = turn.deployment, turn.found, Writes()
        if sent is None:
            if answer := await self._repeated(hot, turn):
                return answer
            tray = self._drop_interrupted(found, writes, turn.ledger.now)
        elif (found.tray.attempt, found.gen) != (self.attempt, self.gen):
            await settle_late(hot, sent[0].mail.message_id, self.attempt, sent[1])
            return Answer("again", self.gen, on_event="mail", note=OVERTAKEN)
        else:
            tray = self._settle(found, writes, turn.ledger.now, *sent)
        if self.woken == "timer" and sent is None and found.due_at is not None:
            turn.ledger.now = max(turn.ledger.now, found.due_at)
        change = await turn.climb(hot, writes, max(turn.ledger.now, turn.locked.lead.last_at))
        turn.follow(change)
        if freed(found.state, change.state) and found.state.phase != "closed":
            self.freed = found.state.team
        if turn.orphaned and change.state.phase != "closed":
            self.attention = TEAM_GONE
        return await self._deliver(hot, turn, change.state, tray.plus(self.gen, change.notices), writes)

    async def _repeated(self, hot: Hot, turn: HandoffTurn) -> Answer | None:
        """What to answer at once: the run is over, the call was repeated, or the database is older than the run."""
        found = turn.found
        if found.state.phase == "closed" and not found.tray.pending:
            return Answer("done", found.gen)
        if self.gen < found.gen and found.wait is not None:
            return Answer.from_json(found.wait)
        if self.gen <= found.gen:
            return None
        seq = turn.locked.lead.seq
        if found.attention != RESTORED:
            seq += FAR_AHEAD  # beyond any event the run may have heard of, else it would wake for ever
            writes = Writes()
            writes.update("leads", id=turn.locked.lead.id, seq=seq)
            writes.update("handoffs", id=self.id, attention=RESTORED)
            await writes.flush(hot)
            await hot.commit()
        return Answer("wait", self.gen, seen=seq, note=RESTORED)

    async def _deliver(
        self, hot: Hot, turn: HandoffTurn, state: State, tray: Tray, writes: Writes
    ) -> Answer | _Outgoing:  # fmt: skip
        while tray.pending and not self.held:
            notice = tray.pending[0]
            if why := outdated(notice, state):
                self._put_away(turn, notice, "skipped", why, writes)
            elif not self.can_send:
                self.freed = None
                return Answer("again", self.gen, on_event="mail")
            elif self.allowance.spent or self._gate_closed(turn):
                break
            elif outgoing := await self._mark(hot, turn, state, tray, notice, writes):
                return outgoing
            tray = tray.without(notice.visit)
        return await self._rest(hot, turn, state, tray, writes)

    def _gate_closed(self, turn: HandoffTurn) -> bool:
        self.held = self.held or self.allowance.gate_closed(turn.found.closed_until)
        return self.held

    # ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _mark(
        self, hot: Hot, turn: HandoffTurn, state: State, tray: Tray, notice: Pending, writes: Writes
    ) -> _Outgoing | None:  # fmt: skip
        """Commit `sending`, and with it all that was decided so far. None: it cannot be written at all."""
        rt, found, ledger = self.rt, turn.found, turn.ledger
        try:
            mail, problem = notice_mail(
                notice, self.id, ledger.lead, state, turn.team, turn.deployment, rt.tokens, rt.settings.base_url,
                note=found.note, campaign=found.campaign,
            )  # fmt: skip
        except TemplateError as error:
            self.attention = f"template {error.name}: {error.message}"
            self._put_away(turn, notice, "failed", self.attention, writes)
            return None
        self.attention = problem or self.attention
        row = notice_row(
            mail.message_id, notice, self.id, ledger.lead.id, found.source, self.attempt, ledger.now, "sending",
            subject=mail.subject,
        )  # fmt: skip
        writes.insert("messages", **row)
        kept = Tray(tray.pending, tray.told, self.attempt)
        writes.update("handoffs", id=self.id, **store.columns(state, kept))
        marked = rt.clock.real()
        await commit(rt, hot, ledger, writes)
        self.allowance.marked()
        return _Outgoing(notice, mail, marked)

    def _put_away(self, turn: HandoffTurn, notice: Pending, state: str, why: str, writes: Writes) -> None:
        """Record a notice that does not go out."""
        lead, now = turn.ledger.lead.id, turn.ledger.now
        row = notice_row(new_id(now), notice, self.id, lead, turn.found.source, self.attempt, now, state, why)
        writes.insert("messages", **row)

    def _settle(
        self, found: store.Found, writes: Writes, now: datetime, outgoing: _Outgoing, receipt: Receipt
    ) -> Tray:  # fmt: skip
        message, tray = outgoing.mail.message_id, found.tray
        if receipt.state in ("retry", "closed"):
            writes.delete("messages", "id", message)
            self.held, self.attention = True, f"mail: {receipt.reason}"
            return tray
        state = {"accepted": "accepted", "refused": "failed"}.get(receipt.state, "unknown")
        _, said = found.sending.get(outgoing.notice.visit, (message, ""))
        state, reason = (reported(said) if state != "failed" else None) or (state, receipt.reason)
        writes.update(
            "messages", id=message, state=state, reason=reason, provider_id=receipt.provider_id, settled_at=now
        )
        if state != "accepted":
            self.attention = f"mail: {reason}"
        return tray.without(outgoing.notice.visit)

    def _drop_interrupted(self, found: store.Found, writes: Writes, now: datetime) -> Tray:
        """What an earlier attempt marked and never settled may have gone out: it is never sent again."""
        tray = found.tray
        for visit, (message, said) in found.sending.items():
            state, reason = reported(said) or ("unknown", "interrupted")
            writes.update("messages", id=message, state=state, reason=reason, settled_at=now)
            tray = tray.without(visit)
        return tray

    # ── resting ──────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _rest(self, hot: Hot, turn: HandoffTurn, state: State, tray: Tray, writes: Writes) -> Answer:
        """Store where it stands with the next generation, and the answer with it."""
        ledger, gen = turn.ledger, self.gen + 1
        dues = [at for at in (state.due_at, state.follow_up_at) if at]
        if tray.pending:
            dues.append(ledger.now + PAUSE if self.held else ledger.now)
        due = min(dues, default=None)
        if state.phase == "closed" and not tray.pending:
            answer = Answer("done", gen)
        elif tray.pending and not self.held:
            answer = Answer("again", gen, seen=ledger.lead.seq, on_event="mail")
        else:
            mails = tray.pending or state.phase == "waiting"
            answer = Answer(
                "wait", gen, seen=ledger.lead.seq, wake_at=self.rt.clock.to_real(due) if due else None,
                on_event="mail" if mails else "db", on_timer="mail", note=f"{state.phase} {turn.found.source}",
            )  # fmt: skip
        writes.update(
            "handoffs", id=self.id, gen=gen, wait=answer.to_json(), attention=self.attention, due_at=due,
            **store.columns(state, Tray(tray.pending, tray.told)),
        )  # fmt: skip
        await commit(self.rt, hot, ledger, writes)
        return answer
