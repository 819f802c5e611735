"""From a name to its declaration, its uses and its other spellings: hover, definition, references, rename, outline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dsl.compile import Parsed
from dsl.lines import Line
from dsl.plan import BUILT_IN
from dsl.scope import matches
from dsl.tree import Span
from engine.lsp.guide import about_line, about_word, line_key
from engine.lsp.look import Spot, spot_at
from engine.lsp.names import BARE, Mention, mentions
from engine.lsp.positions import lines_of
from engine.lsp.project import Project

SHOWN_LINES = 12
"""Lines of a declaration that a hover shows."""


class Refused(Exception):
    """A rename that cannot be done, with the reason for people."""


@dataclass(frozen=True)
class Change:
    """Text to put in place of a span."""

    span: Span
    text: str


class Index:
    """All names of a project that is checked; what a file mentions is found again only when the file has changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Parsed, list[Mention]]] = {}

    def of(self, file: Parsed) -> list[Mention]:
        known = self._known.get(file.path)
        if known is None or known[0] is not file:
            known = self._known[file.path] = (file, mentions(file))
        return known[1]

    def everywhere(self, project: Project) -> Iterator[Mention]:
        for file in project.checked.files.values():
            yield from self.of(file)

    def at(self, project: Project, shown: str, line: int, column: int) -> Mention | None:
        file = project.checked.files.get(shown)
        for mention in self.of(file) if file else ():
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
        return [o for o in self.everywhere(project) if o.kind == mention.kind and _same(mention, o)]


def _same(one: Mention, pattern: Mention) -> bool:
    """Whether the second, which may end in `*`, means the first."""
    return matches(one.key[1], pattern.key[1]) or one.key == pattern.key


# ── hover ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def hover(index: Index, project: Project, shown: str, line: int, column: int) -> tuple[str, Span] | None:
    """Markdown about what is under the cursor, and what it is about."""
    mention = index.at(project, shown, line, column)
    if mention is not None:
        return _about_name(index, project, mention), mention.span
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
        match = re.search(r"^subject:[ \t]*(.+)$", text_of(path), re.MULTILINE)
        subject += f"\n\n{path.name}: {match[1].strip()}" if match else ""
    return f"**{mention.kind}** {', '.join(f'`{name}`' for name in names)}{subject}"


def text_of(path: Path) -> str:
    """A template's text; empty for anything else, and for what cannot be read."""
    try:
        return path.read_text("utf-8") if path.suffix in (".md", ".html", ".mjml", ".txt") else ""
    except (OSError, UnicodeDecodeError):
        return ""


def asset_paths(project: Project, mention: Mention) -> list[Path]:
    """The files of a template or download."""
    if mention.kind == "template":
        return project.template_paths(mention.name)
    name = f"files/{mention.name}"
    return [project.asset(name)] if name in project.assets else []


# ── rename ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def renamable(mention: Mention) -> bool:
    built_in = mention.kind == "field" and any(field.name == mention.name for field in BUILT_IN)
    return mention.kind not in ("template", "file") and not mention.name.endswith("*") and not built_in


def rename(index: Index, project: Project, mention: Mention, new: str) -> list[Change]:
    """The changes in campaign files. Raises Refused."""
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
        for shown, text in project.campaigns.items():
            changes += [Change(span, new) for span in in_templates(shown, text, mention.name, quoted=True)]
    return changes


def in_templates(shown: str, text: str, field: str, *, quoted: bool = False) -> Iterator[Span]:
    """Where a template reads a field, `lead.FIELD`; with `quoted` only inside the quotes of a campaign file."""
    for number, line in enumerate(lines_of(text), 1):
        for match in re.finditer(rf"\blead\.({re.escape(field)})\b", line):
            if not quoted or line[: match.start()].count('"') % 2:
                yield Span(shown, number, match.start(1) + 1, number, match.end(1) + 1)


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
