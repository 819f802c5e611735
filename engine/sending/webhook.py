"""Posts to other systems: a signed JSON body, sent once per call, to public addresses only.

The receiver checks `X-Coldframe-Signature: t=<unix seconds>,v1=<hex>`: the HMAC-SHA256 of `<t>.<body>` under the
installation's webhook secret. `Idempotency-Key` is the same however often one post is repeated.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from engine.model.ports import Parcel, Receipt

SECONDS = 15.0
"""For the whole of one post, from the look-up of the name to the last byte of the answer's head."""
_UNICAST, _TRANSLATED = ip_network("2000::/3"), ip_network("64:ff9b::/96")
"""All of IPv6 that is handed out so far; where networks without IPv4 find the rest of the world (RFC 6052)."""


class Refused(ValueError):
    """An address that is not posted to."""


def webhook_secret(secret: str) -> str:
    """What receivers check signatures with: derived from the installation's secret, so that it may be handed out."""
    return hmac.new(secret.encode(), b"coldframe webhook", "sha256").hexdigest()


def parcel(url: str, values: Mapping[str, Any], key: str, secret: str, at: datetime) -> Parcel:
    """The body and its signature; `at` is real time, so that the receiver can refuse what is old."""
    body, stamp = orjson.dumps(values, default=str), int(at.timestamp())
    signed = hmac.new(webhook_secret(secret).encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    return Parcel(url, body, key, f"t={stamp},v1={signed}")


class WebPoster:
    """Posts over HTTP. `private` allows addresses inside the own network, and plain http."""

    def __init__(self, *, private: bool = False, seconds: float = SECONDS) -> None:
        self._private, self._seconds = private, seconds
        self._client = httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False)

    async def post(self, one: Parcel) -> Receipt:
        """See engine.model.ports.Poster."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(one)
        except (Refused, httpx.InvalidURL) as error:
            return Receipt("refused", str(error))
        except (httpx.HTTPError, TimeoutError, OSError, RuntimeError) as error:
            return Receipt("retry", f"no answer: {type(error).__name__}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, one: Parcel) -> Receipt:
        url = httpx.URL(one.url)
        address = await self._resolved(one.url)
        headers = {
            "Host": url.netloc.decode(), "Content-Type": "application/json", "User-Agent": "Coldframe",
            "Idempotency-Key": one.key, "X-Coldframe-Signature": one.signature,
        }  # fmt: skip
        # To the address that was checked, not to whatever the name means a moment later.
        request = self._client.build_request(
            "POST", url.copy_with(host=address), content=one.body, headers=headers,
            extensions={"sni_hostname": url.host},
        )  # fmt: skip
        response = await self._client.send(request, stream=True)
        await response.aclose()
        return _receipt(response.status_code)

    async def _resolved(self, address: str) -> str:
        """An address of the host that may be posted to. Raises Refused, or OSError when there is no such host."""
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Refused("it is not an address") from None
        if parts.scheme != "https" and not (parts.scheme == "http" and self._private):
            raise Refused("only https is posted to")
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(info[4][0]) for info in found]
        if not self._private and not all(map(_public, addresses)):
            raise Refused("it lies inside a private network")
        return addresses[0]


def _public(address: str) -> bool:
    """Also by the IPv4 address that an IPv6 one stands for, where a gateway would lead to it."""
    one = ip_address(address.partition("%")[0])
    if isinstance(one, IPv6Address):
        translated = IPv4Address(int(one) & 0xFFFFFFFF) if one in _TRANSLATED else None
        inner = one.ipv4_mapped or one.sixtofour or translated
        if inner is None:
            return one in _UNICAST and one.is_global
        one = inner
    return one.is_global and not one.is_multicast


def _receipt(status: int) -> Receipt:
    if 200 <= status < 300:
        return Receipt("accepted")
    if status in (408, 425, 429) or status >= 500:
        return Receipt("retry", f"HTTP {status}")
    return Receipt("refused", f"HTTP {status}")
