"""Which emails a deployment waits to be clicked in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from dsl.plan import Pattern, Program


def awaited_clicks(program: Program) -> dict[str, str]:
    """template → the place that waits for a click on a link in it, whichever link; names with `*` are left out."""
    found: dict[str, str] = {}
    for pattern, source in _patterns(program, ""):
        if pattern.type == "email.clicked" and pattern.name and "*" not in pattern.name:
            found.setdefault(pattern.name, source)
    return found


def _patterns(part: Any, source: str) -> Iterator[tuple[Pattern, str]]:
    """Each pattern with the nearest place that is known around it."""
    if isinstance(part, Pattern):
        yield part, source
    if isinstance(part, BaseModel):
        source = getattr(part, "source", "") or source
        part = [getattr(part, name) for name in type(part).model_fields]
    if isinstance(part, list | tuple):
        for one in part:
            yield from _patterns(one, source)
