"""How a lead came into a campaign, and why not: never, or not again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from dsl.plan import EnterCampaign, Plan, Start
from engine.model.lead import Event
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import matches
from engine.rules.leads.admission import run_value
from engine.why.log import Log, Run, Said
from engine.why.reasons import grounds
from engine.wording.steps import reentry_words, start_words
from engine.wording.terms import condition, duration, quoted

MOST = 5
"""Occasions at which a lead could have entered and did not that are told, the newest ones."""


def entered(log: Log, run: Run) -> Said:
    """The line about how this run began."""
    plan = run.plan or log.plan
    for start in plan.starts if plan else ():
        for event in reversed(log.events):
            if _let_in(run, event) and matches(start.pattern, event, zone=log.zone):
                held = _held(log, start, event)
                return Said(run.started_at, f"entered, because {log.said(event)}", why=held, source=start.source)
    return _brought(log, run, plan)


def _let_in(run: Run, event: Event) -> bool:
    """Whether the event could be the one that began the run: what followed from it at once has later numbers."""
    return event.at == run.started_at or (
        0 < event.seq <= run.entered and abs(event.at - run.started_at) < timedelta(seconds=10)
    )


def _brought(log: Log, run: Run, plan: Plan | None) -> Said:
    source = plan.source if plan else ""
    silent = (one for one in log.events if one.type == "pattern.met" and one.name == "reactivate")
    if (event := next((one for one in silent if _let_in(run, one)), None)) is not None:
        return Said(run.started_at, f"entered, because {log.said(event)}", source=source)
    for other in log.program.campaigns:
        for step in other.steps:
            inside = any(name == other.campaign and begin <= run.started_at for name, begin, _ in log.others)
            if isinstance(step, EnterCampaign) and step.campaign.casefold() == log.campaign.casefold() and inside:
                return Said(run.started_at, f"entered from campaign {quoted(other.campaign)}", source=step.source)
    return Said(run.started_at, "entered", why="through a start that this version no longer has", source=source)


def _held(log: Log, start: Start, event: Event) -> str:
    if start.only_if is None:
        return ""
    _, why = grounds(start.only_if, log, event.at, dict(event.data), start=event.data)
    return f"only if {condition(start.only_if)}: {', '.join(why)}"


def not_entered(log: Log) -> Iterator[Said]:
    """Each occasion at which a start of the present version could have let the lead in and did not, oldest first; and
    the starts for which there was no occasion at all."""
    plan = log.plan
    if plan is None:
        yield Said(None, f"campaign {quoted(log.campaign)} is not in the live deployment", "not")
        return
    told: list[Said] = []
    for start in plan.starts:
        fitting = [
            event for event in log.events if matches(start.pattern, event, zone=log.zone) and not _began(log, event)
        ]  # fmt: skip
        told += [_refused(log, plan, start, event) for event in fitting]
        if not fitting and not log.runs:
            told.append(_no_occasion(log, start))
    if not plan.starts:
        told.append(
            Said(None, "has no start of its own; leads enter only from other campaigns", "not", source=plan.source)
        )
    without = [one for one in told if one.at is None]
    dated = sorted((one for one in told if one.at is not None), key=lambda one: one.at or log.now)
    yield from [*without, *dated[-MOST:]]


def _began(log: Log, event: Event) -> bool:
    return any(_let_in(run, event) for run in log.runs)


def _no_occasion(log: Log, start: Start) -> Said:
    wanted = start.pattern
    said = f"{start_words(start)}: this has never happened"
    if wanted.type == "form.submitted":
        posted = [one for one in log.events if one.type == "form.posted"]
        raw = wanted.model_copy(update={"type": "form.posted"})
        waiting = [one for one in posted if matches(raw, one, zone=log.zone)]
        if waiting:
            return Said(
                waiting[-1].at, f"submitted form {quoted(waiting[-1].name)}, but never confirmed it", "not",
                "with double opt-in, the form counts only after the button in the email is pressed", start.source,
            )  # fmt: skip
    similar = [one for one in log.events if one.type == wanted.type]
    if similar:
        names = list(dict.fromkeys(quoted(one.name) for one in similar))[:3]
        return Said(None, said, "not", f"similar events in the lead's log: {', '.join(names)}", start.source)
    return Said(None, said, "not", f"the lead's log has no such event among its {len(log.events)}", start.source)


def _refused(log: Log, plan: Plan, start: Start, event: Event) -> Said:
    why, source = _reason(log, plan, start, event)
    return Said(event.at, f"did not enter when {log.said(event)}", "not", why, source)


def _reason(log: Log, plan: Plan, start: Start, event: Event) -> tuple[str, str]:
    if log.deployed_at is not None and event.at < log.deployed_at:
        return "that was before this version of the campaign was deployed", plan.source
    if start.only_if is not None:
        truth, why = grounds(start.only_if, log, event.at, dict(event.data), start=event.data)
        if truth is not True:
            return f"only if {condition(start.only_if)}: {', '.join(why)}", start.source
    day = calendar.local_date(event.at, log.zone).isoformat()
    if plan.runs is not None and not plan.runs[0] <= day <= plan.runs[1]:
        return f"the campaign runs only from {plan.runs[0]} to {plan.runs[1]}", plan.source
    if plan.reentry.kind == "per":
        value = event.name if plan.reentry.by_name else str(event.data.get(plan.reentry.datum or "", ""))
        if any(run.per == run_value(plan, event) and run.started_at <= event.at for run in log.runs):
            return f"{reentry_words(plan.reentry)}, and there was already a run for {quoted(value)}", plan.source
    elif any(run.started_at <= event.at and (run.ended_at is None or run.ended_at > event.at) for run in log.runs):
        return "the lead was already in the campaign", plan.source
    return _again(log, plan, event.at), plan.source


def _again(log: Log, plan: Plan, at: datetime) -> str:
    past = [run for run in log.runs if run.ended_at is not None and run.ended_at <= at]
    if past and plan.reentry.kind == "once":
        return f"{reentry_words(plan.reentry)}, and the lead had already been in it"
    if past and plan.reentry.kind == "after" and plan.reentry.after is not None:
        ends = [run.started_at if plan.reentry.from_entry else run.ended_at for run in past]
        left = max(end for end in ends if end is not None)
        return f"{reentry_words(plan.reentry)}: {duration(plan.reentry.after)} since {_day(left, log)} had not passed"
    if log.lead.suppressed is not None:
        return f"the lead is suppressed: {log.lead.suppressed}"
    hold = log.held(at)
    if hold is not None and hold.state == "stopped":
        return f"the campaign had been ended by {hold.author}" + (f": {hold.reason}" if hold.reason else "")
    return "the current version would allow it; the version live at the time may not have"


def _day(at: datetime, log: Log) -> str:
    return calendar.local_date(at, log.zone).isoformat()
