"""The loop every run follows: call `advance`, sleep until the instant or the event it names, call again.

Replay must find the same commands in years to come. Whatever changes the order or the kind of commands gets a new loop
version (see docs/temporal.md), and a history recorded before the change must still replay.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.contracts import LOOP, Call, Next, Queue, RunInput, Woken
from workflows.options import ACTIVITIES, queues

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 1800.0
"""Seconds a run rests after its activity failed for good: doubling from the first to the longest."""

FREE_TURNS, LONGEST_BREATH = 20, 60.0
"""Turns without sleep or news that cost nothing; each further one rests a second longer, up to the longest."""

SOON = 0.001
"""Seconds: a timer that is due sooner than this is due now."""


class Loop:
    """One run. Subclasses name the activity; the signal and the loop are here."""

    def __init__(self, start: RunInput, activity: str) -> None:
        self.start = start
        self.activity = activity
        self.how = ACTIVITIES[activity]
        self.queues = queues(workflow.info().task_queue)
        self.seq = start.seq
        self.heard = start.seq
        self.restless = 0

    @workflow.signal(name="wake")
    def wake(self, seq: int) -> None:
        """The lead's log has reached `seq`. Older and repeated signals change nothing."""
        if seq > self.seq:
            self.seq = seq

    async def carry(self) -> None:
        """Carry the run on until `advance` says it is done.

        A run of a loop that this build does not know fails its workflow tasks, and so waits for a build that does.
        """
        if self.start.loop != LOOP:
            raise RuntimeError("this build does not know the run's loop version")
        answer = self.start.standing
        turns = failures = 0
        while answer is None or answer.state != "done":
            if turns >= self.start.most or self.full():
                await self.renew(answer)
            woken = "start" if answer is None else await self.woken(answer)
            if woken is None:
                continue
            turns += 1
            self.heard = self.seq
            try:
                answer = await self.advance(answer, woken)
                failures = 0
            except FailureError:
                if cancelled():
                    raise
                await self.rest(min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE), "advance failed")
                failures += 1

    async def woken(self, answer: Next) -> Woken | None:
        """Sleep as the answer asks and say what ended the sleep; None when the history must be cut first."""
        if answer.state == "again":
            await self.breathe()
            return "again"
        if self.seq > answer.seen:
            await self.breathe()
            return "event"
        timeout = None
        if answer.wake_at is not None:
            timeout = (answer.wake_at - workflow.now()).total_seconds()
            if timeout < SOON:
                await self.breathe()
                return "timer"
        self.restless = 0
        try:
            await workflow.wait_condition(
                lambda: self.seq > answer.seen or self.full(), timeout=timeout, timeout_summary=answer.note or None
            )
        except TimeoutError:
            return "timer"
        return "event" if self.seq > answer.seen else None

    async def breathe(self) -> None:
        """Keep a run that never sleeps, and hears nothing new, from spinning."""
        if self.seq > self.heard:
            self.restless = 0
        self.restless += 1
        if self.restless > FREE_TURNS:
            await self.rest(min(float(self.restless - FREE_TURNS), LONGEST_BREATH), "turns without progress")

    async def rest(self, seconds: float, why: str) -> None:
        """Sleep, but let news end it."""
        known = self.seq
        try:
            await workflow.wait_condition(lambda: self.seq > known, timeout=seconds, timeout_summary=why)
        except TimeoutError:
            return

    async def advance(self, answer: Next | None, woken: Woken) -> Next:
        queue: Queue
        if answer is None:
            call, queue, note = Call(id=self.start.id, gen=self.start.gen, woken=woken), self.start.queue, "start"
        else:
            call, note = Call(id=self.start.id, gen=answer.gen, woken=woken), answer.note
            queue = answer.on_timer if woken == "timer" else answer.on_event
        if queue == "mail":
            return await self.regular(call, self.queues.mail, note)
        try:
            done: Next = await workflow.execute_local_activity(self.activity, call, summary=note, **self.how.local)
        except FailureError:
            if cancelled():
                raise
            return await self.regular(call, self.queues.db, note)
        return done

    async def regular(self, call: Call, task_queue: str, note: str) -> Next:
        how = self.how.mail if task_queue == self.queues.mail else self.how.db
        done: Next = await workflow.execute_activity(
            self.activity, call, task_queue=task_queue, summary=note or None, **how
        )
        return done

    def full(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    async def renew(self, answer: Next | None) -> None:
        """Continue as new with what is known: the standing answer, the newest seq, the loop's version."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.start.model_copy(update={"seq": self.seq, "standing": answer}))


def cancelled() -> bool:
    """Whether the run itself was cancelled: a worker that shuts down cancels activities too, but no run."""
    return workflow.cancellation_reason() is not None
