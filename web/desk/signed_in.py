"""Routes of the desk: each names the roles it is for, and runs only for somebody signed in who has one of them.

A post is taken from our own pages alone, with the token of the form that it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from engine.access import log, users
from engine.access.roles import ROLES, Role, may
from engine.access.users import Session, User
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime
from web.http.answers import desk_assets, page
from web.http.context import client, need_text, posted, runtime
from web.http.fields import Raw
from web.http.hosts import LOOPBACK
from web.http.origins import SAME_ORIGIN, own_page
from web.http.security import policy

FORM = "desk form"
"""The purpose of the tokens in forms."""
SIGN_IN = "/desk/sign-in"
NOT_HTTPS = "The desk works over https only. Set COLDFRAME_BASE_URL to the https address of this server."
EVERYONE: tuple[Role, ...] = ROLES
NAVIGATION: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("Home", "/desk", EVERYONE),
    ("Campaigns", "/desk/campaigns", ("marketing", "operators")),
    ("Write", "/desk/write", ("marketing", "operators")),
    ("Leads", "/desk/leads", ("marketing",)),
    ("Sales", "/desk/sales", ("sales", "marketing")),
    ("Reports", "/desk/reports", ("marketing",)),
    ("Operations", "/desk/operations", ("operators",)),
    ("Web", "/desk/web", ("developers", "marketing", "operators")),
    ("Users", "/desk/users", ("admin",)),
    ("Log", "/desk/log", ("operators",)),
)
"""Label, address, and for whom."""


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in. `raw`: what was posted, "" for what was not."""

    request: Request
    rt: Runtime
    session: Session
    raw: Raw = field(default_factory=dict)

    @property
    def user(self) -> User:
        return self.session.user

    @property
    def by(self) -> tuple[Any, str]:
        return self.user.id, self.user.email

    def may(self, *roles: Role) -> bool:
        return may(self.user.roles, roles)

    def one(self, name: str) -> str:
        """What was posted under this name, as one text; nothing if it was posted twice."""
        values = self.raw.get(name, ())
        return values[0] if len(values) == 1 and isinstance(values[0], str) else ""

    def several(self, name: str) -> list[str]:
        return [value for value in self.raw.get(name, ()) if isinstance(value, str)]

    def asked(self, name: str, longest: int = 200, *, lines: bool = False) -> str:
        """What the address says under this name, without what cannot be stored or seen. `lines`: several."""
        given = self.request.query_params.get(name, "")[:longest].replace("\r\n", "\n")
        return "".join(one for one in given if one.isprintable() or (lines and one == "\n")).strip()

    def token(self, action: str) -> str:
        """What the form that posts to `action` carries."""
        return self.rt.tokens.sign(FORM, self.session.secret, action)

    def as_sent(self, message: Any) -> str:
        """The address that shows an email as it was sent; "" for roles that see no lead's content."""
        return f"/v/{self.rt.tokens.sign('view', str(message))}" if self.may("marketing") else ""

    def hidden(self, action: str) -> Markup:
        return Markup('<input type="hidden" name="csrf" value="{}">').format(self.token(action))

    def page(self, template: str, *, status: int = 200, fetches: bool = False, **values: Any) -> HTMLResponse:
        """A page inside the desk's frame. In templates `hidden(action)` is the field that a form needs. `fetches`:
        its script asks the desk."""
        places = [(label, path) for label, path, roles in NAVIGATION if ("GET", path) in ROUTES and self.may(*roles)]
        here = max((path for _, path in places if within(self.request.url.path, path)), key=len, default="")
        headers = {**SAME_ORIGIN, "Content-Security-Policy": policy(script=True, asks=fetches)}
        return page(
            f"desk/{template}", status=status, headers=headers, visit=self, places=places, here=here,
            hidden=self.hidden, **desk_assets(), **values,
        )  # fmt: skip

    async def note(self, action: str, subject: str = "", **data: Any) -> None:
        await log.note(self.rt, *self.by, action, subject, **data)


Handler = Callable[[Visit], Awaitable[Response]]
ROUTES: dict[tuple[str, str], tuple[Role, ...]] = {}
"""Method and path of each route of the desk, and for whom it is."""


class Desk:
    """Declares routes: `@desk.get("/desk/leads", "marketing")`. An admin may use them all."""

    def __init__(self) -> None:
        self.router = APIRouter()

    def get(self, path: str, *roles: Role) -> Callable[[Handler], Handler]:
        return self._route("GET", path, roles)

    def post(self, path: str, *roles: Role) -> Callable[[Handler], Handler]:
        return self._route("POST", path, roles)

    def upload(self, path: str, *roles: Role) -> Callable[[Handler], Handler]:
        """A post with files: the handler reads the form, and has to call `check_form` before it does anything."""
        return self._route("POST", path, roles, reads=True)

    def _route(
        self, method: str, path: str, roles: tuple[Role, ...], *, reads: bool = False
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        assert roles, "each route says for whom it is"

        def declare(handler: Handler) -> Handler:
            ROUTES[method, path] = roles

            async def endpoint(request: Request, **_: str) -> Response:
                return await _run(request, handler, roles, reads=reads)

            endpoint.__name__ = handler.__name__
            endpoint.__signature__ = _signature(path)  # type: ignore[attr-defined]
            self.router.add_api_route(path, endpoint, methods=[method], response_model=None)
            return handler

        return declare


def _signature(path: str) -> Signature:
    """Of a handler that takes the request and the texts in its path."""
    names = re.findall(r"\{(\w+)\}", path)
    texts = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=str) for name in names]
    return Signature([Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=Request), *texts])


async def _run(request: Request, handler: Handler, roles: tuple[Role, ...], *, reads: bool) -> Response:
    rt = runtime(request)
    session = await present(request)
    if session is None:
        return _to_sign_in(request)
    if not may(session.user.roles, roles):
        raise HTTPException(403, "Your role does not include this page. An admin can change your roles.")
    raw: Raw = {}
    if request.method == "POST" and not reads:
        raw = need_text(await posted(request))
        check_form(request, raw, session.secret)
    return await handler(Visit(request, rt, session, raw))


def check_form(request: Request, raw: Raw, secret: str) -> None:
    """Raises 403 unless one of our own pages sends this, with the token of the form for this address and session."""
    given = next(iter(raw.get("csrf", ())), "")
    rt = runtime(request)
    parts = rt.tokens.read(FORM, given) if isinstance(given, str) else None
    if parts != (secret, request.url.path) or not own_page(request, rt.settings.base_url):
        raise HTTPException(403, "This form is out of date. Reload the page and try again.")


async def present(request: Request) -> Session | None:
    """Who is signed in; None for nobody."""
    token = request.cookies.get(cookie_name(runtime(request).settings), "")
    return await users.session(runtime(request), token) if 0 < len(token) <= 100 else None


def _to_sign_in(request: Request) -> Response:
    path = request.url.path if request.method in ("GET", "HEAD") else "/desk"
    if request.url.query and request.method in ("GET", "HEAD"):
        path += f"?{request.url.query}"
    return RedirectResponse(f"{SIGN_IN}?next={quote(path, safe='')}" if path != "/desk" else SIGN_IN, 303)


def next_path(given: str) -> str:
    """Where to go after signing in: a page of the desk, whatever the address says."""
    parts = urlsplit(given)
    inside = given == "/desk" or given.startswith(("/desk/", "/desk?"))
    plain = given.isprintable() and "\\" not in given and "//" not in parts.path and ".." not in parts.path
    return given if inside and plain and not parts.scheme and not parts.netloc and len(given) <= 2_000 else "/desk"


def within(path: str, place: str) -> bool:
    return path == place or (place != "/desk" and path.startswith(f"{place}/"))


# ── the cookie ───────────────────────────────────────────────────────────────────────────────────────────────────────
def secure(settings: Settings) -> bool:
    return settings.base_url.startswith("https://")


def cookie_name(settings: Settings) -> str:
    """Browsers take a `__Host-` cookie only over https, for this host alone; on one machine it is a plain one."""
    return "__Host-cf" if secure(settings) else "cf"


def need_https(settings: Settings) -> None:
    """Raises 403 where a cookie would travel in the clear."""
    if not secure(settings) and urlsplit(settings.base_url).hostname not in LOOPBACK:
        raise HTTPException(403, NOT_HTTPS)


async def come_in(request: Request, user: User, where: str) -> Response:
    """A new session instead of the browser's earlier one, and its cookie."""
    rt = runtime(request)
    name = cookie_name(rt.settings)
    agent = request.headers.get("user-agent", "")
    token = await users.begin(rt, user, agent, client(request), instead_of=request.cookies.get(name, ""))
    answer = RedirectResponse(where, 303)
    answer.set_cookie(
        name, token, max_age=int(users.OLDEST.total_seconds()), path="/", secure=secure(rt.settings), httponly=True,
        samesite="lax",
    )  # fmt: skip
    return answer


def leave(request: Request, where: str = SIGN_IN, headers: Mapping[str, str] | None = None) -> Response:
    """Away, without the cookie."""
    settings = runtime(request).settings
    answer = RedirectResponse(where, 303, headers)
    answer.delete_cookie(
        cookie_name(settings), path="/", secure=secure(settings), httponly=True, samesite="lax"
    )  # fmt: skip
    return answer
