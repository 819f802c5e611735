"""Each finding by itself: said where it stands out, not said at its edge, with the money that it is about."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.rules.reports import findings as rules
from engine.rules.reports.findings import Frame
from engine.rules.reports.table import Finding

FRAME = Frame("EUR", {"from": "2026-01-01", "to": "2026-01-31"})


def source(name: str, visits: int = 0, leads: int = 0, revenue: int = 0, cost: int = 0) -> dict[str, Any]:
    return {"channel": name, "source": name, "campaign": name, "visits": visits, "leads": leads, "revenue": revenue,
            "cost": cost}  # fmt: skip


def total(rows: list[dict[str, Any]]) -> int:
    return sum(row["revenue"] for row in rows)


def texts(found: Any) -> list[str]:
    return [one.text for one in found]


def test_many_leads_and_little_revenue() -> None:
    rows = [source("Display", 10, 50, 10_000), source("Email", 10, 50, 90_000)]
    (found,) = rules.many_leads_little_revenue(rows, "channel", FRAME, total(rows))
    assert found.text == "Display brought 50% of new leads (50) and 10% of revenue (100.00 EUR)"
    assert (found.stake, found.people) == (40_000, 50)
    assert found.ask == {"report": "sources", "from": "2026-01-01", "to": "2026-01-31", "by": "channel"}
    half = [source("Display", 10, 50, 25_000), source("Email", 10, 50, 75_000)]
    assert len(texts(rules.many_leads_little_revenue(half, "channel", FRAME, total(half)))) == 1
    more = [source("Display", 10, 50, 25_001), source("Email", 10, 50, 74_999)]
    assert texts(rules.many_leads_little_revenue(more, "channel", FRAME, total(more))) == []
    refunded = [source("Display", 10, 50, -100), source("Email", 10, 50, 75_000)]
    (found,) = rules.many_leads_little_revenue(refunded, "channel", FRAME, 74_900)
    assert found.text == "Display brought 50% of new leads (50) and no revenue"
    few = [source("Display", 10, 4, 0), source("Email", 10, 4, 100)]
    assert texts(rules.many_leads_little_revenue(few, "channel", FRAME, total(few))) == []
    small = [source("Display", 1, 14, 0), source("Email", 1, 86, 100)]
    assert texts(rules.many_leads_little_revenue(small, "channel", FRAME, total(small))) == []
    assert (
        texts(
            rules.many_leads_little_revenue(
                [source("Display", 1, 9)], "channel", FRAME, total([source("Display", 1, 9)])
            )
        )
        == []
    )


def test_little_traffic_and_high_revenue_which_may_rest_on_one_deal() -> None:
    rows = [source("Chat", 10, 1, 20_000), source("Email", 90, 1, 80_000)]
    (found,) = rules.little_traffic_high_revenue(rows, "channel", FRAME, total(rows), {})
    assert found.text == "Chat brought 20% of revenue (200.00 EUR) with 10% of visits (10)"
    (found,) = rules.little_traffic_high_revenue(rows, "channel", FRAME, total(rows), {"Chat": 1})
    assert found.text.endswith("; it rests on one deal")
    assert found.stake == 20_000
    wide = [source("Chat", 11, 1, 20_000), source("Email", 89, 1, 80_000)]
    assert texts(rules.little_traffic_high_revenue(wide, "channel", FRAME, total(wide), {})) == []
    assert (
        texts(rules.little_traffic_high_revenue([source("Chat")], "channel", FRAME, total([source("Chat")]), {})) == []
    )


def test_money_spent_without_a_lead_and_spend_that_no_visit_matches() -> None:
    rows = [source("spring", 5, 1, 0, 100), source("sprin", 0, 0, 0, 700), source("summer", 9, 0, 0, 300),
            source("quiet", 4)]  # fmt: skip
    assert texts(rules.money_without_leads(rows, "campaign", FRAME)) == [
        "7.00 EUR spent on sprin, but no visit and no new lead has this campaign; did the visits come as spring?",
        "3.00 EUR spent on summer brought 9 visits and no new lead",
    ]
    nameless = [{"channel": "Paid Search", "source": "bing", "campaign": "", "cost": 5}]
    (found,) = rules.money_without_leads(nameless, "campaign", FRAME)
    assert found.text == "0.05 EUR spent on bing, but no visit and no new lead has this campaign"


def test_revenue_without_a_touch_and_money_without_a_rate() -> None:
    assert texts(rules.revenue_without_touch(20, 100, FRAME)) == []
    assert rules.revenue_without_touch(21, 100, FRAME) is not None
    (found,) = rules.revenue_without_touch(21, 100, FRAME)
    assert found.text.startswith("21% of revenue (0.21 EUR) has no known touch")
    assert texts(rules.revenue_without_touch(5, 0, FRAME)) == []
    (rate,) = rules.without_rate({("revenue", "CHF"): 12_345, ("cost", "USD"): 0}, FRAME)
    assert rate.text.startswith("123.45 CHF of revenue has no rate")
    assert (rate.stake, rate.figures["amount"]) == (12_345, "123.45")


def step(stage: str, next: str, reached: int, on: int, low: float, high: float, unripe: int = 0) -> dict[str, Any]:
    return {"stage": stage, "next": next, "reached": reached, "unripe": unripe, "on": on, "low": low, "high": high,
            "share": Fraction(on, reached - unripe)}  # fmt: skip


def test_the_weakest_step_is_the_one_whose_range_ends_lowest() -> None:
    rows = [step("Lead", "MQL", 100, 50, 0.4, 0.6), step("MQL", "SQL", 12, 2, 0.05, 0.45, 2)]
    (found,) = rules.weakest_step(rows, FRAME, 300)
    assert found.text == "the weakest step is MQL to SQL: 2 of 10 leads reached SQL (20%, at most 45%)"
    assert (found.stake, found.people) == (2_400, 8)
    assert texts(rules.weakest_step(rows[:1], FRAME, 300)) == []
    unripe = {**rows[1], "low": None, "high": None, "share": None}
    assert texts(rules.weakest_step([rows[0], unripe], FRAME, 300)) == []


def test_a_step_fell_if_the_ranges_do_not_meet() -> None:
    before = [step("Lead", "MQL", 100, 50, 0.4, 0.6)]
    (found,) = rules.fallen_steps([step("Lead", "MQL", 100, 20, 0.13, 0.29)], before, FRAME, 100)
    assert found.text == "Lead to MQL fell from 50% in the period before to 20%; their ranges do not meet"
    assert (found.stake, found.people) == (3_000, 30)
    assert texts(rules.fallen_steps([step("Lead", "MQL", 100, 31, 0.22, 0.4)], before, FRAME, 100)) == []
    assert texts(rules.fallen_steps([step("Lead", "MQL", 100, 31, 0.22, 0.3)], [], FRAME, 100)) == []


def test_machine_clicks_above_a_third() -> None:
    mail = {"campaign": "Nurture", "template": "a", "clicked": 4, "machine_clicked": 2}
    assert texts(rules.machine_clicks([mail], FRAME)) == []
    assert texts(rules.machine_clicks([{**mail, "clicked": 1, "machine_clicked": 3}], FRAME)) == []
    (found,) = rules.machine_clicks([{**mail, "clicked": 3, "machine_clicked": 2}], FRAME)
    assert found.text.startswith('machines clicked in 40% of the clicked emails "a" of Nurture (2 of 5)')


def test_a_lift_shows_or_may_be_chance() -> None:
    lift = {"campaign": "Nurture", "lift": Fraction(1, 10), "low": 0.02, "high": 0.18, "treated": 200, "held": 50}
    (shows,) = rules.lifts([lift], FRAME, 100)
    assert shows.text == 'the lift of campaign "Nurture" shows: between +2% and +18%'
    assert (shows.stake, shows.people) == (2_000, 20)
    (chance,) = rules.lifts([{**lift, "low": -0.02}], FRAME, 100)
    assert chance.text == 'the lift of campaign "Nurture" could be chance: between -2% and +18%'
    assert chance.stake == 0
    assert texts(rules.lifts([{**lift, "lift": None}], FRAME, 100)) == []


def test_limits_deals_forms_and_rules() -> None:
    (missed,) = rules.missed_limits([{"handoffs": 8, "missed": 2}, {"handoffs": 2, "missed": 0}], FRAME, 10)
    assert missed.text == "sales missed a time limit on 2 handoffs of 10 (20%)"
    assert texts(rules.missed_limits([{"handoffs": 8, "missed": 0}], FRAME, 10)) == []
    (deals,) = rules.stalled_deals([{"stalled": 1, "stalled_amount": 500}], FRAME)
    assert deals.text == "1 open deal over 5.00 EUR has stalled"
    assert texts(rules.stalled_deals([{"stalled": 0, "stalled_amount": 0}], FRAME)) == []
    (bait,) = rules.unfinished_baits([{"bait": "guide", "shown": 20, "sent": 4}], FRAME, 100)
    assert bait.text == 'the form "guide" was shown 20 times and sent 4 times (20%)'
    assert texts(rules.unfinished_baits([{"bait": "guide", "shown": 20, "sent": 5}], FRAME, 100)) == []
    assert texts(rules.unfinished_baits([{"bait": "guide", "shown": 9, "sent": 0}], FRAME, 100)) == []
    (idle,) = rules.idle_rules([{"rule": "+5 if x", "high": -0.01}, {"rule": "+1", "high": 0.1}], FRAME)
    assert idle.text.startswith("leads with points from `+5 if x` advance less often")
    assert texts(rules.idle_rules([{"rule": "+1", "high": None}], FRAME)) == []


def test_at_most_five_by_money_then_people() -> None:
    found = [Finding(f"f{number}", {}, {}, number % 3, number) for number in range(9)]
    assert [(one.stake, one.people) for one in rules.top(found)] == [(2, 8), (2, 5), (2, 2), (1, 7), (1, 4)]
