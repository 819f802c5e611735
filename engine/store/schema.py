"""All tables, whichever file declares them: what migrations are held against and rows are written to."""

from __future__ import annotations

from engine.store import doors, measured, money, people, report_tables
from engine.store.tables import metadata

assert doors.confirmations.metadata is measured.sources.metadata is money.deals.metadata is metadata
assert report_tables.dirty.metadata is people.merges.metadata is metadata
__all__ = ("metadata",)
