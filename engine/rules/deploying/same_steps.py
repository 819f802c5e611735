"""Which emails of an old plan are which of a new one. An email is the same when its template and its place among the
emails of that template are: how it is sent are options. Plans of before options counted among what made a step's id, so
their ids differ from those of today. Pure.
"""

from __future__ import annotations

from typing import Any

from dsl.plan import Plan, Send

_POINTS = frozenset({"id", "next", "then", "missed", "otherwise", "target", "entry", "body"})
"""Where a plan names a step."""


def renamed(old: Plan, new: Plan) -> dict[str, str]:
    """The ids of the old plan's emails whose id is another in the new one, with that id. An id that now belongs to
    another email, and is no longer this one's, leads nowhere."""
    there = {key: id for id, key in _emails(new).items()}
    ours = _emails(old)
    found = {id: there[key] for id, key in ours.items() if key in there and there[key] != id}
    taken = set(found.values()) | {there[key] for key in ours.values() if key in there}
    return found | {id: f"gone:{id}" for id, key in ours.items() if key not in there and id in taken}


def relabelled(old: Plan, names: dict[str, str]) -> Plan:
    """The old plan with its steps named as in the new one."""
    if not names:
        return old
    return Plan.model_validate(_with_names(old.model_dump(mode="json"), names))


def _emails(plan: Plan) -> dict[str, tuple[str, int]]:
    """Each email without a label: its id, with its template and its number among those of the template."""
    counts: dict[str, int] = {}
    found: dict[str, tuple[str, int]] = {}
    for step in plan.steps:
        if isinstance(step, Send) and step.label is None:
            number = counts.get(step.template, 0)
            counts[step.template] = number + 1
            found[step.id] = step.template, number
    return found


def _with_names(data: Any, names: dict[str, str]) -> Any:
    if isinstance(data, dict):
        return {
            key: names.get(value, value) if key in _POINTS and isinstance(value, str) else _with_names(value, names)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [_with_names(value, names) for value in data]
    return data
