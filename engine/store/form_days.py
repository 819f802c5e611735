"""Counts of how often forms are shown, by day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text

from engine.store.db import Database

_COUNT = text("""
INSERT INTO form_days AS d (day, form, shown) VALUES (:day, :form, 1)
ON CONFLICT (day, form) DO UPDATE SET shown = d.shown + 1""")


async def count(db: Database, day: date, form: str) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_COUNT, {"day": day, "form": form})
