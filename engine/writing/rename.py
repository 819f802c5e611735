"""A name in all its spellings becomes another, or it is said why that is not safe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsl.plan import BUILT_IN
from dsl.plan.carries import CARRIES
from dsl.text.lines import Line
from dsl.tree.declarations import Span
from engine.mail.errors import TemplateError
from engine.mail.source import MAX_SOURCE, parse_text, read_source
from engine.writing.mail_hover import MAIL_KINDS, asking_forms, datum_declared
from engine.writing.markup import Markup
from engine.writing.names import BARE, Mention
from engine.writing.navigate import Index
from engine.writing.project import Project


class Refused(Exception):
    """A rename that cannot be done, with the reason for people."""


@dataclass(frozen=True)
class Change:
    """Text to put in place of a span."""

    span: Span
    text: str


def renamable(mention: Mention) -> bool:
    built_in = mention.kind == "field" and any(field.name == mention.name for field in BUILT_IN)
    return mention.kind not in ("template", "file", *MAIL_KINDS) and not mention.name.endswith("*") and not built_in


def rename(index: Index, project: Project, mention: Mention, new: str) -> list[Change]:
    """The changes in campaign files and templates. Raises Refused."""
    if not renamable(mention):
        raise Refused("only names that campaign files declare can be changed here")
    bare = mention.kind in BARE
    if bare and not re.fullmatch(r"[^\W\d]\w*", new):
        raise Refused(f"a {mention.kind} is a plain word: letters, digits and `_`, no spaces")
    if not new.strip() or "*" in new or not new.isprintable():
        raise Refused("a name is not empty and has no `*`")
    renamed = Mention(mention.kind, new, mention.span)
    taken = [one for one in index.declaration(project, renamed) if one.key != mention.key]
    if taken or (mention.kind == "field" and any(field.name == new for field in BUILT_IN)):
        where = f": {taken[0].span.source}" if taken else ""
        raise Refused(f"there is a {mention.kind} `{new}` already{where}")
    written = new if bare else '"' + new.replace("\\", "\\\\").replace('"', '\\"') + '"'
    changes = [Change(one.span, written) for one in index.everywhere(project) if one.key == mention.key]
    if mention.kind == "field":
        changes += [Change(span, new) for span in _in_mails(index, project, mention.name)]
    return changes


def _in_mails(index: Index, project: Project, field: str) -> Iterator[Span]:
    """Where templates, and campaigns in what they hand to templates, show the field."""
    for shown in project.unreadable:
        raise Refused(f"{shown} is not UTF-8 text, so that the names in it are not known")
    for path, text in project.templates.items():
        if len(text) > MAX_SOURCE:
            raise Refused(f"{project.shown_template(path)} is too long to be read")
    found = [one for one in index.markups(project) if re.search(rf"\b{re.escape(field)}\b", one.text)]
    carried = asking_forms(project.checked.scope, field)
    for markup in found:
        _refuse_unreadable(project, markup)
        for one in markup.mentions:
            if one.kind == "whole" and (one.name == "lead" or carried):
                raise Refused(
                    f"{one.span.source} hands `{one.name}` on as a whole, so that what becomes of it is not known"
                )
            if one.key == ("field", field):
                yield one.span
            elif one.key == ("datum", field) and carried:
                _refuse_ambiguous(project, one.span, field)
                yield one.span
    for file in project.checked.files.values():
        for span in _events(file.lines, field) if carried else ():
            _refuse_ambiguous(project, span, field)
            yield span


def _refuse_unreadable(project: Project, markup: Markup) -> None:
    shown = markup.span(0, 0).file
    try:
        if (path := project.template(shown)) is None:
            parse_text(shown, 1, markup.text)
            return
        source = read_source(path, markup.text)
        for key, value in source.front.values.items():
            parse_text(path, source.front.lines[key], value)
    except TemplateError as error:
        line = error.line if project.template(shown) is not None else markup.span(0, 0).line
        raise Refused(f"{shown}:{max(line, 1)} cannot be read, so fix it first: {error.message}") from None


def _refuse_ambiguous(project: Project, span: Span, field: str) -> None:
    """Forms carry the field into events; another event may carry something of the same name."""
    if datum_declared(project.checked.scope, field) or any(field in data for data in CARRIES.values()):
        raise Refused(f"{span.source}: `event.{field}` may also be a property of another event, so change it yourself")


def _events(lines: Sequence[Line], field: str) -> Iterator[Span]:
    """`event.FIELD` in a campaign."""
    for line in lines:
        words = line.tokens
        for index in range(2, len(words)):
            if words[index] == field and words[index - 1] == "." and words[index - 2] == "event":
                token = words[index]
                if token.line and token.column:
                    end = token.end_column or token.column
                    yield Span(line.path, token.line, token.column, token.line, end)
        yield from _events(line.children, field)
