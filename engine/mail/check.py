"""What is wrong with the templates of a workspace, found before anything is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from dsl.plan import Age, EventRef, FieldRef, InterestRef, Operand, Program, ScoreRef, Shifted, StartRef, Today, Value
from dsl.plan.carries import CARRIES
from dsl.problems.diagnostics import Diagnostic, Related
from dsl.problems.near import did_you_mean, near, one_of
from engine.mail.clicks import awaited_clicks
from engine.mail.compose import Addressed, Kind, compose
from engine.mail.context import LAYOUT_NAMES, NAMES, Context
from engine.mail.diagnose import diagnostic_of, fallback, found_in, in_campaign, related_to
from engine.mail.errors import BadMjml, Incomplete, TemplateError
from engine.mail.flaws import flaws_of
from engine.mail.guard import sender_parts
from engine.mail.names import Mention, Reference, Walk
from engine.mail.places import Place
from engine.mail.render import ENDINGS, LAYOUT, Renderer
from engine.mail.source import Source, parse_text, read_source
from engine.mail.uses import Line, Use, may_lack, uses_of
from engine.platform.tokens import Tokens

FILES = (*ENDINGS, ".txt")
"""What a file that is looked at ends with."""
OWNER = ("name", "email")
WORKSPACE = ("name", "address")
_SAMPLES: Mapping[str, Any] = {
    "number": 7, "money": 1200, "yes/no": True, "date": "2026-12-24", "moment": "2026-12-24T09:00:00+00:00",
    "due": "2026-12-24T09:00:00+00:00", "choices": ["one", "two"], "email": "ada@example.com", "url": "https://example.com/",
    "country": "DE", "language": "en", "phone": "+49 2855 0000", "timezone": "Europe/Berlin",
}  # fmt: skip

CODES = (*(f"E7{number:02}" for number in range(1, 16)), "W701", "W702", "W703")
"""What can be wrong with a template; `coldframe explain` knows them all."""

_HELP: Mapping[str, str] = {
    "E708": "use the built-in layout, or add `{{ workspace.address }}` and `{{ unsubscribe_url }}` to your own",
}
_NOBODY = UUID(int=0)
_TOKENS = Tokens(["of the trial mails of the check"])


def check_templates(
    program: Program, assets: Mapping[str, bytes | str], campaigns: Mapping[str, str] | None = None
) -> list[Diagnostic]:
    """Every problem of every template. `assets` are the workspace's `templates/…` and `files/…` by path; `campaigns`
    the texts of its other files, in which problems of notes and subjects are placed."""
    read = {path: text_of(path, body) for path, body in assets.items() if is_template(path)}
    templates = {path.removeprefix("templates/"): text for path, text in read.items() if isinstance(text, str)}
    unreadable = [problem for problem in read.values() if isinstance(problem, Diagnostic)]
    files = frozenset(path.removeprefix("files/") for path in assets if path.startswith("files/"))
    uses, lines = uses_of(program)
    check = Check(program, Renderer(templates, program.workspace), files, uses)
    found = [problem for path in sorted(templates) for problem in check.file(path)]
    texts = campaigns or {}
    found += [found_in(one, line, texts.get(one.file, "")) for line in lines for one in check.text(line)]
    broken = {one.file for one in found if one.severity == "error"}
    for name, source in awaited_clicks(program).items():
        found += [
            problem
            for path in sorted(templates)
            if f"templates/{path}" not in broken
            for problem in check.clickable(name, path, source)
        ]
    return unreadable + each_once(found)


def is_template(path: str) -> bool:
    """Whether this path inside a workspace is that of a template."""
    return path.startswith("templates/") and path.endswith(FILES)


def text_of(path: str, body: bytes | str) -> str | Diagnostic:
    """The text of a template, or what is wrong when it has none."""
    try:
        return body if isinstance(body, str) else body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return diagnostic_of("E701", path, "", 1, "this file is not UTF-8 text", "save it as UTF-8")


def each_once(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """In the order of the files; a part brings the same problem into every mail that includes it."""
    first: dict[tuple[str, str, int, str], Diagnostic] = {}
    for one in found:
        first.setdefault((one.code, one.file, one.line, one.message), one)
    return sorted(first.values(), key=lambda one: (one.file, one.line, one.column, one.code))


ENCODED_BREAK = re.compile(r"(?i:https?:)[^\s<>\"']*?(%(?:25)*(?:[01][0-9a-fA-F]|7[fF]))")
"""In an address: a line break or another control character, encoded once or more often. Servers that decode it see a
second header line. A `mailto:` has its line breaks that way."""


class Check:
    """Looks at one template after the other. What it says depends on the arguments alone, and of the renderer's
    templates on those that are looked up."""

    def __init__(
        self, program: Program, renderer: Renderer, files: frozenset[str], uses: Mapping[str, Sequence[Use]]
    ) -> None:
        self.program = program
        self.files = files
        self.renderer = renderer
        self.uses = uses
        self.line: Line | None = None
        """The template in a campaign that is looked at."""
        self.problems: list[Diagnostic] = []
        self.links = 0
        """Links whose clicks are recorded in the last email that was tried."""

    def file(self, path: str) -> list[Diagnostic]:
        """What is wrong with a template, by its path under `templates/`, and with the parts that it brings in."""
        self.problems = []
        self._file(path)
        if not path.endswith(".txt") and not any(one.code == "E701" for one in self.problems):
            for flaw in flaws_of(self.renderer.source(path)):
                self._add(flaw.code, path, flaw.place.line, flaw.message, flaw.help, flaw.place)
        return self.problems

    def text(self, line: Line) -> list[Diagnostic]:
        """What is wrong with a template that stands in a campaign."""
        self.problems, self.line = [], line
        walk = Walk(self._part)
        self._text(walk, "", 1, 1, line.text)
        self._judge(walk.found, [line.use], NAMES)
        self.line = None
        return self.problems

    def clickable(self, name: str, path: str, source: str) -> list[Diagnostic]:
        """Whether the email at this path, if it is that one, has a link whose clicks are recorded; `source` waits."""
        self.problems = []
        sends = [use for use in self.uses.get(name, ()) if use.kind == "marketing"]
        known, language = named(path, self.program.workspace.marks)
        if known == name and sends and not path.endswith(".txt"):
            language = self.renderer.reader(name, path, language)
            attempts = [self.attempt(name, self._sampled(path, language, use, False), use.kind) for use in sends]
            if not any(attempts) and not self.links:
                message = "no click in this email is recorded, but a campaign waits for one"
                help = "add a link, or remove `data-untracked` from the link that counts"
                self._add("W703", path, 1, message, help, related=related_to(Use("marketing", source)))
        return self.problems

    def _line_breaks(self, path: str) -> None:
        for number, line in enumerate(self.renderer.templates.get(path, "").splitlines(), 1):
            for found in ENCODED_BREAK.finditer(line):
                place = Place(number, found.start(1) + 1, found.end(1) + 1)
                message = f"this address has an encoded control character, `{found[1]}`"
                self._add("E715", path, number, message, f"delete `{found[1]}`", place)

    # ── one file ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _file(self, path: str) -> None:
        self._line_breaks(path)
        name, language = named(path, self.program.workspace.marks)
        try:
            source = self.renderer.source(path)
        except TemplateError as error:
            self._add("E701", error.name, error.line, error.message, place=error.place)
            return
        if name.rpartition("/")[2].startswith("_"):
            if name == LAYOUT.removesuffix(".html"):
                self._mentions(source, [Use("staff", "")], LAYOUT_NAMES)
            return
        uses = self.uses.get(name, ())
        if path.endswith(".txt"):
            self._mentions(source, uses, NAMES)
            return
        if language and not any(name + ending in self.renderer.templates for ending in ENDINGS):
            first = self.renderer.first_language
            message, ending = f"`{name}` has no version in {first}, the first language", path.rpartition(".")[2]
            self._add("E714", path, 0, message, f"create the file `templates/{name}.{ending}`")
            return
        if not source.front.values.get("subject"):
            self._add("E702", path, 1, "this email has no subject", "add `subject: …` between `---` lines at the top")
            return
        sender = source.front.values.get("sender")
        if sender and sender_parts(sender) is None:
            line, column = source.front.lines["sender"], source.front.columns["sender"]
            place, help = (
                Place(line, column, column + len(sender)),
                "write it as `Acme Pumps <hello@acme.example>`",
            )
            self._add("E713", path, line, "this is not a sender", help, place)
        before = len(self.problems)
        mentions = self._mentions(source, uses, NAMES)
        if len(self.problems) == before:
            unknown = {one.root: Value(value="Sample") for one in mentions if one.root not in NAMES}
            for use in _different(uses) or [Use("transactional", "", unknown)]:
                self._trial(name, path, self.renderer.reader(name, path, language), use)

    def _mentions(self, source: Source, uses: Sequence[Use], names: frozenset[str]) -> list[Mention]:
        walk = Walk(self._part)
        for key, text in source.front.values.items():
            if key != "sender":
                self._text(walk, source.path, source.front.lines[key], source.front.columns[key], text)
        walk.source(source)
        self._judge(walk.found, uses, names)
        return [one for one in walk.found if isinstance(one, Mention)]

    def _text(self, walk: Walk, path: str, line: int, column: int, text: str) -> None:
        try:
            walk.text(path, parse_text(path, line, text, column))
        except TemplateError as error:
            self._add("E701", path, line, error.message, place=error.place)

    def _part(self, target: str, parent: str) -> Source | None:
        path = self.renderer.related(target, parent)
        if path not in self.renderer.templates:
            return None
        try:
            return self.renderer.source(path)
        except TemplateError:
            return read_source(path, "")

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _judge(self, found: Iterable[Mention | Reference], uses: Sequence[Use], names: frozenset[str]) -> None:
        for one in found:
            if isinstance(one, Reference):
                self._reference(one)
                continue
            if one.alone:
                help = "import the macro `with context`, or pass the value as an argument"
                message = f"`{one.root}` is unknown inside an imported macro"
                self._name("E703", one, message, help)
                continue
            given = frozenset[str]().union(*(use.given for use in uses))
            if said := self._unknown(one, names | given if uses else names | {one.root}):
                self._name(said[0], one, said[1], said[2])
                continue
            for use in uses:
                self._in_use(one, use, uses, names)

    def _reference(self, one: Reference) -> None:
        if one.download and one.target not in self.files:
            help = did_you_mean(near(one.target, self.files)) or "put it in the folder `files/`"
            self._name("E709", one, f"no file named `{one.target}`", help)
        elif not one.download:
            help = (
                did_you_mean(near(one.target, self.renderer.templates)) or f"create the file `templates/{one.target}`"
            )
            self._name("E709", one, f"no template part named `{one.target}`", help)

    def _unknown(self, one: Mention, names: frozenset[str]) -> tuple[str, str, str] | None:
        if one.root not in names:
            help = did_you_mean(near(one.root, names)) or f"pass it with the email: `with {one.root} = …`"
            return "E703", f"unknown name `{one.root}`", help
        parts: Iterable[str] | None = {
            "lead": self.program.all_fields, "owner": OWNER, "workspace": WORKSPACE,
        }.get(one.root)  # fmt: skip
        if parts is None or one.part is None or one.part in parts:
            return None
        close = did_you_mean(near(one.part, parts))
        if one.root == "lead":
            return "E704", f"no field named `{one.part}`", close or f"declare it: `field {one.part} text`"
        return (
            "E704",
            f"`{one.root}` has no `{one.part}`",
            close or f"use {one_of([f'{one.root}.{part}' for part in parts])}",
        )

    def _in_use(self, one: Mention, use: Use, uses: Sequence[Use], names: frozenset[str]) -> None:
        written = f"{one.root}.{one.part}" if one.part else one.root
        related = related_to(use)
        default = fallback(written, self._type_given(one, use))
        if use.confirms and (one.root in ("lead", "event", "greeting") or one.root in use.given):
            message = f"a confirmation email cannot show `{written}`, which anyone may have typed"
            self._name("E711", one, message, "delete it, or write the sentence without it", related)
        elif one.root == "lead" and one.part and one.needed and one.part not in use.sure:
            self._name("E705", one, f"not every lead has `{written}`", default, related)
        elif one.root == "event" and one.part:
            if not any(data.possible is None or one.part in data.possible for other in uses for data in other.events):
                known = frozenset[str]().union(*(data.possible or () for data in use.events))
                message = f"no event that leads here has a property `{one.part}`"
                known_names = one_of([f"event.{part}" for part in sorted(known)])
                help = did_you_mean(near(one.part, known)) or (
                    f"use {known_names}" if known else "use a field of the lead"
                )
                self._name("E706", one, message, help, related)
            elif one.needed and any(one.part not in data.sure for data in use.events if data.possible is not None):
                message = f"not every event that leads here has a property `{one.part}`"
                self._name("E705", one, message, default, related)
        elif one.root not in names and one.root not in use.given and one.needed:
            message = f"not every `send` of this email gives `{one.root}`"
            self._name("E707", one, message, f"add `with {one.root} = …` to the `send`", related)
        elif one.root not in names and one.needed and (lacking := may_lack(use.given.get(one.root), use)):
            message = f"`{one.root}` may be missing: it is given {lacking}"
            self._name("E705", one, message, default, related)

    # ── a trial ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _trial(self, name: str, path: str, language: str, use: Use) -> None:
        """The mail for a lead of whom everything is known and, for MJML, for one of whom only what is sure is: the
        other halves of the conditions must be whole elements too."""
        whole = not any(one.endswith(".mjml") for one in (path, self.renderer.layout))
        for bare in (False,) if whole else (False, True):
            error = self.attempt(name, self._sampled(path, language, use, bare), use.kind)
            if error and (not bare or isinstance(error, BadMjml)):
                code = "E712" if isinstance(error, BadMjml) else "E708" if isinstance(error, Incomplete) else "E710"
                if code == "E710" and use.given and not use.source:
                    continue  # no send says yet of what type these values will be
                at = path if error.name == name else error.name
                self._add(code, at, error.line, error.message, _HELP.get(code, ""), error.place, related_to(use))

    def _sampled(self, path: str, language: str, use: Use, bare: bool) -> Context:
        """A sample lead; of a `bare` one only what is sure is known."""
        sample = {field.name: _SAMPLES.get(field.type, "Sample") for field in self.program.all_fields.values()}
        event = {part: _SAMPLES.get(self._type_of(part, use), "Sample") for part in self._event_parts(path)}
        given = {key: self._sample(value, sample, use) for key, value in use.given.items()}
        if bare:
            sample, event = {name: value for name, value in sample.items() if name in use.sure}, {}
        return Context(
            lead=sample, score=0 if bare else 50, stage="Lead", owner={"name": "Ada", "email": "ada@example.com"},
            event=event, given=given, confirm_url="https://example.com/confirm", language=language,
            file_url=lambda file: f"https://example.com/files/{file}",
        )  # fmt: skip

    def attempt(self, name: str, context: Context, kind: Kind) -> TemplateError | None:
        """Why the mail cannot be made for such a lead; None when it can."""
        message = Addressed(_NOBODY, _NOBODY, "ada@example.com", kind)
        try:
            made = compose(self.renderer, name, context, message, _TOKENS, "https://example.com", tracked=True)
        except TemplateError as error:
            return error
        self.links = len(made.links)
        return None

    def _event_parts(self, path: str) -> set[str]:
        walk = Walk(self._part)
        walk.source(self.renderer.source(path))
        return {one.part for one in walk.found if isinstance(one, Mention) and one.root == "event" and one.part}

    def _sample(self, value: Operand, sample: Mapping[str, Any], use: Use) -> Any:
        """What a `send` gives, of the type it will have."""
        match value:
            case Value(value=written):
                return written
            case FieldRef(name=name):
                return sample.get(name, "Sample")
            case EventRef(name=name) | StartRef(name=name):
                return _SAMPLES.get(self._type_of(name, use), "Sample")
            case Today() | Shifted():
                return _SAMPLES["date"]
            case Age():
                return 50
            case ScoreRef() | InterestRef():
                return 50

    def _type_given(self, one: Mention, use: Use) -> str:
        """The type of a value in a template, by its field, its event, or what the `send` gives."""
        match use.given.get(one.root):
            case FieldRef(name=name) | EventRef(name=name) | StartRef(name=name):
                return self._type_of(name, use)
            case Today() | Shifted():
                return "date"
            case _:
                return self._type_of(one.part, use) if one.part else "text"

    def _type_of(self, part: str, use: Use) -> str:
        """The type of an event's datum: that of the events that lead here, a lead's field, or what others carry."""
        here = {type for data in use.events for name, type in data.types if name == part}
        if len(here) == 1:
            return here.pop()
        if part in self.program.all_fields:
            return self.program.all_fields[part].type
        events = (*(event.data for event in self.program.events), *(data for _, data in self.program.carried))
        declared = {name: type for data in events for name, type in data}
        return declared.get(part) or next((data[part] for data in CARRIES.values() if part in data), part)

    # ── writing down ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _name(
        self, code: str, one: Mention | Reference, message: str, help: str, related: tuple[Related, ...] = ()
    ) -> None:
        self._add(code, one.path, one.place.line, message, help, one.place, related)

    def _add(
        self, code: str, path: str, line: int, message: str, help: str = "", place: Place | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        if self.line:
            return self.problems.append(in_campaign(code, self.line, message, help, place))
        text = self.renderer.templates.get(path, "")
        self.problems.append(diagnostic_of(code, f"templates/{path}", text, line, message, help, place, related))


def _different(uses: Sequence[Use]) -> Sequence[Use]:
    """One of all uses for which the mail comes out the same in a trial."""
    first: dict[str, Use] = {}
    for use in uses:
        first.setdefault(f"{use.kind} {sorted((name, repr(value)) for name, value in use.given.items())}", use)
    return list(first.values())


def named(path: str, languages: Iterable[str]) -> tuple[str, str]:
    """Name and language of a template's path; no language: the unmarked file."""
    stem = path.rpartition(".")[0]
    name, dot, mark = stem.rpartition(".")
    return (name, mark) if dot and mark in languages else (stem, "")
