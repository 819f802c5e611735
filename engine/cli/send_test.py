"""`coldframe send-test`: one email of the deployed workspace, to yourself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from engine.model.ports import Receipt
    from engine.platform.settings import Settings


def send_test(
    template: Annotated[str, typer.Argument(help='The template, by the name a campaign uses: "whitepaper/welcome".')],
    to: Annotated[str, typer.Argument(help="The address to send the email to.")],
    language: Annotated[
        str | None, typer.Option(help="The language of the email. [default: the workspace's first]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the provider's response as JSON.")] = False,
) -> None:
    """Send one email of the deployed workspace to an address of yours.

    The email is rendered for a sample lead and sent through your provider, without tracking and without an entry in any
    lead's history. Without `SENDGRID_API_KEY`, it goes to the built-in mailbox. Exits with 1 if the email cannot be
    rendered or is refused.

    Example: `coldframe send-test whitepaper/welcome me@acme.example --language de`
    """
    settings = load_settings()
    with database(settings) as url:
        receipt = asyncio.run(_send(settings, url, template, to, language))
    if as_json:
        print_json({"state": receipt.state, "reason": receipt.reason, "provider_id": receipt.provider_id})
    else:
        where = "" if settings.sendgrid_api_key else f"; see {settings.base_url}/mailbox"
        said = f": {receipt.reason}" if receipt.reason else where
        state = "sent" if receipt.state == "accepted" else receipt.state
        out.print(f"{template} to {to}: {state}{said}", markup=False)
    if receipt.state != "accepted":
        raise typer.Exit(FAILED)


async def _send(settings: Settings, url: str, template: str, to: str, language: str | None) -> Receipt:
    from engine.cli.preview import known, spoken
    from engine.mail.choose import choose_mailer
    from engine.mail.errors import TemplateError
    from engine.platform.clock import parse_clock
    from engine.runtime.runtime import NothingDeployed, open_runtime
    from engine.sending.preview import Draft
    from engine.sending.send_test import send_test as send

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        key, clock = settings.sendgrid_api_key, parse_clock(settings.clock)
        rt.mailer = choose_mailer(key, settings.sendgrid_url, rt.db.engine, clock)
        try:
            if deployment := await rt.catalog.refresh():
                template = known(Draft(deployment.program, deployment, clock.now(), ""), template)
                if language is not None:
                    language = spoken(deployment.program, language)
            return await send(rt, template, to, language)
        except TemplateError as error:
            raise Stop(str(error), FAILED) from None
        except NothingDeployed:
            raise Stop(NOTHING_DEPLOYED, FAILED) from None
        finally:
            await rt.mailer.close()
            rt.mailer = None
