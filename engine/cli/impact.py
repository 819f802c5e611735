"""How a diff between what is deployed and what would be is shown to people and to programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.cli.common import out

if TYPE_CHECKING:
    from engine.deploying.impact import Outlook
    from engine.deploying.impact_words import Line

MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}
STYLES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan", "warning": "yellow"}


def show(outlook: Outlook, sources: Mapping[str, str], *, moving: bool = False) -> None:
    """Print what would change. `sources`: the campaign files as they are now, by the path diagnostics name."""
    from engine.deploying.impact_words import describe_outlook

    for line in describe_outlook(outlook, sources, moving=moving):
        _print(line)


def _print(line: Line) -> None:
    text = f"{' ' * line.indent}{MARKS[line.kind] + ' ' if line.mark else ''}{line.text}"
    if tail := "   ".join(one for one in (line.place, line.more) if one):
        text = f"{text:<60}  {tail}"
    out.print(text.rstrip() if line.mark else text, markup=False, style=STYLES.get(line.kind))


def as_data(outlook: Outlook, sources: Mapping[str, str]) -> dict[str, Any]:
    """The same as plain values."""
    from engine.deploying.impact_words import quote_line

    changes = asdict(outlook.changes)
    for change in changes["campaigns"]:
        for part in change["parts"]:
            part["old_words"] = quote_line(part["old"], outlook.old_sources)
            part["new_words"] = quote_line(part["new"], sources)
            part["leads"] = outlook.at_step(change["name"], part["id"]) if part["id"] else 0
    return {
        "base": outlook.base, "nothing_changes": not outlook.changes, **changes,
        "waiting": [asdict(one) for one in outlook.waiting], "missing_templates": dict(outlook.missing),
        "without_consent": [asdict(one) for one in outlook.unreached],
        "recipients": [asdict(one) for one in outlook.recipients],
        "templates": [asdict(one) for one in outlook.templates], "takes_leads_again": list(outlook.stopped),
        "leaving_members": [asdict(one) for one in outlook.leavers],
    }  # fmt: skip
