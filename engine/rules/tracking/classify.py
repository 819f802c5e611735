"""Where a visit came from: an address and a referrer, made into channel, source, medium, campaign and keyword.

`classify` is pure and always answers the same; what it knows of hosts and networks is in `sources.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from engine.rules.conditions.addresses import host_of
from engine.rules.tracking.tables import TABLES, Known
from engine.rules.tracking.values import parameters

Channel = Literal[
    "Direct", "Display", "Paid Search", "Paid Social", "Paid Other", "Email", "Organic Social", "AI Assistant",
    "Organic Search", "Affiliates", "Referral", "Offline", "Unknown", "Other campaign",
]  # fmt: skip
CHANNELS: Final[tuple[str, ...]] = get_args(Channel)
"""Built-in channels; a workspace may declare more, and its own come first."""

NOT_SET: Final = "(not set)"
PAID: Final = re.compile(r".*cp.*|ppc|retargeting|paid.*")
"""Media that cost money per click or view."""

Attribute = Literal["source", "medium", "campaign", "keyword", "content"]


@dataclass(frozen=True)
class Source:
    """Where a visit came from. All lower case, at most 200 characters each; "" where nothing is known.

    `click` is the advertising network's identifier, as (parameter, value): personal, to be kept only with consent.
    """

    channel: str
    source: str = ""
    medium: str = ""
    campaign: str = ""
    keyword: str = ""
    content: str = ""
    click: tuple[str, str] | None = field(default=None, compare=False)
    version: int = field(default=TABLES.version, compare=False)

    @property
    def direct(self) -> bool:
        """Whether nothing says where the visit came from."""
        return self.channel in ("Direct", "Unknown")


UNKNOWN: Final = Source("Unknown", NOT_SET, NOT_SET)
"""Nothing is known, not even that nothing was said: an import, a form post without a session."""
OFFLINE: Final = Source("Offline", "(offline)", NOT_SET)
"""A call, a chat or a meeting that no session belongs to."""
NO_CONSENT: Final = Source("Unknown", "(no consent)", NOT_SET)
"""A visit of which only the number is kept."""
MACHINES: Final = Source("Unknown", "(machines)", NOT_SET)
"""A page view of a program that ran the script: only the number is kept, apart from people's."""


@dataclass(frozen=True)
class ChannelRule:
    """`channel "Partners" when source in ("acme-dealer", "lista")`: any value of every attribute named."""

    name: str
    tests: tuple[tuple[Attribute, tuple[str, ...]], ...]

    def fits(self, source: Source) -> bool:
        return all(_same(getattr(source, attribute), values) for attribute, values in self.tests)


@dataclass(frozen=True)
class Sites:
    """What a workspace says of hosts: its own, and those of payment and sign-in pages that a visit returns from.

    A host stands for itself, with and without `www.`, and for all hosts below it.
    """

    own: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def counts(self, host: str) -> bool:
        """Whether a referrer on this host says where the visit came from."""
        return not any(_below(host, one) for one in (*self.own, *self.ignored)) and not TABLES.passing(host)


def classify(address: str, referrer: str, sites: Sites | None = None, rules: Sequence[ChannelRule] = ()) -> Source:
    """Where the visit of the page at `address` came from, given the browser's `referrer` ("" for none).

    Campaign parameters win, then the click identifiers of advertising networks, then the referrer. `rules` are the
    workspace's own channels, first match first; they come before the built-in ones.
    """
    page = _split(address)
    said = parameters(page)
    known = _referred(_split(referrer), page, sites or Sites())
    found = replace(
        _stated(said, known),
        campaign=said.get("utm_campaign", ""),
        keyword=said.get("utm_term", ""),
        content=said.get("utm_content", ""),
        click=next(((name, said[name]) for name in TABLES.clicks if said.get(name)), None),
    )
    return replace(found, channel=channel_of(found, rules))


def channel_of(source: Source, rules: Sequence[ChannelRule] = ()) -> str:
    """The channel of a stored source: the workspace's first rule that fits, else the built-in one."""
    own = next((rule.name for rule in rules if rule.fits(source)), None)
    if own is not None:
        return own
    kind, medium, media = TABLES.kind(source.source), source.medium, TABLES.media
    if source.source in ("(direct)", "(offline)", "(no consent)") or source == UNKNOWN:
        return {"(direct)": "Direct", "(offline)": "Offline"}.get(source.source, "Unknown")
    if medium in media["display"]:
        return "Display"
    if PAID.fullmatch(medium):
        return {"search": "Paid Search", "social": "Paid Social"}.get(kind, _paid(medium))
    if medium in media["email"] or source.source in media["email"] or (kind == "mail" and _open(medium)):
        return "Email"
    for wanted, channel in (("social", "Organic Social"), ("ai", "AI Assistant"), ("search", "Organic Search")):
        if medium in media[wanted] or (kind == wanted and _open(medium)):
            return channel
    if medium in media["affiliate"]:
        return "Affiliates"
    return "Referral" if medium in media["referral"] else "Other campaign"


def _paid(medium: str) -> str:
    """A paid medium that names its kind itself; a source that no table knows cannot say it."""
    return "Paid Social" if "social" in medium else "Paid Search" if "search" in medium else "Paid Other"


def _open(medium: str) -> bool:
    """Whether the medium leaves it to the source to say what the visit is."""
    return medium in ("", NOT_SET, "referral", "(none)", "none")


def _stated(said: dict[str, str], referred: Known | None) -> Source:
    source, medium = said.get("utm_source", ""), said.get("utm_medium", "")
    if not medium:
        for name, (network, paid) in TABLES.clicks.items():
            if said.get(name):
                return Source("", network, paid)
    if source or medium:
        return Source("", source or NOT_SET, medium or NOT_SET)
    if referred is not None:
        return Source("", referred.name, referred.medium)
    if said.get("utm_campaign"):
        return Source("", NOT_SET, NOT_SET)
    return Source("", "(direct)", "(none)")


def _referred(referrer: SplitResult, page: SplitResult, sites: Sites) -> Known | None:
    """What the referrer says; None where it says nothing: there is none, it is our own, or one merely passed by."""
    if referrer.scheme in ("android-app", "ios-app"):
        app = referrer.netloc.lower()
        return TABLES.app(app) if app else None
    host = host_of(referrer)
    if referrer.scheme not in ("http", "https") or not host:
        return None
    if _below(host, host_of(page)) or not sites.counts(host):
        return None
    return TABLES.host(host)


def _split(address: str) -> SplitResult:
    """The parts of an address; what cannot be read as one has none."""
    try:
        return urlsplit(address.strip())
    except ValueError:
        return urlsplit("")


def _below(host: str, above: str) -> bool:
    above = above.removeprefix("www.")
    return bool(above) and (host == above or host.endswith("." + above))


def _same(value: str, wanted: Iterable[str]) -> bool:
    return any(value.casefold() == one.casefold() for one in wanted)
