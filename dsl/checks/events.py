"""Events: nouns and verbs that exist, with the parts they need, about things that exist."""

from __future__ import annotations

from typing import Any

from dsl import values
from dsl.checks.conditions import check_stage
from dsl.diagnostics import Diagnostic
from dsl.events import EVENTS, LATER_NOUNS, LATER_VERBS, NOUNS, Spec, spec_of, verbs_of
from dsl.messages import a
from dsl.near import near
from dsl.problems import Problems
from dsl.scope import Scope, matches, unknown
from dsl.tree import Event
from dsl.walk import events


def check_events(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for event in events(scope.program):
        spec = spec_of(event)
        if spec is None:
            _unknown_event(event, problems)
        elif _well_formed(event, spec, problems):
            _check_name(event, scope, problems)
    return problems.found


def _unknown_event(event: Event, problems: Problems) -> None:
    noun, verb = event.noun.value, event.verb.value
    later = LATER_VERBS.get((noun, verb)) or LATER_NOUNS.get(noun)
    if later:
        problems.add("E901", event.span, what=later)
    elif noun in NOUNS:
        verbs = verbs_of(noun)
        example = EVENTS[noun, verbs[0]].example
        shown = ", ".join(f"`{verb}`" for verb in verbs) + f", for example `{example}`"
        problems.add("E111", event.verb.span, near=near(verb, verbs), noun=a(noun), verb=verb, verbs=shown)
    else:
        problems.add("E116", event.noun.span, near=near(noun, NOUNS), noun=noun)


def _well_formed(event: Event, spec: Spec, problems: Problems) -> bool:
    """Whether the event has the parts of its kind and no others; one problem at most."""
    words: dict[str, Any] = {"noun": event.noun.value, "verb": event.verb.value, "example": f"`{spec.example}`"}
    missing = extra = ""
    if spec.name == "required" and event.name is None:
        missing = "a name in quotes"
    elif spec.needs == "subject" and event.subject is None:
        missing = "the name of a stage"
    elif spec.needs == "number" and event.number is None:
        missing = "a number"
    elif spec.copula and not event.copula:
        missing = "the word `is`"
    elif spec.name == "none" and event.name is not None:
        extra = f'"{event.name.value}"'
    elif event.email is not None and event.noun.value != "link":
        extra = "second name"
    elif event.subject is not None and spec.needs != "subject":
        extra = f"`{event.subject.value}`"
    elif event.number is not None and spec.needs != "number":
        extra = event.number.raw
    elif event.copula and not spec.copula:
        extra = "`is`"
    elif event.medium is not None and event.medium.value != "email":
        problems.add("E010", event.medium.span, near=("email",), text=event.medium.value)
        return False
    if missing:
        problems.add("E309", event.span, missing=missing, **words)
    if extra:
        problems.add("E310", event.span, extra=extra, **words)
    return not missing and not extra


def _check_name(event: Event, scope: Scope, problems: Problems) -> None:
    match event.noun.value:
        case "form":
            if event.name and not scope.matching_forms(event.name) and not scope.lost("form"):
                unknown(problems, "E104", event.name, scope.forms)
        case "email" | "link":
            template = event.email if event.noun.value == "link" else event.name
            if template and not any(matches(known, template.value) for known in scope.templates):
                unknown(problems, "E103", template, scope.templates)
        case "file":
            if event.name and not any(matches(known, event.name.value) for known in scope.files):
                unknown(problems, "E105", event.name, scope.files)
        case "lead":
            if event.subject:
                check_stage(event.subject, scope, problems)
        case "score":
            if event.number:
                values.number(event.number.raw, event.number.span, problems)
            if event.name and event.name.key not in scope.scorings and not scope.lost("scoring"):
                unknown(problems, "E110", event.name, scope.scorings)
