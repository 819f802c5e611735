"""`coldframe reports`: the tables that reports are computed from, made anew or compared with the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from engine.platform.settings import Settings
    from engine.reports.keeping import Outcome

app = typer.Typer(no_args_is_help=True, help="Rebuild, verify, or share the tables behind the reports.")

MOST = 20
"""Differences that are printed; JSON has them all."""
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def rebuild(as_json: Json = False) -> None:
    """Compute the tables behind the reports from the log again.

    Workers keep these tables up to date, so this is needed only if `verify` finds a difference. Leads keep moving
    while it runs.

    Example: `coldframe reports rebuild`
    """
    found = _go("rebuild", None)
    if as_json:
        print_json({"leads": found.leads, "deals": found.deals, "changed": found.changed, "removed": found.removed})
        return
    changes = "1 change" if found.changed == 1 else f"{found.changed} changes"
    out.print(f"rebuilt {found.leads} leads and {found.deals} deals: {changes}", markup=False)
    if found.removed:
        out.print(f"removed {found.removed} rows of leads and deals that are gone", markup=False)


@app.command()
def verify(
    sample: Annotated[
        int | None, typer.Option(min=1, help="Compare only this many leads and deals, drawn at random.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the tables behind the reports with the log.

    Exits with 1 if a row differs. Leads and deals that a worker has yet to update are not compared.

    Example: `coldframe reports verify --sample 1000`
    """
    found = _go("verify", sample)
    if as_json:
        print_json({
            "leads": found.leads, "deals": found.deals, "behind": found.behind,
            "different": [
                {"table": one.table, "id": one.id, "kept": list(one.kept), "computed": list(one.computed)}
                for one in found.differing
            ],
        })  # fmt: skip
    else:
        _tell(found)
    if found.differing:
        raise typer.Exit(FAILED)


def _tell(found: Outcome) -> None:
    for one in found.differing[:MOST]:
        gone = [row for row in one.kept if row not in one.computed]
        new = [row for row in one.computed if row not in one.kept]
        out.print(f"{one.table} of {one.id}:", markup=False)
        for sign, rows in (("-", gone), ("+", new)):
            for row in rows:
                out.print(f"  {sign} {_words(row)}", markup=False)
    if len(found.differing) > MOST:
        out.print(f"{len(found.differing) - MOST} more; --json shows all", markup=False)
    behind = f"; {found.behind} not compared, because a worker has yet to update them" if found.behind else ""
    verdict = "no differences"
    if found.differing:
        verdict = f"{len(found.differing)} differ; `coldframe reports rebuild` corrects them"
    out.print(f"compared {found.leads} leads and {found.deals} deals: {verdict}{behind}", markup=False)


def _words(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)


def _go(mode: Literal["rebuild", "verify"], sample: int | None) -> Outcome:
    settings = load_settings(reading=True)
    with database(settings) as url:
        return asyncio.run(_run(settings, url, mode, sample))


async def _run(settings: Settings, url: str, mode: Literal["rebuild", "verify"], sample: int | None) -> Outcome:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from engine.reports.keeping import go_through
    from engine.runtime.runtime import NothingDeployed, open_runtime
    from engine.store import report_rows

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        leads, deals = await report_rows.counts(rt.db)
        total = leads + deals if sample is None else min(sample, leads) + min(sample, deals)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("leads and deals", total=total)
            try:
                return await go_through(rt, mode, lambda many: progress.advance(task, many), sample=sample)
            except NothingDeployed:
                raise Stop(NOTHING_DEPLOYED, FAILED) from None


@app.command()
def grant(
    role: Annotated[str, typer.Argument(help="A role of PostgreSQL, such as metabase.")],
    as_json: Json = False,
) -> None:
    """Let a role of PostgreSQL read the views for other tools.

    The views are in the schema `report_v1`. The role reads them and nothing else. Create it first:
    `CREATE ROLE metabase LOGIN PASSWORD '…'`.

    Example: `coldframe reports grant metabase`
    """
    found = _granted(role)
    if as_json:
        print_json({"role": role, "views": found})
        return
    out.print(f"{role} can read {len(found)} views in report_v1:", markup=False)
    for view, columns in found.items():
        out.print(f"  {view}: {', '.join(columns)}", markup=False)


def _granted(role: str) -> dict[str, list[str]]:
    from engine.store import report_views
    from engine.store.db import Database

    async def work() -> dict[str, list[str]]:
        db = Database(url, size=2)
        try:
            await report_views.grant(db, role)
            return {view: list(columns) for view, columns in (await report_views.columns(db)).items()}
        except report_views.NoRole:
            how = f"create it in PostgreSQL first: CREATE ROLE {role} LOGIN PASSWORD '…'"
            raise Stop(f"no role named `{role}`; {how}", FAILED) from None
        finally:
            await db.close()

    settings = load_settings(reading=True)
    with database(settings) as url:
        return asyncio.run(work())
