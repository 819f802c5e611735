"""Users and the log of what they did: for admins, and operators read the log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from engine.access import log, users
from engine.access.roles import MEANING, ROLES, UnknownRole
from engine.access.users import AddressTaken, BadAddress, User
from engine.store import desk_log
from engine.store.users import LastAdmin
from web.desk.shown import When, when
from web.desk.signed_in import Desk, Visit
from web.http.answers import missing

desk = Desk()
PER_PAGE = 50
LONGEST = 200


@desk.get("/desk/users", "admin")
async def listing(visit: Visit) -> Response:
    return await _users(visit)


async def _users(visit: Visit, *, status: int = 200, problem: str = "", link: str = "", link_for: str = "") -> Response:
    found = await users.everyone(visit.rt)
    await visit.note("people listed", count=len(found))
    return visit.page(
        "users.html", status=status, users=found, roles=[(role, MEANING[role]) for role in ROLES], problem=problem,
        link=link, link_for=link_for, when=await when(visit),
    )  # fmt: skip


@desk.post("/desk/users", "admin")
async def add(visit: Visit) -> Response:
    """`email`, `name` and `role` (several). The page shows the link to send to the new colleague, once."""
    email, name = _tidy(visit.one("email")), _tidy(visit.one("name"))
    try:
        if not visit.several("role"):
            return await _users(visit, status=422, problem="Choose at least one role.")
        user = await users.add(visit.rt, email, name, visit.several("role"), visit.by)
    except BadAddress:
        return await _users(visit, status=422, problem="This is not one email address.")
    except AddressTaken:
        return await _users(visit, status=409, problem="There is already a user with this address.")
    except UnknownRole:
        return await _users(visit, status=422, problem="Choose roles from the list.")
    return await _with_link(visit, user)


async def _with_link(visit: Visit, user: User) -> Response:
    path = await users.make_link(visit.rt, user, "password", visit.by)
    return await _users(visit, link=f"{visit.rt.settings.base_url}{path}", link_for=user.email)


@desk.post("/desk/users/{id}/link", "admin")
async def link(visit: Visit) -> Response:
    user = await _user(visit)
    return await _users(visit, status=409, problem="Enable this user first.") if user.disabled else (
        await _with_link(visit, user)
    )  # fmt: skip


@desk.post("/desk/users/{id}/roles", "admin")
async def roles(visit: Visit) -> Response:
    user = await _user(visit)
    try:
        if not visit.several("role"):
            return await _users(visit, status=422, problem="Choose at least one role, or disable the user.")
        await users.set_roles(visit.rt, user, visit.several("role"), visit.by)
    except UnknownRole:
        return await _users(visit, status=422, problem="Choose roles from the list.")
    except LastAdmin:
        return await _users(
            visit, status=409, problem="This is the only admin. Give the role admin to another user first."
        )
    return RedirectResponse("/desk/users", 303)


@desk.post("/desk/users/{id}/state", "admin")
async def state(visit: Visit) -> Response:
    """`to`: `disabled` ends the sessions and links of the user; `enabled` lets them sign in again."""
    user, to = await _user(visit), visit.one("to")
    if to not in ("disabled", "enabled"):
        return await _users(visit, status=422, problem="A user is either enabled or disabled.")
    try:
        await users.disable(visit.rt, user, visit.by, enable=to == "enabled")
    except LastAdmin:
        return await _users(
            visit, status=409, problem="This is the only admin. Give the role admin to another user first."
        )
    return RedirectResponse("/desk/users", 303)


async def _user(visit: Visit) -> User:
    try:
        id = UUID(visit.request.path_params["id"])
    except ValueError:
        raise missing() from None
    found = await users.get(visit.rt, id)
    if found is None:
        raise missing()
    return found


def _tidy(given: str) -> str:
    return "".join(one for one in given if one.isprintable()).strip()[:LONGEST]


@desk.get("/desk/log", "operators")
async def show_log(visit: Visit) -> Response:
    """The newest first; `?action=` shows one kind only, `?before=` what is older."""
    action = visit.asked("action")
    action = action if action in log.ACTIONS else ""
    rows = await desk_log.page(visit.rt.db, action, _place(visit.asked("before")), PER_PAGE + 1)
    shown: When = await when(visit)
    older = f"{rows[PER_PAGE - 1]['at'].isoformat()}~{rows[PER_PAGE - 1]['id']}" if len(rows) > PER_PAGE else ""
    return visit.page(
        "log.html", rows=rows[:PER_PAGE], action=action, actions=log.ACTIONS, older=older, when=shown
    )  # fmt: skip


def _place(given: str) -> tuple[datetime, UUID] | None:
    at, _, id = given.partition("~")
    try:
        found = datetime.fromisoformat(at), UUID(id)
    except ValueError:
        return None
    return found if found[0].tzinfo is not None else None
