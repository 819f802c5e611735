"""What checks have found out about one campaign, kept as long as nothing it depends on changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from dsl.tree.declarations import Campaign

Found = TypeVar("Found")


class Memory:
    """An editor keeps one over its keystrokes, and clears it when a declaration beside the campaigns changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Campaign, Hashable, Any]] = {}

    def keep(self, what: str, campaign: Campaign, others: Hashable, find: Callable[[], Found]) -> Found:
        """What `find` says of the campaign. `others`: all it looks at in other campaigns."""
        key = what, campaign.name.key
        known = self._known.get(key)
        if known is None or known[0] is not campaign or known[1] != others:
            known = self._known[key] = campaign, others, find()
        found: Found = known[2]
        return found

    def clear(self) -> None:
        self._known.clear()
