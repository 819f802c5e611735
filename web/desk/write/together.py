"""Working together: colleagues' drafts, comments on a line, reviews and approvals."""

from __future__ import annotations

from typing import cast
from uuid import UUID, uuid4

from starlette.responses import RedirectResponse, Response

from engine.deploying import drafts, reviews
from engine.deploying.drafts import Draft
from engine.deploying.reviews import Answer
from engine.store import drafts as stored
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.desk.write.changes import CHANGES, list_changes
from web.desk.write.common import READERS, WRITERS, address_of, line_of, read_draft
from web.http.answers import missing
from web.http.context import token_uuid

desk = Desk()
LONGEST = 2_000
"""Characters of a comment."""


async def _find(visit: Visit) -> tuple[Draft, stored.Row]:
    """The open draft that the path or the post names. Raises 404."""
    id = token_uuid(visit.request.path_params.get("id", "") or visit.one("draft"))
    found = await drafts.get(visit.rt.db, id)
    if found is None or found[1]["state"] != "open":
        raise missing()
    return found


@desk.get("/desk/write/draft/{id}", *READERS)
async def show(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    draft, row = await _find(visit)
    return visit.page(
        "write/draft.html", status=status, problem=problem, draft=draft, row=row, changes=list_changes(draft),
        comments=await stored.comments(visit.rt.db, cast("UUID", draft.id)), when=await when(visit),
        review=await reviews.read_review(visit.rt.db, draft), own=row["owner"] == visit.user.id, longest=LONGEST,
    )  # fmt: skip


@desk.post("/desk/write/comment", *READERS)
async def comment(visit: Visit) -> Response:
    """On a line of a draft: one's own, or the one that `draft` names."""
    draft, back = (await _find(visit))[0] if visit.one("draft") else await read_draft(visit), visit.one("draft")
    path, line = visit.one("path"), line_of(visit.one("line"))
    words = visit.one("words").strip()[:LONGEST]
    body = draft.files.get(path, draft.beneath.get(path))
    if draft.id is None or body is None:
        raise missing()
    if words:
        lines = body.decode("utf-8", "replace").splitlines()
        quoted = lines[line - 1].strip()[:300] if 0 < line <= len(lines) else ""
        at = visit.rt.clock.now()
        await stored.comment(visit.rt.db, uuid4(), draft.id, path, line, quoted, visit.user.email, words, at)
    return RedirectResponse(f"/desk/write/draft/{draft.id}" if back else address_of(path, show="comments"), 303)


@desk.post("/desk/write/settle", *WRITERS)
async def settle(visit: Visit) -> Response:
    """A comment on one's own draft is dealt with."""
    draft = await read_draft(visit)
    if draft.id is None:
        raise missing()
    await stored.settle(visit.rt.db, draft.id, token_uuid(visit.one("comment")), visit.rt.clock.now())
    path = visit.one("path")
    return RedirectResponse(address_of(path, show="comments") if path else CHANGES, 303)


@desk.post("/desk/write/review", *WRITERS)
async def ask_for_review(visit: Visit) -> Response:
    """Ask colleagues to look at the draft as it is now."""
    draft = await read_draft(visit)
    if draft.id is not None and draft.own:
        await reviews.ask_review(visit.rt.db, visit.rt.clock, draft)
        await visit.note("review asked", files=len(draft.own))
    return RedirectResponse(CHANGES, 303)


@desk.post("/desk/write/answer", *READERS)
async def answer(visit: Visit) -> Response:
    """Approve a colleague's draft as it was shown, or ask for changes."""
    draft, row = await _find(visit)
    given, words = visit.one("answer"), visit.one("words").strip()[:LONGEST]
    if row["owner"] == visit.user.id:
        return await _show(visit, status=409, problem="Somebody else has to approve your draft.")
    if given not in ("approved", "changes wanted") or (given == "changes wanted" and not words):
        return await _show(visit, status=422, problem="Approve, or say what should change.")
    by, db, clock = visit.user.email, visit.rt.db, visit.rt.clock
    if not await reviews.answer_review(db, clock, draft, visit.one("content"), cast("Answer", given), by, words):
        said = "The draft has changed since this page was shown. Look at it again."
        return await _show(visit, status=409, problem=said)
    await visit.note("approved" if given == "approved" else "changes wanted", row["email"], files=len(draft.own))
    return RedirectResponse("/desk/write", 303)
