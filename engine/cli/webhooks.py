"""`coldframe webhooks`: posts to other systems, their attempts, and the secrets that sign them."""

from __future__ import annotations

from datetime import datetime, timedelta
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.common import FAILED, Stop, out, print_json, with_database

if TYPE_CHECKING:
    from uuid import UUID

    from engine.model.ports import Clock, Receipt
    from engine.platform.settings import Settings
    from engine.sending.replay import NewSecret
    from engine.store.db import Database

app = typer.Typer(no_args_is_help=True, help="Show and replay posts to other systems, and rotate their secret.")
secret_app = typer.Typer(no_args_is_help=True, help="Rotate the secret that posts are signed with.")
app.add_typer(secret_app, name="secret")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Id = Annotated[str, typer.Argument(help="The post’s id, as `coldframe webhooks list` and `webhook-id` show it.")]
State = Literal["waiting", "sending", "delivered", "failed", "given up"]


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Show only posts in this state.")] = None,
    url: Annotated[str, typer.Option(help="Show only posts whose address contains this.")] = "",
    lead: Annotated[str | None, typer.Option(help="Show only posts about the lead with this address or id.")] = None,
    since: Annotated[str | None, typer.Option(help="Show only posts since this date or instant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most posts to list.")] = 50,
    as_json: Json = False,
) -> None:
    """List posts to other systems, the newest first.

    Posts and their attempts are kept for 30 days.

    Example: `coldframe webhooks list --state failed --since 2026-09-01`
    """
    from engine.store import webhooks

    begin = _instant(since)

    async def work(db: Database, _: Clock, __: Settings) -> list[Any]:
        id = await _lead(db, lead) if lead else None
        return list(await webhooks.find(db, state=state or "", url=url, lead=id, since=begin, many=limit))

    found = with_database(work)
    if as_json:
        print_json(found)
        return
    for one in found:
        out.print(_line(one), markup=False)
    if not found:
        out.print("no posts match", markup=False)


@app.command()
def show(id: Id, as_json: Json = False) -> None:
    """Show one post with every attempt and the beginning of each answer.

    Example: `coldframe webhooks show 4e81e404-e82e-5374-a9f1-a4281b585b6f`
    """
    from engine.store import webhooks

    key = _id(id)

    async def work(db: Database, _: Clock, __: Settings) -> dict[str, Any]:
        if (found := await webhooks.read_one(db, key)) is None:
            raise _unknown(id)
        return found

    found = with_database(work)
    if as_json:
        print_json(found)
        return
    out.print(_line(found), markup=False)
    out.print(f"campaign \"{found['campaign']}\", step {found['step']}, lead {found['email'] or found['lead_id']}",
              markup=False)  # fmt: skip
    for one in found["tries"]:
        out.print(_attempt(one, found["attempts"]), markup=False)


@app.command()
def replay(id: Id, as_json: Json = False) -> None:
    """Send a post again now, with the same id and body.

    The attempt is logged with your name. A post that gets through counts as delivered, and is not tried again.

    Example: `coldframe webhooks replay 4e81e404-e82e-5374-a9f1-a4281b585b6f`
    """
    from engine.sending.replay import Unknown
    from engine.sending.replay import replay as again
    from engine.sending.webhook import WebPoster

    key = _id(id)

    async def work(db: Database, clock: Clock, settings: Settings) -> Receipt:
        poster = WebPoster(private=settings.post_private)
        try:
            return await again(db, clock, poster, settings.secret.get_secret_value(), key, getuser())
        except Unknown:
            raise _unknown(id) from None
        finally:
            await poster.close()

    receipt = with_database(work)
    taken = receipt.state == "accepted"
    if as_json:
        print_json({"id": id, "delivered": taken, "status": receipt.status, "reason": receipt.reason})
    elif taken:
        out.print(f"delivered: HTTP {receipt.status}", markup=False)
    if not taken and not as_json:
        raise Stop(f"not delivered: {receipt.reason}", FAILED)
    if not taken:
        raise typer.Exit(FAILED)


@secret_app.command()
def rotate(
    overlap: Annotated[int, typer.Option(min=1, max=720, help="For how many hours both secrets sign.")] = 24,
    as_json: Json = False,
) -> None:
    """Make a new secret and print it. The present one keeps signing for a day.

    Both sign every post until then, so give the new one to every receiver in the meantime. It is printed only once.

    Example: `coldframe webhooks secret rotate --overlap 72`
    """
    from engine.sending.replay import Rotating
    from engine.sending.replay import rotate as make
    from engine.sending.webhook import standard

    async def work(db: Database, clock: Clock, settings: Settings) -> NewSecret:
        try:
            return await make(db, clock, settings.secret.get_secret_value(), timedelta(hours=overlap))
        except Rotating:
            said = "two secrets sign already; `coldframe webhooks secret retire NUMBER` ends the older one"
            raise Stop(said, FAILED) from None

    made = with_database(work)
    if as_json:
        print_json({"number": made.number, "secret": made.secret, "standard_secret": standard(made.secret),
                    "old_until": made.old_until})  # fmt: skip
        return
    out.print(f"secret {made.number}:                {made.secret}", markup=False)
    out.print(f"for Standard Webhooks:   {standard(made.secret)}", markup=False)
    out.print(f"the secret before it signs until {made.old_until:%Y-%m-%d %H:%M} UTC", markup=False)


@secret_app.command("list")
def list_secrets(as_json: Json = False) -> None:
    """List the secrets, without what they are.

    Example: `coldframe webhooks secret list`
    """
    from engine.sending.replay import list_secrets as find

    async def work(db: Database, clock: Clock, _: Settings) -> list[Any]:
        return list(await find(db, clock))

    found = with_database(work)
    if as_json:
        print_json(found)
        return
    for one in found:
        until = f" {one['retires_at']:%Y-%m-%d %H:%M} UTC" if one["state"] == "signs until" else ""
        out.print(f"secret {one['number']}  {one['state']}{until}", markup=False)


@secret_app.command()
def retire(number: Annotated[int, typer.Argument(help="The secret’s number.")], as_json: Json = False) -> None:
    """Retire the older of two secrets now, before its time.

    Example: `coldframe webhooks secret retire 1`
    """
    from engine.store import webhooks

    async def work(db: Database, clock: Clock, _: Settings) -> None:
        if not await webhooks.retire_secret(db, number, clock.real()):
            said = f"secret {number} cannot be retired: only the older of two that sign can; "
            raise Stop(said + "`coldframe webhooks secret rotate` makes a new one first", FAILED)

    with_database(work)
    if as_json:
        print_json({"number": number, "retired": True})
    else:
        out.print(f"retired secret {number}", markup=False)


def _line(one: Any) -> str:
    after = f", next at {one['next_at']:%Y-%m-%d %H:%M} UTC" if one["next_at"] and one["state"] == "waiting" else ""
    why = f": {one['reason']}" if one["reason"] else ""
    tries = f"{one['attempts']} attempt{'' if one['attempts'] == 1 else 's'}"
    return f"{one['id']}  {one['at']:%Y-%m-%d %H:%M}  {one['state']}  {one['url']}  {tries}{after}{why}"


def _attempt(one: Any, newest: int) -> str:
    state = "interrupted" if one["state"] == "sending" and one["number"] < newest else one["state"]
    took = f", {one['milliseconds']} ms" if one["milliseconds"] is not None else ""
    by = f", replayed by {one['replayed_by']}" if one["replayed_by"] else ""
    status = f", HTTP {one['status']}" if one["status"] else f", {one['reason']}" if one["reason"] else ""
    answer = f"\n      {_plain(one['answer'])}" if one["answer"].strip() else ""
    return f"  {one['number']}. {one['at']:%Y-%m-%d %H:%M:%S}  {state}{status}{took}{by}{answer}"


def _plain(text: str) -> str:
    """On one line, without what would steer a terminal."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _id(text: str) -> UUID:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        raise Stop(f"`{text}` is not the id of a post; `coldframe webhooks list` shows them") from None


def _unknown(id: str) -> Stop:
    return Stop(f"no post {id} is kept; `coldframe webhooks list` shows those of the last 30 days", FAILED)


def _instant(text: str | None) -> datetime | None:
    from datetime import UTC

    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(f"`{text}` is not a date or an instant, such as 2026-09-01 or 2026-09-01T08:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _lead(db: Database, lead: str) -> UUID:
    from engine.cli.why import explained
    from engine.why.read import Unknown, find_lead

    try:
        async with db.engine.connect() as connection:
            found: UUID = (await find_lead(connection, lead)).id
            return found
    except Unknown as error:
        raise explained(error) from None
