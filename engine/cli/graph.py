"""`coldframe graph`: a campaign as a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json
from engine.cli.lookup import campaign_of
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from dsl.plan import Plan, Program
    from engine.graph.scene import Part
    from engine.reports.campaign_numbers import Numbers


def graph(
    campaign: Annotated[str, typer.Argument(help='The campaign\'s name: "Whitepaper nurture".')],
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    as_mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart instead of an SVG.")] = False,
    with_numbers: Annotated[
        bool, typer.Option("--stats", help="Show how many leads are waiting, opened, clicked, and left at each step.")
    ] = False,
    plan: Annotated[
        str | None,
        typer.Option("--digest", help="With --stats: count only runs on the version with this digest or prefix."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output file, or - for standard output.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the SVG in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print steps, exits, and numbers as JSON.")] = False,
) -> None:
    """Draw a campaign as an SVG or a Mermaid flowchart.

    It shows the starts, each step with its exits, and the blocks beside the flow. By default, the SVG is written to the
    current folder and named after the campaign. It needs no network, follows the reader's light or dark mode, and shows
    a step's file and line on hover. The numbers come from the database.

    Example: `coldframe graph "Whitepaper nurture" --stats --open`
    """
    from engine.graph.mermaid import mermaid
    from engine.graph.scene import scene, with_figures

    program, found = chosen(campaign, path, as_json)
    counted = _count(found, plan) if with_numbers or plan else None
    parts: Sequence[Part] = scene(found)
    if counted is not None:
        parts = with_figures(parts, {step: at.told() for step, at in counted.steps.items()})
    if as_json:
        print_json(_as_json(found, counted))
    elif as_mermaid:
        out.print(mermaid(parts), markup=False, end="")
    else:
        _write(found, program, parts, counted, output, open_it)


def chosen(campaign: str, path: Path | None, as_json: bool) -> tuple[Program, Plan]:
    """The program of the workspace and the campaign of that name. Raises Stop with near names; with an error in the
    workspace the command ends with 1 after showing it."""
    from engine.cli.plan import sound

    found = sound(path or load_settings(reading=True).campaigns, as_json, "nothing was drawn")
    assert found.program is not None
    return found.program, campaign_of(found.program, campaign)


def _count(plan: Plan, digest: str | None) -> Numbers:
    from engine.deploying.history import entries
    from engine.reports.campaign_numbers import numbers
    from engine.store.db import Database

    async def ask(url: str) -> Numbers:
        db = Database(url, size=1)
        try:
            if not await entries(db, 1):
                raise Stop(NOTHING_DEPLOYED, FAILED)
            return await numbers(db, plan.campaign, digest)
        finally:
            await db.close()

    with database(load_settings(reading=True)) as url:
        counted = asyncio.run(ask(url))
    if digest and not counted.plans and not plan.digest.startswith(digest):
        raise Stop(
            f"no version has a digest that starts with `{digest}`; --stats --json lists those with leads", FAILED
        )
    return counted


def _write(
    plan: Plan, program: Program, parts: Sequence[Part], counted: Numbers | None, output: Path | None, open_it: bool
) -> None:  # fmt: skip
    from engine.graph.svg import svg
    from engine.wording.steps import head_lines

    facts = head_lines(plan, program.workspace.currency)
    if counted is not None:
        facts = [counted.summary(), *facts]
    text = svg(plan.campaign, facts, parts)
    if output is not None and str(output) == "-":
        out.print(text, markup=False, end="")
        return
    target = output or Path(file_name(plan.campaign) + ".svg")
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise Stop(f"cannot write {target}: {error.strerror or error}") from None
    err.print(f"wrote {target}", markup=False)
    if open_it:
        typer.launch(target.resolve().as_uri())


def file_name(name: str) -> str:
    """A name as part of a file's: letters and digits of any script, hyphens for all else."""
    kept = "".join(char if char.isalnum() else "-" for char in name.casefold())
    return "-".join(filter(None, kept.split("-")))[:80] or "campaign"


def _as_json(plan: Plan, counted: Numbers | None) -> dict[str, Any]:
    from engine.wording.steps import entries, outline, start_words

    steps = []
    for step in plan.steps:
        said = outline(step)
        row: dict[str, Any] = {
            "id": step.id, "kind": step.kind, "label": step.label, "words": said.words, "source": step.source,
            "exits": [{"label": way.label, "target": way.target} for way in said.exits],
        }  # fmt: skip
        if counted is not None:
            row["numbers"] = asdict(counted.steps[step.id]) if step.id in counted.steps else None
        steps.append(row)
    _, *beside = entries(plan)
    found: dict[str, Any] = {
        "campaign": plan.campaign, "digest": plan.digest, "source": plan.source, "entry": plan.entry,
        "starts": [{"words": start_words(start), "source": start.source} for start in plan.starts],
        "beside": [{"words": words, "source": source, "entry": entry} for words, source, entry in beside],
        "steps": steps,
    }  # fmt: skip
    if counted is not None:
        found |= {"runs": dict(counted.runs), "plans": dict(counted.plans)}
    return found
