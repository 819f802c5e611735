"""`coldframe new`: a workspace or a campaign to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.aliases import Command
from engine.cli.common import Stop, err, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.cli.starter import Starter

app = typer.Typer(no_args_is_help=True)


@app.callback(invoke_without_command=True)
def new(
    context: typer.Context,
    listed: Annotated[bool, typer.Option("--list", help="List the starters for new campaigns.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: print the starters as JSON.")] = False,
) -> None:
    """Create a workspace, or add a campaign to one, from a starter.

    Example: `coldframe new workspace campaigns`
    """
    if context.invoked_subcommand is not None:
        return
    if not listed:
        raise Stop("name what to create: `coldframe new workspace FOLDER` or `coldframe new campaign STARTER`")
    _list(as_json)


@app.command()
def workspace(
    path: Annotated[Path, typer.Argument(help="A new folder, or one without campaign files.")],
    name: Annotated[str, typer.Option(help="The company's name.")] = "My Company",
    start: Annotated[str, typer.Option("--with", help="Starters to include, from `coldframe new --list`.")] = "welcome",
) -> None:
    """Create a workspace with a first campaign and its emails.

    It also has a form, scoring, stages, and a sales team.

    Example: `coldframe new workspace campaigns --name "Acme Pumps" --with welcome,whitepaper`
    """
    from engine.cli import starter

    if path.exists() and not path.is_dir():
        raise Stop(f"{path} is a file; name a new folder, or one without campaign files")
    if path.exists() and any(path.rglob("*.campaign")):
        raise Stop(f"{path} already has campaign files; `coldframe new campaign` adds one")
    chosen = [_starter(kind.strip()) for kind in start.split(",") if kind.strip()]
    written = _write(path, starter.base(name))
    for one in chosen:
        written += _add(path, one)
    _report(path, written)


@app.command(cls=Command)
def campaign(
    kind: Annotated[str, typer.Argument(help="A starter, from `coldframe new --list`.")],
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The campaign's name. [default: the starter's name]")] = None,
) -> None:
    """Add a campaign with its emails to a workspace.

    Forms and fields it needs are added if they are missing. Existing files are never overwritten.

    Example: `coldframe new campaign webinar --name "Spring webinar"`
    """
    from engine.cli import starter
    from engine.cli.workspace import sources_in

    if name is not None and ('"' in name or not name.strip() or "\\" in name):
        raise Stop("a campaign name cannot be empty or contain quotes")
    folder = path or load_settings(reading=True).campaigns
    if not folder.is_dir():
        raise Stop(f"no folder {folder}; `coldframe new workspace {folder}` creates one")
    sources_in(folder)
    _report(folder, _add(folder, starter.named(_starter(kind), name)))


@app.command("list", hidden=True)
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print the starters as JSON.")] = False,
) -> None:
    """List the starters for new campaigns.

    Example: `coldframe new --list`
    """
    _list(as_json)


def _list(as_json: bool) -> None:
    from engine.cli.starter import starters

    known = starters()
    rows = [{"kind": one.kind, "summary": one.summary} for one in known.values()]
    if as_json:
        print_json(rows)
        return
    width = max(len(kind) for kind in known)
    for row in rows:
        out.print(f"{row['kind']:<{width}}  {row['summary']}", markup=False)


def _starter(kind: str) -> Starter:
    from dsl.problems.near import near_or_known
    from engine.cli.starter import starters

    known = starters()
    if kind not in known:
        raise Stop(f"no starter named `{kind}`; {near_or_known(kind, list(known))}")
    return known[kind]


def _add(folder: Path, one: Starter) -> list[Path]:
    from engine.cli import starter

    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*.campaign"))]
    text, left_out = starter.fitted(one.campaign, texts)
    for head in left_out:
        err.print(f"{head} is already declared, so the campaign uses that one", markup=False)
    return _write(folder, {f"{one.kind}.campaign": text.encode(), **one.files})


def _write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Write all of them or none."""
    places = {folder / name: _styled(name, body) for name, body in files.items()}
    taken = [place for place in places if place.exists()]
    if taken:
        raise Stop(f"{taken[0]} already exists; give the campaign another name with --name")
    try:
        for place, body in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
    except OSError as error:
        raise Stop(f"cannot write {place}: {error.strerror or error}") from None
    return list(places)


def _styled(name: str, body: bytes) -> bytes:
    """A campaign file as `coldframe fmt` would leave it: names that were put in have moved its comments."""
    from dsl.fmt import format_text

    if not name.endswith(".campaign"):
        return body
    text = format_text(name, body.decode()).text
    return body if text is None else text.encode()


def _report(folder: Path, written: list[Path]) -> None:
    for place in written:
        out.print(str(place), markup=False, highlight=False)
    err.print(
        f"next: edit these files, then run `coldframe check {folder}` and `coldframe dev {folder}`",
        markup=False,
    )
