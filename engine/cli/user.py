"""`coldframe user`: who may use the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, need_secrets, out, print_json

if TYPE_CHECKING:
    from uuid import UUID

    from engine.access.users import User
    from engine.platform.settings import Settings
    from engine.runtime.runtime import Runtime

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Manage who may use the desk.")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Email = Annotated[str, typer.Argument(help="The user’s email address.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="A role: marketing, sales, operators, developers, or admin. Repeat it for several."),
]


@app.command()
def add(
    email: Email,
    role: Roles = None,
    name: Annotated[str, typer.Option(help="The user’s name. [default: the first part of the address]")] = "",
    as_json: Json = False,
) -> None:
    """Add a user and print the link to choose a password.

    The link works once, within two days. The first user has to be an admin.

    Example: `coldframe user add ada@acme.example --role admin`
    """
    from engine.access import users

    async def work(rt: Runtime) -> str:
        try:
            user = await users.add(rt, email, name, _some(role), _by())
        except users.AddressTaken:
            raise Stop(
                f"there is already a user {email}; `coldframe user link {email}` makes a new link", FAILED
            ) from None
        except users.BadAddress:
            raise Stop(f"`{email}` is not an email address") from None
        return rt.settings.base_url + await users.make_link(rt, user, "password", _by())

    _tell_link(_run(work), email, as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all users with their roles.

    Example: `coldframe user list`
    """
    from engine.access import users

    async def work(rt: Runtime) -> list[User]:
        return await users.everyone(rt)

    found = _run(work)
    if as_json:
        print_json([{"email": one.email, "name": one.name, "roles": one.roles, "disabled": one.disabled,
                     "second_factor": one.has_second_factor, "seen_at": one.seen_at} for one in found])  # fmt: skip
        return
    for one in found:
        state = "disabled" if one.disabled else "active" if one.has_password else "no password yet"
        out.print(f"{one.email}  {', '.join(one.roles)}  {state}", markup=False)
    if not found:
        out.print("there are no users yet; `coldframe user add EMAIL --role admin` adds one", markup=False)


@app.command("role")
def role_(email: Email, role: Roles = None, as_json: Json = False) -> None:
    """Replace a user’s roles. The user has to sign in again.

    Example: `coldframe user role ada@acme.example --role marketing --role operators`
    """
    from engine.access import users
    from engine.store.users import LastAdmin

    async def work(rt: Runtime) -> None:
        try:
            await users.set_roles(rt, await _user(rt, email), _some(role), _by())
        except LastAdmin:
            raise Stop(f"{email} is the only admin; give the role `admin` to another user first", FAILED) from None

    _run(work)
    _said({"email": email, "roles": _some(role)}, f"{email} now has the roles {', '.join(_some(role))}", as_json)


@app.command()
def disable(
    email: Email,
    enable: Annotated[bool, typer.Option("--enable", help="Let the user sign in again.")] = False,
    as_json: Json = False,
) -> None:
    """Disable a user. Sessions end immediately, and links stop working.

    Example: `coldframe user disable ada@acme.example`
    """
    from engine.access import users
    from engine.store.users import LastAdmin

    async def work(rt: Runtime) -> None:
        try:
            await users.disable(rt, await _user(rt, email), _by(), enable=enable)
        except LastAdmin:
            raise Stop(f"{email} is the only admin; give the role `admin` to another user first", FAILED) from None

    _run(work)
    _said({"email": email, "disabled": not enable}, f"{email} is {'enabled' if enable else 'disabled'}", as_json)


@app.command()
def link(email: Email, as_json: Json = False) -> None:
    """Print a link with which a user chooses a new password.

    It works once, within two days; earlier links stop working.

    Example: `coldframe user link ada@acme.example`
    """
    from engine.access import users

    async def work(rt: Runtime) -> str:
        user = await _user(rt, email)
        if user.disabled:
            raise Stop(f"{email} is disabled; `coldframe user disable {email} --enable` enables the user", FAILED)
        return rt.settings.base_url + await users.make_link(rt, user, "password", _by())

    _tell_link(_run(work), email, as_json)


def _tell_link(address: str, email: str, as_json: bool) -> None:
    _said({"email": email, "link": address}, address, as_json)


def _said(value: dict[str, object], text: str, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        out.print(text, markup=False)


def _some(role: list[str] | None) -> list[str]:
    from engine.access.roles import ROLES, UnknownRole, roles_of

    try:
        found = roles_of(name for one in role or () for name in one.split(","))
    except UnknownRole as error:
        raise Stop(f"there is no role `{error}`; the roles are {', '.join(ROLES)}") from None
    if not found:
        raise Stop(f"name at least one role: `--role marketing`; the roles are {', '.join(ROLES)}")
    return list(found)


async def _user(rt: Runtime, email: str) -> User:
    from engine.access import users

    found = await users.find(rt, email)
    if found is None:
        raise Stop(f"there is no user {email}; `coldframe user list` shows them all", FAILED)
    return found


def _by() -> tuple[UUID | None, str]:
    try:
        return None, f"coldframe user, by {getuser()}"
    except (KeyError, OSError):
        return None, "coldframe user"


def _run(work: Callable[[Runtime], Awaitable[T]]) -> T:
    settings = load_settings()
    need_secrets(settings)
    with database(settings, make=True) as url:
        return asyncio.run(_in(settings, url, work))


async def _in(settings: Settings, url: str, work: Callable[[Runtime], Awaitable[T]]) -> T:
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        return await work(rt)
