"""Lists, segments, interests, declared events and webinars, and who enters a campaign."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.build.campaign import PER_THING
from dsl.checks.flows import cycles
from dsl.checks.steps import check_twice
from dsl.names.known import check_zone
from dsl.names.scope import FIELD_TYPES, Scope, matches, no_template, unknown
from dsl.names.walk import all_statements, atoms, conditions, events
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.near import near, one_of, slip
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span, Text

DATA_TYPES = tuple(kind for kind in FIELD_TYPES if kind not in ("choice", "choices"))
GROUPS = ("segment", "list", "topic")
PER_HINT = "write `enters every time` instead"
TYPES_HINT = f"use one of {', '.join(DATA_TYPES)}"
"""What has members, so that those who are in already can be asked for."""


def check_segments(scope: Scope) -> list[Diagnostic]:
    """Segments that refer to each other in a circle."""
    problems = Problems()
    edges: dict[str, list[tuple[str, Span]]] = {
        key: [
            (atom.name.key, atom.name.span)
            for line in segment.lines
            for atom in atoms(line)
            if isinstance(atom, tree.Membership) and atom.group.value == "segment" and atom.name.key in scope.segments
        ]
        for key, segment in scope.segments.items()
    }
    for cycle in cycles(edges):
        names = [scope.segments[key].name.value for key in cycle]
        span = next(span for target, span in edges[cycle[0]] if target == cycle[1])
        problems.add("E145", span, path=" → ".join(f"`{name}`" for name in names))
    return problems.found


def check_interests(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for interest in scope.program.interests:
        for page in interest.pages:
            if not page.value.startswith(("/", "http://", "https://", "*")):
                problems.add("E541", page.span, text=page.value)
        for file in interest.files:
            if not _leads_somewhere(file, "file", scope.files, problems):
                unknown(problems, "E105", file, scope.files)
        for email in interest.emails:
            if not _leads_somewhere(email, "template", scope.templates, problems):
                no_template(problems, email, scope)
    return problems.found


MOST_NAMES = 5


def _leads_somewhere(name: Text, kind: str, known: frozenset[str], problems: Problems) -> bool:
    """Whether anything is meant; a pattern without a match is reported here."""
    if any(matches(one, name.value) for one in known):
        return True
    if name.value.endswith("*") and known:
        problems.add("E147", name.span, kind=kind, name=name.value, options=tuple(sorted(known)[:MOST_NAMES]))
        return True
    return False


def check_declared_events(scope: Scope) -> list[Diagnostic]:
    """What declared events carry, and when webinars are."""
    problems = Problems()
    declaring: tuple[tree.CustomEvent | tree.Carried, ...] = (*scope.program.events, *scope.program.carried)
    for event in declaring:
        data = event.data or ()
        check_twice("property", (name for name, _ in data), problems)
        for name, kind in data:
            if kind.value not in DATA_TYPES:
                close = near(kind.value, DATA_TYPES)
                swapped = f"write the name before the type: `{kind.value} {name.value}`"
                hint = swapped if name.value in DATA_TYPES else TYPES_HINT
                problems.add("E146", kind.span, near=() if hint == swapped else close, name=kind.value, hint=hint)
    for webinar in scope.program.webinars:
        if webinar.zone:
            check_zone(webinar.zone, problems)
    return problems.found


def check_lookalikes(scope: Scope) -> list[Diagnostic]:
    """Lists, events and webinars of which none is declared: a name that is nearly another one was probably meant as
    that. The one that is used more often counts, or else the first."""
    problems = Problems()
    declared = {"list": scope.lists, "event": scope.events, "webinar": scope.webinars}
    uses: dict[tuple[str, str], list[Text]] = {}
    for kind, name in _uses(scope.program):
        if not declared[kind] and not scope.lost(kind):
            uses.setdefault((kind, name.key), []).append(name)
    ranked = sorted(
        (-len(names), *min((name.span.file, name.span.line) for name in names), kind, key)
        for (kind, key), names in uses.items()
    )
    before: list[tuple[str, Text]] = []
    for *_, kind, key in ranked:
        name = min(uses[kind, key], key=lambda one: (one.span.file, one.span.line))
        meant = next((other for known, other in before if known == kind and slip(name.value, other.value)), None)
        if meant:
            related = [at("the other one is here", meant.span)]
            problems.add("W109", name.span, kind=kind, name=name.value, other=meant.value, related=related)
        before.append((kind, name))
    return problems.found


def _uses(program: tree.Program) -> Iterator[tuple[str, Text]]:
    """Every use of a list, an event or a webinar by name."""
    asked = [atom for condition, _ in conditions(program) for atom in atoms(condition)]
    deeds = [atom.deed for atom in asked if isinstance(atom, tree.Has)]
    for event in (*events(program), *deeds):
        if event.name and event.noun.value in ("list", "event", "webinar"):
            yield event.noun.value, event.name
    for atom in asked:
        if isinstance(atom, tree.Membership) and atom.group.value == "list":
            yield "list", atom.name
    for campaign in program.campaigns:
        yield from (("list", start.audience) for start in campaign.schedules if start.kind == "list")
        for statement in all_statements(campaign):
            if isinstance(statement, tree.ListStep):
                yield "list", statement.name


def _separating(campaign: tree.Campaign, scope: Scope) -> str:
    """What can separate the runs of a campaign: what the events of all its starts carry."""
    carried = [scope.event_data(start.event) for start in campaign.starts]
    known = [data for data in carried if data is not None]
    common = [name for name in known[0] if all(name in data for data in known)] if known else []
    named = sorted(common, key=lambda name: not name.endswith(("id", "number", "key")))
    if campaign.schedules or (known and not named):
        return PER_HINT
    return f"write `enters once per event.{named[0] if named else 'order_id'}`"


def _check_thing(per: Text, start: tree.Trigger, problems: Problems) -> None:
    """`enters once per webinar`: each start is about one."""
    noun = start.event.noun.value
    if noun != per.value or start.event.dated:
        hint = f"write `enters once per {noun}`" if noun in PER_THING and not start.event.dated else PER_HINT
        what = "a date" if start.event.dated else f"`{noun} … {start.event.verb.value}`"
        problems.add("E646", per.span, name=per.value, event=what, hint=hint)


def check_entries(scope: Scope) -> list[Diagnostic]:
    """Starts with present members, for everyone and for nobody, and one run per value of what the starts carry."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        for start in campaign.starts:
            named = start.event.dated and start.event.dated.name
            if named and named.key in scope.webinars and not start.only_if:
                problems.add("W112", start.span, name=named.value)
            if start.present and (
                start.event.noun.value not in GROUPS or start.event.verb.value not in ("entered", "joined")
            ):
                problems.add("E645", start.span)
        for schedule in campaign.schedules:
            day = schedule.dated.at and schedule.dated.at.date
            if day and campaign.runs and not campaign.runs[0] <= day <= campaign.runs[1]:
                first, last = campaign.runs
                problems.add("W113", schedule.span, date=day, first=first, last=last)
        if campaign.per is None:
            continue
        per = campaign.per
        if not per.value:
            problems.add("E640", per.span, hint=_separating(campaign, scope))
            continue
        if campaign.schedules:
            problems.add("E646", per.span, name=per.value, event="a start on a date", hint=PER_HINT)
        for start in campaign.starts:
            if campaign.reentry.by_name:
                _check_thing(per, start, problems)
                continue
            data = scope.event_data(start.event)
            if data is not None and per.value not in data:
                what = f"`{start.event.noun.value} … {start.event.verb.value}`"
                hint = f"use {one_of(tuple(f'event.{datum}' for datum in data))}" if data else PER_HINT
                problems.add("E646", per.span, near=near(per.value, data), name=per.value, event=what, hint=hint)
    return problems.found
