"""The work list: who comes first, and why, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.rules.reports.work_list import Task, hours, ranked, why

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def task(lead: str, **more: Any) -> Task:
    values = {"member": "eva", "stage": "MQL", "due": None, "phase": "", "score": 0.0, "fit": 0.0, "active": None}
    return Task(lead=lead, **{**values, **more})


def test_a_passed_time_limit_then_score_fit_and_last_activity() -> None:
    tasks = [
        task("idle"), task("fit", fit=1.0), task("recent", active=NOW), task("high", score=9.0),
        task("soon", due=NOW + timedelta(hours=1), phase="assigned"),
        task("late", due=NOW - timedelta(hours=1), phase="assigned"),
        task("later", due=NOW - timedelta(days=2), phase="contacted"), task("first", member="adam"),
    ]  # fmt: skip
    assert [one.lead for one in ranked(tasks, NOW)] == [
        "first", "later", "late", "high", "fit", "recent", "idle", "soon",
    ]  # fmt: skip


def test_each_line_says_why() -> None:
    late = task(
        "a", due=NOW - timedelta(days=2, hours=5), phase="assigned", score=12.0, active=NOW - timedelta(hours=3)
    )
    assert why(late, NOW) == "time limit to acknowledge passed 2 days ago; score 12; active 3 hours ago"
    waiting = task("b", due=NOW + timedelta(minutes=90), phase="contacted", fit=2.5)
    assert why(waiting, NOW) == "time limit in 1 hour; score 0, fit 2.5"
    assert why(task("c", stage="SQL", score=7.5), NOW) == "at SQL; score 7.5"
    assert [hours(timedelta(minutes=many)) for many in (-5, 0, 1, 59, 60, 1440)] == [
        "0 minutes", "0 minutes", "1 minute", "59 minutes", "1 hour", "1 day",
    ]  # fmt: skip
