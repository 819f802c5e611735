"""A stage whose CRM is a strict HubSpot in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from engine.crm.hubspot import HubSpot
from engine.platform.settings import CrmAccess
from tests.support.crm import CRM, NAME
from tests.support.hubspot import HubSpotServer
from tests.support.sales import WORKSPACE
from tests.support.stage import TUESDAY, Stage, open_stage


@pytest.fixture
def there() -> HubSpotServer:
    return HubSpotServer(now=TUESDAY)


@pytest.fixture
async def stage(new_database: Callable[[], str], there: HubSpotServer) -> AsyncIterator[Stage]:
    crm = {NAME: CrmAccess(token="t0ken", secret="hooks")}
    async with open_stage(new_database(), WORKSPACE + CRM, crm=crm) as opened:
        opened.rt.crms[NAME] = HubSpot(crm[NAME], opened.clock, transport=there.transport())
        yield opened
