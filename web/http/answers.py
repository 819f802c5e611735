"""How routes answer: pages from templates, JSON, and the same words for the same kind of refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from web.http.words import LANGUAGES, Words, preferred

HERE = Path(__file__).resolve().parents[1]
STATIC = HERE / "static"


def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


pages = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
pages.filters["segment"] = lambda text: quote(text, safe="")
pages.filters["coded"] = lambda text: coded(text)
pages.globals["style"] = f"/static/site.css?{_digest('site.css')}"
pages.globals["embed_script"] = f"/static/embed.js?{_digest('embed.js')}"


@cache
def desk_assets() -> Mapping[str, str]:
    """The addresses of the desk's own sheet and scripts; `editor` is "" where it was not built (`make editor`)."""
    files = {"sheet": "desk.css", "script": "desk.js", "write_script": "write.js", "editor": "built/editor.js"}
    return {name: f"/static/{file}?{_digest(file)}" if (STATIC / file).exists() else "" for name, file in files.items()}


MACHINES = ("/api/", "/hooks/")
"""Where only programs call: they are answered in JSON whatever they accept."""
SEND_JSON = "Send JSON, with `Content-Type: application/json`."
REFUSALS: Mapping[int, tuple[str, str]] = {
    400: ("Invalid request", "The body or the headers are not well formed."),
    401: ("The API key is missing, invalid, or revoked", "Send a valid API key as “Authorization: Bearer …”."),
    403: ("Not allowed", "The form’s “allowed on” line does not list this page’s address."),
    405: ("Method not allowed", "This address does not accept this method."),
    408: ("Request timeout", "The request did not arrive in time. Please try again."),
    413: ("Request too large", "The request is larger than we accept."),
    415: ("Unsupported content type", "Send a form (urlencoded or multipart) or JSON."),
    421: ("Unknown host", "This server does not answer to this name."),
    422: ("Invalid request", "Please check the data and try again."),
    429: ("Too many requests", "Please wait a moment and try again."),
    500: ("Something went wrong on our side", "The error has been logged. Please try again later."),
    503: ("Temporarily unavailable", "Nothing was saved. Please try again in a few seconds."),
}


def coded(text: str) -> Markup:
    """A sentence whose words in backticks are code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(one) if place % 2 else escape(one)
                           for place, one in enumerate(parts))  # fmt: skip


def as_sentence(words: object) -> str:
    """What a rule says of a mistake, as pages and answers say it: with a capital and a full stop."""
    said = str(words)
    return f"{said[:1].upper()}{said[1:]}" + ("" if said.endswith((".", "?", "!")) else ".")


def page(template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> HTMLResponse:
    """A page from `templates/`. Pages for visitors give `words` in their language; those for colleagues are English."""
    values.setdefault("words", Words("en"))
    values.setdefault("embedded", False)
    values.setdefault("look", None)
    return HTMLResponse(pages.get_template(template).render(**values), status, headers)


def wants_json(request: Request) -> bool:
    """Whether the caller is a program: it says so, or sent JSON without asking for a page."""
    accept = request.headers.get("accept", "")
    if "application/json" in accept:
        return "text/html" not in accept or accept.index("application/json") < accept.index("text/html")
    return is_json(request) and "text/html" not in accept


def for_machines(request: Request) -> bool:
    """Whether only programs call this address; `/t` is where the script of the company's pages sends what it sees."""
    return request.url.path.startswith(MACHINES) or request.url.path == "/t"


def is_json(request: Request) -> bool:
    return media_type(request) == "application/json"


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def problem(request: Request, status: int, headers: Mapping[str, str] | None = None, text: str = "") -> Response:
    """The answer to what cannot be done. Every 404 is the same page, whatever was wrong."""
    if status == 404:
        return _missing(request)
    title, usual = REFUSALS.get(status, REFUSALS[400 if status < 500 else 500])
    if wants_json(request) or for_machines(request):
        return JSONResponse({"error": text or title}, status, headers)
    return page("problem.html", status=status, headers=headers, title=title, text=text or usual)


def _missing(request: Request) -> Response:
    if wants_json(request) or for_machines(request):
        return JSONResponse({"error": "not found"}, 404)
    words = Words(preferred(request.headers.get("accept-language", ""), tuple(LANGUAGES)))
    return page("problem.html", status=404, words=words, title=words("not found"), text=words("not found text"))


def missing() -> HTTPException:
    """Raise it for anything that is not there, and for every kind of bad token."""
    return HTTPException(404)
