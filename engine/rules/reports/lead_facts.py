"""What reports know of one lead: where they came from, how long they stood at each stage, when they came back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.rules.tracking.classify import UNKNOWN, Source

MadeBy = Literal["form", "call", "chat", "import", "other"]
MADE_BY: Final[tuple[MadeBy, ...]] = ("form", "call", "chat", "import", "other")
SILENCE: Final = timedelta(days=1)
"""A shorter silence is none; stages say from which length on a lead who acts again is reopened."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of stage, by event `seq`."""

    seq: int
    stage: str
    before: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StageStay:
    """At `stage` from `entered` until `departed`; None: still there. `seq` is the event that led there, 0 at the
    beginning."""

    seq: int
    stage: str
    before: str | None
    next: str | None
    reason: str
    entered: datetime
    departed: datetime | None


@dataclass(frozen=True, slots=True)
class Return:
    """The lead did something after `silent` seconds without doing anything. `sent_back`: sales has rejected them in
    between."""

    at: datetime
    silent: int
    stage: str
    sent_back: bool


def stays_of(created: datetime, stage: str, moves: Sequence[Move]) -> list[StageStay]:
    """From the beginning until now. `stage`: where the lead stands; `moves` in the order of their events.

    Where two records have been merged, both may have come to the same stage: the second time is no move.
    """
    steps = [Move(0, moves[0].before if moves else stage, "", "", created)]
    for move in moves:
        if move.stage != steps[-1].stage:
            steps.append(move)
    return [
        StageStay(
            one.seq, one.stage, before.stage if before else None, following.stage if following else None, one.reason,
            one.at, following.at if following else None,
        )
        for before, one, following in zip([None, *steps], steps, [*steps[1:], None], strict=False)
    ]  # fmt: skip


def returns_of(
    created: datetime, acts: Iterable[tuple[datetime, datetime]], rejections: Iterable[datetime],
    stays: Sequence[StageStay],
) -> list[Return]:  # fmt: skip
    """`acts`: when the lead did something of their own accord, as spans without a day of silence and without a
    rejection in between; nothing before they became known counts."""
    found: list[Return] = []
    last, refused = created, sorted(rejections)
    for since, until in sorted(one for one in acts if one[1] >= created):
        at = max(since, created)
        sent_back = any(last < one <= at for one in refused)
        if sent_back or at - last >= SILENCE:
            stage = next(one.stage for one in reversed(stays) if one.entered <= at or one.seq == 0)
            found.append(Return(at, int((at - last).total_seconds()), stage, sent_back))
        last = max(last, until)
    return found


def source_in(origin: Mapping[str, str], when: Literal["first", "created"]) -> Source:
    """The source in a lead's built-in fields, which do not keep `content`."""
    if not origin.get(f"{when}_channel"):
        return UNKNOWN
    return Source(
        origin[f"{when}_channel"], origin.get(f"{when}_source") or "", origin.get(f"{when}_medium") or "",
        origin.get(f"{when}_campaign") or "", origin.get(f"{when}_keyword") or "",
    )  # fmt: skip


def made_by(origin: Mapping[str, str]) -> MadeBy:
    """What made the lead known: the first word of `created_by`."""
    word = origin.get("created_by", "").partition(" ")[0]
    return next((one for one in MADE_BY if one == word), "other")
