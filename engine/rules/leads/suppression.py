"""Why a lead may not be mailed any more, and what becomes of its runs. Pure.

The reasons are those of the column `leads.suppressed`. A stronger one takes the place of a weaker, never the other way
round: who left by their own word may come back by it; after a bounce or a complaint nothing the lead does lifts it.
"""

from __future__ import annotations

from collections.abc import Collection

from dsl.plan import Plan, Program, Wait
from engine.model.lead import Event, Lead
from engine.rules.conditions.conditions import topic_state
from engine.rules.leads.consequences import Ledger
from engine.rules.runs.enrolment import Enrolment

UNSUBSCRIBED = "unsubscribed"
BOUNCED = "bounced"
COMPLAINED = "complained"
ERASED = "erased"
"""Of addresses alone, whose lead was erased on request."""
COMES_BACK = (UNSUBSCRIBED, ERASED)
"""What a person lifts by confirming that they want email again."""
STRENGTH = (UNSUBSCRIBED, BOUNCED, COMPLAINED)


def has_left(lead: Lead, topic: str | None, program: Program) -> bool:
    """Whether unsubscribing from the topic, or without one from everything, would change nothing."""
    if topic is not None:
        return topic_state(lead.topics, topic) == "unsubscribed"
    silent = all(topic_state(lead.topics, one.name) == "unsubscribed" for one in program.workspace.topics)
    return lead.suppressed in (UNSUBSCRIBED, COMPLAINED) or (lead.suppressed is not None and silent)


def suppress(ledger: Ledger, reason: str, seq: int, staying: Collection[Enrolment] = ()) -> bool:
    """Nothing may be mailed from this commit on, and every live run leaves because of event `seq`, except `staying`.
    Whether the reason is new."""
    for enrolment in ledger.enrolments:
        if enrolment not in staying:
            ledger.leave(enrolment, seq)
    before = ledger.lead.suppressed
    if before is not None and (before not in STRENGTH or STRENGTH.index(before) >= STRENGTH.index(reason)):
        return False
    ledger.lead = ledger.lead.changed(suppressed=reason)
    return True


def bounce(ledger: Ledger, event: Event) -> bool:
    """A mail came back for good: suppress the lead. A campaign that says itself what follows from this bounce goes on,
    without mails, and so does one that it has started."""
    staying = [
        run for run in ledger.enrolments
        if run in ledger.started or answers(ledger.rules.plan_of(run.digest), event, run, ledger.zone)
    ]  # fmt: skip
    return suppress(ledger, BOUNCED, event.seq, staying)


def answers(plan: Plan | None, event: Event, run: Enrolment, zone: str) -> bool:
    """Whether a wait or a `whenever` of the plan is for this event, wherever the run stands."""
    if plan is None:
        return False
    arms = (arm.pattern for step in plan.steps if isinstance(step, Wait) for arm in step.arms)
    return any(run.hears(pattern, event, zone) for pattern in (*arms, *(one.pattern for one in plan.whenevers)))
