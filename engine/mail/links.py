"""The links of a rendered mail: each http address that can be clicked is replaced by one that tells of the click."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection
from html import escape

from engine.mail.attributes import address_of, unescaped
from engine.mail.convert import ATTRIBUTE, ATTRIBUTES

_ANCHOR = re.compile(rf"<(?:a|area|v:[a-z]++)(?={ATTRIBUTES}\s*+/?+>)(?P<attributes>{ATTRIBUTES})", re.IGNORECASE)
"""What a reader can click: links, areas of a picture, and the shapes that are buttons in Outlook."""
_BARE = re.compile(r"""https?://[^\s<>"]+""", re.IGNORECASE)


def link_id(url: str) -> str:
    """The identity of an address: 128 bits of its SHA-256 in 22 URL-safe characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(url.encode()).digest()[:16]).rstrip(b"=").decode()


def rewrite(html: str, text: str, link: Callable[[str], str], keep: Collection[str] = ()) -> tuple[str, str]:
    """Both parts with `link(url)` for each http or https address of a link in the HTML part.

    An address in `keep`, of another scheme, or on a link that is `data-untracked` stays. In the text part the same
    addresses are replaced and no others: what a lead has typed never becomes a link of ours.
    """
    replaced: dict[str, str] = {}
    spaced: dict[str, str] = {}

    def anchor(found: re.Match[str]) -> str:
        attributes = found["attributes"]
        parts = {part[2].lower(): part for part in reversed(list(ATTRIBUTE.finditer(attributes)))}
        href = parts.get("href")
        if href is None or href[4] is None or "data-untracked" in parts:
            return found[0]
        raw = href[4][1:-1] if href[4][0] in "\"'" else href[4]
        url = address_of(raw)
        if not url.lower().startswith(("http://", "https://")) or url in keep:
            return found[0]
        new = replaced.get(url) or replaced.setdefault(url, link(url))
        if url != (written := unescaped(raw).strip()):
            spaced[written] = url
        before = found[0].removesuffix(attributes) + attributes[: href.start(4)]
        return f'{before}"{escape(new)}"{attributes[href.end(4) :]}'

    def bare(found: re.Match[str]) -> str:
        url = found[0]
        while url and url not in replaced and url[-1] in ".,;:!?)]'":
            url = url[:-1]
        return replaced[url] + found[0][len(url) :] if url in replaced else found[0]

    html = _ANCHOR.sub(anchor, html)
    for written in sorted(spaced, key=len, reverse=True):  # in a text of the author's own
        text = text.replace(written, spaced[written])
    return html, _BARE.sub(bare, text) if replaced else text
