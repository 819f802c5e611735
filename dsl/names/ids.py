"""Step ids that survive edits elsewhere in the file."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

APART = frozenset({"id", "source", "label", "next", "then", "missed", "otherwise", "target", "entry", "own", "body"})
"""What does not count as the content of a step: where it stands, what follows it, and what other steps send."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_NESTED = (dict, list, tuple)


def slug(label: str) -> str:
    """`Case study!` and `case-study` are the same label."""
    return "-".join(re.findall(r"\w+", label.casefold()))


class Ids:
    """Hands out ids: the label's, else the kind with a hash of the content and its ordinal among equals."""

    def __init__(self) -> None:
        self._equals: dict[str, int] = {}

    def of(self, kind: str, content: Any, label: str | None = None) -> str:
        if label is not None:
            return f"label:{slug(label)}"
        text = _ENCODER.encode([kind, _bare(content)])
        ordinal = self._equals.get(text, 0)
        self._equals[text] = ordinal + 1
        digest = hashlib.sha256(f"{text}#{ordinal}".encode("utf-8", "backslashreplace")).hexdigest()
        return f"{kind}:{digest[:10]}"


def _bare(content: Any) -> Any:
    """What is empty is left out too, so that a plan with more possibilities gives the same ids to what was there; and
    what a segment means, which is written elsewhere."""
    if isinstance(content, dict):
        if content.get("kind") == "segment":
            content = {"kind": "segment", "name": content["name"]}
        return {
            key: _bare(value) if isinstance(value, _NESTED) else value
            for key, value in content.items()
            if key not in APART and (value or not _empty(value))
        }
    if isinstance(content, (list, tuple)):
        return [_bare(value) for value in content]
    return content


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], ())
