"""Which software a user agent stands for: `agents.toml`, read once, and the patterns of crawlerdetect behind it."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from crawlerdetect import CrawlerDetect  # type: ignore[import-untyped]

UNNAMED: Final = "an unnamed program"
"""Who sends no user agent, which no browser and no mail program does."""
CRAWLER: Final = "a crawler"
"""What only crawlerdetect knows."""
SCREENLESS: Final = "a browser without a screen"
"""The row of `agents.toml` for browsers that a program drives."""


_BROWSER: Final = re.compile(
    r"^(?:Mozilla/\d|Opera/\d|UCWEB/).*(?:AppleWebKit|KHTML|Gecko|Trident/|MSIE |Presto/|UCWEB/)", re.I | re.S
)


class Agent(NamedTuple):
    """One row of the data file. `source` is the address of the public description that it rests on."""

    name: str
    pattern: re.Pattern[str]
    source: str


@cache
def agents(kind: str) -> tuple[Agent, ...]:
    """The rows of one kind: `reader` or `machine`."""
    data = tomllib.loads(files(__package__).joinpath("agents.toml").read_text("utf-8"))
    return tuple(Agent(one["name"], re.compile(one["agent"], re.IGNORECASE), one["source"]) for one in data[kind])


@lru_cache(maxsize=4096)
def reader(agent: str) -> str | None:
    """The mail program or proxy that loads a picture when its reader looks at the email; None: it is none of these."""
    return next((one.name for one in agents("reader") if one.pattern.search(agent)), None)


@lru_cache(maxsize=4096)
def machine(agent: str) -> str | None:
    """The software that fetches without being asked by a person; None: it may be anybody's browser."""
    if not agent.strip():
        return UNNAMED
    known = next((one.name for one in agents("machine") if one.pattern.search(agent.strip())), None)
    return known or (CRAWLER if _crawlers().isCrawler(agent) else None)


def browser(agent: str) -> bool:
    """Whether the user agent has the form that every browser's has: Mozilla or Opera, and an engine."""
    return _BROWSER.search(agent) is not None


def scans(agent: str) -> bool:
    """Whether a page view comes from software that visits nothing for a person. Browsers without a screen count as
    browsers here: a company checks its own pages with them, and where consent is needed they had to give it."""
    name = machine(agent)
    return name is not None and name != SCREENLESS


@cache
def _crawlers() -> CrawlerDetect:
    return CrawlerDetect()
