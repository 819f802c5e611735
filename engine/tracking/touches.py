"""The touches of leads, as rows."""

from __future__ import annotations

from uuid import UUID

from engine.rules.tracking.sessions import Touch
from engine.store.sources import note_source
from engine.store.writes import Writes


def note_touch(writes: Writes, lead: UUID, touch: Touch) -> None:
    writes.insert(
        "touches", lead_id=lead, key=touch.key, source_id=note_source(writes, touch.source), kind=touch.kind,
        seq=touch.seq, session_id=touch.session, at=touch.at,
    )  # fmt: skip
