"""The script for the company's own pages: its text as served, its hash, and the line that loads it."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Final

import rjsmin  # type: ignore[import-untyped]

from web.http.answers import STATIC

MOST: Final = 3 * 1024
"""Bytes that the script has at most."""


@lru_cache
def source() -> bytes:
    """The script without comments and blanks."""
    made: bytes = rjsmin.jsmin((STATIC / "cf.js").read_bytes())
    return made


@lru_cache
def integrity() -> str:
    """What a page may name as `integrity` (W3C Subresource Integrity): it changes with each version of the script."""
    return "sha384-" + base64.b64encode(hashlib.sha384(source()).digest()).decode()


def snippet(base_url: str, *, needs_consent: bool) -> str:
    """The line for the company's pages."""
    consent = "" if needs_consent else ' data-consent="not-needed"'
    return f'<script src="{base_url}/cf.js" integrity="{integrity()}" crossorigin="anonymous"{consent} defer></script>'
