"""Points: what an event earns within a rule's limits, what a state is worth, and the crossings that follow. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from uuid import uuid4

from dsl.plan import Rule
from engine.model.lead import Event
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import holds, matches
from engine.rules.leads.limits import Booking, probes
from engine.rules.leads.working_copy import WorkingCopy


def score(ledger: WorkingCopy, event: Event) -> None:
    for model, rule in ledger.rules.index.rules.near(event):
        assert rule.pattern is not None
        if not matches(rule.pattern, event, zone=ledger.zone):
            continue
        if rule.condition is not None and not holds(rule.condition, ledger.facts(event)):
            continue
        if amount := _allowed(ledger, rule, event):
            expires = None
            if rule.expires_after is not None:
                hours = ledger.rules.program.workspace.business_hours
                expires = calendar.add(rule.expires_after, event.at, ledger.zone, hours)
            book(ledger, f"e:{event.seq}", rule.id, model, amount, event.name, event.at, expires)


def book(
    ledger: WorkingCopy, cause: str, rule: str, model: str, amount: float, thing: str, earned_at: datetime | None,
    expires_at: datetime | None,
) -> None:  # fmt: skip
    """Add points and log the crossings of any value that somebody watches."""
    before = float(ledger.lead.scores.get(model, 0))
    after = before + amount
    booked_at = max(ledger.now, ledger.lead.last_at)
    ledger.points.append(
        Booking(
            cause, rule, model, amount, thing, ledger.lead.seq, after, earned_at or booked_at, booked_at, expires_at
        )
    )
    ledger.lead = ledger.lead.changed(scores={**ledger.lead.scores, model: after})
    if expires_at is not None:
        ledger.remind("expiry", expires_at)
    watched = ledger.rules.index.thresholds.get(model, frozenset())
    crossing = {"before": before, "after": after}
    if any(before < value <= after for value in watched):
        ledger.happen("score.reached", model, crossing)
    if any(before >= value > after for value in watched):
        ledger.happen("score.dropped", model, crossing)


def _allowed(ledger: WorkingCopy, rule: Rule, event: Event) -> float:
    """The points the rule may still give: a cap is filled up exactly."""
    amount = rule.amount
    for limit, probe in probes(rule, event, ledger.zone):
        count, total = ledger.tallies.get(probe, (0, 0.0))
        for booked in ledger.points:
            if booked.rule == rule.id and probe.thing in (None, booked.thing):
                count, total = count + 1, total + booked.amount
        if limit.points is not None:
            room = max(0.0, limit.points - abs(total))
            amount = math.copysign(min(abs(amount), room), amount)
        elif count >= (limit.times or 1):
            return 0
    return amount


def rate(ledger: WorkingCopy) -> None:
    """Bring the points of state rules (`+20 if company_size >= 200`) in line with the lead, and take back those of
    rules that are gone from the workspace."""
    rated, rules = ledger.lead.rated, ledger.rules.index.state_rules
    if not (rated or rules):
        return
    facts = ledger.facts()
    due = {f"{rule.id}@{model}": rule.amount if holds(rule.condition, facts) else 0 for model, rule in rules}
    gone = [key for key in rated if key not in due]
    changes = {key: due.get(key, 0) for key in [*gone, *due] if due.get(key, 0) != rated.get(key, 0)}
    if not changes:
        return
    ledger.lead = ledger.lead.changed(rated={key: points for key, points in {**rated, **changes}.items() if points})
    for key, points in changes.items():
        rule_id, _, model = key.partition("@")
        # A state may come and go between two events of the log, so the number of the last one is not enough.
        cause = f"f:{ledger.lead.seq}.{uuid4().hex[:8]}"
        book(ledger, cause, rule_id, model, points - rated.get(key, 0), "", None, None)
