"""`list`, `event`, `webinar`, `interest` and `segment` declarations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsl.text import values
from dsl.text.expressions import text_of, words_of
from dsl.text.reader import Reader, Row
from dsl.tree import declarations as tree
from dsl.tree.declarations import Text


def contact_list(row: Row, reader: Reader) -> tree.ContactList:
    name, description = row.args
    return tree.ContactList(text_of(name), str(description or ""), row.span)


def custom_event(row: Row, reader: Reader) -> tree.CustomEvent:
    name, *data = row.args
    pairs = tuple(_datum(datum) for datum in data if datum is not None)
    return tree.CustomEvent(text_of(name), pairs or None, row.span, _optional(data))


def carried(row: Row, reader: Reader) -> tree.Carried:
    noun, *data = row.args
    pairs = tuple(_datum(datum) for datum in data)
    return tree.Carried(text_of(noun), pairs, row.span, _optional(data))


def _optional(data: Sequence[Any]) -> frozenset[str]:
    """The properties whose line says that an event may come without them."""
    return frozenset(str(datum.children[0]) for datum in data if datum is not None and datum.children[3] is not None)


def _datum(datum: Any) -> tuple[Text, Text]:
    """A property's name and its type, which may have two words."""
    return text_of(datum.children[0]), words_of(*datum.children[1:3])


def webinar(row: Row, reader: Reader) -> tree.Webinar:
    name, day, clock, zone = row.args
    if clock is None and row.whole:
        reader.problems.add("E219", row.span, text=str(day), meant=f'webinar "{name}" on {day} at 11:00')
    date = values.day(day, reader.problems) or "2026-01-01"
    time = (values.time(clock, reader.problems) if clock is not None else None) or "00:00"
    return tree.Webinar(text_of(name), date, time, text_of(zone) if zone is not None else None, row.span)


def interest(row: Row, reader: Reader) -> tree.Interest:
    reader.needs_block(row)
    found: dict[str, tuple[Text, ...]] = {"pages": (), "files": (), "emails": ()}
    for line in reader.below(row):
        found[line.rule] += line.args[0]
    return tree.Interest(text_of(row.args[0]), row.span, **found)


def segment(row: Row, reader: Reader) -> tree.Segment:
    reader.needs_block(row)
    return tree.Segment(text_of(row.args[0]), row.span, tuple(line.args[0] for line in reader.below(row)))
