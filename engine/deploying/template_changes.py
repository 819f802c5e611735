"""What a deployment changes in the text of templates, and who will get the new text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import ndiff

from dsl.plan import CONFIRMING, Notify, Plan, Program, Send

FOLDER = "templates/"
_PART = re.compile(r"""\{%-?\s*(?:include|extends|import|from)\s+["']([^"']+)["']""")


@dataclass(frozen=True)
class Sender:
    """A campaign that sends a template, and how many leads are in it now. `form`: the double opt-in email of that form
    instead; `staff`: it goes to team members."""

    campaign: str
    leads: int
    form: str = ""
    staff: bool = False


@dataclass(frozen=True)
class TemplateChange:
    """`lines` are those that differ, in order, each with `-` or `+` before it. `senders`: none if nothing sends it."""

    path: str
    lines: tuple[str, ...]
    senders: tuple[Sender, ...]


def template_changes(
    program: Program, old: Mapping[str, bytes], new: Mapping[str, bytes], leads: Mapping[str, int]
) -> Sequence[TemplateChange]:  # fmt: skip
    """For each template that is there on both sides and differs. `leads`: campaign in lower case → leads in it."""
    found = []
    for path in sorted(path for path in old.keys() & new.keys() if path.startswith(FOLDER)):
        if old[path] != new[path]:
            affected = _affected(path, new, program)
            senders = [one for plan in program.campaigns for one in _senders(plan, affected, leads)]
            found.append(TemplateChange(path, _lines(old[path], new[path]), tuple(senders)))
    return found


def _lines(old: bytes, new: bytes) -> tuple[str, ...]:
    before, after = (body.decode("utf-8", "replace").splitlines() for body in (old, new))
    return tuple(line for line in ndiff(before, after) if line[:1] in ("-", "+") and line[2:].strip())


def _affected(path: str, bundle: Mapping[str, bytes], program: Program) -> set[str]:
    """The names of the templates that the file is part of: its own, or those of all files that include it."""
    files, found = {path.removeprefix(FOLDER)}, set()
    texts = {
        name.removeprefix(FOLDER): body.decode("utf-8", "replace")
        for name, body in bundle.items() if name.startswith(FOLDER)
    }  # fmt: skip
    languages = program.workspace.marks
    parts = {name: {_bare(one, languages) for one in _PART.findall(text)} for name, text in texts.items()}
    waiting = list(files)
    while waiting:
        name = _bare(waiting.pop(), languages)
        found.add(name)
        more = {
            other for other in texts
            if name in parts[other] or (name == "_layout" and not other.rpartition("/")[2].startswith("_"))
        }  # fmt: skip
        waiting += more - files
        files |= more
    return found


def _bare(file: str, languages: Iterable[str]) -> str:
    """`welcome` for `welcome.de.md`."""
    name = file.rpartition(".")[0]
    front, _, last = name.rpartition(".")
    return front if front and last in languages else name


def _senders(plan: Plan, names: set[str], leads: Mapping[str, int]) -> Iterable[Sender]:
    there = leads.get(plan.campaign.casefold(), 0)
    if any(isinstance(step, Send) and step.template in names for step in plan.steps):
        form = "" if plan.written else plan.campaign.removeprefix(CONFIRMING).removesuffix('"')
        yield Sender(plan.campaign, there, form)
    if any(isinstance(step, Notify) and step.template in names for step in plan.steps):
        yield Sender(plan.campaign, there, staff=True)
