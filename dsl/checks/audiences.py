"""Lists, segments, interests, declared events and webinars, and who enters a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dsl import tree
from dsl.checks.references import check_segment
from dsl.checks.steps import check_twice
from dsl.diagnostics import Diagnostic
from dsl.known import check_zone
from dsl.near import near
from dsl.problems import Problems
from dsl.scope import FIELD_TYPES, Scope, matches, unknown
from dsl.tree import Text
from dsl.walk import all_statements, events

DATA_TYPES = tuple(kind for kind in FIELD_TYPES if kind not in ("choice", "choices"))
GROUPS = ("segment", "list", "topic")
"""What has members, so that those who are in already can be asked for."""


def check_interests(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for interest in scope.program.interests:
        for page in interest.pages:
            if not page.value.startswith(("/", "http://", "https://", "*")):
                problems.add("E541", page.span, text=page.value)
        for file in interest.files:
            if not any(matches(known, file.value) for known in scope.files):
                unknown(problems, "E105", file, scope.files)
        for email in interest.emails:
            if not any(matches(known, email.value) for known in scope.templates):
                unknown(problems, "E103", email, scope.templates)
    return problems.found


def check_declared_events(scope: Scope) -> list[Diagnostic]:
    """What declared events carry, and when webinars are."""
    problems = Problems()
    for event in scope.program.events:
        data = event.data or ()
        check_twice("datum", (name for name, _ in data), problems)
        for name, kind in data:
            if kind.value not in DATA_TYPES:
                close = near(kind.value, DATA_TYPES)
                swapped = f"`{kind.value} {name.value}`" if name.value in DATA_TYPES else ""
                problems.add("E144", kind.span, near=() if swapped else close, name=kind.value, hint=swapped)
    for webinar in scope.program.webinars:
        if webinar.zone:
            check_zone(webinar.zone, problems)
    return problems.found


def check_undeclared(scope: Scope) -> list[Diagnostic]:
    """Lists, events and webinars need no declaration; but beside declared ones of the kind, another is a warning."""
    problems = Problems()
    declared: dict[str, Mapping[str, Any]] = {
        "list": scope.lists,
        "event": scope.events,
        "webinar": scope.webinars,
    }
    for kind, name in _named(scope):
        known = declared[kind]
        if known and not scope.lost(kind) and not any(matches(key, name.key) for key in known):
            unknown(problems, "W120", name, known, kind=kind)
    return problems.found


def _named(scope: Scope) -> Iterator[tuple[str, Text]]:
    """Every use of a list, an event or a webinar by name."""
    for event in events(scope.program):
        if event.name and event.noun.value in ("list", "event", "webinar"):
            yield event.noun.value, event.name
    for campaign in scope.program.campaigns:
        yield from (("list", start.audience) for start in campaign.schedules if start.kind == "list")
        for statement in all_statements(campaign):
            if isinstance(statement, tree.ListStep):
                yield "list", statement.name


def check_entries(scope: Scope) -> list[Diagnostic]:
    """Starts with present members, and one run per value of what the starts carry."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        for start in campaign.starts:
            noun, name = start.event.noun.value, start.event.name
            if start.present and (noun not in GROUPS or start.event.verb.value not in ("entered", "joined")):
                problems.add("E645", start.span)
            elif start.present and noun == "segment" and name:
                check_segment(name, scope, problems)
        if campaign.per is None:
            continue
        per = campaign.per
        for schedule in campaign.schedules:
            problems.add("E646", per.span, name=per.value, event="a start on a date", names="nothing")
            del schedule
            break
        for start in campaign.starts:
            data = scope.event_data(start.event)
            if data is not None and per.value not in data:
                what = f"`{start.event.noun.value} … {start.event.verb.value}`"
                names = tuple(data) or "nothing"
                problems.add("E646", per.span, near=near(per.value, data), name=per.value, event=what, names=names)
    return problems.found
