"""A campaign that a command names, as it is written: deployed, or with leads that were inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.common import FAILED, Stop, known_are

if TYPE_CHECKING:
    from engine.store.db import Database


async def named(db: Database, campaign: str) -> tuple[str, bool]:
    """Its name, and whether it is over: not deployed any more, and nobody is inside. Raises Stop, with near names."""
    from engine.deploying import pauses

    names = await pauses.names(db)
    for name in names:
        if name.casefold() == campaign.casefold():
            return name, False
    if await pauses.is_over(db, campaign):
        return campaign, True
    raise Stop(f"no campaign named `{campaign}`: {known_are(campaign, names)}", FAILED)
