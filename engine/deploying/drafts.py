"""What somebody writes at the desk until it is deployed: the files of a deployment, and over them their own changes.

Nothing of a draft is compiled or shown here; what is checked and drawn of it happens in a process of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from os.path import commonpath
from posixpath import dirname
from unicodedata import is_normalized
from uuid import UUID, uuid4

from engine.deploying.deploy import SOURCES
from engine.model.ports import Clock
from engine.store import drafts
from engine.store.db import Database
from engine.store.drafts import Changed

__all__ = ["Changed", "Conflict", "Draft", "Unfit"]

MAX_TEXT = 512 * 1024
"""Bytes of a campaign file or a template."""
MAX_FILE = 5 * 1024 * 1024
"""Bytes of a picture or a download."""
MAX_CHANGED, MAX_BYTES = 1_000, 50 * 1024 * 1024
"""Files that a draft changes, and their bytes together."""
TEMPLATES = (".md", ".html", ".mjml", ".txt")
PICTURES: Mapping[str, tuple[bytes, ...]] = {
    ".png": (b"\x89PNG\r\n\x1a\n",), ".jpg": (b"\xff\xd8\xff",), ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"), ".webp": (b"RIFF",), ".pdf": (b"%PDF-",), ".zip": (b"PK",), ".docx": (b"PK",),
    ".xlsx": (b"PK",), ".pptx": (b"PK",), ".ics": (b"BEGIN:VCALENDAR",), ".mp4": (b"",), ".csv": (b"",), ".txt": (b"",),
}  # fmt: skip
"""What may be uploaded, by its ending, and how such a file begins."""
_PART = re.compile(r"[^\W_](?:[\w .()+&,-]*[\w()+&-])?|_[\w-]+(?:\.[\w-]+)*")


class Unfit(ValueError):
    """The file cannot be part of a workspace; the message says why, for people."""


@dataclass(frozen=True)
class Draft:
    """`beneath`: the files of the deployment `base` that it was begun from, by their path inside the workspace; `own`:
    what it changes, None for a file it deletes. `id` is None as long as nothing is written. `folder`: the name of the
    workspace's folder, which the plans of the deployment name."""

    id: UUID | None
    base: int
    beneath: Mapping[str, bytes]
    own: Mapping[str, bytes | None] = field(default_factory=dict)
    folder: str = "campaigns"
    changed_at: datetime | None = None

    @cached_property
    def files(self) -> dict[str, bytes]:
        """All files as they would be deployed."""
        return {path: body for path, body in {**self.beneath, **self.own}.items() if body is not None}

    @cached_property
    def content(self) -> str:
        """SHA-256 of all files."""
        return content_of(self.files)


@dataclass(frozen=True)
class Conflict:
    """A file that the draft and a later deployment both changed. None: it was not there, or was deleted."""

    path: str
    base: bytes | None
    mine: bytes | None
    theirs: bytes | None


def content_of(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
    return whole.hexdigest()


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def of(db: Database, owner: UUID) -> Draft:
    """The person's draft; one on the newest deployment and without changes if they have none open."""
    return await _draft(db, await drafts.of(db, owner))


async def get(db: Database, id: UUID) -> tuple[Draft, drafts.Row] | None:
    """Somebody's draft, and its row."""
    row = await drafts.get(db, id)
    return (await _draft(db, row), row) if row else None


async def _draft(db: Database, row: drafts.Row | None) -> Draft:
    epoch = row["base"] if row else await drafts.newest(db)
    folder, beneath = await _deployed(db, epoch)
    own = await drafts.files(db, row["id"]) if row else {}
    return Draft(row["id"] if row else None, epoch, beneath, own, folder, row["changed_at"] if row else None)


async def live(db: Database) -> tuple[int, Mapping[str, bytes]]:
    """The newest deployment, 0 when there is none, and its files by their path inside the workspace."""
    epoch = await drafts.newest(db)
    return epoch, await files_of(db, epoch)


async def files_of(db: Database, epoch: int) -> Mapping[str, bytes]:
    """The files of a deployment by their path inside the workspace; none when there is no such deployment."""
    return (await _deployed(db, epoch))[1]


_known: OrderedDict[tuple[int, int], tuple[str, Mapping[str, bytes]]] = OrderedDict()
"""The deployments looked at last, which never change."""
MOST_KNOWN = 4


async def _deployed(db: Database, epoch: int) -> tuple[str, Mapping[str, bytes]]:
    """The name of a deployment's folder, and its files."""
    key = (id(db), epoch)
    if key not in _known:
        stored = await drafts.deployed(db, epoch) if epoch else {}
        sources = {path.removeprefix(SOURCES): body for path, body in stored.items() if path.startswith(SOURCES)}
        start = commonpath([dirname(path) for path in sources]) if sources else ""
        bundle = {path: body for path, body in stored.items() if not path.startswith(SOURCES)}
        files = {**bundle, **{path[len(start) :].lstrip("/"): body for path, body in sources.items()}}
        _known[key] = start.rpartition("/")[2] or "campaigns", files
        if len(_known) > MOST_KNOWN:
            _known.popitem(last=False)
    _known.move_to_end(key)
    return _known[key]


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def write(
    db: Database, clock: Clock, owner: UUID, path: str, body: bytes | None, was: bytes | bool | None = False,
    draft: Draft | None = None,
) -> UUID:  # fmt: skip
    """Store a file in the person's draft; None deletes it. `was`: what they have seen of it, False: whatever it is.
    `draft`: theirs as it was read a moment ago.

    Raises Unfit, and Changed when the file is something else by now.
    """
    draft = draft or await of(db, owner)
    if path not in draft.files or body is not None:
        judge(path, body)
    await _room(db, draft, body)
    beneath = draft.beneath.get(path)
    return await drafts.write(db, uuid4(), owner, draft.base, path, body, beneath, was, clock.now())


async def _room(db: Database, draft: Draft, body: bytes | None) -> None:
    many, size = await drafts.size(db, draft.id) if draft.id else (0, 0)
    if many >= MAX_CHANGED or size + len(body or b"") > MAX_BYTES:
        raise Unfit(f"a draft changes at most {MAX_CHANGED} files and {MAX_BYTES // 1024 // 1024} MB; deploy it first")


def judge(path: str, body: bytes | None) -> None:
    """Raises Unfit for a path that is not inside a workspace, and for a file that does not belong there."""
    parts = path.split("/")
    if len(path) > 200 or len(parts) > 8 or not all(_PART.fullmatch(part) for part in parts):
        raise Unfit("a path has letters, digits, spaces, `.`, `-`, and `_` in its names, and `/` between them")
    if not is_normalized("NFC", path):
        raise Unfit("write the name with composed letters")
    folder, ending = parts[0] if len(parts) > 1 else "", "." + path.rpartition(".")[2].lower()
    if folder == "files":
        _judge_file(ending, body)
    elif folder == "templates":
        if ending not in TEMPLATES:
            raise Unfit(f"a template ends in {', '.join(TEMPLATES[:-1])}, or {TEMPLATES[-1]}")
        _judge_text(body)
    elif ending != ".campaign":
        raise Unfit("a campaign file ends in .campaign; templates are in `templates/`, downloads in `files/`")
    else:
        _judge_text(body)


def _judge_text(body: bytes | None) -> None:
    if body is None:
        return
    if len(body) > MAX_TEXT:
        raise Unfit(f"the file has {len(body) // 1024} KB, and at most {MAX_TEXT // 1024} KB are read")
    try:
        if "\0" in body.decode("utf-8"):
            raise Unfit("the text has a zero byte in it")
    except UnicodeDecodeError:
        raise Unfit("the file is not UTF-8 text") from None


def _judge_file(ending: str, body: bytes | None) -> None:
    if ending not in PICTURES:
        raise Unfit(f"files end in one of {', '.join(PICTURES)}")
    if body is None:
        return
    if len(body) > MAX_FILE:
        raise Unfit(
            f"the file has {len(body) / 1024 / 1024:.1f} MB, and at most {MAX_FILE // 1024 // 1024} MB are kept"
        )
    if not body.startswith(PICTURES[ending]):
        raise Unfit(f"the file ends in {ending}, but its content is something else")


# ── meanwhile ────────────────────────────────────────────────────────────────────────────────────────────────────────
def conflicts(draft: Draft, there: Mapping[str, bytes]) -> list[Conflict]:
    """Files that both have changed since, each in its own way."""
    found = []
    for path, mine in sorted(draft.own.items()):
        base, theirs = draft.beneath.get(path), there.get(path)
        if theirs not in (base, mine):
            found.append(Conflict(path, base, mine, theirs))
    return found


async def follow(db: Database, clock: Clock, draft: Draft, choices: Mapping[str, bytes | None]) -> None:
    """Put the draft on the newest deployment. `choices`: what each file in conflict is to be."""
    epoch, there = await live(db)
    own = {path: choices.get(path, body) for path, body in draft.own.items()}
    kept = {path: body for path, body in own.items() if body != there.get(path)}
    assert draft.id is not None
    await drafts.rebase(db, draft.id, epoch, kept, clock.now())
