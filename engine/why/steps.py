"""How a step that chooses came to its choice: waits, conditions, chance, sales. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dsl.plan import AnyStep, Arm, ByRound, HandOff, If, ListStep, Repeat, SetField, TopicStep, Wait
from engine.model.lead import Event
from engine.why.log import Log, Run, Said
from engine.why.reasons import grounds
from engine.wording.events import deed
from engine.wording.steps import Exit, exits, words
from engine.wording.terms import condition, pattern


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def wait_ended(
    log: Log, run: Run, step: AnyStep, at: datetime, until: datetime | None, following: str | None
) -> Iterator[Said]:
    """What ended a wait: the event of one of its arms, or the time. That the run ended first
    is told as that. Nothing while it lasts, or where it came to the same wait again on another plan."""
    if until is None or following == step.id:
        return
    step = run.step(step.id, until) or step
    if not isinstance(step, Wait):
        return
    if following is None and _left(run):
        if run.state != "leaving":
            yield Said(until, "the wait was cut off, because the run ended", "not", source=step.source)
        return
    found = _ending(log, run, step, until, following)
    if found is not None:
        arm, event = found
        yield Said(event.at, f"the wait ended: {log.said(event)}", why=f"for {pattern(arm.pattern)}", source=arm.source)
        return
    if step.arms:
        missed = " or ".join(pattern(arm.pattern) for arm in step.arms)
        yield Said(until, f"timed out waiting for: {missed}", "not", "otherwise", step.source)
    elif step.missed != step.then and following == step.missed and until - at < _INSTANT:
        yield Said(at, "that time had already passed, or is unknown", "not", "otherwise", step.source)


_INSTANT = datetime.resolution * 2_000_000


def _left(run: Run) -> bool:
    """Whether something else than the flow's own end has ended the run."""
    return run.outcome not in (None, "finished") or run.state == "leaving"


def _ending(log: Log, run: Run, step: Wait, until: datetime, following: str | None) -> tuple[Arm, Event] | None:
    """The newest event up to the end that an arm with this way on was waiting for."""
    for event in reversed(log.events):
        if event.at > until:
            continue
        if event.at < run.started_at:
            return None
        for arm in step.arms:
            if arm.target == following and run.hears(arm.pattern, event, log.zone):
                return arm, event
    return None


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def branch_taken(log: Log, run: Run, step: AnyStep, at: datetime, following: str | None) -> Iterator[Said]:
    """The way taken, the values that decided it, and the ways that were not."""
    if isinstance(step, If):
        yield from _if(log, run, step, at, following)
    elif isinstance(step, Repeat):
        round_ = following == step.body and following is not None
        why = ""
        if step.until is not None:
            _, told = grounds(step.until, log, at, entered=run.started_at, start=run.start)
            why = f"until {condition(step.until)}: {', '.join(told)}"
        yield Said(at, f"{words(step)}: {'another round' if round_ else 'no more rounds'}", why=why, source=step.source)
    elif isinstance(step, ByRound):
        taken = next((way for way in exits(step) if way.target == following), None)
        yield Said(at, f"send next of: {taken.label}" if taken else "send next of", source=step.source)
    else:
        taken = next((way for way in exits(step) if way.target == following), None)
        said = f"{words(step)}: {taken.label}" if taken else words(step)
        yield Said(at, said, why="chosen at random, and always the same for this lead", source=step.source)


CONTRARY = " (judged by today's values, which differ from those at the time)"


def _if(log: Log, run: Run, step: If, at: datetime, following: str | None) -> Iterator[Said]:
    event = _awake(log, run, at)
    data = dict(event.data) if event else None
    ways = [*(branch.target for branch in step.branches), step.otherwise]
    certain = following is not None and ways.count(following) == 1
    for branch in step.branches:
        truth, why = grounds(branch.condition, log, at, data, run.started_at, run.start)
        told = ", ".join(why)
        if branch.target == following and (certain or truth is not False):
            contrary = CONTRARY if truth is False else ""
            yield Said(at, f"yes: if {condition(branch.condition)}", why=told + contrary, source=step.source)
            return
        contrary = CONTRARY if truth else ""
        yield Said(at, f"no: if {condition(branch.condition)}", "not", told + contrary, step.source)
    yield Said(at, "so: otherwise", source=step.source)


def _awake(log: Log, run: Run, at: datetime) -> Event | None:
    """The event the branch carries: the newest one that could have woken or started the run."""
    plan = run.plan
    if plan is None:
        return None
    wanted = [start.pattern for start in plan.starts]
    wanted += [arm.pattern for step in plan.steps if isinstance(step, Wait) for arm in step.arms]
    return next(
        (
            event for event in reversed(log.events)
            if run.started_at <= event.at <= at and any(run.hears(one, event, log.zone) for one in wanted)
        ),
        None,
    )  # fmt: skip


# ── what a step left in the log ──────────────────────────────────────────────────────────────────────────────────────
JUST = 0.25
"""Before an event, and behind the points that followed from the one before it."""


def trace(log: Log, step: AnyStep, at: datetime) -> float | None:
    """Where among the numbers of the log a step acted, by the first that it brought about at that instant; None without
    a trace."""
    match step:
        case SetField(field=name):
            kind = "field."
        case ListStep(list=name):
            kind = "list."
        case TopicStep(topic=name):
            kind = "topic."
        case _:
            moved = (one.seq - JUST for one in log.moves if one.at == at and one.by(step))
            return next(moved, None)
    now = [one for one in log.events if one.at == at and one.type.startswith(kind)]
    found = [one.seq - JUST for one in now if one.name.casefold() == name.casefold()]
    if isinstance(step, SetField):
        found += [one.seq for one in log.points if one.at == at and one.cause.startswith("f:")]
    return min(found, default=None)


# ── sales ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def handoff_lines(
    log: Log, run: Run, step: AnyStep, at: datetime, until: datetime | None, following: str | None
) -> Iterator[Said]:
    """What sales did with the lead, and the case that followed."""
    assert isinstance(step, HandOff)
    yield Said(at, words(step), source=step.source, seq=trace(log, step, at))
    mine = {str(one.id) for one in run.handoffs if one.by(step)}
    for event in log.events:
        told = event.type.startswith("handoff.") and event.type != "handoff.retried"
        if told and str(event.data.get("handoff")) in mine and at <= event.at:
            yield Said(event.at, deed(event), source=step.source, seq=event.seq)
    if not mine:
        joined = "" if step.detached else "it joined a handoff that was already open, or no team takes this lead"
        yield Said(at, "no new handoff was opened", "not", joined, step.source)
    step = run.step(step.id, until or log.now) or step
    taken: Exit | None = next((way for way in exits(step) if way.target == following and way.label), None)
    if taken is not None and following is not None and until is not None:
        yield Said(until, f"so: {taken.label}", source=step.source)
