"""HTML to plain text, for the text part of an email: one pass over a body with marks, which keep their order and place.

A statement's mark takes no room: a line that holds nothing else counts as empty. So whatever a loop repeats or a
condition leaves out takes its own line breaks with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from engine.mail.attributes import address_of
from engine.mail.convert import ATTRIBUTE, TAG, Page
from engine.mail.hidden import without_hidden
from engine.mail.source import Source, Tag

_UNSEEN = re.compile(
    r"<(?:mj-)?head\b.*?</(?:mj-)?head\s*>|<(style|script|title|xml)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "caption", "center", "div", "dl", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "main", "nav", "p", "pre", "section", "table",
))  # fmt: skip
_INDENTS = {"blockquote": "> ", "pre": "    ", "dd": "    "}
_SIGNS = {"code": "`", "kbd": "`", "tt": "`", "q": '"', "del": "~~", "s": "~~", "strike": "~~"}
_RULE = "* * *"
DEPTH = 40
"""Lists and quotes inside each other that are indented; what is nested deeper stands at the same indentation."""


def text_of(page: Page) -> str:
    """The page as plain text: `label <address>` for links, cells with ` | ` between them, no signs for headings and
    emphasis."""

    def statements(found: re.Match[str]) -> str:
        return left(found[0])

    def left(html: str) -> str:
        kept = [index for index in page.source.marks_in(html) if not page.source.tags[index].printing]
        return "".join(page.source.mark(index) for index in kept)

    body = without_hidden(_UNSEEN.sub(statements, page.html), left)
    if page.source.path.endswith(".md"):
        body = _ROW.sub(_row, body)
        lines = rf"^(?:{page.source.marks.pattern}\s*)+$"
        body = re.sub(lines, lambda found: _below(page.source, found[0]), body, flags=re.MULTILINE)
    if page.source.path.endswith(".mjml"):
        between = rf"(?<=>)\s*((?:{page.source.marks.pattern}\s*)+)(?=<)"
        body = re.sub(between, lambda found: _apart(page.source, found[0]), body)
        body = _END_OF_MJML.sub(_closed, TAG.sub(_opened, body))
    writer = _Writer(page.source)
    writer.feed(body)
    writer.close()
    return "".join(writer.out)


@dataclass
class _Frame:
    """An element that indents its lines by `prefix`. `item` counts the items of a list, `ordered` numbers them."""

    tag: str
    prefix: str = ""
    ordered: bool = False
    item: int = 0


class _Writer(HTMLParser):
    """Writes `out`. `gap` is how many line ends have to stand before the next text, `breaks` how many do already."""

    def __init__(self, source: Source) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._source = source
        self._frames: list[_Frame] = []
        self._address, self._label = "", -1
        self._gap, self._breaks = 0, 2
        self._started = self._space = self._tight = self._cell = False
        self._marker = self._last_prefix = ""

    # ── what the parser reads ────────────────────────────────────────────────────────────────────────────────────────
    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            self._block(2)
        if tag in ("ul", "ol"):
            self._block(1 if self._lists else 2)
            first = int(values["start"]) if re.fullmatch(r"\d{1,6}", values.get("start", "")) else 1
            if len(self._frames) < DEPTH:
                self._frames.append(_Frame(tag, ordered=tag == "ol", item=first - 1))
        elif tag == "li":
            self._item()
        elif tag in ("dt", "dd"):
            self._leave("dd")
            self._block(1)
        elif tag == "br":
            self._gap = min(self._gap + 1, 2)
        elif tag == "hr":
            self._block(2)
            self._write(_RULE)
            self._block(2)
        elif tag == "tr":
            self._block(1)
        elif tag in ("td", "th"):
            self._cell = self._cell or (self._started and not self._gap)
        elif tag in ("a", "area"):
            self._link()
            self._address, self._label = self._href(), -1
            if tag == "area":
                self._block(1)
                self._picture(values.get("alt", ""))
                self._link()
                self._block(1)
        elif tag == "img":
            self._picture(values.get("alt", ""))
        elif tag in _SIGNS and not self._inside("pre"):
            self._write(_SIGNS[tag])
        if tag in _INDENTS and len(self._frames) < DEPTH:
            self._frames.append(_Frame(tag, _INDENTS[tag]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link()
        elif tag in _SIGNS and not self._inside("pre"):
            self._write(_SIGNS[tag], before=False)
        elif tag == "li" and self._lists:
            self._lists[-1].prefix, self._marker = "", ""
        elif tag in ("ul", "ol", *_INDENTS):
            self._leave(tag)
        if tag == "dl":
            self._leave("dd")
        if tag in ("li", "tr", "dt", "dd"):
            self._block(1)
        elif tag in ("ul", "ol"):
            self._block(1 if self._lists else 2)
        elif tag in _BLOCKS:
            self._block(2)

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            return
        at = 0
        for found in self._source.marks.finditer(data):
            if not self._source.tags[int(found[1])].printing:
                self._text(data[at : found.start()])
                self._statement(found[0])
                at = found.end()
        self._text(data[at:])

    def handle_comment(self, data: str) -> None:
        for index in self._source.marks_in(data):
            if not self._source.tags[index].printing:
                self._statement(self._source.mark(index))

    def close(self) -> None:
        super().close()
        self._link()

    # ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def _lists(self) -> list[_Frame]:
        return [frame for frame in self._frames if frame.tag in ("ul", "ol")]

    def _inside(self, tag: str) -> bool:
        return any(frame.tag == tag for frame in self._frames)

    def _leave(self, tag: str) -> None:
        """Close the innermost such element, and what was left open inside it."""
        for at in range(len(self._frames) - 1, -1, -1):
            if self._frames[at].tag == tag:
                del self._frames[at:]
                self._marker = ""
                return

    def _item(self) -> None:
        self._block(1)
        if not self._lists:
            self._marker = "  * "
            return
        frame = self._lists[-1]
        frame.item += 1
        self._marker = "  " * len(self._lists) + (f"{frame.item}. " if frame.ordered else "* ")
        outer = sum(len(other.prefix) for other in self._lists[:-1])
        frame.prefix = " " * (len(self._marker) - outer)

    def _block(self, lines: int) -> None:
        """Text that follows stands so many line ends below; right behind the sign of an item it stays beside it."""
        if not self._marker:
            self._gap = max(self._gap, lines)
        self._space = self._cell = self._tight = False

    def _text(self, data: str) -> None:
        if self._inside("pre"):
            self._as_it_is(data)
            return
        words = data.replace("\xa0", " ").split()
        if not words:
            self._space = self._space or bool(data)
            return
        self._space = self._space or data[0].isspace()
        self._write(" ".join(words))
        self._space = data[-1].isspace()

    def _as_it_is(self, data: str) -> None:
        for number, line in enumerate(data.split("\n")):
            if number:
                self._gap = min(self._gap + 1, 2)
            if line.strip():
                self._break()
                if not self._started:
                    self._begin()
                self._put(line)

    def _write(self, text: str, *, before: bool = True) -> None:
        """Put words into the line, with the space, the bar or the line ends that are due before them."""
        if not before:
            self._space = False
        self._break()
        if not self._started:
            self._begin()
        elif self._cell:
            self.out.append(" | ")
        elif self._space or (self._tight and (text[0].isalnum() or text[0] in "<([&")):
            self.out.append(" ")
        self._space = self._cell = self._tight = False
        self._put(text)

    def _put(self, text: str) -> None:
        if self._label < 0:
            self._label = len(self.out)
        self.out.append(text)

    def _statement(self, mark: str) -> None:
        self._break()
        if not self._started and any(map(_includes, map(self._source.tags.__getitem__, self._source.marks_in(mark)))):
            self._begin()  # a part is text: what follows it stands below it
            self._space = False
        if self._space and self._started and not self._cell:
            self.out.append(" ")
        self._space = False
        self.out.append(mark)

    def _break(self) -> None:
        """End the line when that is due, and leave one empty when two line ends are."""
        if self._gap > self._breaks:
            inner, outer = sorted((self._last_prefix, self._prefix), key=len, reverse=True)
            prefix = outer.rstrip() if inner.startswith(outer) else ""
            self.out.append("\n" if self._gap - self._breaks == 1 else f"\n{prefix}\n")
            self._breaks = self._gap
        if self._gap:
            self._started = False
        self._gap = 0

    def _begin(self) -> None:
        self.out.append(self._marked_prefix)
        self._last_prefix = self._prefix
        self._started, self._breaks, self._marker = True, 0, ""

    @property
    def _prefix(self) -> str:
        return "".join(frame.prefix for frame in self._frames)

    @property
    def _marked_prefix(self) -> str:
        if not self._marker:
            return self._prefix
        at = max((at for at, frame in enumerate(self._frames) if frame.tag in ("ul", "ol")), default=-1)
        before = "".join(frame.prefix for frame in self._frames[: at + 1] if frame.tag not in ("ul", "ol"))
        return before + self._marker + "".join(frame.prefix for frame in self._frames[at + 1 :])

    # ── links and pictures ───────────────────────────────────────────────────────────────────────────────────────────
    def _link(self) -> None:
        """End the link that is open, if one is: what was written since it began is its label."""
        address, self._address = self._address, ""
        if address and not address.startswith("#"):
            label = " ".join("".join(self.out[self._label :]).split()) if self._label >= 0 else ""
            if not label:
                self._write(f"<{address}>")
            elif label == address:
                self.out[self._label :] = [f"<{address}>"]
            elif label != address.removeprefix("mailto:").removeprefix("tel:"):
                self.out[self._label :] = [f"{label} <{address}>"]
            self._tight = True
        self._label = -1

    def _href(self) -> str:
        """The address of the tag that was just read, as the HTML part has it; the parser reads `&copy=` as a sign."""
        found = TAG.match(self.get_starttag_text() or "")
        parts = ATTRIBUTE.finditer(found["attributes"]) if found else ()
        raw = next((part[4] for part in parts if part[2].lower() == "href" and part[4]), "")
        return address_of(raw[1:-1] if raw[:1] in ("'", '"') else raw)

    def _picture(self, alt: str) -> None:
        alt = " ".join(alt.split())
        if alt:
            self._space = self._space or (self._started and not self._gap)
            self._write(alt)
            self._tight = True


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _includes(tag: Tag) -> bool:
    return tag.inner.split(maxsplit=1)[:1] == ["include"]


def _below(source: Source, text: str) -> str:
    """Statements on a line of their own; a part that is included there is a paragraph of its own."""
    return source.marks.sub(lambda one: f"<div>{one[0]}</div>" if _includes(source.tags[int(one[1])]) else one[0], text)


# ── tables of Markdown ───────────────────────────────────────────────────────────────────────────────────────────────
_ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)


def _row(found: re.Match[str]) -> str:
    """A row of a Markdown table: `first: second | third`."""
    first, *others = [cell.strip() for cell in _CELL.findall(found[1])] or [""]
    line = f"{first}: {' | '.join(others)}" if first else " | ".join(others)
    return f"<tr><td>{line}</td></tr>" if line.strip(" |") else ""


# ── MJML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
_END_OF_MJML = re.compile(r"</(mj(?:ml|-[\w-]+))\s*>")
_LINKS = ("mj-button", "mj-navbar-link", "mj-social-element")


def _apart(source: Source, text: str) -> str:
    """Statements alone between elements, in a paragraph of their own."""
    marks = list(source.marks_in(text))
    if any(source.tags[index].printing for index in marks):
        return text
    return f"<div>{''.join(source.mark(index) for index in marks)}</div>"


def _opened(found: re.Match[str]) -> str:
    """What an element of MJML is in text: a link, a picture, or a paragraph."""
    name, alone = found["name"], "/" in found["end"]
    if not name.startswith("mj"):
        return found[0]
    values = {one[2]: one[4] for one in ATTRIBUTE.finditer(found["attributes"]) if one[4]}
    link = f"<a href={values['href']}>" if "href" in values else "<a>"
    if name in _LINKS:
        return f"<p>{link}{'</a></p>' if alone else ''}"
    if name in ("mj-image", "mj-carousel-image"):
        return f"<p>{link}<img src='' alt={values.get('alt', '')}></a></p>"
    return "" if alone else "<table>" if name == "mj-table" else "<div>"


def _closed(found: re.Match[str]) -> str:
    if found[1] in ("mj-image", "mj-carousel-image"):
        return ""
    return "</a></p>" if found[1] in _LINKS else "</table>" if found[1] == "mj-table" else "</div>"
