"""What one deployment says of measuring: its sites, its channels, the zone that its days are counted in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dsl.plan import Program
from engine.rules.conditions.addresses import host_of, readable
from engine.rules.tracking.classify import ChannelRule, Sites, Source, classify

MANY: Final = "(many)"


@dataclass(frozen=True)
class Ways:
    """How visits are classified and on which day they count."""

    sites: Sites
    channels: tuple[ChannelRule, ...]
    zone: ZoneInfo

    @staticmethod
    def of(program: Program) -> Ways:
        """The hosts that forms are allowed on are the company's own, too."""
        workspace = program.workspace
        hosts = (host_of(urlsplit(url)) for form in program.forms for url in form.allowed_on)
        own = dict.fromkeys((*map(readable, workspace.own_sites), *filter(None, hosts)))
        rules = tuple(ChannelRule(one.name, one.tests) for one in workspace.channels)
        ignored = tuple(map(readable, workspace.ignored_referrers))
        return Ways(Sites(tuple(own), ignored), rules, ZoneInfo(workspace.timezone))

    def source(self, address: str, referrer: str, *, full: bool = False) -> Source:
        """Where a visit came from. `full`: there are so many sources that keywords are no longer told apart."""
        found = classify(address, referrer, self.sites, self.channels)
        return replace(found, keyword=MANY, content="") if full and (found.keyword or found.content) else found

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()
