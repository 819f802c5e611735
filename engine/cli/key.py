"""`coldframe key`: who may report events to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.aliases import KeyGroup
from engine.cli.common import FAILED, Stop, load_settings, out, print_json, with_database

if TYPE_CHECKING:
    from engine.model.ports import Clock
    from engine.platform.settings import Settings
    from engine.store.db import Database

app = typer.Typer(cls=KeyGroup, no_args_is_help=False)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback(invoke_without_command=True)
def key(
    webhook: Annotated[
        bool, typer.Option("--webhook-secret", help="Print the first secret for checking the signatures of `post to`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create, list, or revoke API keys.

    A key lets another system call `POST /api/events`, `/api/leads`, `/api/spend`, and `/api/rates`, and `GET
    /api/reports`. One made with `--reports` is for reports alone.

    `coldframe webhooks secret rotate` replaces the secret that `--webhook-secret` prints.

    Example: `coldframe key create shop`
    """
    if not webhook:
        return
    from engine.sending.webhook import webhook_secret

    secret = webhook_secret(load_settings().secret.get_secret_value())
    if as_json:
        print_json({"webhook_secret": secret})
    else:
        out.print(secret, markup=False)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The system that will use the key: the shop, the CRM.")],
    reports: Annotated[bool, typer.Option("--reports", help="The key reads reports and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Create an API key and print it.

    It is printed only once and stored only as a hash, so save it now.

    Example: `coldframe key create shop`
    """
    from engine.access.keys import NameTaken, make_key

    if not name.strip():
        raise Stop("name the key after the system that will use it: `coldframe key create shop`")

    async def work(db: Database, clock: Clock, _: Settings) -> str:
        try:
            return await make_key(db, clock, name, "reports" if reports else "all")
        except NameTaken:
            said = f"there is already an active key named `{name}`; revoke it first, or choose another name"
            raise Stop(said, FAILED) from None

    made = with_database(work, make=True)
    if as_json:
        print_json({"name": name, "key": made, "scope": "reports" if reports else "all"})
    else:
        out.print(made, markup=False)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all API keys, active and revoked.

    Example: `coldframe key list`
    """
    from engine.access.keys import list_keys

    async def work(db: Database, _: Clock, __: Settings) -> list[Any]:
        return list(await list_keys(db))

    found = with_database(work, make=True)
    if as_json:
        print_json(found)
        return
    for one in found:
        state = f"revoked {one['revoked_at']:%Y-%m-%d}" if one["revoked_at"] else "active"
        only = ", reads reports" if one["scope"] == "reports" else ""
        out.print(f"{one['name']}  created {one['created_at']:%Y-%m-%d}, {state}{only}", markup=False)
    if not found:
        out.print("there are no keys yet; `coldframe key create NAME` creates one", markup=False)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The name of the key.")] = "",
    as_json: Json = False,
) -> None:
    """Revoke an API key, so that requests with it are refused.

    Example: `coldframe key revoke shop`
    """
    from engine.access.keys import revoke_key

    if not name.strip():
        raise Stop("name the key to revoke: `coldframe key revoke shop`")

    async def work(db: Database, clock: Clock, _: Settings) -> int:
        if not (count := await revoke_key(db, clock, name)):
            raise Stop(f"no active key named `{name}`", FAILED)
        return count

    count = with_database(work, make=True)
    if as_json:
        print_json({"name": name, "revoked": count})
    else:
        out.print(f"revoked {count} key{'' if count == 1 else 's'} named `{name}`", markup=False)
