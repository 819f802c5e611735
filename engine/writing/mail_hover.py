"""What a name in a template is and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsl.names.scope import Scope
from dsl.plan.carries import CARRIES
from dsl.tree.declarations import Span
from engine.mail.uses import Use
from engine.writing import mail_guide
from engine.writing.names import Mention
from engine.writing.project import Project

MAIL_KINDS = ("datum", "owner", "company", "part", "filter", "word", "whole")
"""Kinds of names that only templates have."""

FIRST_LINES = 12
"""Lines of a part that a hover shows."""


def about_in_mail(project: Project, mention: Mention) -> str | None:
    """Markdown about a name of one of MAIL_KINDS."""
    name = mention.name
    match mention.kind:
        case "datum":
            return _about_datum(project.checked.scope, name)
        case "owner" | "company":
            known = mail_guide.OWNER if mention.kind == "owner" else mail_guide.COMPANY
            return known.get(name)
        case "filter":
            return f"**filter** `{name}`: {mail_guide.FILTERS[name]}" if name in mail_guide.FILTERS else None
        case "part":
            return _about_part(project, name)
        case _:
            pass
    if about := mail_guide.NAMES.get(name):
        return f"`{name}`: {about}"
    sends = [f"{use.source}" for use in given_by(project, mention.span.file, name)]
    return f"`{name}` is given by `with` in {', '.join(sends[:5])}" if sends else None


def _about_datum(scope: Scope, name: str) -> str:
    kinds = sorted(set(_types(scope, name)))
    said = f": {' or '.join(kinds)}" if kinds else ", not declared"
    return f"`event.{name}`{said}\n\n{mail_guide.NAMES['event']}"


def _types(scope: Scope, name: str) -> Iterator[str]:
    if asking_forms(scope, name):
        yield f"{scope.fields[name].type}, as a form asks it" if name in scope.fields else "set by a form"
    for event in scope.events.values():
        yield from (kind.value for datum, kind in event.data or () if datum.value == name)
    for carried in scope.carried.values():
        yield from (kind.value for datum, kind in carried.data if datum.value == name)
    yield from (data[name] for data in CARRIES.values() if name in data)


def asking_forms(scope: Scope, name: str) -> bool:
    """Whether a form brings this field along."""
    return any(
        name in (*(ask.field.value for ask in form.asks), *(hidden.value for hidden, _ in form.hidden))
        for form in scope.forms.values()
    )


def datum_declared(scope: Scope, name: str) -> list[Span]:
    """Where events are declared that carry it."""
    declared = scope.declaring
    return [datum.span for event in declared for datum, _ in event.data or () if datum.value == name]


def _about_part(project: Project, name: str) -> str:
    path = project.shown_template(name)
    text = project.text(path)
    if not text:
        return f"**part** `{name}`: there is no such file under templates/"
    lines = text.split("\n")
    shown = "\n".join([*lines[:FIRST_LINES], *(["…"] if len(lines) > FIRST_LINES else [])])
    return f"**part** `{path}`\n\n````markdown\n{shown}\n````"


def uses_of_file(project: Project, shown: str) -> Sequence[Use]:
    """Where campaigns use a template, as far as that is known."""
    path = project.template(shown)
    return project.mails.uses_of(path) if path is not None else ()


def given_by(project: Project, shown: str, name: str) -> list[Use]:
    return [use for use in uses_of_file(project, shown) if name in use.given]
