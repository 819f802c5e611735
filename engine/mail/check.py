"""What is wrong with the templates of a workspace, found before anything is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from dsl.diagnostics import Diagnostic, Related
from dsl.plan import Operand, Program, Value
from dsl.plan.carries import CARRIES
from engine.mail.compose import Addressed, compose
from engine.mail.context import LAYOUT_NAMES, NAMES, Context
from engine.mail.errors import BadMjml, Incomplete, TemplateError
from engine.mail.guard import sender_parts
from engine.mail.names import Mention, Reference, Walk
from engine.mail.render import ENDINGS, LAYOUT, Renderer
from engine.mail.source import Source, parse_text, read_source
from engine.mail.uses import Line, Use, may_lack, uses_of
from engine.tokens import Tokens

OWNER = ("name", "email")
WORKSPACE = ("name", "address")
_SAMPLES: Mapping[str, Any] = {
    "number": 7, "money": 1200, "yes/no": True, "date": "2026-12-24", "moment": "2026-12-24T09:00:00+00:00",
    "due": "2026-12-24T09:00:00+00:00", "choices": ["one", "two"], "email": "ada@example.com", "url": "https://example.com/",
    "country": "DE", "language": "en", "phone": "+49 2855 0000", "timezone": "Europe/Berlin",
}  # fmt: skip

CODES = tuple(f"E7{number:02}" for number in range(1, 15))
"""What can be wrong with a template; `coldframe explain` knows them all."""

_HELP: Mapping[str, str] = {
    "E708": "the built-in layout has both; in a layout of your own use `workspace.address` and `unsubscribe_url`",
}
_NOBODY = UUID(int=0)
_TOKENS = Tokens(["of the trial mails of the check"])


def check_templates(program: Program, assets: Mapping[str, bytes | str]) -> list[Diagnostic]:
    """Every problem of every template. `assets` are the workspace's `templates/…` and `files/…` by path."""
    templates, unreadable = _texts(assets)
    files = frozenset(path.removeprefix("files/") for path in assets if path.startswith("files/"))
    return unreadable + _Check(program, templates, files).run()


def _texts(assets: Mapping[str, bytes | str]) -> tuple[dict[str, str], list[Diagnostic]]:
    texts: dict[str, str] = {}
    problems: list[Diagnostic] = []
    for path, body in assets.items():
        if not path.startswith("templates/") or not path.endswith((*ENDINGS, ".txt")):
            continue
        try:
            texts[path.removeprefix("templates/")] = body if isinstance(body, str) else body.decode("utf-8-sig")
        except UnicodeDecodeError:
            problems.append(_diagnostic("E701", path, "", 1, "this file is not UTF-8 text", "save it as UTF-8"))
    return texts, problems


class _Check:
    def __init__(self, program: Program, templates: Mapping[str, str], files: frozenset[str]) -> None:
        self.program = program
        self.own = templates
        self.files = files
        self.renderer = Renderer(templates, program.workspace)
        self.uses, self.lines = uses_of(program)
        self.line: Line | None = None
        """The template in a campaign that is looked at."""
        self.problems: dict[tuple[str, str, int, str], Diagnostic] = {}

    def run(self) -> list[Diagnostic]:
        for path in sorted(self.own):
            self._file(path)
        for line in self.lines:
            self._line(line)
        return sorted(self.problems.values(), key=lambda one: (one.file, one.line, one.column, one.code))

    # ── one file ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _file(self, path: str) -> None:
        name, language = _split(path, self.program.workspace.languages)
        try:
            source = self.renderer.source(path)
        except TemplateError as error:
            self._add("E701", error.name, error.line, error.message)
            return
        if name.rpartition("/")[2].startswith("_"):
            if name == LAYOUT.removesuffix(".html"):
                self._mentions(source, [Use("staff", "")], LAYOUT_NAMES)
            return
        uses = self.uses.get(name, [])
        if path.endswith(".txt"):
            self._mentions(source, uses, NAMES)
            return
        if language and not any(name + ending in self.own for ending in ENDINGS):
            first = self.renderer.first_language
            message, ending = f"`{name}` has no version in {first}, the first language", path.rpartition(".")[2]
            self._add("E714", path, 0, message, f"write {name}.{ending}")
            return
        if not source.front.values.get("subject"):
            self._add("E702", path, 1, "this mail has no subject", "put `subject: …` between `---` lines at the top")
            return
        sender = source.front.values.get("sender")
        if sender and sender_parts(sender) is None:
            line = source.front.lines["sender"]
            self._add("E713", path, line, "this is not a sender", "write it like Acme Pumps <hello@acme.example>")
        before = len(self.problems)
        mentions = self._mentions(source, uses, NAMES)
        if len(self.problems) == before:
            unknown = {one.root: Value(value="Sample") for one in mentions if one.root not in NAMES}
            for use in _different(uses) or [Use("transactional", "", unknown)]:
                self._trial(name, path, language or self.renderer.first_language, use)

    def _mentions(self, source: Source, uses: list[Use], names: frozenset[str]) -> list[Mention]:
        walk = Walk(self._part)
        for key, text in source.front.values.items():
            if key != "sender":
                self._text(walk, source.path, source.front.lines[key], text)
        walk.source(source)
        self._judge(walk.found, uses, names)
        return [one for one in walk.found if isinstance(one, Mention)]

    def _text(self, walk: Walk, path: str, line: int, text: str) -> None:
        try:
            walk.text(path, line, parse_text(path, line, text))
        except TemplateError as error:
            self._add("E701", path, line, error.message)

    def _part(self, target: str, parent: str) -> Source | None:
        path = self.renderer.related(target, parent)
        if path not in self.renderer.templates:
            return None
        try:
            return self.renderer.source(path)
        except TemplateError:
            return read_source(path, "")

    def _line(self, one: Line) -> None:
        walk = Walk(self._part)
        self.line = one
        self._text(walk, "", 1, one.text)
        self._judge(walk.found, [one.use], NAMES)
        self.line = None

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _judge(self, found: Iterable[Mention | Reference], uses: list[Use], names: frozenset[str]) -> None:
        for one in found:
            if isinstance(one, Reference):
                self._reference(one)
                continue
            if one.alone:
                help = "import it `with context`, or hand the value over as an argument"
                self._add("E703", one.path, one.line, f"`{one.root}` is not known inside an imported macro", help, one)
                continue
            given = frozenset[str]().union(*(use.given for use in uses))
            if said := self._unknown(one, names | given if uses else names | {one.root}):
                self._add(said[0], one.path, one.line, said[1], said[2], one)
                continue
            for use in uses:
                self._in_use(one, use, uses, names)

    def _reference(self, one: Reference) -> None:
        if one.download and one.target not in self.files:
            near = _near(one.target, self.files)
            self._add("E709", one.path, one.line, f"there is no file `{one.target}` under files/", near, one)
        elif not one.download:
            near = _near(one.target, self.renderer.templates)
            self._add("E709", one.path, one.line, f"there is no part `{one.target}` under templates/", near, one)

    def _unknown(self, one: Mention, names: frozenset[str]) -> tuple[str, str, str] | None:
        if one.root not in names:
            return "E703", f"there is no name `{one.root}` in a mail", _near(one.root, names)
        parts: Iterable[str] | None = {
            "lead": self.program.all_fields, "owner": OWNER, "workspace": WORKSPACE,
        }.get(one.root)  # fmt: skip
        if parts is None or one.part is None or one.part in parts:
            return None
        what = "a lead has no field" if one.root == "lead" else f"`{one.root}` has no"
        return "E704", f"{what} `{one.part}`", _near(one.part, parts)

    def _in_use(self, one: Mention, use: Use, uses: list[Use], names: frozenset[str]) -> None:
        written = f"{one.root}.{one.part}" if one.part else one.root
        related = _related(use)
        fallback = f'give it a default: `{{{{ {written}|default("…") }}}}`, or test it with `if`'
        if use.confirms and (one.root in ("lead", "event", "greeting") or one.root in use.given):
            message = f"a confirmation mail may not show `{written}`: anybody may have typed it"
            self._add("E711", one.path, one.line, message, "leave it out, or say it without their words", one, related)
        elif one.root == "lead" and one.part and one.needed and one.part not in use.sure:
            self._add("E705", one.path, one.line, f"not every lead has `{written}`", fallback, one, related)
        elif one.root == "event" and one.part:
            if not any(_carries(other, one.part) for other in uses):
                known = frozenset[str]().union(*(data.possible or () for data in use.events))
                message = f"no event that leads here carries `{one.part}`"
                self._add("E706", one.path, one.line, message, _near(one.part, known), one, related)
            elif one.needed and any(one.part not in data.sure for data in use.events if data.possible is not None):
                message = f"not every event that leads here carries `{one.part}`"
                self._add("E705", one.path, one.line, message, fallback, one, related)
        elif one.root not in names and one.root not in use.given and one.needed:
            message = f"`{one.root}` is not given by every `send` of this mail"
            self._add("E707", one.path, one.line, message, f"add `with {one.root} = …` to the send", one, related)
        elif one.root not in names and one.needed and (lacking := may_lack(use.given.get(one.root), use)):
            message = f"`{one.root}` is not always there: it is given {lacking}"
            self._add("E705", one.path, one.line, message, fallback, one, related)

    # ── a trial ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _trial(self, name: str, path: str, language: str, use: Use) -> None:
        """The mail for a lead of whom everything is known and, for MJML, for one of whom only what is sure is: the
        other halves of the conditions must be whole elements too."""
        whole = not any(one.endswith(".mjml") for one in (path, self.renderer.layout))
        for bare in (False,) if whole else (False, True):
            error = self._tried(name, path, language, use, bare)
            if error and (not bare or isinstance(error, BadMjml)):
                code = "E712" if isinstance(error, BadMjml) else "E708" if isinstance(error, Incomplete) else "E710"
                place = path if error.name == name else error.name
                self._add(code, place, error.line, error.message, _HELP.get(code, ""), related=_related(use))

    def _tried(self, name: str, path: str, language: str, use: Use, bare: bool) -> TemplateError | None:
        sample = {field.name: _SAMPLES.get(field.type, "Sample") for field in self.program.all_fields.values()}
        event = {part: _SAMPLES.get(self._type_of(part), "Sample") for part in self._event_parts(path)}
        given = {key: _sample(value, sample) for key, value in use.given.items()}
        if bare:
            sample, event = {name: value for name, value in sample.items() if name in use.sure}, {}
        context = Context(
            lead=sample, score=0 if bare else 50, stage="Lead", owner={"name": "Ada", "email": "ada@example.com"},
            event=event, given=given, confirm_url="https://example.com/confirm", language=language,
            file_url=lambda file: f"https://example.com/files/{file}",
        )  # fmt: skip
        message = Addressed(_NOBODY, _NOBODY, "ada@example.com", use.kind)
        try:
            compose(self.renderer, name, context, message, _TOKENS, "https://example.com", tracked=True)
        except TemplateError as error:
            return error
        return None

    def _event_parts(self, path: str) -> set[str]:
        walk = Walk(self._part)
        walk.source(self.renderer.source(path))
        return {one.part for one in walk.found if isinstance(one, Mention) and one.root == "event" and one.part}

    def _type_of(self, part: str) -> str:
        """The type of an event's datum: a lead's field that forms fill, or what declared and known events carry."""
        if part in self.program.all_fields:
            return self.program.all_fields[part].type
        declared = {name: type for event in self.program.events for name, type in event.data}
        return declared.get(part) or next((data[part] for data in CARRIES.values() if part in data), part)

    # ── writing down ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _add(
        self, code: str, path: str, line: int, message: str, help: str = "", word: Mention | Reference | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        if self.line:
            return self._add_to_campaign(self.line, code, message, help)
        text = self.renderer.templates.get(path, "")
        key = (code, path, line, message)
        if key not in self.problems:
            self.problems[key] = _diagnostic(code, f"templates/{path}", text, line, message, help, word, related)

    def _add_to_campaign(self, line: Line, code: str, message: str, help: str) -> None:
        """The plan knows the line a step stands in, and no column."""
        file, _, number = line.use.source.rpartition(":")
        message, help = f"in the {line.what} here: {message}", help.replace('"', "'")
        key = (code, file, int(number), message)
        self.problems.setdefault(key, _diagnostic(code, file, "", int(number), message, help))


def _carries(use: Use, part: str) -> bool:
    return any(data.possible is None or part in data.possible for data in use.events)


def _different(uses: list[Use]) -> list[Use]:
    """One of all uses for which the mail comes out the same in a trial."""
    first: dict[str, Use] = {}
    for use in uses:
        first.setdefault(f"{use.kind} {sorted((name, repr(value)) for name, value in use.given.items())}", use)
    return list(first.values())


def _sample(value: Operand, sample: Mapping[str, Any]) -> Any:
    match value.kind:
        case "value":
            return value.value
        case "field":
            return sample.get(value.name, "Sample")
        case "score":
            return 50
        case _:
            return "Sample"


def _split(path: str, languages: Iterable[str]) -> tuple[str, str]:
    """Name and language of a template's path; no language: the unmarked file."""
    stem = path.rpartition(".")[0]
    name, dot, mark = stem.rpartition(".")
    return (name, mark) if dot and mark in languages else (stem, "")


def _near(word: str, names: Iterable[str]) -> str:
    found = get_close_matches(word, list(names), n=1, cutoff=0.6)
    return f"did you mean `{found[0]}`?" if found else ""


def _related(use: Use) -> tuple[Related, ...]:
    file, _, line = use.source.rpartition(":")
    if not file or not line.isdigit():
        return ()
    place = {"file": file, "line": int(line), "column": 1, "end_line": int(line), "end_column": 2}
    return (Related(message="it is used here", **place),)


def _diagnostic(
    code: str, file: str, text: str, line: int, message: str, help: str = "", word: Mention | Reference | None = None,
    related: tuple[Related, ...] = (),
) -> Diagnostic:  # fmt: skip
    line = max(line, 1)
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    start, end = len(written) - len(written.lstrip()), max(len(written.rstrip()), 1)
    if found := re.search(_pattern(word), written) if word else None:
        start, end = found.span()
    return Diagnostic(
        code=code, severity="error", message=message, help=help or None, file=file, line=line, column=start + 1,
        end_line=line, end_column=end + 1, related=related,
    )  # fmt: skip


def _pattern(word: Mention | Reference) -> str:
    if isinstance(word, Reference):
        return re.escape(word.target)
    part = rf"(?:\.|\[['\"]){re.escape(word.part)}\b" if word.part else ""
    return rf"\b{re.escape(word.root)}\b{part}"
