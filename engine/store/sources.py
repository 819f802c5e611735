"""Sources as rows: one for each distinct tuple, under an id that needs no look-up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from engine.rules.tracking.classify import Source
from engine.store.writes import Writes

MOST: Final = 200_000
"""Rows after which keywords and contents are no longer told apart: an address can be made up by anybody."""
MANY: Final = "(many)"
_KNOWN: Final = 20_000
"""Ids that a process remembers as written."""


class Sources:
    """Writes each source once. A process remembers what it has written; the database ignores what is there already."""

    def __init__(self) -> None:
        self._known: dict[int, None] = {}
        self.rows = 0

    def counted(self, rows: int) -> None:
        """How many rows there are, as a worker has counted them."""
        self.rows = rows

    def note(self, writes: Writes, source: Source) -> int:
        """The id of the source's row, which is written along if this process has not seen it yet."""
        kept = source if self.rows < MOST or source_id(source) in self._known else replace(source, keyword="", content="")
        if kept is not source and (source.keyword or source.content):
            kept = replace(kept, keyword=MANY)
        found = source_id(kept)
        writes.insert_once(
            "sources", found, id=found, channel=kept.channel, source=kept.source, medium=kept.medium,
            campaign=kept.campaign, keyword=kept.keyword, content=kept.content, version=kept.version,
        )  # fmt: skip
        if len(self._known) >= _KNOWN:
            self._known.pop(next(iter(self._known)))
        self._known[found] = None
        return found


def source_id(source: Source) -> int:
    """63 bits of the SHA-256 of the tuple: the same in every process and for ever."""
    digest = hashlib.sha256(json.dumps(tuple_of(source), ensure_ascii=False).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def tuple_of(source: Source) -> list[str]:
    """What tells two sources apart, in the order in which `source_of` reads it."""
    return [source.channel, source.source, source.medium, source.campaign, source.keyword, source.content]


def source_of(kept: list[str] | Mapping[str, Any]) -> Source:
    """A source from its tuple, or from its row."""
    names = ("channel", "source", "medium", "campaign", "keyword", "content")
    return Source(*(kept[name] for name in names)) if isinstance(kept, Mapping) else Source(*kept)
