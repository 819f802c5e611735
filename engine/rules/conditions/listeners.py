"""Who listens for which events, found by what an event is: it looks only at patterns that it could meet, however many
others there are. Pure.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

from dsl.plan import Pattern
from engine.model.lead import Event
from engine.rules.conditions import addresses
from engine.rules.conditions.conditions import triggers

T = TypeVar("T")
PAGE = "page.visited"


class Listeners(Generic[T]):
    """Things that listen for patterns. What they give back they give in the order in which it was added."""

    def __init__(self) -> None:
        self._by_type: dict[str, _OfType[T]] = {}

    def add(self, pattern: Pattern, listener: T) -> None:
        for type in dict.fromkeys(triggers(pattern)):
            self._by_type.setdefault(type, _OfType(type)).add(pattern, listener)

    def all_for(self, type: str) -> Sequence[T]:
        """Everything that listens for events of the type, whatever their names are."""
        found = self._by_type.get(type)
        return found.all if found is not None else ()

    def near(self, event: Event) -> Sequence[T]:
        """What the event could concern: all whose pattern it meets, and a few whose pattern asks for more than type,
        name and value."""
        found = self._by_type.get(event.type)
        return found.near(event) if found is not None else ()


class _OfType(Generic[T]):
    """Listeners for one type of events: by the whole name, by what stands before the first `*` of a name, by the value
    that is crossed; the others are near every event."""

    def __init__(self, type: str) -> None:
        self._type = type
        self.all: list[T] = []
        self._any: list[int] = []
        self._named: dict[str, list[int]] = {}
        self._beginning: dict[str, list[int]] = {}
        self._lengths: list[int] = []
        self._values: list[float] = []
        self._crossing: dict[float, list[int]] = {}

    def add(self, pattern: Pattern, listener: T) -> None:
        self._place(pattern).append(len(self.all))
        self.all.append(listener)

    def near(self, event: Event) -> Sequence[T]:
        found = set(self._any)
        if self._named or self._beginning:
            for text in self._texts(event):
                found.update(self._named.get(text, ()))
                for length in self._lengths:
                    found.update(self._beginning.get(text[:length], ()))
        if self._values:
            for value in self._crossed(event):
                found.update(self._crossing[value])
        return [self.all[number] for number in sorted(found)] if len(found) < len(self.all) else self.all

    def _place(self, pattern: Pattern) -> list[int]:
        """Where the pattern's listeners stand."""
        if pattern.composite:
            return self._named.setdefault(pattern.key.casefold(), [])
        if pattern.threshold is not None:
            if pattern.threshold not in self._crossing:
                self._values.insert(bisect_left(self._values, pattern.threshold), pattern.threshold)
            return self._crossing.setdefault(pattern.threshold, [])
        if pattern.name is None:
            return self._any
        name = addresses.route_of(pattern.name) if self._type == PAGE else pattern.name.casefold()
        start, star, _ = name.partition("*")
        if not star:
            return self._named.setdefault(name, [])
        if len(start) not in self._lengths:
            self._lengths.append(len(start))
        return self._beginning.setdefault(start, [])

    def _texts(self, event: Event) -> Sequence[str]:
        """The event's name in every form in which a pattern may give it."""
        if self._type != PAGE:
            return (event.name.casefold(),)
        return addresses.pages_of(event.name, str(event.data.get("url", "")))

    def _crossed(self, event: Event) -> Sequence[float]:
        """The watched values between what it was and what it is, both ends included."""
        ends = sorted(float(event.data.get(name, 0)) for name in ("before", "after"))
        return self._values[bisect_left(self._values, ends[0]) : bisect_right(self._values, ends[1])]
