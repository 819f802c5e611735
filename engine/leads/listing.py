"""Who is in a segment, at a stage, on a list, in a campaign: how many, and those to whom something happened last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl.plan import Program
from engine.leads.export import Chosen
from engine.leads.members import members
from engine.model.lead import Lead
from engine.runtime.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Found:
    """How many there are, and some of them, the newest first."""

    count: int
    leads: tuple[Lead, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which leads: those that are `chosen`, and have these values of fields, as text."""

    chosen: Chosen = field(default_factory=Chosen)
    fields: Mapping[str, str] = field(default_factory=dict)

    def takes(self, lead: Lead) -> bool:
        return self.chosen.takes(lead) and all(
            _said(lead, name).casefold() == value.casefold() for name, value in self.fields.items()
        )


async def find(rt: Runtime, asked: Asked, many: int) -> Found:
    """The leads now; at most `many` of them are given. Every lead is looked at once. Raises NothingDeployed."""
    count, kept = 0, list[Lead]()
    async for lead in members(rt, asked.chosen.condition):
        if not asked.takes(lead):
            continue
        count += 1
        kept.append(lead)
        if len(kept) > 1000 + 2 * many:
            kept = _newest(kept, many)
    return Found(count, tuple(_newest(kept, many)))


async def segments(rt: Runtime, program: Program, many: int) -> list[tuple[str, Found]]:
    """Of each declared segment who is in it now. Raises NothingDeployed."""
    return [(one.name, await find(rt, Asked(Chosen(one.condition)), many)) for one in program.segments]


def _newest(leads: list[Lead], many: int) -> list[Lead]:
    return sorted(leads, key=lambda one: (-one.last_at.timestamp(), str(one.id)))[:many]


def _said(lead: Lead, name: str) -> str:
    value: Any = {**lead.origin, **lead.fields, "email": lead.email}.get(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
