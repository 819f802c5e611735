"""One run as a story: each step it came to, what came of it, what it waits for, and what decided. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dsl.plan import AnyStep, EnterCampaign, Stop
from engine.conditions import matches
from engine.outline import leave_words, words
from engine.why.entering import entered, event_words
from engine.why.log import Log, Points, Run, Said
from engine.why.mails import mail_lines, not_walked
from engine.why.steps import branch_taken, handoff_lines, wait_ended
from engine.words import number, pattern, quoted

OUTCOMES = {
    "finished": "the flow came to its end", "stopped": "a `stop` ended it", "left": "left the campaign",
    "unsubscribed": "left the campaign, because the lead unsubscribed", "moved": "moved to another campaign",
    "goal": "reached the campaign's goal and left",
}  # fmt: skip


def story(log: Log, run: Run) -> list[Said]:
    """All lines of one run, in order; a line without an instant of its own stands behind the one it belongs to."""
    found = [entered(log, run)]
    found += _walked(log, run)
    found += not_walked(log, run)
    found += _meanwhile(log, run)
    found += _held(log, run)
    if run.plan is None:
        found.append(Said(run.started_at, "this version of the campaign is gone, so its lines cannot be told", "warn"))
    # Of what bears one instant, what the lead did and earned comes before what the campaign made of it.
    first = found[0]
    ordered = sorted(found, key=lambda said: (said.at or run.started_at, said is not first, said.tone != "beside"))
    return [*ordered, *_end(log, run)]


# ── the way through the plan ─────────────────────────────────────────────────────────────────────────────────────────
def _walked(log: Log, run: Run) -> Iterator[Said]:
    if run.plan is None:
        return
    visits: dict[str, int] = {}
    for number_, walk in enumerate(run.path):
        step = run.plan.by_id.get(walk.step)
        if step is None:
            continue
        later = next((one for one in run.path[number_ + 1 :] if one.branch == walk.branch), None)
        until = later.at if later else run.ended_at
        nth = visits.get(walk.step, 0)
        visits[walk.step] = nth + 1
        if walk.branch and not any(one.branch == walk.branch for one in run.path[:number_]):
            yield from _branch_began(log, run, walk.branch, walk.at)
        yield from _step(log, run, step, walk.at, until, later.step if later else None, nth)


def _branch_began(log: Log, run: Run, branch: str, at: datetime) -> Iterator[Said]:
    id, _, seq = branch.rpartition(":")
    event = log.event(int(seq)) if seq.isdigit() else None
    because = f"because {event_words(event, log)}" if event else ""
    block = next((one for one in run.plan.whenevers if one.id == id), None) if run.plan else None
    if block is not None:
        yield Said(
            event.at if event else at, f"beside the flow: {pattern(block.pattern)}", why=because, source=block.source
        )


def _step(
    log: Log, run: Run, step: AnyStep, at: datetime, until: datetime | None, following: str | None, nth: int
) -> Iterator[Said]:
    match step.kind:
        case "send" | "notify" | "post":
            yield from mail_lines(log, run, step, at, nth)
        case _ if any(one.step == step.id and one.state == "skipped" for one in run.messages):
            yield from mail_lines(log, run, step, at, nth)
        case "wait":
            yield Said(at, words(step), source=step.source)
            yield from wait_ended(log, run, step, at, until, following)
        case "if" | "split" | "test" | "repeat":
            yield from branch_taken(log, run, step, at, following)
        case "handoff":
            yield from handoff_lines(log, run, step, at, until, following)
        case "points":
            yield _points(log, run, step, at)
        case "qualify":
            yield _qualified(log, step, at)
        case "stop":
            yield Said(at, words(step), source=step.source)
        case _:
            yield Said(at, words(step), why=_entered_too(log, step, at), source=step.source)


def _points(log: Log, run: Run, step: AnyStep, at: datetime) -> Said:
    mine = [one for one in log.points if one.cause.startswith(f"s:{run.id}:{step.id}:") and one.at >= at]
    after = f"now {number(mine[0].after)}" if mine else "nothing was booked"
    return Said(at, words(step), "did" if mine else "not", after, step.source)


def _qualified(log: Log, step: AnyStep, at: datetime) -> Said:
    move = next((one for one in log.moves if one.reason == step.source and one.at >= at), None)
    if move is not None:
        return Said(at, words(step), why=f"before: {move.before}", source=step.source)
    return Said(
        at, words(step), "not", f"the lead was {log.stage(at)} already, and a stage never goes down", step.source
    )


def _entered_too(log: Log, step: AnyStep, at: datetime) -> str:
    if not isinstance(step, EnterCampaign):
        return ""
    begun = any(name.casefold() == step.campaign.casefold() and start == at for name, start, _ in log.others)
    return "" if begun else f"no new run of {quoted(step.campaign)} began: it may not be entered again yet"


# ── beside the plan ──────────────────────────────────────────────────────────────────────────────────────────────────
def _meanwhile(log: Log, run: Run) -> Iterator[Said]:
    """Points of scoring rules and changes of stage while the lead was inside."""
    end = run.ended_at or log.now
    own = [one for one in log.points if run.started_at <= one.at <= end and not one.rule.startswith("step:")]
    for booked in own:
        yield Said(booked.at, _booked(booked), "beside", _cause(log, booked), log.sources.get(booked.rule, ""))
    own_lines = {step.source for step in run.plan.steps if step.kind == "qualify"} if run.plan else set()
    for move in log.moves:
        if run.started_at <= move.at <= end and move.reason not in own_lines:
            yield Said(move.at, f"became {move.stage}", "beside", f"before: {move.before}", move.reason)


def _held(log: Log, run: Run) -> Iterator[Said]:
    """The times in which the campaign itself stood still while the lead was inside."""
    end = run.ended_at or log.now
    for hold in log.holds:
        if hold.at <= end and (hold.until is None or hold.until > run.started_at):
            why = ": ".join(part for part in (f"by {hold.author}", hold.reason) if part)
            yield Said(max(hold.at, run.started_at), f"the campaign was {hold.state}", "warn", why)
            if hold.until is not None and hold.until <= end:
                yield Said(hold.until, "the campaign went on", "beside")


def _booked(booked: Points) -> str:
    model = f" of {quoted(booked.model)}" if booked.model else ""
    return f"{'+' if booked.amount >= 0 else ''}{number(booked.amount)} points{model}, now {number(booked.after)}"


def _cause(log: Log, booked: Points) -> str:
    kind, _, rest = booked.cause.partition(":")
    if kind == "e" and rest.isdigit() and (event := log.event(int(rest))):
        return event_words(event, log)
    return {"x": "earlier points have expired", "f": "the lead's fields changed"}.get(kind, "")


# ── the end, or the present ──────────────────────────────────────────────────────────────────────────────────────────
def _end(log: Log, run: Run) -> Iterator[Said]:
    if run.attention:
        yield Said(log.now, "needs attention", "warn", run.attention)
    if run.state == "ended":
        yield _ended(log, run)
        return
    if run.state == "leaving":
        yield Said(log.now, "is about to leave", "wait", _left_why(log, run)[0], _left_why(log, run)[1])
    if (hold := log.held(log.now)) is not None:
        yield Said(log.now, f"stays where it is: the campaign is {hold.state}", "wait", hold.reason)
    for rest in run.rests:
        yield _resting(log, run, rest.step, rest.due)
    if not run.rests and run.state == "live":
        yield Said(log.now, "is on its way to the next step", "wait")


def _resting(log: Log, run: Run, id: str, due: datetime | None) -> Said:
    step = run.plan.by_id.get(id) if run.plan else None
    said = words(step) if step else id
    source = step.source if step else ""
    if step is not None and step.kind == "send":
        return Said(log.now, f"is held back: {said}", "wait", "until its window, quiet hours or limit allow it", source)
    if step is not None and step.kind == "handoff":
        return Said(log.now, "is with sales, who have not decided", "wait", "", source)
    return Said(log.now, f"is waiting: {said}", "wait", "", source) if due is None else Said(
        log.now, f"is waiting: {said}", "wait", f"until {log.local(due)}", source
    )  # fmt: skip


def _ended(log: Log, run: Run) -> Said:
    why, source = _left_why(log, run)
    said = OUTCOMES.get(run.outcome or "", f"ended: {run.outcome}")
    if run.outcome == "stopped" and run.plan is not None and run.path:
        last = run.plan.by_id.get(run.path[-1].step)
        source = last.source if isinstance(last, Stop) else source
    return Said(run.ended_at, said, why=why, source=source)


def _left_why(log: Log, run: Run) -> tuple[str, str]:
    event = log.event(run.leave_seq)
    if event is None:
        return "", ""
    for leave in run.plan.leaves if run.plan else ():
        if matches(leave.pattern, event, run.id):
            return f"{leave_words(leave)}: {event_words(event, log)}", leave.source
    return event_words(event, log), ""
