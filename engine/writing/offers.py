"""What an editor offers to write."""

from __future__ import annotations

from dataclasses import dataclass

from engine.writing.positions import Range


@dataclass(frozen=True)
class Offer:
    """`insert` takes the place of what stands in `range`. `kind`: what it is, such as "field" or "keyword"; `detail` a
    few words beside it; `about` Markdown about it."""

    label: str
    kind: str
    insert: str
    range: Range
    detail: str = ""
    about: str = ""
