"""What a lead chooses on the page behind their mails: topics, tracking, language; one transaction for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from dsl.plan import Program, Workspace
from engine.leads.consent import come_back, left, note_consent, withdraw
from engine.model.lead import TRACKING, Lead
from engine.rules.conditions.conditions import topic_state
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.suppression import UNSUBSCRIBED
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction
from engine.store import leads
from engine.store.writes import Writes

CHOSEN = "preferences.chosen"
"""The type of the event that holds a choice. It is no event of the language: what follows are events of their own."""
PAGE = "preferences"


@dataclass(frozen=True)
class Choice:
    """What the lead wants from now on. `topics` are those they want of all there are; a `tracking` or `language` of
    None stays as it is. `wordings` says by topic what stood beside the boxes, and `context` how it was asked.

    `shown` are the topics whose boxes were ticked before the lead saw them, and only what differs is chosen; None: as
    the lead stands now.
    """

    topics: frozenset[str]
    shown: frozenset[str] | None = None
    tracking: bool | None = None
    language: str | None = None
    wordings: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What a choice changes: topics joined and left, and where it changes at all, tracking and the language."""

    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    tracking: bool | None = None
    language: str | None = None

    def __bool__(self) -> bool:
        return bool(self.joined or self.left or self.language) or self.tracking is not None


def receives(lead: Lead, topic: str, workspace: Workspace) -> bool:
    """Whether the lead gets mails about the topic, as far as their own choice decides."""
    return lead.suppressed is None and _open_to(lead, topic, workspace)


def may_choose(lead: Lead) -> bool:
    """Whether topics can be chosen at all: not where something else than the lead's own word forbids all mail."""
    return lead.email is not None and lead.suppressed in (None, UNSUBSCRIBED)


def change_of(choice: Choice, lead: Lead, program: Program) -> Change:
    """What the choice means for a lead as they stand now; what is so already is not chosen again."""
    workspace = program.workspace
    names = [topic.name for topic in workspace.topics]
    wanted = [name for name in names if name in choice.topics]
    received = {name for name in names if receives(lead, name, workspace)}
    shown = received if choice.shown is None else choice.shown
    joined: list[str] = []
    given_up: list[str] = []
    if may_choose(lead):
        joined = [name for name in wanted if name not in shown | received]
    if lead.suppressed is None or joined:
        unwanted = [name for name in names if name not in wanted and _open_to(lead, name, workspace)]
        given_up = [name for name in unwanted if name in shown or lead.suppressed is not None]
    tracking, language = choice.tracking, choice.language
    tracked = lead.topics.get(TRACKING) == "subscribed"
    if not workspace.tracking_needs_consent or tracking == tracked:
        tracking = None
    if language not in workspace.languages or language == lead.language(program):
        language = None
    return Change(tuple(joined), tuple(given_up), tracking, language)


async def choose(rt: Runtime, lead_id: UUID, choice: Choice) -> None:
    """Effective at the commit. Topics are left as by unsubscribing and joined with a record of what was agreed to.

    A lead who has unsubscribed from everything comes back by wanting a topic; nobody else who gets no mail does.
    """
    async with lead_transaction(rt, str(lead_id)) as work:
        locked = await leads.lock(work.hot, lead_id)
        if locked is None:
            return
        program = (await rt.deployment(locked.epoch)).program
        change = change_of(choice, locked.lead, program)
        if not change:
            return
        ledger = await work.open(locked, also=[left(topic, PAGE) for topic in change.left])
        apply(rt, ledger, work.writes, choice, change)
        await work.commit()


def apply(rt: Runtime, ledger: Ledger, writes: Writes, choice: Choice, change: Change) -> None:
    """Write the choice down in an event, then let what it changes follow."""
    said = {"joined": change.joined, "left": change.left, "tracking": change.tracking, "language": change.language}
    data = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    kept = {name: value for name, value in data.items() if value not in (None, [])}
    chosen = ledger.happen(CHOSEN, "", kept, mute=True)

    def consent(topic: str, state: str) -> None:
        record = {"how": PAGE, "wording": choice.wordings.get(topic, ""), **choice.context}
        note_consent(ledger, writes, topic, state, record, seq=chosen.seq, at=chosen.at)

    if change.language:
        ledger.set_field("language", change.language)
    if change.tracking is not None:
        consent(TRACKING, "subscribed" if change.tracking else "unsubscribed")
        (ledger.subscribe if change.tracking else ledger.unsubscribe)(TRACKING)
    if change.joined:
        come_back(rt, ledger, writes)
    for topic in change.left:
        withdraw(rt, ledger, writes, topic, PAGE)
    for topic in change.joined:
        consent(topic, "subscribed")
        ledger.subscribe(topic)


def _open_to(lead: Lead, topic: str, workspace: Workspace) -> bool:
    state = topic_state(lead.topics, topic)
    return state == "subscribed" or (state is None and not workspace.mail_needs_consent)
