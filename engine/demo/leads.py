"""Playing a lead: browse, fill a form in, confirm, read mail, click, leave. Everything as a browser would do it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from random import Random
from urllib.parse import urlsplit

import httpx

from engine.demo.people import Person
from engine.demo.world import SECONDS_TO_FILL_IN, SITE, Letter, Links, Postbox, Unexpected, World, expect

NONCE, TRAP = "cf_nonce", "cf_website"
ROBOT = "bot@best-offers.example"

FOOTER = ("/u/", "/p/", "/v/")
"""Paths below every email: unsubscribing, preferences, the email in a browser. Nobody clicks these out of interest."""


class Player:
    """One person at a browser. `random` is their own, so that a cast of more people changes nobody's ways."""

    def __init__(self, person: Person, world: World, postbox: Postbox, random: Random) -> None:
        self.person, self.script = person, person.script
        self.world, self.postbox, self.random = world, postbox, random
        self.http = world.browser(person.number, person.language)
        self.letters = 0

    async def play(self, at: datetime) -> None:
        """From the first visit on, shortly before they send their form at `at`, until cancelled."""
        await self.visit("/")
        await self.post(self.script.form, at, wrong_first=self.script.first_wrong)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.read_mail())
            if self.script.booth_after is not None:
                group.create_task(self.meet_at_the_fair(self.script.booth_after))

    async def pause(self, minutes: float) -> None:
        """About so many minutes of virtual time."""
        await self.world.sleep(timedelta(minutes=minutes * self.random.uniform(0.6, 1.6)))

    # ── the company's pages ──────────────────────────────────────────────────────────────────────────────────────────
    async def visit(self, path: str) -> None:
        """Open a page of the company; its script tells of the visit only if the visitor agrees."""
        body = {"url": SITE + path, "title": "Acme Pumps", "consent": self.script.measured}
        expect(await self.http.post("/t", json=body, headers={"Origin": SITE}), 204)
        self.world.counts["visits"] += 1

    async def post(self, form: str, at: datetime | None = None, *, wrong_first: bool = False) -> None:
        """Fill in the hosted page of a form, keep it open a while, and send it, not before `at`."""
        page = Links()
        page.feed(expect(await self.http.get(f"/f/{form}"), 200).text)
        await asyncio.sleep(SECONDS_TO_FILL_IN)
        await self.world.until(at or self.world.clock.now())
        fields = {**self.filled(form), NONCE: page.hidden[NONCE], TRAP: ""}
        if wrong_first:
            mistyped = {**fields, "email": self.person.address.replace("@", " at ")}
            expect(await self.http.post(f"/f/{form}", data=mistyped), 422)
            self.world.counts["refused"] += 1
            await self.pause(5)
        for _ in range(2 if self.script.twice else 1):
            expect(await self.http.post(f"/f/{form}", data=fields), 303)
            self.world.counts["posts"] += 1
        self.world.counts["repeated"] += self.script.twice

    def filled(self, form: str) -> dict[str, str | list[str]]:
        """What this person types and ticks; a form ignores what it does not ask for."""
        person, ticks = self.person, list[str]()
        if self.script.subscribes:
            ticks.append("product" if form == "contact" else "newsletter")
        if self.script.measured:
            ticks.append("@tracking")
        return {
            "email": person.address, "first_name": person.first, "last_name": person.last, "company": person.company,
            "country": person.country, "company_size": str(person.size), "job_title": person.job, "consent": ticks,
        }  # fmt: skip

    async def meet_at_the_fair(self, after: timedelta) -> None:
        """Another system of the company tells what its people saw."""
        await self.world.sleep(after)
        event = {
            "event": "trade_show_visit", "email": self.person.address, "data": {"hall": "7"},
            "key": f"badge-{self.person.number}",
        }  # fmt: skip
        http = self.world.browser(Authorization=f"Bearer {self.world.api_key}")
        for state in ("recorded", "repeated"):  # the badge reader was read out twice
            if expect(await http.post("/api/events", json=event), 200).json()["state"] != state:
                raise Unexpected(f"an event that should be {state} was not")
        self.world.counts["api events"] += 1

    # ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    async def read_mail(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                letter = await self.postbox.next(self.person.address)
                self.world.counts["letters"] += 1
                if letter.link_to("/confirm/"):
                    group.create_task(self.confirm(letter))
                elif letter.marketing:
                    self.letters += 1
                    group.create_task(self.read(letter, self.letters))

    async def confirm(self, letter: Letter) -> None:
        link = letter.link_to("/confirm/")
        if link is None or self.script.confirms is None:
            return
        await self.world.sleep(self.script.confirms * self.random.uniform(0.7, 1.5))
        expect(await self.http.get(link), 200)
        expect(await self.http.post(link), 303)
        self.world.counts["confirmed"] += 1
        if self.script.prices_after is not None:
            await self.world.sleep(self.script.prices_after)
            await self.visit("/pricing")
            await self.pause(4)
            await self.visit("/pricing/seals")

    async def read(self, letter: Letter, number: int) -> None:
        script = self.script
        if number == script.leaves_at:
            await self.pause(30)
            await self.unsubscribe(letter)
            return
        if number not in script.opens:
            return
        await (self.world.sleep(timedelta(days=2.2)) if number in script.dawdles else self.pause(35))
        for image in letter.images:
            expect(await self.http.get(image), 200)
        if number in script.clicks:
            await self.pause(3)
            await self.click(letter, first=number in script.downloads)
        if number == script.demo_after:
            await self.pause(25)
            await self.post("demo")

    async def click(self, letter: Letter, *, first: bool) -> None:
        """Follow a link as far as it stays with us; what lies beyond is the company's own site."""
        links = [link for link in letter.links if not urlsplit(link).path.startswith(FOOTER)]
        url: str | None = links[0 if first else -1]
        while url is not None and self.ours(url):
            answer = expect(await self.http.get(url), 200, 302)
            url = answer.headers.get("location")
        self.world.counts["clicks"] += 1
        if url is not None and not self.ours(url):
            await self.pause(1)
            await self.visit(urlsplit(url).path or "/")

    def ours(self, url: str) -> bool:
        return url.startswith((self.world.base_url, "/"))

    async def unsubscribe(self, letter: Letter) -> None:
        """The page behind the link changes nothing; its button does."""
        link = letter.link_to("/u/")
        assert link is not None, "a marketing mail has an unsubscribe link"
        expect(await self.http.get(link), 200)
        await self.pause(1)
        expect(await self.http.post(link, data={"leave": "newsletter"}), 200)
        self.world.counts["unsubscribed"] += 1


async def robot(world: World) -> None:
    """Fills in every field it finds, also the one that no person sees. It is thanked, and nothing is stored."""
    http: httpx.AsyncClient = world.browser(250)
    data = {"email": ROBOT, "company": "Best Offers", "consent": "newsletter", TRAP: "https://best-offers.example"}
    expect(await http.get("/f/whitepaper"), 200)
    expect(await http.post("/f/whitepaper", data=data), 303)
    world.counts["trapped"] += 1
