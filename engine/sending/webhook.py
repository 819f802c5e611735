"""Posts to other systems: a signed JSON body, sent once per call, to public addresses only.

The receiver checks `webhook-signature` over `<webhook-id>.<webhook-timestamp>.<body>`, which holds one signature for
each secret in force, as Standard Webhooks describes. `X-Coldframe-Signature: t=<unix seconds>,v1=<hex>` is the
HMAC-SHA256 of `<t>.<body>` under the oldest of them. `webhook-id` and `Idempotency-Key` are the same however often one
post is repeated.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from engine.model.ports import Parcel, Receipt

SECONDS = 15.0
"""For the whole of one post, from the look-up of the name to the last byte of the answer's head."""
ANSWER, ANSWER_SECONDS = 1_024, 2.0
"""How much of an answer is kept, in bytes, and how long it is waited for."""
_UNICAST, _TRANSLATED = ip_network("2000::/3"), ip_network("64:ff9b::/96")
"""All of IPv6 that is handed out so far; where networks without IPv4 find the rest of the world (RFC 6052)."""


class Refused(ValueError):
    """An address that is not posted to."""


def webhook_secret(secret: str) -> str:
    """What receivers check signatures with: derived from the installation's secret, so that it may be handed out."""
    return hmac.new(secret.encode(), b"coldframe webhook", "sha256").hexdigest()


def parcel(url: str, values: Mapping[str, Any], key: str, secret: str, at: datetime) -> Parcel:
    """The body and its signature; `at` is real time, so that the receiver can refuse what is old."""
    return sign(Parcel(url, body_of(values), key, ""), [webhook_secret(secret)], at)


def body_of(values: Mapping[str, Any]) -> bytes:
    return orjson.dumps(values, default=str)


def secret_with(secret: str, nonce: str) -> str:
    """A later webhook secret, derived with the nonce of its rotation; without one, the first."""
    return hmac.new(secret.encode(), f"coldframe webhook {nonce}".encode(), "sha256").hexdigest() if nonce else (
        webhook_secret(secret)
    )  # fmt: skip


def standard(secret: str) -> str:
    """The secret as libraries for Standard Webhooks take it."""
    return "whsec_" + b64encode(secret.encode()).decode()


def sign(one: Parcel, secrets: Sequence[str], at: datetime) -> Parcel:
    """Signed with all `secrets`, the oldest first, at that instant of real time."""
    stamp = int(at.timestamp())
    before = hmac.new(secrets[0].encode(), f"{stamp}.".encode() + one.body, "sha256").hexdigest()
    said = f"{one.key}.{stamp}.".encode() + one.body
    each = (b64encode(hmac.digest(secret.encode(), said, "sha256")).decode() for secret in reversed(secrets))
    signatures = " ".join(f"v1,{signature}" for signature in each)
    return replace(one, signature=f"t={stamp},v1={before}", stamp=stamp, signatures=signatures)


class WebPoster:
    """Posts over HTTP. `private` allows addresses inside the own network, and plain http."""

    def __init__(self, *, private: bool = False, seconds: float = SECONDS) -> None:
        self._private, self._seconds = private, seconds
        self._client = httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False)

    async def post(self, one: Parcel) -> Receipt:
        """See engine.model.ports.Poster."""
        try:
            begun = monotonic()
            async with asyncio.timeout(self._seconds):
                response = await self._send(one)
            return await _read(response, begun)
        except (Refused, httpx.InvalidURL) as error:
            return Receipt("refused", str(error))
        except (httpx.HTTPError, TimeoutError, OSError, RuntimeError) as error:
            return Receipt("retry", f"no answer: {type(error).__name__}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, one: Parcel) -> httpx.Response:
        """The answer as far as its head."""
        url = httpx.URL(one.url)
        address = await self._resolved(one.url)
        headers = {
            "Host": url.netloc.decode(), "Content-Type": "application/json", "User-Agent": "Coldframe",
            "Accept-Encoding": "identity", "Idempotency-Key": one.key, "X-Coldframe-Signature": one.signature,
            "webhook-id": one.key, "webhook-timestamp": str(one.stamp), "webhook-signature": one.signatures,
        }  # fmt: skip
        # To the address that was checked, not to whatever the name means a moment later.
        request = self._client.build_request(
            "POST", url.copy_with(host=address), content=one.body, headers=headers,
            extensions={"sni_hostname": url.host},
        )  # fmt: skip
        return await self._client.send(request, stream=True)

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


async def _read(response: httpx.Response, begun: float) -> Receipt:
    took = round((monotonic() - begun) * 1_000)
    try:
        answer = await _beginning(response)
    finally:
        await response.aclose()
    status, pause = response.status_code, _pause(response.headers.get("Retry-After", ""))
    return replace(_receipt(status), status=status, answer=answer, pause=pause, milliseconds=took)


async def _beginning(response: httpx.Response) -> str:
    """The first bytes of the answer as text. That it is cut off or slow changes nothing about what its head said."""
    found = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for part in response.aiter_raw(ANSWER):
                found += part
                if len(found) >= ANSWER:
                    break
    except (httpx.HTTPError, TimeoutError, OSError, RuntimeError):
        pass
    return found[:ANSWER].decode("utf-8", "replace").replace("\0", "\ufffd")


def _pause(said: str) -> timedelta | None:
    """What `Retry-After` says in seconds, at most a day; dates there are not read."""
    return timedelta(seconds=min(int(said), 86_400)) if said.isascii() and said.isdigit() and len(said) < 10 else None


def _receipt(status: int) -> Receipt:
    if 200 <= status < 300:
        return Receipt("accepted")
    if status in (408, 425, 429) or status >= 500:
        return Receipt("retry", f"HTTP {status}")
    return Receipt("refused", f"HTTP {status}")
