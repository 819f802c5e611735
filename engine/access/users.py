"""Accounts, links that are valid once, sessions, and signing in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from engine.access import passwords
from engine.access.log import note
from engine.access.roles import Role, roles_of
from engine.platform.settings import Settings
from engine.platform.tokens import email_key
from engine.runtime.runtime import Runtime
from engine.store import users as store

IDLE, OLDEST = timedelta(hours=12), timedelta(days=7)
"""A session ends after so long without a page, and after so long in any case. Real time."""
SEEN_EVERY = timedelta(minutes=1)
LINK_WORKS = timedelta(days=2)
FREE_FAILURES, LONGEST_DELAY = {"account": 5, "client": 20}, {"account": 60, "client": 900}
"""After so many failures each further one doubles the delay, from a second up to so many seconds."""
LOCAL_ADMIN = "admin@desk.example"
"""The account of whoever runs `dev` or `demo`."""
LinkKind = Literal["password", "entry"]
"""Choose a password, or come in with one press of a button; the second is what `dev` and `demo` print."""


class AddressTaken(Exception):
    """There is an account of that address."""


class BadAddress(ValueError):
    """It is not one plain email address."""


@dataclass(frozen=True)
class User:
    id: UUID
    name: str
    email: str
    roles: tuple[Role, ...]
    has_password: bool
    has_second_factor: bool
    disabled: bool
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Session:
    """Who is signed in. `secret` is the hash of the cookie's token: forms are tied to it, and pages never show it."""

    id: UUID
    secret: str
    user: User


@dataclass(frozen=True)
class Refused:
    """`wait`: the seconds until the next try is answered; 0: address, password or code is wrong. `code`: a code of the
    second factor is asked for."""

    wait: int = 0
    code: bool = False


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def user_of(row: Any) -> User:
    given = row if isinstance(row, Mapping) else row._asdict()
    return User(
        id=UUID(str(given["id"])), name=given["name"], email=given["email"], roles=roles_of(given["roles"]),
        has_password=given["password"] is not None, has_second_factor=given["totp"] is not None,
        disabled=given["disabled_at"] is not None, seen_at=given.get("seen_at"),
    )  # fmt: skip


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def add(rt: Runtime, email: str, name: str, roles: Sequence[str], by: tuple[UUID | None, str]) -> User:
    """A new account, without a password. Raises AddressTaken, BadAddress, roles.UnknownRole."""
    try:
        key = email_key(email)
    except ValueError:
        raise BadAddress(email) from None
    given, id = roles_of(roles), uuid4()
    if not await store.add(rt.db, id, name or email.partition("@")[0], email.strip(), key, given, rt.clock.now()):
        raise AddressTaken(email)
    await note(rt, *by, "user added", email.strip(), roles=given)
    found = await store.get(rt.db, id)
    assert found is not None, "it was stored a moment ago"
    return user_of(found)


async def find(rt: Runtime, email: str) -> User | None:
    try:
        row = await store.find(rt.db, email_key(email))
    except ValueError:
        return None
    return None if row is None else user_of(row)


async def get(rt: Runtime, id: UUID) -> User | None:
    row = await store.get(rt.db, id)
    return None if row is None else user_of(row)


async def everyone(rt: Runtime) -> list[User]:
    return [user_of(row) for row in await store.everyone(rt.db)]


async def set_roles(rt: Runtime, user: User, roles: Sequence[str], by: tuple[UUID | None, str]) -> None:
    """Raises store.LastAdmin, roles.UnknownRole."""
    given = roles_of(roles)
    await store.set_roles(rt.db, user.id, given)
    await note(rt, *by, "roles changed", user.email, before=user.roles, now=given)


async def disable(rt: Runtime, user: User, by: tuple[UUID | None, str], *, enable: bool = False) -> None:
    """Raises store.LastAdmin."""
    await store.disable(rt.db, user.id, None if enable else rt.clock.now())
    await note(rt, *by, "user enabled" if enable else "user disabled", user.email)


async def local_admin(rt: Runtime) -> str:
    """The path of a link by which whoever started everything on this machine comes in as its admin; "" once somebody
    has chosen a password."""
    found = await everyone(rt)
    if any(one.has_password for one in found):
        return ""
    by = None, "coldframe"
    user = next((one for one in found if one.email == LOCAL_ADMIN), None)
    return await make_link(rt, user or await add(rt, LOCAL_ADMIN, "Admin", ("admin",), by), "entry", by)


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────
async def make_link(rt: Runtime, user: User, kind: LinkKind, by: tuple[UUID | None, str]) -> str:
    """The path of a link that works once, for two days."""
    token = secrets.token_urlsafe(32)
    await store.new_link(rt.db, digest(token), user.id, kind, rt.clock.real() + LINK_WORKS)
    await note(rt, *by, "link made", user.email)
    return f"/desk/link/{token}"


async def link(rt: Runtime, token: str) -> tuple[LinkKind, User] | None:
    row = await store.link(rt.db, digest(token), rt.clock.real())
    return None if row is None else (row["kind"], user_of(row))


async def use_link(rt: Runtime, token: str, password: str | None) -> User | None:
    """The account that the link is for; None if it has been used. `password` is already judged."""
    hashed = None if password is None else await passwords.hashed(password)
    user = await store.take_link(rt.db, digest(token), rt.clock.real(), hashed)
    row = await store.get(rt.db, user) if user is not None else None
    if row is None:
        return None
    found = user_of(row)
    await note(rt, found.id, found.email, "signed in" if password is None else "password set")
    return found


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def sign_in(rt: Runtime, email: str, password: str, code: str, client: str) -> User | Refused:
    """The account, or why not. Address and password are answered alike and after the same work, whether there is such
    an account or not; a code is asked for only once the password is right."""
    try:
        key = email_key(email)
    except ValueError:
        key = email.strip().lower()[:320]
    counted = {"account": digest(f"account {key}"), "client": digest(f"client {client}")}
    now = rt.clock.real()
    if wait := _wait(await store.failures(rt.db, list(counted.values())), counted, now):
        return Refused(wait)
    row = await store.find(rt.db, key)
    good = await passwords.matches(row["password"] if row is not None else None, password)
    if not good or row is None or row["disabled_at"] is not None:
        await store.failed(rt.db, list(counted.values()), now)
        return Refused()
    if row["totp"] is not None and not await _second(rt, row, code, now):
        if code:
            await store.failed(rt.db, list(counted.values()), now)
        return Refused(code=True)
    await store.succeeded(rt.db, [counted["account"]])
    user = user_of(row)
    await note(rt, user.id, user.email, "signed in")
    return user


def _wait(found: Mapping[str, tuple[int, datetime]], counted: Mapping[str, str], now: datetime) -> int:
    waits = [0]
    for what, key in counted.items():
        failures, last = found.get(key, (0, now))
        if failures >= FREE_FAILURES[what]:
            delay = min(2 ** min(failures - FREE_FAILURES[what], 20), LONGEST_DELAY[what])
            waits.append(int(delay - (now - last).total_seconds() + 0.999))
    return max(waits)


async def _second(rt: Runtime, row: Mapping[str, Any], code: str, now: datetime) -> bool:
    secret = passwords.unsealed(row["totp"], _key(rt.settings))
    step = passwords.step_of(secret, code, now) if secret is not None else None
    return step is not None and await store.use_step(rt.db, UUID(str(row["id"])), step)


def _key(settings: Settings) -> str:
    return settings.secret.get_secret_value()


async def replace_password(rt: Runtime, session: Session, new: str) -> None:
    """`new`, already judged, is the password from now on, and the account's other sessions end."""
    await store.set_password(rt.db, session.user.id, await passwords.hashed(new))
    await store.end_sessions(rt.db, session.user.id, but=session.secret)
    await note(rt, session.user.id, session.user.email, "password set")


async def turn_second_factor(rt: Runtime, session: Session, secret: str | None, code: str) -> bool:
    """Turn it on with a new secret and a code made from it, or off (None) with a code of the present one."""
    row = await store.get(rt.db, session.user.id)
    if row is None:
        return False
    if secret is None:
        if row["totp"] is None or not await _second(rt, row, code, rt.clock.real()):
            return False
    elif passwords.step_of(secret, code, rt.clock.real()) is None:
        return False
    await store.set_totp(
        rt.db, session.user.id, None if secret is None else passwords.sealed(secret, _key(rt.settings))
    )
    await note(rt, session.user.id, session.user.email, f"second factor {'off' if secret is None else 'on'}")
    return True


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def begin(rt: Runtime, user: User, agent: str, client: str, *, instead_of: str = "") -> str:
    """A new session's token, for a cookie. `instead_of`: the token of the one that the browser had before."""
    token, now = secrets.token_urlsafe(32), rt.clock.real()
    values = {"id": uuid4(), "hash": digest(token), "user": user.id, "agent": agent[:300], "client": client, "now": now}
    await store.begin_session(rt.db, values, instead_of=digest(instead_of), idle=now - IDLE, oldest=now - OLDEST)
    return token


async def session(rt: Runtime, token: str) -> Session | None:
    """The session of a cookie's token, while it lasts."""
    now, hash = rt.clock.real(), digest(token)
    row = await store.session(rt.db, hash, idle=now - IDLE, oldest=now - OLDEST)
    if row is None:
        return None
    if now - row.real_seen_at > SEEN_EVERY:
        await store.seen(rt.db, hash, now)
    return Session(id=UUID(str(row.session)), secret=hash, user=user_of(row))


async def sessions_of(rt: Runtime, user: User) -> Sequence[Mapping[str, Any]]:
    now = rt.clock.real()
    return await store.sessions_of(rt.db, user.id, idle=now - IDLE, oldest=now - OLDEST)


async def end(rt: Runtime, session: Session, id: UUID) -> None:
    """End one of the account's sessions, this one or another."""
    if await store.end_session(rt.db, session.user.id, id):
        await note(rt, session.user.id, session.user.email, "session ended")
