"""How the desk shows instants and values: in the company's zone and language, the zone always named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from engine.rules.conditions.calendar import zone_of
from engine.wording import values
from web.desk.signed_in import Visit
from web.http.context import deployed


@dataclass(frozen=True)
class When:
    """`when(at)` is the instant as text; `zone` the name of the zone that all of them are in."""

    zone: str
    locale: str
    tz: tzinfo

    def __call__(self, at: datetime | None) -> str:
        return "" if at is None else values.moment(at, self.locale, self.tz)

    def day(self, at: datetime | None) -> str:
        return "" if at is None else values.day(at.astimezone(self.tz).date(), self.locale)


async def when(visit: Visit) -> When:
    deployment = await deployed(visit.request)
    name = deployment.program.workspace.timezone if deployment else "UTC"
    locale = deployment.program.workspace.languages[0] if deployment else "en"
    return When(name, locale, zone_of(name))
