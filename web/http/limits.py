"""Budgets: how often one client, one address and all together may call. Kept in the process, bounded in memory."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic


@dataclass(frozen=True)
class Budget:
    """`burst` calls at once, after that `per_second` on average."""

    burst: float
    per_second: float


@dataclass(frozen=True)
class Budgets:
    """What the public routes allow. A budget `in_all` protects the database, the others protect from one source."""

    per_client: Budget = Budget(burst=120, per_second=2)
    per_address: Budget = Budget(burst=10, per_second=1 / 60)
    in_all: Budget = Budget(burst=2_000, per_second=500)


QUESTIONS = Budget(burst=80, per_second=20)
"""What one person who writes at the desk may ask about their draft, keystrokes included."""


class Buckets:
    """Token buckets by key. The least recently used are forgotten, so that many clients cannot fill the memory."""

    def __init__(self, budget: Budget, now: Callable[[], float] = monotonic, remembered: int = 20_000) -> None:
        self._budget = budget
        self._now = now
        self._remembered = remembered
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """Take one token. 0 when there was one, else the whole seconds until there is."""
        now = self._now()
        level, since = self._levels.pop(key, (self._budget.burst, now))
        level = min(self._budget.burst, level + (now - since) * self._budget.per_second)
        wait = 0 if level >= 1 else max(1, math.ceil((1 - level) / self._budget.per_second))
        self._levels[key] = (level if wait else level - 1, now)
        while len(self._levels) > self._remembered:
            self._levels.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._levels)


class Limits:
    """The budgets of one web process."""

    def __init__(self, budgets: Budgets | None = None, now: Callable[[], float] = monotonic) -> None:
        budgets = budgets or Budgets()
        self._clients = Buckets(budgets.per_client, now)
        self._addresses = Buckets(budgets.per_address, now)
        self._all = Buckets(budgets.in_all, now)

    def client(self, address: str) -> int:
        """Seconds this client has to wait, 0: it may go on. One over its own budget takes nothing from that of all."""
        return self._clients.take(network(address)) or self._all.take("")

    def address(self, digest: str) -> int:
        """The same for one lead's address, given as a digest."""
        return self._addresses.take(digest)


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber holds."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
