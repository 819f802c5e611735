"""What mail programs clip, break or hold against a mail, found in its finished form. Sources: docs/mail.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from engine.mail.flaws import ELEMENTS

GMAIL_CLIPS = 102_000
"""Bytes of HTML after which Gmail shows "[Message clipped]" and a link to the rest."""
LONG_SUBJECT, LONG_PREHEADER = 60, 100
WIDEST = 600
"""Pixels that a mail is wide in most reading panes."""
TEXT_PER_IMAGE = 100
"""Characters of text beside each picture, below which a mail looks like a picture to a filter."""

_NEVER_RUN = ("script", "form", "iframe", "object", "embed", "video", "audio", "canvas", "input", "textarea", "select")
_SILENT = ("style", "script", "title", "head", "svg")
_PIXELS = re.compile(r"(?:^|[;\s])(?:min-)?width\s*:\s*(\d+(?:\.\d+)?)px", re.I)


@dataclass(frozen=True)
class Warned:
    """One warning: a stable `code`, and the sentence."""

    code: str
    text: str


def lint(subject: str, preheader: str, html: str, text: str, sent_bytes: int | None = None) -> list[Warned]:
    """Everything that is worth a look. `sent_bytes` is the size of the HTML as it leaves, with tracked links."""
    page = _Page()
    page.feed(html)
    page.close()
    return [*_lines(subject, preheader), *_size(sent_bytes or len(html.encode())), *_parts(page, text), *_links(page)]


def _lines(subject: str, preheader: str) -> Iterator[Warned]:
    if len(subject) > LONG_SUBJECT:
        said = f"the subject has {len(subject)} characters; most inboxes cut it after {LONG_SUBJECT}, phones after 40"
        yield Warned("subject-long", said)
    if len(preheader) > LONG_PREHEADER:
        said = f"the preheader has {len(preheader)} characters; inboxes show {LONG_PREHEADER} at most"
        yield Warned("preheader-long", said)
    for name, line in (("subject", subject), ("preheader", preheader)):
        if "{{" in line or "{%" in line:
            yield Warned("braces", f"the {name} contains unrendered template braces: {line}")


def _size(size: int) -> Iterator[Warned]:
    if size > GMAIL_CLIPS:
        said = f"the HTML has {size / 1000:.0f} KB; Gmail clips emails above 102 KB, and the unsubscribe link with them"
        yield Warned("gmail-clips", said)
    elif size > GMAIL_CLIPS * 0.9:
        yield Warned("gmail-near", f"the HTML has {size / 1000:.0f} KB; Gmail clips emails above 102 KB")


def _parts(page: _Page, text: str) -> Iterator[Warned]:
    if not text.strip():
        yield Warned("no-text", "there is no plain-text part for people who read without images and styles")
    if page.without_alt:
        said = f"{_many(page.without_alt, 'image')} without `alt`; many email clients hide images by default"
        yield Warned("no-alt", f"{said} ({_some(page.without_alt)})")
    if page.elements:
        found = ", ".join(f"<{name}>" for name in page.elements)
        yield Warned("stripped", f"email clients remove {found}")
    if page.unknown:
        found = ", ".join(f"<{name}>" for name in page.unknown)
        yield Warned("unknown-element", f"no email client knows {found}")
    if page.styles_elsewhere:
        yield Warned("external-css", f"email clients load no external style sheets: {page.styles_elsewhere[0]}")
    for name, width in page.wide[:3]:
        yield Warned("wide", f"a <{name}> is {width:g} pixels wide; more than {WIDEST} is cut off or shrunk")
    if page.images and page.letters < TEXT_PER_IMAGE * page.images:
        said = f"very little text ({page.letters} characters) next to {_many_of(page.images, 'image')}"
        yield Warned("little-text", f"{said}: filters treat such emails as advertising")
    if page.braces:
        yield Warned("braces", "the text contains unrendered template braces")


def _links(page: _Page) -> Iterator[Warned]:
    sorts: dict[str, list[str]] = {"link-empty": [], "link-relative": [], "link-http": []}
    for address in page.addresses:
        scheme = urlsplit(address).scheme.lower() if ":" in address else ""
        if address in ("", "#"):
            sorts["link-empty"].append(address)
        elif not scheme and not address.startswith("#"):
            sorts["link-relative"].append(address)
        elif scheme == "http" and not _local(address):
            sorts["link-http"].append(address)
    said = {
        "link-empty": ("leads nowhere", "lead nowhere"),
        "link-relative": ("has no `https://` and so leads nowhere", "have no `https://` and so lead nowhere"),
        "link-http": ("uses `http://`, which browsers warn about", "use `http://`, which browsers warn about"),
    }  # fmt: skip
    for code, found in sorts.items():
        if found:
            verb = said[code][len(found) > 1]
            yield Warned(code, f"{_many(found, 'link or image', 'links or images')} {verb} ({_some(found)})")


def _local(address: str) -> bool:
    return (urlsplit(address).hostname or "") in ("localhost", "127.0.0.1")


def _many(found: list[str], one: str, several: str = "") -> str:
    return _many_of(len(found), one, several)


def _many_of(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def _some(found: list[str]) -> str:
    shown = [one if len(one) <= 60 else one[:59] + "…" for one in dict.fromkeys(found)][:3]
    return ", ".join(shown).strip() or "empty"


class _Page(HTMLParser):
    """What a finished page holds that matters to mail programs."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.elements: list[str] = []
        self.unknown: list[str] = []
        self.styles_elsewhere: list[str] = []
        self.without_alt: list[str] = []
        self.wide: list[tuple[str, float]] = []
        self.images = 0
        self.letters = 0
        self.braces = False
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        if tag in _SILENT:
            self._silent.append(tag)
        if tag not in ELEMENTS and ":" not in tag and tag not in self.unknown and "svg" not in self._silent:
            self.unknown.append(tag)
        if tag in _NEVER_RUN and tag not in self.elements:
            self.elements.append(tag)
        if tag == "link" and "stylesheet" in values.get("rel", "").lower():
            self.styles_elsewhere.append(values.get("href", ""))
        if tag in ("a", "area") and "href" in values:
            self.addresses.append(values["href"])
        if tag == "img":
            self._image(values, "alt" in values)
        if tag in ("table", "td", "th", "div", "img") and (width := _width(values)) > WIDEST:
            self.wide.append((tag, width))

    def _image(self, values: dict[str, str], has_alt: bool) -> None:
        if _width(values) == 1:
            return
        self.images += 1
        self.addresses.append(values.get("src", ""))
        if not has_alt:
            self.without_alt.append(values.get("src", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            self._silent = self._silent[: len(self._silent) - 1 - self._silent[::-1].index(tag)]

    def handle_data(self, data: str) -> None:
        if self._silent:
            if "style" in self._silent:
                self.styles_elsewhere += re.findall(r"@import\s+[^;]+", data)
            return
        self.letters += len("".join(data.split()))
        self.braces = self.braces or "{{" in data or "{%" in data


def _width(values: dict[str, str]) -> float:
    widths = [float(found) for found in _PIXELS.findall(values.get("style", ""))]
    written = values.get("width", "").removesuffix("px")
    if written.isascii() and written.isdigit() and len(written) < 8:
        widths.append(float(written))
    return max(widths, default=0.0)
