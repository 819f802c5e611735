"""Forms: `POST /f/{form}` for HTML forms and for JSON, the hosted page, the page of thanks.

No answer depends on whether an address is known: it is made from the form's declaration alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from dsl.plan import Form, Scalar
from engine.leads import intake
from engine.model.ids import new_id
from engine.model.lead import TRACKING
from engine.platform.tokens import email_key
from engine.rules.conditions.addresses import ascii_address
from engine.rules.tracking.agents import scans
from engine.runtime.catalog import Deployment
from engine.tracking import form_views
from web.http.answers import missing, page, wants_json
from web.http.context import client, deployed_form, limits, posted, runtime, spend, token_parts, token_uuid
from web.http.fields import Parsed, Raw, cut_url, parse_form, safe_url, tidy
from web.http.look import look_of
from web.http.origins import admits, origin_of, own_page, share
from web.http.words import TRACKING_VERSION, Words
from web.public.hosted import (
    HONEYPOT,
    NONCE,
    QUICKEST,
    Filled,
    Nonce,
    embedded,
    form_page,
    frame_headers,
    language_asked,
    language_of,
    read_nonce,
)
from web.public.visits import visitor_of

router = APIRouter()
log = structlog.get_logger("web")
POSTED = "posted:"
"""How the state of a post that may wait for its confirmation begins; its number in the log follows."""
MAX_KEY = 200
"""Characters of an Idempotency-Key."""


@router.get("/f/{form}")
async def show(request: Request, form: str) -> Response:
    """The hosted page. That a person has seen it is counted once it is sent."""
    deployment, declared = await deployed_form(request, form)
    answer = form_page(request, deployment, declared)
    if request.method == "GET" and not scans(request.headers.get("user-agent", "")):
        zone = deployment.program.workspace.timezone
        answer.background = BackgroundTask(form_views.count, runtime(request), declared.name, zone)
    return answer


@router.options("/f/{form}")
async def preflight(request: Request, form: str) -> Response:
    """What a browser asks before a page of another origin may post JSON."""
    _, declared = await deployed_form(request, form)
    _admit(request, declared)
    return Response(status_code=204)


@router.options("/thanks/{token}")
async def preflight_thanks(request: Request, token: str) -> Response:
    """A page whose script posts the form is redirected here, and its browser asks again."""
    _, name, _ = token_parts(request, "thanks", token, 3)
    _, declared = await deployed_form(request, name)
    _admit(request, declared, methods="GET")
    return Response(status_code=204)


@router.post("/f/{form}")
async def submit(request: Request, form: str) -> Response:
    """Take a filled-in form: 303 or 200 once it is committed, 422 with a message for each field that is wrong."""
    deployment, declared = await deployed_form(request, form)
    _admit(request, declared)
    spend(request)
    incoming = await _read(request, deployment, declared)
    if incoming.parsed.ignored and not incoming.trapped:
        log.info("form values ignored", form=declared.name, count=len(incoming.parsed.ignored))
    if incoming.trapped:
        return accepted(request, incoming, new_id(runtime(request).clock.now()), 1)
    if incoming.parsed.problems or incoming.hurried:
        return refused(request, incoming)
    _spend_address(request, incoming.parsed)
    done = await intake.submit(runtime(request), _post(request, incoming))
    return accepted(request, incoming, done.lead_id, done.seq)


@router.get("/thanks/{token}")
async def thanks(request: Request, token: str) -> Response:
    """Where a form without a page of thanks of its own leads, before and after its confirmation."""
    return await _thanks(request, token)


@router.post("/thanks/{token}")
async def ask_again(request: Request, token: str) -> Response:
    """Whoever waits for the confirmation email asks for it again. The answer is the same whatever becomes of it."""
    lead, _, state = token_parts(request, "thanks", token, 3)
    number = state.removeprefix(POSTED)
    if not own_page(request, runtime(request).settings.base_url, unnamed=True):
        raise HTTPException(403, "Only this page itself can ask for the email again.")
    if not state.startswith(POSTED) or not number.isdecimal() or len(number) > 18:
        raise missing()
    spend(request)
    await intake.ask_again(runtime(request), token_uuid(lead), int(number), client(request))
    return await _thanks(request, token, again=True)


async def _thanks(request: Request, token: str, *, again: bool = False) -> Response:
    lead, name, state = token_parts(request, "thanks", token, 3)
    deployment, form = await deployed_form(request, name)
    waiting = state.startswith(POSTED) and form.confirm_with is not None
    look = look_of(form, deployment.files)
    if request.method != "POST" and admits(request, form.allowed_on, runtime(request).settings.base_url):
        share(request)
    return page(
        "thanks.html",
        headers=frame_headers(request, form, look),
        embedded=embedded(request),
        look=look,
        words=Words(language_of(request, deployment.program)),
        company=deployment.program.workspace.name,
        waiting=waiting,
        token=token,
        again=again,
        confirmed=state == "confirmed",
        file=None if waiting else form.file,
        file_url=None if waiting else file_path(request, form, token_uuid(lead)),
        onward=form.thanks if not waiting and form.thanks and safe_url(form.thanks) else None,
        host=urlsplit(form.thanks).hostname if form.thanks else None,
    )


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Incoming:
    """A post as it was read. `trapped`: something filled in the field that nobody sees."""

    deployment: Deployment
    form: Form
    raw: Raw
    parsed: Parsed
    nonce: Nonce | None
    trapped: bool

    @property
    def hurried(self) -> bool:
        return self.nonce is not None and self.nonce.age < QUICKEST


async def _read(request: Request, deployment: Deployment, form: Form) -> Incoming:
    rt = runtime(request)
    raw = {**_in_address(request, form), **await posted(request)}
    return Incoming(
        deployment=deployment,
        form=form,
        raw=raw,
        parsed=parse_form(form, deployment.program, raw, language_of(request, deployment.program)),
        nonce=read_nonce(rt.tokens, form, rt.clock.real(), _first(raw, NONCE)),
        trapped=any(value not in ("", None) for value in raw.get(HONEYPOT, ())),
    )


def _in_address(request: Request, form: Form) -> dict[str, list[object]]:
    """The hidden fields that the address of the post fills, for forms whose page puts them there."""
    given = {name: request.query_params.getlist(name) for name in form.filled}
    return {name: list(values) for name, values in given.items() if values}


def _first(raw: Raw, name: str) -> str:
    value = next(iter(raw.get(name, ())), "")
    return value if isinstance(value, str) else ""


def _admit(request: Request, form: Form, methods: str = "POST") -> None:
    if not admits(request, form.allowed_on, runtime(request).settings.base_url):
        raise HTTPException(403)
    share(request, methods=methods)


def _spend_address(request: Request, parsed: Parsed) -> None:
    address = parsed.values.get("email")
    if isinstance(address, str):
        digest = hashlib.sha256(email_key(address).encode()).hexdigest()
        if wait := limits(request).address(digest):
            raise HTTPException(429, headers={"Retry-After": str(wait)})


def _post(request: Request, incoming: Incoming) -> intake.FormPost:
    referer = cut_url(request.headers.get("referer", ""))
    return intake.FormPost(
        form=incoming.form,
        values=cast(Mapping[str, Scalar], incoming.parsed.values),
        topics=incoming.parsed.topics,
        key=_key(request, incoming),
        visitor=visitor_of(request),
        language=language_asked(request, incoming.deployment.program),
        page=_said(incoming.raw, "cf_landing") or _said(incoming.raw, "cf_page") or referer or "",
        referrer=_said(incoming.raw, "cf_referrer"),
        context={
            "page": _said(incoming.raw, "cf_page") or referer or "",
            "client": client(request),
            "user_agent": request.headers.get("user-agent", "")[:500],
            "language": language_of(request, incoming.deployment.program),
            **_tracking_words(request, incoming),
        },
    )


def _said(raw: Raw, name: str) -> str:
    """An address that the script has put into a hidden field, "" for none."""
    return cut_url(_first(raw, name)) or ""


def _tracking_words(request: Request, incoming: Incoming) -> dict[str, str]:
    """What our own page said beside the box for tracking, as proof; how another site words it nobody tells us."""
    if TRACKING not in incoming.parsed.topics or incoming.nonce is None:
        return {}
    return {"tracking": Words(language_of(request, incoming.deployment.program)).tracking(incoming.nonce.wording)}


def _key(request: Request, incoming: Incoming) -> str | None:
    """What makes a repeated post the same post: the caller's Idempotency-Key, else the nonce of the hosted page."""
    given = request.headers.get("idempotency-key")
    if given is not None:
        if not 0 < len(given) <= MAX_KEY or not (given.isascii() and given.isprintable()):
            raise HTTPException(400, "An Idempotency-Key has 1 to 200 visible ASCII characters.")
        return f"key:{given}"
    return f"page:{incoming.nonce.key}" if incoming.nonce else None


# ── answering ────────────────────────────────────────────────────────────────────────────────────────────────────────
def accepted(request: Request, incoming: Incoming, lead_id: UUID, seq: int) -> Response:
    """The answer to every post that was taken, and to those that only seem to be."""
    form, waiting = incoming.form, incoming.form.confirm_with is not None
    own = f"/thanks/{runtime(request).tokens.sign('thanks', str(lead_id), form.name, f'{POSTED}{seq}')}"
    target = _next(request, incoming) or form.thanks
    if not wants_json(request):
        within = embedded(request) or request.headers.get("sec-fetch-mode") == "cors"
        here = f"{own}?embed=1" if embedded(request) else own
        # A frame goes on inside the company's page, and a script may read what is ours, but not what lies elsewhere.
        return RedirectResponse(here if within or not target else ascii_address(target), 303)
    base = runtime(request).settings.base_url
    file = None if waiting else file_path(request, form, lead_id)
    return JSONResponse(
        {
            "state": "confirm" if waiting else "submitted",
            "thanks": target or base + own,
            "file": base + file if file else None,
            **_ignored(incoming),
        }
    )


def refused(request: Request, incoming: Incoming) -> Response:
    """422: JSON with a message per field, or the hosted page with what was typed."""
    words = Words(language_of(request, incoming.deployment.program))
    problems = incoming.parsed.problems
    whole = "check" if problems else "quick"
    if wants_json(request):
        errors = {name: words.problem(found) for name, found in problems.items()}
        return JSONResponse({"message": words(whole), "errors": errors, **_ignored(incoming)}, 422)
    current = incoming.nonce is not None and incoming.nonce.wording == TRACKING_VERSION
    typed = tidy(incoming.form, incoming.deployment.program, incoming.raw)
    nonce = _first(incoming.raw, NONCE) if current else ""
    filled = Filled(typed, problems, whole, nonce, incoming.parsed.topics)
    return form_page(request, incoming.deployment, incoming.form, filled)


def _ignored(incoming: Incoming) -> dict[str, list[str]]:
    """Names in the post that mean nothing to this form, for whoever builds the page."""
    return {"ignored": list(incoming.parsed.ignored)} if incoming.parsed.ignored else {}


def _next(request: Request, incoming: Incoming) -> str | None:
    """The page the form names as the next one, when it lies on an origin the form is allowed on; others are ignored."""
    if any(ask.field == "next" for ask in incoming.form.asks):
        return None
    wanted = safe_url(_first(incoming.raw, "next"))
    allowed = {origin_of(url) for url in incoming.form.allowed_on}
    return wanted if wanted and origin_of(wanted) in allowed else None


def file_path(request: Request, form: Form, lead_id: UUID) -> str | None:
    """The path at which this lead gets the form's file, when it gives one."""
    if form.file is None:
        return None
    return f"/d/{runtime(request).tokens.sign('file', str(lead_id), form.file)}"
