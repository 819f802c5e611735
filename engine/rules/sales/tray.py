"""The notices of a handoff that are still to be sent, and which of them no longer say what is true. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from engine.rules.sales.ladder import Notice, NoticeKind, State
from engine.rules.sales.routing import same


@dataclass(frozen=True, slots=True)
class Pending:
    """A notice that nobody has handed over yet. `visit` is its number within the handoff, part of its identity."""

    kind: NoticeKind
    to: str
    visit: str


@dataclass(frozen=True, slots=True)
class Tray:
    """The notices of one handoff. `told`: how many there have been; `attempt`: the call that is sending them."""

    pending: tuple[Pending, ...] = ()
    told: int = 0
    attempt: str | None = None

    def plus(self, gen: int, notices: Iterable[Notice]) -> Tray:
        told, pending = self.told, list(self.pending)
        for notice in notices:
            pending.append(Pending(notice.kind, notice.to, f"{gen}:{told}"))
            told += 1
        return replace(self, pending=tuple(pending), told=told)

    def only_to(self, here: Callable[[str], bool]) -> Tray:
        """Without the notices to people who have left."""
        return replace(self, pending=tuple(one for one in self.pending if here(one.to)))

    def without(self, visit: str) -> Tray:
        return replace(self, pending=tuple(one for one in self.pending if one.visit != visit))

    def to_json(self) -> dict[str, Any]:
        pending = [[one.kind, one.to, one.visit] for one in self.pending]
        return {"pending": pending, "told": self.told, "attempt": self.attempt}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Tray:
        kinds: tuple[NoticeKind, ...] = get_args(NoticeKind)
        known = {str(kind): kind for kind in kinds}
        pending = tuple(Pending(known[kind], to, visit) for kind, to, visit in data.get("pending", ()))
        return Tray(pending, data.get("told", 0), data.get("attempt"))


def outdated(notice: Pending, state: State) -> str | None:
    """Why the notice no longer says what is true, or None."""
    if notice.kind == "overdue":
        return None
    if state.phase == "closed":
        return "closed meanwhile" if notice.kind != "reassigned" else None
    if notice.kind in ("assigned", "reminder", "follow_up") and not same(notice.to, state.member):
        return "a colleague has it meanwhile"
    if notice.kind == "reassigned" and same(notice.to, state.member):
        return "it came back meanwhile"
    return None
