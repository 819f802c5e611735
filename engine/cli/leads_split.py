"""`coldframe leads split`: what was joined by mistake becomes two again, a website visitor or a merged lead."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from engine.cli import leads_merge
from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json
from engine.cli.leads_merge import lead_id

if TYPE_CHECKING:
    from engine.leads.split import Split
    from engine.platform.settings import Settings


def split(
    lead: Annotated[str, typer.Argument(help="The lead's email address or id.")],
    visitor: Annotated[
        str | None, typer.Option("--visitor", help="The id of the website visitor who is someone else.")
    ] = None,
    merged: Annotated[
        str | None, typer.Option("--lead", help="The email address or id of a lead that was merged into this one.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Your name, kept in the log. [default: your account name]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Separate a website visitor or a merged lead from a lead.

    With `--visitor`, the visitor's sessions, touches, and events go back to the visitor, who can become another lead
    later. The lead loses the points and interests those events earned, and the source fields that came from the
    visits. Forms stay with the lead, and so do stages, campaign runs, and emails that followed.

    With `--lead`, the merged lead gets everything back that was theirs before `coldframe leads merge`. What happened
    since stays with the lead. The logs keep a record.

    Without a terminal, it needs `--yes`.

    Example: `coldframe leads split ada@lead.example --visitor 3f2c… --dry-run`
    """
    from engine.cli.deploy import account

    if (visitor is None) == (merged is None):
        raise Stop("name one to separate: `--visitor ID` or `--lead ADDRESS`")
    if merged is not None:
        leads_merge.undo(lead, merged, author or account(), dry_run=dry_run, yes=yes, as_json=as_json)
        return
    assert visitor is not None
    try:
        who = UUID(visitor)
    except ValueError:
        raise Stop(f"`{visitor}` is not a visitor's id; it looks like 0198c5a2-7d1e-4b7f-9c3a-2f6d1e8b4a05") from None
    settings = load_settings()
    with database(settings) as url:
        planned = asyncio.run(_split(settings, url, lead, who, "", dry=True))
        if dry_run:
            _show(planned, lead, dry=True, as_json=as_json)
            return
        if not yes and (as_json or not sys.stdin.isatty()):
            raise Stop("nothing changed: a split cannot be undone; to confirm without a prompt, pass --yes")
        if not yes:
            _show(planned, lead, dry=True, as_json=False)
            if not typer.confirm("split them?"):
                err.print("nothing changed")
                raise typer.Exit(FAILED)
        done = asyncio.run(_split(settings, url, lead, who, author or account(), dry=False))
    _show(done, lead, dry=False, as_json=as_json)


async def _split(settings: Settings, url: str, lead: str, visitor: UUID, author: str, *, dry: bool) -> Split:
    from engine.leads.split import NotJoined
    from engine.leads.split import split as separate
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        try:
            return await separate(rt, await lead_id(rt, lead), visitor, author, dry=dry)
        except NotJoined:
            said = f"visitor {visitor} is not known as `{lead}`, so there is nothing to split"
            raise Stop(said, FAILED) from None


def _show(done: Split, lead: str, *, dry: bool, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_json({**asdict(done), "dry_run": dry})
        return
    begin = "would separate" if dry else "separated"
    out.print(f"{begin} visitor {done.visitor} from {lead}", markup=False, soft_wrap=True)
    for line in _lines(done):
        out.print(f"  {line}", markup=False, soft_wrap=True)


def _lines(done: Split) -> Iterator[str]:
    from engine.wording.terms import number, quoted

    counts = (("session", done.sessions), ("event", done.events), ("touch", done.touches))
    moved = [f"{many} {noun}{'' if many == 1 else 'es' if noun == 'touch' else 's'}" for noun, many in counts]
    yield f"back to the visitor: {moved[0]}, {moved[1]}, and {moved[2]}"
    for model, amount in done.points.items():
        yield f"{number(amount)} points{f' in {quoted(model)}' if model else ''}"
    for interest, amount in done.interests.items():
        yield f"{number(amount)} in interest {quoted(interest)}"
    for name, value in done.origin.items():
        yield f"{name}: {value or '(empty)'}"
