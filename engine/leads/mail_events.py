"""Opens, clicks and downloads as events: what a person did with an email enters the lead's log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from dsl.plan import EventType
from engine.model.lead import Event
from engine.rules.leads.consequences import Ledger
from engine.rules.tracking.hits import HIDDEN, Kind
from engine.rules.tracking.sessions import click_touch
from engine.runtime.transaction import LeadTransaction, Occurred
from engine.store import leads
from engine.store.leads import Locked
from engine.tracking.hits import Followed
from engine.tracking.touches import note_touch

ONE_CLICK = timedelta(seconds=10)
"""Clicks on the same link of the same mail within this span are one click."""
ONE_DOWNLOAD = timedelta(hours=1)
"""Whatever a lead fetches of the same file within this span is one download: viewers ask for it in many parts."""
TYPES: Final[Mapping[Kind, EventType]] = {
    "open": "email.opened", "click": "email.clicked", "download": "file.downloaded",
}  # fmt: skip
_SPANS: Final[Mapping[Kind, timedelta]] = {"click": ONE_CLICK, "download": ONE_DOWNLOAD}


async def follow(work: LeadTransaction, what: Followed) -> str | None:
    """A person did it. The address behind a link, empty for what has none; None where nothing is known of it."""
    locked = await lock_recipient(work, what)
    if locked is None:
        return None
    await follow_locked(work, locked, what)
    return str(locked.row.url) if what.kind == "click" else ""


async def follow_locked(work: LeadTransaction, locked: Locked, what: Followed) -> None:
    """The same for a recipient who is locked already."""
    ledger = await open_event(work, locked, what)
    if work.around.repeated is None and is_recorded(ledger, locked, what):
        log_event(work, what)
        await work.commit()


async def lock_recipient(work: LeadTransaction, what: Followed) -> Locked | None:
    """Whom the email or file is for, under their lock; None for an unknown one, and for a link that never was in it."""
    if what.kind == "download":
        return await leads.lock(work.hot, what.id)
    locked = await leads.lock_by_message(work.hot, what.id, what.link)
    linked = what.kind != "click" or what.link == HIDDEN
    return locked if locked is not None and (linked or locked.row.url is not None) else None


async def open_event(work: LeadTransaction, locked: Locked, what: Followed, **asked: Any) -> Ledger:
    """A ledger for the event; `work.around.repeated` says whether it has happened already. Raises NothingDeployed."""
    span = _SPANS.get(what.kind)
    fresh = what.at - span if span is not None else None
    return await work.open(locked, _event(what, locked), keys=_keys(what), fresh=fresh, **asked)


def is_recorded(ledger: Ledger, locked: Locked, what: Followed) -> bool:
    """Whether the lead lets it be recorded. A download is something that they ask for."""
    if what.kind == "download":
        return True
    return locked.row.kind != "staff" and locked.lead.may_be_tracked(ledger.rules.program)


def log_event(work: LeadTransaction, what: Followed) -> Event:
    """Log it with what follows from it. One that was held says when it happened."""
    ledger, locked = work.ledger, work.locked
    type, name, data = _event(what, locked)
    if what.at < ledger.now:
        data = {**data, "at": what.at.isoformat()}
    ledger.rate()
    if what.kind == "download":
        return ledger.happen(type, name, data, key=_keys(what)[0])
    row = locked.row
    event = ledger.happen(type, name, data, key=_keys(what)[0], enrolment_id=row.owner_id, message_id=what.id)
    if what.kind == "click":
        touch = click_touch(what.id, row.campaign or "", row.template, what.at, row.touched)
        if touch is not None:
            note_touch(work.writes, locked.lead.id, touch)
    return event


def _event(what: Followed, locked: Locked) -> Occurred:
    if what.kind == "download":
        return TYPES[what.kind], what.link, {}
    return TYPES[what.kind], locked.row.template, {"link": locked.row.url} if what.kind == "click" else {}


def _keys(what: Followed) -> list[str]:
    """The natural keys. An email is opened once; a link or file may be followed again after a while."""
    key = f"file:{what.link}" if what.kind == "download" else f"{TYPES[what.kind]}:{what.id}:{what.link}"
    if what.kind not in _SPANS:
        return [key]
    bucket = int(what.at.timestamp() // _SPANS[what.kind].total_seconds())
    return [f"{key}:{bucket}", f"{key}:{bucket - 1}"]
