"""The hosted page of a form: what each field looks like, the hidden nonce, and the page itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import Response

from dsl.plan import Ask, Form, LeadField, Program, tags
from engine.model.lead import TRACKING
from engine.platform.tokens import Tokens
from engine.runtime.catalog import Deployment
from web.http.answers import page
from web.http.context import runtime
from web.http.fields import Problem, Raw, country_names
from web.http.look import Look, look_of
from web.http.origins import origin_of, origins_for_header
from web.http.security import policy
from web.http.words import TRACKING_VERSION, Words, preferred

HONEYPOT = "cf_website"
NONCE = "cf_nonce"
QUICKEST = 1.0
"""Seconds a person needs at least to fill a page in."""

_AUTOCOMPLETE = {
    "email": "email", "first_name": "given-name", "last_name": "family-name", "company": "organization",
    "job_title": "organization-title", "phone": "tel", "country": "country", "city": "address-level2",
    "language": "language", "birthday": "bday",
}  # fmt: skip
_INPUT = {
    "email": "email",
    "phone": "tel",
    "url": "url",
    "date": "date",
    "moment": "datetime-local",
}
_RADIOS_UP_TO = 5
SCRIPTED = ("cf_page", "cf_landing", "cf_referrer")
"""Hidden fields of the script `cf.js`: the page a form stands on, where its visitor came in, and from where."""


@dataclass(frozen=True)
class Shown:
    """One field as the template draws it. `widget`: input, area, select, radios or boxes."""

    name: str
    label: str
    language: str
    widget: str
    required: bool
    input: str = "text"
    autocomplete: str = "off"
    decimal: bool = False
    options: Sequence[tuple[str, str]] = ()
    given: Sequence[str] = ()
    error: str = ""


@dataclass(frozen=True)
class Filled:
    """What was posted and came back: the values as typed and the problems, by field name; one for the whole post."""

    raw: Raw = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)
    whole: str = ""
    nonce: str = ""
    topics: Sequence[str] = ()


def language_of(request: Request, program: Program) -> str:
    """The page's language: `?lang=` when the company speaks it, else what the browser asks for."""
    wanted = program.workspace.spoken(request.query_params.get("lang", ""))
    return wanted or preferred(request.headers.get("accept-language", ""), program.workspace.languages)


def language_asked(request: Request, program: Program) -> str | None:
    """The language the visitor asks for, None when it is not one of the company's."""
    wanted = program.workspace.spoken(request.query_params.get("lang", ""))
    spoken = program.workspace.languages
    return wanted or preferred(request.headers.get("accept-language", ""), ("", *spoken)) or None


def form_page(request: Request, deployment: Deployment, form: Form, filled: Filled | None = None) -> Response:
    """The page with the form, empty (200) or as it came back (422)."""
    program, back = deployment.program, filled or Filled()
    language = language_of(request, program)
    words, look = Words(language), look_of(form, deployment.files)
    return page(
        "form.html",
        status=422 if filled else 200,
        # `no-referrer` would make the browser send `Origin: null` with the post, which no form admits.
        headers={**frame_headers(request, form, look), "Referrer-Policy": "same-origin", "X-Robots-Tag": "all"},
        embedded=embedded(request),
        look=look,
        words=words,
        company=program.workspace.name,
        title=said(form.title, language) or form.name[:1].upper() + form.name[1:],
        intro=said(form.intro, language),
        button=said(form.button, language) or words("send"),
        action=f"/f/{quote(form.name, safe='')}{_kept(request, program, language)}",
        fields=[shown(ask, program, language, words, back) for ask in form.asks],
        hidden=[(name, value) for name in (*form.filled, *SCRIPTED) for value in _filled(request, name, back)],
        consents=[(topic, wording, topic in back.topics) for topic, wording in offers(form, program, words, language)],
        nonce=back.nonce or new_nonce(runtime(request).tokens, form, runtime(request).clock.real()),
        honeypot=HONEYPOT,
        nonce_name=NONCE,
        whole=words(back.whole) if back.whole else _unseen(form, words, back),
    )


def embedded(request: Request) -> bool:
    """Whether the page says that it stands in a frame of the company's own page."""
    return request.query_params.get("embed") == "1"


def frame_headers(request: Request, form: Form, look: Look) -> dict[str, str]:
    """Who may show the form, and the page after it, in a frame: the origins it is allowed on, and nobody else.

    Where a post leads, pages of the company may redirect on to any other; which, only they know.
    """
    elsewhere = [*form.allowed_on, *([form.thanks] if form.thanks else [])]
    schemes = sorted({f"{origin.partition(':')[0]}:" for origin in map(origin_of, elsewhere) if origin})
    csp = policy(
        form_action=" ".join(["'self'", *schemes]),
        ancestors=origins_for_header(*form.allowed_on) or "'none'",
        script=embedded(request),
        images=look.images,
    )
    return {"Content-Security-Policy": csp}


def _kept(request: Request, program: Program, language: str) -> str:
    """What the address of the page keeps when the form is posted: the language that was asked for, and the frame."""
    spoken = program.workspace.spoken(request.query_params.get("lang", "")) == language
    kept = [*([f"lang={language}"] if spoken else []), *(["embed=1"] if embedded(request) else [])]
    return f"?{'&'.join(kept)}" if kept else ""


def _filled(request: Request, name: str, back: Filled) -> list[str]:
    """What a hidden field carries: what was posted, else what the page's own address says, else, in a frame, the
    address of the page around it."""
    given = back.raw.get(name) or request.query_params.getlist(name)
    if not given and embedded(request) and name not in SCRIPTED:
        around = request.query_params.get("cf_page", "").partition("?")[2].partition("#")[0]
        given = [value for key, value in parse_qsl(around) if key == name]
    return [value.encode(errors="replace").decode() for value in given if isinstance(value, str)]


def _unseen(form: Form, words: Words, back: Filled) -> str:
    """What is wrong with a hidden field, which the visitor cannot see."""
    wrong = [name for name in form.filled if name in back.problems]
    return " ".join(f"{words.label(name)}: {words.problem(back.problems[name])}" for name in wrong)


def offers(form: Form, program: Program, words: Words, language: str) -> list[tuple[str, str]]:
    """What the page asks consent to, as (topic, wording); the last is tracking, where that needs consent."""
    found = [(consent.topic, consent.shown(language)[1]) for consent in form.consents]
    return [*found, (TRACKING, words("track"))] if program.workspace.tracking_needs_consent else found


def shown(ask: Ask, program: Program, language: str, words: Words, filled: Filled) -> Shown:
    declared = program.all_fields[ask.field]
    label, label_language = label_of(ask, program, language, words)
    problem = filled.problems.get(ask.field)
    widget, options = _widget(declared, language, words)
    given = filled.raw.get(ask.field, ())
    return Shown(
        name=ask.field,
        label=label,
        language=label_language,
        widget=widget,
        required=ask.required,
        input=_INPUT.get(declared.type, "text"),
        autocomplete=_AUTOCOMPLETE.get(ask.field, "off"),
        decimal=declared.type in ("number", "money"),
        options=options,
        given=[value.encode(errors="replace").decode() for value in given if isinstance(value, str)],
        error=words.problem(problem) if problem else "",
    )


def said(texts: tuple[tuple[str, str], ...], language: str) -> str:
    """What the form says in that language, else in the company's first; "" if it says nothing."""
    return (tags.text_in(language, texts) or ("", dict(texts).get("", "")))[1]


def label_of(ask: Ask, program: Program, language: str, words: Words) -> tuple[str, str]:
    """The label and the language it is in: the page's, else the company's first, else the field's name."""
    if found := tags.text_in(language, ask.labels):
        return found[1], found[0]
    if first := dict(ask.labels).get(""):
        return first, program.workspace.languages[0]
    return words.label(ask.field), words.language


def _widget(declared: LeadField, language: str, words: Words) -> tuple[str, Sequence[tuple[str, str]]]:
    match declared.type:
        case "choice":
            many = len(declared.choices) > _RADIOS_UP_TO
            return "select" if many else "radios", [(one, declared.label(one, language)) for one in declared.choices]
        case "choices":
            return "boxes", [(one, declared.label(one, language)) for one in declared.choices]
        case "yes/no":
            return "radios", [("yes", words("yes")), ("no", words("no"))]
        case "long text":
            return "area", ()
        case "country":
            return "select", _countries(language)
        case _:
            return "input", ()


@lru_cache(maxsize=32)
def _countries(language: str) -> Sequence[tuple[str, str]]:
    names = country_names(language)
    return sorted(names.items(), key=lambda pair: _sortable(pair[1]))


def _sortable(name: str) -> str:
    return name.casefold().translate(str.maketrans("äöüåéèîșțâă", "aouaeeistaa"))


# ── the nonce ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Nonce:
    """`key` identifies one filled-in page, so that a second press of the button is not a second post. `wording`: the
    version of the wording beside the box for tracking that the page showed."""

    key: str
    age: float
    wording: int


def new_nonce(tokens: Tokens, form: Form, real: datetime) -> str:
    return tokens.sign(
        "form", _fingerprint(form), str(int(real.timestamp() * 1000)), str(uuid4()), str(TRACKING_VERSION)
    )


def read_nonce(tokens: Tokens, form: Form, real: datetime, token: str) -> Nonce | None:
    """The nonce of one of this form's own pages, or None."""
    parts = tokens.read("form", token)
    if parts is None or len(parts) not in (3, 4) or parts[0] != _fingerprint(form):
        return None
    wording = int(parts[3]) if len(parts) == 4 else 1  # pages did not say it while there was one wording
    return Nonce(str(UUID(parts[2])), real.timestamp() - int(parts[1]) / 1000, wording)


def _fingerprint(form: Form) -> str:
    return hashlib.sha256(form.name.casefold().encode()).hexdigest()[:16]
