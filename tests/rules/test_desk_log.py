"""How full the members of teams were, and who had a lead, at any instant of the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from engine.rules.sales.desk_log import DeskLog, Entry

ANN, BOB = UUID(int=1), UUID(int=2)
START = datetime(2026, 9, 1, 9, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def entry(lead: UUID, handoff: str, type: str, hours: float, member: str = "") -> Entry:
    return Entry(lead, handoff, f"handoff.{type}", "Sales", member, at(hours))


LOG = DeskLog([
    entry(ANN, "a", "opened", 0), entry(ANN, "a", "assigned", 0, "Eva@x.example"), entry(BOB, "b", "opened", 1),
    entry(ANN, "a", "assigned", 3, "jon@x.example"), entry(BOB, "b", "assigned", 3, "eva@x.example"),
    entry(ANN, "a", "accepted", 5), entry(BOB, "b", "overdue", 6), entry(ANN, "c", "rejected", 7),
])  # fmt: skip


def test_a_member_is_full_with_the_leads_of_others() -> None:
    loads = {hours: LOG.load("eva@x.example", at(hours), BOB) for hours in (-1, 0, 2, 3, 6)}
    assert loads == {-1: 0, 0: 1, 2: 1, 3: 0, 6: 0}
    assert [LOG.load("EVA@x.example", at(hours), ANN) for hours in (1, 3, 5, 6)] == [0, 1, 1, 0]
    assert [LOG.load("jon@x.example", at(hours), BOB) for hours in (2, 3, 4, 5)] == [0, 1, 1, 0]


def test_who_had_the_lead() -> None:
    assert [LOG.holder(at(hours), ANN) for hours in (-1, 0, 3, 5, 5.1)] == [
        None, ("Sales", "Eva@x.example"), ("Sales", "jon@x.example"), ("Sales", "jon@x.example"), None,
    ]  # fmt: skip
    assert [LOG.holder(at(hours), BOB) for hours in (1, 2, 3)] == [None, None, ("Sales", "eva@x.example")]
    assert LOG.holder(at(1), UUID(int=3)) is None
    assert [LOG.freed_after(at(hours)) for hours in (0, 3, 5, 6)] == [at(3), at(5), at(6), None]
    assert DeskLog().load("eva@x.example", at(0), ANN) == 0
