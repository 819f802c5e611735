"""What is known of hosts, apps and networks: `sources.toml`, read once, with the ways to ask it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

from engine.rules.conditions.addresses import readable

KINDS: Final = ("search", "social", "ai", "mail", "referral")
MEDIA_OF_KIND: Final = {"search": "organic", "social": "social", "ai": "ai", "mail": "email", "referral": "referral"}


@dataclass(frozen=True)
class Known:
    """A place that visits come from: the name it is counted under, and the medium that its kind stands for."""

    name: str
    medium: str


@dataclass(frozen=True)
class Tables:
    """The data file, with each question answered in time independent of its length."""

    data: Mapping[str, Any]

    @property
    def version(self) -> int:
        return int(self.data["version"])

    @cached_property
    def clicks(self) -> Mapping[str, tuple[str, str]]:
        return {name: (source, medium) for name, (source, medium) in self.data["clicks"].items()}

    @cached_property
    def media(self) -> Mapping[str, frozenset[str]]:
        return {name: frozenset(values) for name, values in self.data["media"].items()}

    def kind(self, source: str) -> str:
        """What a source is, by its name or as a host: search, social, ai, mail, referral, or "" where unknown."""
        name = self.data["aliases"].get(source, source)
        if name in self._kinds:
            return self._kinds[name]
        return self._hosts_kind(name) if "." in name else ""

    def host(self, host: str) -> Known:
        """What a visit from this host is counted under; an unknown one under its own name, as a referral."""
        found = self._lookup(host)
        if found is None:
            return Known(readable(host.removeprefix("www."))[:200], "referral")
        kind, name = found
        return Known(name, MEDIA_OF_KIND[kind])

    def app(self, package: str) -> Known:
        """What a visit from an Android or iOS app is counted under."""
        name = self.data["apps"].get(package)
        return Known(name, MEDIA_OF_KIND[self._kinds[name]]) if name else Known(package[:200], "app")

    def passing(self, host: str) -> bool:
        """Whether this is a page that visits merely come back from: payment, sign-in."""
        labels = host.split(".")
        return any(".".join(labels[at:]) in self._passing for at in range(len(labels)))

    # ── built once ───────────────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def _passing(self) -> frozenset[str]:
        return frozenset(host for hosts in self.data["passing"].values() for host in hosts)

    @cached_property
    def _kinds(self) -> Mapping[str, str]:
        return {name: kind for kind in KINDS for name in self.data[kind]}

    @cached_property
    def _hosts(self) -> Mapping[str, tuple[str, str]]:
        return {host: (kind, name) for kind in KINDS for name, hosts in self.data[kind].items() for host in hosts}

    def _hosts_kind(self, host: str) -> str:
        found = self._lookup(host.removeprefix("www."))
        return found[0] if found else ""

    def _lookup(self, host: str) -> tuple[str, str] | None:
        """(kind, name) of the longest known host that this one is or lies below."""
        labels = host.split(".")
        for at, label in enumerate(labels):
            rest = labels[at + 1 :]
            exact = self._hosts.get(".".join(labels[at:]))
            if exact is not None:
                return exact
            country = len(rest) == 1 or (len(rest) == 2 and len(rest[0]) <= 3)
            if country and (wild := self._hosts.get(f"{label}.*")) is not None:
                return wild
        return None


TABLES: Final = Tables(tomllib.loads(files(__package__).joinpath("sources.toml").read_text("utf-8")))
