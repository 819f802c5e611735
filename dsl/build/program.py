"""Lines become declarations, and declarations one program tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from dsl.build.campaign import campaign
from dsl.build.crm import crm
from dsl.build.declarations import field, form, team, workspace
from dsl.build.names import carried, contact_list, custom_event, interest, segment, webinar
from dsl.build.sales import lifecycle, scoring
from dsl.text.lines import Line
from dsl.text.reader import Reader, Row
from dsl.tree import declarations as tree

T = TypeVar("T")

MAKERS: Mapping[str, Callable[[Row, Reader], tree.Declaration]] = {
    "workspace": workspace, "field": field, "form": form, "scoring": scoring, "lifecycle": lifecycle,
    "team": team, "campaign": campaign, "contact_list": contact_list, "custom_event": custom_event,
    "webinar": webinar, "carried": carried, "crm": crm, "interest": interest, "segment": segment,
}  # fmt: skip
"""What becomes of a line at the left edge with its block."""


def declarations(lines: list[Line], reader: Reader) -> list[tree.Declaration]:
    """What one file declares; `lines` are its outermost ones."""
    return [MAKERS[row.rule](row, reader) for row in reader.rows(lines, "file")]


def program_of(declared: Iterable[tree.Declaration], unreadable: Iterable[str]) -> tree.Program:
    """The declarations of one file or of all files as a program; their order does not matter."""
    found: dict[type, list[Any]] = {}
    for declaration in declared:
        found.setdefault(type(declaration), []).append(declaration)

    def all_of(kind: type[T]) -> tuple[T, ...]:
        return tuple(found.get(kind, ()))

    return tree.Program(
        workspaces=all_of(tree.Workspace),
        fields=all_of(tree.Field),
        forms=all_of(tree.Form),
        scorings=all_of(tree.Scoring),
        lifecycles=all_of(tree.Lifecycle),
        teams=all_of(tree.Team),
        campaigns=all_of(tree.Campaign),
        lists=all_of(tree.ContactList),
        events=all_of(tree.CustomEvent),
        carried=all_of(tree.Carried),
        webinars=all_of(tree.Webinar),
        interests=all_of(tree.Interest),
        segments=all_of(tree.Segment),
        crms=all_of(tree.Crm),
        unreadable=frozenset(unreadable),
    )
