"""Beside the text: the drawn flow, a simulated story, the email, and what deploying would change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dsl.plan import Program
from engine.deploying.drafts import Draft
from engine.deploying.impact import Outlook, look
from engine.deploying.impact_words import Line, describe_outlook, tell_consent, tell_recipients
from engine.mail.choose import choose_mailer
from engine.model.ports import Mail
from engine.store import drafts as stored
from web.desk.mailbox import in_new_tab
from web.desk.rooms import Wrong
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.desk.write.common import PLACE, READERS, WRITERS, address_of, ask_room, is_text, read_draft
from web.http.answers import missing, page

desk = Desk()
VIEWS: Mapping[str, str] = {
    "flow": "Flow", "story": "Story", "email": "Email", "plan": "What changes", "comments": "Comments",
}  # fmt: skip
"""What can be looked at beside the text, with its label."""
DRAWING = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation",
    "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store",
}  # fmt: skip
"""A drawing has its styles inside, runs nothing, and its steps lead to their lines."""
EMAIL = {
    "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store",
}  # fmt: skip
PAGE_OF_DRAWING = "<!doctype html><html lang=en><title>Flow</title><style>body{margin:0}</style>"
PICTURE_TYPES: Mapping[str, str] = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
}  # fmt: skip
LONGEST_SCRIPT = 5_000
FIRST = "submits form"


async def look_beside(visit: Visit, draft: Draft, path: str) -> dict[str, Any]:
    """What the template `write/beside.html` shows. `view` is one of VIEWS; `problem` says why there is nothing."""
    asked = visit.asked("show")
    view = asked if asked in VIEWS else ("email" if path.startswith("templates/") else "flow")
    found: dict[str, Any] = {"view": view, "views": VIEWS, "path": path, "problem": "", "address_of": address_of}
    found["may_write"] = visit.may(*WRITERS)
    try:
        match view:
            case "flow":
                found |= await _flow(visit, draft, path)
            case "story":
                found |= await _story(visit, draft, path)
            case "email":
                found |= await _email(visit, draft, path)
            case "plan":
                found |= await _plan(visit, draft)
            case _:
                comments = await stored.comments(visit.rt.db, draft.id) if draft.id else []
                found |= {"comments": comments, "when": await when(visit)}
    except Wrong as wrong:
        found["problem"] = str(wrong)
    return found


@desk.get("/desk/write/beside", *READERS)
async def beside(visit: Visit) -> Response:
    """The part of the page alone, for its script."""
    draft, path = await read_draft(visit), visit.asked("path")
    found = await look_beside(visit, draft, path)
    return page("desk/write/beside.html", beside=found, path=path, hidden=visit.hidden, visit=visit)


# ── the flow ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _flow(visit: Visit, draft: Draft, path: str) -> dict[str, Any]:
    """The campaign asked for, else the first one of this file, else any."""
    campaigns = (await ask_room(visit, draft, "contents"))["campaigns"]
    asked = visit.asked("campaign").casefold()
    here = [one for one in campaigns if one["path"] == path]
    chosen = next((one for one in campaigns if one["name"].casefold() == asked), None) or next(
        iter([*here, *campaigns]), None
    )
    if chosen is None:
        raise Wrong("There is no campaign yet. Insert one, or begin from a starting point.")
    steps = await ask_room(visit, draft, "steps", campaign=chosen["name"])
    drawing = f"/desk/write/drawing?{urlencode({'campaign': chosen['name'], 'draft': draft.content[:12]})}"
    return {"campaigns": [one["name"] for one in campaigns], "campaign": chosen["name"], "steps": steps,
            "drawing": drawing}  # fmt: skip


@desk.get("/desk/write/drawing", *READERS)
async def drawing(visit: Visit) -> Response:
    """The flow of a campaign of the draft, each step leading to its line: an SVG in a page, so that it scrolls to the
    step that the address names."""
    draft = await read_draft(visit)
    links = f"{PLACE}?path={{path}}&line={{line}}"
    try:
        drawn = await ask_room(visit, draft, "drawing", campaign=visit.asked("campaign"), links=links)
    except Wrong:
        raise missing() from None
    return HTMLResponse(f"{PAGE_OF_DRAWING}{drawn}", headers=DRAWING)


# ── a story ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _story(visit: Visit, draft: Draft, path: str) -> dict[str, Any]:
    """What becomes of one lead who does what the script says. `add` is one more action, `after` when it happens."""
    contents = await ask_room(visit, draft, "contents")
    script = visit.asked("script", LONGEST_SCRIPT, lines=True)
    forms = [*_of_file(contents, path, "forms"), *contents["forms"]]
    if not script and forms:
        script = f'{FIRST} "{forms[0]}"'
    known = {line for line, _ in contents["actions"]}
    if (added := visit.asked("add")) in known:
        after = visit.asked("after")
        after = f"{after} " if after in {one for one, _ in contents["times"]} and after else ""
        script = f"{script}\n{after}{added}".strip()
    told = (
        await ask_room(visit, draft, "story", script=script) if script else {"problems": [], "entries": [], "end": []}
    )
    return {"script": script, "told": told, "actions": contents["actions"], "times": contents["times"]}


# ── the email ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _email(visit: Visit, draft: Draft, path: str) -> dict[str, Any]:
    """`template` or the file that is being written, in `language`, on `width` phone or desktop."""
    contents = await ask_room(visit, draft, "contents")
    names = [one["name"] for one in contents["templates"]]
    sent = next(iter(_of_file(contents, path, "emails")), "")
    wanted = visit.asked("template") or _template_of(path, names) or sent
    if not names:
        raise Wrong("There is no template yet. Add a file such as templates/welcome.md.")
    chosen = wanted if wanted in names else names[0]
    base, language = visit.rt.settings.base_url, visit.asked("language")
    shown = await ask_room(visit, draft, "email", template=chosen, language=language, base_url=base)
    variables = await ask_room(visit, draft, "variables", path=path) if path.startswith("templates/") else []
    query = urlencode({"template": chosen, "language": shown["language"], "draft": draft.content[:12]})
    return {
        "templates": names, "template": chosen, "email": shown, "variables": variables,
        "frame": f"/desk/write/email?{query}", "tested": visit.asked("tested"),
        "width": "phone" if visit.asked("width") == "phone" else "desktop",
    }  # fmt: skip


def _of_file(contents: Mapping[str, Any], path: str, what: str) -> list[str]:
    """What the campaigns of a file start with or send, in its order."""
    return [name for one in contents["campaigns"] if one["path"] == path for name in one[what] if name]


def _template_of(path: str, names: list[str]) -> str:
    """The template that a file is a version of: `templates/trial/day-1.de.md` is of `trial/day-1`."""
    name = path.removeprefix("templates/").rpartition(".")[0] if is_text(path) else ""
    return next((one for one in (name, name.rpartition(".")[0]) if one and one in names), "")


@desk.get("/desk/write/email", *READERS)
async def email(visit: Visit) -> Response:
    """The email alone, for a frame."""
    draft = await read_draft(visit)
    asked = {"template": visit.asked("template"), "language": visit.asked("language")}
    try:
        shown = await ask_room(visit, draft, "email", **asked, base_url=visit.rt.settings.base_url)
    except Wrong:
        raise missing() from None
    return HTMLResponse(in_new_tab(shown["html"]), headers=EMAIL)


@desk.get("/desk/write/beginning", *READERS)
async def beginning(visit: Visit) -> Response:
    """The drawing of a starting point."""
    kind = visit.asked("kind")
    if kind not in _drawn:
        try:
            _drawn[kind] = await ask_room(visit, await read_draft(visit), "beginning_drawing", kind=kind)
        except Wrong:
            raise missing() from None
    return Response(_drawn[kind], media_type="image/svg+xml", headers={**DRAWING, "Cache-Control": "max-age=3600"})


_drawn: dict[str, str] = {}
"""Starting points come with the package, so each is drawn once."""


@desk.get("/desk/write/raw", *READERS)
async def raw(visit: Visit) -> Response:
    """A picture or download of the draft, as it is; nothing of it runs here."""
    path = visit.asked("path")
    body = (await read_draft(visit)).files.get(path)
    if body is None or is_text(path):
        raise missing()
    picture = PICTURE_TYPES.get("." + path.rpartition(".")[2].lower())
    shown = "inline" if picture else f"attachment; filename*=UTF-8''{quote(path.rpartition('/')[2])}"
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": shown}
    return Response(body, media_type=picture or "application/octet-stream", headers=headers)


@desk.post("/desk/write/test", *WRITERS)
async def send_to_self(visit: Visit) -> Response:
    """The email as an invented lead would get it, to whoever is signed in."""
    template, path = visit.one("template"), visit.one("path")
    draft, base = await read_draft(visit), visit.rt.settings.base_url
    try:
        shown = await ask_room(visit, draft, "email", template=template, language=visit.one("language"), base_url=base)
    except Wrong as wrong:
        raise HTTPException(422, str(wrong)) from None
    mail = Mail(
        uuid4(), visit.user.email, shown["sender"], f"Test: {shown['subject']}", shown["html"], shown["text"],
        category="test",
    )  # fmt: skip
    settings = visit.rt.settings
    mailer = choose_mailer(settings.sendgrid_api_key, settings.sendgrid_url, visit.rt.db.engine, visit.rt.clock)
    try:
        receipt = await mailer.send(mail)
    finally:
        await mailer.close()
    await visit.note("test sent", template, state=receipt.state)
    if receipt.state != "accepted":
        raise HTTPException(502, f"The test was not sent. {receipt.reason}")
    return RedirectResponse(address_of(path, show="email", template=template, tested="yes"), 303)


# ── what changes ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def _plan(visit: Visit, draft: Draft) -> dict[str, Any]:
    outlook, lines = await compare_draft(visit, draft)
    groups = [tell_recipients(one) for one in outlook.recipients]
    groups += [f"“{one.campaign}”: {tell_consent(one)}" for one in outlook.unreached]
    return {"lines": lines, "groups": groups}


async def compile_draft(visit: Visit, draft: Draft) -> Program:
    """The program as it would be deployed. Raises Wrong while there are errors."""
    compiled = (await ask_room(visit, draft, "compiled"))["program"]
    if compiled is None:
        raise Wrong("Fix the errors first.")
    return Program.model_validate(compiled)


async def compare_draft(
    visit: Visit, draft: Draft, *, leave: bool = False, moving: bool = False
) -> tuple[Outlook, list[Line]]:
    """What deploying the draft would change, for whom, and the same in words. Raises Wrong while there are errors."""
    program = await compile_draft(visit, draft)
    bundle, sources = split_files(draft)
    outlook = await look(visit.rt.db, program, bundle, leave=leave, now=visit.rt.clock.now())
    return outlook, describe_outlook(outlook, sources, moving=moving)


def split_files(draft: Draft) -> tuple[dict[str, bytes], dict[str, str]]:
    """Templates and downloads by their path, and campaign files by the path that plans name."""
    bundle = {path: body for path, body in draft.files.items() if not path.endswith(".campaign")}
    sources = {f"{draft.folder}/{path}": body.decode("utf-8", "replace")
               for path, body in draft.files.items() if path.endswith(".campaign")}  # fmt: skip
    return bundle, sources
