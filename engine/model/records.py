"""Frozen records that are made and changed quickly.

A frozen dataclass guards its attributes against its own constructor too, which then pays a call for every field; runs
and leads are made anew dozens of times per step. A record is filled in as an unguarded twin with the same slots, and
assigning its class in the end makes it the real thing, guard and all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self, TypeVar, dataclass_transform

R = TypeVar("R", bound="Record")
_UNSET: Any = object()


class Record:
    """What every record can do. `@record` gives each class its own `changed`."""

    __slots__ = ()

    def changed(self, **changes: Any) -> Self:
        """A copy with some fields changed. Raises TypeError for a name that is not a field."""
        raise TypeError(f"{type(self).__name__} lacks @record")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: type[R]) -> type[R]:
    """`@dataclass(frozen=True, slots=True)`, made quickly; for classes that are hot, without `__post_init__`."""
    made: Any = dataclass(frozen=True, slots=True, init=False)(kind)
    twin = type(f"_{made.__name__}", made.__bases__, {"__slots__": made.__slots__})
    made.__init__, made.changed = _constructor(made, twin), _changer(made, twin)
    return made  # type: ignore[no-any-return]


def _constructor(kind: type[Any], twin: type[Any]) -> Callable[..., None]:
    """`__init__` with a parameter for each field."""
    known: dict[str, Any] = {"_unset": _UNSET, "_kind": kind, "_twin": twin, "_become": object.__setattr__}
    given, lines = [], ['_become(self, "__class__", _twin)']
    for one in fields(kind):
        name, value = one.name, one.name
        if one.default_factory is not MISSING:
            known[f"_make_{name}"] = one.default_factory
            value = f"_make_{name}() if {name} is _unset else {name}"
            given.append(f"{name}=_unset")
        elif one.default is not MISSING:
            known[f"_default_{name}"] = one.default
            given.append(f"{name}=_default_{name}")
        else:
            given.append(name)
        lines.append(f"self.{name} = {value}")
    return _function(kind, "__init__", ["self", *given], [*lines, "self.__class__ = _kind"], known)


def _changer(kind: type[Any], twin: type[Any]) -> Callable[..., Any]:
    """`changed` with a keyword for each field."""
    names = [one.name for one in fields(kind)]
    lines = ["_made = _twin()", *(f"_made.{name} = self.{name} if {name} is _unset else {name}" for name in names)]
    given = ["self", *(f"{name}=_unset" for name in names)]
    known = {"_unset": _UNSET, "_kind": kind, "_twin": twin}
    return _function(kind, "changed", given, [*lines, "_made.__class__ = _kind", "return _made"], known)


def _function(
    kind: type[Any], name: str, given: list[str], lines: list[str], known: dict[str, Any]
) -> Callable[..., Any]:  # fmt: skip
    """The function with that body, which sees what is known under those names; they begin with an underscore, which
    fields do not."""
    text = "\n".join([f"def {name}({', '.join(given)}):", *(f"    {line}" for line in lines)])
    exec(compile(text, f"<{kind.__name__}.{name}>", "exec"), known)
    made: Callable[..., Any] = known[name]
    return made
