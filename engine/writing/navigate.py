"""From a name to its declaration, its uses and its other spellings: hover, definition, references, rename, outline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dsl.compile import Parsed
from dsl.names.scope import matches
from dsl.plan import BUILT_IN
from dsl.text.lines import Line
from dsl.tree.declarations import Span
from engine.mail.source import MAX_SOURCE
from engine.writing.guide import about_line, about_word, line_key
from engine.writing.look import Spot, spot_at
from engine.writing.mail_hover import MAIL_KINDS, about_in_mail, asking_forms, datum_declared, given_by
from engine.writing.markup import Markup, markups_in
from engine.writing.names import Mention, mentions
from engine.writing.positions import lines_of
from engine.writing.project import Project

IN_MAILS = (*MAIL_KINDS, "field", "file")
"""Kinds that templates name."""

SHOWN_LINES = 12
"""Lines of a declaration that a hover shows."""


class Index:
    """All names of a project that is checked; what a file mentions is found again only when the file has changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Parsed, list[Mention]]] = {}
        self._quoted: dict[str, tuple[Parsed, list[Markup]]] = {}
        self._mails: dict[str, tuple[str, Markup]] = {}

    def of(self, file: Parsed) -> list[Mention]:
        known = self._known.get(file.path)
        if known is None or known[0] is not file:
            known = self._known[file.path] = (file, mentions(file))
        return known[1]

    def everywhere(self, project: Project) -> Iterator[Mention]:
        """What campaign files say in their own words."""
        for file in project.checked.files.values():
            yield from self.of(file)

    def markup(self, project: Project, shown: str) -> Markup:
        """Of a template; of one that is too long to be read at all, nothing."""
        text, known = project.text(shown), self._mails.get(shown)
        if known is None or known[0] != text:
            known = self._mails[shown] = text, Markup(shown, text if len(text) <= MAX_SOURCE else "")
        return known[1]

    def quoted(self, file: Parsed) -> list[Markup]:
        """The templates that stand in a campaign file."""
        known = self._quoted.get(file.path)
        if known is None or known[0] is not file:
            known = self._quoted[file.path] = file, markups_in(file, file.text)
        return known[1]

    def markups(self, project: Project) -> Iterator[Markup]:
        """All templates, those in campaign files too."""
        for path in sorted(project.templates):
            yield self.markup(project, project.shown_template(path))
        for file in project.checked.files.values():
            yield from self.quoted(file)

    def _mentions(self, project: Project, shown: str) -> Iterator[Mention]:
        if project.template(shown) is not None:
            yield from self.markup(project, shown).mentions
        elif file := project.checked.files.get(shown):
            for markup in self.quoted(file):
                yield from markup.mentions
            yield from self.of(file)

    def at(self, project: Project, shown: str, line: int, column: int) -> Mention | None:
        for mention in self._mentions(project, shown):
            span = mention.span
            if span.line == line and span.column <= column <= span.end_column:
                return mention
        return None

    def declaration(self, project: Project, mention: Mention) -> list[Mention]:
        """Where the thing is declared; for a name that ends in `*` all that it means."""
        return [
            other
            for other in self.everywhere(project)
            if other.declares and other.kind == mention.kind and _same(other, mention)
        ]

    def uses(self, project: Project, mention: Mention) -> list[Mention]:
        """Every place that names the same thing, declarations included; names with `*` that mean it too."""
        found = [o for o in self.everywhere(project) if o.kind == mention.kind and _same(mention, o)]
        if mention.kind in IN_MAILS:
            found += [o for one in self.markups(project) for o in one.mentions if o.key == mention.key]
        return found


def _same(one: Mention, pattern: Mention) -> bool:
    """Whether the second, which may end in `*`, means the first."""
    return matches(one.key[1], pattern.key[1]) or one.key == pattern.key


# ── hover ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def hover(index: Index, project: Project, shown: str, line: int, column: int) -> tuple[str, Span] | None:
    """Markdown about what is under the cursor, and what it is about."""
    mention = index.at(project, shown, line, column)
    if mention is not None:
        about = about_in_mail(project, mention) if mention.kind in MAIL_KINDS else _about_name(index, project, mention)
        return (about, mention.span) if about else None
    file = project.checked.files.get(shown)
    spot = spot_at(file, line, column) if file else None
    if spot is None or spot.token.type not in ("NAME", "NUMBER"):
        return None
    about = _about_token(spot)
    token = spot.token
    span = Span(shown, line, token.column or 1, line, token.end_column or 1)
    return (about, span) if about else None


def _about_token(spot: Spot) -> str | None:
    tokens, index = spot.line.tokens, spot.index
    key = line_key(tokens, spot.context)
    if index == 0 and spot.context == "segment":
        key = "segment line"
    if index == 0:
        return about_line(key)
    return about_word(tokens, index) or about_line(key)


def _about_name(index: Index, project: Project, mention: Mention) -> str:
    if mention.kind in ("template", "file"):
        return _about_asset(project, mention)
    built_in = next((field for field in BUILT_IN if mention.kind == "field" and field.name == mention.name), None)
    if built_in is not None:
        return f"**field** `{built_in.name}`: {built_in.type}, built in"
    found = index.declaration(project, mention)
    if not found:
        return f"**{mention.kind}** `{mention.name}` is not declared"
    parts = []
    for one in found[:3]:
        file = project.checked.files[one.span.file]
        text = "\n".join(_source(file, one.span.line))
        parts.append(f"**{one.kind}** `{one.name}`, {one.span.source}\n\n```coldframe\n{text}\n```")
    if len(found) > 3:
        parts.append(f"and {len(found) - 3} more")
    return "\n\n".join(parts)


def _source(file: Parsed, number: int) -> list[str]:
    """The declaration's line with its block, or the beginning of it."""
    lines = lines_of(file.text)
    first = lines[number - 1]
    indent = len(first) - len(first.lstrip())
    kept = [first.strip()]
    for text in lines[number:]:
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            break
        if len(kept) == SHOWN_LINES:
            kept.append("    …")
            break
        kept.append(text[indent:].rstrip())
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _about_asset(project: Project, mention: Mention) -> str:
    found = asset_paths(project, mention)
    if not found:
        return f"**{mention.kind}** `{mention.name}`: there is no such file"
    names = [path.relative_to(project.root).as_posix() for path in found]
    subject = ""
    for path in found:
        match = re.search(r"^subject:[ \t]*(.+)$", project.text(project.shown(path)), re.MULTILINE)
        subject += f"\n\n{path.name}: {match[1].strip()}" if match else ""
    return f"**{mention.kind}** {', '.join(f'`{name}`' for name in names)}{subject}"


def declared_at(index: Index, project: Project, mention: Mention) -> list[Span]:
    """Where a name is declared; of one that a `send` gives, these sends."""
    if mention.kind == "datum":
        scope = project.checked.scope
        field = Mention("field", mention.name, mention.span)
        fields = index.declaration(project, field) if asking_forms(scope, mention.name) else []
        return [*(one.span for one in fields), *datum_declared(scope, mention.name)]
    if mention.kind == "word":
        return [_line_of(use.source) for use in given_by(project, mention.span.file, mention.name)]
    return [one.span for one in index.declaration(project, mention)]


def _line_of(source: str) -> Span:
    file, _, line = source.rpartition(":")
    return Span(file, int(line), 1, int(line), 1)


def asset_paths(project: Project, mention: Mention) -> list[Path]:
    """The files of a template or download."""
    if mention.kind == "template":
        return project.template_paths(mention.name)
    if mention.kind == "part":
        stem, _, ending = mention.name.rpartition(".")
        return [path for path in project.template_paths(stem) if path.suffix == f".{ending}"]
    name = f"files/{mention.name}"
    return [project.asset(name)] if name in project.assets else []


# ── outline ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Entry:
    """A line of the outline. `last` is the last line of its block."""

    title: str
    head: str
    span: Span
    last: int
    children: tuple[Entry, ...]


SMALL = ("send", "stage", "topic", "ask", "member", "hand", "variant")
"""Lines that stand in the outline though they have no block."""


def outline(lines: list[Line]) -> tuple[Entry, ...]:
    return tuple(_entry(line) for line in lines)


def _entry(line: Line) -> Entry:
    tokens = line.tokens
    head = str(tokens[0])
    shown = [f'"{token}"' if token.type == "STRING" else str(token) for token in tokens]
    children = tuple(_entry(child) for child in line.children if child.children or str(child.tokens[0]) in SMALL)
    return Entry(" ".join(shown[:12])[:80], head, line.span, _last(line), children)


def _last(line: Line) -> int:
    while line.children:
        line = line.children[-1]
    return line.span.end_line
