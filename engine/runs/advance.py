"""Carries one enrolment to its next rest: the call behind a run's every wake.

`advance(id, gen)` locks the lead, looks around, lets the interpreter decide, writes what it decided in one statement
and registers the next rest. A mail costs one commit more: its mark. A call that was repeated gets the stored answer;
one from the future (the database was restored) parks the run and sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import structlog

from dsl.plan import Notify, Plan, Post, Send
from engine.mail.errors import TemplateError
from engine.model.ports import Receipt
from engine.rules.runs.answer import FAR_AHEAD, RESTORED, Answer
from engine.rules.runs.interpreter import Discard, Effect, Finished, Stuck, Verdict, put_out, settle, step
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep, may_send
from engine.rules.sending.judge import Hold, Skip
from engine.runs.lead_steps import LeadSteps
from engine.runs.outgoing_steps import (
    Outgoing,
    Ready,
    begin_post,
    judged,
    next_receiver,
    post_id,
    ready,
    settle_post,
)
from engine.runs.turn import Turn
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit
from engine.sending.allowance import Allowance
from engine.sending.delivery import settle_late
from engine.sending.feedback import reported
from engine.store import leads, messages, runs, webhooks
from engine.store.db import Hot, Overtaken
from engine.store.writes import Writes

log = structlog.get_logger(__name__)

MOST_LEAD_STEPS = 200
"""Other effects in one call."""
GATE_CLOSED = "the email provider took no emails"
"""What kept a mail whose turn came while the provider's gate was closed."""
OVERTAKEN = "another attempt has taken over"
_RECEIPTS: Mapping[str, Literal["accepted", "refused"]] = {"accepted": "accepted", "failed": "refused"}


async def advance(rt: Runtime, id: UUID, gen: int, woken: str, *, can_send: bool = True) -> Answer:
    """Carry the enrolment on. `woken` is start, event, timer or again; a call that cannot send stops before a mail."""
    async with rt.turn(str(id)):
        return await _Call(rt, id, gen, woken, can_send).run()


class _Call:
    """One call of `advance`: the working copies between its statements."""

    plan: Plan
    position: Position

    def __init__(self, rt: Runtime, id: UUID, gen: int, woken: str, can_send: bool) -> None:
        self.rt, self.id, self.gen, self.can_send = rt, id, gen, can_send
        self.attempt = uuid4().hex
        self.allowance, self.lead_steps = Allowance(rt), 0
        self.writes = Writes()
        self.turn = Turn(rt, id, woken)

    async def run(self) -> Answer:
        if self.can_send:
            await self.allowance.take_token()
        try:
            async with self.rt.db.hot() as hot:
                result = await self._open(hot) or await self._carry_on(hot)
            while isinstance(result, Outgoing):
                receipt = await result.leave(self.rt)
                try:
                    async with self.rt.db.hot() as hot:
                        following = await self._settled(hot, result, receipt)
                except Overtaken:
                    async with self.rt.db.hot() as hot:
                        if result.number:
                            await settle_post(hot, result, receipt, self.turn.now)
                        await settle_late(hot, result.id, self.attempt, receipt)
                    following = Answer("again", self.gen, on_event="mail", note=OVERTAKEN)
                result = following
            await self._rest_at_gate(result)
            return result
        finally:
            self.allowance.give_back()

    async def _rest_at_gate(self, answer: Answer) -> None:
        """While the provider's gate is closed and workers still poll, a call must not come round at full speed."""
        if answer.state != "again" or not self.can_send:
            return
        if (closed := self.turn.found.closed_until) is not None:
            left = (closed - self.rt.clock.real()).total_seconds()
            await asyncio.sleep(min(max(left, 0), 5))

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _open(self, hot: Hot) -> Answer | None:
        """Lock, look, and answer at once where there is nothing to do."""
        if not await self.turn.open(hot):
            return Answer("done", self.gen)
        own = self.turn.found.enrolment
        if own.state == "ended":
            return Answer("done", own.gen)
        if self.gen < own.gen and self.turn.found.wait is not None:
            return Answer.from_json(self.turn.found.wait)
        if self.gen > own.gen:
            return await self._park_restored(hot)
        await self.rt.catalog.need([own.digest])
        plan = self.rt.catalog.plan(own.digest)
        if plan is None:
            return await self._end_call(hot, Stuck("the plan it entered with is gone"))
        self.plan, self.position = plan, own.position
        for left in self.turn.found.sending:
            if left["kind"] == "post":  # it carries its key, and is simply repeated
                await messages.remove(hot, UUID(left["id"]))
                continue
            state, reason = reported(left["reason"]) or ("unknown", "interrupted")
            self.writes.update("messages", id=UUID(left["id"]), state=state, reason=reason, settled_at=self.turn.now)
            self._pass_by(left["step"], left["visit"])
        return None

    def _pass_by(self, step: str, visit: str) -> None:
        """Go on behind a mail that an earlier call marked and was never heard of again: it is never sent anew, whatever
        else this call does first."""
        current = self.plan.by_id.get(step)
        branch = next((one for one in self.position.branches if (one.at, one.visit) == (step, visit)), None)
        if isinstance(current, Send) and branch is not None:
            self.position = settle(self.plan, self.position, Effect(branch, current), self._verdict())

    async def _park_restored(self, hot: Hot) -> Answer:
        """Park; the lead's log goes on beyond any event the run may have heard of, else it would wake for ever."""
        seq = self.turn.lead.seq
        if self.turn.found.attention != RESTORED:
            seq += FAR_AHEAD
            self.writes.update("leads", id=self.turn.lead.id, seq=seq)
            self.writes.update("enrolments", id=self.id, attention=RESTORED)
            await self.writes.flush(hot)
            await hot.commit()
        return Answer("wait", self.gen, seen=seq, note=RESTORED)

    # ── working ──────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _carry_on(self, hot: Hot) -> Answer | Outgoing:
        """Follow the interpreter until it rests or a mail is marked; either way the work is committed."""
        pause = self.turn.pause
        if pause is not None and pause.state == "paused":
            return await self._end_call(hot, None) if self.allowance.sent else self._stay()
        if pause is not None and pause.state == "stopped":
            self.position = put_out(self.plan, self.position, f"stopped by {pause.author}")
        while True:
            self.position, request = step(self.plan, self.position, self.turn.world(self.plan))
            match request:
                case Effect(step=Send() | Notify() | Post()):
                    outcome = await self._outside(hot, request)
                    if outcome is not None:
                        return outcome
                case Effect() if self.lead_steps >= MOST_LEAD_STEPS:
                    return await self._end_call(hot, None)
                case Effect():
                    self.lead_steps += 1
                    verdict = await self._lead_steps(hot).perform(request)
                    self.position = settle(self.plan, self.position, request, verdict)
                case Discard(step=id):
                    if (given_up := self.plan.by_id.get(id)) is not None:
                        self._lead_steps(hot).skip(given_up, request.visit, request.reason)
                        if isinstance(given_up, Post):
                            post = post_id(self.id, given_up, request.visit)
                            await webhooks.give_up(hot, post, request.reason, self.turn.now)
                    self.position = settle(self.plan, self.position, request, self._verdict())
                case Sleep() | Finished() | Stuck():
                    return await self._end_call(hot, request)

    def _stay(self) -> Answer:
        """Its campaign is paused: nothing is written, so that the run stands as it did when it is resumed."""
        due = self.turn.found.due_at
        later = self.rt.clock.to_real(due) if due is not None and due > self.turn.now else None
        return Answer("wait", self.gen, seen=self.turn.lead.seq, wake_at=later, on_event="mail", note="paused")

    def _verdict(self) -> Verdict:
        return Verdict(self.turn.lead.seq)

    def _lead_steps(self, hot: Hot) -> LeadSteps:
        return LeadSteps(self.rt, hot, self.turn, self.writes, self.plan, self.id, self.attempt)

    async def _outside(self, hot: Hot, effect: Effect) -> Answer | Outgoing | None:
        """Mark what leaves, or settle it without (None), or end the call because it cannot leave."""
        step, branch, to = effect.step, effect.branch, ""
        if isinstance(step, Notify):
            found = await next_receiver(hot, step, branch, self.id, self.turn)
            if found is None:
                self.position = settle(self.plan, self.position, effect, self._verdict())
                return None
            to = found
        if isinstance(step, Send):
            effect = replace(effect, branch=self.turn.came_due(branch))
            self.position = self.position.with_branch(effect.branch)
        verdict = judged(effect, to, self.plan, self.turn)
        if verdict is None and not self._may_leave(effect):
            self._note_closed_gate(effect)
            return await self._end_call(hot, None)
        if verdict is None:
            try:
                made = ready(self.rt, effect, to, self.plan, self.id, self.turn, self.attempt)
            except TemplateError as problem:
                verdict = Hold(self.turn.now + timedelta(hours=1), f"template {problem.name}: {problem.message}")
            else:
                begun = await begin_post(self.rt, hot, made, step, self.plan, self.id, self.turn) if isinstance(
                    step, Post
                ) else made  # fmt: skip
                if begun is not None:
                    return await self._mark(hot, effect, begun)
                self.writes.insert("messages", **{**made.row, "state": "accepted"})
                self.position = settle(self.plan, self.position, effect, self._verdict())
                return None
        self._settle_unsent(hot, effect, verdict)
        return None

    def _may_leave(self, effect: Effect) -> bool:
        """Whether this call may hand over one more: it has budget, and for a mail a token and an open gate."""
        if not self.can_send or self.allowance.spent:
            return False
        return isinstance(effect.step, Post) or (not self._gate_closed() and self.allowance.try_token())

    def _note_closed_gate(self, effect: Effect) -> None:
        if self._gate_closed() and isinstance(effect.step, Send):
            self.position = self.position.with_branch(effect.branch.kept(self.turn.now, GATE_CLOSED))

    def _gate_closed(self) -> bool:
        return self.allowance.gate_closed(self.turn.found.closed_until)

    async def _mark(self, hot: Hot, effect: Effect, made: Ready) -> Outgoing:
        """Commit `sending` with everything decided so far: from here on only this call may hand it over."""
        self.writes.insert("messages", **made.row)
        fresh = self.rt.fresh_links(made.links)
        for id in fresh:
            self.writes.insert("links", id=id, url=made.links[id])
        self._checkpoint(attempt=self.attempt)
        marked = self.rt.clock.real()
        seq = self.turn.lead.seq
        await self._commit(hot)
        self.rt.know_links(fresh)
        self.allowance.marked(mail=not isinstance(effect.step, Post))
        outgoing = Outgoing(effect, made.row["id"], made.thing, seq, self.turn.now, marked, made.number)
        if outgoing.counted:
            self.turn.found.sent.append(self.turn.now)
        return outgoing

    async def _settled(self, hot: Hot, outgoing: Outgoing, receipt: Receipt) -> Answer | Outgoing:
        """Write down what the provider said and carry on. Raises Overtaken if somebody else has the run by now."""
        locked = await leads.lock_by_enrolment(hot, self.id)
        if locked is None:
            return Answer("done", self.gen)
        self.turn.found = replace(self.turn.found, attempt=self.attempt)
        if not await self.turn.look_again(hot, locked):
            return Answer("done", self.gen)
        if (self.turn.found.attempt, self.turn.found.enrolment.gen) != (self.attempt, self.gen):
            raise Overtaken
        receipt = self._as_reported(outgoing, receipt)
        if outgoing.number:
            await settle_post(hot, outgoing, receipt, self.turn.now)
        if outgoing.again(receipt, self.turn.now) is not None:
            # At once, since the same call may have to write the step down as skipped.
            await messages.remove(hot, outgoing.id)
        self._settle_sent(outgoing, receipt)
        return await self._carry_on(hot)

    def _as_reported(self, outgoing: Outgoing, receipt: Receipt) -> Receipt:
        """The receipt, unless the provider has told more of the mail while it was handed over."""
        own = next((one for one in self.turn.found.sending if one["id"] == str(outgoing.id)), None)
        told = reported(own["reason"]) if own is not None and receipt.state in ("accepted", "unknown") else None
        return replace(receipt, state=_RECEIPTS[told[0]], reason=told[1]) if told is not None else receipt

    def _settle_sent(self, outgoing: Outgoing, receipt: Receipt) -> None:
        effect, verdict = outgoing.effect, Verdict(outgoing.seq)
        if outgoing.counted and receipt.state not in ("accepted", "unknown") and outgoing.at in self.turn.found.sent:
            self.turn.found.sent.remove(outgoing.at)
        if until := outgoing.again(receipt, self.turn.now):
            what = "post" if isinstance(effect.step, Post) else "mail"
            verdict = Verdict(outgoing.seq, until=until, why=f"{what}: {receipt.reason}")
        else:
            state = {"accepted": "accepted", "refused": "failed", "retry": "failed"}.get(receipt.state, "unknown")
            self.writes.update(
                "messages", id=outgoing.id, state=state, reason=receipt.reason, provider_id=receipt.provider_id,
                settled_at=self.turn.now,
            )  # fmt: skip
            if isinstance(effect.step, Send) and state == "accepted":
                self.turn.received(effect.step.template)
            if isinstance(effect.step, Notify):
                return  # until every receiver has been written to
        self.position = settle(self.plan, self.position, effect, verdict)

    def _settle_unsent(self, hot: Hot, effect: Effect, judged: Skip | Hold) -> None:
        verdict = self._verdict()
        if isinstance(judged, Hold):
            effect = replace(effect, branch=effect.branch.kept(self.turn.now, judged.why))
            verdict = replace(verdict, until=judged.until, why=judged.attention)
        else:
            self._lead_steps(hot).skip(effect.step, effect.branch.visit, judged.reason, effect.branch.held)
        self.position = settle(self.plan, self.position, effect, verdict)

    # ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _end_call(self, hot: Hot, request: Sleep | Finished | Stuck | None) -> Answer:
        """Store the position with the next generation, and the answer with it. None: more to do in another call."""
        gen = self.gen + 1
        seen = self.turn.lead.seq
        branches = self.position.branches if hasattr(self, "position") else ()
        row: dict[str, Any] = {"gen": gen, "attention": next((one.why for one in branches if one.why), None)}
        resting: tuple[Any, ...] = ()
        match request:
            case Finished(outcome=outcome):
                self.turn.ledger.end(self.turn.found.enrolment, outcome)
                answer = Answer("done", gen)
                row |= {"state": "ended", "outcome": outcome, "ended_at": self.turn.now, "due_at": None}
            case Stuck(reason=reason):
                answer = Answer("wait", gen, seen=seen, note=reason)
                row |= {"attention": reason, "due_at": None}
            case Sleep() if not self.turn.found.truncated:
                resting = request.resting
                note = f"{resting[0].step} {resting[0].source}" if resting else ""
                answer = Answer(
                    "wait", gen, seen=seen, wake_at=self.rt.clock.to_real(request.due) if request.due else None,
                    on_event="mail" if request.event_may_send else "db",
                    on_timer="mail" if request.timer_may_send else "db", note=note,
                )  # fmt: skip
                row |= {"due_at": request.due}
            case _:
                sends = any(may_send(self.plan, branch.at) for branch in self.position.branches)
                answer = Answer("again", gen, seen=seen, on_event="mail" if sends else "db")
                row |= {"due_at": self.turn.now}
        if resting or self.turn.found.wait is not None:
            runs.rest_rows(self.writes, self.id, resting)
        self._checkpoint(attempt=None, wait=answer.to_json(), **row)
        await self._commit(hot)
        return answer

    def _checkpoint(self, **row: Any) -> None:
        """Store the position on the condition that nobody else has taken the run over."""
        own = self.turn.found.enrolment
        position = getattr(self, "position", own.position)
        state = {"state": own.state, "leave_seq": own.leave_seq, "goal_at": own.goal_at, **row}
        cursors = [position.seen, *(branch.cursor for branch in position.branches if branch.hold is None)]
        self.writes.guarded(
            "enrolments", {"id": self.id, "gen": self.gen, "attempt": self.turn.found.attempt},
            position=position.to_json(), cursor=min(cursors), **state,
        )  # fmt: skip

    async def _commit(self, hot: Hot) -> None:
        await commit(self.rt, hot, self.turn.ledger, self.writes)
        self.writes = Writes()
