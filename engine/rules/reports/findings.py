"""Findings: what stands out in the rows of a report, in a sentence each, by how much money it is about. Pure.

Each function looks at rows for one thing and says nothing where it is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from engine.rules.deals.money import decimal_text
from engine.rules.reports.query import SOURCE_BY, nearest
from engine.rules.reports.table import Finding, Row, shown

MOST: Final = 5
"""Findings that a report shows."""
LARGE: Final = Fraction(15, 100)
"""From this share of leads or of revenue on, a source is worth a sentence."""
FEW_LEADS: Final = 5
UNTOUCHED: Final = Fraction(1, 5)
"""Above this share of revenue without a known touch, tagging is missing somewhere."""
MACHINES: Final = Fraction(1, 3)
FEW_CLICKS: Final = 5
FEW_STARTED: Final = 10
"""Of a form that was shown less often nothing is said."""
FINISHING: Final = Fraction(1, 4)


@dataclass(frozen=True, slots=True)
class Frame:
    """What sentences need beside rows: the currency, and the question's own words, such as `from` and `to`."""

    currency: str
    words: Mapping[str, str]

    def money(self, amount: int) -> str:
        return f"{decimal_text(amount, self.currency)} {self.currency}"

    def ask(self, report: str, **more: str) -> dict[str, str]:
        return {"report": report, **self.words, **more}


def top(found: Iterable[Finding]) -> list[Finding]:
    """The findings that are shown, by money at stake, then by how many people they are about."""
    return sorted(found, key=lambda one: (-one.stake, -one.people, one.text))[:MOST]


def share(value: Any) -> str:
    return shown(value, "share", "")


def things(many: int, one: str, more: str = "") -> str:
    """`1 lead`, `1,200 leads`."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def many_leads_little_revenue(rows: Sequence[Row], by: str, frame: Frame, revenue: int) -> Iterable[Finding]:
    """A source with much of the leads and at most half that share of the revenue. `revenue`: all there is."""
    leads = sum(row.get("leads") or 0 for row in rows)
    if not leads or revenue <= 0:
        return
    for row in rows:
        of_leads = Fraction(row.get("leads") or 0, leads)
        own = max(0, row.get("revenue") or 0)
        of_revenue = Fraction(own, revenue)
        if (row.get("leads") or 0) >= FEW_LEADS and of_leads >= LARGE and of_revenue <= of_leads / 2:
            brought = f"{share(of_revenue)} of revenue ({frame.money(own)})" if own else "no revenue"
            name = name_of(row, by)
            yield Finding(
                f"{name} brought {share(of_leads)} of new leads ({row['leads']:,}) and {brought}",
                {by: name, "leads": row["leads"], "share_of_leads": of_leads, "share_of_revenue": of_revenue,
                 "revenue": row.get("revenue") or 0},
                frame.ask("sources", by=by), round(revenue * of_leads) - own, row["leads"],
            )  # fmt: skip


def little_traffic_high_revenue(
    rows: Sequence[Row], by: str, frame: Frame, revenue: int, deals: Mapping[str, int]
) -> Iterable[Finding]:  # fmt: skip
    """A source with much of the revenue and at most half that share of the visits. `deals`: how many each got credit
    of."""
    visits = sum(row.get("visits") or 0 for row in rows)
    if not visits or revenue <= 0:
        return
    for row in rows:
        of_visits, of_revenue = Fraction(row.get("visits") or 0, visits), Fraction(row.get("revenue") or 0, revenue)
        if row.get("visits") and of_revenue >= LARGE and of_visits <= of_revenue / 2:
            name = name_of(row, by)
            rests = "; it rests on one deal" if deals.get(name) == 1 else ""
            yield Finding(
                f"{name} brought {share(of_revenue)} of revenue ({frame.money(row['revenue'])}) with "
                f"{share(of_visits)} of visits ({row['visits']:,}){rests}",
                {by: name, "visits": row["visits"], "share_of_visits": of_visits, "share_of_revenue": of_revenue,
                 "revenue": row["revenue"], "deals": deals.get(name)},
                frame.ask("sources", by=by), row["revenue"], row.get("leads") or 0,
            )  # fmt: skip


def money_without_leads(rows: Sequence[Row], by: str, frame: Frame) -> Iterable[Finding]:
    """Cost without a lead: its visits have brought none, or no visit bears its name."""
    came = sorted({name_of(row, by) for row in rows if row.get("visits")})
    for row in rows:
        cost = row.get("cost") or 0
        if cost <= 0 or row.get("leads"):
            continue
        name = name_of(row, by)
        figures = {by: name, "cost": cost, "visits": row.get("visits") or 0, "leads": 0}
        if row.get("visits"):
            said = f"{frame.money(cost)} spent on {name} brought {things(row['visits'], 'visit')} and no new lead"
            yield Finding(said, figures, frame.ask("sources", by=by), cost)
            continue
        near = nearest(name, [one for one in came if one != name])
        hint = f"; did the visits come as {near}?" if near else ""
        said = f"{frame.money(cost)} spent on {name}, but no visit and no new lead has this {by}{hint}"
        yield Finding(said, {**figures, "near": near}, frame.ask("sources", by=by), cost)


def revenue_without_touch(untouched: int, revenue: int, frame: Frame) -> Iterable[Finding]:
    """Much revenue whose path is unknown."""
    if revenue > 0 and (part := Fraction(untouched, revenue)) > UNTOUCHED:
        yield Finding(
            f"{share(part)} of revenue ({frame.money(untouched)}) has no known touch: put the script on every page "
            "and tag the links of your campaigns",
            {"revenue": revenue, "without_touch": untouched, "share": part}, frame.ask("sources"), untouched,
        )  # fmt: skip


def without_rate(sums: Mapping[tuple[str, str], int], frame: Frame) -> Iterable[Finding]:
    """Money that no sum has. `sums` by what it is of, revenue or cost, and its currency."""
    for (of, code), amount in sorted(sums.items()):
        if amount:
            yield Finding(
                f"{decimal_text(amount, code)} {code} of {of} has no rate and is in no sum; add one with "
                "`coldframe import rates`",
                {"of": of, "currency": code, "amount": decimal_text(amount, code)}, frame.ask("sources"), abs(amount),
            )  # fmt: skip


def name_of(row: Row, by: str) -> str:
    """What the row is called by, or the next larger thing where that has no name."""
    wider = SOURCE_BY[: SOURCE_BY.index(by) + 1] if by in SOURCE_BY else (by,)
    return next((str(row[one]) for one in reversed(wider) if row.get(one)), "(none)")


# ── funnel ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def weakest_step(rows: Sequence[Row], frame: Frame, worth: int) -> Iterable[Finding]:
    """The step whose range ends lowest, of at least two. `worth`: revenue for each new lead."""
    ripe = [row for row in rows if row.get("high") is not None and row["reached"] > row["unripe"]]
    if len(ripe) < 2:
        return
    row = min(ripe, key=lambda one: one["high"])
    whole = row["reached"] - row["unripe"]
    yield Finding(
        f"the weakest step is {row['stage']} to {row['next']}: {row['on']:,} of {things(whole, 'lead')} reached "
        f"{row['next']} ({share(row['share'])}, at most {share(row['high'])})",
        {key: row[key] for key in ("stage", "next", "on", "share", "low", "high")} | {"ripe": whole},
        frame.ask("funnel", part="drop-off"), (whole - row["on"]) * worth, whole - row["on"],
    )  # fmt: skip


def fallen_steps(rows: Sequence[Row], before: Sequence[Row], frame: Frame, worth: int) -> Iterable[Finding]:
    """Steps whose range lies wholly below the one of the period before."""
    earlier = {(row["stage"], row["next"]): row for row in before}
    for row in rows:
        old = earlier.get((row["stage"], row["next"]))
        if old is None or None in (row.get("high"), old.get("low")) or row["high"] >= old["low"]:
            continue
        whole = row["reached"] - row["unripe"]
        lost = round((Fraction(old["share"]) - Fraction(row["share"])) * whole)
        yield Finding(
            f"{row['stage']} to {row['next']} fell from {share(old['share'])} in the period before to "
            f"{share(row['share'])}; their ranges do not meet",
            {"stage": row["stage"], "next": row["next"], "share": row["share"], "before": old["share"],
             "high": row["high"], "low_before": old["low"]},
            frame.ask("funnel", part="cohort"), lost * worth, lost,
        )  # fmt: skip


def missed_limits(rows: Sequence[Row], frame: Frame, worth: int) -> Iterable[Finding]:
    """Time limits that sales has missed, of all handoffs. `rows`: with `handoffs` and `missed`."""
    handoffs, missed = (sum(row.get(key) or 0 for row in rows) for key in ("handoffs", "missed"))
    if missed:
        yield Finding(
            f"sales missed a time limit on {things(missed, 'handoff')} of {handoffs:,} "
            f"({share(Fraction(missed, handoffs))})",
            {"handoffs": handoffs, "missed": missed}, frame.ask("sales"), missed * worth, missed,
        )  # fmt: skip


# ── emails, campaigns, content ───────────────────────────────────────────────────────────────────────────────────────
def machine_clicks(rows: Sequence[Row], frame: Frame) -> Iterable[Finding]:
    """Emails most of whose clicks nobody made."""
    for row in rows:
        machines, people = row.get("machine_clicked") or 0, row.get("clicked") or 0
        if machines + people >= FEW_CLICKS and (part := Fraction(machines, machines + people)) > MACHINES:
            yield Finding(
                f'machines clicked in {share(part)} of the clicked emails "{row["template"]}" of {row["campaign"]} '
                f"({machines:,} of {machines + people:,}): read its click rate with care",
                {"campaign": row["campaign"], "email": row["template"], "machines": machines, "people": people},
                frame.ask("nurture", part="emails"), 0, machines,
            )  # fmt: skip


def lifts(rows: Sequence[Row], frame: Frame, worth: int) -> Iterable[Finding]:
    """Campaigns whose lift shows, for better or worse, and those where it may be chance."""
    for row in rows:
        if row.get("lift") is None:
            continue
        reach = f"between {shown(row['low'], 'points', '')} and {shown(row['high'], 'points', '')}"
        figures = {key: row[key] for key in ("campaign", "lift", "low", "high", "treated", "held")}
        extra = round(Fraction(row["lift"]) * row["treated"])
        sure = row["low"] > 0 or row["high"] < 0
        said = f'the lift of campaign "{row["campaign"]}" {"shows" if sure else "could be chance"}: {reach}'
        stake = abs(extra) * worth if sure else 0
        yield Finding(said, figures, frame.ask("campaigns", part="lift"), stake, abs(extra))


def unfinished_baits(rows: Sequence[Row], frame: Frame, worth: int) -> Iterable[Finding]:
    """Forms that are shown often and sent seldom."""
    for row in rows:
        seen, sent = row.get("shown") or 0, row.get("sent") or 0
        if seen >= FEW_STARTED and Fraction(sent, seen) < FINISHING:
            yield Finding(
                f'the form "{row["bait"]}" was shown {things(seen, "time")} and sent {things(sent, "time")} '
                f"({share(Fraction(sent, seen))})",
                {"bait": row["bait"], "shown": seen, "sent": sent}, frame.ask("content"), (seen - sent) * worth // 10,
                seen - sent,
            )  # fmt: skip


def stalled_deals(rows: Sequence[Row], frame: Frame) -> Iterable[Finding]:
    """Open deals that have not moved for long."""
    stalled, amount = (sum(row.get(key) or 0 for row in rows) for key in ("stalled", "stalled_amount"))
    if stalled:
        verb, worth = "has" if stalled == 1 else "have", f" over {frame.money(amount)}" if amount else ""
        yield Finding(
            f"{things(stalled, 'open deal')}{worth} {verb} stalled",
            {"stalled": stalled, "amount": amount}, frame.ask("opportunities"), amount, stalled,
        )  # fmt: skip


def idle_rules(rows: Sequence[Row], frame: Frame, model: str = "") -> Iterable[Finding]:
    """Scoring rules that gave points to many leads, of whom no more went on than of the others."""
    names: Collection[str] = [row["rule"] for row in rows if row.get("high") is not None and row["high"] < 0]
    if names:
        said = ", ".join(f"`{one}`" for one in names)
        yield Finding(
            f"leads with points from {said} advance less often than others; check what these points mean",
            {"rules": list(names), "model": model}, frame.ask("scoring"), 0, len(names),
        )  # fmt: skip
