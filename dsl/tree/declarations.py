"""The campaign language as a tree: what was written, classified but not yet checked."""

from __future__ import annotations

from dataclasses import dataclass

from dsl import plan
from dsl.tree.flow import *  # noqa: F403
from dsl.tree.flow import Campaign, Trigger
from dsl.tree.parts import *  # noqa: F403 - one name for the whole tree
from dsl.tree.parts import And, Condition, Event, Operand, Span, Text


# ── declarations ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Topic:
    name: Text
    description: str


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours as far as they were written; what is None comes from the workspace."""

    zone: Text | None = None
    days: tuple[int, ...] | None = None
    start: str | None = None
    end: str | None = None
    more: tuple[plan.OpenHours, ...] = ()
    holidays: tuple[Text, ...] | None = None
    closed: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class ChannelTest:
    """`source in ("a", "b")`."""

    attribute: Text
    values: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """`channel "Partners" when source in ("a", "b") and medium is "print"`."""

    name: Text
    tests: tuple[ChannelTest, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """`region "DACH" country in ("DE", "AT", "CH")`."""

    name: Text
    test: ChannelTest


@dataclass(frozen=True, slots=True)
class Workspace:
    name: Text
    span: Span
    hours: Hours = Hours()
    languages: tuple[Text, ...] = ()
    currency: Text | None = None
    sender: Text | None = None
    address: Text | None = None
    quiet_hours: tuple[str, str] | None = None
    mail_limit: plan.Limit | None = None
    soft_bounces: int | None = None
    mail_needs_consent: bool = True
    tracking_needs_consent: bool = True
    topics: tuple[Topic, ...] = ()
    own_sites: tuple[Text, ...] = ()
    ignored_referrers: tuple[Text, ...] = ()
    spend_files: tuple[Text, ...] = ()
    channels: tuple[Channel, ...] = ()
    regions: tuple[Region, ...] = ()
    visitors_kept: plan.Duration | None = None
    windows: tuple[plan.Window, ...] = ()
    unmailed: tuple[tuple[Text, Text], ...] = ()
    """Kind and name of each group that gets no marketing mail."""
    events_kept: plan.Duration | None = None
    leads_kept: plan.Duration | None = None


@dataclass(frozen=True, slots=True)
class Field:
    name: Text
    type: Text
    choices: tuple[Text, ...]
    from_crm: bool
    span: Span
    labels: tuple[tuple[Text, tuple[tuple[Text | None, Text], ...]], ...] = ()
    """What pages show for a choice, by language; None is the first."""


@dataclass(frozen=True, slots=True)
class Ask:
    field: Text
    required: bool
    labels: tuple[tuple[Text | None, Text], ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """`wordings` by language; None is the first."""

    wordings: tuple[tuple[Text | None, Text], ...]
    topic: Text


@dataclass(frozen=True, slots=True)
class FormStyle:
    """Each part with its name and value, in the order of the line."""

    parts: tuple[tuple[Text, Text], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Form:
    name: Text
    span: Span
    intent: Text | None = None
    title: tuple[tuple[Text | None, Text], ...] = ()
    intro: tuple[tuple[Text | None, Text], ...] = ()
    button: tuple[tuple[Text | None, Text], ...] = ()
    """What the page says, by language; None is the first."""
    style: FormStyle | None = None
    asks: tuple[Ask, ...] = ()
    hidden: tuple[tuple[Text, Operand | None], ...] = ()
    """Without a value the page fills it."""
    consents: tuple[Consent, ...] = ()
    confirm_with: Text | None = None
    file: Text | None = None
    thanks: Text | None = None
    allowed_on: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """A scoring limit; `thing` is what it counts once per."""

    limit: plan.Every
    thing: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Rule:
    amount: float
    span: Span
    event: Event | None = None
    condition: Condition | None = None
    limits: tuple[Every, ...] = ()
    expires_after: plan.Duration | None = None


@dataclass(frozen=True, slots=True)
class Scoring:
    name: Text | None
    span: Span
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Reactivation:
    after: plan.Duration
    campaign: Text
    span: Span


@dataclass(frozen=True, slots=True)
class Stage:
    name: Text
    outside: bool
    span: Span
    rules: tuple[Trigger, ...] = ()
    agreed_by: tuple[Text, ...] = ()
    agreed_on: str | None = None
    reactivate: Reactivation | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    span: Span
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    kind: str
    to: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class TimeLimit:
    within: plan.Duration
    then: Action


@dataclass(frozen=True, slots=True)
class Member:
    email: Text
    condition: Condition | None
    up_to: int | None
    only: bool = False
    """Never a lead for whom the condition does not hold; else such leads are a second choice."""


@dataclass(frozen=True, slots=True)
class Away:
    email: Text
    first: str
    last: str
    span: Span


@dataclass(frozen=True, slots=True)
class Team:
    name: Text
    span: Span
    takes: Condition | None = None
    rest: bool = False
    """Only of those that no team above it in the same file takes."""
    others: bool = False
    takes_span: Span | None = None
    hours: Hours = Hours()
    members: tuple[Member, ...] = ()
    away: tuple[Away, ...] = ()
    assign: tuple[str, ...] = ()
    when_full: Action | None = None
    acknowledge: TimeLimit | None = None
    contact: TimeLimit | None = None
    decide: TimeLimit | None = None


@dataclass(frozen=True, slots=True)
class ContactList:
    name: Text
    description: str
    span: Span


@dataclass(frozen=True, slots=True)
class CustomEvent:
    """An event from elsewhere. `data`: names and types of what it carries; None when the line does not say."""

    name: Text
    data: tuple[tuple[Text, Text], ...] | None
    span: Span
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Carried:
    """What all events of a noun carry beside what the language knows: `deal has product text, seats number`."""

    noun: Text
    data: tuple[tuple[Text, Text], ...]
    span: Span
    optional: frozenset[str] = frozenset()

    @property
    def name(self) -> Text:
        return self.noun


@dataclass(frozen=True, slots=True)
class Webinar:
    name: Text
    date: str
    time: str
    zone: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Interest:
    name: Text
    span: Span
    pages: tuple[Text, ...] = ()
    files: tuple[Text, ...] = ()
    emails: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """Its lines, joined by `and`, each as if in parentheses."""

    name: Text
    span: Span
    lines: tuple[Condition, ...] = ()

    @property
    def condition(self) -> Condition | None:
        """None when it has no lines."""
        if len(self.lines) < 2:
            return self.lines[0] if self.lines else None
        return And(self.lines, self.lines[0].span.to(self.lines[-1].span))


@dataclass(frozen=True, slots=True)
class CrmSent:
    """`score of "fit" to "cf_fit"`."""

    what: Operand
    to: Text


@dataclass(frozen=True, slots=True)
class CrmOutcome:
    """`rejected when "status" is "UNQUALIFIED" because "reason"`; `because` names the CRM's field with the reason."""

    outcome: Text
    field: Text
    value: Text
    because: Text | None


@dataclass(frozen=True, slots=True)
class Crm:
    name: Text
    provider: Text
    span: Span
    stage: Text | None = None
    sends: tuple[CrmSent, ...] = ()
    reads: tuple[tuple[Text, Text], ...] = ()
    """Our field and theirs."""
    conflicts: tuple[tuple[Text, Text], ...] = ()
    """A field, and who wins."""
    deals: tuple[tuple[Text, Text], ...] = ()
    """A stage of the CRM's deals, and what it means."""
    outcomes: tuple[CrmOutcome, ...] = ()


Declaration = (
    Workspace | Field | Form | Scoring | Lifecycle | Team | Campaign
    | ContactList | CustomEvent | Carried | Webinar | Interest | Segment | Crm
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Program:
    """All files of a workspace. `unreadable` holds the kinds of which a declaration was lost to a bad line."""

    workspaces: tuple[Workspace, ...] = ()
    fields: tuple[Field, ...] = ()
    forms: tuple[Form, ...] = ()
    scorings: tuple[Scoring, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
    teams: tuple[Team, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    lists: tuple[ContactList, ...] = ()
    events: tuple[CustomEvent, ...] = ()
    carried: tuple[Carried, ...] = ()
    webinars: tuple[Webinar, ...] = ()
    interests: tuple[Interest, ...] = ()
    segments: tuple[Segment, ...] = ()
    crms: tuple[Crm, ...] = ()
    unreadable: frozenset[str] = frozenset()
