"""What in the HTML of a template has no effect: declarations of style that nobody can read, elements that no email
client knows, addresses where nothing can be clicked. Found in the file as it is written, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dsl.problems.near import did_you_mean, near
from engine.mail.convert import ATTRIBUTE, TAG
from engine.mail.places import Place
from engine.mail.source import Source

ELEMENTS = frozenset((
    "a", "abbr", "acronym", "address", "applet", "area", "article", "aside", "audio", "b", "base", "basefont",
    "bdi", "bdo", "bgsound", "big", "blink", "blockquote", "body", "br", "button", "canvas", "caption", "center",
    "cite", "code", "col", "colgroup", "datalist", "dd", "del", "details", "dfn", "dialog", "dir", "div", "dl",
    "dt", "em", "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "frame", "frameset", "h1",
    "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "i", "iframe", "img", "input", "ins",
    "kbd", "label", "legend", "li", "link", "main", "map", "mark", "marquee", "math", "menu", "meta", "meter",
    "nav", "nobr", "noembed", "noframes", "noscript", "object", "ol", "optgroup", "option", "output", "p", "param",
    "picture", "pre", "progress", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "script", "section", "select",
    "small", "source", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg", "table", "tbody", "td",
    "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var", "video",
    "wbr", "xml",
))  # fmt: skip
"""What HTML has had at any time and some email client shows."""
INKY = frozenset((
    "block-grid", "callout", "column", "columns", "container", "h-line", "item", "row", "spacer", "wrapper",
))  # fmt: skip
"""Elements of Inky, which its own converter makes into tables."""
_CLICKED = frozenset(("a", "area", "base", "link"))
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_FILLED = "\ue000"
"""A character of a value that is filled in: it may be anything."""
_UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|svg|math|title|textarea)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
_CODE = re.compile(r"^(```|~~~).*?^\1|(`+)[^`\n].*?\2", re.DOTALL | re.MULTILINE)
_STYLE = re.compile(r"<(?:mj-)?style\b[^>]*>(.*?)</(?:mj-)?style\s*>", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_TEXT = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|\([^()]*+\)", re.DOTALL)
_BLOCK = re.compile(r"\{([^{}]*+)\}")
_DECLARATION = re.compile(r"\s*+(?:--)?-?[a-zA-Z_][\w-]*+\s*+:\s*+\S", re.ASCII)


@dataclass(frozen=True)
class Flaw:
    """One of them: its code, its place in the file, the headline and the help."""

    code: str
    place: Place
    message: str
    help: str


def flaws_of(source: Source) -> Iterator[Flaw]:
    """All flaws of a template, in no particular order. Of an email in MJML its own elements are left aside."""
    text = _blanked(_STATEMENT, _blanked(_VALUE, source.body, _FILLED), " ")
    if source.path.endswith(".md"):
        text = _blanked(_CODE, text, " ")
    yield from _declarations(source, text)
    yield from _elements(source, _blanked(_UNREAD, text, " "))


def _declarations(source: Source, text: str) -> Iterator[Flaw]:
    """The inliner and email clients skip what is no `name: value`."""
    for style in _STYLE.finditer(text):
        css = _blanked(_TEXT, _blanked(_COMMENT, style[1], " "), "x")
        for block in _BLOCK.finditer(css):
            at = block.start(1)
            for piece in block[1].split(";"):
                if piece.strip() and _FILLED not in piece and not _DECLARATION.match(piece):
                    start = at + len(piece) - len(piece.lstrip())
                    place = _place(source, text, style.start(1) + start, piece.strip())
                    written = " ".join(style[1][start : start + len(piece.strip())].split())[:60]
                    message = f"`{written}` is not a declaration of style, and is dropped"
                    yield Flaw("W701", place, message, "write it as `name: value;`, or delete it")
                at += len(piece) + 1


def _elements(source: Source, text: str) -> Iterator[Flaw]:
    for tag in TAG.finditer(text):
        name = tag["name"]
        known = name.lower()
        if not re.fullmatch(r"[a-z][a-z0-9-]*", known) or (source.path.endswith(".mjml") and known.startswith("mj")):
            continue
        place = _place(source, text, tag.start() + 1, name)
        if known not in ELEMENTS:
            yield Flaw("W702", place, f"`<{name}>` is not an element that email clients know", _instead(known))
        elif known not in _CLICKED and any(part[2].lower() == "href" for part in ATTRIBUTE.finditer(tag["attributes"])):
            help = 'write a link: `<a href="…">…</a>`'
            yield Flaw("W702", place, f"`<{name}>` has an `href`, but clicking it does nothing", help)


def _instead(name: str) -> str:
    if name in INKY:
        return "convert the template with Inky first, and save the HTML that comes out"
    close = near(name, ELEMENTS)
    return did_you_mean(f"<{one}>" for one in close) or "use an element of HTML, such as `<div>` or `<table>`"


def _blanked(what: re.Pattern[str], text: str, sign: str) -> str:
    """The text with a sign for each character of what was found, so that places stay."""
    return what.sub(lambda found: "".join(char if char == "\n" else sign for char in found[0]), text)


def _place(source: Source, text: str, at: int, word: str) -> Place:
    start = text.rfind("\n", 0, at) + 1
    line = text.count("\n", 0, at) + source.front.body_line
    return Place(line, at - start + 1, at - start + 1 + len(word.split("\n")[0]))
