"""The command `coldframe`. One module per command; each imports what it needs only when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from engine.cli import (
    check,
    demo,
    deploy,
    dev,
    explain,
    key,
    migrate,
    new,
    pause,
    plan,
    retry,
    rollback,
    send_test,
    status,
    web,
    worker,
)
from engine.cli.common import guarded, out


def _show_version(asked: bool) -> None:
    if asked:
        out.print(version("coldframe"))
        raise typer.Exit


app = typer.Typer(
    name="coldframe",
    help="Warm cold leads until sales can plant them: campaign files in, durable runs out.\n\n"
    "Begin with `coldframe demo` to watch a whole story, or `coldframe dev` to have the same parts stay.",
    epilog="Settings come from the environment; docs/operations.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _main(
    shown: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version)
    ] = False,
) -> None:
    pass


_CAMPAIGNS, _STACK, _PRODUCTION = "Campaigns", "On this machine", "In production"
app.command("check", rich_help_panel=_CAMPAIGNS)(check.check)
app.add_typer(new.app, name="new", rich_help_panel=_CAMPAIGNS)
app.command("explain", rich_help_panel=_CAMPAIGNS)(explain.explain)
app.command("plan", rich_help_panel=_CAMPAIGNS)(plan.plan)
app.command("deploy", rich_help_panel=_CAMPAIGNS)(deploy.deploy)
app.command("rollback", rich_help_panel=_CAMPAIGNS)(rollback.rollback)
app.command("deployments", rich_help_panel=_CAMPAIGNS)(rollback.deployments)
app.command("pause", rich_help_panel=_CAMPAIGNS)(pause.pause)
app.command("resume", rich_help_panel=_CAMPAIGNS)(pause.resume)
app.command("stop", rich_help_panel=_CAMPAIGNS)(pause.stop)
app.command("status", rich_help_panel=_CAMPAIGNS)(status.status)
app.command("retry", rich_help_panel=_CAMPAIGNS)(retry.retry)
app.command("send-test", rich_help_panel=_CAMPAIGNS)(send_test.send_test)
app.command("demo", rich_help_panel=_STACK)(demo.demo)
app.command("dev", rich_help_panel=_STACK)(dev.dev)
app.command("key", rich_help_panel=_PRODUCTION)(key.key)
app.command("migrate", rich_help_panel=_PRODUCTION)(migrate.migrate)
app.command("web", rich_help_panel=_PRODUCTION)(web.web)
app.command("worker", rich_help_panel=_PRODUCTION)(worker.worker)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code: 0 done, 1 it failed or found errors, 2 it could not look."""
    guarded(lambda: app(args=list(arguments) if arguments is not None else None))


if __name__ == "__main__":
    main()
