"""Signing in at the desk: sessions, links that work once, delays, the second factor, and who may open which page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from json import dumps
from typing import Any
from uuid import uuid4

import httpx
import pyotp
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import delete, select

from engine.access import passwords, users
from engine.access.roles import ROLES, UnknownRole, may, roles_of
from engine.access.users import User
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store import desk_log
from engine.store.users import sign_in_failures, user_sessions
from tests.web.conftest import BASE, client_of
from web.desk.signed_in import ROUTES, next_path

PASSWORD = "violet harbour trombone 7"
OURS = {"Origin": BASE}
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
BY = (None, "test")
Enter = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest_asyncio.fixture
async def enter(app: FastAPI, rt: Runtime) -> AsyncIterator[Enter]:
    """`await enter("marketing")`: the browser of a new colleague with these roles, signed in by a link."""
    opened: list[httpx.AsyncClient] = []

    async def come_in(*roles: str) -> httpx.AsyncClient:
        user = await users.add(rt, f"{uuid4().hex}@acme.example", "Ada Lovelace", roles, BY)
        client = client_of(app)
        opened.append(client)
        path = await users.make_link(rt, user, "entry", BY)
        answer = await client.post(path, data={"go": "1"}, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
        return client

    yield come_in
    for client in opened:
        await client.aclose()


async def new_user(rt: Runtime, *roles: str, password: str = PASSWORD) -> User:
    user = await users.add(rt, f"{uuid4().hex}@acme.example", "Ada", roles or ("marketing",), BY)
    path = await users.make_link(rt, user, "password", BY)
    found = await users.use_link(rt, path.rpartition("/")[2], password)
    assert found is not None
    return found


async def sign_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await http.post("/desk/sign-in", data={"email": email, "password": password, **more}, headers=OURS)


def token_for(page: str, action: str) -> str:
    found = re.search(rf'action="{re.escape(action)}"[^>]*><input type="hidden" name="csrf" value="([^"]+)"', page)
    assert found, action
    return found[1]


def place_of(path: str) -> str:
    return re.sub(r"\{\w+\}", str(uuid4()), path)


def test_roles_are_read_and_an_admin_may_everything() -> None:
    assert roles_of(["Sales", "operator", "marketing"]) == ("marketing", "sales", "operators")
    with pytest.raises(UnknownRole, match="boss"):
        roles_of(["boss"])
    assert may(("admin",), ("sales",))
    assert may(("sales",), ("sales",))
    assert not may(("sales",), ("marketing",))


@pytest.mark.parametrize(
    "password", ["short one", "password1234", "aaaaaaaaaaaaaa", "qwertyuiop123", "Ada.Lovelace", "x" * 201]
)
def test_passwords_that_are_short_or_guessed_are_refused(password: str) -> None:
    assert passwords.weakness(password, ("Ada Lovelace", "ada.lovelace@acme.example"))
    assert passwords.weakness(PASSWORD, ("Ada Lovelace",)) == ""


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ("/desk/leads?q=a", "/desk/leads?q=a"), ("/desk", "/desk"), ("", "/desk"), ("//evil.example", "/desk"),
        ("https://evil.example/desk/", "/desk"), ("/desk/..//evil", "/desk"), ("/desk/\\evil", "/desk"),
        ("/deskevil", "/desk"), ("/desk//evil.example", "/desk"), ("/desk/a\r\nSet-Cookie: a", "/desk"),
    ],
)  # fmt: skip
def test_after_signing_in_only_pages_of_the_desk_follow(given: str, where: str) -> None:
    assert next_path(given) == where


async def test_signing_in_gives_a_session_that_can_be_ended(http: httpx.AsyncClient, rt: Runtime) -> None:
    user = await new_user(rt)
    asked = await http.get("/desk/account?a=b")
    assert (asked.status_code, asked.headers["location"]) == (303, "/desk/sign-in?next=%2Fdesk%2Faccount%3Fa%3Db")
    http.cookies.set("__Host-cf", "planted" * 6)
    answer = await sign_in(http, user.email.upper(), next="/desk/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/account")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-cf=")
    assert "planted" not in cookie
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    http.cookies.clear()
    first = cookie.partition("=")[2].partition(";")[0]
    async with rt.db.engine.connect() as connection:
        stored = (await connection.execute(select(user_sessions).where(user_sessions.c.user_id == user.id))).one()
    assert first not in str(stored)
    http.cookies.set("__Host-cf", first)
    page = await http.get("/desk/account")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "style=" not in page.text
    assert "<script>" not in page.text
    again = await sign_in(http, user.email)
    second = again.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert second != first
    http.cookies.clear()
    http.cookies.set("__Host-cf", first)
    assert (await http.get("/desk")).status_code == 303, "the earlier session ended with the next sign-in"
    http.cookies.clear()
    http.cookies.set("__Host-cf", second)
    page = await http.get("/desk/account")
    out = await http.post("/desk/sign-out", data={"csrf": token_for(page.text, "/desk/sign-out")}, headers=OURS)
    assert (out.status_code, out.headers["location"]) == (303, "/desk/sign-in")
    assert 'cf=""' in out.headers["set-cookie"]
    assert "Secure" in out.headers["set-cookie"]
    http.cookies.set("__Host-cf", second)
    assert (await http.get("/desk")).status_code == 303


async def test_nothing_tells_whether_there_is_an_account(
    http: httpx.AsyncClient, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, hashes = await new_user(rt), []
    verify = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda *given: (hashes.append(given[0]), verify(*given))[1])
    known = await sign_in(http, user.email, "wrong password here")
    unknown = await sign_in(http, "nobody@acme.example", "wrong password here")
    assert known.status_code == unknown.status_code == 422
    assert known.text.replace(user.email, "") == unknown.text.replace("nobody@acme.example", "")
    assert len(hashes) == 2, "the same work for both"
    without = await users.add(rt, f"{uuid4().hex}@acme.example", "New", ("sales",), BY)
    assert (await sign_in(http, without.email, "")).status_code == 422
    await users.disable(rt, user, BY)
    assert (await sign_in(http, user.email)).status_code == 422


async def test_failures_delay_the_next_try_more_and_more(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock
) -> None:
    user = await new_user(rt)
    for email in (user.email, "nobody.else@acme.example"):
        async with rt.db.engine.begin() as connection:
            await connection.execute(delete(sign_in_failures))
        for _ in range(5):
            assert (await sign_in(http, email, "wrong password here")).status_code == 422
        assert (await sign_in(http, email)).headers["retry-after"] == "1"
        clock.advance(timedelta(seconds=1))
        assert (await sign_in(http, email, "wrong password here")).status_code == 422
        held = await sign_in(http, email)
        assert (held.status_code, held.headers["retry-after"]) == (429, "2")
    clock.advance(timedelta(minutes=20))
    assert (await sign_in(http, user.email)).status_code == 303
    async with rt.db.engine.begin() as connection:
        await connection.execute(delete(sign_in_failures))


async def test_sessions_end_after_a_time(enter: Enter, clock: FixedClock) -> None:
    client = await enter("marketing")
    clock.advance(timedelta(hours=11, minutes=59))
    assert (await client.get("/desk")).status_code == 200
    for _ in range(13):
        clock.advance(timedelta(hours=11, minutes=59))
        await client.get("/desk")
    assert (await client.get("/desk")).status_code == 200
    clock.advance(timedelta(minutes=15))
    assert (await client.get("/desk")).status_code == 303, "a week is over"
    client = await enter("marketing")
    clock.advance(timedelta(hours=12))
    assert (await client.get("/desk")).status_code == 303, "twelve hours without a page"


async def test_a_link_works_once_and_looking_does_not_use_it_up(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock
) -> None:
    user = await users.add(rt, f"{uuid4().hex}@acme.example", "Ada", ("sales",), BY)
    old = await users.make_link(rt, user, "password", BY)
    path = await users.make_link(rt, user, "password", BY)
    assert (await http.get(old)).status_code == 404, "a new link replaces the earlier one"
    assert [(await http.get(path)).status_code for _ in range(2)] == [200, 200]
    weak = await http.post(path, data={"password": "password1234", "again": "password1234"}, headers=OURS)
    assert weak.status_code == 422
    assert "too easy to guess" in weak.text
    other = await http.post(path, data={"password": PASSWORD, "again": PASSWORD + "x"}, headers=OURS)
    assert "differ" in other.text
    foreign = await http.post(
        path, data={"password": PASSWORD, "again": PASSWORD}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    done = await http.post(path, data={"password": PASSWORD, "again": PASSWORD}, headers=OURS)
    assert done.status_code == 303
    assert "set-cookie" in done.headers
    assert (await http.post(path, data={"password": PASSWORD, "again": PASSWORD}, headers=OURS)).status_code == 404
    late = await users.make_link(rt, user, "password", BY)
    clock.advance(timedelta(days=3))
    assert (await http.get(late)).status_code == 404


async def test_a_second_factor_is_asked_for_and_each_code_works_once(
    enter: Enter, http: httpx.AsyncClient, rt: Runtime, clock: FixedClock
) -> None:
    user = await new_user(rt)
    await sign_in(http, user.email)
    page = await http.get("/desk/account")
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', page.text)
    assert secret is not None
    action = "/desk/account/second-factor"
    given = {"csrf": token_for(page.text, action), "secret": secret[1]}
    refused = await http.post(action, data={**given, "code": "12345"}, headers=OURS)
    assert refused.status_code == 422
    assert secret[1] in refused.text
    totp = pyotp.TOTP(secret[1])
    assert (await http.post(action, data={**given, "code": totp.at(clock.real())}, headers=OURS)).status_code == 303
    asked = await sign_in(http, user.email)
    assert asked.status_code == 422
    assert "authenticator app" in asked.text
    code = totp.at(clock.real())
    assert (await sign_in(http, user.email, code=code)).status_code == 303
    replayed = await sign_in(http, user.email, code=code)
    assert replayed.status_code == 422
    assert "used before" in replayed.text
    clock.advance(timedelta(seconds=30))
    page = await http.get("/desk/account")
    off = {"csrf": token_for(page.text, action), "code": totp.at(clock.real())}
    assert (await http.post(action, data=off, headers=OURS)).status_code == 303
    assert (await sign_in(http, user.email)).status_code == 303


async def test_a_password_is_changed_and_other_sessions_end(app: FastAPI, rt: Runtime) -> None:
    user, action = await new_user(rt), "/desk/account/password"
    async with client_of(app) as first, client_of(app) as second:
        await sign_in(first, user.email)
        await sign_in(second, user.email)
        page = await first.get("/desk/account")
        new = "copper lantern sunday 41"
        given = {"csrf": token_for(page.text, action), "old": "wrong password here", "password": new, "again": new}
        assert (await first.post(action, data=given, headers=OURS)).status_code == 422
        assert (await first.post(action, data={**given, "old": PASSWORD}, headers=OURS)).status_code == 303
        assert (await first.get("/desk")).status_code == 200
        assert (await second.get("/desk")).status_code == 303
        assert (await sign_in(second, user.email, new)).status_code == 303
        page = await first.get("/desk/account")
        listed = re.findall(r'action="(/desk/account/sessions/[^"]+)"', page.text)
        ours = await users.session(rt, first.cookies["__Host-cf"])
        assert ours is not None
        others = [one for one in listed if not one.endswith(str(ours.id))]
        assert (len(listed), len(others)) == (2, 1)
        await first.post(others[0], data={"csrf": token_for(page.text, others[0])}, headers=OURS)
        assert (await second.get("/desk")).status_code == 303


@pytest.mark.parametrize("odd", ["\x00", "a\x00@acme.example", "\ud800"])
async def test_what_is_no_text_is_refused_before_it_is_looked_for(
    enter: Enter, http: httpx.AsyncClient, rt: Runtime, odd: str
) -> None:
    json = {**OURS, "content-type": "application/json"}
    admin = await enter("admin")
    session = await users.session(rt, admin.cookies["__Host-cf"])
    assert session is not None
    for client, path in ((http, "/desk/sign-in"), (admin, "/desk/campaigns/state"), (admin, "/desk/users")):
        good = rt.tokens.sign("desk form", session.secret, path)
        for given in ({"email": odd, "password": odd}, {"campaign": odd, "state": "paused"}, {odd: "x"}):
            answer = await client.post(path, content=dumps({"csrf": good, **given}), headers=json)
            assert answer.status_code == 400, (path, given)


# ── the route table ──────────────────────────────────────────────────────────────────────────────────────────────────
async def test_every_route_of_the_desk_is_refused_to_whom_it_is_not_for(
    enter: Enter, http: httpx.AsyncClient, rt: Runtime, clock: FixedClock
) -> None:
    by_role = {role: await enter(role) for role in ROLES}
    gone = await enter("admin")
    mine = (await users.session(rt, gone.cookies["__Host-cf"])).id  # type: ignore[union-attr]
    async with rt.db.engine.begin() as connection:
        await connection.execute(delete(user_sessions).where(user_sessions.c.id == mine))
    for (method, path), roles in ROUTES.items():
        place = place_of(path)
        for nobody in (http, gone):
            answer = await nobody.request(method, place, data={} if method == "POST" else None, headers=OURS)
            assert (answer.status_code, answer.headers["location"][:13]) == (303, "/desk/sign-in"), (method, path)
        for role, client in by_role.items():
            if may((role,), roles):
                continue
            answer = await client.request(method, place, data={} if method == "POST" else None, headers=OURS)
            assert answer.status_code == 403, (method, path, role)
        if method == "POST":
            allowed = by_role[roles[0]]
            session = await users.session(rt, allowed.cookies["__Host-cf"])
            assert session is not None
            good = rt.tokens.sign("desk form", session.secret, place)
            forged = [
                "", "x", good[:-1], rt.tokens.sign("desk form", session.secret, "/desk/other"),
                rt.tokens.sign("desk form", "0" * 64, place), rt.tokens.sign("other", session.secret, place),
            ]  # fmt: skip
            for token in forged:
                answer = await allowed.post(place, data={"csrf": token}, headers=OURS)
                assert (answer.status_code, "out of date" in answer.text) == (403, True), (path, token)
            foreign = await allowed.post(place, data={"csrf": good}, headers={"Sec-Fetch-Site": "cross-site"})
            assert foreign.status_code == 403, path
        else:
            for trick in (
                f"{path.rstrip('/')}/",
                f"/%2F{path[1:]}",
                path.upper(),
                f"{path}/..%2f",
                path.replace("/desk", "/desk/%2e"),
            ):
                if "{" not in trick:
                    answer = await by_role["admin"].get(trick)
                    assert answer.status_code in (404, 303), trick
                    assert "location" not in answer.headers or answer.headers["location"].startswith("/desk")


async def test_users_are_managed_and_everything_is_logged(enter: Enter, http: httpx.AsyncClient, rt: Runtime) -> None:
    admin = await enter("admin")
    page = await admin.get("/desk/users")
    token = {"csrf": token_for(page.text, "/desk/users")}
    email = f"{uuid4().hex}@acme.example"
    for bad in ({"email": "x", "name": "X", "role": "sales"}, {"email": email, "name": "X"},
                {"email": email, "name": "X", "role": "boss"}):  # fmt: skip
        assert (await admin.post("/desk/users", data={**token, **bad}, headers=OURS)).status_code == 422
    new = {**token, "email": email, "name": "<script>alert(1)</script>", "role": ["sales", "marketing"]}
    made = await admin.post("/desk/users", data=new, headers=OURS)
    assert made.status_code == 200
    assert "<script>alert" not in made.text
    assert (await admin.post("/desk/users", data=new, headers=OURS)).status_code == 409
    shown = re.search(rf"{BASE}(/desk/link/[\w-]+)", made.text)
    assert shown is not None
    done = await http.post(shown[1], data={"password": PASSWORD, "again": PASSWORD}, headers=OURS)
    assert done.status_code == 303
    assert (await http.get("/desk")).status_code == 200
    user = await users.find(rt, email)
    assert user is not None
    page = await admin.get("/desk/users")
    for action, given in (("roles", {"role": "developers"}), ("state", {"to": "disabled"})):
        path = f"/desk/users/{user.id}/{action}"
        answer = await admin.post(path, data={"csrf": token_for(page.text, path), **given}, headers=OURS)
        assert answer.status_code == 303
        assert (await http.get("/desk")).status_code == 303, "what changes a user's rights ends their sessions"
    entries = await desk_log.page(rt.db, limit=1_000)
    said = {(one["action"], one["subject"]) for one in entries}
    assert {("user added", email), ("link made", email), ("roles changed", email), ("user disabled", email)} <= said
    changed = next(one for one in entries if one["action"] == "roles changed")
    assert changed["data"] == {"before": ["marketing", "sales"], "now": ["developers"]}
    shown_log = await admin.get("/desk/log?action=roles+changed")
    assert email in shown_log.text
    assert "now: developers; before: marketing, sales" in shown_log.text


async def test_the_only_admin_stays(fresh_database_url: str, tmp_path: Any) -> None:
    from engine.runtime.runtime import open_runtime
    from engine.store.users import LastAdmin
    from tests.web.conftest import make_settings

    async with open_runtime(make_settings(fresh_database_url, tmp_path), clock=FixedClock()) as rt:
        path = await users.local_admin(rt)
        again = await users.local_admin(rt)
        assert await users.link(rt, path.rpartition("/")[2]) is None
        admin = await users.use_link(rt, again.rpartition("/")[2], None)
        assert admin is not None
        assert admin.roles == ("admin",)
        with pytest.raises(LastAdmin):
            await users.set_roles(rt, admin, ["sales"], BY)
        with pytest.raises(LastAdmin):
            await users.disable(rt, admin, BY)
        await new_user(rt, "admin")
        await users.disable(rt, admin, BY)
        assert await users.local_admin(rt) == "", "once somebody has a password, no link is printed"
