"""Signing in and out, links that are valid once, and one's own account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.access import passwords, users
from engine.access.users import Refused, User
from web.desk.signed_in import (
    EVERYONE,
    SIGN_IN,
    Desk,
    Visit,
    come_in,
    leave,
    need_https,
    next_path,
    present,
)  # fmt: skip
from web.http.answers import desk_assets, missing, page
from web.http.context import client, need_text, posted, runtime, spend
from web.http.limits import network
from web.http.origins import SAME_ORIGIN, own_page

desk = Desk()
router = APIRouter()
ACCOUNT = "/desk/account"
WRONG = "The email address or the password is wrong."
NOT_OURS = "This form is out of date. Reload the page and try again."


def _page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> Response:
    return page(
        f"desk/{template}", status=status, headers={**SAME_ORIGIN, **(headers or {})}, **desk_assets(), **values
    )  # fmt: skip


async def _own_post(request: Request) -> dict[str, str]:
    """What a page of ours posts; before anybody is signed in there is no session a token could be tied to."""
    spend(request)
    if not own_page(request, runtime(request).settings.base_url):
        raise HTTPException(403, NOT_OURS)
    raw = need_text(await posted(request))
    return {name: next((one for one in values if isinstance(one, str)), "") for name, values in raw.items()}


@router.get(SIGN_IN)
async def show(request: Request) -> Response:
    need_https(runtime(request).settings)
    where = next_path(request.query_params.get("next", ""))
    if await present(request) is not None:
        return RedirectResponse(where, 303)
    return _page("sign_in.html", next=where, email="", problem="", code=False)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """`email`, `password`, and `code` if the account has a second factor. 303 to `next`; 422 and 429 say the same
    whether there is such an account or not."""
    rt = runtime(request)
    need_https(rt.settings)
    given = await _own_post(request)
    where, email = next_path(given.get("next", "")), given.get("email", "")[:320]
    found = await users.sign_in(
        rt, email, given.get("password", ""), given.get("code", ""), network(client(request))
    )  # fmt: skip
    if isinstance(found, User):
        return await come_in(request, found, where)
    values: dict[str, Any] = {"next": where, "email": email, "code": found.code}
    if found.wait:
        text = f"Too many attempts. Please wait {found.wait} seconds and try again."
        return _page("sign_in.html", status=429, headers={"Retry-After": str(found.wait)}, problem=text, **values)
    return _page("sign_in.html", status=422, problem=_refusal(found, given.get("code", "")), **values)


def _refusal(found: Refused, code: str) -> str:
    if not found.code:
        return WRONG
    return "This code is wrong or was used before." if code else "Enter the code from your authenticator app."


@desk.post("/desk/sign-out", *EVERYONE)
async def sign_out(visit: Visit) -> Response:
    await users.end(visit.rt, visit.session, visit.session.id)
    return leave(visit.request)


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@router.get("/desk/link/{token}")
async def show_link(request: Request, token: str) -> Response:
    """What the link is for. Looking does not use it up: mail scanners look, too."""
    need_https(runtime(request).settings)
    kind, user = await _link(request, token)
    return _page("link.html", kind=kind, user=user, problem="", token=token)


@router.post("/desk/link/{token}")
async def use_link(request: Request, token: str) -> Response:
    rt = runtime(request)
    need_https(rt.settings)
    given = await _own_post(request)
    kind, user = await _link(request, token)
    password = given.get("password", "") if kind == "password" else None
    if password is not None and (problem := _unfit(user, password, given.get("again", ""))):
        return _page("link.html", status=422, kind=kind, user=user, problem=problem, token=token)
    found = await users.use_link(rt, token, password)
    if found is None:
        raise missing()
    if found.has_second_factor:
        return RedirectResponse(SIGN_IN, 303)
    return await come_in(request, found, "/desk")


async def _link(request: Request, token: str) -> tuple[str, User]:
    found = await users.link(runtime(request), token) if len(token) <= 100 else None
    if found is None:
        raise missing()
    return found


def _unfit(user: User, password: str, again: str) -> str:
    problem = passwords.weakness(password, (user.name, user.email, "coldframe"))
    return problem or ("" if password == again else "The two passwords differ.")


# ── one's own account ────────────────────────────────────────────────────────────────────────────────────────────────
@desk.get(ACCOUNT, *EVERYONE)
async def account(visit: Visit) -> Response:
    return await _account(visit)


async def _account(visit: Visit, *, status: int = 200, problem: str = "", done: str = "", secret: str = "") -> Response:
    secret = secret or ("" if visit.user.has_second_factor else passwords.new_secret())
    return visit.page(
        "account.html", status=status, problem=problem, done=done, secret=secret,
        address=passwords.address(secret, visit.user.email) if secret else "",
        sessions=await users.sessions_of(visit.rt, visit.user),
    )  # fmt: skip


@desk.post(f"{ACCOUNT}/password", *EVERYONE)
async def change_password(visit: Visit) -> Response:
    new = visit.one("password")
    if problem := _unfit(visit.user, new, visit.one("again")):
        return await _account(visit, status=422, problem=problem)
    counted = await users.sign_in(
        visit.rt, visit.user.email, visit.one("old"), visit.one("code"), network(client(visit.request))
    )  # fmt: skip
    if isinstance(counted, Refused) and counted.wait:
        return await _account(visit, status=429, problem=f"Please wait {counted.wait} seconds and try again.")
    if not isinstance(counted, User):
        return await _account(visit, status=422, problem="The current password or the code is wrong.")
    await users.replace_password(visit.rt, visit.session, new)
    return await come_in(visit.request, visit.user, ACCOUNT)


@desk.post(f"{ACCOUNT}/second-factor", *EVERYONE)
async def second_factor(visit: Visit) -> Response:
    """`secret` and a code made with it turn it on; a code of the present one turns it off."""
    secret = visit.one("secret") if not visit.user.has_second_factor else None
    if secret is not None and not (len(secret) == 32 and secret.isalnum() and secret.isascii()):
        raise HTTPException(422)
    if not await users.turn_second_factor(visit.rt, visit.session, secret, visit.one("code")):
        return await _account(visit, status=422, problem="This code is wrong or was used before.", secret=secret or "")
    return RedirectResponse(ACCOUNT, 303)


@desk.post(f"{ACCOUNT}/sessions/{{id}}", *EVERYONE)
async def end_session(visit: Visit) -> Response:
    try:
        id = UUID(visit.request.path_params["id"])
    except ValueError:
        raise missing() from None
    await users.end(visit.rt, visit.session, id)
    return RedirectResponse(ACCOUNT, 303)
