"""Whether sales kept its time limits: pure, from the instants of one handoff and the limits of its team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dsl.plan import Team, TimeLimit
from engine.rules.conditions.calendar import add


@dataclass(frozen=True, slots=True)
class Handoff:
    """When a lead was handed off, acknowledged, contacted and decided about; None: not yet, or never."""

    opened: datetime
    acknowledged: datetime | None
    contacted: datetime | None
    closed: datetime | None


def kept(handoff: Handoff, team: Team, now: datetime) -> bool | None:
    """Whether every limit that has run out was kept; None while none has.

    Limits count from the handing off, the acknowledgement and the contact, whoever had the lead in between. A lead who
    was decided about in time needs no contact any more.
    """
    found: list[bool] = []
    for limit, began, done in _steps(handoff, team):
        if began is None:
            break
        due = add(limit.within, began, team.hours.zone, team.hours)
        ended = min((one for one in (done, handoff.closed) if one is not None), default=None)
        if ended is not None and ended <= due:
            found.append(True)
        elif due < now:
            found.append(False)
    return all(found) if found else None


def _steps(handoff: Handoff, team: Team) -> Sequence[tuple[TimeLimit, datetime | None, datetime | None]]:
    return (
        (team.acknowledge, handoff.opened, handoff.acknowledged),
        (team.contact, handoff.acknowledged, handoff.contacted),
        (team.decide, handoff.contacted, handoff.closed),
    )
