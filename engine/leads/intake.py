"""The way in: one transaction per event. Lock the lead, look around, follow the consequences, write, commit, deliver.

Whoever gets an answer from here may tell the sender that it is stored: every function returns after the commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from dsl.plan import EventType, Form, Scalar
from engine.leads import confirmations
from engine.leads.consent import agree, agree_unconfirmed, come_back, hashed, left, note_consent, proof, withdraw
from engine.leads.mail_events import follow
from engine.model.ids import new_id
from engine.model.lead import TRACKING
from engine.platform.tokens import email_key
from engine.rules.conditions.addresses import page_name
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.suppression import has_left
from engine.rules.tracking.classify import Source
from engine.rules.tracking.click_ids import without_click_id, without_click_ids
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, Occurred, lead_transaction, look_for
from engine.store import consents, leads
from engine.store.leads import Locked
from engine.tracking.hits import Followed
from engine.tracking.paths import (
    Path,
    join_sessions,
    made_known_by,
    note_conversion,
    note_origin,
    path_for,
    source_of_event,
    source_of_page,
)
from engine.tracking.visits import Visitor, anonymous, keep, lock_visitor, see

REPEAT = timedelta(minutes=10)
"""The same form with the same values within this span is one post."""


@dataclass(frozen=True)
class FormPost:
    """A checked form post. `topics` are the consents that were ticked; `context` is kept with the proof of consent.

    `language`: what the visitor asked for, for a lead whose language is not known yet. `page` and `referrer`: the
    address of the page the form stands on, and where its visitor came from, for those of whom no visit is known.
    """

    form: Form
    values: Mapping[str, Scalar]
    topics: Sequence[str] = ()
    key: str | None = None
    visitor: UUID | None = None
    language: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    page: str = ""
    referrer: str = ""


@dataclass(frozen=True)
class Submitted:
    """`seq`: the post's number in the lead's log."""

    state: Literal["submitted", "confirm", "repeated"]
    lead_id: UUID
    seq: int = 0


Taken = Literal["recorded", "repeated", "declined"]
"""Declined: it is a visit of a lead who has withdrawn their consent to tracking."""


@dataclass(frozen=True)
class Occurrence:
    """Something another system saw: by `email`, or by `visitor` while nobody knows who it is."""

    type: EventType
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    email: str | None = None
    visitor: UUID | None = None
    key: str | None = None
    source: Source | None = None
    """Where it came from, as its sender says."""


async def submit(rt: Runtime, post: FormPost) -> Submitted:
    """Take a form post in. With double opt-in it only asks for the confirmation; nothing else happens until then."""
    address = str(post.values["email"])
    key = email_key(address)
    async with lead_transaction(rt, key) as work:
        seen = await lock_visitor(rt, work.hot, post.visitor)
        keys, fresh = _natural_keys(post, rt.clock.now())
        locked = await known(work, address, key, keys, fresh, anonymous(seen))
        ledger = await work.open(locked, _event_of(post), keys=keys, fresh=fresh, visitor=anonymous(seen))
        if work.around.repeated is not None:
            return Submitted("repeated", locked.lead.id, work.around.repeated)
        if post.form.confirm_with:
            await _ask_to_confirm(work, post, keys[0])
        else:
            path = await _path(work, seen, post.page, post.referrer, new=bool(locked.row.created))
            _take_in(work, post, path, keys[0])
        await work.commit()
        found = next(one.seq for one in reversed(ledger.events) if one.type == _event_of(post)[0])
    return Submitted("confirm" if post.form.confirm_with else "submitted", ledger.lead.id, found)


async def ask_again(rt: Runtime, lead_id: UUID, seq: int, client: str) -> None:
    """The person has no confirmation email yet and asks for it on the page: send it again, as far as the budget goes.

    Nobody learns here whether there is such a post, or what became of it.
    """
    async with lead_transaction(rt, str(lead_id)) as work:
        posted = await leads.posted_form(work.hot, lead_id, seq)
        locked = await leads.lock(work.hot, lead_id) if posted is not None else None
        if posted is None or locked is None or locked.lead.email is None:
            return
        event = ("form.posted", str(posted.name), posted.data)
        ledger = await work.open(locked, event, keys=[f"confirm:{posted.seq}"])
        if work.around.repeated is None and await confirmations.spend(work, client, asked_again=True) == "sent":
            again = ledger.happen(*event)
            for topic, record in (posted.asked or {}).items():
                note_consent(ledger, work.writes, topic, "asked", record, seq=again.seq, at=again.at)
            await work.commit()


async def confirm(rt: Runtime, lead_id: UUID, seq: int) -> str | None:
    """The button in the double opt-in mail: now the form counts as submitted. The form's name, or None if unknown.

    The post itself is the proof that the address is theirs, so its values may overwrite what is known, and what its
    visitor did on the company's pages is theirs. They agreed to the form as it was then, whatever it is by now.
    """
    async with lead_transaction(rt, str(lead_id)) as work:
        posted = await leads.posted_form(work.hot, lead_id, seq)
        if posted is None:
            return None
        seen = await lock_visitor(rt, work.hot, UUID(posted.data["visitor"]) if posted.data.get("visitor") else None)
        locked = await leads.lock(work.hot, lead_id)
        if locked is None:
            return None
        event, key = ("form.submitted", str(posted.name), posted.data["values"]), f"confirm:{posted.seq}"
        await work.open(locked, event, keys=[key], visitor=anonymous(seen))
        if work.around.repeated is None:
            said = posted.data
            path = await _path(work, seen, said.get("page", ""), said.get("referrer", ""), new=posted.seq == 1)
            _take_confirmed(work, posted, path, event, key)
            await work.commit()
    return str(posted.name)


async def click(rt: Runtime, message_id: UUID, link_id: str) -> str | None:
    """A person followed a link in an email: where it leads. Clicks within ten seconds on one link are one click."""
    async with lead_transaction(rt, str(message_id)) as work:
        return await follow(work, Followed("click", message_id, link_id, rt.clock.now()))


async def opened(rt: Runtime, message_id: UUID) -> None:
    """A person opened an email. Once per email: opens deceive, and more of them mean nothing."""
    async with lead_transaction(rt, str(message_id)) as work:
        await follow(work, Followed("open", message_id, "", rt.clock.now()))


async def unsubscribe(
    rt: Runtime, lead_id: UUID, topic: str | None, how: str, *, since: datetime | None = None
) -> None:  # fmt: skip
    """Effective at the commit. A topic's campaigns are left; without a topic all are, nothing is mailed any more.

    `since`: when they said so, if that was earlier; whoever has subscribed again after it stays subscribed.
    """
    async with lead_transaction(rt, str(lead_id)) as work:
        locked = await leads.lock(work.hot, lead_id)
        if locked is None:
            return
        if since is not None and await consents.agreed_since(work.hot, lead_id, topic, since):
            return
        ledger = await work.open(locked, left(topic, how))
        if has_left(ledger.lead, topic, ledger.rules.program):
            return
        withdraw(rt, ledger, work.writes, topic, how)
        await work.commit()


async def record(rt: Runtime, one: Occurrence) -> Taken:
    """Take in an event from elsewhere. One that nobody can be named for is kept until the visitor becomes known."""
    if one.type == "page.visited":
        one = replace(one, name=page_name(one.name))
    if one.email is not None:
        key = email_key(one.email)
        async with lead_transaction(rt, key) as work:
            keys = _occurrence_keys(one)
            return await _occur(work, await known(work, one.email, key, keys), one, keys)
    assert one.visitor is not None, "an event needs an address or a visitor"
    async with lead_transaction(rt, str(one.visitor)) as work:
        seen = await lock_visitor(rt, work.hot, one.visitor)
        assert seen is not None, "it is made if it is new"
        deployment = rt.catalog.current or await rt.catalog.refresh()
        keys = _occurrence_keys(one, seen)
        if seen.lead is not None and (found := await leads.lock(work.hot, seen.lead, look_for(deployment, keys))):
            return await _occur(work, found, one, keys, seen)
        if one.type == "page.visited" and deployment is not None:
            await see(rt, work.hot, work.writes, deployment.ways, seen, one.data)
        key = one.key or str(uuid4())
        kept = without_click_ids(one.data)
        await keep(work.hot, work.writes, seen, key, one.type, one.name, kept, rt.clock.now())
    return "recorded"


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def known(
    work: LeadTransaction, address: str, key: str, keys: Sequence[str] | None = None,
    fresh: datetime | None = None, visitor: UUID | None = None,
) -> Locked:  # fmt: skip
    """The lead with that address under its lock; a new one stands at the first stage. `keys`, `fresh` and `visitor` are
    what `open` will be asked, so that it is looked up at once; no `keys`: nothing is."""
    rt = work.rt
    current = rt.catalog.current or await rt.catalog.refresh()
    first = current.first_stage if current else ""
    now = rt.clock.now()
    return await leads.lock_or_create(
        work.hot, id=new_id(now), email=address, key=key, hash=hashed(rt, key), stage=first, now=now,
        look=look_for(current, keys, fresh, visitor) if keys is not None else None,
    )  # fmt: skip


def _occurrence_keys(one: Occurrence, seen: Visitor | None = None) -> list[str]:
    """The natural keys, the own one first. Those of a visitor are as those of what they brought when they became known,
    by which `split` finds them."""
    own = [one.key] if one.key else []
    return own if seen is None else [f"v:{seen.id}:{one.key or uuid4()}", *own]


async def _path(work: LeadTransaction, seen: Visitor | None, page: str, referrer: str, *, new: bool) -> Path:
    """How the sender of a form came here; `new` if the form makes them known."""
    deployment = await work.rt.deployment(work.locked.epoch)
    own = source_of_page(deployment.ways, page, referrer)
    return await path_for(work.hot, work.locked.lead.id, seen, own, new=new)


async def _occur(
    work: LeadTransaction, locked: Locked, one: Occurrence, keys: Sequence[str], seen: Visitor | None = None
) -> Taken:  # fmt: skip
    if one.type == "page.visited" and locked.lead.topics.get(TRACKING) == "unsubscribed":
        return "declined"
    data = without_click_ids(one.data)
    ledger = await work.open(locked, (one.type, one.name, data), keys=keys)
    if work.around.repeated is not None:
        return "repeated"
    ledger.rate()
    new = bool(getattr(locked.row, "created", False))
    path = await path_for(work.hot, locked.lead.id, seen, source_of_event(one.type, one.source), new=new)
    if new:
        note_origin(ledger, path, ledger.now, made_known_by(one.type, one.name))
    if one.type == "page.visited" and seen is not None:
        await see(work.rt, work.hot, work.writes, (await work.rt.deployment(locked.epoch)).ways, seen, one.data)
    event = ledger.happen(one.type, one.name, data, key=keys[0] if keys else None)
    note_conversion(ledger, work.writes, event, path, event.happened_at)
    await work.commit()
    return "recorded"


def _event_of(post: FormPost) -> Occurred:
    type: EventType = "form.posted" if post.form.confirm_with else "form.submitted"
    return type, post.form.name, {name: value for name, value in post.values.items() if name != "email"}


async def _ask_to_confirm(work: LeadTransaction, post: FormPost, key: str) -> None:
    """Store a post that awaits its confirmation; the hidden confirmation campaign starts from it, unless the budget for
    such emails is spent: then nothing follows until somebody asks again."""
    ledger, (type, name, data) = work.ledger, _event_of(post)
    fill(ledger, _spoken(post), overwrite=False)
    raw: dict[str, Any] = {"values": dict(data), "topics": list(post.topics), "context": dict(post.context)}
    stood = {"page": without_click_id(post.page), "referrer": without_click_id(post.referrer)}
    raw |= {name: value for name, value in stood.items() if value}
    if post.visitor is not None:
        raw["visitor"] = str(post.visitor)
    sent = await confirmations.spend(work, str(post.context.get("client", "")))
    event = ledger.happen(type, name, raw, key=key, mute=sent != "sent")
    for topic in post.topics:
        record = proof(post.form, topic, post.context)
        note_consent(ledger, work.writes, topic, "asked", record, seq=event.seq, at=event.at)


def _take_in(work: LeadTransaction, post: FormPost, path: Path, key: str) -> None:
    """The post counts at once: where its sender came from and what they did, its values, its consents, then the event
    itself."""
    ledger, (type, name, data) = work.ledger, _event_of(post)
    note_origin(ledger, path, ledger.now, made_known_by(type, name) if work.locked.row.created else None)
    _join_visitor(work, path)
    fill(ledger, {**_spoken(post), **post.values}, overwrite=bool(work.locked.row.created))
    agree_unconfirmed(ledger, work.writes, {topic: proof(post.form, topic, post.context) for topic in post.topics})
    note_conversion(ledger, work.writes, ledger.happen(type, name, data, key=key), path, ledger.now)


def _take_confirmed(work: LeadTransaction, posted: Any, path: Path, event: Occurred, key: str) -> None:
    """The same for a post that was stored before, and whose sender has proved now who they are."""
    ledger, (type, name, values) = work.ledger, event
    note_origin(ledger, path, posted.at, made_known_by(type, name) if key == "confirm:1" else None)
    _join_visitor(work, path)
    fill(ledger, values, overwrite=True)
    if posted.data["topics"]:
        come_back(work.rt, ledger, work.writes)
    asked = posted.asked or {}
    proofs = {topic: {**asked[topic], "posted_seq": key.removeprefix("confirm:")} for topic in asked}
    agree(ledger, work.writes, proofs)
    note_conversion(ledger, work.writes, ledger.happen(type, name, values, key=key), path, posted.at)


def _spoken(post: FormPost) -> dict[str, Scalar]:
    return {"language": post.language} if post.language else {}


def fill(ledger: Ledger, values: Mapping[str, Scalar], *, overwrite: bool) -> None:
    """Take over the values: what the CRM owns never, what is known already only if the sender has proved who it is."""
    program, changes = ledger.rules.program, {}
    for name, value in values.items():
        declared = program.all_fields.get(name)
        if name == "email" or declared is None or declared.from_crm or declared.measured:
            continue
        if overwrite or ledger.lead.fields.get(name) in (None, ""):
            changes[name] = value
    ledger.set_fields(changes)
    ledger.rate()


def _join_visitor(work: LeadTransaction, path: Path) -> None:
    """What an anonymous visitor did counts from the moment they are known, in the order it happened."""
    if path.joining is None:
        return
    ledger, writes, visitor = work.ledger, work.writes, path.joining
    writes.update("visitors", id=visitor, lead_id=ledger.lead.id)
    join_sessions(ledger, writes, path)
    for one in work.around.anonymous:
        data = {**one["data"], "at": one["data"].get("at", one["at"])}
        event = ledger.happen(one["type"], one["name"], data, key=f"v:{visitor}:{one['key']}")
        note_conversion(ledger, writes, event, replace(path, own=source_of_event(event.type)), event.happened_at)
    if work.around.anonymous:
        writes.delete("visitor_events", "visitor_id", visitor)


def _natural_keys(post: FormPost, now: datetime) -> tuple[list[str], datetime | None]:
    """The keys under which the post may have come before; those made from its content fade."""
    if post.key is not None:
        return [f"post:{post.form.name}:{post.key}"], None
    body = json.dumps([post.form.name, dict(post.values), list(post.topics)], sort_keys=True, default=str)
    digest = hashlib.sha256(body.encode()).hexdigest()[:32]
    bucket = int(now.timestamp() // REPEAT.total_seconds())
    return [f"body:{digest}:{bucket}", f"body:{digest}:{bucket - 1}"], now - REPEAT
