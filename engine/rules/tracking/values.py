"""Parameters of an address as they reach us: broken encodings, capitals, repeated names, `&amp;` and all."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import SplitResult, unquote_to_bytes

LONGEST: Final = 200
"""Characters of a value that are kept."""
MOST: Final = 200
"""Parameters of an address that are looked at."""
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def parameters(address: SplitResult) -> dict[str, str]:
    """Name → value, both in lower case (but for click identifiers); the first value of a name that is not empty.

    Those of the query come first. One-page applications keep theirs behind the `#`, where they are read as well.
    """
    fragment = address.fragment.partition("?")[2] or (address.fragment if "=" in address.fragment else "")
    found: dict[str, str] = {}
    for part in (*address.query.split("&")[:MOST], *fragment.split("&")[:MOST]):
        name, _, value = part.partition("=")
        key = clean(name).casefold().removeprefix("amp;")
        text = clean(value)
        if key.startswith("utm_"):
            text = "(address removed)" if _ADDRESS.search(text) else text.lower()
        if key and text and key not in found:
            found[key] = text
    return found


def clean(raw: str) -> str:
    """Decoded as UTF-8, else as Windows-1252; `+` is a space; no control or invisible characters; NFC; bounded."""
    data = unquote_to_bytes(raw[: LONGEST * 12].replace("+", " "))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    text = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    return unicodedata.normalize("NFC", " ".join(text.split()))[:LONGEST].strip()
