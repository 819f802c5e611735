"""The command `coldframe`. One module per command; each imports what it needs only when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import copy
from functools import cache
from itertools import pairwise
from shlex import join
from typing import Annotated, Any

import typer
from typer.models import CommandInfo, TyperInfo

from engine.cli import (
    check,
    crm,
    demo,
    deploy,
    dev,
    explain,
    export,
    fmt,
    gate,
    graph,
    import_leads,
    imports,
    judge,
    key,
    leads,
    leads_look,
    lsp,
    migrate,
    new,
    pause,
    plan,
    preview,
    recover,
    rehearse,
    report,
    reports,
    results,
    retry,
    rollback,
    schema,
    send_once,
    send_test,
    simulate,
    status,
    user,
    web,
    webhooks,
    why,
    worker,
)
from engine.cli.aliases import Command
from engine.cli.common import Stop, guarded, out


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        out.print(version("coldframe"))
        raise typer.Exit


app = typer.Typer(
    name="coldframe",
    help="Write lead-nurturing campaigns as text files and run them reliably, for days or for years.\n\n"
    "Run `coldframe demo` for a short tour, or `coldframe dev` to run everything locally.",
    epilog="Settings come from environment variables, listed in docs/operations.md.",
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


_WRITE, _DEPLOY, _MONITOR = "Write", "Deploy", "Monitor"
_STACK, _PRODUCTION = "Run locally", "Run in production"
app.command("check", cls=Command, rich_help_panel=_WRITE)(check.check)
app.command("fmt", cls=Command, rich_help_panel=_WRITE)(fmt.fmt)
app.command("lsp", rich_help_panel=_WRITE)(lsp.lsp)
app.command("explain", rich_help_panel=_WRITE)(explain.explain)
app.add_typer(new.app, name="new", rich_help_panel=_WRITE)
app.command("graph", cls=Command, rich_help_panel=_WRITE)(graph.graph)
app.command("preview", cls=Command, rich_help_panel=_WRITE)(preview.preview)
app.command("simulate", cls=Command, rich_help_panel=_WRITE)(simulate.simulate)
app.command("replay", cls=Command, rich_help_panel=_WRITE)(rehearse.rehearse)
app.command("rehearse", cls=Command, hidden=True)(rehearse.rehearse)
app.command("send-test", rich_help_panel=_WRITE)(send_test.send_test)
app.command("plan", cls=Command, rich_help_panel=_DEPLOY)(plan.plan)
app.command("deploy", cls=Command, rich_help_panel=_DEPLOY)(deploy.deploy)
app.command("send-once", rich_help_panel=_DEPLOY)(send_once.send_once)
app.command("deployments", cls=Command, rich_help_panel=_DEPLOY)(rollback.deployments)
app.command("rollback", rich_help_panel=_DEPLOY)(rollback.rollback)
app.command("pause", cls=Command, rich_help_panel=_DEPLOY)(pause.pause)
app.command("resume", cls=Command, rich_help_panel=_DEPLOY)(pause.resume)
app.command("end", cls=Command, rich_help_panel=_DEPLOY)(pause.end)
app.command("stop", cls=Command, hidden=True)(pause.end)
app.command("status", cls=Command, rich_help_panel=_MONITOR)(status.status)
app.command("why", rich_help_panel=_MONITOR)(why.why)
app.command("results", rich_help_panel=_MONITOR)(results.results)
app.command("report", cls=Command, rich_help_panel=_MONITOR)(report.report)
app.add_typer(reports.app, name="reports", rich_help_panel=_MONITOR)
app.command("retry", rich_help_panel=_MONITOR)(retry.retry)
app.add_typer(leads.app, name="leads", rich_help_panel=_MONITOR)
app.command("segments", rich_help_panel=_MONITOR)(leads_look.segments)
app.command("judge", rich_help_panel=_MONITOR)(judge.judge)
app.command("gate", rich_help_panel=_MONITOR)(gate.gate)
app.add_typer(crm.app, name="crm", rich_help_panel=_MONITOR)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=_MONITOR)
app.command("recover", rich_help_panel=_MONITOR)(recover.recover)
app.command("demo", rich_help_panel=_STACK)(demo.demo)
app.command("dev", cls=Command, rich_help_panel=_STACK)(dev.dev)
imports.app.command("leads")(import_leads.leads)
app.add_typer(imports.app, name="import", rich_help_panel=_PRODUCTION)
app.add_typer(export.app, name="export", rich_help_panel=_PRODUCTION)
app.command("schema", rich_help_panel=_PRODUCTION)(schema.schema)
app.add_typer(key.app, name="key", rich_help_panel=_PRODUCTION)
app.add_typer(user.app, name="user", rich_help_panel=_PRODUCTION)
app.command("migrate", rich_help_panel=_PRODUCTION)(migrate.migrate)
app.command("web", rich_help_panel=_PRODUCTION)(web.web)
app.command("worker", rich_help_panel=_PRODUCTION)(worker.worker)


_MAY_BE_EMPTY = ("--author", "--reason", "--because")


def _given(arguments: Sequence[str]) -> Sequence[str]:
    """The words, none of them empty: an empty path would mean the current folder. Raises Stop."""
    for before, word in pairwise(("", *arguments)):
        option, equals, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if equals and not value and option not in _MAY_BE_EMPTY:
            raise Stop(f"empty argument in `coldframe {join(arguments)}`; a shell variable may not be set")
    return arguments


@cache
def _built(word: str) -> Any:
    """The program with the one command or group of that name, for help with all of them and none of their parameters,
    else the whole. Building the whole takes longer than most commands."""
    part = copy(app)
    part.registered_commands = [one for one in app.registered_commands if one.name == word]
    part.registered_groups = [one for one in app.registered_groups if one.name == word]
    if word in ("", "-h", "--help"):
        part.registered_commands = [_bare(one) for one in app.registered_commands]
        part.registered_groups = [_empty(one) for one in app.registered_groups]
    known = part.registered_commands or part.registered_groups
    return typer.main.get_command(part if known else app)


def _bare(command: CommandInfo) -> CommandInfo:
    """One that can only be listed."""

    def nothing() -> None:
        pass

    bare = copy(command)
    nothing.__doc__ = command.callback.__doc__ if command.callback else None
    bare.callback = nothing
    return bare


def _empty(group: TyperInfo) -> TyperInfo:
    """One that can only be listed."""
    empty = copy(group)
    empty.typer_instance = copy(group.typer_instance)
    if empty.typer_instance is not None:
        empty.typer_instance.registered_commands, empty.typer_instance.registered_groups = [], []
    return empty


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code: 0 done, 1 it failed or found errors, 2 it could not run."""

    def run() -> None:
        words = rehearse.with_spans(_given(sys.argv[1:] if arguments is None else arguments))
        _built(words[0] if words else "")(args=words)

    guarded(run)


if __name__ == "__main__":
    main()
