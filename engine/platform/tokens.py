"""Signed tokens that stand in addresses, and the keys under which an e-mail address is known.

A token says one thing for one purpose: `click`, `unsubscribe`, `confirm`. It is not secret and cannot be forged: the
packed parts and the first 128 bits of their HMAC-SHA256 (RFC 2104), keyed per purpose, in URL-safe base64.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

MAC_BYTES = 16
MAX_TOKEN = 1400
"""Characters; longer input is refused before anything is decoded."""
_UUID_MARK = 255
_MAX_PART = 254
_MIN_SECRET = 16
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
"""A local part of RFC 5322 atoms, in lower case: nearly every one."""
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254
"""Bytes, by RFC 5321."""


class Tokens:
    """Signs and reads tokens. The first secret signs, all of them verify, so that a secret can be replaced in steps.

    Raises ValueError for no secret, or one under 16 bytes.
    """

    def __init__(self, secrets: Sequence[bytes | str]) -> None:
        self._secrets = tuple(secret.encode() if isinstance(secret, str) else bytes(secret) for secret in secrets)
        if not self._secrets or any(len(secret) < _MIN_SECRET for secret in self._secrets):
            raise ValueError(f"tokens need at least one secret, each of {_MIN_SECRET} bytes or more")
        self._keys: dict[str, tuple[bytes, ...]] = {}

    def sign(self, purpose: str, *parts: str) -> str:
        """A token for these parts. A UUID in its canonical spelling takes 17 bytes, other text one more than its UTF-8.

        Raises ValueError for a part over 254 bytes of UTF-8, or parts that together do not fit.
        """
        body = b"".join(_pack(part) for part in parts)
        token = _encode(body + hmac.digest(self._purpose_keys(purpose)[0], body, "sha256")[:MAC_BYTES])
        if len(token) > MAX_TOKEN:
            raise ValueError("too much for one token")
        return token

    def read(self, purpose: str, token: str) -> tuple[str, ...] | None:
        """The parts, or None for whatever was not signed for exactly this purpose."""
        raw = _decode(token)
        if raw is None or len(raw) < MAC_BYTES:
            return None
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        good = False
        for key in self._purpose_keys(purpose):
            good |= hmac.compare_digest(hmac.digest(key, body, "sha256")[:MAC_BYTES], mac)
        return _unpack(body) if good else None

    def _purpose_keys(self, purpose: str) -> tuple[bytes, ...]:
        keys = self._keys.get(purpose)
        if keys is None:
            label = b"coldframe token: " + purpose.encode()
            keys = self._keys[purpose] = tuple(hmac.digest(secret, label, "sha256") for secret in self._secrets)
        return keys


def _pack(part: str) -> bytes:
    if len(part) == 36 and part.count("-") == 4:
        try:
            packed = UUID(part)
        except ValueError:
            pass
        else:
            if str(packed) == part:
                return bytes((_UUID_MARK,)) + packed.bytes
    data = part.encode()
    if len(data) > _MAX_PART:
        raise ValueError(f"a part of a token may have {_MAX_PART} bytes")
    return bytes((len(data),)) + data


def _unpack(body: bytes) -> tuple[str, ...] | None:
    parts: list[str] = []
    at = 0
    while at < len(body):
        mark, at = body[at], at + 1
        size = 16 if mark == _UUID_MARK else mark
        data = body[at : at + size]
        if len(data) < size:
            return None
        parts.append(str(UUID(bytes=data)) if mark == _UUID_MARK else data.decode(errors="replace"))
        at += size
    return tuple(parts)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(token: str) -> bytes | None:
    if not token or len(token) > MAX_TOKEN or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _encode(raw) == token else None  # only one spelling of each token is good


@lru_cache(maxsize=256)
def email_key(address: str) -> str:
    """The identity behind an address: NFKC, lower case, the domain in its IDNA (ASCII) form. Nothing is looked up.

    Raises ValueError, without repeating the input, for anything but exactly one plain address (RFC 5321 without quoted
    local parts, address literals or display names), and for any control or format character.
    """
    text = unicodedata.normalize("NFKC", address).strip(" ").lower()
    if len(text) > 320 or not _printable(address):
        raise ValueError("not one plain e-mail address")
    local, at, domain = text.rpartition("@")
    plain = at and text.isascii() and "xn--" not in domain and _LOCAL.fullmatch(local)
    if plain and len(local) <= _LONGEST_LOCAL and len(text) <= _LONGEST_ADDRESS:
        return f"{local}@{_ascii_domain(domain)}"
    local, domain = _validated(text)
    if len(local.encode()) > _LONGEST_LOCAL:
        raise ValueError("not one plain e-mail address")
    return f"{local}@{domain}"


@lru_cache(maxsize=4096)
def _ascii_domain(domain: str) -> str:
    """The domain in its ASCII form: many addresses share one, and checking it costs more than all else. Raises
    ValueError."""
    return _validated(f"a@{domain}")[1]


def _validated(text: str) -> tuple[str, str]:
    """Local part and domain of an address in lower case, the domain in its ASCII form. Raises ValueError."""
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        raise ValueError("not one plain e-mail address") from None
    if "." not in found.domain:
        raise ValueError("not one plain e-mail address")
    return found.local_part, found.ascii_domain


def _printable(text: str) -> bool:
    """Whether it is without control and format characters."""
    if text.isascii():
        return text.isprintable()
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") for char in text)


def address_hash(pepper: bytes | str, key: str) -> str:
    """What a suppression keeps of an address when all else is erased: a peppered HMAC of its `email_key`, in hex."""
    secret = pepper.encode() if isinstance(pepper, str) else pepper
    return hmac.digest(secret, b"coldframe address: " + key.encode(), "sha256").hex()
