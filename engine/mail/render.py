"""From a template and a lead's data to a subject, an HTML part and a plain-text part.

Everything that does not depend on the lead (Markdown, layout, inlined styles, conversion to text, compilation) happens
once per template and is kept; one rendering runs a few compiled Jinja templates and takes well under a millisecond.
MJML is the exception: it is converted for each mail, after Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FunctionLoader, Template, TemplateNotFound, TemplateSyntaxError
from markupsafe import Markup

from dsl.plan import Workspace, tags
from engine.mail import convert, formats, mjml, plain_text
from engine.mail.context import NOTED, Context, Rendered, names_of
from engine.mail.errors import BadMjml, NotAllowed, TemplateError, words_of
from engine.mail.sandbox import CHARACTERS, STEPS, Misplaced, Run, Sandbox, current, running
from engine.mail.source import Restored, Source, read_source

ENDINGS = (".md", ".html", ".mjml")
MAX_OUTPUT = 500_000
MAX_SUBJECT = 250
LAYOUT, MJML_LAYOUT, TEXT_LAYOUT = "_layout.html", "_layout.mjml", "_layout.txt"


@dataclass(frozen=True)
class Unit:
    """One language of one template, ready to run. Without `layout` the template is a whole page of its own.

    `mjml`: what Jinja makes of `html` and `layout` is MJML, because this file is. `lists`: tags stand beside lists, so
    that what a loop makes may have to be joined into one. `footed`: the text has a file of its own and only the
    built-in layout, which adds nothing to one that has its address and its link for leaving.
    """

    path: str
    language: str
    front: Mapping[str, Template]
    sender: str
    html: Template
    text: Template
    layout: Template | None
    text_layout: Template | None
    mjml: str
    lists: bool
    footed: bool


@lru_cache(maxsize=1)
def builtin_templates() -> Mapping[str, str]:
    """What a workspace gets that brings none of its own: a layout, and the notices to colleagues."""
    root = Path(__file__).parent / "builtin"
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in sorted(root.rglob("*.*"))}


class Renderer:
    """Renders the templates of one deployment. `templates` maps paths under `templates/` to their text.

    Safe to share between threads; nothing of a lead is kept between two calls.
    """

    def __init__(self, templates: Mapping[str, str], workspace: Workspace) -> None:
        self.templates: Mapping[str, str] = {**builtin_templates(), **templates}
        self.workspace = workspace
        self.layout = MJML_LAYOUT if MJML_LAYOUT in templates and LAYOUT not in templates else LAYOUT
        self._html = self._environment(self._html_piece, autoescape=True)
        self._text = self._environment(self._text_piece, autoescape=False)
        self._sources: dict[str, Source] = {}
        self._lines: dict[tuple[bool, str], Restored] = {}
        self._units: dict[tuple[str, str], Unit] = {}
        self._notes: dict[str, Template] = {}

    # ── what callers use ─────────────────────────────────────────────────────────────────────────────────────────────
    def render(self, name: str, context: Context, subject: str = "") -> Rendered:
        """The mail; `subject` stands in for the template's own. Raises TemplateError, whose message holds nothing of
        the lead."""
        language = self.workspace.language(context.language)
        unit = self.unit(name, language)
        names = self._names(unit.path, context, unit.language)
        token = running.set(self._run(context, language))
        try:
            front = {key: _one_line(self._filled(template, names)) for key, template in unit.front.items()}
            if subject:
                front["subject"] = _one_line(self._filled(self._short(subject), names))
            frame = {**names, **front, "language": unit.language, "words": formats.words_of(unit.language)}
            html, text = self._filled(unit.html, names), self._filled(unit.text, names)
            if unit.lists:
                html, text = convert.join_lists(html), convert.join_items(text)
            if unit.layout:
                frame["content"] = Markup(html)
                html = self._filled(unit.layout, frame)
            if unit.mjml:
                html = self._from_mjml(unit, html, frame)
            if unit.text_layout and not (unit.footed and self._has_footer(text, context)):
                text = self._filled(unit.text_layout, {**frame, "content": convert.tidy(text).rstrip()})
        finally:
            running.reset(token)
        preheader = front.get("preheader", "")
        asked = {name: frozenset(names[name].asked) for name in NOTED}
        return Rendered(front["subject"], preheader, html, convert.tidy(text), unit.sender, unit.language, asked)

    def render_text(self, source: str, context: Context) -> str:
        """A short text with names in it, such as the note of a handoff, as plain text. Raises TemplateError."""
        language = self.workspace.language(context.language)
        template = self._short(source)
        token = running.set(self._run(context, language))
        try:
            return self._filled(template, self._names("note", context, language))
        finally:
            running.reset(token)

    def _short(self, source: str) -> Template:
        template = self._notes.get(source)
        if template is None:
            if len(self._notes) >= 1_000:
                self._notes.clear()
            read_source("note", source)
            template = self._notes[source] = self._compiled(self._text, "note", source)
        return template

    def unit(self, name: str, language: str) -> Unit:
        """The template `name` in this language or, failing that, in the workspace's first. Compiled once."""
        unit = self._units.get((name, language))
        if unit is None:
            unit = self._units[name, language] = self._prepared(name, language)
        return unit

    def variants(self, name: str) -> dict[str, str]:
        """language → path of the version of the template for its readers; the unmarked file is in the first language.
        `welcome.de.md` serves `de-AT`, unless there is a `welcome.de-AT.md`."""
        written = {mark: path for mark in self.workspace.marks if (path := self._file(f"{name}.{mark}"))}
        found: dict[str, str] = {}
        for language in self.workspace.languages or (self.first_language,):
            mark = tags.chosen(language, written)
            if language == self.first_language and mark not in tags.ancestors(language):
                mark = None
                if path := self._file(name):
                    found[language] = path
            if mark:
                found[language] = written[mark]
        return found

    def _file(self, stem: str) -> str | None:
        return next((stem + ending for ending in ENDINGS if stem + ending in self.templates), None)

    def reader(self, name: str, path: str, mark: str) -> str:
        """A language in which the file at `path`, marked as in `mark`, is the version of the template that is read."""
        return next((one for one, file in self.variants(name).items() if file == path), mark or self.first_language)

    @property
    def first_language(self) -> str:
        return self.workspace.language("")

    def source(self, path: str) -> Source:
        """The file taken apart. Raises TemplateError."""
        source = self._sources.get(path)
        if source is None:
            if path not in self.templates:
                raise TemplateError(path, 0, "no such file")
            source = self._sources[path] = read_source(path, self.templates[path])
        return source

    # ── one template, once ───────────────────────────────────────────────────────────────────────────────────────────
    def _prepared(self, name: str, language: str) -> Unit:
        variants = self.variants(name)
        chosen = language if language in variants else self.first_language
        if chosen not in variants:
            raise TemplateError(name, 0, "no such template")
        path = variants[chosen]
        source = self.source(path)
        if not source.front.values.get("subject"):
            raise TemplateError(path, 1, "an email needs a `subject:` between `---` lines at the top")
        front = {
            key: self._compiled(self._text, path, text, source.front.lines[key])
            for key, text in source.front.values.items() if key != "sender"
        }  # fmt: skip
        framed = path.endswith(".md")
        own_text = self._own_text(path) is not None
        layout = self.related(self.layout, path) if framed else path
        text_layout = self.related(TEXT_LAYOUT, path)
        footed = own_text and self.templates[text_layout] == builtin_templates().get(text_layout)
        return Unit(
            path, chosen, front, source.front.values.get("sender", ""), self._loaded(self._html, path),
            self._loaded(self._text, path),
            self._loaded(self._html, layout) if framed else None,
            self._loaded(self._text, text_layout) if framed or own_text else None,
            mjml=layout if layout.endswith(".mjml") else "", lists=framed and "{%" in source.body,
            footed=footed,
        )  # fmt: skip

    def related(self, path: str, parent: str) -> str:
        """The version of a part that has the language of the template that asks for it, if there is one."""
        stem, _, ending = path.rpartition(".")
        marked = parent.rpartition(".")[0].rpartition(".")[2]
        if marked not in self.workspace.marks:
            return path
        own = (f"{stem}.{mark}.{ending}" for mark in tags.ancestors(marked))
        return next((one for one in own if one in self.templates), path)

    def _joined(self, path: str, parent: str) -> str:
        if path.endswith(".mjml") and not parent.endswith(".mjml"):
            raise NotAllowed(f"`{path}` is MJML, which only an email in MJML can include")
        return self.related(path, parent)

    def _html_piece(self, path: str) -> tuple[str, str, Callable[[], bool]] | None:
        if path not in self.templates:
            return None
        source = self.source(path)
        page = convert.page_of(source)
        if path.endswith(".mjml") or (path.endswith(".md") and self.layout == MJML_LAYOUT):
            html = page.html
        elif path.endswith(".md"):
            html = convert.inlined_within(page, convert.page_of(self.source(self.related(LAYOUT, path))))
        elif path.split(".")[0] == "_layout":
            html = convert.inlined_layout(page)
        else:
            whole = "<html" in source.body.lower()
            html = convert.inlined(page) if whole else page.html
        if path == self.related(self.layout, path) and path.split(".")[0] == "_layout":
            convert.content_mark(page)
        return self._piece(path, page.restore(html), html_part=True)

    def _text_piece(self, path: str) -> tuple[str, str, Callable[[], bool]] | None:
        if path not in self.templates:
            return None
        if own := path if path.endswith(".txt") else self._own_text(path):
            source = self.source(own)
            return self._piece(path, source.restore(source.marked, {}), html_part=False)
        page = convert.page_of(self.source(path))
        return self._piece(path, page.restore(plain_text.text_of(page)), html_part=False)

    def _own_text(self, path: str) -> str | None:
        text = path.rpartition(".")[0] + ".txt"
        return text if text in self.templates else None

    def _piece(self, path: str, restored: Restored, *, html_part: bool) -> tuple[str, str, Callable[[], bool]]:
        self._lines[html_part, path] = restored
        return restored.text, path, lambda: True

    def _environment(self, load: Callable[[str], Any], *, autoescape: bool) -> Sandbox:
        return Sandbox(
            show=formats.shown, filters=formats.FILTERS, related=self._joined, loader=FunctionLoader(load),
            autoescape=autoescape,
        )  # fmt: skip

    def _loaded(self, environment: Sandbox, path: str) -> Template:
        try:
            return environment.get_template(path)
        except (TemplateSyntaxError, TemplateNotFound, Misplaced, RecursionError, MemoryError, SyntaxError) as error:
            raise self._told(error, path, environment is self._html) from None

    def _compiled(self, environment: Sandbox, path: str, text: str, line: int = 1) -> Template:
        try:
            template = environment.from_string(text)
        except (TemplateSyntaxError, Misplaced, RecursionError, MemoryError, SyntaxError) as error:
            raise TemplateError(path, line, words_of(error)) from None
        template.name = path
        template.line_in_file = line  # type: ignore[attr-defined]
        return template

    # ── one rendering ────────────────────────────────────────────────────────────────────────────────────────────────
    def _filled(self, template: Template, names: dict[str, Any]) -> str:
        pieces: list[str] = []
        size = 0
        try:
            for piece in template.root_render_func(template.new_context(names)):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise NotAllowed(f"the email is longer than {MAX_OUTPUT:,} characters")
        except TemplateError:
            raise
        except Exception as error:
            raise self._told(error, template.name or "", template.environment is self._html) from None
        return "".join(pieces)

    def _from_mjml(self, unit: Unit, text: str, frame: dict[str, Any]) -> str:
        try:
            return mjml.to_html(text, unit.language, frame["subject"], frame.get("preheader", ""))
        except mjml.Malformed as error:
            raise self._placed(unit, error.message, frame) from None

    def _placed(self, unit: Unit, message: str, frame: dict[str, Any]) -> TemplateError:
        """The error with its place, for which the mail is filled once more, with signs in it."""
        files = [path for path in self.templates if path.endswith(".mjml")]

        def load(path: str) -> Any:
            return mjml.signed(self.source(path), files.index(path)) if path in files else self._html_piece(path)

        running.set(replace(current(), steps=STEPS, characters=CHARACTERS))
        try:
            text = self._filled(self._loaded(self._environment(load, autoescape=True), unit.mjml), frame)
        except TemplateError:
            return BadMjml(unit.path, 0, message)
        file, line = mjml.place(text, unit.language, message)
        return BadMjml(files[file] if line and file < len(files) else unit.path, line, message)

    def _told(self, error: BaseException, path: str, html_part: bool) -> TemplateError:
        """The error in words, with the file and line of the innermost template that was running."""
        line = 0
        if isinstance(error, TemplateSyntaxError):
            path, line = error.name or path, error.lineno
        elif isinstance(error, Misplaced):
            line = error.line
        trace = error.__traceback__
        while trace is not None:
            template = trace.tb_frame.f_globals.get("__jinja_template__")
            if template is not None:
                fixed = getattr(template, "line_in_file", 0)
                if fixed:
                    return TemplateError(template.name, fixed, words_of(error))
                path, line = template.name, template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        restored = self._lines.get((html_part, path))
        return TemplateError(path, restored.line_of(line) if restored else line, words_of(error))

    def _has_footer(self, text: str, context: Context) -> bool:
        address = self.workspace.address.strip()
        return bool(address) and convert.shows(text, address) and context.unsubscribe_url in text

    def _run(self, context: Context, language: str) -> Run:
        region = context.language.replace("_", "-").lower()
        spoken = context.language if region.startswith(f"{language.lower()}-") else language
        return Run(formats.locale_of(spoken), context.zone, self.workspace.currency)

    def _names(self, path: str, context: Context, language: str) -> dict[str, Any]:
        try:
            return names_of(context, language, self.workspace)
        except NotAllowed as error:
            raise TemplateError(path, 0, str(error)) from None


_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _one_line(text: str) -> str:
    line = " ".join(_BREAKS.sub(" ", text).split())
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"
