"""What the sales desk and the steps of a simulation ask of the world they are in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from engine.platform.tokens import Tokens
from engine.rules.leads.consequences import Ledger
from engine.runtime.catalog import Deployment
from engine.simulation.person import Person
from engine.simulation.watcher import Watcher


class Host(Protocol):
    """The simulation as its parts see it: what is deployed, who looks on, the present, and transactions on leads."""

    deployment: Deployment
    watcher: Watcher
    tokens: Tokens
    render: bool
    now: datetime

    def new_id(self) -> UUID: ...

    def at(self, when: datetime, act: Callable[..., object], *given: Any) -> None:
        """Do that when the time comes; what is planned for one instant happens in the order of planning."""

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        """Do that as soon as what is under way is done."""

    def open(self, person: Person, working: UUID | None = None) -> Ledger:
        """A transaction on one lead."""

    def commit(self, person: Person, ledger: Ledger) -> None:
        """End a transaction: keep what it decided, and carry on whom it woke."""
