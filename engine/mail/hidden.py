"""What an email hides from its readers, which its plain text leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from engine.mail.convert import ATTRIBUTE, TAG

_TOKEN = re.compile(rf"<!--.*?(?:-->|\Z)|</(?P<close>[a-zA-Z][^\s/>]*+)[^>]*+>|{TAG.pattern}", re.DOTALL)
_HIDING = re.compile(
    r"(?:^|;)\s*+(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden|max-height\s*+:\s*+0(?:px)?\s*+(?=;|!|$))", re.I
)
_VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
))  # fmt: skip


def without_hidden(html: str, left: Callable[[str], str]) -> str:
    """The HTML without its hidden elements, however deep they are nested; `left` says what stays in the place of one.

    One that is never closed stays: nothing that may be seen is lost.
    """
    pieces: list[str] = []
    at = 0
    for start, end in _stretches(html):
        if start >= at:
            pieces += html[at:start], left(html[start:end])
            at = end
    return "".join((*pieces, html[at:]))


def _stretches(html: str) -> list[tuple[int, int]]:
    """Where hidden elements begin and end, in the order in which they begin."""
    found: list[tuple[int, int]] = []
    opened: dict[str, list[tuple[int, bool]]] = {}
    for token in _TOKEN.finditer(html):
        if name := token["close"]:
            found += _closed(opened.get(name.lower(), []), token.end())
        elif name := token["name"]:
            name = name.lower()
            if name == "p":  # which the next one ends
                found += _closed(opened.get(name, []), token.start())
            hiding = _hides(token["attributes"])
            if name in _VOID or "/" in token["end"]:
                found += [(token.start(), token.end())] if hiding else []
            else:
                opened.setdefault(name, []).append((token.start(), hiding))
    return sorted(found)


def _closed(opened: list[tuple[int, bool]], end: int) -> Iterator[tuple[int, int]]:
    if opened:
        start, hiding = opened.pop()
        if hiding:
            yield start, end


def _hides(attributes: str) -> bool:
    for found in ATTRIBUTE.finditer(attributes):
        name, value = found[2].lower(), (found[4] or "").strip("\"'")
        if name == "hidden" or (name == "style" and _HIDING.search(value)):
            return True
    return False
