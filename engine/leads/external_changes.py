"""What another system knows of a lead: fields, also those that only the CRM may write, and the lists it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from dsl.plan import Scalar
from engine.leads.given_consent import Given, State, take_over
from engine.leads.intake import known
from engine.platform.tokens import email_key
from engine.rules.leads.consequences import Ledger
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction


def note(
    ledger: Ledger, fields: Mapping[str, Scalar | None], lists: Sequence[str], left: Sequence[str]
) -> None:  # fmt: skip
    """What another system says of the lead."""
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
