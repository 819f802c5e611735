"""MJML to HTML, after Jinja has run. Nothing reaches the converter that could end the process or keep it busy.

The converter descends once per element and has no limit of its own: a text nested 2,000 deep overflows its stack,
which no Python code can catch. So each text is read here first, tag by tag, and refused with the place of the fault.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from html import escape
from itertools import pairwise

import css_inline
from mjml import mjml2html

from engine.mail.source import Source, pieces_of

DEPTH = 60
ELEMENTS = 1_000
ATTRIBUTE_TEXT = 10_000
PICTURES = 20
STYLES = 10_000
TRIALS = 5_000_000
OUTPUT = 500_000
"""Bounds of one mail: nested elements, elements of MJML, characters of one element's attributes and of all defaults in
`<mj-attributes>`, pictures in carousels (each is written once per other picture), characters of styles that are written
into elements, rules times tags while they are, and characters of the page."""

_VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
))  # fmt: skip
_SAID = re.compile(r"mj-[a-z-]{1,30}|mjml|a|b|i|u|p|em|strong|div|span|table|tbody|tr|td|th|ul|ol|li|h[1-6]|br|hr|img")
_COMMENT = re.compile(r"<!--(?!\[if|<!\[endif).*?(?:-->|\Z)", re.DOTALL)
_LESS = "\ue002"
_UNREADABLE = re.compile("[^\t\n\r -\ud7ff\ue000\ue001\ue003-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTES = r"""(?:\s++[^\s"'<>/=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'))?+)*+"""
_TOKEN = re.compile(
    rf"(?P<open><!--\[if[^\]<>]*+\]>(?:<!-->)?|<!\[if[^\]<>]*+\]>)|(?P<shut><!--<!\[endif\]-->|<!\[endif\](?:--)?>)"
    rf"|</(?P<end>[a-zA-Z][\w:.-]*+)\s*+>|<(?P<name>[a-zA-Z][\w:.-]*+)(?P<attributes>{_ATTRIBUTES})\s*+(?P<alone>/?)>|<"
)
_BETWEEN = re.compile(r"(</?(?!mj)[a-zA-Z][^<>]*+>)([\r\n]\s*+)(?=</?(?!mj)[a-zA-Z])")
_ROOT = re.compile(r"<mjml\b([^<>]*)>")
_HEAD = re.compile(r"<mj-head\b[^<>]*?(/?)>")
_ASIDE = ' data-css-inline="ignore"'
_INLINE = re.compile(r"""<mj-style\b[^<>]*\sinline\s*=\s*["']inline["'][^<>]*(?:/>|>(.*?)</mj-style\s*>)""", re.DOTALL)
_FOREIGN = re.compile(r"https://i\.imgur\.com/|picture-of-another:/")


class Malformed(Exception):
    """MJML that is not converted. `at` is the place in the text (-1: unknown); the message holds nothing of a lead."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


def to_html(text: str, language: str, title: str, preheader: str) -> str:
    """The page. Language, title and preheader are put in where the text has none. Raises Malformed."""
    text = readable(text)
    tags = _examined(text)
    # The converter takes a line break between two tags away, and with it the space between two links. Places stay.
    flat = _BETWEEN.sub(lambda found: found[1] + " " * len(found[2]), text)
    css = "\n".join(found[1] or "" for found in _INLINE.finditer(text))
    if len(css) > STYLES:
        raise Malformed(-1, f"the styles to write into elements are longer than {STYLES:,} characters")
    html = _converted(_completed(_INLINE.sub("", flat), language, title, preheader), flat)
    if left := re.search(r"<(mj-[\w-]+)", html):
        raise Malformed(tags.get(left[1], -1), f"{_said(left[1])} is unknown, or not allowed here")
    if (found := _FOREIGN.search(html)) and found[0] not in text:
        wanting = next((name for name in _PICTURED if name in tags), "")
        raise Malformed(tags.get(wanting, -1), f"{_said(wanting)} needs pictures of your own: {_PICTURED.get(wanting)}")
    if len(html) <= OUTPUT and css.strip():
        html = _inlined(html, css)
    if len(html) > OUTPUT:
        raise Malformed(-1, f"the email is longer than {OUTPUT:,} characters")
    return html


_PICTURED = {
    "mj-social-element": "give it a `src`", "mj-carousel": "give it `left-icon` and `right-icon`",
    "mj-accordion": "give it `icon-wrapped-url` and `icon-unwrapped-url`",
}  # fmt: skip


def readable(text: str) -> str:
    """The text without comments, other than those for Outlook, and without characters that no mail can hold."""
    return _UNREADABLE.sub("", _COMMENT.sub("", text))


# ── before the converter ─────────────────────────────────────────────────────────────────────────────────────────────
def _examined(text: str) -> dict[str, int]:
    """Where each element of MJML stands first. Raises Malformed for what is not well-formed or beyond a bound."""
    inside: list[tuple[str, int]] = []
    condition: tuple[int, int] | None = None
    tags: dict[str, int] = {}
    count = pictures = defaults = 0
    for found in _TOKEN.finditer(text):
        at, name = found.start(), found["name"]
        if found["open"]:
            if condition:
                raise Malformed(at, "a condition for Outlook is inside another one")
            condition = len(inside), at
        elif found["shut"]:
            if not condition or condition[0] != len(inside):
                raise Malformed(at, "a condition for Outlook must enclose whole elements")
            condition = None
        elif found["end"]:
            _close(inside, found["end"], at)
        elif not name:
            raise Malformed(at, "this `<` starts no complete tag: write the sign as `&lt;`, and put values in quotes")
        else:
            _allowed(inside, name, found["attributes"], at)
            if name.startswith("mj"):
                tags.setdefault(name, at)
                count += 1
                pictures += name == "mj-carousel-image"
                defaults += len(found["attributes"]) if "mj-attributes" in (one for one, _ in inside) else 0
                if count > ELEMENTS or pictures > PICTURES or defaults > ATTRIBUTE_TEXT:
                    raise Malformed(at, _BOUNDS)
            if not found["alone"] and name not in _VOID:
                inside.append((name, at))
    if condition:
        raise Malformed(condition[1], "this condition for Outlook never ends; write `<![endif]-->`")
    if inside:
        raise Malformed(inside[-1][1], f"{_said(inside[-1][0])} is never closed")
    if not tags:
        raise Malformed(-1, _ONE_ROOT)
    return tags


_ONE_ROOT = "an email in MJML must be one `<mjml>` with everything else inside it"
_BOUNDS = (
    f"the email has more than {ELEMENTS:,} elements of MJML, {PICTURES} pictures in carousels, "
    f"or {ATTRIBUTE_TEXT:,} characters of defaults"
)


def _close(inside: list[tuple[str, int]], name: str, at: int) -> None:
    if not inside:
        raise Malformed(at, f"{_said(name, '/')} closes nothing")
    if inside[-1][0] != name:
        raise Malformed(inside[-1][1], f"{_said(inside[-1][0])} is not closed before {_said(name, '/')}")
    inside.pop()


def _allowed(inside: list[tuple[str, int]], name: str, attributes: str, at: int) -> None:
    if not inside and name != "mjml":
        raise Malformed(at, _ONE_ROOT)
    if name == "mj-include":
        raise Malformed(at, '`<mj-include>` is not available: write `{% include "_part.mjml" %}`')
    if len(inside) >= DEPTH:
        raise Malformed(at, f"elements are nested more than {DEPTH} deep")
    if name.startswith("mj") and len(attributes) > ATTRIBUTE_TEXT:
        raise Malformed(at, f"the attributes of {_said(name)} are longer than {ATTRIBUTE_TEXT:,} characters")


def _said(name: str, slash: str = "") -> str:
    """The tag, when its name is one that cannot have come from a lead."""
    return f"`<{slash}{name}>`" if _SAID.fullmatch(name) else "an element"


# ── the converter ────────────────────────────────────────────────────────────────────────────────────────────────────
def _completed(text: str, language: str, title: str, preheader: str) -> str:
    """The text with `lang`, `<mj-title>` and `<mj-preview>` where it has none of its own."""
    title, preheader = (escape(_UNREADABLE.sub("", one)) for one in (title, preheader))
    root = _ROOT.search(text)
    if root and not re.search(r"\slang\s*=", root[1]):
        text = f'{text[: root.start(1)]} lang="{escape(language)}"{text[root.start(1) :]}'
    lines = "" if "<mj-title" in text else f"<mj-title>{title}</mj-title>"
    if preheader and "<mj-preview" not in text:
        lines += f"<mj-preview>{preheader}</mj-preview>"
    if head := _HEAD.search(text):
        whole = f"<mj-head>{lines}</mj-head>" if head[1] else head[0] + lines
        return text[: head.start()] + whole + text[head.end() :]
    return _ROOT.sub(lambda found: f"{found[0]}<mj-head>{lines}</mj-head>", text, count=1)


def _converted(text: str, written: str) -> str:
    try:
        return mjml2html(text, fonts={}, social_icon_origin="picture-of-another:/")
    except ValueError as error:
        raise _refusal(str(error), text, written) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Malformed(-1, "the MJML converter cannot convert it") from None


def _refusal(said: str, text: str, written: str) -> Malformed:
    """What the converter says, with the element it names; its places count bytes of the completed text."""
    place = re.search(r"at position (\d+):", said)
    before = text.encode()[: int(place[1])].decode(errors="ignore") if place else ""
    rest = text[len(before) :]
    name = re.match(r"<?/?([a-zA-Z][\w-]*)", rest)
    if not place or not name:
        return Malformed(-1, "an element is incomplete, or there is text outside `<mjml>`")
    return Malformed(written.rfind(rest[:200]), f"{_said(name[1])} is not allowed here")


def _inlined(html: str, css: str) -> str:
    """The page with the rules of `<mj-style inline="inline">` written into its elements; those that fit none, such as
    `:hover`, come into its head. The inliner writes `&lt;` as a bare `<` into attributes, so it gets another sign to
    carry."""
    if css.count("{") * html.count("<") > TRIALS:
        raise Malformed(-1, 'there are too many rules in `<mj-style inline="inline">` for so many elements')
    inliner = css_inline.CSSInliner(
        keep_at_rules=True, keep_style_tags=True, remove_inlined_selectors=True, load_remote_stylesheets=False
    )
    others = html.replace("&lt;", _LESS).replace("<style", f"<style{_ASIDE}")
    try:
        done = inliner.inline(others.replace("</head>", f"<style>{css.replace('</', '')}</style></head>", 1))
        return re.sub(r"<style>\s*</style>", "", done.replace(_ASIDE, "")).replace(_LESS, "&lt;")
    except css_inline.InlineError:
        raise Malformed(-1, 'the rules of `<mj-style inline="inline">` cannot be read') from None


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────────
_SIGN = re.compile("\ue000(\\d{1,4}):(\\d{1,6})\ue001")


def signed(source: Source, number: int) -> str:
    """The body with a sign before each tag, of the file's number and the line; `place` takes them out again."""

    def lines() -> Iterator[str]:
        for line, text in pieces_of(source):
            if line is None:
                yield text
                continue
            parts = text.split("<")
            yield parts[0]
            for before, part in pairwise(parts):
                line += before.count("\n")
                yield f"\ue000{number}:{line}\ue001<{part}"

    return "".join(lines())


def place(text: str, language: str, message: str) -> tuple[int, int]:
    """Number of the file and line of what `message` says of a signed text; (0, 0) when that is unknown."""
    text = readable(text)
    signs = [(found.start(), found.end(), int(found[1]), int(found[2])) for found in _SIGN.finditer(text)]
    starts, removed = [], 0
    for start, end, _, _ in signs:
        starts.append(start - removed)
        removed += end - start
    try:
        to_html(_SIGN.sub("", text), language, "x", "")
    except Malformed as error:
        before = bisect_right(starts, error.at)
        return signs[before - 1][2:] if before and error.message == message else (0, 0)
    return 0, 0
