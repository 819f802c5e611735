"""Values of attributes as a browser reads them: references, and addresses in one form in both parts of an email."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?|([a-zA-Z][a-zA-Z0-9]*+)(;?)(=?))")
_DROPPED = re.compile("[\t\n\r]")
_ENCODED = {" ": "%20", '"': "%22", "<": "%3C", ">": "%3E"}


def unescaped(value: str) -> str:
    """The value with its references resolved. Without its semicolon a reference before `=` or a letter is none, so that
    `?a=1&copy=2` stays as it is."""

    def sign(found: re.Match[str]) -> str:
        name, end, equals = found.groups()
        if name is None:
            return unescape(found[0])
        if end:
            return html5.get(f"{name};", f"&{name};") + equals
        return found[0] if equals else html5.get(name, found[0])

    return _REFERENCE.sub(sign, value)


def address_of(value: str) -> str:
    """The address in the attribute `value`, as written between its quotes: without line breaks, and with spaces, quotes
    and angle brackets encoded, as a browser sends them."""
    address = _DROPPED.sub("", unescaped(value).strip(" \t\n\r\f"))
    return "".join(_ENCODED.get(char, char) for char in address)
