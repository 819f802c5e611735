"""Sources as rows: one for each distinct tuple, under an id that needs no look-up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from engine.rules.tracking.classify import Source
from engine.store.writes import Writes


def note_source(writes: Writes, source: Source) -> int:
    """The id of the source's row, which is written along unless it is there already."""
    found = source_id(source)
    writes.insert(
        "sources", id=found, channel=source.channel, source=source.source, medium=source.medium,
        campaign=source.campaign, keyword=source.keyword, content=source.content, version=source.version,
    )  # fmt: skip
    return found


def source_id(source: Source) -> int:
    """63 bits of the SHA-256 of the tuple: the same in every process and for ever."""
    digest = hashlib.sha256(json.dumps(tuple_of(source), ensure_ascii=False).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def tuple_of(source: Source) -> list[str]:
    """What tells two sources apart, in the order in which `source_of` reads it."""
    return [source.channel, source.source, source.medium, source.campaign, source.keyword, source.content]


def source_of(kept: Sequence[str]) -> Source:
    """A source from its tuple."""
    channel, source, medium, campaign, keyword, content = kept
    return Source(channel, source, medium, campaign, keyword, content)
