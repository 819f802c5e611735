"""Who may enter a campaign, when its goal counts as reached, and how a run leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dsl.plan import BusinessHours, Duration, Plan, Target
from engine.model.lead import MERGED, Event
from engine.rules.conditions import calendar

if TYPE_CHECKING:
    from engine.rules.runs.enrolment import Enrolment


def run_value(plan: Plan, event: Event | None) -> str:
    """What tells this run from the lead's others, for a campaign that is entered once per value of a datum."""
    if plan.reentry.kind != "per" or event is None:
        return ""
    if plan.reentry.by_name:
        return event.name.casefold()
    value = event.data.get(plan.reentry.datum or "")
    return "" if value is None else str(value)


def admits(plan: Plan, past: Sequence[Enrolment], value: str, now: datetime, zone: str, hours: BusinessHours) -> bool:
    """Whether the lead may enter now. `past` are the lead's runs of this campaign, live ones included, `value` is the
    new run's, `hours` the company's. An event that makes a run leave is judged for that first: with `enters every time`
    the run that is leaving stands in no other's way, and the same event can start the next one."""
    if not within_runs(plan, now, hours.zone):
        return False
    if plan.reentry.kind == "per":
        return all(one.per != value for one in past)
    if plan.reentry.kind == "always":
        return all(one.state != "live" for one in past)
    if any(one.state != "ended" for one in past):
        return False
    match plan.reentry.kind:
        case "once":
            return not past
        case "after":
            if not past or plan.reentry.after is None:
                return True
            if plan.reentry.from_entry:
                return _is_next_day(plan.reentry.after, max(one.started_at for one in past), now, zone, hours)
            left = max(one.ended_at or one.started_at for one in past)
            return calendar.add(plan.reentry.after, left, zone, hours) <= now


def _is_next_day(after: Duration, entered: datetime, now: datetime, zone: str, hours: BusinessHours) -> bool:
    """Whether the day has come that lies so long after the day of entering; units below a day are exact."""
    due = calendar.add(after, entered, zone, hours)
    if after.minutes or after.business_minutes:
        return due <= now
    return calendar.local_date(due, zone) <= calendar.local_date(now, zone)


def within_runs(plan: Plan, now: datetime, zone: str) -> bool:
    """Whether the campaign takes leads on this day of the company's."""
    if plan.runs is None:
        return True
    first, last = plan.runs
    return first <= calendar.local_date(now, zone).isoformat() <= last


def reaches_goal(plan: Plan, run: Enrolment, event: Event, zone: str, hours: BusinessHours) -> bool:
    """Whether the event is what the campaign is for, in time, and the first such. It counts after the run's end too."""
    goal = plan.goal
    if goal is None or run.goal_at is not None or not run.hears(goal.pattern, event, zone):
        return False
    return goal.within is None or event.at <= calendar.add(goal.within, run.started_at, zone, hours)


def way_out(plan: Plan, run: Enrolment, leaving: Event | None, zone: str) -> tuple[Target, str]:
    """The first step of the block a run leaves through because of that event, and the outcome it leaves with; empty
    where it has no name of its own. One that gives way to a merged lead's other run leaves through no block."""
    if leaving is None:
        return None, ""
    if leaving.type == MERGED:
        return None, "merged"
    entry = next((one.entry for one in plan.leaves if run.hears(one.pattern, leaving, zone)), None)
    goal = plan.goal
    reached = goal is not None and goal.leaves and run.goal_at == leaving.at and run.hears(goal.pattern, leaving, zone)
    return entry, "goal" if reached else ""
