"""Whether a person or a machine fetched the picture of an email or followed its link. Values in, values out.

A hit is a machine's if it says so itself, or if what the same client did around it is what only machines do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.rules.tracking.agents import browser, machine, reader

VERSION: Final = 2
"""Of these rules and of `agents.toml`. Kept with each judgement."""
HIDDEN: Final = "hidden"
"""The id of the link that no person sees."""

SOON: Final = timedelta(seconds=10)
"""Nobody reads an email this soon after it was handed over to the mail provider."""
BURST, BURST_WITHIN = 3, timedelta(seconds=5)
"""So many different links in so short a time are followed by no person."""
HIDDEN_WITHIN: Final = timedelta(seconds=60)
"""This close to the hidden link, before or after it, everything its client does is a machine's."""
MANY_LEADS, MANY_WITHIN = 5, timedelta(seconds=30)
"""The same client in the emails of so many leads in so short a time is no person."""
BEHIND_CLICK: Final = timedelta(seconds=5)
"""A file fetched this soon after a click belongs to the click."""
HOLD: Final = timedelta(seconds=10)
"""How long a click waits for signs that come after it."""
SCANNED: Final = timedelta(minutes=10)
"""For so long after the handing over gateways check the links of an email."""
AROUND: Final = max(BURST_WITHIN, HIDDEN_WITHIN, MANY_WITHIN, BEHIND_CLICK)
"""How far before and after a hit the rules look."""

Kind = Literal["open", "click", "download"]
Judgement = Literal["human", "machine", "held"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One fetch. `link` is empty for an open, a path for a download. `client` stands for an address and a user agent,
    `lead` for whose email it is. `handed`: when the email was handed over, None for a download."""

    at: datetime
    kind: Kind
    client: str
    agent: str
    lead: str
    link: str = ""
    signs: tuple[str, ...] = ()
    handed: datetime | None = None


def judge(hit: Hit, around: Iterable[Hit] = ()) -> tuple[str, ...]:
    """What makes the hit a machine's, most telling first; empty: a person's. `around`: other hits of the same client
    from AROUND before it to AROUND after it."""
    mine = [one for one in around if one.client == hit.client]
    return tuple(dict.fromkeys([*by_itself(hit), *_together(hit, mine)]))


def by_itself(hit: Hit) -> tuple[str, ...]:
    """What the hit alone shows."""
    found: list[str] = [sign for sign in ("HEAD", "prefetch") if sign in hit.signs]
    if hit.link == HIDDEN:
        found.append("hidden link")
    known = reader(hit.agent) if hit.kind == "open" else None
    if known is None and (name := machine(hit.agent)) is not None:
        found.append(f"agent: {name}")
    elif hit.kind != "open" and not browser(hit.agent):
        found.append("no browser")
    if hit.handed is not None and hit.at - hit.handed < SOON:
        found.append("soon")
    return tuple(found)


def holds(hit: Hit, earlier: Sequence[Hit], due: datetime | None) -> bool:
    """Whether a click that looks like a person's waits for signs that may still come.

    It does while gateways check links, unless the same client was there well before without any such sign. `earlier`:
    its hits on this email; `due`: when the first of the lead's runs wakes, or their clock rings. Before that a click
    counts, so that nothing is decided without it.
    """
    if hit.kind == "open" or hit.handed is None or hit.at - hit.handed >= SCANNED:
        return False
    if due is not None and due <= hit.at + AROUND:
        return False
    known = any(hit.at - one.at >= HOLD and not by_itself(one) for one in earlier if one.client == hit.client)
    return not known


def _together(hit: Hit, around: Sequence[Hit]) -> Iterable[str]:
    lead = [one for one in around if one.lead == hit.lead]
    if any(one.link == HIDDEN and abs(one.at - hit.at) <= HIDDEN_WITHIN for one in lead):
        yield "hidden link"
    if hit.kind == "click" and _crowded(hit, [one for one in lead if one.kind == "click"], BURST, BURST_WITHIN, "link"):
        yield "burst"
    shared = hit.kind == "open" and reader(hit.agent) is not None
    if not shared and _crowded(hit, around, MANY_LEADS, MANY_WITHIN, "lead"):
        yield "many leads"
    if hit.kind == "download" and any(
        one.kind == "click" and timedelta() <= hit.at - one.at <= BEHIND_CLICK and by_itself(one) for one in lead
    ):
        yield "click of a machine"


def _crowded(hit: Hit, others: Iterable[Hit], most: int, span: timedelta, by: Literal["link", "lead"]) -> bool:
    """Whether the hit is one of at least so many different ones within some span of that length."""
    found = sorted([hit, *others], key=lambda one: one.at)
    for first in found:
        if hit.at - span <= first.at <= hit.at:
            within = {getattr(one, by) for one in found if first.at <= one.at <= first.at + span}
            if len(within) >= most:
                return True
    return False


def words(reason: str) -> str:
    """A reason in plain words."""
    if reason.startswith("agent: "):
        return f"the client is {reason.removeprefix('agent: ')}"
    return _WORDS[reason]


_WORDS: Final = {
    "HEAD": "it was a HEAD request",
    "prefetch": "the client fetched ahead",
    "hidden link": "the client followed the hidden link",
    "no browser": "the client is not a browser",
    "soon": f"it came less than {SOON.seconds} seconds after the email was sent",
    "burst": f"the client followed {BURST} links within {BURST_WITHIN.seconds} seconds",
    "many leads": f"the client fetched for {MANY_LEADS} leads within {MANY_WITHIN.seconds} seconds",
    "click of a machine": "it followed a click of a machine",
}
