"""The way in: one transaction per event. Lock the lead, look around, follow the consequences, write, commit, deliver.

Whoever gets an answer from here may tell the sender that it is stored: every function returns after the commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from dsl.plan import EventType, Form, Scalar
from engine.leads.consent import agree, come_back, hashed, left, note_consent, proof, withdraw
from engine.model.lead import TRACKING
from engine.platform.tokens import email_key
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.suppression import has_left
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit, open_ledger
from engine.store import leads
from engine.store.db import Hot
from engine.store.leads import Around, Locked
from engine.store.writes import Writes

REPEAT = timedelta(minutes=10)
"""The same form with the same values within this span is one post."""
ONE_CLICK = timedelta(seconds=10)
"""Clicks on the same link of the same mail within this span are one click."""

_AGREED_SINCE = """SELECT 1 AS one FROM consents WHERE lead_id = %(lead)s AND state = 'subscribed'
    AND (topic = %(topic)s OR %(topic)s::text IS NULL) AND at > %(since)s LIMIT 1"""


@dataclass(frozen=True)
class FormPost:
    """A checked form post. `topics` are the consents that were ticked; `context` is kept with the proof of consent.

    `language`: what the visitor asked for, for a lead whose language is not known yet.
    """

    form: Form
    values: Mapping[str, Scalar]
    topics: Sequence[str] = ()
    key: str | None = None
    visitor: UUID | None = None
    language: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Submitted:
    state: Literal["submitted", "confirm", "repeated"]
    lead_id: UUID


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


async def submit(rt: Runtime, post: FormPost) -> Submitted:
    """Take a form post in. With double opt-in it only asks for the confirmation; nothing else happens until then."""
    address = str(post.values["email"])
    key = email_key(address)
    type: EventType = "form.posted" if post.form.confirm_with else "form.submitted"
    data = {name: value for name, value in post.values.items() if name != "email"}
    async with rt.turn(key), rt.db.hot() as hot:
        attached = await _lock_visitor(rt, hot, post.visitor)
        locked = await known(rt, hot, address, key)
        now = rt.clock.now()
        keys, fresh = _natural_keys(post, now)
        visitor = post.visitor if attached is None else None
        event = (type, post.form.name, data)
        ledger, around = await open_ledger(rt, hot, locked, event, keys=keys, fresh=fresh, visitor=visitor)
        if around.repeated is not None:
            return Submitted("repeated", locked.lead.id)
        writes = Writes()
        spoken = {"language": post.language} if post.language else {}
        if post.form.confirm_with:
            fill(ledger, spoken, overwrite=False)
            await _posted(ledger, writes, post, data, keys[0])
        else:
            _join_visitor(ledger, writes, around, visitor)
            fill(ledger, {**spoken, **post.values}, overwrite=bool(locked.row.created))
            agree(ledger, writes, {topic: proof(post.form, topic, post.context) for topic in post.topics})
            ledger.happen(type, post.form.name, data, key=keys[0])
        await commit(rt, hot, ledger, writes)
    return Submitted("confirm" if post.form.confirm_with else "submitted", ledger.lead.id)


async def confirm(rt: Runtime, lead_id: UUID, seq: int) -> str | None:
    """The button in the double opt-in mail: now the form counts as submitted. The form's name, or None if unknown.

    The post itself is the proof that the address is theirs, so its values may overwrite what is known, and what its
    visitor did on the company's pages is theirs. They agreed to the form as it was then, whatever it is by now.
    """
    async with rt.turn(str(lead_id)), rt.db.hot() as hot:
        posted = await hot.one(
            """SELECT name, data, (SELECT jsonb_object_agg(topic, record) FROM consents
                WHERE lead_id = %(lead)s AND seq = %(seq)s AND state = 'asked') AS asked
            FROM events WHERE lead_id = %(lead)s AND seq = %(seq)s AND type = 'form.posted'""",
            {"lead": lead_id, "seq": seq},
        )
        if posted is None:
            return None
        visitor = UUID(posted.data["visitor"]) if posted.data.get("visitor") else None
        visitor = visitor if await _lock_visitor(rt, hot, visitor) is None else None
        locked = await leads.lock(hot, lead_id)
        if locked is None:
            return None
        data, key, name = posted.data, f"confirm:{seq}", str(posted.name)
        values = data["values"]
        event = ("form.submitted", name, values)
        ledger, around = await open_ledger(rt, hot, locked, event, keys=[key], visitor=visitor)
        if around.repeated is None:
            writes = Writes()
            _join_visitor(ledger, writes, around, visitor)
            fill(ledger, values, overwrite=True)
            if data["topics"]:
                come_back(rt, ledger, writes)
            asked = posted.asked or {}
            agree(ledger, writes, {topic: {**asked[topic], "posted_seq": str(seq)} for topic in asked})
            ledger.happen("form.submitted", name, values, key=key)
            await commit(rt, hot, ledger, writes)
    return name


async def click(rt: Runtime, message_id: UUID, link_id: str) -> str | None:
    """A link in a mail was followed: where to redirect. Clicks within ten seconds on one link are one click."""
    return await _mail_event(rt, message_id, "email.clicked", link_id)


async def opened(rt: Runtime, message_id: UUID) -> None:
    """A mail's picture was fetched. Once per mail: opens deceive, and more of them mean nothing."""
    await _mail_event(rt, message_id, "email.opened", "")


async def download(rt: Runtime, lead_id: UUID, path: str) -> None:
    """A gated file was fetched by the lead."""
    await _happen(rt, lead_id, "file.downloaded", path, {}, None)


async def unsubscribe(
    rt: Runtime, lead_id: UUID, topic: str | None, how: str, *, since: datetime | None = None
) -> None:  # fmt: skip
    """Effective at the commit. A topic's campaigns are left; without a topic all are, nothing is mailed any more.

    `since`: when they said so, if that was earlier; whoever has subscribed again after it stays subscribed.
    """
    async with rt.turn(str(lead_id)), rt.db.hot() as hot:
        locked = await leads.lock(hot, lead_id)
        if locked is None:
            return
        if since is not None and await hot.one(_AGREED_SINCE, {"lead": lead_id, "topic": topic, "since": since}):
            return
        ledger, _ = await open_ledger(rt, hot, locked, left(topic, how))
        if has_left(ledger.lead, topic, ledger.rules.program):
            return
        writes = Writes()
        withdraw(rt, ledger, writes, topic, how)
        await commit(rt, hot, ledger, writes)


async def record(rt: Runtime, one: Occurrence) -> Taken:
    """Take in an event from elsewhere. One that nobody can be named for is kept until the visitor becomes known."""
    if one.email is not None:
        key = email_key(one.email)
        async with rt.turn(key), rt.db.hot() as hot:
            return await _occur(rt, hot, await known(rt, hot, one.email, key), one)
    assert one.visitor is not None, "an event needs an address or a visitor"
    async with rt.turn(str(one.visitor)), rt.db.hot() as hot:
        lead_id = await _lock_visitor(rt, hot, one.visitor)
        if lead_id is not None and (found := await leads.lock(hot, lead_id)):
            return await _occur(rt, hot, found, one)
        writes = Writes()
        key = one.key or str(uuid4())
        writes.insert(
            "visitor_events", visitor_id=one.visitor, key=key, type=one.type, name=one.name, data=one.data,
            at=rt.clock.now(),
        )  # fmt: skip
        await writes.flush(hot)
        await hot.commit()
    return "recorded"


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def known(rt: Runtime, hot: Hot, address: str, key: str) -> Locked:
    """The lead with that address under its lock; a new one stands at the first stage."""
    current = rt.catalog.current or await rt.catalog.refresh()
    now = rt.clock.now()
    first = current.first_stage if current else ""
    return await leads.lock_or_create(
        hot, id=uuid4(), email=address, key=key, hash=hashed(rt, key), stage=first, now=now
    )  # fmt: skip


async def _happen(
    rt: Runtime, lead_id: UUID, type: EventType, name: str, data: dict[str, Any], key: str | None
) -> None:
    async with rt.turn(str(lead_id)), rt.db.hot() as hot:
        if locked := await leads.lock(hot, lead_id):
            one = Occurrence(type=type, name=name, data=data, key=key)
            await _occur(rt, hot, locked, one)


async def _occur(rt: Runtime, hot: Hot, locked: Locked, one: Occurrence) -> Taken:
    if one.type == "page.visited" and locked.lead.topics.get(TRACKING) == "unsubscribed":
        return "declined"
    keys = [one.key] if one.key else []
    ledger, around = await open_ledger(rt, hot, locked, (one.type, one.name, one.data), keys=keys)
    if around.repeated is not None:
        return "repeated"
    ledger.rate()
    ledger.happen(one.type, one.name, one.data, key=one.key)
    await commit(rt, hot, ledger, Writes())
    return "recorded"


async def _mail_event(rt: Runtime, message_id: UUID, type: EventType, link_id: str) -> str | None:
    async with rt.turn(str(message_id)), rt.db.hot() as hot:
        locked = await leads.lock_by_message(hot, message_id, link_id)
        if locked is None or (link_id and locked.row.url is None):
            return None
        url, now = locked.row.url, rt.clock.now()
        keys, fresh = [f"{type}:{message_id}:{link_id}"], None
        if link_id:
            bucket = int(now.timestamp() // ONE_CLICK.total_seconds())
            keys, fresh = [f"{keys[0]}:{bucket}", f"{keys[0]}:{bucket - 1}"], now - ONE_CLICK
        data = {"link": url} if url else {}
        event = (type, locked.row.template, data)
        ledger, around = await open_ledger(rt, hot, locked, event, keys=keys, fresh=fresh)
        program = (await rt.deployment(locked.epoch)).program
        wanted = locked.row.kind != "staff" and locked.lead.may_be_tracked(program)
        if around.repeated is None and wanted:
            ledger.rate()
            row = locked.row
            ledger.happen(type, row.template, data, key=keys[0], enrolment_id=row.owner_id, message_id=message_id)
            await commit(rt, hot, ledger, Writes())
    return str(url) if url else None


async def _posted(ledger: Ledger, writes: Writes, post: FormPost, data: Mapping[str, Scalar], key: str) -> None:
    """Store a post that awaits its confirmation; the hidden confirmation campaign starts from it."""
    raw: dict[str, Any] = {"values": dict(data), "topics": list(post.topics), "context": dict(post.context)}
    if post.visitor is not None:
        raw["visitor"] = str(post.visitor)
    event = ledger.happen("form.posted", post.form.name, raw, key=key)
    for topic in post.topics:
        record = proof(post.form, topic, post.context)
        note_consent(ledger, writes, topic, "asked", record, seq=event.seq, at=event.at)


def fill(ledger: Ledger, values: Mapping[str, Scalar], *, overwrite: bool) -> None:
    """Take over the values: what the CRM owns never, what is known already only if the sender has proved who it is."""
    program, changes = ledger.rules.program, {}
    for name, value in values.items():
        declared = program.all_fields.get(name)
        if name == "email" or declared is None or declared.from_crm:
            continue
        if overwrite or ledger.lead.fields.get(name) in (None, ""):
            changes[name] = value
    ledger.set_fields(changes)
    ledger.rate()


def _join_visitor(ledger: Ledger, writes: Writes, around: Around, visitor: UUID | None) -> None:
    """What an anonymous visitor did counts from the moment they are known, in the order it happened."""
    if visitor is None:
        return
    writes.update("visitors", id=visitor, lead_id=ledger.lead.id)
    for one in around.anonymous:
        ledger.happen(one["type"], one["name"], {**one["data"], "at": one["at"]}, key=f"v:{visitor}:{one['key']}")
    if around.anonymous:
        writes.delete("visitor_events", "visitor_id", visitor)


async def _lock_visitor(rt: Runtime, hot: Hot, visitor: UUID | None) -> UUID | None:
    """The visitor before the lead, always in this order; the lead they are known as, if any."""
    if visitor is None:
        return None
    row = await hot.one(
        """INSERT INTO visitors AS v (id, first_touch, first_at, last_at) VALUES (%(id)s, '{}', %(now)s, %(now)s)
        ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at RETURNING lead_id""",
        {"id": visitor, "now": rt.clock.now()},
    )
    found: UUID | None = row.lead_id
    return found


def _natural_keys(post: FormPost, now: datetime) -> tuple[list[str], datetime | None]:
    """The keys under which the post may have come before; those made from its content fade."""
    if post.key is not None:
        return [f"post:{post.form.name}:{post.key}"], None
    body = json.dumps([post.form.name, dict(post.values), list(post.topics)], sort_keys=True, default=str)
    digest = hashlib.sha256(body.encode()).hexdigest()[:32]
    bucket = int(now.timestamp() // REPEAT.total_seconds())
    return [f"body:{digest}:{bucket}", f"body:{digest}:{bucket - 1}"], now - REPEAT
