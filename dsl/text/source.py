"""The text of one file as the compiler reads it: line ends made equal, dangerous characters found and named."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from dsl.problems.problems import Problems
from dsl.tree.declarations import Span

LARGEST = 2_000_000
"""Characters in a file. A campaign of sixty lines has about two thousand."""

HOSTILE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Control, bidirectional-override and zero-width characters: they make a line mean something else than it shows."""

_VALUE = r"""=[^\s&"“”]{8,}"""
_SECRETS = {
    "sg.": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    "-----begin": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "akia": r"\bAKIA[0-9A-Z]{16}\b",  # Amazon
    "k_live_": r"\b[rs]k_live_\w{10,}",  # Stripe
    "k_test_": r"\b[rs]k_test_\w{10,}",
    **{f"gh{kind}_": rf"\bgh{kind}_\w{{30,}}" for kind in "pousr"},
    "github_pat_": r"\bgithub_pat_\w{30,}",
    "xox": r"\bxox[abeoprs]-[\w-]{10,}",  # Slack
    "aiza": r"\bAIza[\w-]{35}\b",  # Google
    "eyj": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",  # a signed token
    "://": r"""(?<=://)[^\s/@:"“”]+:[^\s/@"“”]+(?=@)""",  # user:password@ in an address
    **{f"{name}=": rf"[?&]{name}{_VALUE}" for name in ("apikey", "api_key", "secret", "password")},
    "token=": rf"[?&](?:access_)?token{_VALUE}",
}
"""Keys and passwords, as far as their shape tells, each with letters that it cannot be without, in lower case."""
SECRET = re.compile("|".join(_SECRETS.values()), re.IGNORECASE)
CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})( .*)?$")


@dataclass(frozen=True)
class Source:
    path: str
    lines: tuple[str, ...]


def normalise(path: str, text: str, problems: Problems) -> Source:
    """Columns of the result are columns of what the author sees. Merge markers become empty lines."""
    if len(text) > LARGEST:
        problems.add("E007", Span(path, 1, 1, 1, 2), size=len(text), limit=LARGEST)
        return Source(path, ())
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if not all(map(str.isprintable, lines)):
        _report_hostile(path, lines, problems)
    folded = text.casefold()
    if any(sign in folded for sign in _SECRETS):
        _report_secrets(path, lines, problems)
    for index, line in enumerate(lines):
        if line[:1] in "<=>|" and CONFLICT.match(line):
            problems.add("E006", Span(path, index + 1, 1, index + 1, len(line) + 1), text=line[:7])
            lines[index] = ""
    return Source(path, tuple(lines))


def without_hostile(text: str) -> str:
    return text if text.isprintable() else HOSTILE.sub("", text)


def _report_hostile(path: str, lines: list[str], problems: Problems) -> None:
    for number, line in enumerate(lines, 1):
        for match in HOSTILE.finditer(line):
            column = match.start() + 1
            problems.add("E002", Span(path, number, column, number, column + 1), character=character_name(match[0]))


def _report_secrets(path: str, lines: list[str], problems: Problems) -> None:
    for number, line in enumerate(lines, 1):
        for match in SECRET.finditer(line):
            problems.add("E008", Span(path, number, match.start() + 1, number, match.end() + 1))


def character_name(character: str) -> str:
    """For people: `U+200B ZERO WIDTH SPACE`."""
    control = {"\0": "NUL", "\t": "TAB"}.get(character)
    name = control or unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} {name}"
