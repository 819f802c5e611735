"""What a lead agrees to and takes back, each with its proof, and the addresses that may not be mailed.

All of it works on an open ledger, under its lead's lock, and is written with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dsl.plan import Form
from engine.model.lead import TRACKING
from engine.platform.tokens import address_hash, email_key
from engine.rules.conditions.conditions import topic_state
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.suppression import COMES_BACK, UNSUBSCRIBED, suppress
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import Occurred
from engine.store.writes import Writes


def agree(ledger: Ledger, writes: Writes, proofs: Mapping[str, Mapping[str, str]]) -> None:
    """Subscribe to topics; `proofs` says of each what was agreed to, where and how."""
    for topic, record in proofs.items():
        ledger.subscribe(topic)
        note_consent(ledger, writes, topic, "subscribed", record, seq=ledger.lead.seq + 1, at=ledger.now)


def agree_unconfirmed(ledger: Ledger, writes: Writes, proofs: Mapping[str, Mapping[str, str]]) -> None:
    """The same for a post that nobody has confirmed: what the lead has left stays left, and only that it was asked for
    is kept. Anybody can post an address; its mailbox alone lifts an opt-out."""
    for topic, record in proofs.items():
        if topic_state(ledger.lead.topics, topic) == "unsubscribed":
            note_consent(ledger, writes, topic, "asked", record, seq=ledger.lead.seq + 1, at=ledger.now)
        else:
            agree(ledger, writes, {topic: record})


def note_consent(
    ledger: Ledger, writes: Writes, topic: str, state: str, record: Mapping[str, Any], *, seq: int, at: datetime
) -> None:  # fmt: skip
    """Keep that consent to a topic was asked, given or taken back, with its proof."""
    writes.insert("consents", lead_id=ledger.lead.id, topic=topic, seq=seq, state=state, record=record, at=at)


def proof(form: Form, topic: str, context: Mapping[str, str]) -> dict[str, str]:
    """What is kept with a consent: the wording in the language of the page, and that language. `tracking` in the
    context is the wording beside the box for tracking."""
    rest = {name: value for name, value in context.items() if name != "tracking"}
    own = context.get("tracking", "") if topic == TRACKING else ""
    consent = next((one for one in form.consents if one.topic == topic), None)
    language, wording = consent.shown(context.get("language", "")) if consent else ("", own)
    return {"form": form.name, "wording": wording, **rest, **({"language": language} if language else {})}


def left(topic: str | None, how: str) -> Occurred:
    """The event of leaving a topic, or everything."""
    return "lead.unsubscribed", topic or "", {"topic": topic or "", "how": how}


def withdraw(
    rt: Runtime, ledger: Ledger, writes: Writes, topic: str | None, how: str, *, reason: str = UNSUBSCRIBED,
    key: str | None = None,
) -> None:  # fmt: skip
    """The lead unsubscribes from the topic, or without one from everything. `how` is kept as the proof; `reason` is
    why nothing may be mailed afterwards; `key` is the event's natural key."""
    event = ledger.happen(*left(topic, how), key=key)
    names = [topic] if topic else [one.name for one in ledger.rules.program.workspace.topics]
    for name in names:
        ledger.unsubscribe(name)
        note_consent(ledger, writes, name, "unsubscribed", {"how": how}, seq=event.seq, at=event.at)
    if topic is None:
        suppress(ledger, reason, event.seq)
        note_suppression(rt, ledger, writes, everywhere=True)
    for enrolment in ledger.enrolments:
        plan = rt.catalog.plan(enrolment.digest)
        if plan is not None and plan.topic and topic is not None and plan.topic.casefold() == topic.casefold():
            ledger.leave(enrolment, event.seq)


def come_back(rt: Runtime, ledger: Ledger, writes: Writes) -> None:
    """A lead who had unsubscribed wants mail again; whoever is suppressed for another reason stays so."""
    if ledger.lead.suppressed in COMES_BACK:
        ledger.lead = ledger.lead.changed(suppressed=None)
        writes.delete("suppressions", "address_hash", hashed(rt, email_key(ledger.lead.email or "")))


def note_suppression(rt: Runtime, ledger: Ledger, writes: Writes, *, everywhere: bool = False) -> None:
    """Keep why the address may not be mailed beyond the lead's own row, which an erasure empties. `everywhere`: it is
    the person's own word, and so holds for their other addresses, too."""
    if ledger.lead.email is not None:
        own = hashed(rt, email_key(ledger.lead.email))
        for address in dict.fromkeys([own, *(ledger.lead.former if everywhere else ())]):
            writes.insert("suppressions", address_hash=address, reason=ledger.lead.suppressed, at=ledger.now)


def hashed(rt: Runtime, key: str) -> str:
    """An address as the list of those that may not be mailed knows it: only who has the pepper can ask for one."""
    return address_hash(rt.settings.pepper.get_secret_value(), key)
