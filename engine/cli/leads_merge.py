"""`coldframe leads merge`: two records of one person become one lead; and its undoing, for `coldframe leads split`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.leads.merge import Merge
    from engine.leads.unmerge import Unmerge
    from engine.platform.settings import Settings
    from engine.runtime.runtime import Runtime

TRIES = 40
"""How often a merge is tried, with a pause of a quarter of a second, while an email to one of them is being sent."""


def merge(
    kept: Annotated[str, typer.Argument(metavar="LEAD", help="The lead to keep: email address or id.")],
    other: Annotated[str, typer.Argument(help="The lead that is the same person: email address or id.")],
    author: Annotated[str | None, typer.Option(help="Your name, kept in the log. [default: your account name]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Merge two leads who are the same person.

    LEAD keeps its address, and the other address still names it. Both histories become one, scores are added up, and
    of two runs in a campaign the older one continues. Of consents the stricter one holds. To undo it, run
    `coldframe leads split LEAD --lead OTHER`.

    Without a terminal, it needs `--yes`.

    Example: `coldframe leads merge ada@lead.example ada.king@lead.example --dry-run`
    """
    from engine.cli.deploy import account

    settings = load_settings()
    with database(settings) as url:
        planned = asyncio.run(_merge(settings, url, kept, other, "", dry=True))
        if dry_run:
            _show(planned, kept, other, dry=True, as_json=as_json)
            return
        if not yes and (as_json or not sys.stdin.isatty()):
            raise Stop("nothing changed: to confirm without a prompt, pass --yes")
        if not yes:
            _show(planned, kept, other, dry=True, as_json=False)
            if not typer.confirm("merge them?"):
                err.print("nothing changed")
                raise typer.Exit(FAILED)
        done = asyncio.run(_merge(settings, url, kept, other, author or account(), dry=False))
    _show(done, kept, other, dry=False, as_json=as_json)


def undo(lead: str, other: str, author: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """`coldframe leads split LEAD --lead OTHER`. Raises Stop."""
    settings = load_settings()
    with database(settings) as url:
        if not dry_run and not yes:
            if as_json or not sys.stdin.isatty():
                raise Stop("nothing changed: to confirm without a prompt, pass --yes")
            _show_split(asyncio.run(_undo(settings, url, lead, other, "", dry=True)), other, dry=True)
            if not typer.confirm("split them?"):
                err.print("nothing changed")
                raise typer.Exit(FAILED)
        done = asyncio.run(_undo(settings, url, lead, other, author, dry=dry_run))
    if as_json:
        from dataclasses import asdict

        print_json({**asdict(done), "dry_run": dry_run})
    else:
        _show_split(done, other, dry=dry_run)


async def lead_id(rt: Runtime, who: str) -> UUID:
    """The lead with that address or id. Raises Stop."""
    from engine.platform.tokens import email_key
    from engine.store.leads import find

    try:
        id, key = UUID(who), ""
    except ValueError:
        try:
            id, key = None, email_key(who)
        except ValueError:
            id, key = None, who
    found = await find(rt.db, key, id)
    if found is None:
        raise Stop(f"no lead `{who}`: pass the email address or the id of a lead", FAILED)
    return found[0]


async def _merge(settings: Settings, url: str, kept: str, other: str, author: str, *, dry: bool) -> Merge:
    from engine.leads.merge import BUSY, NotMerged
    from engine.leads.merge import merge as join
    from engine.runtime.runtime import open_runtime

    said = {
        "same": f"`{kept}` and `{other}` are one lead already",
        "gone": "one of the two leads was erased",
        BUSY: "an email to one of them is being sent; try again once `coldframe status` shows it settled",
    }
    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        ids = await lead_id(rt, kept), await lead_id(rt, other)
        for left in reversed(range(TRIES)):
            try:
                return await join(rt, *ids, author, dry=dry)
            except NotMerged as refused:
                if refused.why != BUSY or not left:
                    raise Stop(said[refused.why], FAILED) from None
                await asyncio.sleep(0.25)
    raise AssertionError("it is tried at least once")


async def _undo(settings: Settings, url: str, lead: str, other: str, author: str, *, dry: bool) -> Unmerge:
    from engine.leads.unmerge import NotUndone, unmerge
    from engine.runtime.runtime import open_runtime
    from engine.store.leads import merged_record

    said = {
        "not merged": f"`{other}` was not merged into `{lead}`, so there is nothing to split",
        "later": f"`{lead}` was itself merged into another lead since; split that one first",
        "busy": f"an email to `{lead}` is being sent; try again once `coldframe status` shows it settled",
    }
    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        kept, record = await lead_id(rt, lead), await merged_record(rt.db, other)
        if record is None or await lead_id(rt, str(record)) != kept:
            raise Stop(said["not merged"], FAILED)
        try:
            return await unmerge(rt, record, author, dry=dry)
        except NotUndone as refused:
            raise Stop(said[refused.why], FAILED) from None


def _show(done: Merge, kept: str, other: str, *, dry: bool, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_json({**asdict(done), "dry_run": dry})
        return
    out.print(f"{'would merge' if dry else 'merged'} {other} into {kept}", markup=False, soft_wrap=True)
    for line in _lines(done):
        out.print(f"  {line}", markup=False, soft_wrap=True)


def _lines(done: Merge) -> Iterator[str]:
    from engine.wording.terms import quoted

    yield f"history: {_counted(done.events, 'event')}, {_counted(done.runs, 'run')}, {_counted(done.emails, 'email')}"
    yield f"score: {_scores(done.scores)}"
    yield f"stage: {done.stage}"
    for campaign in done.ended:
        yield f"the newer run in {quoted(campaign)} ends; the older one continues"
    for team in done.closed:
        yield f"the newer handoff to {quoted(team)} is closed; the older one continues"
    if done.suppressed:
        yield f"suppressed: {done.suppressed}"


def _show_split(done: Unmerge, other: str, *, dry: bool) -> None:
    out.print(f"{'would split off' if dry else 'split off'} {other}", markup=False, soft_wrap=True)
    back = f"{_counted(done.events, 'event')}, {_counted(done.runs, 'run')}, {_counted(done.emails, 'email')}"
    out.print(f"  back to it: {back}", markup=False, soft_wrap=True)
    said = f"  score: {_scores(done.other_scores)}; the other lead: {_scores(done.scores)}"
    out.print(said, markup=False, soft_wrap=True)


def _counted(many: int, noun: str) -> str:
    return f"{many} {noun}{'' if many == 1 else 's'}"


def _scores(scores: Mapping[str, Any]) -> str:
    from engine.wording.terms import number, quoted

    said = [f"{number(float(much))}{f' in {quoted(model)}' if model else ''}" for model, much in scores.items()]
    return ", ".join(said) or "0"
