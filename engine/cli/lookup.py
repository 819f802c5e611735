"""What a command names, as it is written, whatever the case; else near names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dsl.problems.near import near_or_known
from engine.cli.common import FAILED, Stop

if TYPE_CHECKING:
    from dsl.plan import Plan, Program
    from engine.store.db import Database


def as_written(wanted: str, names: Iterable[str]) -> str | None:
    """The name as it is written, whatever the case in which it is wanted; None when there is none."""
    return next((name for name in names if name.casefold() == wanted.casefold()), None)


def campaign_of(program: Program, wanted: str) -> Plan:
    """The program's campaign of that name. Raises Stop, with near names."""
    plans = {plan.campaign: plan for plan in program.campaigns}
    name = as_written(wanted, plans)
    if name is None:
        raise Stop(f"no campaign named `{wanted}`: {near_or_known(wanted, list(plans))}", FAILED)
    return plans[name]


async def named(db: Database, campaign: str) -> tuple[str, bool]:
    """The name of a campaign that is or was deployed, and whether it is over: nobody is inside any more. Raises Stop,
    with near names."""
    from engine.deploying import pauses

    names = await pauses.names(db)
    if name := as_written(campaign, names):
        return name, False
    if await pauses.is_over(db, campaign):
        return campaign, True
    raise Stop(f"no campaign named `{campaign}`: {near_or_known(campaign, names)}", FAILED)
