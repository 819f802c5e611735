"""What is tracked: events of emails that never come, because nothing in these emails is tracked; hosts and channels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from dsl import plan
from dsl.names.known import check_country
from dsl.names.scope import Scope
from dsl.names.steps import find_steps
from dsl.names.walk import atoms, conditions, events
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Event, Send, Text

_TRACKED = ("opened", "clicked")
HOST = re.compile(r"(https?://)?([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]/?")
"""A host in any alphabet; what people copy with it from the address bar is let be."""
FILES = re.compile(r"[^/\\:][^\\:]*\.(csv|tsv|txt)", re.IGNORECASE)
"""Tables inside the workspace, by a path from its folder."""


def check_transactional(scope: Scope) -> list[Diagnostic]:
    """Opens and clicks of a mail that is only ever sent `as transactional`."""
    problems = Problems()
    if scope.lost("campaign"):
        return []
    sends: dict[str, list[Send]] = {}
    for campaign in scope.program.campaigns:
        for send in find_steps(scope, campaign, tree.Send):
            sends.setdefault(send.template.value, []).append(send)
    untracked = {name: sent[0] for name, sent in sends.items() if all(send.mode == "transactional" for send in sent)}
    for event in _asked(scope.program) if untracked else ():
        name = _mail(event)
        if name and name.value in untracked:
            related = [at("it is sent as transactional here", untracked[name.value].span)]
            problems.add("W111", name.span, name=name.value, verb=event.verb.value, related=related)
    return problems.found


def check_measuring(scope: Scope) -> list[Diagnostic]:
    """Hosts that are none, files outside the workspace, and channels told by what no visit has."""
    problems = Problems()
    for workspace in scope.program.workspaces[:1]:
        for site in (*workspace.own_sites, *workspace.ignored_referrers):
            if not HOST.fullmatch(site.value):
                problems.add("E542", site.span, text=site.value)
        for pattern in workspace.spend_files:
            parts = pattern.value.split("/")
            odd = any(part == ".." or ("**" in part and part != "**") for part in parts)
            if odd or not FILES.fullmatch(pattern.value):
                problems.add("E547", pattern.span, text=pattern.value)
        for channel in workspace.channels:
            for test in channel.tests:
                if test.attribute.value not in get_args(plan.Origin):
                    problems.add("E543", test.attribute.span, name=test.attribute.value)
        _regions(workspace, problems)
    return problems.found


def _regions(workspace: tree.Workspace, problems: Problems) -> None:
    """Regions told by something else than a country, countries that are none, and those that are in two regions."""
    places: dict[str, tuple[str, Text]] = {}
    for region in workspace.regions:
        if region.test.attribute.value != "country":
            problems.add("E556", region.test.attribute.span, name=region.test.attribute.value)
            continue
        for country in region.test.values:
            check_country(country, problems)
            name, first = places.setdefault(country.value, (region.name.key, country))
            if name != region.name.key:
                related = [at("it is in another region here", first.span)]
                problems.add("E557", country.span, name=country.value, related=related)


def _asked(program: tree.Program) -> Iterator[Event]:
    yield from events(program)
    for condition, _ in conditions(program):
        yield from (atom.deed for atom in atoms(condition) if isinstance(atom, tree.Has))


def _mail(event: Event) -> Text | None:
    """The one mail that must be opened or clicked for this to happen."""
    if event.verb.value not in _TRACKED:
        return None
    return event.name if event.noun.value == "email" else event.email
