"""What campaigns cost by day, over all their deployments."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import Cost
from engine.reports.asking import Asked
from engine.rules.deals.campaign_costs import ONE_DAY, DayCost, Version, costs_by_day
from engine.store import report_funnel


async def campaign_costs(connection: AsyncConnection, asked: Asked) -> Mapping[str, tuple[DayCost, ...]]:
    """By campaign, its costs of the days of the period up to today, in the workspace's zone and currency."""
    zone = ZoneInfo(asked.program.workspace.timezone)
    last = min(asked.query.last, asked.now.astimezone(zone).date())
    versions: dict[str, list[Version]] = {}
    for row in await report_funnel.programs(connection, asked.now):
        plans = {one["campaign"]: tuple(Cost(**cost) for cost in one.get("costs") or ()) for one in row.campaigns or ()}
        for name in {*versions, *plans}:
            versions.setdefault(name, []).append(Version(row.at, plans.get(name)))
    return {
        name: costs_by_day(known, asked.currency, zone, asked.query.first, last + ONE_DAY)
        for name, known in sorted(versions.items())
    }  # fmt: skip
