"""Events: nouns and verbs that exist, with the parts they need, about things that exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dsl.checks.comparisons import Comparisons
from dsl.checks.dates import check_dated
from dsl.checks.meant import as_event, verb_of
from dsl.checks.stages import check_interest, check_stage
from dsl.names.events import DATES, EVENTS, NOUNS, Spec, spec_of, verbs_of
from dsl.names.scope import Scope, matches, no_template, unknown
from dsl.names.walk import Place, events
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.near import near, one_of
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.deeds import PERSONS
from dsl.tree import declarations as tree
from dsl.tree.declarations import Event, Text


def check_events(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for event in events(scope.program):
        check_event(event, scope, problems)
        if event.absent:
            _check_absence(event, event.absent, scope, problems)
    return problems.found


def check_event(event: Event, scope: Scope, problems: Problems) -> None:
    """The event itself, without what must not follow it."""
    spec = spec_of(event)
    if event.dated:
        check_dated(event.dated, event.span, scope, problems)
    elif spec is None:
        _unknown_event(event, scope, problems)
    elif _further_verbs(event, scope, problems) and _well_formed(event, spec, problems):
        _check_name(event, scope, problems)
        _check_change(event, scope, problems)
    if event.times:
        values.whole_number(event.times.raw, event.times.span, problems)
    for length in (event.within, event.silent):
        if length:
            values.duration(length, problems)


def _further_verbs(event: Event, scope: Scope, problems: Problems) -> bool:
    """Whether each further verb of `is clicked or replied` is one of the noun's."""
    verbs = verbs_of(event.noun.value)
    for verb in event.also:
        if verb.value not in verbs:
            _unknown_event(replace(event, verb=verb), scope, problems)
            return False
    return True


def _unknown_event(event: Event, scope: Scope, problems: Problems) -> None:
    noun, verb = event.noun.value, event.verb.value
    close = near(verb, verbs_of(noun))
    deed = event.subject if verb == "to" and event.subject is not None else event.verb
    if noun in PERSONS and not close and (meant := as_event(deed, scope)):
        problems.add("E116", event.noun.span.to(event.verb.span), near=(meant,), noun=f"{noun} {verb}")
    elif noun in NOUNS:
        verbs, other = verbs_of(noun), verb_of(noun, verb)
        example = EVENTS[noun, verbs[0]].example
        problems.add(
            "E111",
            event.verb.span,
            near=close or ((other,) if other else ()),
            noun=noun,
            verb=verb,
            options=verbs,
            example=example,
        )
    elif verb == "changes":
        problems.add("E116", event.noun.span, near=(f"field {noun}",), noun=noun)
    else:
        problems.add("E116", event.noun.span, near=near(noun, (*NOUNS, *DATES)), noun=noun)


def _well_formed(event: Event, spec: Spec, problems: Problems) -> bool:
    """Whether the event has the parts of its kind and no others; one problem at most."""
    words: dict[str, Any] = {"noun": event.noun.value, "verb": event.verb.value, "example": f"`{spec.example}`"}
    missing = extra = ""
    if spec.name == "required" and event.name is None:
        missing = "a name in quotes"
    elif spec.needs in ("stage", "field") and event.subject is None:
        missing = f"the name of a {spec.needs}"
    elif spec.needs == "number" and event.number is None:
        missing = "a number"
    elif spec.type == "lead.inactive" and event.silent is None:
        missing = "a time"
    elif spec.copula and not event.copula:
        missing = "the word `is`"
    elif spec.name == "none" and event.name is not None:
        extra = f'"{event.name.value}"'
    elif event.email is not None and event.noun.value != "link":
        extra = "second name"
    elif event.subject is not None and spec.needs not in ("stage", "field"):
        extra = f"`{event.subject.value}`"
    elif event.number is not None and spec.needs != "number":
        extra = event.number.raw
    elif event.copula and not spec.copula:
        extra = "`is`"
    elif event.silent is not None and spec.type != "lead.inactive":
        extra = f"`for {values.shown(event.silent)}`"
    elif (event.to or event.before) and spec.needs != "field":
        extra = "`to`" if event.to else "`from`"
    elif event.medium is not None and event.medium.value != "email":
        problems.add("E010", event.medium.span, near=("email",), text=event.medium.value)
        return False
    if missing:
        problems.add("E309", event.span, missing=missing, **words)
    if extra:
        problems.add("E310", event.span, extra=extra, **words)
    return not missing and not extra


def _check_name(event: Event, scope: Scope, problems: Problems) -> None:
    name = event.name
    match event.noun.value:
        case "email" | "link":
            template = event.email if event.noun.value == "link" else name
            if template and not any(matches(known, template.value) for known in scope.templates):
                no_template(problems, template, scope)
        case "file":
            if name and not any(matches(known, name.value) for known in scope.files):
                unknown(problems, "E105", name, scope.files)
        case "lead":
            if event.subject:
                check_stage(event.subject, scope, problems)
        case "score":
            if name and name.key not in scope.scorings and not scope.lost("scoring"):
                unknown(problems, "E110", name, scope.scorings)
        case "interest":
            if name:
                check_interest(name, scope, problems)
        case group:
            if name:
                check_group(group, name, scope, problems)
    if event.number:
        values.number(event.number.raw, event.number.span, problems)


def check_group(kind: str, name: Text, scope: Scope, problems: Problems) -> None:
    """The name of a form, campaign, topic, segment, list, event or webinar; `*` at the end stands for any ending."""
    must: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        "form": ("E104", scope.forms), "campaign": ("E106", scope.campaigns), "topic": ("E108", scope.topics),
        "segment": ("E141", scope.segments),
    }  # fmt: skip
    may = {"list": scope.lists, "event": scope.events, "webinar": scope.webinars}
    code, known = must.get(kind, ("W130", may.get(kind, {})))
    if any(matches(key, name.key) for key in known) or scope.lost(kind, *(("workspace",) if kind == "topic" else ())):
        return
    if known or kind in must:
        more = " on 2026-10-06 at 11:00" if kind == "webinar" else ""
        unknown(problems, code, name, known, kind=kind, more=more)


def _check_change(event: Event, scope: Scope, problems: Problems) -> None:
    """A field that exists, and values it can have."""
    field = event.subject
    if field is None or event.noun.value != "field":
        return
    if field.value not in scope.fields:
        if not scope.lost("field"):
            unknown(problems, "E101", field, scope.fields)
        return
    for value in (event.to, event.before):
        match value:
            case tree.Quoted() | tree.Number() | tree.Word(name="yes" | "no"):
                asked = tree.Compare(tree.Word(field.value, field.span), "is", value, value.span)
                Comparisons(scope, problems).compare(asked, Place("flow"))
            case None:
                pass
            case tree.Word(name=word):
                problems.add("E313", value.span, name=word)
            case _:
                problems.add("E307", value.span, thing="this", hint='write a value: `changes to "pro"`')


def _check_absence(event: Event, absent: tree.Absence, scope: Scope, problems: Problems) -> None:
    no, missed = absent.no, absent.event
    if no.value != "no":
        problems.add("E333", no.span, near=near(no.value, ("no",)), text=no.value)
        return
    check_event(missed, scope, problems)
    values.duration(absent.within, problems)
    spec = spec_of(missed)
    if spec is None:
        return
    if spec.needs == "number" or missed.to or missed.before:
        what = f"{missed.noun.value} … {missed.verb.value}"
        problems.add("E335", missed.span, what=what)
    elif absent.same is not None:
        _check_same(event, missed, absent.same, scope, problems)


def _check_same(event: Event, missed: Event, same: Text, scope: Scope, problems: Problems) -> None:
    """The property that both events must have."""
    found = [scope.event_data(asked) for asked in (event, missed)]
    both = [name for name in found[0] or found[1] or {} if all(data is None or name in data for data in found)]
    for asked, data in zip((event, missed), found, strict=True):
        if data is not None and same.value not in data:
            what = f"{asked.noun.value} … {asked.verb.value}"
            hint = (
                f"use {one_of(tuple(both))}, which both events have" if both else f"delete `with the same {same.value}`"
            )
            problems.add("E334", same.span, near=near(same.value, both), what=what, name=same.value, hint=hint)
            return
