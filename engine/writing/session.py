"""What may be asked about a workspace while somebody writes it: by an editor through the language server, and by the
page of the desk. The answers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsl.fmt import format_text
from dsl.text.lexer import STRAIGHT
from dsl.tree.declarations import Span
from engine.mail.check import FILES
from engine.writing import navigate
from engine.writing import rename as new_names
from engine.writing.completion import complete
from engine.writing.mail_completion import complete_mail
from engine.writing.names import BARE, Mention
from engine.writing.navigate import Entry, Index
from engine.writing.offers import Offer
from engine.writing.positions import Position, Positions, Range, Spot
from engine.writing.project import Project
from engine.writing.rename import Refused

__all__ = ["Edit", "Found", "Refused", "Session", "Symbol"]


@dataclass(frozen=True)
class Found:
    """A place in a file, by the path that the project shows it under."""

    file: str
    range: Range


@dataclass(frozen=True)
class Edit:
    """Text in place of what stands in `range`."""

    file: str
    range: Range
    text: str


@dataclass(frozen=True)
class Symbol:
    """A line of a file's outline. `kind`: the word it begins with, `range` its block, `name_at` the line itself."""

    title: str
    kind: str
    range: Range
    name_at: Range
    children: tuple[Symbol, ...]


class Session:
    """A project and its names. Files go by the path they are shown under, positions as editors count them."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.index = Index()

    def _at(self, shown: str, position: Spot) -> tuple[int, int]:
        return self.project.positions(shown).place(position)

    def _mention(self, shown: str, position: Spot) -> Mention | None:
        return self.index.at(self.project, shown, *self._at(shown, position))

    # ── about a place ────────────────────────────────────────────────────────────────────────────────────────────────
    def offers(self, shown: str, position: Spot) -> list[Offer]:
        """What can be written there."""
        project, at = self.project, self._at(shown, position)
        if project.template(shown) is not None:
            return complete_mail(project, shown, *at)
        return complete(shown, project.positions(shown), project.checked.scope, *at)

    def about(self, shown: str, position: Spot) -> tuple[str, Range] | None:
        """Markdown about what stands there, and what it is about."""
        found = navigate.hover(self.index, self.project, shown, *self._at(shown, position))
        return (found[0], self.project.positions(shown).range(found[1])) if found else None

    def definition(self, shown: str, position: Spot) -> list[Found]:
        """Where the name is declared; of a template or a download its files."""
        mention = self._mention(shown, position)
        if mention is None:
            return []
        if mention.kind in ("template", "file", "part"):
            start = Range(Position(0, 0), Position(0, 0))
            return [Found(self.project.shown(path), start) for path in navigate.asset_paths(self.project, mention)]
        return [self._found(span) for span in navigate.declared_at(self.index, self.project, mention)]

    def references(self, shown: str, position: Spot, *, declarations: bool = True) -> list[Found]:
        """Everywhere the name is used."""
        mention = self._mention(shown, position)
        uses = self.index.uses(self.project, mention) if mention else []
        return [self._found(one.span) for one in uses if declarations or not one.declares]

    def _found(self, span: Span) -> Found:
        return Found(span.file, self.project.positions(span.file).range(span))

    # ── renaming ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def name_at(self, shown: str, position: Spot) -> tuple[str, Range] | None:
        """The name there, without its quotes, if it can be changed."""
        mention = self._mention(shown, position)
        if mention is None or not new_names.renamable(mention):
            return None
        place = self.project.positions(mention.span.file).range(mention.span)
        if mention.kind in BARE:
            return mention.name, place
        start, end, quote = place.start, place.end, len(STRAIGHT)
        inside = Range(Position(start.line, start.character + quote), Position(end.line, end.character - quote))
        return mention.name, inside

    def renamed(self, shown: str, position: Spot, new: str) -> list[Edit] | None:
        """What a new name changes, in every file; None where there is no name. Raises Refused."""
        mention = self._mention(shown, position)
        if mention is None:
            return None
        edits = new_names.rename(self.index, self.project, mention, new)
        ranges = [self.project.positions(edit.span.file).range(edit.span) for edit in edits]
        return [Edit(edit.span.file, place, edit.text) for edit, place in zip(edits, ranges, strict=True)]

    # ── whole files ──────────────────────────────────────────────────────────────────────────────────────────────────
    def outline(self, shown: str) -> list[Symbol] | None:
        """None of what is no campaign file."""
        file = self.project.checked.files.get(shown)
        positions = self.project.positions(shown)
        return [_symbol(entry, positions) for entry in navigate.outline(file.lines)] if file else None

    def declared(self, wanted: Callable[[str], bool]) -> Iterator[tuple[Mention, Found]]:
        """All declarations whose name is wanted."""
        for one in self.index.everywhere(self.project):
            if one.declares and wanted(one.name):
                yield one, self._found(one.span)


def formatted(shown: str, text: str) -> str | None:
    """The text in the one style; None for a template, and for what cannot be read safely: its problems say why."""
    return None if shown.endswith(FILES) else format_text(shown, text).text


def _symbol(entry: Entry, positions: Positions) -> Symbol:
    return Symbol(
        entry.title, entry.head, positions.line_range(entry.span.line, entry.last), positions.range(entry.span),
        tuple(_symbol(child, positions) for child in entry.children),
    )  # fmt: skip
