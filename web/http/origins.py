"""Who may post from a browser: origins (RFC 6454) allowed by a form, and the CORS headers that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request

from engine.rules.conditions.addresses import ascii_address, readable

SAME_ORIGIN = {"Referrer-Policy": "same-origin"}
"""Of a page with a form: `no-referrer` would make older browsers send `Origin: null` with the post."""
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=256)
def origin_of(url: str) -> str | None:
    """`https://host` or `https://host:port` of an address, in lower case and readable (browsers send `xn--` names), no
    default port; None when it has none."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else readable(parts.hostname.rstrip("."))
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def origins_for_header(*addresses: str) -> str:
    """The origins of these addresses as a header names them, each once."""
    found = (ascii_address(origin) for origin in map(origin_of, addresses) if origin)
    return " ".join(dict.fromkeys(found))


def is_own(request: Request, origin: str, base_url: str) -> bool:
    """Whether the page that sends this request is ours: browsers let no page forge `Origin` or `Host`."""
    host = origin_of(f"{origin.partition(':')[0]}://{request.headers.get('host', '')}")
    return origin in (origin_of(base_url), host)


def admits(request: Request, allowed_on: Iterable[str], base_url: str) -> bool:
    """Whether this request may be answered. Without an `Origin` header no browser page is behind it."""
    header = request.headers.get("origin")
    if header is None:
        return True
    origin = origin_of(header)
    return origin is not None and (
        is_own(request, origin, base_url) or origin in {origin_of(url) for url in allowed_on}
    )


def own_page(request: Request, base_url: str, *, unnamed: bool = False) -> bool:
    """Whether one of our own pages sends this post, or no browser at all. What newer browsers say of it decides.

    Older ones name no origin for a page without referrers; `unnamed` lets them pass where a token protects as well.
    """
    said = request.headers.get("sec-fetch-site")
    if said is not None:
        return said in ("same-origin", "none")
    return admits(request, (), base_url) or (unnamed and request.headers.get("origin") == "null")


def _headers(request: Request) -> list[str]:
    """Names that a page's script may send: what we read, and what tracing tools and libraries add on their own.

    Nothing that we do not read can change an answer, so whatever else is asked for may come, but for credentials.
    """
    asked = request.headers.get("access-control-request-headers", "")[:2_000].lower().split(",")
    names = [name for name in map(str.strip, asked) if _TOKEN.fullmatch(name) and name not in _CREDENTIALS]
    return list(dict.fromkeys(["content-type", "idempotency-key", "x-requested-with", *names]))


def share(request: Request, *, methods: str = "POST", credentials: bool = False) -> None:
    """Let the page that asked read the answer. Call it once `admits` was true; errors then are readable, too."""
    headers = {"Vary": "Origin"}
    if origin := request.headers.get("origin"):
        headers["Access-Control-Allow-Origin"] = origin
        if credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = methods
            headers["Access-Control-Allow-Headers"] = ", ".join(_headers(request))
            headers["Access-Control-Max-Age"] = "600"
    request.state.headers = headers
