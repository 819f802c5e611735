"""Where writing begins: one's own draft, what to begin from, colleagues' drafts, and the files of the workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from engine.deploying import checkout, drafts
from engine.deploying.drafts import Changed, Draft, Unfit
from engine.store import drafts as stored
from web.desk.rooms import Wrong, bodies
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit, check_form
from web.desk.write.common import READERS, WRITERS, address_of, ask_room, read_draft
from web.http.answers import as_sentence

desk = Desk()


@dataclass(frozen=True)
class Entry:
    """A file in the tree. `state`: new, changed, deleted, or "" for as it is deployed."""

    path: str
    state: str

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def list_entries(draft: Draft) -> list[Entry]:
    """All files: campaigns first, then templates, then downloads; deleted ones as well."""
    found = []
    for path in {*draft.beneath, *draft.own}:
        if path not in draft.own:
            state = ""
        elif draft.own[path] is None:
            state = "deleted"
        else:
            state = "changed" if path in draft.beneath else "new"
        found.append(Entry(path, state))
    return sorted(found, key=lambda one: (not one.path.endswith(".campaign"), one.folder, one.path.casefold()))


@desk.get("/desk/write", *READERS)
async def show(visit: Visit) -> Response:
    return await show_overview(visit)


async def show_overview(visit: Visit, *, status: int = 200, problem: str = "", **given: Any) -> Response:
    draft = await read_draft(visit)
    try:
        beginnings = await ask_room(visit, draft, "beginnings")
    except Wrong:
        beginnings = []
    outside = await _find_outside(visit)
    others = [one for one in await stored.every(visit.rt.db) if one["owner"] != visit.user.id]
    return visit.page(
        "write/overview.html", status=status, problem=problem, draft=draft, entries=list_entries(draft),
        beginnings=beginnings, others=others, may_write=visit.may(*WRITERS), when=await when(visit),
        address_of=address_of, given=given, main=find_main(draft), outside=outside,
    )  # fmt: skip


async def _find_outside(visit: Visit) -> checkout.Outside:
    """What the folder of the workspace has that is not live, where one is set."""
    folder = visit.rt.settings.checkout
    if folder is None:
        return checkout.Outside()
    return await asyncio.to_thread(checkout.find_outside, folder, (await drafts.live(visit.rt.db))[1])


def find_main(draft: Draft) -> str:
    """The file to begin with: the one changed last is not known, so a changed one, else the first campaign."""
    files = draft.files
    changed = [path for path, body in sorted(draft.own.items()) if body is not None]
    first = [path for path in sorted(files) if path.endswith(".campaign")]
    return next(iter([*changed, *first]), "")


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@desk.post("/desk/write/begin", *WRITERS)
async def begin(visit: Visit) -> Response:
    """Put the files of a beginning into the draft."""
    draft = await read_draft(visit)
    kind, name, company = visit.one("kind"), visit.one("name").strip()[:80], visit.one("company").strip()[:80]
    try:
        begun = await ask_room(visit, draft, "begin", kind=kind, name=name, company=company)
        files = bodies(begun["files"])
        for path, body in files.items():
            await drafts.write(visit.rt.db, visit.rt.clock, visit.user.id, path, body)
    except (Wrong, Unfit) as wrong:
        return await show_overview(visit, status=422, problem=as_sentence(wrong))
    if not files:
        return await show_overview(visit, status=409, problem="All files of this starting point are there already.")
    return _to(begun["main"])


@desk.post("/desk/write/new", *WRITERS)
async def make(visit: Visit) -> Response:
    """A new file, empty but for what its kind needs."""
    path = visit.one("path").strip()
    draft = await read_draft(visit)
    if path and "." not in path.rpartition("/")[2]:
        path += ".md" if path.startswith("templates/") else ".campaign"
    if path.casefold() in {one.casefold() for one in draft.files}:
        return await show_overview(visit, status=409, problem=f"There is a file {path} already.", path=path)
    text = "---\nsubject: \n---\n" if path.endswith(".md") else ""
    try:
        await drafts.write(visit.rt.db, visit.rt.clock, visit.user.id, path, text.encode())
    except Unfit as unfit:
        return await show_overview(visit, status=422, problem=as_sentence(unfit), path=path)
    return _to(path)


@desk.post("/desk/write/delete", *WRITERS)
async def delete(visit: Visit) -> Response:
    """Take a file out of the draft; with `back` the deployed one comes back, or what was there before is undone."""
    path = visit.one("path")
    draft = await read_draft(visit)
    body = draft.beneath.get(path) if visit.one("back") else None
    if path in {*draft.files, *draft.own}:
        try:
            await drafts.write(visit.rt.db, visit.rt.clock, visit.user.id, path, body)
        except (Unfit, Changed) as wrong:
            return await show_overview(visit, status=422, problem=as_sentence(wrong))
    return _to(path) if body is not None else RedirectResponse("/desk/write", 303)


@desk.upload("/desk/write/upload", *WRITERS)
async def upload(visit: Visit) -> Response:
    """Pictures and downloads into `files/`."""
    taken: list[str] = []
    try:
        for name, body in await _uploaded(visit):
            path = f"files/{name}"
            await drafts.write(visit.rt.db, visit.rt.clock, visit.user.id, path, body)
            taken.append(path)
    except Unfit as unfit:
        return await show_overview(visit, status=422, problem=as_sentence(unfit))
    if not taken:
        return await show_overview(visit, status=422, problem="Choose a file.")
    return _to(taken[0])


async def _uploaded(visit: Visit) -> Sequence[tuple[str, bytes]]:
    """The files of the post, each by its name without any folder."""
    form = await visit.request.form(max_files=20, max_fields=5, max_part_size=64 * 1024)
    check_form(visit.request, {"csrf": [form.get("csrf")]}, visit.session.secret)
    found = []
    for one in form.getlist("file"):
        if isinstance(one, UploadFile) and one.filename:
            body = await one.read(drafts.MAX_FILE + 1)
            found.append((one.filename.replace("\\", "/").rpartition("/")[2], body))
    return found


def _to(path: str) -> Response:
    return RedirectResponse(address_of(path), 303)
