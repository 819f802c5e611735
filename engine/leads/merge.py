"""Two records of one person become one lead: one transaction, which can be undone (see `unmerge`).

The kept lead has both histories in the order of time, as if it had been one from the beginning. Where both are in a
campaign for the same thing the older run goes on, and of two open handoffs the older one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from engine.leads.consent import hashed, note_suppression
from engine.model.lead import MERGED, Lead
from engine.model.ports import Wake
from engine.platform.tokens import email_key
from engine.rules.leads import composite, joining
from engine.rules.leads.consequences import Ledger, awaits
from engine.rules.leads.limits import Booking, Rules
from engine.rules.leads.suppression import suppress
from engine.rules.runs.position import Position
from engine.rules.sales import ladder
from engine.rules.sales.ladder import State
from engine.rules.sales.tray import Tray
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import handoffs, joins, leads
from engine.store.leads import Locked
from engine.store.marks import mark_lead
from engine.store.writes import Writes

SAME, GONE, BUSY = "same", "gone", "busy"


class NotMerged(Exception):
    """Nothing was changed. `why`: the two are one lead already (`same`), one of them does not exist or was erased
    (`gone`), or an email to one of them is being sent at this moment (`busy`), so that it can be tried again."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge does: `runs` and `handoffs` of the other lead that become the kept one's, the campaigns of runs that
    end because an older one goes on, the score by model, and what the lead is then."""

    kept: UUID
    other: UUID
    events: int = 0
    runs: int = 0
    emails: int = 0
    ended: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""
    suppressed: str | None = None


async def merge(rt: Runtime, kept: UUID, other: UUID, author: str = "", *, dry: bool = False) -> Merge:
    """Make the `other` lead part of the `kept` one; `dry`: only say what would happen. Raises NotMerged."""
    async with lead_transaction(rt, str(kept)) as work:
        await joins.take_turn(work.hot)
        second = await leads.lock(work.hot, other)
        first = await leads.lock(work.hot, kept)
        if first is None or second is None or first.lead.email is None or second.lead.email is None:
            raise NotMerged(GONE)
        if first.lead.id == second.lead.id:
            raise NotMerged(SAME)
        if await joins.busy(work.hot, first.lead.id, second.lead.id):
            raise NotMerged(BUSY)
        done = await _Merging(work, first, second).carry_out(author)
        if not dry:
            await work.write()
    return done


class _Merging:
    """One merge under both locks."""

    def __init__(self, work: LeadTransaction, kept: Locked, other: Locked) -> None:
        self.work, self.hot, self.first, self.second = work, work.hot, kept, other
        self.kept, self.other = kept.lead.id, other.lead.id

    async def carry_out(self, author: str) -> Merge:
        rt, now = self.work.rt, self.work.rt.clock.now()
        rules = (await rt.deployment(self.first.epoch)).rules
        one, two = await joins.record(self.hot, self.kept), await joins.record(self.hot, self.other)
        lead = joining.joined(_record(self.first.lead, one), _record(self.second.lead, two), rules.order)
        closed, instead = await self._close_handoffs(now)
        runs = await joins.runs(self.hot, self.kept, self.other)
        news = await self._news(runs, rules)
        numbers = await joins.renumber(
            self.hot, self.kept, self.other, max(self.first.lead.seq, self.second.lead.seq)
        )  # fmt: skip
        losing = _losing(runs)
        await joins.take_runs(self.hot, self.kept, self.other, _taken(runs, losing, numbers, news, instead))
        moved = await joins.move(self.hot, self.kept, self.other)
        moved["enrolments"] = [str(one.id) for one in runs if one.lead_id == self.other]
        own, theirs = (hashed(rt, email_key(one.email or "")) for one in (self.first.lead, self.second.lead))
        hashes = [*self.second.lead.former, theirs]
        await joins.become(self.hot, self.kept, self.other, lead.created_at, hashes, own)
        ledger = await self.work.open(Locked(lead.changed(seq=numbers.last), self.first.epoch, self.first.row))
        ledger.lead = ledger.lead.changed(former=tuple({*self.first.lead.former, *hashes} - {own}))
        _once(ledger, one.rated, two.rated)
        await self._renumber_earlier(numbers)
        self._follow(ledger, author, losing, closed)
        self._keep(one.row, two.row, moved, ledger.lead, author, now)
        return Merge(
            self.kept, self.other, len(moved["events"]), len(moved["enrolments"]), len(moved["messages"]),
            tuple(one.campaign for one in losing), tuple(one.team for one in closed), ledger.lead.scores,
            ledger.lead.stage, ledger.lead.suppressed,
        )  # fmt: skip

    async def _close_handoffs(self, now: datetime) -> tuple[list[Any], dict[str, str]]:
        """Of several open handoffs the oldest goes on; those that are closed, and which goes on for each."""
        found = await joins.open_handoffs(self.hot, self.kept, self.other)
        for one in found[1:]:
            kept = dict(one.state)
            tray = Tray.from_json(kept.pop("mail", {}))
            change = ladder.merged(State.model_validate(kept), now)
            tray = tray.plus(one.gen, change.notices)
            writes = Writes()
            writes.update(
                "handoffs", id=one.id, due_at=now if tray.pending else None, **handoffs.columns(change.state, tray)
            )
            await writes.flush(self.hot)  # at once, since a lead can have one open handoff only
        return found[1:], {str(one.id): str(found[0].id) for one in found[1:]}

    async def _news(self, runs: Sequence[Any], rules: Rules) -> dict[UUID, int]:
        """Of each live run the first event in its own log that has come for it, and that it has not taken up yet."""
        live = [one for one in runs if one.state == "live"]
        await self.work.rt.catalog.need(one.digest for one in live)
        found: dict[UUID, int] = {}
        for one in live:
            lead = self.first.lead if one.lead_id == self.kept else self.second.lead
            plan, run = rules.plan_of(one.digest), leads.enrolment_of(_plain(one))
            run.position = Position.from_json(one.position)
            for event in await joins.events_above(self.hot, one.lead_id, one.cursor) if plan is not None else ():
                if plan is not None and awaits(plan, run, event, lead.zone(rules.program)):
                    found[one.id] = event.seq
                    break
        return found

    def _follow(self, ledger: Ledger, author: str, losing: Sequence[Any], closed: Sequence[Any]) -> None:
        """Log the merge, and let follow what neither record had come to alone."""
        before, stage = self.first.lead, ledger.lead.stage
        said = {"lead": str(self.other), "by": author, "runs": [str(one.id) for one in losing],
                "handoffs": [str(one.id) for one in closed]}  # fmt: skip
        event = ledger.happen(MERGED, "", said, mute=True)
        if stage != before.stage:
            ledger.stages.append({"seq": event.seq, "stage": stage, "before": before.stage, "reason": "merged",
                                  "step": "", "at": event.at})  # fmt: skip
        for row in losing:
            run = leads.enrolment_of(_plain(row))
            run.position = Position.from_json(row.position)
            ledger.leave(run, event.seq)
        for one in closed:
            ledger.wakes[one.id] = Wake(one.id, "handoff", start=False, seq=event.seq, gen=one.gen, queue="mail")
        if ledger.lead.suppressed not in (None, before.suppressed):
            reason, ledger.lead = ledger.lead.suppressed, ledger.lead.changed(suppressed=before.suppressed)
            suppress(ledger, str(reason), event.seq)
        if ledger.lead.suppressed not in (None, "bounced"):
            note_suppression(self.work.rt, ledger, self.work.writes, everywhere=True)
        for run in ledger.enrolments:
            if run.state != "ended":
                ledger.wake(run)
        ledger.rate()
        self._cross(ledger)
        composite.watch_silence(ledger)
        composite.watch_dates(ledger)
        ledger.review()

    def _cross(self, ledger: Ledger) -> None:
        """The sum of two scores, or interests, may have reached what neither had."""
        one, two, index = self.first.lead, self.second.lead, ledger.rules.index
        for model, after in dict(ledger.lead.scores).items():
            before = max(float(one.scores.get(model, 0)), float(two.scores.get(model, 0)))
            if any(before < value <= after for value in index.thresholds.get(model, frozenset())):
                ledger.happen("score.reached", model, {"before": before, "after": after})
        for name, after in dict(ledger.lead.interests).items():
            before = max(float(one.interests.get(name, 0)), float(two.interests.get(name, 0)))
            values = index.crossings.get(name.casefold(), frozenset()) | index.crossings.get("*", frozenset())
            if any(before < value <= after for value in values):
                ledger.happen("interest.reached", name, {"before": before, "after": after})

    async def _renumber_earlier(self, numbers: joins.Numbers) -> None:
        """So that earlier merges can still be undone after this one is."""
        for one in await joins.earlier(self.hot, self.kept, self.other):
            moved = joining.moved_again(one.moved, partial(numbers.of, one.kept))
            self.work.writes.update("merges", id=one.id, moved=moved)

    def _keep(
        self, one: Mapping[str, Any], two: Mapping[str, Any], moved: Mapping[str, Any], lead: Lead, author: str,
        now: datetime,
    ) -> None:  # fmt: skip
        """What it takes to undo it."""
        after = {
            name: getattr(lead, name)
            for name in ("fields", "lists", "interests", "topics", "stage", "suppressed", "origin")
        }
        mark_lead(self.work.writes, self.other, now)
        self.work.writes.insert(
            "merges", id=uuid4(), kept=self.kept, other=self.other, author=author, at=now, moved=moved,
            before={"kept": one, "other": two, "merged": after},
        )  # fmt: skip


def _once(ledger: Ledger, kept: Mapping[str, float], other: Mapping[str, float]) -> None:
    """What a state is worth counts once, though both records had it: the other one's points are booked back. Nobody
    has fallen below anything by that."""
    for key, amount in other.items():
        if key not in kept:
            continue
        rule, _, model = key.partition("@")
        lead, at = ledger.lead, max(ledger.now, ledger.lead.last_at)
        after = float(lead.scores.get(model, 0)) - float(amount)
        cause = f"f:{lead.seq}.{uuid4().hex[:8]}"
        ledger.points.append(Booking(cause, rule, model, -float(amount), "", lead.seq, after, at, at))
        ledger.lead = lead.changed(
            scores={**lead.scores, model: after}, rated={**lead.rated, key: lead.rated[key] - float(amount)}
        )


def _record(lead: Lead, row: Any) -> joining.Record:
    said = {(topic, state): datetime.fromisoformat(at) for topic, state, at in row.said or ()}
    return joining.Record(lead, said, row.staged, row.scores, row.rated)


def _losing(runs: Sequence[Any]) -> list[Any]:
    """Live runs of a campaign in which an older one of the same value is live, too."""
    seen: set[tuple[str, str]] = set()
    found = []
    for one in runs:
        key = one.campaign.casefold(), one.per
        if one.state == "live" and key in seen:
            found.append(one)
        elif one.state == "live":
            seen.add(key)
    return found


def _taken(
    runs: Sequence[Any], losing: Sequence[Any], numbers: joins.Numbers, news: Mapping[UUID, int],
    instead: Mapping[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """What the rows of runs say under the new numbers. A campaign's runs count from 1 in the order in which they began,
    save that those which end now come before the ones that go on for them, since the newest run speaks for all."""
    ending = {one.id for one in losing}
    place = {"ended": 0, "leaving": 1, "live": 3}
    order = sorted(runs, key=lambda one: 2 if one.id in ending else place[one.state])
    counts: dict[str, int] = {}
    rows = []
    for one in order:
        name = one.campaign.casefold()
        counts[name] = counts.get(name, 0) + 1
        number, upto = partial(numbers.of, one.lead_id), partial(_upto, numbers, one.lead_id, news.get(one.id))
        stands = Position.from_json(one.position)
        entered = numbers.since(one.lead_id, stands.entered, one.started_at)
        position = joining.renumbered(stands, number, upto, entered, instead).to_json()
        wait = {**one.wait, "seen": number(one.wait.get("seen", 0))} if one.wait else None
        left = None if one.leave_seq is None else number(one.leave_seq)
        rows.append({"id": one.id, "number": counts[name], "position": position, "cursor": upto(one.cursor),
                     "leave_seq": left, "wait": wait})  # fmt: skip
    return rows


def _upto(numbers: joins.Numbers, lead: UUID, news: int | None, seq: int) -> int:
    """The new number up to which nothing counts for a run that has looked at everything up to `seq`, and for which
    event `news` is the first that may still end a wait."""
    return max(numbers.of(lead, seq), numbers.last if news is None else numbers.of(lead, news) - 1)


def _plain(row: Any) -> dict[str, Any]:
    """A row of `enrolments` as its JSON would be."""
    names = ("campaign", "number", "digest", "state", "gen", "per", "held_out")
    found: dict[str, Any] = {name: getattr(row, name) for name in names}
    instants = {name: getattr(row, name) for name in ("started_at", "ended_at", "goal_at")}
    found |= {name: at and at.isoformat() for name, at in instants.items()}
    return {**found, "id": str(row.id), "position": None}
