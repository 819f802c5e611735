"""Parts of a file (RFC 9110, 14): what PDF viewers and interrupted downloads ask for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def wanted(header: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one after the last of a range, None for the whole file: no range, several, or nonsense.

    Raises ValueError for one that lies behind the file's end.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match[0].strip() == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise ValueError(header)
    return start, end


def attachment(request: Request, body: bytes, name: str, kind: str, headers: Mapping[str, str]) -> Response:
    """A file as a download: all of it, or with 206 the part that is asked for, or 416."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    given = {**headers, "Accept-Ranges": "bytes", "Content-Disposition": disposition(name), "ETag": tag}
    if request.headers.get("if-range", tag) != tag:
        return Response(body, headers=given, media_type=kind)
    try:
        part = wanted(request.headers.get("range", ""), len(body))
    except ValueError:
        return Response(status_code=416, headers={**given, "Content-Range": f"bytes */{len(body)}"})
    if part is None:
        return Response(body, headers=given, media_type=kind)
    given["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{len(body)}"
    return Response(body[part[0] : part[1]], 206, given, kind)


def begins(request: Request) -> bool:
    """Whether the request is for the beginning of the file: later parts belong to a download that has begun."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    return match is None or not match[1] or int(match[1]) == 0


def disposition(name: str) -> str:
    """`attachment` with the name as it is (RFC 8187) and, for old programs, in ASCII (RFC 6266, appendix D)."""
    plain = "".join(one if one.isascii() and one.isprintable() and one not in '"\\%' else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
