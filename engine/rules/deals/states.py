"""The states that a deal went through: where it stood, whose it was, and what it was worth, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.rules.deals.history import Deal, Fact, told


@dataclass(frozen=True, slots=True)
class State:
    """From `entered` until `departed`; None: still. `since`: when the deal came to this stage, or was won or lost.
    Texts that nobody said are empty."""

    number: int
    status: str
    pipeline: str
    stage: str
    owner: str | None
    amount: int | None
    currency: str | None
    next_status: str | None
    next_stage: str | None
    since: datetime
    entered: datetime
    departed: datetime | None


def states_of(facts: Iterable[Fact]) -> list[State]:
    """One for each change of status, stage, pipeline, owner or amount, in the order of time."""
    found: list[State] = []
    for fact, deal in told(facts):
        at = fact.happened_at.astimezone(UTC)
        now = _state(len(found), deal, at)
        before = found[-1] if found else None
        if before is not None:
            if _same(before, now):
                continue
            if (before.status, before.stage) == (now.status, now.stage):
                now = replace(now, since=before.since)
            found[-1] = replace(before, next_status=now.status, next_stage=now.stage, departed=at)
        found.append(now)
    return found


def _state(number: int, deal: Deal, at: datetime) -> State:
    return State(
        number, deal.status, deal.pipeline or "", deal.stage or "", deal.owner, deal.amount, deal.currency, None, None,
        at, at, None,
    )  # fmt: skip


def _same(one: State, other: State) -> bool:
    names = ("status", "pipeline", "stage", "owner", "amount", "currency")
    return all(getattr(one, name) == getattr(other, name) for name in names)
