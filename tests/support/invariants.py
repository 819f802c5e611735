"""What must hold whatever went wrong, asked of everything that remembers: ledger, database and Temporal's histories.

`broken` gives one line for each promise that is broken, with ids only; an empty list means that all hold.
`assert_whole` fails with the story of the first lead that breaks one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from dsl.plan import At, Plan, Send, Wait
from engine.mail.sendgrid_events import DROPPED
from tests.support.picture import Picture, take
from tests.support.story import story

TRIED = ("sending", "accepted", "failed", "unknown")
"""Messages in these states were marked: somebody may have handed them over."""


@dataclass(frozen=True)
class Breach:
    """`lead` is empty where no lead can be told."""

    lead: str
    text: str


def broken(url: str, ledger: Sequence[Mapping[str, Any]] | None = None) -> list[str]:
    """Compare. `ledger` is what the mail server accepted; without one only the database is looked at."""
    return [one.text for one in breaches(take(url, ledger))]


def assert_whole(picture: Picture, to_real: Callable[[datetime], datetime] = lambda at: at) -> None:
    """Fail with every breach and the story of the first lead that has one. `to_real`: from domain to real time."""
    found = breaches(picture)
    lead = next((one.lead for one in found if one.lead), None)
    told = story(picture, lead, to_real) if lead else ""
    assert not found, "\n".join([*(one.text for one in found[:20]), f"{len(found)} in all", told])


def breaches(picture: Picture) -> list[Breach]:
    return [one for check in CHECKS for one in check(picture)]


# ── I1, I2: mails ────────────────────────────────────────────────────────────────────────────────────────────────────
def every_due_step_has_ended(picture: Picture) -> Iterator[Breach]:
    """What the position says was sent has a row, a run that ended went over every mail on its straight way, and none
    that rests has a mail under way."""
    plans = {row.digest: Plan.model_validate(row.body) for row in picture.plans}
    templates, steps, sending, moved = defaultdict(set), defaultdict(set), set(), moves_of(picture).keys()
    for row in picture.messages:
        templates[row.owner].add(row.template)
        steps[row.owner].add(row.step)
        if row.state == "sending":
            sending.add(row.owner)
    for run in picture.enrolments:
        for template in run.position.get("sent", {}).keys() - templates[run.id]:
            yield Breach(run.lead_id, f"enrolment {run.id}: its mail {template} has left no message (I1)")
        if run.outcome == "finished" and run.digest in plans and run.id not in moved:
            for step in unavoidable(plans[run.digest]) - steps[run.id]:
                yield Breach(run.lead_id, f"enrolment {run.id} has finished without its step {step} (I1)")
        if run.id in sending and (run.attempt is None or run.state == "ended"):
            yield Breach(run.lead_id, f"enrolment {run.id} rests with a mail under way (I1)")


def unavoidable(plan: Plan) -> set[str]:
    """The mails that every lead meets who goes through the flow to its end: those before the first fork."""
    found: set[str] = set()
    at = plan.by_id.get(plan.entry or "")
    while at is not None and at.id not in found:
        if isinstance(at, Send):
            found.add(at.id)
            at = plan.by_id.get(at.next or "")
        elif isinstance(at, Wait) and not at.arms and not isinstance(at.until, At):
            at = plan.by_id.get(at.then or "")
        else:
            break
    return found


def mails_are_accepted_once(picture: Picture) -> Iterator[Breach]:
    if picture.ledger is None:
        return
    accepted = Counter(str(one["message"]) for one in picture.ledger)
    rows = {row.id: row for row in picture.messages}
    identities: Counter[tuple[str, str, str]] = Counter()
    for id, many in accepted.items():
        row = rows.get(id)
        lead = row.lead_id if row else ""
        dropped = row is not None and row.state == "failed" and row.reason.startswith(DROPPED)
        if row is None or not (dropped or row.state in ("accepted", "unknown", "sending")):
            yield Breach(lead, f"message {id} was accepted and is {row.state if row else 'not stored'} here (I2)")
        if row is None and many > 1:
            yield Breach(lead, f"message {id} was accepted {many} times (I2)")
        if row is not None:
            identities[row.owner, row.step, row.visit] += many
    for row in picture.messages:
        many = identities.pop((row.owner, row.step, row.visit), 0)
        if many > 1:
            yield Breach(row.lead_id, f"message {row.id} was accepted {many} times (I2)")
        if row.state == "accepted" and row.kind != "post" and row.id not in accepted:
            yield Breach(row.lead_id, f"message {row.id} is accepted here and was not there (I1)")


def posts_arrive(picture: Picture) -> Iterator[Breach]:
    """What counts as taken was taken there, and nothing arrives that nobody marked. A post may come again."""
    if picture.hooks is None:
        return
    arrived, posts = set(picture.hooks), {row.id: row for row in picture.messages if row.kind == "post"}
    for id, row in posts.items():
        if row.state == "accepted" and id not in arrived:
            yield Breach(row.lead_id, f"post {id} is accepted here and was not there (I1)")
    for id in arrived - posts.keys():
        yield Breach("", f"post {id} arrived and is not stored here (I2)")


def colleagues_are_written_to_once(picture: Picture) -> Iterator[Breach]:
    """Of a notice each colleague has one row, and it says who."""
    told = Counter((row.owner, row.step, row.visit.partition(" ")[0], row.staff) for row in picture.messages
                   if row.kind == "staff" and row.state in TRIED)  # fmt: skip
    for row in picture.messages:
        if row.kind != "staff" or row.state not in TRIED:
            continue
        if not row.staff:
            yield Breach(row.lead_id, f"message {row.id} to a colleague does not say to whom")
        elif told[row.owner, row.step, row.visit.partition(" ")[0], row.staff] > 1:
            yield Breach(row.lead_id, f"message {row.id} was written to a colleague more than once (I2)")


# ── I3: points ───────────────────────────────────────────────────────────────────────────────────────────────────────
def scores_follow_from_the_log(picture: Picture) -> Iterator[Breach]:
    """Booked again from the first point on, each cause once, the points give every score on the way and the last."""
    points, seqs = defaultdict(list), defaultdict(list)
    for row in picture.points:
        points[row.lead_id].append(row)
    for row in picture.events:
        seqs[row.lead_id].append(row.seq)
    for lead in picture.leads:
        own = points[lead.id]
        if sorted(seqs[lead.id]) != list(range(1, lead.seq + 1)):
            yield Breach(lead.id, f"lead {lead.id}: its log has gaps (I3)")
        for (cause, rule), many in Counter((row.cause, row.rule) for row in own).items():
            kind, _, number = cause.partition(":")
            if many > 1:
                yield Breach(lead.id, f"lead {lead.id}: {cause} gave points by {rule} {many} times (I3)")
            if kind == "e" and int(number) > lead.seq:
                yield Breach(lead.id, f"lead {lead.id}: points for {cause}, which never happened (I3)")
        for model in {row.model for row in own} | lead.scores.keys():
            bookings = [row for row in own if row.model == model]
            if Decimal(str(lead.scores.get(model, 0))) != sum(row.amount for row in bookings):
                yield Breach(lead.id, f"lead {lead.id}: its points do not add up to its score (I3)")
            elif not _adds_up(bookings):
                yield Breach(lead.id, f"lead {lead.id}: a score on the way does not follow from its points (I3)")


def _adds_up(bookings: Sequence[Any]) -> bool:
    """Bookings at one event have no order among themselves; after the last of them the score is the sum so far."""
    total, after = Decimal(0), defaultdict(list)
    for row in bookings:
        after[row.seq].append(row)
    for seq in sorted(after):
        total += sum(row.amount for row in after[seq])
        if all(row.score_after != total for row in after[seq]):
            return False
    return True


# ── I4 … I7 ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def nobody_stalls_in_silence(picture: Picture) -> Iterator[Breach]:
    waiting = {row.run for row in picture.waits}
    for run in picture.enrolments:
        rests = run.due_at is not None or run.attention is not None or run.id in waiting
        if run.state != "ended" and not rests:
            yield Breach(run.lead_id, f"enrolment {run.id} rests on nothing and nobody is told (I4)")


def no_mark_follows_a_suppression(picture: Picture) -> Iterator[Breach]:
    """By the log's numbers, which are given under the lead's lock; instants of two processes cannot be compared."""
    suppressed = {row.id for row in picture.leads if row.suppressed is not None}
    last: dict[str, int] = defaultdict(int)
    for row in picture.events:
        ended = (row.type == "lead.unsubscribed" and row.name == "") or row.type == "email.bounced"
        if row.lead_id in suppressed and ended:
            last[row.lead_id] = max(last[row.lead_id], row.seq)
    positions = {run.id: run.position.get("sent", {}) for run in picture.enrolments}
    for row in picture.messages:
        marked = positions.get(row.owner, {}).get(row.template, 0)
        # The number of a mail whose call was interrupted is that of the call which found it.
        sure = row.kind == "marketing" and row.state in TRIED and row.reason != "interrupted"
        if sure and row.lead_id in last and marked >= last[row.lead_id]:
            yield Breach(row.lead_id, f"message {row.id} was marked after its lead was suppressed (I5)")


def what_was_answered_is_kept(picture: Picture) -> Iterator[Breach]:
    ids = {row.email_key: row.id for row in picture.leads}
    logged = {(row.lead_id, row.name.casefold()) for row in picture.events if row.type == "form.submitted"}
    for number, (form, address) in enumerate(picture.posts):
        lead = ids.get(address.lower(), "")
        if (lead, form.casefold()) not in logged:
            yield Breach(lead, f"post {number} of form {form} was answered 2xx and is not in the log (I6)")


def plans_stay_the_same(picture: Picture) -> Iterator[Breach]:
    """Unless the log says from which plan to which the run was moved."""
    plans, moves = {row.digest: row.campaign for row in picture.plans}, moves_of(picture)
    for run in picture.enrolments:
        if plans.get(run.digest) != run.campaign:
            yield Breach(run.lead_id, f"enrolment {run.id} is on a plan that is not its campaign's (I7)")
        digest = picture.digests.get(run.id)
        for before, after in moves.get(run.id, ()):
            digest = after if digest in (None, before) else digest
        if digest not in (None, run.digest):
            yield Breach(run.lead_id, f"enrolment {run.id} has changed its plan (I7)")
    for id in picture.digests.keys() - {run.id for run in picture.enrolments}:
        yield Breach("", f"enrolment {id} is gone (I7)")


def moves_of(picture: Picture) -> dict[str, list[tuple[str, str]]]:
    """For each run that was moved, from which plan to which, in order."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in sorted(picture.events, key=lambda one: one.seq):
        if (row.type, row.name) == ("run.noted", "moved"):
            found[row.data["campaign run"]].append((row.data["from"], row.data["to"]))
    return found


def what_is_held_sends_nothing(picture: Picture) -> Iterator[Breach]:
    """Nothing is marked between the commit of a pause or a stop and the word that ends it."""
    campaigns = {run.id: run.campaign.lower() for run in picture.enrolments}
    held = [row for row in picture.campaign_states if row.state != "running"]
    for row in picture.messages:
        for one in held:
            inside = one.at < row.at and (one.until is None or row.at < one.until)
            if inside and row.state in TRIED and one.campaign in ("", campaigns.get(row.owner)):
                yield Breach(row.lead_id, f"message {row.id} was marked while its campaign was {one.state} (I5)")


def dates_come_once(picture: Picture) -> Iterator[Breach]:
    """Each occurrence of a date is one event of the lead's."""
    keys = Counter((row.lead_id, row.key) for row in picture.events if row.type == "date.due")
    for (lead, key), many in keys.items():
        if key is None or many > 1:
            yield Breach(lead, f"lead {lead}: the date {key} has come {many} times")


# ── Temporal ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def runs_fit_the_database(picture: Picture) -> Iterator[Breach]:
    """Every run that is stored lives in Temporal as long as it lives here, never fails there, and is not ahead."""
    if picture.runs is None:
        return
    queued = {row.run for row in picture.outbox}
    stored = [(row, row.state == "ended") for row in picture.enrolments]
    stored += [(row, row.outcome is not None) for row in picture.handoffs]
    for row, ended in stored:
        run = picture.runs.get(row.id)
        if run is None:
            if row.id not in queued and not ended:
                yield Breach(row.lead_id, f"run {row.id} lives here and Temporal does not know it (I4)")
            continue
        if run.status not in ("RUNNING", "COMPLETED"):
            yield Breach(row.lead_id, f"run {row.id} is {run.status} in Temporal")
        elif ended != (run.status == "COMPLETED") and row.id not in queued:
            here = "has ended" if ended else "lives"
            yield Breach(row.lead_id, f"run {row.id} {here} here and is {run.status} in Temporal (I4)")
        if run.gen > row.gen:
            yield Breach(row.lead_id, f"run {row.id} has seen generation {run.gen}; {row.gen} is stored")
        if run.nondeterministic:
            yield Breach(row.lead_id, f"run {row.id} does not replay")
    for id in picture.runs.keys() - {row.id for row, _ in stored}:
        yield Breach("", f"run {id} in Temporal is nobody's here")


CHECKS: tuple[Callable[[Picture], Iterator[Breach]], ...] = (
    every_due_step_has_ended, mails_are_accepted_once, scores_follow_from_the_log, nobody_stalls_in_silence,
    no_mark_follows_a_suppression, what_was_answered_is_kept, plans_stay_the_same, runs_fit_the_database, posts_arrive,
    colleagues_are_written_to_once, what_is_held_sends_nothing, dates_come_once,
)  # fmt: skip
