"""Compiles the cases of the corpus: a file, or a folder of files, beside the declarations of `base.campaign`."""

from __future__ import annotations

import re
from pathlib import Path

from dsl.compile import Compiled, compile_workspace

CASES = Path(__file__).parent / "cases"
TEMPLATES = (
    "whitepaper/welcome", "whitepaper/case-study", "whitepaper/demo-invite", "whitepaper/reminder",
    "whitepaper/_footer", "whitepaper/still-here", "pricing/help", "forms/confirm", "wake-up/news",
    "internal/note",
)  # fmt: skip
ASSETS = (
    *(f"templates/{name}.md" for name in TEMPLATES),
    "templates/whitepaper/welcome.de.md",
    "templates/old/answer.htm",
    "templates/old/plain.txt",
    "files/pump-guide.pdf",
    "files/acme.svg",
)
NO_BASE = "#no-base"


def files_of(case: Path) -> dict[str, str]:
    """The case's files by the path they are shown with, and the base unless the case has its own workspace."""
    paths = sorted(case.glob("*.campaign")) if case.is_dir() else [case]
    files = {f"campaigns/{path.name}": path.read_bytes().decode("utf-8") for path in paths}
    whole = "\n".join(files.values())
    if not any(line.startswith("workspace ") for line in whole.splitlines()) and NO_BASE not in whole:
        files["campaigns/base.campaign"] = (CASES / "base.campaign").read_text(encoding="utf-8")
    return files


def compile_text(text: str, base: bool = True) -> Compiled:
    """Compile one text, by default beside the base."""
    files = {"campaigns/case.campaign": text}
    if base:
        files["campaigns/base.campaign"] = (CASES / "base.campaign").read_text(encoding="utf-8")
    return compile_workspace(files, ASSETS)


ONE_OF_ITS_KIND = ("workspace", "team")


def declarations(text: str) -> dict[str, str]:
    """Top-level declarations by their first line."""
    parts = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    return {part.split("\n")[0].split("#")[0].strip(): part for part in parts if part[:1].isalpha()}


def surroundings(block: str) -> str:
    """What an example refers to: the base of the corpus, without what the example declares itself."""
    own = declarations(block)
    kinds = {head.split(" ")[0] for head in own}
    return "\n".join(
        text
        for head, text in declarations((CASES / "base.campaign").read_text(encoding="utf-8")).items()
        if head not in own and not (head.split(" ")[0] in ONE_OF_ITS_KIND and head.split(" ")[0] in kinds)
    )
