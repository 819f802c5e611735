"""One draft in a folder of its own, and everything that the page *write* asks about it.

Files go by their path inside the workspace, places as editors count them. Every answer is plain values.
"""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dsl.compile import compile_workspace
from dsl.editor.planner import Planned
from dsl.plan import Program, Send
from engine.cli.common import Stop
from engine.cli.known_lead import known_lead
from engine.cli.script import read_script
from engine.cli.simulate import starting
from engine.cli.starter import base, fitted, named, starters
from engine.cli.workspace import Examined, examine
from engine.editing.actions import TIMES, list_actions
from engine.editing.blocks import Block, insert_block, list_blocks
from engine.editing.known import Problems, as_range
from engine.graph.scene import scene
from engine.graph.svg import svg
from engine.mail.errors import TemplateError
from engine.rules.conditions.calendar import local_time
from engine.sending.preview import Draft
from engine.simulation.simulation import deployment_of
from engine.simulation.standing import describe_end
from engine.simulation.story import Story
from engine.wording.steps import head_lines, outline
from engine.writing.mail_completion import list_variables
from engine.writing.positions import Position
from engine.writing.session import Found, Refused, Session, Symbol, formatted

Answer = Mapping[str, Any]
AT_ONCE = 0.04
"""Seconds that the answer to a keystroke in a template looks at templates; the others are looked at when the page asks
for the rest."""
COMMANDS: dict[str, Callable[..., Any]] = {}


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a request may ask for, by the function's name."""
    COMMANDS[function.__name__] = function
    return function


class Wrong(Exception):
    """What was asked for cannot be answered; the message says why, for people."""


class Room:
    """`folder` holds the draft's files; downloads are there by name alone, empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session = Session(folder)
        self._known = Problems()
        self._examined: Examined | None = None
        self._planned: Planned | None = None
        self._program: Program | None = None

    def shown(self, path: str) -> str:
        return f"{self.folder.name}/{path}"

    def inside(self, shown: str) -> str:
        return shown.removeprefix(f"{self.folder.name}/")

    @property
    def examined(self) -> Examined:
        """The draft compiled as `coldframe deploy` does it. Raises Wrong when there is no campaign file."""
        if self._examined is None:
            try:
                self._examined = examine(self.folder)
            except Stop as stop:
                raise Wrong(str(stop)) from None
        return self._examined

    @property
    def program(self) -> Program:
        """What is written, campaign by campaign as it was when last sound. Raises Wrong where nothing is."""
        planned = self.session.project.mails.plan(self.session.project.checked)
        if planned is None:
            raise Wrong("Fix the errors first.")
        if self._planned is not planned:
            campaigns = (*planned.company.campaigns, *planned.plans)
            self._planned, self._program = planned, planned.company.model_copy(update={"campaigns": campaigns})
        assert self._program is not None
        return self._program

    @property
    def assets(self) -> dict[str, bytes]:
        """Templates and downloads by their path inside the workspace."""
        return {path: (self.folder / path).read_bytes() for path in sorted(self.session.project.assets)}

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────
    @command
    def load(self, files: Mapping[str, str], names: Sequence[str] = ()) -> None:
        """These files instead of all others; `names`: those of which nothing but the name counts."""
        wanted = {**files, **dict.fromkeys(names, "")}
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            if path.relative_to(self.folder).as_posix() not in wanted:
                path.unlink()
        for name, text in wanted.items():
            self._put(name, text)
        self.session.project.unsaved.clear()
        self.session.project.refresh()
        self._examined = None

    def _put(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_file() or place.read_bytes() != text.encode():
            place.write_bytes(text.encode())

    @command
    def type(self, path: str, text: str, seen: int = 0, by: int = 0) -> Answer:
        """The text of a file from now on, and what is wrong now; see Problems.tell. `rest`: there are templates left to
        look at."""
        self._put(path, text)
        self.session.project.write(self.shown(path), text)
        self._examined = None
        told: Answer = self.problems(AT_ONCE if path.startswith("templates/") else 0.0, seen, by)
        return told

    @command
    def problems(self, seconds: float = AT_ONCE, seen: int = 0, by: int = 0) -> Any:
        """What is wrong, by file; see Problems.tell. `rest`: not everything was looked at in that time; ask again."""
        project, until, rest = self.session.project, time.perf_counter() + seconds, False
        for _ in project.look_at_mails():
            if time.perf_counter() > until:
                rest = True
                break
        return {**self._known.tell(project, seen if by == os.getpid() else 0), "by": os.getpid(), "rest": rest}

    # ── about a place ────────────────────────────────────────────────────────────────────────────────────────────────
    @command
    def offers(self, path: str, line: int, character: int) -> list[Answer]:
        found = self.session.offers(self.shown(path), Position(line, character))
        return [{"label": one.label, "kind": one.kind, "insert": one.insert, "range": as_range(one.range),
                 "detail": one.detail, "about": one.about} for one in found]  # fmt: skip

    @command
    def about(self, path: str, line: int, character: int) -> Answer | None:
        found = self.session.about(self.shown(path), Position(line, character))
        return {"text": found[0], "range": as_range(found[1])} if found else None

    @command
    def definition(self, path: str, line: int, character: int) -> list[Answer]:
        return [self._found(one) for one in self.session.definition(self.shown(path), Position(line, character))]

    @command
    def references(self, path: str, line: int, character: int) -> list[Answer]:
        return [self._found(one) for one in self.session.references(self.shown(path), Position(line, character))]

    def _found(self, one: Found) -> Answer:
        return {"path": self.inside(one.file), "range": as_range(one.range)}

    @command
    def name(self, path: str, line: int, character: int) -> Answer | None:
        """The name there, if it can be changed."""
        found = self.session.name_at(self.shown(path), Position(line, character))
        return {"name": found[0], "range": as_range(found[1])} if found else None

    @command
    def rename(self, path: str, line: int, character: int, new: str) -> Mapping[str, str]:
        """The whole texts of the files that the new name changes."""
        try:
            edits = self.session.renamed(self.shown(path), Position(line, character), new) or []
        except Refused as reason:
            raise _as_wrong(reason) from None
        texts: dict[str, str] = {}
        for edit in sorted(edits, key=lambda one: (one.range.start, one.range.end), reverse=True):
            text = texts.get(edit.file, self.session.project.text(edit.file))
            start, end = (_offset(text, place) for place in (edit.range.start, edit.range.end))
            texts[edit.file] = text[:start] + edit.text + text[end:]
        return {self.inside(shown): text for shown, text in texts.items()}

    # ── whole files ──────────────────────────────────────────────────────────────────────────────────────────────────
    @command
    def outline(self, path: str) -> list[Answer]:
        return [_symbol(one) for one in self.session.outline(self.shown(path)) or ()]

    @command
    def formatted(self, path: str, text: str) -> str | None:
        """None when it cannot be read safely, and for a template."""
        return formatted(path, text)

    # ── what it means ────────────────────────────────────────────────────────────────────────────────────────────────
    @command
    def contents(self) -> Answer:
        """What there is to look at: campaigns with their place, what they start with and send, forms, templates with
        their languages, and what a lead can do in a story."""
        program = self.program
        draft = self._draft("")
        return {
            "campaigns": [
                {
                    "name": one.campaign, **self._place(one.source),
                    "forms": [start.pattern.name for start in one.starts if start.pattern.type == "form.submitted"],
                    "emails": [step.template for step in one.steps if isinstance(step, Send)],
                }
                for one in program.campaigns if one.written
            ],
            "forms": [form.name for form in program.forms],
            "templates": [{"name": name, "languages": list(draft.languages(name))} for name in draft.names()],
            "actions": list_actions(program), "times": TIMES,
        }  # fmt: skip

    @command
    def blocks(self) -> list[Answer]:
        """Pieces that can be inserted, also while there are errors."""
        templates = [path.removeprefix("templates/").rpartition(".")[0] for path in sorted(self.session.project.assets)
                     if path.startswith("templates/")]  # fmt: skip
        try:
            program: Program | None = self.program
        except Wrong:
            program = None
        return [asdict(one) for one in list_blocks(program, templates)]

    @command
    def inserted(self, block: str, text: str, line: int | None) -> Answer:
        """The text with a piece after `line`, at its end for None; and the line where the piece begins."""
        chosen = next((Block(**one) for one in self.blocks() if one["name"] == block), None)
        if chosen is None:
            raise Wrong("Choose what to insert.")
        changed, at = insert_block(text, chosen, line)
        return {"text": changed, "line": at}

    @command
    def variables(self, path: str) -> list[Answer]:
        """What a template can show, each as it is written."""
        found = list_variables(self.session.project, self.shown(path))
        return [{"name": name, "about": about} for name, about in found]

    def _place(self, source: str) -> Answer:
        shown, _, line = source.rpartition(":")
        return {"path": self.inside(shown), "line": int(line) if line.isdigit() else 0}

    @command
    def drawing(self, campaign: str, links: str = "") -> str:
        """The campaign's flow as an SVG. `links`: the address that a step leads to, with `{path}` and `{line}`."""
        for plan in self.program.campaigns:
            if plan.campaign.casefold() == campaign.casefold():
                facts = head_lines(plan, self.program.workspace.currency)
                return svg(plan.campaign, facts, scene(plan), link=self._linked(links) if links else None)
        raise Wrong("There is no such campaign.")

    def _linked(self, links: str) -> Callable[[str], tuple[str, str]]:
        def link(source: str) -> tuple[str, str]:
            place = self._place(source)
            address = links.replace("{path}", quote(str(place["path"]))).replace("{line}", str(place["line"]))
            return address, f"line-{place['line']}-{quote(str(place['path']))}"

        return link

    @command
    def steps(self, campaign: str) -> list[Answer]:
        """The steps in words, each with its place."""
        plan = next((one for one in self.program.campaigns if one.campaign.casefold() == campaign.casefold()), None)
        return [{"words": outline(step).words, **self._place(step.source)} for step in plan.steps] if plan else []

    @command
    def story(self, script: str, lead: Sequence[str] = (), start: str = "") -> Answer:
        """What becomes of one lead who does what the script says."""
        program = self.program
        if any(one.severity == "error" for one in self.session.project.checked.diagnostics):
            raise Wrong("Fix the errors first.")
        try:
            begin, known = starting(start or None, program), known_lead(list(lead), program)
        except Stop as stop:
            raise _as_wrong(stop) from None
        zone = str(known.fields.get("timezone") or program.workspace.timezone)
        read = read_script(script, program, "script", local_time(begin, zone))
        if read.diagnostics:
            wrong = [{"line": one.line, "message": one.message, "help": one.help or ""} for one in read.diagnostics]
            return {"problems": wrong, "entries": [], "end": []}
        story = Story(deployment_of(program, self.assets), begin, known, seed=1)
        story.play(read.actions)
        entries = [
            {"shown_at": f"{one.local:%a %Y-%m-%d %H:%M}", "kind": one.kind, "text": " ".join(one.text.split()),
             "place": self._place(one.source) if one.source else None}
            for before, one in pairwise([None, *story.timeline.entries])
            if one is not None and (before is None or (before.text, before.at) != (one.text, one.at))
        ]  # fmt: skip
        return {"problems": [], "entries": entries, "end": describe_end(story)}

    @command
    def email(self, template: str, language: str = "", base_url: str = "") -> Answer:
        """A template as a lead would get it."""
        draft = self._draft(base_url)
        spoken = language or next(iter(draft.languages(template)), "") or draft.program.workspace.languages[0]
        if template not in draft.names():
            raise Wrong("There is no such template.")
        try:
            one = draft.show(template, spoken, None, bare=False)
        except TemplateError as error:
            raise Wrong(str(error)) from None
        return {
            "file": one.file, "language": one.language, "languages": list(draft.languages(template)),
            "sender": one.sender, "subject": one.subject, "preheader": one.preheader, "html": one.html,
            "text": one.text, "kind": one.kind, "warnings": [warned.text for warned in one.warnings],
        }  # fmt: skip

    def _draft(self, base_url: str) -> Draft:
        try:
            return Draft.of(self.program, self.assets, datetime.now(UTC), base_url or "https://example.com")
        except TemplateError as error:
            raise Wrong(str(error)) from None

    @command
    def compiled(self) -> Answer:
        """The program as it would be deployed; None with an error in the workspace."""
        program = self.examined.program
        return {"program": program.model_dump(mode="json") if program else None}

    # ── to start from ────────────────────────────────────────────────────────────────────────────────────────────────
    @command
    def beginnings(self) -> list[Answer]:
        return [{"kind": one.kind, "summary": one.summary, "campaign": one.campaign} for one in starters().values()]

    @command
    def beginning_drawing(self, kind: str) -> str:
        """A beginning's first campaign as an SVG, in a workspace of its own."""
        known = starters().get(kind)
        if known is None:
            raise Wrong("There is no such beginning.")
        company = base("Your company")
        texts = {path: body.decode() for path, body in company.items() if path.endswith(".campaign")}
        campaign, _ = fitted(known.campaign, texts.values())
        assets = {path: body for path, body in {**company, **known.files}.items() if path not in texts}
        program = compile_workspace({**texts, f"{kind}.campaign": campaign}, assets).program
        assert program is not None, "every beginning compiles"
        plan = next(plan for plan in program.campaigns if plan.written)
        return svg(plan.campaign, head_lines(plan, program.workspace.currency), scene(plan))

    @command
    def begin(self, kind: str, name: str = "", company: str = "") -> Answer:
        """The files of a beginning in base64, fitted into the workspace that is there; with a whole workspace where
        there is none. `main`: the one to open."""
        texts = list(self.session.project.campaigns.values())
        files, main = {} if texts else base(company or "Your company"), "workspace.campaign"
        if kind != "workspace":
            known = starters().get(kind)
            if known is None:
                raise Wrong("There is no such beginning.")
            starter = named(known, name or None)
            there = [*texts, *(body.decode() for path, body in files.items() if path.endswith(".campaign"))]
            campaign, _ = fitted(starter.campaign, there)
            main = f"{starter.kind}.campaign"
            files = {**files, main: campaign.encode(), **starter.files}
        taken = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        fresh = {path: b64encode(body).decode() for path, body in files.items() if path not in taken}
        return {"files": fresh, "main": main}


def _symbol(one: Symbol) -> Answer:
    children = [_symbol(child) for child in one.children]
    return {"title": one.title, "kind": one.kind, "line": one.name_at.start.line + 1, "children": children}


def _offset(text: str, place: Position) -> int:
    """Where a place is in the text, which has its own line ends."""
    lines = text.splitlines(keepends=True) or [""]
    before = sum(len(line) for line in lines[: place.line])
    line, units = lines[place.line] if place.line < len(lines) else "", place.character
    for index, char in enumerate(line):
        if units <= 0:
            return before + index
        units -= 2 if ord(char) > 0xFFFF else 1
    return before + len(line)


def _as_wrong(error: Exception) -> Wrong:
    """What a command would say, as a sentence."""
    return Wrong(f"{str(error)[:1].upper()}{str(error)[1:]}.")
