"""`coldframe preview`: a template as a lead would get it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsl.problems.near import near_or_known
from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json, wants_folder
from engine.cli.lookup import as_written

if TYPE_CHECKING:
    from dsl.plan import Program
    from engine.model.lead import Lead
    from engine.platform.settings import Settings
    from engine.sending.preview import Draft, Shown

SAMPLE = "sample"
SAMPLES = (SAMPLE, "invented")


def preview(
    template: Annotated[str, typer.Argument(help='The template, by the name a campaign uses: "whitepaper/welcome".')],
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    lead: Annotated[str, typer.Option(help="The address or id of a real lead, or `sample`.")] = SAMPLE,
    language: Annotated[str, typer.Option(help="One of the workspace's languages, or `all`.")] = "all",
    as_html: Annotated[bool, typer.Option("--html", help="Print only the HTML part.")] = False,
    as_text: Annotated[bool, typer.Option("--text", help="Print only the plain-text part.")] = False,
    save: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each version as .html and .txt to this folder.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open all versions in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Render a template in each of its languages and check the result.

    It warns about anything email clients clip or break. By default, it renders for a sample lead, once with every field
    set and once with only the required ones, which shows the defaults. This needs no database. The templates are read
    from the folder, deployed or not. Exits with 1 if the email cannot be rendered, and shows the line.

    Example: `coldframe preview whitepaper/welcome --language de --open`
    """
    from engine.mail.errors import TemplateError

    settings = load_settings(reading=True)
    try:
        draft = read_draft(path or settings.campaigns, settings, as_json)
        name = known(draft, template)
        person = None if lead in SAMPLES else _lead(settings, lead)
        shown = _render(draft, name, _languages(draft, name, language), person)
    except TemplateError as error:
        raise Stop(str(error), FAILED) from None
    if save is not None or open_it:
        _write(shown, save, open_it)
    if as_json:
        print_json([asdict(one) for one in shown])
    elif as_html or as_text:
        for one in shown:
            out.print(one.html if as_html else one.text, markup=False)
    else:
        for one in shown:
            _show(one)


def read_draft(folder: Path, settings: Settings, as_json: bool) -> Draft:
    """The workspace as it lies in the folder. With errors in campaign files the command ends with 1 after showing them.
    Raises TemplateError."""
    from dsl.compile import compile_workspace
    from engine.cli.plan import refuse
    from engine.cli.workspace import sources_in
    from engine.platform.clock import parse_clock
    from engine.sending.preview import Draft

    sources = sources_in(folder)
    if not sources.files:
        raise Stop(f"no *.campaign file in {folder}")
    compiled = compile_workspace(sources.files, sources.assets)
    if compiled.program is None:
        refuse(compiled.diagnostics, sources.files, len(sources.files), as_json, "nothing was rendered")
    return Draft.of(compiled.program, sources.assets, parse_clock(settings.clock).now(), settings.base_url)


def known(draft: Draft, template: str) -> str:
    """The template as it is written. Raises Stop, with near names, when there is none."""
    wanted = template.removeprefix("templates/").removesuffix(".md").removesuffix(".html").removesuffix(".mjml")
    names = draft.names()
    if found := as_written(wanted, names):
        return found
    own = sorted(names, key=lambda name: name.startswith("internal/"))
    raise Stop(f"no template named `{template}`: {near_or_known(wanted, own)}", FAILED)


def _languages(draft: Draft, template: str, language: str) -> Sequence[str]:
    if language.casefold() == "all":
        return draft.languages(template) or draft.program.workspace.languages[:1]
    return [spoken(draft.program, language)]


def spoken(program: Program, language: str) -> str:
    """The language as the workspace writes it. Raises Stop when it is none of the workspace's."""
    workspace = program.workspace
    if found := workspace.spoken(language):
        return found
    raise Stop(f"the workspace has no language `{language}`; use one of {', '.join(workspace.languages)}", FAILED)


def _lead(settings: Settings, who: str) -> Lead:
    from engine.cli.why import explained
    from engine.store.db import Database
    from engine.why.read import Unknown, find_lead

    async def ask(url: str) -> Lead:
        db = Database(url, size=1)
        try:
            async with db.engine.connect() as connection:
                return await find_lead(connection, who)
        except Unknown as error:
            raise explained(error) from None
        finally:
            await db.close()

    with database(settings) as url:
        return asyncio.run(ask(url))


def _render(draft: Draft, template: str, languages: Sequence[str], lead: Lead | None) -> list[Shown]:
    if lead is not None:
        return [draft.show(template, language, lead) for language in languages]
    return [draft.show(template, language, None, bare=bare) for language in languages for bare in (False, True)]


# ── showing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _show(one: Shown) -> None:
    out.rule(f"{one.template} · {one.language} · {one.variant}", style="dim", align="left")
    from rich.text import Text

    rows = (("file", one.file), ("kind", one.kind), ("from", one.sender), ("subject", one.subject),
            ("preheader", one.preheader or "none: inboxes show the first words of the text"))  # fmt: skip
    for name, value in rows:
        out.print(Text(f"{name:10} ", "dim").append(value, "" if name != "subject" else "bold"))
    out.print("\n" + one.text.rstrip() + "\n", markup=False)
    for warned in one.warnings:
        out.print(Text("warning: ", "bold yellow").append(warned.text, "").append(f" [{warned.code}]", "dim"))
    if one.warnings:
        out.print()


def _write(shown: Sequence[Shown], folder: Path | None, open_it: bool) -> None:
    target = folder or Path(tempfile.mkdtemp(prefix="coldframe-preview-"))
    wants_folder(target)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for one in shown:
            (target / f"{stem(one)}.html").write_text(one.html, "utf-8")
            (target / f"{stem(one)}.txt").write_text(one.text, "utf-8")
        overview = target / f"{shown[0].template.replace('/', '-')}.overview.html"
        overview.write_text(page(shown), "utf-8")
    except OSError as error:
        raise Stop(f"cannot write to {target}: {error.strerror or error}") from None
    out.print(f"wrote {overview}, which shows all versions", markup=False)
    if open_it:
        typer.launch(overview.resolve().as_uri())


def stem(one: Shown) -> str:
    """The name of a version's files: template, language, and `bare` for the lead of whom little is known."""
    from engine.sending.preview import NOTHING

    return f"{one.template.replace('/', '-')}.{one.language}{'.bare' if one.variant == NOTHING else ''}"


def page(shown: Sequence[Shown]) -> str:
    """All versions on one page, each in a frame of its own that may run nothing."""
    parts = []
    for one in shown:
        warnings = "".join(f"<li>{escape(warned.text)}</li>" for warned in one.warnings)
        parts.append(
            f"<section><h2>{escape(one.language)} <small>{escape(one.variant)}</small></h2>"
            f"<p class=from>{escape(one.sender)}</p><p class=subject>{escape(one.subject)}</p>"
            f"<p class=preheader>{escape(one.preheader)}</p><ul>{warnings}</ul>"
            f'<iframe sandbox="allow-same-origin" title="{escape(one.language)}" srcdoc="{escape(one.html)}"></iframe>'
            f"<details><summary>plain text</summary><pre>{escape(one.text)}</pre></details></section>"
        )
    return _PAGE.format(title=escape(shown[0].template), sections="".join(parts))


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title><style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 24px; color: light-dark(#23211d, #eceae5);
  background: light-dark(#fbfaf8, #1b1c1e) }}
main {{ display: flex; flex-wrap: wrap; gap: 28px }} section {{ width: 620px; max-width: 100% }}
h2 {{ margin: 0 0 4px; font-size: 17px }} small, .from, .preheader {{ color: light-dark(#6d675e, #a5a097) }}
p {{ margin: 0 }} .subject {{ font-weight: 650 }} ul {{ margin: 8px 0; padding-left: 20px }}
li {{ color: light-dark(#9a5b00, #e0ae55) }}
iframe {{ width: 100%; height: 780px; border: 1px solid light-dark(#d8d2c8, #44474b); border-radius: 8px;
  margin-top: 8px; background: #fff }}
pre {{ white-space: pre-wrap }}
</style></head><body><h1>{title}</h1><main>{sections}</main></body></html>
"""
