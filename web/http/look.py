"""How the pages of a form look: the style sheet that its `style` line makes, its logo, and what the browser may load.

The colors are the same whatever the visitor prefers elsewhere. What the line leaves out is derived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from dsl.plan import Form, FormStyle
from dsl.plan.colors import VISIBLE, Color, color_of, contrast, ink_on, luminance, mixed, readable_on, written
from web.http.origins import origins_for_header

WHITE: Color = (255, 255, 255)
INK: Color = (28, 36, 32)
PALE_INK: Color = (230, 236, 232)
ACCENT: Color = (31, 111, 84)
BAD: Color = (168, 32, 32)
GOOD: Color = (29, 107, 65)
PICTURES: Mapping[str, str] = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "svg": "image/svg+xml", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif",
}  # fmt: skip
"""Kinds of logos by the ending of their names."""
LOGO_HEADERS: Mapping[str, str] = {
    "Cache-Control": "public, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""An SVG that is opened by itself runs nothing and loads nothing."""


@dataclass(frozen=True)
class Look:
    """What the pages of one form load besides our own sheet; "" for nothing. `images`: origins for `img-src`."""

    sheet: str = ""
    logo: str = ""
    images: str = ""


def look_of(form: Form, files: Mapping[str, bytes]) -> Look:
    """The addresses of the form's sheet and logo, with a digest so that a changed one is fetched at once."""
    style = form.style
    if style is None:
        return Look()
    path = f"/f/{quote(form.name, safe='')}"
    sheet = sheet_of(style)
    if style.logo.startswith("https://"):
        logo, images = style.logo, origins_for_header(style.logo)
    else:
        body = logo_file(style, files)
        logo, images = (f"{path}/logo?{_digest(body)}" if body is not None else ""), ""
    return Look(f"{path}/style.css?{_digest(sheet.encode())}" if sheet else "", logo, images)


def logo_file(style: FormStyle, files: Mapping[str, bytes]) -> bytes | None:
    """The picture itself, where it is a file of the workspace."""
    return files.get(style.logo) if style.logo and picture_type(style.logo) else None


def picture_type(name: str) -> str | None:
    return PICTURES.get(name.rpartition(".")[2].lower())


def sheet_of(style: FormStyle) -> str:
    """The style sheet: the variables of our own one, with other colors. "" where the line names none."""
    if not (style.color or style.background or style.text):
        return ""
    ground = color_of(style.background) or WHITE
    ink = max((INK, PALE_INK), key=lambda one: contrast(one, ground))
    text = color_of(style.text) or readable_on(ink, ground)
    accent = color_of(style.color) or readable_on(ACCENT, ground)
    bad, good = readable_on(BAD, ground), readable_on(GOOD, ground)
    colors = {
        "ground": ground,
        "card": ground,
        "ink": text,
        "soft": _softer(text, ground, 0.7, 4.5),
        "line": mixed(text, ground, 0.2),
        "field": _softer(text, ground, 0.55, VISIBLE),
        "accent": accent,
        "accent-ink": ink_on(accent),
        "bad": bad,
        "bad-ground": ground,
        "good": good,
        "good-ground": ground,
    }
    scheme = "dark" if luminance(ground) < 0.18 else "light"
    lines = [f"  --{name}: {written(color)};" for name, color in colors.items()]
    return "\n".join([":root, :root.embedded {", f"  color-scheme: {scheme};", *lines, "}", ""])


def _softer(text: Color, ground: Color, share: float, least: float) -> Color:
    """The text's color nearer to the ground, as long as it has that contrast."""
    softer = mixed(text, ground, share)
    return softer if contrast(softer, ground) >= least else text


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
