"""All tables, whichever file declares them: what migrations are held against and rows are written to."""

from __future__ import annotations

from engine.store import measured
from engine.store.tables import metadata

assert measured.sources.metadata is metadata
__all__ = ("metadata",)
