"""`coldframe key`: who may report events to the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings


def key(
    name: Annotated[
        str | None, typer.Argument(help="Whose key it is: the shop, the CRM. Without it keys are listed.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the key of that name out of force.")] = False,
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Print the secret with which receivers of `post to` check signatures.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make, list or revoke keys for `POST /api/events` and `POST /api/leads`.

    A new key is printed once and stored only as a hash: note it down at once. A revoked key is refused from then on.

    Example: `coldframe key shop`
    """
    if revoke and name is None:
        raise Stop("say whose key is to be revoked: coldframe key NAME --revoke")
    if name is not None and not name.strip():
        raise Stop("a key has the name of whoever gets it: coldframe key shop")
    if name is not None and name.casefold() in ("list", "ls"):
        raise Stop("`coldframe key` alone lists the keys")
    settings = load_settings()
    if webhook:
        _print_webhook_secret(settings, as_json)
        return
    with database(settings, make=True) as url:
        result = asyncio.run(_work(settings, url, name, revoke))
    if as_json:
        print_json(result)
    elif isinstance(result, list):
        for one in result:
            state = f"revoked {one['revoked_at']:%Y-%m-%d}" if one["revoked_at"] else "in force"
            out.print(f"{one['name']}  made {one['created_at']:%Y-%m-%d}, {state}", markup=False)
        if not result:
            out.print("no key has been made yet: `coldframe key NAME` makes one", markup=False)
    else:
        out.print(result.get("key") or f"revoked: {result['revoked']}", markup=False)


def _print_webhook_secret(settings: Settings, as_json: bool) -> None:
    from engine.sending.webhook import webhook_secret

    secret = webhook_secret(settings.secret.get_secret_value())
    if as_json:
        print_json({"webhook_secret": secret})
    else:
        out.print(secret, markup=False)


async def _work(settings: Settings, url: str, name: str | None, revoke: bool) -> Any:
    from engine.access.keys import NameTaken, list_keys, make_key, revoke_key
    from engine.platform.clock import parse_clock
    from engine.store.db import Database

    db, clock = Database(url, size=2), parse_clock(settings.clock)
    try:
        if name is None:
            return list(await list_keys(db))
        if revoke:
            if not (count := await revoke_key(db, clock, name)):
                raise Stop(f"no key called {name} is in force", FAILED)
            return {"name": name, "revoked": count}
        return {"name": name, "key": await make_key(db, clock, name)}
    except NameTaken:
        raise Stop(f"a key called {name} is in force: revoke it first, or choose another name", FAILED) from None
    finally:
        await db.close()
