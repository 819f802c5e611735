"""One form for the addresses of pages, however they are written: in a pattern, a link, or as a browser sends them.

A path is percent-decoded and in Unicode's composed form (NFC); one slash at its end, the case of its letters, what
follows `#`, the port and `http` or `https` do not count. A host is written as people read it, without `www.`. A
pattern without a host fits the page on every host, one without a query fits it with every query, and one with a query
asks for each of its parameters, in any order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import idna

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_KEPT = re.compile(r"[%/?#\\\x00-\x1f\x7f-\x9f]")
"""Decoded, these would mean something else than they did, or nothing that can be read."""
LONGEST = 500
"""Characters of a path that are kept."""
_HTTP = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_HOST = re.compile(r"[^/?#]*")


def canonical_path(path: str) -> str:
    """A path as it is compared and kept: `/%C3%BCber-uns/` becomes `/über-uns`; that of the home page stays `/`.

    Doing it twice changes nothing. Bytes that are not UTF-8, and signs with a meaning in addresses, stay escaped.
    """
    text = unicodedata.normalize("NFC", _ESCAPES.sub(_decode, path))
    return text[:-1] if len(text) > 1 and text.endswith("/") and not text.endswith("//") else text or "/"


def path_of(address: str) -> str:
    """The canonical path of an address, "/" for one without."""
    return canonical_path(_path(address)) if _HTTP.match(address) else canonical_path(address)


def page_name(name: str) -> str:
    """What the visit of a page is called: its path; a name of another kind stays as it is."""
    return path_of(name)[:LONGEST] if _HTTP.match(name) or name.startswith("/") else name


def canonical_host(host: str) -> str:
    """A host as it is compared: in lower case, readable, without `www.` and final dot."""
    return readable(host.lower().rstrip(".")).removeprefix("www.")


def host_of(address: SplitResult) -> str:
    """The host in lower case and as people read it: without port and trailing dot, IDN decoded; "" for none."""
    try:
        host = address.hostname or ""
    except ValueError:
        return ""
    return readable(host.rstrip("."))


def readable(host: str) -> str:
    """A host name with its international labels decoded (RFC 5890); one that cannot be decoded stays as it is."""
    return ".".join(_label(label) for label in host.split(".")) if "xn--" in host.lower() else _composed(host)


def ascii_host(host: str) -> str:
    """A host name as it stands in headers and in the name system: `xn--mnchen-3ya.example`."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return quote(host, safe="[]:.")


def ascii_address(address: str) -> str:
    """An http address as it may stand in a header: its host as `ascii_host`, the rest percent-encoded."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    where = ascii_host(f"[{host}]" if ":" in host else host)
    rest = quote(address[len(parts.scheme) + 3 + len(parts.netloc) :], safe="%/:=&?~#+!$,;'@()*[]")
    return f"{parts.scheme}://{where}{port}{rest}"


def pages_of(path: str, address: str = "") -> tuple[str, ...]:
    """A page in every form that `route_of` a pattern can have that means it: with and without its host, with and
    without the slash at its end."""
    return (*_texts(address or path), *_slashed(canonical_path(_path(path)).casefold()))


def route_of(pattern: str) -> str:
    """What a pattern asks of the page itself, in the form of `pages_of`: without its query."""
    return _canonical(pattern.partition("#")[0].partition("?")[0])


def fits(pattern: str, path: str, address: str = "") -> bool:
    """Whether a page with this path, or with this whole address, is one that the pattern means; `*` is anything."""
    texts = _texts(address or path) if _names_host(pattern) else ()
    query = pattern.partition("#")[0].partition("?")[2]
    expression = _expression(route_of(pattern))
    pages = (*texts, *_slashed(canonical_path(_path(path)).casefold()))
    return any(expression.fullmatch(text) for text in pages) and (not query or _asks(query, address or path))


def same(pattern: str, link: str) -> bool:
    """Whether a link is one that the pattern means: as it is written, or as one of the addresses that are the same."""
    if _expression(pattern.casefold()).fullmatch(link.casefold()):
        return True
    return bool(_HTTP.match(link)) and fits(pattern, link, link)


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _decode(found: re.Match[str]) -> str:
    """What a run of escapes says. A byte that belongs to no sign comes out of the decoder as a surrogate."""
    text = unquote_to_bytes(found[0]).decode("utf-8", errors="surrogateescape")
    shown = (f"%{ord(one) - 0xDC00:02X}" if 0xDC80 <= ord(one) <= 0xDCFF else one for one in text)
    return "".join(quote(one, safe="") if len(one) == 1 and _KEPT.match(one) else one for one in shown)


def _label(label: str) -> str:
    try:
        return idna.decode(label) if label.lower().startswith("xn--") else label
    except (idna.IDNAError, UnicodeError):
        return label


def _composed(host: str) -> str:
    return host if host.isascii() else unicodedata.normalize("NFC", host)


def _names_host(pattern: str) -> bool:
    first = _HOST.match(_HTTP.sub("", pattern, count=1))
    return bool(_HTTP.match(pattern)) or (not pattern.startswith("/") and first is not None and "." in first[0])


def _path(text: str) -> str:
    """The path in what names a page, which other systems write with its host and query, too."""
    without = _HOST.sub("", _HTTP.sub("", text, count=1), count=1) if _HTTP.match(text) else text
    return re.split(r"[?#]", without, maxsplit=1)[0]


@lru_cache(maxsize=4096)
def _canonical(pattern: str) -> str:
    """A pattern without its query, in the form of the texts it is compared with."""
    if not _names_host(pattern):
        return canonical_path(pattern).casefold() if pattern else ""
    rest = _HTTP.sub("", pattern, count=1)
    host = _HOST.match(rest)
    assert host is not None, "it matches nothing, too"
    return canonical_host(_without_port(host[0])).casefold() + canonical_path(rest[host.end() :]).casefold()


def _without_port(authority: str) -> str:
    return re.sub(r":(?:80|443)?$", "", authority)


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)


def _texts(address: str) -> tuple[str, ...]:
    """Host and path of an address, with and without the slash at the end."""
    rest = _HTTP.sub("", address, count=1)
    host = _HOST.match(rest)
    if not _HTTP.match(address) or host is None:
        return ()
    where = canonical_host(_without_port(host[0].rpartition("@")[2])).casefold()
    return tuple(where + path for path in _slashed(path_of(address).casefold()))


def _slashed(path: str) -> tuple[str, ...]:
    """A slash at the end does not count: `/blog/*` means `/blog`, too."""
    return (path,) if path.endswith("/") else (path, path + "/")


def _asks(query: str, address: str) -> bool:
    """Whether the address has every parameter that the pattern's query names."""
    given = list(_parameters(address.partition("#")[0].partition("?")[2]))
    wanted = (_expression(one) for one in _parameters(query))
    return all(any(one.fullmatch(text) for text in given) for one in wanted)


def _parameters(query: str) -> Iterator[str]:
    for part in query.split("&")[:200]:
        if part:
            yield unicodedata.normalize("NFC", _ESCAPES.sub(_decode, part.replace("+", " "))).casefold()
