"""The catalogue of the types of events: how each reads in a log, behind `when` and behind `has`. Pure.

There is no other table of their words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAD = "the lead"


@dataclass(frozen=True, slots=True)
class Phrase:
    """In a log: the verb now and then, what follows it, and of whom it is told. `{name}` and what else
    `events._values` holds bring a space of their own when they may be missing.

    Behind `when`: `noun`, the event's name where it is `named`, `verb`; empty for what no campaign can wait for, or
    what is written in a way of its own. Behind `has`: `done`, and the name.
    """

    now: str
    then: str
    rest: str = ""
    subject: str = LEAD
    noun: str = ""
    verb: str = ""
    named: bool = True
    done: str = ""


CONFIRMED = Phrase("confirms", "confirmed", " form{name}")
COMPLAINED = Phrase("marks", "marked", " an email as spam")
REACTIVATED = Phrase("has been", "had been", " inactive for longer than the stage allows")
NOTES: Mapping[str, Phrase] = {
    "left": Phrase("removes", "removed", " the lead from campaign{campaign}", "another campaign"),
    "moved": Phrase("is", "was", " moved to the campaign's new version"),
    "removed": Phrase("is", "was", " removed by a deployment"),
    "reported": Phrase("is", "was", " reported on by the email provider", "an email"),
    "retried": Phrase("is", "was", " retried manually"),
    "woken": Phrase("is", "was", " re-evaluated"),
}
"""What was done to a run from outside its plan, by the name of the event."""
PHRASES: Mapping[str, Phrase] = {
    "form.posted": Phrase(
        "submits", "submitted", " form{name}, not yet confirmed", noun="form", verb="is sent, before its confirmation"
    ),
    "form.submitted": Phrase(
        "submits", "submitted", " form{name}", noun="form", verb="is submitted", done="submitted form"
    ),
    "email.received": Phrase("is", "was", " sent email{name}", noun="email", verb="is received", done="received email"),
    "email.delivered": Phrase(
        "receives", "received", " email{name}", noun="email", verb="is delivered", done="received email"
    ),
    "email.opened": Phrase("opens", "opened", " email{name}", noun="email", verb="is opened", done="opened email"),
    "email.clicked": Phrase(
        "clicks", "clicked", " {link} in email{name}", noun="email", verb="is clicked", done="clicked email"
    ),
    "email.replied": Phrase(
        "replies", "replied", " to email{name}", noun="email", verb="is replied", done="replied to email"
    ),
    "email.soft_bounced": Phrase("soft-bounces", "soft-bounced", subject="email{name}", noun="email"),
    "email.bounced": Phrase("bounces", "bounced", subject="email{name}", noun="email", verb="is bounced"),
    "page.visited": Phrase("visits", "visited", " page{name}", noun="page", verb="is visited", done="visited page"),
    "file.downloaded": Phrase(
        "downloads", "downloaded", " file{name}", noun="file", verb="is downloaded", done="downloaded file"
    ),
    "video.watched": Phrase(
        "watches", "watched", " video{name}", noun="video", verb="is watched", done="watched video"
    ),
    "webinar.registered": Phrase(
        "registers",
        "registered",
        " for webinar{name}",
        noun="webinar",
        verb="is registered",
        done="registered for webinar",
    ),
    "webinar.attended": Phrase(
        "attends", "attended", " webinar{name}", noun="webinar", verb="is attended", done="attended webinar"
    ),
    "meeting.booked": Phrase(
        "books", "booked", " a meeting{name}", noun="meeting", verb="is booked", done="booked meeting"
    ),
    "meeting.held": Phrase("has", "had", " a meeting{name}", noun="meeting", verb="is held", done="held meeting"),
    "call.received": Phrase("makes", "made", " a call{name}", noun="call", verb="is received"),
    "chat.started": Phrase("starts", "started", " a chat{name}", noun="chat", verb="is started"),
    "cart.updated": Phrase("changes", "changed", " the cart{name}", noun="cart", verb="is updated"),
    "order.placed": Phrase("places", "placed", " an order{name}", noun="order", verb="is placed", done="placed order"),
    "deal.opened": Phrase("is", "was", " opened", subject="a deal{name}", noun="deal", verb="is opened"),
    "deal.moved": Phrase("moves", "moved", "{stage}", subject="a deal{name}", noun="deal", verb="is moved"),
    "deal.changed": Phrase("is", "was", " changed", subject="a deal{name}", noun="deal", verb="is changed"),
    "deal.won": Phrase("is", "was", " won", subject="a deal{name}", noun="deal", verb="is won"),
    "deal.lost": Phrase("is", "was", " lost", subject="a deal{name}", noun="deal", verb="is lost"),
    "deal.refunded": Phrase("is", "was", " refunded", subject="a deal{name}", noun="deal", verb="is refunded"),
    "stage.entered": Phrase("becomes", "became", "{bare}"),
    "score.reached": Phrase("rises", "rose", " from {before} to {after}", subject="the score{model}"),
    "score.dropped": Phrase("falls", "fell", " from {before} to {after}", subject="the score{model}"),
    "interest.reached": Phrase("rises", "rose", " from {before} to {after}", subject="interest in{name}"),
    "lead.inactive": Phrase("is", "was", " inactive for too long"),
    "lead.returned": Phrase(
        "returns", "returned", " after a long inactivity", noun="lead", verb="returns", named=False
    ),
    "lead.unsubscribed": Phrase(
        "unsubscribes", "unsubscribed", " from {all}", noun="lead", verb="unsubscribes", named=False
    ),
    "field.changed": Phrase("changes", "changed", " from {before} to {after}", subject="field{bare}"),
    "list.joined": Phrase("is", "was", " added to list{name}", noun="list", verb="is joined"),
    "list.left": Phrase("is", "was", " removed from list{name}", noun="list", verb="is left"),
    "segment.joined": Phrase("joins", "joined", " segment{name}", noun="segment", verb="is entered"),
    "segment.left": Phrase("leaves", "left", " segment{name}", noun="segment", verb="is left"),
    "topic.joined": Phrase("is", "was", " subscribed to{name}", noun="topic", verb="is joined"),
    "topic.left": Phrase("is", "was", " unsubscribed from{name}", noun="topic", verb="is left"),
    "preferences.chosen": Phrase("updates", "updated", " email preferences"),
    "lead.told": Phrase("is updated", "was updated", " by another system"),
    "lead.merged": Phrase("is", "was", " merged with another record"),
    "lead.split": Phrase("is", "was", " separated from another record"),
    "lead.address_changed": Phrase("has", "got", " another email address"),
    "lead.imported": Phrase("is imported", "was imported", " from file{name}"),
    "campaign.entered": Phrase("enters", "entered", " campaign{name}", noun="campaign", verb="is entered"),
    "campaign.left": Phrase("leaves", "left", " campaign{name}", noun="campaign", verb="is left"),
    "date.due": Phrase("arrives", "arrived", subject="a date that a campaign is waiting for"),
    "pattern.met": Phrase("happens", "happened", subject="an event pattern that a campaign is waiting for"),
    "handoff.opened": Phrase("is", "was", " handed off to team{name}"),
    "handoff.assigned": Phrase("is", "was", " assigned to {member}"),
    "handoff.acknowledged": Phrase("is", "was", " acknowledged by {by}"),
    "handoff.contacted": Phrase("is", "was", " contacted by {by}"),
    "handoff.accepted": Phrase("is", "was", " accepted by {by}", noun="sales", verb="accepts", named=False),
    "handoff.rejected": Phrase("is", "was", " rejected by {by}{because}", noun="sales", verb="rejects", named=False),
    "handoff.overdue": Phrase(
        "gets",
        "got",
        " no decision from sales in time",
        noun="sales",
        verb="lets the last time limit pass",
        named=False,
    ),
    "handoff.reassigned": Phrase("is", "was", " reassigned to {to} by {by}"),
    "handoff.commented": Phrase("comments", "commented", ": {text}", subject="{by}"),
    "handoff.scheduled": Phrase("is", "was", "{on} by {by}", subject="a follow-up"),
    "handoff.retried": Phrase("is", "was", " offered to team{name} again"),
    "visitor.split": Phrase("is", "was", " separated from a website visitor"),
    "event.moved": Phrase("is", "was", " returned to a website visitor", "an event"),
    "run.noted": Phrase("is", "was", " moved on manually"),
    "custom": Phrase("happens", "happened", subject="event{name}", noun="event", verb="happens", done="done event"),
}
"""Every type of event that the log can hold."""
