"""What another system knows of a lead: fields, also those that only the CRM may write, and the lists it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from dsl.plan import Scalar
from engine.leads.given_consent import Given, State, take_over
from engine.leads.intake import known
from engine.platform.tokens import email_key
from engine.rules.conditions.conditions import own_key
from engine.rules.leads.consequences import Ledger
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction

TOLD = "lead.told"
"""The type of the event that holds what another system said. It is no event of the language: what follows are events
of their own."""


def note(
    ledger: Ledger, fields: Mapping[str, Scalar | None], lists: Sequence[str], left: Sequence[str]
) -> None:  # fmt: skip
    """What another system says of the lead. What is news of it is logged, so that the past can be told and replayed:
    a field that no campaign watches leaves no other trace."""
    lead = ledger.lead
    news = {name: value for name, value in fields.items() if value != lead.fields.get(name)}
    joined = [name for name in lists if own_key(lead.lists, name) is None]
    gone = [name for name in left if own_key(lead.lists, name) is not None]
    said = {"fields": news, "joined": joined, "left": gone}
    if any(said.values()):
        ledger.happen(TOLD, "", {name: value for name, value in said.items() if value}, mute=True)
    ledger.set_fields(fields)
    for name in left:
        ledger.leave_list(name)
    for name in lists:
        ledger.join_list(name)
    ledger.rate()


async def tell(
    rt: Runtime, email: str, fields: Mapping[str, Any], lists: Sequence[str] = (), left: Sequence[str] = (),
    given: Sequence[Given] = (),
) -> tuple[UUID, dict[str, State]]:  # fmt: skip
    """Write the fields (None empties one), put the lead on `lists`, take it from `left`, and take over the consents it
    has `given`; one transaction. Returns the lead and what became of each topic.

    An address that is not known yet becomes a lead. Raises ValueError for what is not one address.
    """
    key = email_key(email)
    async with lead_transaction(rt, key) as work:
        ledger = await work.open(await known(work, email, key))
        states = await take_over(work, given) if given else {}
        note(ledger, fields, lists, left)
        await work.commit()
    return ledger.lead.id, states
