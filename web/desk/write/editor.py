"""One file being written: the page with its text and what is wrong, and the answers its script asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from engine.deploying import drafts
from engine.deploying.drafts import MAX_TEXT, Changed, Draft, Unfit
from web.desk.rooms import Wrong
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.desk.write.beside import VIEWS, look_beside
from web.desk.write.common import (
    PLACE,
    READERS,
    WRITERS,
    address_of,
    ask_room,
    digest_of,
    is_text,
    line_of,
    read_draft,
    rooms_of,
    spend_question,
    tidy_text,
)  # fmt: skip
from web.desk.write.overview import list_entries
from web.http.answers import as_sentence, missing

desk = Desk()
Answer = Mapping[str, Any]
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "offers": ("path", "line", "character"), "about": ("path", "line", "character"),
    "definition": ("path", "line", "character"), "references": ("path", "line", "character"),
    "name": ("path", "line", "character"), "outline": ("path",), "problems": ("seen", "by"), "blocks": (),
}  # fmt: skip
"""What the page's script may ask, and what each needs."""
LOOKING = 1.5
"""Seconds that a page looks at templates before it is shown; its script asks for the rest."""
ELSEWHERE = "This file was changed elsewhere, in another tab or by another device. Your text is kept below it."


@desk.get(PLACE, *READERS)
async def show(visit: Visit) -> Response:
    return await show_file(visit, visit.asked("path"))


async def show_file(
    visit: Visit, path: str, *, status: int = 200, problem: str = "", text: str | None = None, line: int = 0
) -> Response:  # fmt: skip
    """`text`: what was posted and could not be stored."""
    draft = await read_draft(visit)
    files = draft.files
    body = files.get(path)
    if body is None and text is None and path not in draft.own:
        raise missing()
    found, blocks, outline, rest = await _examine(visit, draft, path)
    return visit.page(
        "write/file.html", status=status, problem=problem, path=path, text=_as_text(path, body, text),
        was=digest_of(body), entries=list_entries(draft), draft=draft, problems=found, rest=rest,
        blocks=blocks, outline=outline, editable=is_text(path) and (body is not None or text is not None),
        may_write=visit.may(*WRITERS),
        line=line or line_of(visit.asked("line")), address_of=address_of, when=await when(visit),
        size=len(body or b""), deleted=body is None and path in draft.own, views=VIEWS, longest=MAX_TEXT,
        beside=await look_beside(visit, draft, path), fetches=True, saved=visit.asked("saved"),
    )  # fmt: skip


def _as_text(path: str, body: bytes | None, given: str | None) -> str:
    if given is not None:
        return given
    return (body or b"").decode("utf-8", "replace") if is_text(path) else ""


async def _examine(
    visit: Visit, draft: Draft, path: str
) -> tuple[list[tuple[str, Answer]], list[Answer], list[Answer], bool]:
    """What is wrong, this file's first; the pieces to insert; the file's outline; whether there is more to look at."""
    try:
        answer = await ask_room(visit, draft, "problems", seconds=LOOKING)
        blocks = await ask_room(visit, draft, "blocks") if path.endswith(".campaign") else []
        outline = await ask_room(visit, draft, "outline", path=path) if path.endswith(".campaign") else []
    except Wrong:
        return [], [], [], False
    found = [(where, one) for where, all in answer["problems"].items() for one in all]
    return sorted(found, key=lambda one: (one[0] != path, one[0], one[1]["line"])), blocks, outline, answer["rest"]


@desk.post(PLACE, *WRITERS)
async def save(visit: Visit) -> Response:
    """Store the whole text, as a browser without script sends it; `do` may format it or insert a block first."""
    path, text = visit.one("path"), tidy_text(visit.one("text"))
    draft = await read_draft(visit)
    line = 0
    try:
        text, line = await _prepare(visit, draft, path, text)
        await _store(visit, draft, path, _judge(draft, path, text, visit.one("was")))
    except (Unfit, Wrong) as wrong:
        return await show_file(visit, path, status=422, problem=as_sentence(wrong), text=text)
    except Changed:
        return await show_file(visit, path, status=409, problem=ELSEWHERE, text=text)
    return RedirectResponse(address_of(path, line=line, show=visit.one("show"), saved="yes"), 303)


async def _prepare(visit: Visit, draft: Draft, path: str, text: str) -> tuple[str, int]:
    """The text as it is to be stored, and the line to go to."""
    match visit.one("do"):
        case "format":
            drafts.judge(path, text.encode())
            formatted = await ask_room(visit, draft, "formatted", path=path, text=text)
            if formatted is None:
                raise Wrong("Fix the errors first; then the file can be formatted.")
            return formatted, 0
        case "insert":
            after = line_of(visit.one("after")) or None
            made = await ask_room(visit, draft, "inserted", block=visit.one("block"), text=text, line=after)
            return made["text"], made["line"]
        case _:
            return text, 0


def _judge(draft: Draft, path: str, text: str, was: str) -> bytes:
    """The text as it is stored. Raises Unfit, and Changed when the file is not what the page has shown."""
    if not is_text(path):
        raise Unfit("this file cannot be written here; upload it again")
    body, present = text.encode("utf-8", "surrogatepass"), draft.files.get(path)
    if digest_of(present) != was and present != body:
        raise Changed(present)
    drafts.judge(path, body)
    return body


async def _store(visit: Visit, draft: Draft, path: str, body: bytes) -> None:
    """Raises Changed when the file has changed this very moment."""
    present = draft.files.get(path)
    await drafts.write(visit.rt.db, visit.rt.clock, visit.user.id, path, body, present, draft)


# ── what the script asks ─────────────────────────────────────────────────────────────────────────────────────────────
@desk.post("/desk/write/type", *WRITERS)
async def type_text(visit: Visit) -> Response:
    """A keystroke: the text is stored, and what is wrong is answered. 409 with the other text if it was changed
    elsewhere."""
    spend_question(visit)
    path, text = visit.one("path"), visit.one("text")
    draft = await read_draft(visit)
    seen, told = _given(visit, ("seen", "by")), None
    try:
        body = _judge(draft, path, text, visit.one("was"))
        now = replace(draft, own={**draft.own, path: body})
        # Both at once: a text that cannot be stored is checked for nothing, and its process gets the other one then.
        told = asyncio.create_task(rooms_of(visit.request).typed(visit.user.id, now, path, text, **seen))
        await _store(visit, draft, path, body)
        found = await told
    except Wrong as wrong:
        return JSONResponse({"error": str(wrong)}, 422)
    except Unfit as unfit:
        return JSONResponse({"error": f"Not saved: {unfit}."}, 422)
    except Changed as changed:
        theirs = (changed.body or b"").decode("utf-8", "replace")
        return JSONResponse({"error": ELSEWHERE, "text": theirs, "was": digest_of(changed.body)}, 409)
    finally:
        if told is not None:
            await asyncio.gather(told, return_exceptions=True)
    return JSONResponse({"was": digest_of(body), **(found or {"problems": None, "rest": True})})


@desk.post("/desk/write/ask", *READERS)
async def ask(visit: Visit) -> Response:
    """An answer of the draft's process; see QUESTIONS."""
    what = visit.one("what")
    draft = await read_draft(visit)
    try:
        if what == "formatted":
            return JSONResponse({"ok": await ask_room(visit, draft, what, **_texts(visit))})
        if what not in QUESTIONS:
            raise HTTPException(422, "There is no such question.")
        return JSONResponse({"ok": await ask_room(visit, draft, what, **_given(visit, QUESTIONS[what]))})
    except Wrong as wrong:
        return JSONResponse({"error": str(wrong)}, 422)


def _texts(visit: Visit) -> dict[str, str]:
    text = visit.one("text")
    if len(text) > MAX_TEXT:
        raise HTTPException(413)
    return {"path": visit.one("path")[:200], "text": text}


def _given(visit: Visit, names: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        value = next(iter(visit.raw.get(name, ())), None)
        wanted = str if name == "path" else int
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise HTTPException(422, f"`{name}` is missing.")
        found[name] = value[:200] if isinstance(value, str) else max(0, min(value, 2**31))
    return found


@desk.post("/desk/write/rename", *WRITERS)
async def rename(visit: Visit) -> Response:
    """Give a name another one in all files. `line` and `character` say where it stands."""
    path, new = visit.one("path"), visit.one("new").strip()[:200]
    draft = await read_draft(visit)
    place = {"path": path, "line": max(0, line_of(visit.one("line")) - 1), "character": line_of(visit.one("character"))}
    try:
        texts = await ask_room(visit, draft, "rename", new=new, **place)
        for file, text in texts.items():
            await _store(visit, draft, file, _judge(draft, file, text, digest_of(draft.files.get(file))))
    except (Wrong, Unfit) as wrong:
        return await show_file(visit, path, status=422, problem=str(wrong))
    except Changed:
        return await show_file(visit, path, status=409, problem=ELSEWHERE)
    if not texts:
        return await show_file(visit, path, status=422, problem="There is no name there that can be changed.")
    return RedirectResponse(address_of(path, line=visit.one("line"), saved="yes"), 303)
