"""The whole answer: one sentence, each run as a story, and the occasions at which the lead did not enter. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.why.entering import not_entered
from engine.why.log import Log, Run, Said
from engine.why.story import OUTCOMES, story
from engine.wording.terms import number, quoted


@dataclass(frozen=True)
class Told:
    """`runs` with their lines, oldest first; `outside` says why the lead did not enter, or not again."""

    verdict: str
    runs: tuple[tuple[Run, tuple[Said, ...]], ...]
    outside: tuple[Said, ...]


def tell(log: Log) -> Told:
    """The answer to why."""
    runs = tuple((run, tuple(story(log, run))) for run in log.runs)
    outside = tuple(not_entered(log))
    return Told(_verdict(log, runs, outside), runs, outside)


def _verdict(log: Log, runs: tuple[tuple[Run, tuple[Said, ...]], ...], outside: tuple[Said, ...]) -> str:
    who, campaign = log.lead.email or str(log.lead.id), quoted(log.campaign)
    if not runs:
        why = next((one for one in reversed(outside) if one.why), None)
        return f"{who} has never been in {campaign}" + (f": {why.text}; {why.why}" if why else "")
    run, lines = runs[-1]
    if run.state == "ended":
        outcome = OUTCOMES.get(run.outcome or "", run.outcome or "ended")
        return f"{who} was in {campaign} until {log.local(run.ended_at or log.now)}: {outcome}"
    now = next((one for one in lines if one.tone == "wait" and one.at == log.now), None)
    doing = f" and {now.text}" + (f" {now.why}" if now.why.startswith("until ") else "") if now else ""
    return f"{who} has been in {campaign} since {log.local(run.started_at)}{doing}"


def as_json(log: Log, told: Told) -> dict[str, Any]:
    """The same for programs. Instants in UTC, with the lead's own time beside them."""

    def line(one: Said) -> dict[str, Any]:
        local = log.local(one.at) if one.at else None
        at = one.at.isoformat() if one.at else None
        return {"at": at, "local": local, "what": one.text, "tone": one.tone, "why": one.why, "source": one.source}

    return {
        "lead": {
            "id": str(log.lead.id), "email": log.lead.email, "stage": log.lead.stage,
            "score": float(log.lead.scores.get("", 0)), "timezone": log.zone,
            "forgotten_before": log.forgotten.isoformat() if log.forgotten else None,
        },
        "campaign": log.campaign,
        "verdict": told.verdict,
        "runs": [
            {
                "id": str(run.id), "number": run.number, "plan": run.digest, "state": run.state,
                "outcome": run.outcome, "lines": [line(one) for one in lines],
            }
            for run, lines in told.runs
        ],
        "not_entered": [line(one) for one in told.outside],
    }  # fmt: skip


def standing(log: Log) -> str:
    """Where the lead stands now, in one line."""
    scores = ", ".join(
        f"{f'score of {quoted(model)}' if model else 'score'} {number(float(value))}"
        for model, value in sorted(log.lead.scores.items())
    )
    said = [f"stage {log.lead.stage}" if log.lead.stage else "", scores or "score 0", f"time zone {log.zone}"]
    if log.lead.suppressed:
        said.append(f"suppressed: {log.lead.suppressed}")
    if log.forgotten:
        said.append(f"events before {log.local(log.forgotten)[4:14]} were forgotten")
    return ", ".join(filter(None, said))
