"""What a draft changes against what is live: differences, conflicts, deploying with a note, discarding, going back."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile

from starlette.responses import RedirectResponse, Response

from engine.deploying import checkout, drafts, reviews
from engine.deploying.deploy import MAX_NOTE, How, deploy
from engine.deploying.drafts import Conflict, Draft
from engine.deploying.history import entries, load
from engine.deploying.impact import Outlook
from engine.deploying.impact_words import Line, count_leads, tell_end
from engine.runtime.epochs import Refused
from engine.store import desk_log
from engine.store import drafts as stored
from web.desk.rooms import Wrong
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.desk.write.beside import compare_draft, compile_draft, split_files
from web.desk.write.common import READERS, WRITERS, address_of, is_text, line_of, read_draft
from web.http.answers import as_sentence, missing

desk = Desk()
CONTEXT = 3
"""Unchanged lines around a change."""
MOST_LINES = 600
"""Lines of one file's difference."""
CHANGES = "/desk/write/changes"


@dataclass(frozen=True)
class FileChange:
    """`lines`: kind (`added`, `removed`, "" or `gap`), number in the new file or 0, text. Empty for a binary file."""

    path: str
    state: str
    lines: Sequence[tuple[str, int, str]] = ()


@dataclass(frozen=True)
class ConflictView:
    path: str
    mine: FileChange
    theirs: FileChange


def compare_files(path: str, old: bytes | None, new: bytes | None) -> FileChange:
    """The difference between two versions of a file, line by line."""
    state = "new" if old is None else "deleted" if new is None else "changed"
    if not is_text(path):
        return FileChange(path, state)
    before, after = _to_lines(old), _to_lines(new)
    lines: list[tuple[str, int, str]] = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(CONTEXT):
        if lines:
            lines.append(("gap", 0, "…"))
        for tag, from_a, to_a, from_b, to_b in group:
            if tag == "equal":
                lines += [("", from_b + at + 1, text) for at, text in enumerate(after[from_b:to_b])]
                continue
            lines += [("removed", 0, text) for text in before[from_a:to_a]]
            lines += [("added", from_b + at + 1, text) for at, text in enumerate(after[from_b:to_b])]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], ("gap", 0, f"… {len(lines) - MOST_LINES} more lines")]
    return FileChange(path, state, lines)


def _to_lines(body: bytes | None) -> list[str]:
    return (body or b"").decode("utf-8", "replace").splitlines()


def list_changes(draft: Draft) -> list[FileChange]:
    return [compare_files(path, draft.beneath.get(path), body) for path, body in sorted(draft.own.items())]


def show_conflict(one: Conflict) -> ConflictView:
    """Both changes against the same file, side by side."""
    return ConflictView(
        one.path, compare_files(one.path, one.base, one.mine), compare_files(one.path, one.base, one.theirs)
    )


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@desk.get(CHANGES, *READERS)
async def show(visit: Visit) -> Response:
    return await show_changes(visit)


async def show_changes(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    draft = await read_draft(visit)
    epoch, there = await drafts.live(visit.rt.db)
    found = drafts.conflicts(draft, there) if draft.base != epoch else []
    wrong, outlook = "", None
    lines: list[Line] = []
    fates: list[str] = []
    if draft.base == epoch:
        try:
            outlook, lines = await compare_draft(visit, draft)
            fates = tell_fates(outlook)
        except (Wrong, Refused) as error:
            wrong = as_sentence(error)
    comments = await stored.comments(visit.rt.db, draft.id) if draft.id else []
    review = await reviews.read_review(visit.rt.db, draft)
    return visit.page(
        "write/changes.html", status=status, problem=problem, draft=draft, live=epoch,
        conflicts=[show_conflict(one) for one in found],
        changes=list_changes(draft), outlook=outlook, beside={"lines": lines}, fates=fates, wrong=wrong, review=review,
        needed=visit.rt.settings.review_required, may_write=visit.may(*WRITERS), address_of=address_of,
        open_comments=[one for one in comments if not one["done_at"]], when=await when(visit), longest=MAX_NOTE,
    )  # fmt: skip


def tell_fates(outlook: Outlook) -> list[str]:
    """What moving would do with the leads who are on older versions, a sentence for each campaign."""
    found = []
    for campaign, ends in outlook.ends.items():
        name = next((one.campaign for one in outlook.waiting if one.campaign.casefold() == campaign), campaign)
        told = ", ".join(tell_end(end, many) for end, many in ends.items())
        found.append(f"“{name}”, {count_leads(sum(ends.values()))}: {told}")
    return found


# ── deploying ────────────────────────────────────────────────────────────────────────────────────────────────────────
@desk.post("/desk/write/deploy", *WRITERS)
async def make_live(visit: Visit) -> Response:
    """Deploy the draft that the page has shown: `content` says which. `move` takes leads along."""
    draft = await read_draft(visit)
    if not draft.own or draft.id is None:
        return await show_changes(visit, status=409, problem="There is nothing to deploy.")
    if visit.one("content") != draft.content:
        said = "The draft has changed since this page was shown. Look at it again, then deploy."
        return await show_changes(visit, status=409, problem=said)
    if visit.rt.settings.review_required and not await reviews.is_approved(visit.rt.db, draft):
        return await show_changes(visit, status=409, problem="A colleague has to approve the draft as it is now first.")
    note = " ".join(visit.one("note").split())[:MAX_NOTE]
    how = How(base=draft.base, move=visit.one("move") == "yes", leave=visit.one("leave") == "yes", note=note)
    try:
        program = await compile_draft(visit, draft)
        bundle, sources = split_files(draft)
        done = await deploy(visit.rt.db, visit.rt.clock, program, bundle, visit.user.email, how, sources)
    except (Wrong, Refused) as error:
        return await show_changes(visit, status=409, problem=as_sentence(error))
    await stored.close(visit.rt.db, draft.id, "deployed", visit.rt.clock.now(), epoch=done.epoch, note=note)
    await visit.note("deployed", f"deployment {done.epoch}", campaigns=len(done.new_plans), moves=len(done.jobs))
    await write_back(visit, draft.beneath, draft.files, done.epoch, note)
    return RedirectResponse(f"/desk/write/history?done={done.epoch}", 303)


async def write_back(
    visit: Visit, old: Mapping[str, bytes], new: Mapping[str, bytes], epoch: int, note: str
) -> None:  # fmt: skip
    """Write a deployment to the folder of the workspace, where one is set; what went wrong stands in the log."""
    folder = visit.rt.settings.checkout
    if folder is None:
        return
    author = (visit.user.name, visit.user.email)
    written = await asyncio.to_thread(checkout.write_deployment, folder, old, new, epoch, author, note)
    if written.problem:
        await visit.note("not written", f"deployment {epoch}", why=written.problem)


@desk.post("/desk/write/take", *WRITERS)
async def take(visit: Visit) -> Response:
    """Take what the folder has beside what is live into the draft."""
    folder = visit.rt.settings.checkout
    draft = await read_draft(visit)
    epoch, live = await drafts.live(visit.rt.db)
    if folder is None:
        raise missing()
    if draft.base != epoch:
        said = f"Deployment {epoch} went live meanwhile. Go on from it first."
        return await show_changes(visit, status=409, problem=said)
    outside = await asyncio.to_thread(checkout.find_outside, folder, live)
    both = [path for path, body in outside.files.items() if draft.own.get(path, body) != body]
    if both:
        said = f"You have changed {both[0]} as well. Deploy or discard your change first."
        return await show_changes(visit, status=409, problem=said)
    try:
        for path, body in outside.files.items():
            await drafts.write(visit.rt.db, visit.rt.clock, visit.user.id, path, body)
    except drafts.Unfit as unfit:
        return await show_changes(visit, status=422, problem=as_sentence(unfit))
    return RedirectResponse(CHANGES, 303)


@desk.post("/desk/write/discard", *WRITERS)
async def discard(visit: Visit) -> Response:
    """Throw the whole draft away."""
    draft = await read_draft(visit)
    if draft.id is not None:
        if visit.one("sure") != "yes":
            return await show_changes(visit, status=422, problem="Tick the box to discard the draft.")
        await stored.close(visit.rt.db, draft.id, "discarded", visit.rt.clock.now())
        await visit.note("draft discarded", files=len(draft.own))
    return RedirectResponse("/desk/write", 303)


@desk.post("/desk/write/follow", *WRITERS)
async def follow(visit: Visit) -> Response:
    """Put the draft on what is live now. For each file that both changed, `keep PATH` is `mine` or `theirs`."""
    draft = await read_draft(visit)
    if draft.id is None:
        return RedirectResponse(CHANGES, 303)
    epoch, there = await drafts.live(visit.rt.db)
    if line_of(visit.one("live")) != epoch:
        said = "Somebody has deployed again since this page was shown. Look at it once more."
        return await show_changes(visit, status=409, problem=said)
    choices: dict[str, bytes | None] = {}
    for one in drafts.conflicts(draft, there):
        match visit.one(f"keep {one.path}"):
            case "mine":
                choices[one.path] = one.mine
            case "theirs":
                choices[one.path] = one.theirs
            case _:
                return await show_changes(visit, status=422, problem=f"Choose for {one.path}: yours or theirs.")
    await drafts.follow(visit.rt.db, visit.rt.clock, draft, choices)
    return RedirectResponse(CHANGES, 303)


# ── earlier deployments ──────────────────────────────────────────────────────────────────────────────────────────────
@desk.get("/desk/write/history", *READERS)
async def history(visit: Visit) -> Response:
    """What was live, by whom and why, with a way to take it into the draft."""
    return await show_history(visit)


async def show_history(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    known = await entries(visit.rt.db, 200)
    done = line_of(visit.asked("done"))
    unwritten = await find_unwritten(visit, done) if done else ""
    return visit.page(
        "write/history.html", status=status, problem=problem, known=known, when=await when(visit),
        may_write=visit.may(*WRITERS), done=done, unwritten=unwritten,
    )  # fmt: skip


async def find_unwritten(visit: Visit, epoch: int) -> str:
    """Why a deployment of the desk was not written to the folder; "" if it was, or there is none."""
    for entry in await desk_log.page(visit.rt.db, "not written", limit=20):
        if entry["subject"] == f"deployment {epoch}":
            return str(entry["data"].get("why", ""))
    return ""


@desk.get("/desk/write/export", *READERS)
async def export(visit: Visit) -> Response:
    """The files of a deployment, or of the draft, as a ZIP."""
    epoch = line_of(visit.asked("deployment"))
    files = await drafts.files_of(visit.rt.db, epoch) if epoch else (await read_draft(visit)).files
    if not files:
        raise missing()
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for path, body in sorted(files.items()):
            archive.writestr(path, body)
    name = f"deployment-{epoch}.zip" if epoch else "draft.zip"
    return Response(packed.getvalue(), media_type="application/zip", headers=_as_download(name))


def _as_download(name: str) -> dict[str, Any]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}


@desk.post("/desk/write/back", *WRITERS)
async def go_back(visit: Visit) -> Response:
    """Roll back to an earlier deployment: it becomes the newest one. Drafts stay as they are."""
    target, base = line_of(visit.one("to")), line_of(visit.one("base"))
    try:
        found = await load(visit.rt.db, target)
        if found is None:
            raise missing()
        how = How(base=base, move=visit.one("move") == "yes", kind="rollback", target=target)
        program, sources = found.program, found.sources
        done = await deploy(visit.rt.db, visit.rt.clock, program, found.bundle, visit.user.email, how, sources)
    except Refused as refusal:
        return await show_history(visit, status=409, problem=as_sentence(refusal))
    await visit.note("rolled back", f"deployment {target}", deployment=done.epoch)
    old, new = [await drafts.files_of(visit.rt.db, epoch) for epoch in (base, target)]
    await write_back(visit, old, new, done.epoch, f"Back to deployment {target}")
    return RedirectResponse(f"/desk/write/history?done={done.epoch}", 303)
