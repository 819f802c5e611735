"""What passes between this company's leads and another system that keeps them: a CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from dsl.plan import Scalar

Values = Mapping[str, Scalar | None]
"""The CRM's own names of fields, and their values; None is empty."""


@dataclass(frozen=True)
class Wanted:
    """A lead as the CRM should have it. `remote`: its record there, if one is known; `lead`: our external id there."""

    lead: UUID
    email: str
    values: Values
    remote: str | None = None


@dataclass(frozen=True)
class Written:
    """What came of one write.

    written: it stands there as `remote`. gone: the record is no longer there. refused: this lead's values will not be
    taken, because of `reason`. retry: perhaps not written, may be repeated.
    """

    state: Literal["written", "gone", "refused", "retry"]
    remote: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class RemoteDeal:
    """`amount` is decimal text in `currency`; `at`: when its stage was last changed, if the CRM says so."""

    id: str
    stage: str
    amount: str | None = None
    currency: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class RemoteLead:
    """A record of the CRM. `at`: when it was last changed there; `lead`: our external id, if it bears one; `former`:
    records that were merged into it."""

    id: str
    at: datetime
    email: str | None
    values: Values
    lead: UUID | None = None
    former: tuple[str, ...] = ()
    deals: tuple[RemoteDeal, ...] = ()


@dataclass(frozen=True)
class Page:
    """Records that have changed, oldest first. `cursor` is where the next look begins; `more`: there is more now."""

    records: tuple[RemoteLead, ...]
    cursor: str
    more: bool = False


class Closed(Exception):
    """The CRM takes nothing at all now; `until` is when to try again (real time), None: in a while."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason, self.until = reason, until


class CrmPort(Protocol):
    """One CRM. Each method raises Closed when the whole system refuses or does not answer."""

    polls: bool
    """Whether it can be asked what has changed; else it tells by itself."""

    async def write(self, rows: Sequence[Wanted]) -> Sequence[Written]:
        """Write at most 100 leads by our external id, with an answer for each, in order. Repeating is safe."""

    async def changed(self, names: Sequence[str], cursor: str) -> Page:
        """Records that were changed since the cursor, "" from the first; `names`: the fields to read."""

    async def read(self, names: Sequence[str], remote: str) -> RemoteLead | None:
        """One record as it is now, or the one it was merged into; None: it is gone."""

    async def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those names that are no fields there, for the checks of an operator."""

    async def close(self) -> None: ...
