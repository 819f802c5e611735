"""Passwords: argon2id (RFC 9106), at least 12 characters, none that is guessed at once; codes of a second factor."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from weakref import WeakKeyDictionary

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken

SHORTEST, LONGEST = 12, 200
GUESSES = 1e9
"""A password that is found with fewer guesses is refused; zxcvbn estimates them."""
AT_ONCE = 2
"""Hashes one process computes at the same time; each takes 64 MiB, and forms have to be answered beside them."""
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """The hash of a password that nobody has: checking it takes as long as checking somebody's."""
    return _hasher().hash(secrets.token_urlsafe(32))


def weakness(password: str, own: Sequence[str] = ()) -> str:
    """Why the password cannot be used, as a sentence; "" if it can. `own`: the person's name, address, company."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if _guessed(password, own):
        return "This password is too easy to guess. Use several unrelated words."
    return ""


def _guessed(password: str, own: Sequence[str]) -> bool:
    from zxcvbn import zxcvbn  # its lists take a while to load

    parts = [part for text in own for part in (text, *text.replace("@", " ").replace(".", " ").split()) if part]
    found = zxcvbn(password[:72], user_inputs=parts, max_length=72)
    return float(found["guesses"]) < GUESSES


async def hashed(password: str) -> str:
    async with _turn():
        return await asyncio.to_thread(_hasher().hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password. Without a stored one the answer is no, after the same work."""
    async with _turn():
        return await asyncio.to_thread(_verify, stored, password[:LONGEST])


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher().verify(stored or _nobodys(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    return _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE))


# ── the second factor: TOTP, RFC 6238 ────────────────────────────────────────────────────────────────────────────────
def new_secret() -> str:
    return pyotp.random_base32()


def address(secret: str, email: str) -> str:
    """The `otpauth://` address an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Coldframe")


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step (30 s) whose code this is: the present one or one beside it; None if it is none of them."""
    given = "".join(code.split())
    if len(given) != 6 or not (given.isascii() and given.isdigit()):
        return None
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // 30
    found = None
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(totp.generate_otp(step), given):
            found = step
    return found


def sealed(secret: str, key: str) -> str:
    """The secret as it is stored: encrypted with a key that the installation's secret makes."""
    return _fernet(key).encrypt(secret.encode()).decode()


def unsealed(stored: str, key: str) -> str | None:
    try:
        return _fernet(key).decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def _fernet(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key.encode(), b"coldframe second factor", "sha256")))
