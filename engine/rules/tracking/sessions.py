"""Sessions and touches: which page views belong together, and what a lead's path consists of. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from engine.rules.tracking.classify import Source

PAUSE = timedelta(minutes=30)
"""Longer between two page views, and the second begins a session of its own."""
SAME_MAIL = timedelta(minutes=30)
"""Clicks in one email within this span are one touch."""
FOLLOWS_CLICK = timedelta(minutes=5)
"""A session that begins this soon after a click in one of our emails is that click's, not a touch of its own."""

TouchKind = Literal["visit", "mail click", "form", "call", "chat", "webinar", "meeting", "import", "offline"]

CONVERSIONS: dict[str, TouchKind] = {
    "form.submitted": "form", "call.received": "call", "chat.started": "chat", "webinar.attended": "webinar",
    "meeting.held": "meeting",
}  # fmt: skip
"""Events that are a touch of their own where no session of the visitor covers them."""
ALWAYS = frozenset({"webinar.attended", "meeting.held"})
"""Those that are a touch whatever the visitor did around them."""


@dataclass(frozen=True)
class Session:
    """Page views of one visitor with at most 30 minutes between them. `click` as in `Source`."""

    id: UUID
    source: Source
    begun: datetime
    last_at: datetime
    landing: str
    pages: int = 1

    def goes_on(self, source: Source, at: datetime) -> bool:
        """Whether a page view belongs to this session: soon enough, and from nowhere else than it began. Midnight does
        not end a session; a view that is late to arrive belongs to the session it falls into."""
        soon = self.begun - PAUSE <= at <= self.last_at + PAUSE
        return soon and (source.direct or source == self.source)

    def covers(self, at: datetime) -> bool:
        """Whether something that happened at `at` belongs to this session, whose last page was seen shortly before."""
        return self.begun <= at <= self.last_at + PAUSE


@dataclass(frozen=True)
class Touch:
    """One contact on a lead's path. `key` is unique within the lead, so the same contact is noted once."""

    key: str
    at: datetime
    source: Source
    kind: TouchKind
    seq: int | None = None
    session: UUID | None = None


def visit_touch(session: Session, clicks: Iterable[datetime] = ()) -> Touch | None:
    """The touch of a session's beginning; None if it began from a click in one of our emails, noted at `clicks`."""
    if any(at <= session.begun <= at + FOLLOWS_CLICK for at in clicks):
        return None
    return Touch(f"v:{session.id}", session.begun, session.source, "visit", session=session.id)


def click_touch(message: UUID, campaign: str, template: str, at: datetime, last: datetime | None) -> Touch | None:
    """The touch of a person's click in one of our emails; None within 30 minutes of the last one in the same email."""
    if last is not None and at - last < SAME_MAIL:
        return None
    source = Source("Email", "coldframe", "email", campaign.lower()[:200], template.lower()[:200])
    return Touch(f"m:{message}:{int(at.timestamp())}", at, source, "mail click")


def conversion_touch(type: str, seq: int, at: datetime, session: Session | None, source: Source) -> Touch | None:
    """The touch of a form, call, chat, webinar or meeting; None where it is none, or falls into a session, whose
    touch is noted already. `source`: what is known of it itself."""
    kind = CONVERSIONS.get(type)
    if kind is None or (session is not None and session.covers(at) and type not in ALWAYS):
        return None
    return Touch(f"e:{seq}", at, source, kind, seq=seq)
