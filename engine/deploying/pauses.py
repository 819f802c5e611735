"""Pausing, resuming and stopping campaigns, with who said so, when and why.

From the commit of a pause on nothing is sent: whoever carries a run holds a shared lock from before it asks until its
mail is marked (`campaign_state` in r0004_operations), and a pause waits for all of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.deploying import jobs
from engine.model.ports import Clock
from engine.runtime.epochs import DEPLOYING, Refused, again
from engine.store.db import Database
from engine.store.tables import campaign_states

SPREAD = timedelta(hours=1)
"""Over how long overdue mails leave after a pause, unless somebody says otherwise."""
EVERYTHING = ""
SHOWN = {"paused": "paused", "stopped": "ended", "running": "running"}
"""A state as it is stored → as people read it: the command that ends a campaign was called `stop` once."""

_CHANGING = text("SELECT pg_advisory_xact_lock(1668247653)")
_NOW = text("""
SELECT state, author, reason, at FROM campaign_states WHERE campaign = lower(:campaign) AND until IS NULL""")
_CLOSE = text("UPDATE campaign_states SET until = :now WHERE campaign = lower(:campaign) AND until IS NULL")
_NUMBER = text("SELECT coalesce(max(number), 0) + 1 FROM campaign_states")
_INSIDE = text("""
SELECT count(*) FROM enrolments WHERE state <> 'ended' AND (:campaign = '' OR lower(campaign) = lower(:campaign))""")
_STOPPING = text("""
SELECT count(*) FROM enrolments e JOIN campaign_states s ON s.campaign = lower(e.campaign) AND s.until IS NULL
WHERE s.state = 'stopped' AND e.state <> 'ended' AND (:campaign = '' OR s.campaign = lower(:campaign))""")
_HELD = text("""
SELECT s.campaign, s.state, s.author, s.reason, s.at FROM campaign_states s
WHERE s.until IS NULL AND s.state <> 'running' ORDER BY s.campaign""")
_NAMES = text("""
SELECT name FROM (
    SELECT jsonb_array_elements(program->'campaigns')->>'campaign' AS name FROM deployments
    WHERE epoch = (SELECT max(epoch) FROM deployments)
    UNION SELECT campaign FROM enrolments WHERE state <> 'ended') n GROUP BY name ORDER BY name""")

_PAST = text("SELECT EXISTS (SELECT FROM enrolments WHERE lower(campaign) = lower(:campaign))")


@dataclass(frozen=True)
class Change:
    """What a command did: the campaign (empty: all of them), how many leads are inside, and the job that tells them."""

    campaign: str
    state: Literal["paused", "running", "stopped"]
    at: datetime
    leads: int
    job: UUID | None = None


async def names(db: Database) -> list[str]:
    """The campaigns that are deployed or have leads inside."""
    async with db.engine.connect() as connection:
        return list((await connection.execute(_NAMES)).scalars())


async def is_over(db: Database, campaign: str) -> bool:
    """Whether leads were in a campaign of that name; for one that `names` does not give."""
    async with db.engine.connect() as connection:
        return bool((await connection.execute(_PAST, {"campaign": campaign})).scalar_one())


async def held(db: Database) -> Sequence[dict[str, Any]]:
    """What is paused or stopped at present; the campaign `''` stands for all."""
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_HELD)).mappings()]


async def inside(db: Database, campaign: str) -> int:
    """How many leads are in the campaign, or with `''` runs in all."""
    async with db.engine.connect() as connection:
        return await _count(connection, campaign)


async def pause(db: Database, clock: Clock, campaign: str, author: str, reason: str = "") -> Change:
    """Hold every lead of a campaign where it is, or with `''` of all. Raises Refused when it is held already."""
    async with db.engine.begin() as connection:
        await connection.execute(_CHANGING)
        now = await _state(connection, campaign)
        if now is not None and now.state != "running":
            raise Refused(
                f"{_called(campaign)} already {SHOWN[now.state]}, by {now.author} on {now.at:%Y-%m-%d at %H:%M} UTC"
            )
        at = await _say(connection, clock, campaign, "paused", author, reason)
        return Change(campaign, "paused", at, await _count(connection, campaign))


async def resume(
    db: Database, clock: Clock, campaign: str, author: str, reason: str = "", spread: timedelta = SPREAD
) -> Change:  # fmt: skip
    """Let a campaign go on; overdue mails leave over `spread`. Raises Refused when it does not stand still."""
    async with db.engine.begin() as connection:
        await connection.execute(DEPLOYING)
        await connection.execute(_CHANGING)
        now, everything = await _state(connection, campaign), await _state(connection, EVERYTHING)
        if now is None or now.state == "running":
            paused = everything is not None and everything.state == "paused" and campaign
            hint = ", but all campaigns are; run `coldframe resume --all`" if paused else ""
            raise Refused(f"{_called(campaign)} not paused{hint}")
        if now.state == "stopped":
            await refuse_while_stopping(connection, campaign)
        at = await _say(connection, clock, campaign, "running", author, reason, spread)
        if now.state == "stopped":
            await again(connection, clock, author, "resume", campaign)
            return Change(campaign, "running", at, 0)
        job = await jobs.add(connection, clock, "wake", campaign, {"author": author})
        return Change(campaign, "running", at, await _count(connection, campaign), job)


async def stop(db: Database, clock: Clock, campaign: str, author: str, reason: str = "") -> Change:
    """End every run of a campaign and let nobody enter until it is deployed again or resumed."""
    async with db.engine.begin() as connection:
        await connection.execute(DEPLOYING)
        await connection.execute(_CHANGING)
        now = await _state(connection, campaign)
        if now is not None and now.state == "stopped":
            raise Refused(f"{_called(campaign)} already ended, by {now.author} on {now.at:%Y-%m-%d at %H:%M} UTC")
        at = await _say(connection, clock, campaign, "stopped", author, reason)
        await again(connection, clock, author, "stop", campaign)
        job = await jobs.add(connection, clock, "wake", campaign, {"author": author, "everyone": True})
        return Change(campaign, "stopped", at, await _count(connection, campaign), job)


async def restart_stopped(connection: AsyncConnection, clock: Clock, author: str, epoch: int) -> None:
    """A deployment lets stopped campaigns take leads again. Raises Refused while leads are still being taken out."""
    await connection.execute(_CHANGING)
    await refuse_while_stopping(connection, EVERYTHING)
    for row in (await connection.execute(_HELD)).all():
        if row.state == "stopped":
            await _say(connection, clock, row.campaign, "running", author, f"deployment {epoch}")


async def refuse_while_stopping(connection: AsyncConnection, campaign: str) -> None:
    """Raises Refused while runs of stopped campaigns have not ended: they would go on."""
    count = (await connection.execute(_STOPPING, {"campaign": campaign})).scalar_one()
    if count:
        raise Refused(
            f"{count} lead{'' if count == 1 else 's'} of an ended campaign {'is' if count == 1 else 'are'} still being"
            " removed by the workers; try again in a moment"
        )


async def _state(connection: AsyncConnection, campaign: str) -> Any:
    return (await connection.execute(_NOW, {"campaign": campaign})).first()


async def _say(
    connection: AsyncConnection, clock: Clock, campaign: str, state: str, author: str, reason: str,
    spread: timedelta = timedelta(),
) -> datetime:  # fmt: skip
    now = clock.now()
    await connection.execute(_CLOSE, {"campaign": campaign, "now": now})
    number = (await connection.execute(_NUMBER)).scalar_one()
    await connection.execute(
        insert(campaign_states).values(
            number=number, campaign=func.lower(campaign), state=state, author=author, reason=reason,
            spread=int(spread.total_seconds()), at=now,
        )
    )  # fmt: skip
    return now


async def _count(connection: AsyncConnection, campaign: str) -> int:
    return int((await connection.execute(_INSIDE, {"campaign": campaign})).scalar_one())


def _called(campaign: str) -> str:
    return f'campaign "{campaign}" is' if campaign else "all campaigns are"
