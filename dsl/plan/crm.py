"""Which leads a CRM gets, what it is told of them, and what it tells."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dsl.plan.terms import Frozen

Provider = Literal["hubspot", "webhooks"]
Winner = Literal["theirs", "ours", "newest"]
CrmEnd = Literal["acknowledged", "contacted", "accepted", "rejected"]


class CrmSent(Frozen):
    """One value that the CRM gets. `name`: the field, the scoring ("" is the default one) or the interest profile."""

    kind: Literal["field", "score", "stage", "interest"]
    name: str = ""
    to: str = Field(description="the CRM's own name of its field")


class CrmRead(Frozen):
    """One field that the CRM writes. `wins`: whose value stands when both have one."""

    field: str
    remote: str
    wins: Winner = "theirs"


class CrmOutcome(Frozen):
    """What becomes of an open handoff when a field of the CRM has this value."""

    outcome: CrmEnd
    remote: str
    value: str
    because: str | None = Field(default=None, description="the CRM's field with the reason of a rejection")


class Crm(Frozen):
    name: str
    provider: Provider
    stage: str = Field(description="leads go to the CRM from this stage on")
    sends: tuple[CrmSent, ...] = ()
    reads: tuple[CrmRead, ...] = ()
    won: tuple[str, ...] = Field(default=(), description="the CRM's deal stages that mean won")
    lost: tuple[str, ...] = ()
    outcomes: tuple[CrmOutcome, ...] = ()
    source: str = ""

    def read_names(self) -> tuple[str, ...]:
        """The CRM's fields that are asked for, each once."""
        wanted = [one.remote for one in self.reads]
        for one in self.outcomes:
            wanted += [one.remote, *([one.because] if one.because else [])]
        return tuple(dict.fromkeys(wanted))
