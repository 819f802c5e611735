"""What another system knows of a lead: fields, also those that only the CRM may write, and the lists it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from dsl.plan import Scalar
from engine.leads.given_consent import Given, State, take_over
from engine.leads.intake import known
from engine.model.lead import Event
from engine.platform.tokens import email_key
from engine.rules.conditions.conditions import own_key
from engine.rules.leads.consequences import Ledger
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction

TOLD = "lead.told"
"""The type of the event that holds what another system said. It is no event of the language: what follows are events
of their own."""
IMPORTED = "lead.imported"
"""The same for what a file said, with the file's name, who imported it and, if so, that no campaign may start."""


def note(
    ledger: Ledger, fields: Mapping[str, Scalar | None], lists: Sequence[str], left: Sequence[str]
) -> None:  # fmt: skip
    """What another system says of the lead. What is news of it is logged, so that the past can be told and replayed:
    a field that no campaign watches leaves no other trace."""
    said = _news(ledger, fields, lists, left)
    if said:
        ledger.happen(TOLD, "", said, mute=True)
    _apply(ledger, fields, lists, left)


def note_import(
    ledger: Ledger, name: str, fields: Mapping[str, Any], lists: Sequence[str], more: Mapping[str, Any],
    key: str | None = None, *, quietly: bool = False,
) -> Event:  # fmt: skip
    """What file `name` says of the lead, logged also if none of it is news. `more` is kept with the event, `key` is the
    event's natural key; `quietly`: what follows from it starts no campaign."""
    said = {**_news(ledger, fields, lists, ()), **more, **({"quietly": True} if quietly else {})}
    event = ledger.happen(IMPORTED, name, said, key=key, mute=True)
    ledger.quiet = quietly
    _apply(ledger, fields, lists, ())
    ledger.quiet = False
    return event


def _news(
    ledger: Ledger, fields: Mapping[str, Any], lists: Sequence[str], left: Sequence[str]
) -> dict[str, Any]:  # fmt: skip
    lead = ledger.lead
    said = {
        "fields": {name: value for name, value in fields.items() if value != lead.fields.get(name)},
        "joined": [name for name in lists if own_key(lead.lists, name) is None],
        "left": [name for name in left if own_key(lead.lists, name) is not None],
    }
    return {name: value for name, value in said.items() if value}


def _apply(ledger: Ledger, fields: Mapping[str, Any], lists: Sequence[str], left: Sequence[str]) -> None:
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
