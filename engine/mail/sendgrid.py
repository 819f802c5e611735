"""SendGrid's mail/send (docs.sendgrid.com/api-reference/mail-send): one mail out, one receipt back, nothing raised.

The body is built by the provider's own helpers; it is posted with httpx, which tells whether any byte of the request
had left when something broke. That decides between `retry` (certainly not taken) and `unknown` (never repeated).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sendgrid.helpers import mail as helpers  # type: ignore[import-untyped]

from engine.mail.guard import plain_recipient, problem, sender_parts, without_addresses
from engine.model.ports import Clock, Mail, Receipt

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 12.0
"""From the first byte to the head of the answer, however slowly it drips."""
CLOSED_FOR = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
MOST_OF_AN_ANSWER = 64_000


class SendGrid:
    """One per process; keeps a few connections open. `api_key` is never shown."""

    name = "sendgrid"

    def __init__(
        self, api_key: str, clock: Clock, *, base_url: str = "https://api.sendgrid.com",
        connect: float = CONNECT_SECONDS, whole: float = WHOLE_SECONDS, jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._whole = whole
        self._jitter = jitter
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": "coldframe"},
            timeout=httpx.Timeout(whole, connect=connect),
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=5.0),
            follow_redirects=False, trust_env=False,
        )  # fmt: skip

    async def send(self, mail: Mail) -> Receipt:
        """Hand over one mail. `closed` receipts carry a real instant."""
        if refusal := problem(mail):
            return Receipt("refused", refusal)
        leaving = _Leaving()
        request = self._client.build_request(
            "POST", "/v3/mail/send", content=json.dumps(body_of(mail)).encode(),
            headers={"Content-Type": "application/json"}, extensions={"trace": leaving.trace},
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._whole):
                response = await self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, RuntimeError) as error:
            what = type(error).__name__
            if leaving.begun:
                return Receipt("unknown", f"no answer after the mail was handed over: {what}")
            return Receipt("retry", f"the provider cannot be reached: {what}")
        return await self._receipt(response)

    async def close(self) -> None:
        await self._client.aclose()

    async def _receipt(self, response: httpx.Response) -> Receipt:
        status, message = response.status_code, await self._message(response)
        match status:
            case 202 | 200:
                return Receipt("accepted", provider_id=response.headers.get("X-Message-Id"))
            case 401 | 403 | 404 | 405:
                return Receipt("closed", f"{status} {message}", until=self._clock.real() + CLOSED_FOR)
            case 429:
                return Receipt("closed", f"{status} {message}", until=self._opens(response))
            case _ if 400 <= status < 500 and status != 408:
                return Receipt("refused", f"{status} {message}")
            case _:
                return Receipt("unknown", f"{status} {message}")

    def _opens(self, response: httpx.Response) -> datetime:
        """When a 429 ends: `X-RateLimit-Reset` (Unix seconds), at most an hour away, and up to 5 s of jitter."""
        now = self._clock.real()
        jitter = timedelta(seconds=5 * self._jitter())
        try:
            reset = datetime.fromtimestamp(int(response.headers["X-RateLimit-Reset"]), UTC)
        except (KeyError, ValueError, OverflowError, OSError):
            reset = now + timedelta(minutes=1)
        return min(max(reset, now + timedelta(seconds=1)), now + LONGEST_PAUSE) + jitter

    async def _message(self, response: httpx.Response) -> str:
        """The provider's errors as `field: message`. The status already says what happened, so reading may fail."""
        read = bytearray()
        try:
            async with asyncio.timeout(min(3.0, self._whole)):
                async for chunk in response.aiter_bytes():
                    read += chunk
                    if len(read) > MOST_OF_AN_ANSWER:
                        break
        except (httpx.HTTPError, TimeoutError, OSError, RuntimeError):
            pass
        finally:
            await response.aclose()
        return without_addresses(_errors(bytes(read)))


class _Leaving:
    """Whether any of the request has been written."""

    begun = False

    async def trace(self, event: str, info: Any) -> None:
        if event.endswith("send_request_headers.started"):
            self.begun = True


def _errors(body: bytes) -> str:
    try:
        found = json.loads(body)
        texts = ([str(error[key]) for key in ("field", "message") if error.get(key)] for error in found["errors"])
        return "; ".join(": ".join(parts) for parts in texts)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def body_of(mail: Mail) -> dict[str, Any]:
    """The request body. Own links and unsubscribe are used, so the provider's tracking is off; the id is opaque."""
    name, address = sender_parts(mail.sender) or ("", "")
    message = helpers.Mail()
    message.from_email = helpers.From(address, name or None)
    message.subject = helpers.Subject(mail.subject)
    recipient = helpers.Personalization()
    recipient.add_to(helpers.To(plain_recipient(mail.to)))
    message.add_personalization(recipient)
    message.add_content(helpers.Content("text/plain", mail.text))
    message.add_content(helpers.Content("text/html", mail.html))
    for key, value in mail.headers.items():
        message.add_header(helpers.Header(key, value))
    message.add_custom_arg(helpers.CustomArg("coldframe_message", str(mail.message_id)))
    if mail.category:
        message.add_category(helpers.Category(mail.category))
    tracking = helpers.TrackingSettings()
    tracking.click_tracking = helpers.ClickTracking(False, False)
    tracking.open_tracking = helpers.OpenTracking(False)
    tracking.subscription_tracking = helpers.SubscriptionTracking(False)
    message.tracking_settings = tracking
    body: dict[str, Any] = message.get()
    return body
