"""All files' lines become one program tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dsl import tree
from dsl.build_campaign import campaign
from dsl.build_declarations import field, form, team, workspace
from dsl.build_names import contact_list, custom_event, interest, segment, webinar
from dsl.build_sales import lifecycle, scoring
from dsl.lines import Line
from dsl.reader import Reader, Row

T = TypeVar("T")


def build(files: list[list[Line]], reader: Reader) -> tree.Program:
    """`files` are the outermost lines of each file; their order does not matter."""
    found: dict[type, list[Any]] = {}
    makers: dict[str, Callable[[Row, Reader], object]] = {
        "workspace": workspace, "field": field, "form": form, "scoring": scoring, "lifecycle": lifecycle,
        "team": team, "campaign": campaign, "contact_list": contact_list, "custom_event": custom_event,
        "webinar": webinar, "interest": interest, "segment": segment,
    }  # fmt: skip
    for lines in files:
        for row in reader.rows(lines, "file"):
            declaration = makers[row.rule](row, reader)
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
        webinars=all_of(tree.Webinar),
        interests=all_of(tree.Interest),
        segments=all_of(tree.Segment),
        unreadable=frozenset(reader.unreadable),
    )
