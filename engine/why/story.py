"""One run as a story: each step it came to, what came of it, what it waits for, and what decided. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import inf
from operator import itemgetter

from dsl.plan import AnyStep, EnterCampaign, Stop
from engine.why.entering import entered
from engine.why.log import Log, Points, Rest, Run, Said
from engine.why.mails import mail_lines, not_walked
from engine.why.steps import branch_taken, handoff_lines, trace, wait_ended
from engine.wording.events import booked as points_words
from engine.wording.steps import leave_words, words
from engine.wording.terms import number, pattern, quoted

OUTCOMES = {
    "finished": "reached the end of the flow", "stopped": "ended at `stop`", "left": "left the campaign",
    "unsubscribed": "left the campaign, because the lead unsubscribed", "moved": "moved to another campaign",
    "goal": "reached the campaign's goal and left",
    "merged": "ended, because the lead was merged with one who has an older run",
    "erased": "ended, because the lead was erased",
}  # fmt: skip
SHOWN = {"paused": "paused", "stopped": "ended"}
"""State of a campaign as it is stored → as people read it."""


def story(log: Log, run: Run) -> list[Said]:
    """All lines of one run, in order; a line without an instant of its own stands behind the one it belongs to."""
    found = [entered(log, run.at(run.started_at))]
    found += _walked(log, run)
    found += _moved(run)
    found += not_walked(log, run)
    found += _meanwhile(log, run)
    found += _held(log, run)
    found += _doubted(log, run)
    if run.plan is None:
        found.append(
            Said(run.started_at, "this version of the campaign no longer exists, so its lines cannot be shown", "warn")
        )
    return [*_causes_first(found), *_end(log, run)]


def _causes_first(found: list[Said]) -> list[Said]:
    """By instant, and at one instant as the log numbers it, so that nothing stands before what brought it about.

    A step of which the log has no trace was over before the next one of the instant that has left one; without such a
    step it follows all that the lead did and earned then. The first line is the beginning and stays there.
    """
    before: dict[datetime | None, float] = {}
    keys: list[tuple[datetime, float, bool]] = []
    for said in reversed(found[1:]):
        seq = before.get(said.at, inf) if said.seq is None else said.seq
        if said.tone != "beside":
            before[said.at] = seq
        keys.append((said.at or found[0].at or datetime.max, seq, said.tone != "beside"))
    order = sorted(zip(reversed(keys), found[1:], strict=True), key=itemgetter(0))
    return [found[0], *(said for _, said in order)]


# ── the way through the plan ─────────────────────────────────────────────────────────────────────────────────────────
def _walked(log: Log, run: Run) -> Iterator[Said]:
    """Each step as the plan of its time had it."""
    visits: dict[str, int] = {}
    for number_, walk in enumerate(run.path):
        step = run.step(walk.step, walk.at)
        if step is None:
            continue
        later = next((one for one in run.path[number_ + 1 :] if one.branch == walk.branch), None)
        until = later.at if later else run.ended_at
        nth = visits.get(walk.step, 0)
        visits[walk.step] = nth + 1
        if walk.branch and not any(one.branch == walk.branch for one in run.path[:number_]):
            yield from _branch_began(log, run.at(walk.at), walk.branch, walk.at)
        yield from _step(log, run, step, walk.at, until, later.step if later else None, nth)


def _branch_began(log: Log, run: Run, branch: str, at: datetime) -> Iterator[Said]:
    id, _, seq = branch.rpartition(":")
    event = log.event(int(seq)) if seq.isdigit() else None
    because = f"because {log.said(event)}" if event else ""
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
        case "if" | "split" | "test" | "repeat" | "round":
            yield from branch_taken(log, run.at(at), step, at, following)
        case "handoff":
            yield from handoff_lines(log, run, step, at, until, following)
        case "points":
            yield _points(log, run, step, at)
        case "qualify":
            yield _qualified(log, step, at)
        case "stop":
            yield Said(at, words(step), source=step.source)
        case _:
            why = _entered_too(log, step, at)
            yield Said(at, words(step), why=why, source=step.source, seq=trace(log, step, at))


def _points(log: Log, run: Run, step: AnyStep, at: datetime) -> Said:
    mine = [one for one in log.points if one.cause.startswith(f"s:{run.id}:{step.id}:") and one.at >= at]
    after = f"now {number(mine[0].after)}" if mine else "no points added"
    return Said(at, words(step), "did" if mine else "not", after, step.source, mine[0].seq if mine else None)


def _qualified(log: Log, step: AnyStep, at: datetime) -> Said:
    move = next((one for one in log.moves if one.by(step) and one.at >= at), None)
    if move is not None:
        return Said(at, words(step), why=f"was {move.before}", source=step.source, seq=move.seq)
    return Said(
        at, words(step), "not", f"the lead was already {log.stage(at)}, and a stage never goes down", step.source
    )


def _entered_too(log: Log, step: AnyStep, at: datetime) -> str:
    if not isinstance(step, EnterCampaign):
        return ""
    begun = any(name.casefold() == step.campaign.casefold() and start == at for name, start, _ in log.others)
    return "" if begun else f"did not enter {quoted(step.campaign)}: its re-entry rule does not allow it yet"


# ── beside the plan ──────────────────────────────────────────────────────────────────────────────────────────────────
def _meanwhile(log: Log, run: Run) -> Iterator[Said]:
    """Points of scoring rules and changes of stage while the lead was inside."""
    end = run.ended_at or log.now
    earned = [one for one in log.points if run.started_at <= one.at <= end and not one.rule.startswith("step:")]
    for booked in earned:
        amount = points_words(booked.amount, booked.after, booked.model)
        source = log.scoring_place(booked.rule, booked.at)
        after = booked.seq + 0.5 if booked.cause.startswith("f:") else booked.seq
        yield Said(booked.at, amount, "beside", _cause(log, booked), source, after)
    own = [step for plan in run.plans for step in plan.steps if step.kind == "qualify"]
    for move in log.moves:
        if run.started_at <= move.at <= end and not any(move.by(step) for step in own):
            yield Said(move.at, f"became {move.stage}", "beside", f"was {move.before}", move.place, move.seq)


def _moved(run: Run) -> Iterator[Said]:
    """When `deploy --move` took the run over to another version of the campaign."""
    for when, _ in run.earlier:
        yield Said(when, "was moved to the campaign's new version", "beside")


def _held(log: Log, run: Run) -> Iterator[Said]:
    """The times in which the campaign itself stood still while the lead was inside."""
    end = run.ended_at or log.now
    for hold in log.holds:
        if hold.at <= end and (hold.until is None or hold.until > run.started_at):
            why = ": ".join(part for part in (f"by {hold.author}", hold.reason) if part)
            yield Said(max(hold.at, run.started_at), f"the campaign was {SHOWN[hold.state]}", "warn", why)
            if hold.until is not None and hold.until <= end:
                yield Said(hold.until, "the campaign was resumed", "beside")


def _doubted(log: Log, run: Run) -> Iterator[Said]:
    """What counted as the lead's own while it was inside, and was found to be a machine's afterwards."""
    end = run.ended_at or log.now
    for doubt in log.doubts:
        if run.started_at <= doubt.at <= end and (event := log.event(doubt.seq)) is not None:
            text = f"{log.said(event).removeprefix('the lead ')}: found later to be software"
            why = f"{', '.join(doubt.reasons)}; the points and branches it caused stay"
            yield Said(doubt.at, text, "warn", why, seq=doubt.seq + 0.25)


def _cause(log: Log, booked: Points) -> str:
    kind, _, rest = booked.cause.partition(":")
    if kind == "e" and rest.isdigit() and (event := log.event(int(rest))):
        return log.said(event)
    return {
        "x": "earlier points have expired",
        "f": "the lead's fields changed",
        "m": "separated from a website visitor",
    }.get(kind, "")


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
        yield Said(log.now, f"stays where it is: the campaign is {SHOWN[hold.state]}", "wait", hold.reason)
    for rest in run.rests:
        yield _resting(log, run, rest)
    if not run.rests and run.state == "live":
        yield Said(log.now, "is on its way to the next step", "wait")


def _resting(log: Log, run: Run, rest: Rest) -> Said:
    step, due = run.plan.by_id.get(rest.step) if run.plan else None, rest.due
    said = words(step) if step else rest.step
    source = rest.source
    if step is not None and step.kind == "send":
        until = f"until {log.local(due)}" if due is not None else ""
        return Said(log.now, f"is held back: {said}", "wait", ": ".join(filter(None, (until, rest.held))), source)
    if step is not None and step.kind == "test":
        said = f"the winner of test {quoted(step.name)}"
    if step is not None and step.kind == "handoff":
        return Said(log.now, "is waiting for sales to decide", "wait", "", source)
    return Said(log.now, f"is waiting: {said}", "wait", "", source) if due is None else Said(
        log.now, f"is waiting: {said}", "wait", f"until {log.local(due)}", source
    )  # fmt: skip


def _ended(log: Log, run: Run) -> Said:
    why, source = _left_why(log, run)
    said = OUTCOMES.get(run.outcome or "", f"ended: {run.outcome}")
    if run.outcome == "stopped" and run.path:
        last = run.step(run.path[-1].step, run.path[-1].at)
        source = last.source if isinstance(last, Stop) else source
    return Said(run.ended_at, said, why=why, source=source)


def _left_why(log: Log, run: Run) -> tuple[str, str]:
    event = log.event(run.leave_seq)
    if event is None:
        return "", ""
    plan = run.at(event.at).plan
    for leave in plan.leaves if plan else ():
        if run.hears(leave.pattern, event, log.zone):
            return f"{leave_words(leave)}: {log.said(event)}", leave.source
    return log.said(event), ""
