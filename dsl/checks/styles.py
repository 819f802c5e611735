"""How forms look: colors that can be read, and a logo from the workspace or one of the company's own sites."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from dsl.names.scope import Scope, unknown
from dsl.plan.colors import READABLE, Color, color_of, contrast, readable_on, written
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Text

COLORS = ("color", "background", "text")
PARTS = (*COLORS, "logo")
WHITE = "#ffffff"
"""The background of a form that names other colors alone. Text and links it does not name are chosen for theirs."""
PICTURE = re.compile(r".+\.(png|jpe?g|svg|gif|webp|avif)", re.IGNORECASE)
OTHER_WORDS = {
    "colour": "color", "accent": "color", "primary": "color", "button": "color", "link": "color", "bg": "background",
    "ground": "background", "font": "text", "foreground": "text", "image": "logo", "picture": "logo",
}  # fmt: skip
"""What other tools and spellings call the parts."""


def check_styles(scope: Scope) -> list[Diagnostic]:
    """The `style` line of every form."""
    problems = Problems()
    for form in scope.program.forms:
        if form.style:
            _check_style(form, form.style, scope, problems)
    return problems.found


def _check_style(form: tree.Form, style: tree.FormStyle, scope: Scope, problems: Problems) -> None:
    said: dict[str, tuple[Text, Text]] = {}
    for name, value in style.parts:
        if name.value not in PARTS:
            meant = OTHER_WORDS.get(name.value)
            problems.add("E548", name.span, near=(meant,) if meant else near(name.value, PARTS), name=name.value)
        elif name.value in said:
            problems.add("E405", name.span, what=name.value, related=[at(FIRST_HERE, said[name.value][0].span)])
        elif name.value == "logo":
            _check_logo(value, form, scope, problems)
        elif color_of(value.value) is None:
            problems.add("E549", value.span, text=value.value, name=name.value)
        said.setdefault(name.value, (name, value))
    _check_contrast({name: value for name, (_, value) in said.items()}, problems)


def _check_logo(logo: Text, form: tree.Form, scope: Scope, problems: Problems) -> None:
    if "://" not in logo.value:
        if logo.value not in scope.files:
            unknown(problems, "E105", logo, scope.files)
        elif not PICTURE.fullmatch(logo.value):
            problems.add("E550", logo.span, text=logo.value)
        return
    address = host_of(logo.value)
    if address is None or not logo.value.startswith("https://"):
        problems.add("E550", logo.span, text=logo.value)
    elif not _is_own(address, form, scope):
        problems.add("E551", logo.span, host=address.partition(":")[0])


def host_of(url: str) -> str | None:
    """The host of a web address, with its port; None where it has none, or something that no policy can name."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc or re.search(r"[\s;,'\"<>*\\]", url):
        return None
    return parts.hostname + (f":{port}" if port else "")


def _is_own(host: str, form: tree.Form, scope: Scope) -> bool:
    bare = host.partition(":")[0]
    own = (
        [site.value.rpartition("://")[2].strip("/").lower() for site in scope.workspace.own_sites]
        if scope.workspace
        else []
    )
    return any(host_of(site.value) in (host, bare) for site in form.allowed_on) or any(
        bare == site or bare.endswith(f".{site}") for site in own
    )


def _check_contrast(said: dict[str, Text], problems: Problems) -> None:
    """Warning: text or links that many people cannot read on their background."""
    ground = color_of(said["background"].value if "background" in said else WHITE)
    for name in ("text", "color"):
        color = color_of(said[name].value) if name in said else None
        if ground is not None and color is not None and contrast(color, ground) < READABLE:
            _hard_to_read(name, said[name], color, ground, problems)


def _hard_to_read(name: str, place: Text, color: Color, ground: Color, problems: Problems) -> None:
    ratio = int(contrast(color, ground) * 10) / 10  # rounded down, so that 4.47 is not shown as 4.5
    problems.add(
        "W137",
        place.span,
        what=f'`{name} "{written(color)}"`',
        ground=f"`{written(ground)}`",
        ratio=f"{ratio:.1f}",
        name=name,
        better=written(readable_on(color, ground)),
    )
