"""Starting points for workspaces and campaigns: what `coldframe new` copies, and how it fits into what is there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "starters"
BASE = "workspace"
_HEAD = re.compile(
    r"^(workspace|field|form|list|event|webinar|interest|segment|scoring|lifecycle|team|campaign)\b *(.*)"
)


@dataclass(frozen=True)
class Starter:
    """One campaign to start from, with its declarations, templates and files."""

    kind: str
    summary: str
    campaign: str
    files: dict[str, bytes]


def starters() -> dict[str, Starter]:
    """All campaigns to start from, by kind."""
    found = {}
    for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name != BASE):
        text = (folder / f"{folder.name}.campaign").read_text(encoding="utf-8")
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
        del files[f"{folder.name}.campaign"]
        found[folder.name] = Starter(folder.name, text.splitlines()[0].lstrip("# "), text, files)
    return found


def base(name: str) -> dict[str, bytes]:
    """The files of a fresh workspace for a company of that name."""
    domain = (slug(name) or "company") + ".example"
    named = name.replace("\\", "\\\\").replace('"', '\\"')
    plain = re.sub(r'[<>"\\]', "", name).strip() or "Company"
    texts = {path.name: path.read_text(encoding="utf-8") for path in _files(FOLDER / BASE)}
    for file, text in texts.items():
        text = text.replace('workspace "COMPANY"', f'workspace "{named}"').replace("COMPANY", plain)
        texts[file] = text.replace("DOMAIN", domain)
    return {file: text.encode() for file, text in texts.items()}


def named(starter: Starter, name: str | None) -> Starter:
    """The same under another name: its campaigns, its file and its folder of templates are called so."""
    if not name:
        return starter
    main = re.search(r'^campaign "([^"]+)"', starter.campaign, re.MULTILINE)
    assert main is not None, "every starter has a campaign"
    place = slug(name) or starter.kind
    text = starter.campaign.replace(f'campaign "{main[1]}', f'campaign "{name}')
    text = text.replace(f'"{starter.kind}/', f'"{place}/')
    files = {
        path.replace(f"templates/{starter.kind}/", f"templates/{place}/"): body for path, body in starter.files.items()
    }
    return Starter(place, starter.summary, text, files)


def fitted(text: str, workspace: Iterable[str]) -> tuple[str, list[str]]:
    """The campaign file without declarations that the workspace has already, and their heads.

    The campaign itself always stays, so that a name that is taken shows as such.
    """
    known = {head for other in workspace for head, _ in blocks(other)}
    kept, left_out = [], []
    for head, block in blocks(text):
        if head in known and not head.startswith("campaign "):
            left_out.append(head)
        else:
            kept.append(block)
    return "".join(kept).rstrip() + "\n", left_out


def blocks(text: str) -> list[tuple[str, str]]:
    """Declarations as (kind and name, lines); comments above the first one belong to it."""
    found: list[tuple[str, str]] = []
    before = ""
    for line in text.splitlines(keepends=True):
        head = _HEAD.match(line)
        if head:
            found.append((_name(head[1], head[2]), before + line))
            before = ""
        elif found and (line[:1].isspace() or not line.strip()):
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            before += line
    return found


def _name(kind: str, rest: str) -> str:
    quoted = re.match(r'"((?:[^"\\]|\\.)*)"', rest)
    if quoted:
        return f'{kind} "{quoted[1].casefold()}"'
    return f"{kind} {rest.split()[0]}" if kind == "field" and rest.split() else kind


def slug(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.casefold()))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
