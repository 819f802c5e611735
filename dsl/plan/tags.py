"""Language tags such as `de`, `de-AT` and `zh-Hant-TW`: how they are written, and which of several serves a reader
(RFC 5646 and the lookup of RFC 4647)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_TAG = re.compile(r"([a-z]{2})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.ASCII | re.IGNORECASE)
SCRIPTS = frozenset(("Arab", "Cyrl", "Deva", "Grek", "Guru", "Hans", "Hant", "Latn", "Mong", "Tfng"))
"""Scripts (ISO 15924) of languages that are written in several."""
AREAS = frozenset(("001", "150", "419"))
"""Regions of several countries (UN M.49) that languages are written for: the world, Europe, Latin America."""
_TRADITIONAL = frozenset(("TW", "HK", "MO"))
"""Where Chinese without a script is written with traditional characters."""


def parts(tag: str) -> tuple[str, str, str] | None:
    """Language, script and region in their usual case, each of the last two "" where it is not said; None for what is
    no tag of this shape."""
    found = _TAG.fullmatch(tag.strip())
    if found is None:
        return None
    language, script, region = found.groups(default="")
    return language.lower(), script.title(), region.upper()


def written(tag: str) -> str:
    """`de-AT` for `de_at`; what is no tag stays as it is."""
    found = parts(tag)
    return "-".join(filter(None, found)) if found else tag


def ancestors(tag: str) -> tuple[str, ...]:
    """The tag and what it falls back to: `zh-Hant-TW`, `zh-Hant`, `zh`."""
    found = written(tag).split("-")
    return tuple("-".join(found[:length]) for length in range(len(found), 0, -1))


def chosen(wanted: str, spoken: Iterable[str]) -> str | None:
    """Which of the languages serves a reader of `wanted`: that one, what it falls back to, or else the first in the
    same language, whatever its region. None when there is none."""
    return _chosen(wanted, tuple(spoken)) if wanted else None


@lru_cache(maxsize=1024)
def _chosen(wanted: str, spoken: tuple[str, ...]) -> str | None:
    known = {written(one): one for one in spoken}
    found = parts(wanted)
    if found is None:
        return None
    language, script, region = found
    if language == "zh" and not script and region in _TRADITIONAL:
        return chosen(f"zh-Hant-{region}", known.values())
    for tag in ancestors(wanted):
        if tag in known:
            return known[tag]
    same = [tag for tag in known if tag.partition("-")[0] == language]
    best = next((tag for tag in same if script and script in tag.split("-")), same[0] if same else None)
    return known[best] if best else None


def text_in(language: str, texts: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The language and the text for a reader of `language` among texts by language, of which "" is nobody's."""
    found = {tag: text for tag, text in texts if tag}
    tag = chosen(language, found)
    return (tag, found[tag]) if tag else None
