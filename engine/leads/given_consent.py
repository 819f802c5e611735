"""Consent that was given elsewhere, on paper or to another system, taken over with its proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.leads.consent import agree_unconfirmed
from engine.leads.preferences import CHOSEN
from engine.rules.conditions.conditions import topic_state
from engine.runtime.transaction import LeadTransaction
from engine.store import consents

State = Literal["subscribed", "opted out", "suppressed"]


@dataclass(frozen=True)
class Given:
    """Consent to a topic: the wording that was agreed to, when (ISO 8601), and how it was given. `door` is where the
    proof came in, `by` who brought it: the name of an API key, or of a person who imported a file."""

    topic: str
    wording: str
    given_at: str
    how: str
    by: str = ""
    door: Literal["api", "import"] = "api"

    @property
    def said(self) -> dict[str, str]:
        """What the proof says, whoever brought it."""
        return {"how": f"{self.door}: {self.how}", "wording": self.wording, "given_at": self.given_at}

    @property
    def record(self) -> dict[str, str]:
        return {**self.said, **({"by": self.by} if self.by else {})}


async def take_over(work: LeadTransaction, given: Sequence[Given]) -> dict[str, State]:
    """Keep each proof that is not known yet, with the open ledger; what the lead has left stays left.

    Returns what became of each topic. Whoever has opted out comes back by a mailbox of their own alone: the proof is
    kept as one that was asked for.
    """
    ledger, found = work.ledger, dict[str, State]()
    known = [
        (topic, {name: record.get(name) for name in ("how", "wording", "given_at")})
        for topic, record in await consents.records(work.hot, ledger.lead.id)
    ]
    for one in given:
        if (one.topic, one.said) not in known:
            ledger.happen(CHOSEN, "", {"joined": [one.topic], "how": one.record["how"]}, mute=True)
            agree_unconfirmed(ledger, work.writes, {one.topic: one.record})
        joined = topic_state(ledger.lead.topics, one.topic) == "subscribed"
        found[one.topic] = "opted out" if not joined else "suppressed" if ledger.lead.suppressed else "subscribed"
    return found
