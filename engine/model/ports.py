"""What the domain needs from outside, as small protocols. Composition roots hand the implementations in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from engine.model.records import Record, record

RunKind = Literal["enrolment", "handoff"]
Queue = Literal["mail", "db"]
"""Where an advance must run: `mail` when it can send, `db` when it only touches Postgres."""


class Clock(Protocol):
    """The only source of time. All instants are aware and in UTC; everything stored is domain time."""

    def now(self) -> datetime:
        """The domain's present, virtual in a demo."""

    def real(self) -> datetime:
        """The machine's present: leases, time-outs, and what Temporal sleeps until."""

    def to_real(self, at: datetime) -> datetime:
        """When the domain instant `at` comes on the machine's clock."""


@record
class Wake(Record):
    """One outbox row: start the run, or tell it that the lead's log has reached `seq`."""

    run: UUID
    kind: RunKind
    start: bool
    seq: int
    gen: int
    queue: Queue


class Runs(Protocol):
    """Starts and wakes durable runs."""

    async def deliver(self, wake: Wake) -> None:
        """Start (`wake.start`) or signal-with-start the run. A start of a run that exists is not an error.

        Raises Unreachable when the server cannot be reached; the outbox row then stays.
        """


class Unreachable(Exception):
    """An outside service did not answer; the work stays where it is and is tried again."""


@dataclass(frozen=True)
class Mail:
    """One rendered message to exactly one recipient."""

    message_id: UUID
    to: str
    sender: str
    subject: str
    html: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    category: str = ""


@dataclass(frozen=True)
class Receipt:
    """What came of handing a mail to the provider.

    accepted: taken over (`provider_id` when known). refused: permanent, for this mail. retry: certainly not taken, may
    be repeated at once. closed: not taken, and nothing will be until `until`. unknown: may or may not have been taken;
    never repeat. Of a post also: the `status` over HTTP, the beginning of the `answer`, the
    `pause` that the receiver asks for, and how long it took.
    """

    state: Literal["accepted", "refused", "retry", "closed", "unknown"]
    reason: str = ""
    provider_id: str | None = None
    until: datetime | None = None
    status: int | None = None
    answer: str = ""
    pause: timedelta | None = None
    milliseconds: int | None = None


Fate = Literal["taken", "delivered", "bounced", "soft", "dropped", "replied", "complained", "unsubscribed"]


@dataclass(frozen=True)
class Report:
    """What somebody who handles our mails says became of one.

    `taken`: no more than that the provider has it. `soft`: it came back, but may arrive another time. `dropped`: it had
    it, and did not send it, for `reason`. `at`: Unix seconds there, for the order of several.
    """

    message_id: UUID
    fate: Fate
    reason: str = ""
    at: float = 0.0
    address: str | None = None
    """To whom the mail went, as they say; None: they do not say."""


class Mailer(Protocol):
    name: str

    async def send(self, mail: Mail) -> Receipt:
        """Hand over one mail. Never raises for anything the provider or the network does."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Parcel:
    """One post to another system, ready to go. `key` is the identity of the step that makes it.

    `stamp` (Unix seconds) and `signatures`, one for each secret in force, are those of Standard Webhooks; `signature`
    is the header that was there before them.
    """

    url: str
    body: bytes
    key: str
    signature: str
    stamp: int = 0
    signatures: str = ""


class Poster(Protocol):
    async def post(self, one: Parcel) -> Receipt:
        """Hand over one parcel. Never raises for anything the receiver or the network does.

        accepted: a 2xx. refused: it will never be. retry: it may have arrived, and may be repeated.
        """

    async def close(self) -> None: ...


class Delivery(Protocol):
    """Hands committed outbox rows to `Runs`, in the background, and removes what was delivered."""

    def push(self, wakes: Sequence[Wake]) -> None: ...
