"""Whoever looks on while a simulation runs: a timeline, a forecast, a comparison."""

from __future__ import annotations

from datetime import datetime

from dsl.plan import AnyStep, Send
from engine.model.lead import Event
from engine.rules.leads.consequences import Ledger
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import Stuck
from engine.rules.runs.rests import Sleep
from engine.rules.sales.ladder import Notice
from engine.simulation.person import Handover, Letter, Person


class Watcher:
    """Told what happens, in order; overrides what it wants to know. Must not change what it is shown."""

    def committed(self, person: Person, ledger: Ledger) -> None:
        """A transaction is over: its events, points, stages and entries stand in the ledger."""

    def progressed(self, person: Person, ledger: Ledger) -> None:
        """A transaction is under way; what stands in the ledger so far came before what is told next."""

    def woke(self, person: Person, run: Enrolment, step: AnyStep, event: Event | None) -> None:
        """A run left a rest, by an event or (None) because its time had come."""

    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        """A send was settled: sent or skipped."""

    def held(self, person: Person, run: Enrolment, send: Send, until: datetime, why: str | None, rule: str) -> None:
        """A send has to wait. `why`: a person should look."""

    def did(self, person: Person, run: Enrolment, step: AnyStep) -> None:
        """Another effect than a mail was carried out."""

    def passed(self, person: Person, run: Enrolment, step: AnyStep, reason: str) -> None:
        """Another step than a mail was passed over."""

    def rested(self, person: Person, run: Enrolment, sleep: Sleep) -> None:
        """A run has come to rest."""

    def stuck(self, person: Person, run: Enrolment, stuck: Stuck) -> None:
        """A run cannot go on; a person must look."""

    def ended(self, person: Person, run: Enrolment, outcome: str) -> None:
        """A run is over."""

    def handed(self, person: Person, handover: Handover) -> None:
        """Sales was given a lead."""

    def told(self, person: Person, handover: Handover, notice: Notice) -> None:
        """A colleague was mailed about a handoff."""

    def climbed(self, person: Person, handover: Handover) -> None:
        """A handoff's state changed."""

    def missed(self, person: Person, text: str) -> None:
        """An action of the lead or of sales came to nothing."""
