"""One report from its question: the door behind which each report is a function of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from dsl.plan import Program
from engine.model.lead import stage_order
from engine.rules.deals.money import decimal_text
from engine.rules.reports.query import BY, Query


@dataclass(frozen=True, slots=True)
class Behind:
    """A lead or deal that a figure counts, in the row that begins with `heads`."""

    heads: tuple[str, ...]
    id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what the deployed files say that it needs: `order` are the stages from first to last."""

    query: Query
    program: Program
    now: datetime
    notes: list[str] = field(default_factory=list)
    unconverted: dict[tuple[str, str], int] = field(default_factory=dict)
    """What is in no sum, by what it is of and its currency."""
    aside: dict[str, list[Any]] = field(default_factory=dict)
    """Rows that only findings look at, by what they are."""
    behind: dict[tuple[str, str], list[Behind]] = field(default_factory=dict)
    """The leads and deals that figures count, by table and column; kept only where the question asks for them."""
    main: bool = True
    """Not an earlier period, of which only the figures that are compared are needed."""

    @property
    def order(self) -> tuple[str, ...]:
        return stage_order(self.program)

    @property
    def currency(self) -> str:
        return self.program.workspace.currency

    @property
    def known(self) -> tuple[str, ...]:
        """The stages at which one is a lead; none where there is no second one, and everybody is."""
        return self.order[1:]

    @property
    def new_lead(self) -> str:
        second = (
            f"people whose first time at {self.order[1]} or beyond it was" if self.known else "people who became known"
        )
        return f"{second}; each counts once"

    @property
    def qualified(self) -> str | None:
        """The stage whose leads marketing answers for: the one called MQL, else the first that was agreed on, else the
        third."""
        by_name = [stage for stage in self.order if stage.casefold() == "mql"]
        agreed = [one.name for one in self.program.stages if one.agreed_by and one.name in self.order]
        return next(iter((*by_name, *agreed, *self.order[2:])), None)

    def during(self, first: date, last: date) -> Asked:
        """The same of an earlier period, whose notes nobody reads."""
        return Asked(self.query.during(first, last), self.program, self.now, main=False)

    @property
    def division(self) -> tuple[str, str]:
        """What the rows are divided by, and the name of the field if it is one."""
        by = self.query.by
        return (by, "") if by in BY[self.query.name] else ("field", by)

    def named(self, value: str) -> str:
        """What a value of the division is called."""
        if self.query.by != "region":
            return value
        regions = self.program.workspace.regions
        return next((one.name for one in regions if value in one.countries), "other countries" if value else "")

    def beyond(self, stage: str) -> tuple[str, ...]:
        """The stage and all after it."""
        return self.order[self.order.index(stage) :]

    @property
    def listing(self) -> bool:
        return self.main and bool(self.query.listed)

    def keep(self, table: str, column: str, heads: Sequence[str], *ids: Any) -> None:
        """Note the leads or deals that a figure counts; `heads` are the texts that its row begins with."""
        if self.listing:
            self.behind.setdefault((table, column), []).extend(Behind(tuple(heads), str(id)) for id in ids)

    def not_converted(self, sums: Mapping[str, int], of: str) -> None:
        """Say what is in no sum, being in currencies without a rate: minor units by currency."""
        for code, amount in sorted(sums.items()):
            self.unconverted[of, code] = amount
            said = f"{decimal_text(amount, code)} {code} of {of}"
            self.note(f"not converted, and in no sum: {said}; add rates with `coldframe import rates`")

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
