"""What every code means, with a wrong and a right example: the texts behind `coldframe explain` and docs/errors.md.

The texts are Markdown files in `explanations/`, one section per code. The first word after the fence is `wrong` or
`right`, the second what the example is:

    (nothing)     steps of a flow, or whole declarations when it begins with one
    file          lines as they stand in a campaign file
    files         two files, the second below the comment `# in another file`
    alone         a whole workspace
    template      a mail, `layout` one, `confirmation` one, a mail in `mjml`, a `version` in German alone, or one that a
                  campaign waits to be `clicked` in
    script        a script for `coldframe simulate`
    abridged      too long to print; the text says what it would be
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dsl.text.vocabulary import heads

FOLDER = Path(__file__).parent / "explanations"
_SECTION = re.compile(r"^## ([EWS]\d{3}) ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^```(wrong|right)(?: (\w+))?\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
_FLOW = 'campaign "Example"\n    starts when form "whitepaper" is submitted\n    flow\n        add 1 points\n'


@dataclass(frozen=True)
class Example:
    text: str
    kind: str

    @property
    def campaign(self) -> str:
        """The example as a campaign file, steps put into a flow."""
        first = self.text.split(None, 1)[0] if self.text.split() else ""
        if self.kind in ("file", "files", "alone") or first in heads("file"):
            return self.text
        return _FLOW + "".join(f"        {line}\n" if line.strip() else "\n" for line in self.text.splitlines())


@dataclass(frozen=True)
class Explanation:
    code: str
    title: str
    text: str
    wrong: Example
    right: Example


@lru_cache(maxsize=1)
def explanations() -> dict[str, Explanation]:
    """All of them by code, in order."""
    whole = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md")))
    found = {code: _read(code, title, body) for code, title, body in _SECTION.findall(whole)}
    return dict(sorted(found.items()))


def _read(code: str, title: str, body: str) -> Explanation:
    examples = {which: Example(text, kind) for which, kind, text in _EXAMPLE.findall(body)}
    text = " ".join(_EXAMPLE.sub("", body).split())
    return Explanation(code, title, text, examples["wrong"], examples["right"])


def as_markdown(one: Explanation, level: int = 1) -> str:
    """One explanation as a page or a section."""
    parts = [f"{'#' * level} {one.code}: {one.title}"]
    if one.text:
        parts.append(one.text)
    for word, example in (("Wrong", one.wrong), ("Right", one.right)):
        parts.append(f"{word}:\n\n```text\n{example.text}```")
    return "\n\n".join(parts) + "\n"


def as_page() -> str:
    """All of them: docs/errors.md."""
    head = (
        "# Errors and warnings\n\nEvery problem that `coldframe check` reports has a code. `coldframe explain E101` "
        "prints one of these entries.\nErrors keep a workspace from being deployed; warnings (W) do not.\n"
    )
    return head + "".join("\n" + as_markdown(one, 2) for one in explanations().values())
