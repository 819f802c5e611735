"""Changing frozen records quickly: `dataclasses.replace` looks every field up by name and runs the constructor, and
runs and leads are replaced a dozen times per step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")
_new = object.__new__


def replace(record: T, /, **changes: Any) -> T:
    """A copy of a dataclass instance with some fields changed; `__post_init__` does not run.

    Raises TypeError for a name that is not a field.
    """
    kind: Any = type(record)
    read, setters, by_name = _shape(kind)
    made: T = _new(kind)
    for put, value in zip(setters, read(record)):  # noqa: B905 - both come from the same fields
        put(made, value)
    for name, value in changes.items():
        if name not in by_name:
            raise TypeError(f"{type(record).__name__} has no field {name}")
        by_name[name](made, value)
    return made


_Setter = Callable[[Any, Any], None]


@lru_cache(maxsize=64)
def _shape(kind: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[_Setter, ...], dict[str, _Setter]]:
    """How to read all fields at once, and how to write each, past a frozen class's guard."""
    names = [field.name for field in fields(kind)]
    by_name = {name: _setter(kind, name) for name in names}
    return attrgetter(*names), tuple(by_name.values()), by_name


def _setter(kind: type[Any], name: str) -> _Setter:
    put: _Setter | None = getattr(getattr(kind, name, None), "__set__", None)
    if put is not None:
        return put
    return lambda record, value: object.__setattr__(record, name, value)
