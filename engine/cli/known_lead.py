"""What `coldframe simulate --lead` says of the lead: fields, a stage, scores, lists, and topics."""

from __future__ import annotations

from collections.abc import Sequence

from dsl.plan import Program, Scalar
from dsl.problems.near import did_you_mean, near, near_or_known
from engine.cli.common import FAILED, Stop
from engine.cli.lookup import as_written
from engine.cli.script_values import misfit, plain_value
from engine.simulation.story import Known

BESIDE_FIELDS = ("stage", "score", "list", "topic")
"""What can be said beside fields; a field of the same name goes first."""


def known_lead(options: Sequence[str], program: Program) -> Known:
    """Each option is `name=value`. Raises Stop when a name or value does not fit."""
    known = Known()
    for one in options:
        name, equals, text = (part.strip() for part in one.partition("="))
        if not equals:
            raise Stop(f"--lead {one} needs a value; write --lead country=DE", FAILED)
        if name in program.all_fields:
            known.fields[name] = _field(one, name, text, program)
        elif name == "stage":
            known.stage = _named(text, [stage.name for stage in program.stages], "stage")
        elif name == "list":
            known.lists.append(_named(text, [each.name for each in program.lists], "list"))
        elif name == "topic":
            known.topics.append(_named(text, [topic.name for topic in program.workspace.topics], "topic"))
        elif name == "score":
            known.score = _points(one, text)
        else:
            close = did_you_mean(near(name, [*program.all_fields, *BESIDE_FIELDS]))
            raise Stop(f"no field named `{name}`" + (f"; {close}" if close else ""), FAILED)
    return known


def _field(option: str, name: str, text: str, program: Program) -> Scalar:
    number = program.all_fields[name].type in ("number", "money", "yes/no")
    value = plain_value(text, quoted=not number)
    if why := misfit(program, name, value):
        raise Stop(f"--lead {option}: {why[0]}" + (f"; {why[1]}" if why[1] else ""), FAILED)
    return value


def _named(text: str, names: Sequence[str], what: str) -> str:
    found = as_written(text.strip('"'), names)
    if found is None:
        raise Stop(f"no {what} named `{text}`; {near_or_known(text, names)}", FAILED)
    return found


def _points(option: str, text: str) -> float:
    value = plain_value(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Stop(f"--lead {option}: `score` is a number; write --lead score=40", FAILED)
    return float(value)
