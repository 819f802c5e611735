"""`coldframe crm`: what waits to be written to each CRM, whether its fields exist, and a comparison of everything."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dsl.plan import Crm, Program
    from engine.runtime.runtime import Runtime

app = typer.Typer(
    help="Check the exchange with the CRMs of the workspace.",
    no_args_is_help=True,
)
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Name = Annotated[str | None, typer.Option("--crm", help="Only this CRM, by the name in its declaration.")]


@app.command()
def status(name: Name = None, as_json: Json = False) -> None:
    """Show how far each CRM is behind, and what it has refused.

    Example: `coldframe crm status`
    """
    found = _run(name, _status)
    if as_json:
        print_json(found)
    elif not found:
        out.print("the workspace declares no CRM", markup=False)
    for one in [] if as_json else found:
        out.print(f"[bold]{one['crm']}[/] ({one['provider']}): {_many(one['linked'], 'lead')} linked")
        for line in _lines(one):
            out.print(f"  {line}", markup=False)


def _lines(one: dict[str, Any]) -> list[str]:
    lines = []
    if one["not_connected"]:
        lines.append(f"not connected: {one['not_connected']}")
    if one["closed"]:
        lines.append(f"closed until {one['closed']['until']}: {one['closed']['reason']}")
    since = f"waiting to be written: {_many(one['waiting'], 'lead')}, since {one['since']}"
    lines.append(since if one["waiting"] else "nothing waits to be written")
    if one["refused"]:
        lines.append(f"refused: {_many(one['refused'], 'lead')}; the last because {one['last_refusal']}")
    if one["attention"]:
        lines.append(f"needs attention: {_many(one['attention'], 'lead')}; `coldframe crm link LEAD` says why")
    if one["read_at"]:
        lines.append(f"last read at {one['read_at']}")
    return lines


@app.command()
def check(name: Name = None, as_json: Json = False) -> None:
    """Ask each CRM whether the fields exist that the workspace names.

    Example: `coldframe crm check`
    """
    found = _run(name, _check)
    if as_json:
        print_json(found)
    for one in [] if as_json else found:
        if one["problem"]:
            out.print(f"{one['crm']}: {one['problem']}", markup=False)
        elif one["missing"]:
            out.print(f"{one['crm']} has no field named {', '.join(one['missing'])}", markup=False)
        else:
            out.print(f"{one['crm']} is reached, and every field exists", markup=False)
    if any(one["problem"] or one["missing"] for one in found):
        raise SystemExit(FAILED)


@app.command()
def sync(
    full: Annotated[bool, typer.Option("--full", help="Also make leads of unknown contacts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be written.")] = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Compare every lead with each CRM.

    The workers write what differs, and what has changed there is read. With `--full`, every contact is read, and each
    unknown one becomes a lead. No campaign starts for it, and it gets no email. If the command is interrupted, run it
    again: it continues where it stopped.

    Example: `coldframe crm sync --full`
    """
    found = _run(name, lambda rt, program, crm: _sync(rt, program, crm, full=full, dry=dry_run, quiet=as_json))
    if as_json:
        print_json(found)
    for one in [] if as_json else found:
        if one["problem"]:
            out.print(f"{one['crm']}: {one['problem']}", markup=False)
            continue
        verb = "to compare" if dry_run else "queued; the workers write those that differ"
        out.print(f"{one['crm']}: {_many(one['compared'], 'lead')} {verb}", markup=False)
        if one["read"]:
            counts = ", ".join(f"{many} {what}" for what, many in sorted(one["read"].items()))
            out.print(f"  read: {counts}", markup=False)
    if any(one["problem"] for one in found):
        raise SystemExit(FAILED)


@app.command()
def link(
    lead: Annotated[str, typer.Argument(help="The lead's address or id.")], as_json: Json = False
) -> None:  # fmt: skip
    """Show a lead's record in each CRM.

    The record's id there, its values as they were last written or read, and any problem.

    Example: `coldframe crm link ada@acme.example`
    """
    found = _linked(lead)
    if as_json:
        print_json(found)
    for one in [] if as_json else found:
        there = f"record {one['remote_id']}" if one["remote_id"] else "not there yet"
        out.print(f"[bold]{one['system']}[/]: ", end="")
        out.print(there, markup=False)
        for what, value in sorted((one["seen"] or {}).items()):
            out.print(f"  {what or 'address'}: {'' if value is None else value}", markup=False)
        for label in ("attention", "reason"):
            if one[label]:
                out.print(f"  {'needs attention' if label == 'attention' else 'refused'}: {one[label]}", markup=False)
        if one["waiting_since"]:
            out.print(f"  waiting to be written since {_at(one['waiting_since'])}", markup=False)


def _run(name: str | None, what: Callable[[Runtime, Program, Crm], Awaitable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One answer for each CRM of the deployment, or for the one that is named. Raises Stop."""
    from engine.runtime.runtime import open_runtime

    async def ask() -> list[dict[str, Any]]:
        async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
            current = await rt.catalog.refresh()
            if current is None:
                raise Stop(NOTHING_DEPLOYED, FAILED)
            crms = current.program.crms
            wanted = [one for one in crms if name is None or one.name.casefold() == name.casefold()]
            if name is not None and not wanted:
                known = ", ".join(one.name for one in crms) or "none"
                raise Stop(f"no CRM named `{name}`; the workspace declares: {known}")
            return [await what(rt, current.program, crm) for crm in wanted]

    settings = load_settings()
    with database(settings) as url:
        return asyncio.run(ask())


async def _status(rt: Runtime, program: Program, crm: Crm) -> dict[str, Any]:
    from engine.crm.choose import NotConnected, access_to
    from engine.crm.push import gate_of
    from engine.store import crm as store
    from engine.store import gates

    closed = await gates.closed(rt.db, rt.clock.real(), gate_of(crm))
    try:
        access_to(rt.settings, crm)
        problem = None
    except NotConnected as missing:
        problem = str(missing)
    found = (await store.status(rt.db, [crm.name]))[0]
    gate = {"until": _at(closed[0]["until"]), "reason": closed[0]["reason"]} if closed else None
    return {
        "crm": crm.name, "provider": crm.provider, "not_connected": problem, "closed": gate,
        **{key: found[key] for key in ("linked", "waiting", "refused", "last_refusal", "attention", "hooks")},
        "since": _at(found["since"]), "read_at": _at(found["read_at"]),
    }  # fmt: skip


async def _check(rt: Runtime, program: Program, crm: Crm) -> dict[str, Any]:
    from engine.crm.choose import NotConnected, open_crm
    from engine.model.crm import Closed

    names = [*(sent.to for sent in crm.sends), *crm.read_names()]
    try:
        port = open_crm(rt, crm)
    except NotConnected as missing:
        return {"crm": crm.name, "problem": str(missing), "missing": []}
    try:
        return {"crm": crm.name, "problem": None, "missing": list(await port.missing(list(dict.fromkeys(names))))}
    except Closed as closed:
        return {"crm": crm.name, "problem": closed.reason, "missing": []}
    finally:
        await port.close()


async def _sync(rt: Runtime, program: Program, crm: Crm, *, full: bool, dry: bool, quiet: bool) -> dict[str, Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.cli.common import err
    from engine.crm.choose import NotConnected, open_crm
    from engine.crm.pull import read_on
    from engine.model.crm import Closed
    from engine.rules.crm.mapping import stages_from
    from engine.store import crm as store

    answer: dict[str, Any] = {"crm": crm.name, "problem": None, "compared": 0, "read": {}}
    try:
        port = open_crm(rt, crm)
    except NotConnected as missing:
        return {**answer, "problem": str(missing)}
    counts: Counter[str] = Counter()
    try:
        async with rt.db.hot() as hot:
            await store.mark_all(hot, crm.name, sorted(stages_from(program, crm)), rt.clock.now(), rt.clock.real())
            answer["compared"] = (await store.waiting(hot, crm.name)).many
            if not dry:
                await hot.commit()
        if port.polls and not dry:
            columns = (TextColumn("reading {task.fields[crm]}"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
                task = progress.add_task("", total=None, crm=crm.name)

                def told(outcome: str) -> None:
                    counts[outcome] += 1
                    progress.advance(task)

                await read_on(rt, program, crm, port, everything=full, told=told)
    except Closed as closed:
        answer["problem"] = closed.reason
    finally:
        await port.close()
    return {**answer, "read": dict(counts)}


def _linked(who: str) -> list[dict[str, Any]]:
    from engine.cli.leads_merge import lead_id
    from engine.runtime.runtime import open_runtime
    from engine.store import crm as store

    async def ask() -> list[dict[str, Any]]:
        async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
            current = await rt.catalog.refresh()
            if current is None:
                raise Stop(NOTHING_DEPLOYED, FAILED)
            id = await lead_id(rt, who)
            return await store.of_lead(rt.db, [crm.name for crm in current.program.crms], id)

    settings = load_settings(reading=True)
    with database(settings) as url:
        return asyncio.run(ask())


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _at(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
