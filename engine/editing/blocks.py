"""Pieces of a campaign to insert, by what they do: each is text as a person would write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsl.plan import Program


@dataclass(frozen=True)
class Block:
    """`text` has the indent of a step in a flow, unless it is a declaration, which has none."""

    name: str
    label: str
    text: str


def list_blocks(program: Program | None, templates: Sequence[str]) -> list[Block]:
    """All pieces, with names of this workspace where it has them, so that what is inserted means something."""
    email = _pick_email(templates)
    team = program.teams[0].name if program and program.teams else "Sales"
    topic = program.workspace.topics[0].name if program and program.workspace.topics else "newsletter"
    form = program.forms[0].name if program and program.forms else "contact"
    clicked = f'wait up to 4 days for email "{email}" is clicked\n    add 10 points\notherwise\n    wait 1 day'
    submitted = f'wait up to 14 days for form "{form}" is submitted\n    add 20 points\notherwise\n    stop'
    sales = 'hand off to sales as MQL\n    note "What sales should know"\n    when rejected\n        wait 30 days'
    steps = (
        ("send", "Send an email", f'send "{email}"'),
        ("wait", "Wait some days", "wait 3 days"),
        ("click", "Wait for a click", clicked),
        ("form", "Wait for a form", submitted),
        ("if", "Decide by a condition", "if score >= 20\n    add 5 points\notherwise\n    wait 7 days"),
        ("points", "Add points", "add 10 points"),
        ("sales", "Hand off to sales", sales),
        ("tell", "Tell the sales team", f'notify team "{team}" because "a lead needs a call"'),
        ("repeat", "Repeat", f'repeat up to 4 times every 7 days\n    send "{email}"'),
    )
    campaign = (
        f'campaign "New campaign"\n    starts when form "{form}" is submitted\n    enters once\n    topic "{topic}"\n\n'
        f'    flow\n        send "{email}"\n'
    )
    found = [Block(name, label, _indent(text)) for name, label, text in steps]
    return [*found, Block("campaign", "A new campaign", campaign)]


def _pick_email(templates: Sequence[str]) -> str:
    """The first template that is an email to leads."""
    named = [name for name in templates if not name.startswith(("_", "internal/")) and "/_" not in name]
    return named[0] if named else "welcome"


def _indent(text: str) -> str:
    return "".join(f"        {line}\n" for line in text.splitlines())


def insert_block(text: str, block: Block, line: int | None) -> tuple[str, int]:
    """The text with the block after `line`, counted from 1, or at its end; and the line where the block begins."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if block.name == "campaign":
        lines += ["\n"] if lines and lines[-1].strip() else []
        line = None
    at = len(lines) if line is None else min(max(line, 0), len(lines))
    return "".join([*lines[:at], block.text, *lines[at:]]), at + 1
