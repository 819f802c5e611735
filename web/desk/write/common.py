"""What all pages for writing share: who may, whose draft it is, and the process that looks at it."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

from engine.access.roles import Role
from engine.deploying import drafts
from engine.deploying.drafts import Draft
from web.desk.rooms import Rooms
from web.desk.signed_in import Visit
from web.http.limits import Buckets

READERS: tuple[Role, ...] = ("marketing", "operators")
WRITERS: tuple[Role, ...] = ("marketing",)
"""An admin may write as well."""
PLACE = "/desk/write/file"


def rooms_of(request: Request) -> Rooms:
    found: Rooms = request.app.state.rooms
    return found


async def read_draft(visit: Visit) -> Draft:
    """The draft of whoever is signed in; what is deployed, for those who do not write."""
    return await drafts.of(visit.rt.db, visit.user.id)


async def ask_room(visit: Visit, draft: Draft, what: str, **given: Any) -> Any:
    """An answer about the draft, from the process of whoever looks at it. Raises rooms.Wrong."""
    spend_question(visit)
    return await rooms_of(visit.request).ask(visit.user.id, draft, what, **given)


def spend_question(visit: Visit) -> None:
    """Take one question from the person's budget; a request counts once. Raises 429 when it is used up."""
    if getattr(visit.request.state, "spent", False):
        return
    visit.request.state.spent = True
    buckets: Buckets = visit.request.app.state.questions
    if wait := buckets.take(str(visit.user.id)):
        raise HTTPException(429, headers={"Retry-After": str(wait)})


def digest_of(body: bytes | None) -> str:
    """What tells two texts of a file apart; "" for no file."""
    return "" if body is None else hashlib.sha256(body).hexdigest()[:32]


def address_of(path: str, **more: Any) -> str:
    """The page on which a file is written."""
    return f"{PLACE}?{urlencode({'path': path, **{name: value for name, value in more.items() if value}})}"


def line_of(given: str) -> int:
    """A number of a line, 0 for anything else."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 7 else 0


def is_text(path: str) -> bool:
    return not path.startswith("files/")


def tidy_text(text: str) -> str:
    """As it is stored: browsers send forms with CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
