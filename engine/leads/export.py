"""Leads as a table for other programs: a header, then one row a lead, each cell plain text or a number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsl.plan import Condition, Program
from engine.leads.members import members
from engine.model.lead import TRACKING, Lead
from engine.rules.conditions.conditions import own_key
from engine.runtime.runtime import Runtime

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Chosen:
    """Which leads are exported; what is None does not narrow. `condition` is a segment's."""

    condition: Condition | None = None
    to_list: str | None = None
    stage: str | None = None

    def takes(self, lead: Lead) -> bool:
        on = self.to_list is None or own_key(lead.lists, self.to_list) is not None
        return on and (self.stage is None or lead.stage.casefold() == self.stage.casefold())


def header_of(program: Program) -> tuple[str, ...]:
    """The columns: what every lead has, the fields, a score a model, and a state a topic."""
    scores = [f"score {one.name}" if one.name else "score" for one in program.scorings]
    topics = [f"topic {one.name}" for one in program.workspace.topics]
    tracking = ["tracking"] if program.workspace.tracking_needs_consent else []
    fields = [name for name in program.all_fields if name not in ("email", "created")]
    return ("email", "id", "created", "stage", *fields, *scores, *topics, *tracking, "suppressed", "lists")


def row_of(lead: Lead, program: Program) -> dict[str, Any]:
    """One lead by column; `lists` and fields of several choices are lists of text."""
    found: dict[str, Any] = {
        "email": lead.email, "id": str(lead.id), "created": lead.created_at.isoformat(timespec="seconds"),
        "stage": lead.stage, "suppressed": lead.suppressed or "", "lists": sorted(lead.lists),
    }  # fmt: skip
    found |= {name: {**lead.origin, **lead.fields}.get(name) for name in program.all_fields if name not in found}
    found |= {f"score {one.name}" if one.name else "score": lead.scores.get(one.name, 0) for one in program.scorings}
    states = {name.casefold(): state for name, state in lead.topics.items()}
    found |= {f"topic {one.name}": states.get(one.name.casefold(), "") for one in program.workspace.topics}
    return found | {"tracking": states.get(TRACKING, "")}


def plain(value: Any) -> Cell:
    """A value as one cell; several are separated by semicolons."""
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


async def rows(rt: Runtime, chosen: Chosen, program: Program) -> AsyncIterator[Mapping[str, Any]]:
    """Each lead that is chosen, as of the moment its page is read."""
    async for lead in members(rt, chosen.condition):
        if chosen.takes(lead):
            yield row_of(lead, program)


def narrowed(program: Program, segment: str | None, to_list: str | None, stage: str | None) -> Chosen | Sequence[str]:
    """What to export, or what the caller may have meant: the names there are of what is not known."""
    condition = None
    if segment is not None:
        named = [one for one in program.segments if one.name.casefold() == segment.casefold()]
        if not named:
            return [one.name for one in program.segments]
        condition = named[0].condition
    if stage is not None and all(one.name.casefold() != stage.casefold() for one in program.stages):
        return [one.name for one in program.stages]
    return Chosen(condition, to_list, stage)
