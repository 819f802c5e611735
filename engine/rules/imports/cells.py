"""Cells of a table that a spreadsheet may open: a text must not turn into a formula there. Pure."""

from __future__ import annotations

import re
from typing import Final

STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""With these a spreadsheet may take a text for a formula or a command."""
_HARMLESS = re.compile(r"[+-]?[\d.,]*\d|\+\d[\d ()./-]*\d|-", re.ASCII)
"""Numbers, phone numbers and a lone dash."""


def safe(text: str) -> str:
    """The text as a cell that is only ever text: with an apostrophe before what could be a formula. Reading a file
    takes it off again (`engine.rules.imports.rows.bare`)."""
    risky = text.lstrip(" \u00a0\ufeff").startswith(STARTS) and not _HARMLESS.fullmatch(text)
    return f"'{text}" if risky or text.startswith("'") else text
