"""Compiles the cases of the corpus: a file, or a folder of files, beside the declarations of `base.campaign`."""

from __future__ import annotations

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
    "files/pump-guide.pdf",
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
