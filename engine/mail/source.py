"""One template file: its front matter, and its body with the Jinja tags put aside.

Markdown, the inlining of styles and the conversion to plain text run once, over the body with a mark in the place of
each tag, and never over what a lead has typed: values are put into finished HTML and finished text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.mail.errors import TemplateError, plain
from engine.mail.places import Script, place_of_error, script_of
from engine.mail.sandbox import Misplaced, restrict

MAX_SOURCE = 100_000
MAX_OPEN = 100
"""Tags, comments and scripts of one file that never end: what reads HTML looks to the end of the file for each."""
FRONT_MATTER = ("subject", "preheader", "sender")
FRONT_LINES = ", ".join(f"`{name}: …`" for name in FRONT_MATTER)
_OPEN = re.compile(r"<[a-zA-Z/!?][^<>]*+(?=<|\Z)")
_STYLE = re.compile(r"(<(?:mj-)?style\b[^>]*>)(.*?)(?=</(?:mj-)?style)", re.DOTALL | re.IGNORECASE)
_READ_WHOLE = ("head", "mj-head", "script", "style", "textarea", "title")
_jinja = ImmutableSandboxedEnvironment()


@dataclass(frozen=True)
class Tag:
    """A Jinja tag: `opening` `inner` `closing` as written. `line` is its line in the file."""

    opening: str
    inner: str
    closing: str
    line: int

    @property
    def printing(self) -> bool:
        return self.opening.startswith("{{")

    def written(self, filter_name: str | None) -> str:
        """The tag again, with a line break inside it, which means nothing to Jinja and makes lines tell tags apart."""
        if self.opening.startswith("{% raw"):
            return self.opening + self.inner + self.closing
        inner = f"({self.inner.strip()})|{filter_name}" if filter_name else self.inner.strip()
        return f"{self.opening} {inner}\n{self.closing}"


@dataclass(frozen=True)
class Front:
    """What stands between the `---` lines, where the value of each entry begins, and the first line of the body."""

    values: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    body_line: int = 1


@dataclass(frozen=True)
class Restored:
    """Text with its tags back; `lines` says for a line on which a tag begins where the file has that tag."""

    text: str
    lines: Mapping[int, int]

    def line_of(self, line: int, fallback: int = 0) -> int:
        known = [at for at in self.lines if at <= line]
        return self.lines[max(known)] if known else fallback


@dataclass(frozen=True)
class Source:
    """A file that was read. `marked` is its body with `mark(i)` in the place of tag i."""

    path: str
    front: Front
    body: str
    marked: str
    tags: tuple[Tag, ...]
    prefix: str

    def mark(self, index: int) -> str:
        return f"{self.prefix}{index}q"

    @cached_property
    def marks(self) -> re.Pattern[str]:
        return re.compile(self.prefix + r"(\d+)q")

    def marks_in(self, text: str) -> Iterator[int]:
        return (int(found[1]) for found in self.marks.finditer(text))

    def restore(self, text: str, filters: Mapping[int, str]) -> Restored:
        """`text` with the tags in the place of their marks, those in `filters` through the named filter."""
        pieces: list[str] = []
        lines: dict[int, int] = {}
        line, at = 1, 0
        for found in self.marks.finditer(text):
            index = int(found[1])
            before, tag = text[at : found.start()], self.tags[index].written(filters.get(index))
            line += before.count("\n")
            lines.setdefault(line, self.tags[index].line)
            line += tag.count("\n")
            pieces += before, tag
            at = found.end()
        pieces.append(text[at:])
        return Restored("".join(pieces), lines)

    @cached_property
    def script(self) -> Script:
        """The body's Jinja tree, with places in the file."""
        return script_of(self.body, self.front.body_line)


def parse_text(path: str, line: int, text: str, column: int = 1) -> Script:
    """The tree of a line of front matter or of a note, which begins at this place. Raises TemplateError."""
    _check_syntax(path, text, line, column)
    return script_of(text, line, column)


@lru_cache(maxsize=256)
def read_source(path: str, text: str) -> Source:
    """The file taken apart, once for each text, because deployments share most of theirs. Raises TemplateError with the
    line for what cannot be read."""
    if len(text) > MAX_SOURCE:
        raise TemplateError(path, 0, f"the file is longer than {MAX_SOURCE:,} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    front, body = _front_matter(path, text)
    body = _STYLE.sub(_with_css, body)
    _check_syntax(path, body, front.body_line)
    prefix = "zq" + hashlib.sha256(path.encode()).hexdigest()[:6].translate(_LETTERS)
    while prefix in body:
        prefix += "z"
    marked, tags = _put_aside(body, prefix, front.body_line)
    if not path.endswith(".txt") and _never_ending(marked) > MAX_OPEN:
        raise TemplateError(path, 0, f"more than {MAX_OPEN} of its tags never end")
    return Source(path, front, body, marked, tuple(tags), prefix)


def _with_css(found: re.Match[str]) -> str:
    """A style sheet in which a rule that begins with `#` right after a brace is no comment of Jinja's."""
    return found[1] + re.sub(r"\{#(?!.*?#\})", "{ #", found[2], flags=re.DOTALL)


def _never_ending(html: str) -> int:
    """How many tags come to another `<` before their `>`, and how many comments, scripts and their like are not closed.
    Whole comments are left aside."""
    *before, last = html.split("-->")
    outside = "".join(part.partition("<!--")[0] for part in before) + last
    found = len(_OPEN.findall(outside)) + last.count("<!--")
    for name in _READ_WHOLE:
        rest = re.split(rf"</{name}\s*+>", html, flags=re.IGNORECASE)[-1]
        found += len(re.findall(rf"<{name}\b", rest, re.IGNORECASE))
    return found


_LETTERS = str.maketrans("0123456789", "ghijkmnoprs"[:10])


def _front_matter(path: str, text: str) -> tuple[Front, str]:
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return Front(), text
    end = next((number for number, line in enumerate(lines[1:], start=2) if line.rstrip() == "---"), None)
    if end is None:
        raise TemplateError(path, 1, "the front matter has no second `---` line before the text of the email")
    values: dict[str, str] = {}
    places: dict[str, int] = {}
    columns: dict[str, int] = {}
    for number, line in enumerate(lines[1 : end - 1], start=2):
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        if not line.strip():
            continue
        if not colon or key not in FRONT_MATTER:
            raise TemplateError(path, number, f"unknown line in the front matter; use one of {FRONT_LINES}")
        if key in values:
            raise TemplateError(path, number, f"duplicate `{key}`")
        values[key] = _unquoted(value.strip())
        places[key] = number
        columns[key] = line.find(values[key], len(line) - len(value.lstrip())) + 1
    return Front(values, places, columns, end + 1), "\n".join(lines[end:])


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" else value


def _check_syntax(path: str, body: str, body_line: int, column: int = 1) -> None:
    try:
        restrict(_jinja.parse(body))
    except TemplateSyntaxError as error:
        place = place_of_error(body, body_line, column)
        line = place.line if place else error.lineno + body_line - 1
        raise TemplateError(path, line, plain(error), place) from None
    except Misplaced as error:
        raise TemplateError(path, error.line + body_line - 1, str(error)) from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise TemplateError(path, body_line, "the template is nested too deeply") from None


def pieces_of(source: Source) -> Iterator[tuple[int | None, str]]:
    """The body in pieces: text with the line in the file where it begins, and what belongs to Jinja with None."""
    for number, kind, value in _jinja.lex(source.body):
        yield number + source.front.body_line - 1 if kind == "data" else None, value


def _put_aside(body: str, prefix: str, body_line: int) -> tuple[str, list[Tag]]:
    """The body with marks, and the tags. Comments vanish; a `raw` block is one tag."""
    pieces: list[str] = []
    tags: list[Tag] = []
    inside: list[str] = []
    opening, line = "", 0
    for number, kind, value in _jinja.lex(body):
        if kind in ("variable_begin", "block_begin", "raw_begin", "comment_begin"):
            opening, line, inside = value.strip(), number + body_line - 1, []
        elif kind in ("variable_end", "block_end", "raw_end"):
            pieces.append(f"{prefix}{len(tags)}q")
            tags.append(Tag(opening, "".join(inside), value.strip(), line))
            opening = ""
        elif kind == "comment_end":
            opening = ""
        elif opening:
            inside.append(value)
        else:
            pieces.append(value)
    return "".join(pieces), tags
