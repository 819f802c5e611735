"""What the players share: the clock, a browser each, the mailbox, and a count of what they did. HTTP only."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx

from engine.model.ports import Clock

SITE = "https://www.acme.example"
"""The company's own pages. They do not exist; only what their script would tell Coldframe happens."""
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
"""What a person's browser calls itself; another program would be taken for a machine."""
LOOK_EVERY = 0.12
"""Real seconds between two looks into the mailbox."""
SECONDS_TO_FILL_IN = 1.1
"""Real seconds that a person keeps a form open; Coldframe takes quicker ones for machines."""
HEAD_START = 1.5
"""Real seconds before their time at which people begin, so that a form can be filled in."""


class Unexpected(Exception):
    """A front door answered otherwise than its documentation says. Holds routes and states, nothing personal."""


@dataclass(frozen=True)
class Letter:
    """A mail as it lies in the mailbox, with the links of its body in order."""

    id: str
    to: str
    subject: str
    marketing: bool
    links: tuple[str, ...]
    images: tuple[str, ...]

    def link_to(self, *parts: str) -> str | None:
        """The first link whose path begins with one of `parts`."""
        return next((link for link in self.links if urlsplit(link).path.startswith(parts)), None)


@dataclass
class World:
    """`counts` is kept by the players themselves, for comparison with what Coldframe has stored."""

    base_url: str
    clock: Clock
    api_key: str
    transport: httpx.AsyncBaseTransport
    counts: Counter[str] = field(default_factory=Counter)

    async def until(self, at: datetime) -> None:
        """Sleep until that instant of virtual time, also while the clock is still held."""
        while (left := (self.clock.to_real(at) - self.clock.real()).total_seconds()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)

    async def sleep(self, span: timedelta) -> None:
        """Let so much virtual time pass."""
        await self.until(self.clock.now() + span)

    def browser(self, number: int = 0, language: str = "en", **headers: str) -> httpx.AsyncClient:
        """A browser with its own cookies. Each seems to be at an address of its own, from a range kept for examples."""
        if number:
            headers["X-Forwarded-For"] = f"{('198.51.100', '203.0.113')[number // 250 % 2]}.{number % 250 + 1}"
        return httpx.AsyncClient(
            transport=self.transport, base_url=self.base_url, timeout=30, trust_env=False,
            headers={"Accept-Language": f"{language},en;q=0.5", "User-Agent": BROWSER, **headers},
        )  # fmt: skip


def expect(answer: httpx.Response, *allowed: int) -> httpx.Response:
    """The answer, if its status is one of `allowed`. Raises Unexpected with the route alone: paths can hold tokens."""
    if answer.status_code not in allowed:
        route = "/" + answer.request.url.path.strip("/").partition("/")[0]
        raise Unexpected(f"{answer.request.method} {route} answered {answer.status_code}")
    return answer


class Postbox:
    """Looks into the mailbox for everybody, and hands each mail to whom it is for."""

    def __init__(self, world: World) -> None:
        self._http = world.browser(Accept="application/json")
        self._queues: defaultdict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)
        self._seen: set[str] = set()

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Fetch pages, newest first, until one holds nothing new."""
        number, fresh = 1, True
        while fresh:
            page = expect(await self._http.get("/mailbox", params={"page": number}), 200).json()
            new = [mail for mail in page["mails"] if mail["id"] not in self._seen]
            for mail in reversed(new):
                self._seen.add(mail["id"])
                self._queues[mail["to"].casefold()].put_nowait(mail["id"])
            fresh, number = bool(new) and number < page["pages"], number + 1

    async def next(self, address: str) -> Letter:
        """The next mail for that address; waits for it."""
        id = await self._queues[address.casefold()].get()
        mail = expect(await self._http.get(f"/mailbox/{id}"), 200).json()
        return letter_of(mail)


def letter_of(mail: Mapping[str, Any]) -> Letter:
    page = Links()
    page.feed(mail["html"])
    marketing = "List-Unsubscribe" in mail["headers"]
    return Letter(mail["id"], mail["to"], mail["subject"], marketing, tuple(page.links), tuple(page.images))


class Links(HTMLParser):
    """The links and images of a page, and the values of its hidden inputs, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[str] = []
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values and "display:none" not in values.get("style", ""):  # nobody sees it
            self.links.append(values["href"])
        elif tag == "img" and "src" in values:
            self.images.append(values["src"])
        elif tag == "input" and values.get("type") == "hidden":
            self.hidden[values.get("name", "")] = values.get("value", "")


async def patiently(call: Coroutine[Any, Any, None], problems: list[str], who: str) -> None:
    """Play a part; what goes wrong is noted instead of ending the play."""
    try:
        await call
    except* Unexpected as group:
        problems.extend(f"{who}: {one}" for one in leaves(group))
    except* httpx.HTTPError as group:
        problems.extend(f"{who}: {type(one).__name__}" for one in leaves(group))


def leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    """The exceptions of a group and of the groups in it."""
    found: list[BaseException] = []
    for one in group.exceptions:
        found += leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return found
