"""What a lead can do in a simulated story of this program: lines of a script, each with a label for a choice."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.plan import Program, Send

TIMES = (
    ("", "right after"), ("after 1 hour", "1 hour later"), ("after 1 day", "1 day later"),
    ("after 3 days", "3 days later"), ("after 1 week", "1 week later"), ("after 1 month", "1 month later"),
)  # fmt: skip
"""When the next action happens: how a script says it, and how a person does."""
MOST = 200


def list_actions(program: Program) -> list[tuple[str, str]]:
    """Lines of a script and their labels, at most MOST."""
    return list(dict.fromkeys(_list(program)))[:MOST]


def _list(program: Program) -> Iterator[tuple[str, str]]:
    for form in program.forms:
        yield f'submits form "{form.name}"', f'Submits the form "{form.name}"'
    for plan in program.campaigns:
        for step in plan.steps if plan.written else ():
            if isinstance(step, Send) and '"' not in step.template:
                yield f'opens email "{step.template}"', f'Opens "{step.template}"'
                yield f'clicks email "{step.template}"', f'Clicks a link in "{step.template}"'
    for event in program.events:
        yield f'happens event "{event.name}"', f'"{event.name}" happens'
    yield 'visits page "/pricing"', "Visits the page /pricing"
    yield "sales acknowledges", "Sales acknowledges"
    yield "sales accepts", "Sales accepts"
    yield 'sales rejects because "not ready"', "Sales rejects: not ready"
    yield "wins deal", "Wins a deal"
    yield "books meeting", "Books a meeting"
    yield "unsubscribes", "Unsubscribes"
