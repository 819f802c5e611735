"""Hits on the emails of leads: who fetched, as little of it as the rules need, and the judgement as a row."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from engine.model.ids import new_id
from engine.rules.tracking.hits import VERSION, Hit, Judgement, Kind, judge
from engine.runtime.runtime import Runtime
from engine.store import hits
from engine.store.db import Database
from engine.store.writes import Writes

KEPT = timedelta(days=180)
MANY = 5_000
LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class Fetch:
    """A request for a picture, a link, or a file: the client's address, its user agent, and what it says of itself
    (HEAD, prefetch)."""

    address: str
    agent: str
    signs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """What was fetched and when. `id` is the message's, for a download the lead's; `link` the link's id or the path."""

    kind: Kind
    id: UUID
    link: str
    at: datetime


def hit_of(rt: Runtime, what: Followed, fetch: Fetch, lead: UUID, handed: datetime | None) -> Hit:
    agent = fetch.agent[:LONGEST_AGENT]
    return Hit(
        what.at, what.kind, client_of(rt.settings.pepper.get_secret_value(), fetch.address, agent), agent, str(lead),
        what.link, fetch.signs, handed,
    )  # fmt: skip


def client_of(pepper: str, address: str, agent: str) -> str:
    """What stands for a client: a peppered hash of its address and user agent."""
    return hmac.digest(pepper.encode(), f"coldframe client: {address}\0{agent}".encode(), "sha256").hex()[:32]


def network_of(address: str) -> str:
    """The network a client is in, /24 or /48; empty where its address is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def note_hit(
    writes: Writes, hit: Hit, what: Followed, fetch: Fetch, judgement: Judgement, reasons: tuple[str, ...] = (), *,
    seq: int | None = None, due: datetime | None = None,
) -> None:  # fmt: skip
    writes.insert(
        "mail_hits", id=new_id(hit.at), lead_id=hit.lead, message_id=None if what.kind == "download" else what.id,
        kind=hit.kind, link=hit.link, network=network_of(fetch.address), client=hit.client, agent=hit.agent,
        signs=list(hit.signs), judgement=judgement, reasons=list(reasons), version=VERSION, seq=seq, at=hit.at,
        handed=hit.handed, due_at=due,
    )  # fmt: skip


def settle_hit(
    writes: Writes, id: UUID, judgement: Judgement, reasons: tuple[str, ...], seq: int | None
) -> None:  # fmt: skip
    writes.update(
        "mail_hits", id=id, judgement=judgement, reasons=list(reasons), version=VERSION, seq=seq, due_at=None
    )  # fmt: skip


async def prune(rt: Runtime) -> int:
    """Remove hits that are older than 180 days; how many."""
    removed = 0
    while done := await hits.prune(rt.db, rt.clock.now() - KEPT, MANY):
        removed += done
    return removed


@dataclass(slots=True)
class Judged:
    """What judging again has found. `machine` and `human`: hits that became one; `counted`: of those that became a
    machine's, how many have caused an event, which stays."""

    hits: int = 0
    machine: int = 0
    human: int = 0
    reasons: int = 0
    counted: int = 0

    @property
    def changed(self) -> int:
        return self.machine + self.human + self.reasons

    def as_json(self) -> dict[str, int]:
        return {**asdict(self), "changed": self.changed, "version": VERSION}


async def judge_again(db: Database, *, dry_run: bool, done: Callable[[int], None]) -> Judged:
    """Judge every stored hit by the rules as they are now. What hits have caused stays as it is."""
    found = Judged()
    async for page in hits.judged(db, MANY):
        changes: list[dict[str, Any]] = []
        for row, hit, around in page:
            reasons = judge(hit, around)
            judgement = "machine" if reasons else "human"
            found.hits += 1
            if (judgement, list(reasons)) != (row.judgement, row.reasons):
                if judgement == row.judgement:
                    found.reasons += 1
                elif judgement == "machine":
                    found.machine += 1
                    found.counted += row.seq is not None
                else:
                    found.human += 1
            elif row.version == VERSION:
                continue
            changes.append(
                {"id": str(row.id), "judgement": judgement, "reasons": list(reasons), "version": VERSION}
            )  # fmt: skip
        if changes and not dry_run:
            await hits.judge_again(db, orjson.dumps(changes).decode())
        done(len(page))
    return found
