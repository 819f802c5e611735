"""What every route starts from: the runtime, the deployment, who is asking, and what is in the body."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from dsl.plan import Form
from engine.runtime.catalog import Catalog, Deployment
from engine.runtime.runtime import Runtime
from web.http.answers import media_type, missing
from web.http.fields import Raw
from web.http.limits import Buckets, Budget, Limits

MAX_FIELDS = 200
"""Names and values in one post."""
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{1,200}")


def runtime(request: Request) -> Runtime:
    found: Runtime = request.app.state.rt
    return found


def limits(request: Request) -> Limits:
    found: Limits = request.app.state.limits
    return found


def client(request: Request) -> str:
    """The caller's address, as uvicorn learned it from the connection or from a trusted proxy."""
    return request.client.host if request.client else "unknown"


def spend(request: Request) -> None:
    """Take one call from the caller's budget. Raises 429 with `Retry-After` when it is used up."""
    if wait := limits(request).client(client(request)):
        raise HTTPException(429, headers={"Retry-After": str(wait)})


class Freshness:
    """Keeps the catalog as new as the database's: what another process deployed is served within STALE seconds."""

    STALE = 1.0

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._read_at: float | None = None
        self._extra = Buckets(Budget(burst=10, per_second=5))

    async def current(self, catalog: Catalog, *, now: bool = False) -> Deployment | None:
        """What is deployed. `now`: look again although it was read a moment ago, if nobody does so too often."""
        async with self._lock:
            stale = self._read_at is None or monotonic() - self._read_at > self.STALE
            if stale or (now and self._extra.take("") == 0):
                await catalog.refresh()
                self._read_at = monotonic()
        return catalog.current


async def deployed(request: Request, *, now: bool = False) -> Deployment | None:
    """The current deployment, None before the first."""
    freshness: Freshness = request.app.state.freshness
    return await freshness.current(runtime(request).catalog, now=now)


async def deployed_form(request: Request, name: str) -> tuple[Deployment, Form]:
    """A form by its name; one not known yet may have been deployed a moment ago. Raises 404 when there is none."""
    for now in (False, True):
        deployment = await deployed(request, now=now)
        if deployment and (form := deployment.forms.get(name.casefold())):
            return deployment, form
    raise missing()


def token_parts(request: Request, purpose: str, token: str, count: int) -> tuple[str, ...]:
    """What the token says. Raises 404 for one that was not signed for exactly this purpose."""
    parts = runtime(request).tokens.read(purpose, token)
    if parts is None or len(parts) != count:
        raise missing()
    return parts


def token_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise missing() from None


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def posted(request: Request, *, bare: bool = False) -> Raw:
    """The fields of a form or of a JSON object. Raises 400 for what cannot be read and 415 for anything else.

    `bare`: a body that is not said to be anything, or plain text, is read as a form.
    """
    kind = media_type(request)
    if bare and kind in ("", "text/plain"):
        kind = "application/x-www-form-urlencoded"
    if kind == "application/json":
        body = load_json(await request.body())
        if not isinstance(body, dict) or len(body) > MAX_FIELDS:
            raise HTTPException(400)
        return {name: [value] for name, value in body.items()}
    if kind == "application/x-www-form-urlencoded":
        return gather(_urlencoded(await request.body()))
    if kind == "multipart/form-data":
        return gather(await _parts(request))
    raise HTTPException(415)


async def _parts(request: Request) -> list[tuple[str, object]]:
    """The parts of a multipart body. The parser would read them with any codec of Python's that the request names, of
    which some take a second for one body, and guess where that fails; so it hands on bytes, which are UTF-8 or refused.
    """
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise HTTPException(400, "A multipart form needs a boundary.")
    headers = Headers(raw=[(b"content-type", b'multipart/form-data; charset=latin-1; boundary="' + boundary + b'"')])
    parser = MultiPartParser(headers, request.stream(), max_files=MAX_FIELDS, max_fields=MAX_FIELDS)
    try:
        form = await parser.parse()
        return [(_utf8(name), _not_a_file(value)) for name, value in form.multi_items()]
    except MultiPartException as error:
        raise HTTPException(400, error.message) from None
    except ValueError:  # UnicodeError is one
        raise HTTPException(400, "The form is not in UTF-8.") from None


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8")


def _not_a_file(value: UploadFile | str) -> object:
    """A file is no field's value: it reads as one of the wrong type, and as nothing when none was chosen."""
    if isinstance(value, UploadFile):
        return {} if value.filename else ""
    return _utf8(value)


def need_text(raw: Raw) -> Raw:
    """The same, if all of it is text that can be stored. Raises 400 for a NUL and for half a character, which nobody
    types: PostgreSQL refuses both only where they are stored or looked for."""
    for name, values in raw.items():
        for text in (name, *values):
            if isinstance(text, str) and ("\x00" in text or any("\ud800" <= one <= "\udfff" for one in text)):
                raise HTTPException(400, "The form has characters that are no text.")
    return raw


def gather(pairs: Iterable[tuple[str, object]]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        raise HTTPException(400, "The form is not in UTF-8 or has too many fields.") from None


def load_json(body: bytes, *, exact: bool = False) -> Any:
    """A JSON value as RFC 8259 has it: UTF-8, no NaN, no name twice. A byte order mark is left out, as it allows
    (8.1). Raises 400 for anything else.

    `exact`: numbers with a point are Decimals, as they were written.
    """
    fraction = Decimal if exact else float
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_float=fraction, parse_constant=_refuse, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not well-formed JSON.") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found
