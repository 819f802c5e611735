"""What the company declares: fields, forms, scorings, stages, teams."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import Field

from dsl.plan.tags import ancestors, chosen, text_in
from dsl.plan.terms import (
    BusinessHours,
    Condition,
    Duration,
    Frozen,
    InList,
    InSegment,
    Limit,
    Pattern,
    Scalar,
    Window,
    digest_of,
)  # fmt: skip

FieldType = Literal[
    "text", "long text", "number", "yes/no", "date", "moment", "money", "country", "language", "phone", "url", "choice",
    "choices", "email", "timezone",
]  # fmt: skip


class LeadField(Frozen):
    name: str
    type: FieldType
    choices: tuple[str, ...] = ()
    labels: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = Field(
        default=(), description="(choice, its labels), which are as those of `Ask`"
    )
    from_crm: bool = False
    measured: bool = Field(default=False, description="Coldframe alone writes it, from what it has measured")
    source: str = ""

    def label(self, choice: str, language: str) -> str:
        """What a reader of that language sees for a choice: its label, else that in the company's first language, else
        the choice itself."""
        texts = dict(self.labels).get(choice, ())
        found = text_in(language, texts)
        return found[1] if found else dict(texts).get("", choice)


ORIGIN = ("channel", "source", "medium", "campaign", "keyword")
"""What is known of where a visit came from."""

BUILT_IN: tuple[LeadField, ...] = (
    LeadField(name="email", type="email"),
    LeadField(name="first_name", type="text"),
    LeadField(name="last_name", type="text"),
    LeadField(name="company", type="text"),
    LeadField(name="job_title", type="text"),
    LeadField(name="phone", type="phone"),
    LeadField(name="country", type="country"),
    LeadField(name="city", type="text"),
    LeadField(name="language", type="language"),
    LeadField(name="timezone", type="timezone"),
    LeadField(name="birthday", type="date"),
    LeadField(name="owner", type="email"),
    LeadField(name="created", type="moment"),
    *(LeadField(name=f"{when}_{what}", type="text", measured=True) for when in ("first", "created") for what in ORIGIN),
    LeadField(name="created_by", type="text", measured=True),
)
"""`first_…` and `created_…`: where the lead came from by the first touch of all, and by the last one before they became
known; `created_by` is what made them known, for example `form demo`."""

MEASURED: frozenset[str] = frozenset(
    (*(f"{when}_{what}" for when in ("first", "created") for what in ORIGIN), "created_by")
)
"""Built-in fields that Coldframe alone writes, from what it has measured."""


Origin = Literal["source", "medium", "campaign", "keyword", "content"]


class ChannelRule(Frozen):
    """`channel "Partners" when source in ("acme-dealer", "lista")`: one of the values of every attribute named."""

    name: str
    tests: tuple[tuple[Origin, tuple[str, ...]], ...]


class Region(Frozen):
    """`region "DACH" country in ("DE", "AT", "CH")`: countries that reports count together."""

    name: str
    countries: tuple[str, ...]


class Topic(Frozen):
    name: str
    description: str


SOFT_BOUNCES = 5
EVENTS_KEPT = Duration(months=60)
"""How long the past of leads is kept, where the workspace says nothing."""
"""Soft bounces in a row after which an address gets no more email, unless a workspace says otherwise."""


class Workspace(Frozen):
    name: str
    timezone: str = "UTC"
    languages: tuple[str, ...] = ("en",)
    currency: str = "EUR"
    sender: str = ""
    address: str = ""
    quiet_hours: tuple[str, str] | None = Field(default=None, description="local start and end, HH:MM")
    mail_limit: Limit | None = None
    business_hours: BusinessHours = BusinessHours(zone="UTC")
    mail_needs_consent: bool = True
    tracking_needs_consent: bool = True
    topics: tuple[Topic, ...] = ()
    own_sites: tuple[str, ...] = Field(default=(), description="hosts whose pages are the company's own")
    spend_files: tuple[str, ...] = Field(default=(), description="globs in the workspace: what advertising cost")
    ignored_referrers: tuple[str, ...] = Field(default=(), description="hosts that visits merely come back from")
    channels: tuple[ChannelRule, ...] = ()
    regions: tuple[Region, ...] = ()
    soft_bounces: int = Field(default=SOFT_BOUNCES, description="soft bounces in a row that suppress an address")
    visitors_kept: Duration | None = Field(default=None, description="what strangers leave behind; None: 13 months")
    windows: tuple[Window, ...] = Field(default=(), description="for campaigns that say nothing of their own")
    unmailed: tuple[InSegment | InList, ...] = Field(default=(), description="who gets no marketing mail")
    events_kept: Duration | None = Field(default=None, description="the past of leads; None: 5 years")
    leads_kept: Duration | None = Field(default=None, description="leads who agreed to nothing; None: until erased")

    @cached_property
    def timing(self) -> str:
        """What of it decides when something happens, as a short text: another one means other instants."""
        kept = {"timezone", "quiet_hours", "mail_limit", "business_hours", "windows"}
        return digest_of(self.model_dump(mode="json", include=kept))[:12]

    def spoken(self, code: str) -> str | None:
        """Which of the languages `de`, `DE`, `de-AT` or `de_AT` asks for; None when it is none of them."""
        return chosen(code, self.languages)

    @property
    def marks(self) -> tuple[str, ...]:
        """What marks a file or a label as written in one of the languages: each, and what it falls back to."""
        return tuple(dict.fromkeys(mark for one in self.languages for mark in ancestors(one)))

    def regional(self, code: str) -> tuple[str, ...]:
        """The languages that are `code` with a region or script: `de-AT` and `de-CH` for `de`."""
        return tuple(one for one in self.languages if code in ancestors(one)[1:])

    def language(self, code: str) -> str:
        """The language somebody with this code is written to in: theirs, else the first."""
        return self.spoken(code) or next(iter(self.languages), "en")


class Ask(Frozen):
    field: str
    required: bool = False
    labels: tuple[tuple[str, str], ...] = Field(default=(), description="(language, label); '' is the first language")


class Consent(Frozen):
    """What a box beside a form asks consent to. `wordings`: (language, wording), the first language first, if there is
    more than one."""

    wording: str
    topic: str
    wordings: tuple[tuple[str, str], ...] = ()

    def shown(self, language: str) -> tuple[str, str]:
        """The language and the wording that somebody reads in this one; else the first. "" if there is one wording for
        all languages."""
        return text_in(language, self.wordings) or (self.wordings[0] if self.wordings else ("", self.wording))


class FormStyle(Frozen):
    """How the page of a form looks: colors as `#rrggbb`, a logo as a file or an https address; "" for the usual one."""

    color: str = Field(default="", description="of buttons and links")
    background: str = ""
    text: str = ""
    logo: str = ""


class Form(Frozen):
    name: str
    intent: Literal["content", "demo", "help", "event", "newsletter", "other"] = "other"
    title: tuple[tuple[str, str], ...] = Field(default=(), description="(language, text), as the labels of `Ask`")
    intro: tuple[tuple[str, str], ...] = ()
    button: tuple[tuple[str, str], ...] = ()
    style: FormStyle | None = None
    asks: tuple[Ask, ...]
    hidden: tuple[tuple[str, Scalar], ...] = ()
    filled: tuple[str, ...] = Field(default=(), description="fields that the page fills without asking")
    consents: tuple[Consent, ...] = ()
    confirm_with: str | None = Field(default=None, description="template of the double opt-in mail")
    file: str | None = None
    thanks: str | None = None
    allowed_on: tuple[str, ...] = ()
    source: str


class ContactList(Frozen):
    name: str
    description: str = ""
    source: str = ""


class CustomEvent(Frozen):
    """An event from elsewhere, with the data it carries."""

    name: str
    data: tuple[tuple[str, FieldType], ...] = ()
    required: tuple[str, ...] = Field(default=(), description="properties without which the event is refused")
    source: str = ""


class Webinar(Frozen):
    name: str
    date: str = Field(description="YYYY-MM-DD")
    time: str = Field(description="HH:MM")
    zone: str | None = None
    source: str = ""


class Interest(Frozen):
    """What counts towards a topic: globs of pages, files and templates; each visit, download or click counts 1."""

    name: str
    pages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    source: str = ""


class Segment(Frozen):
    name: str
    condition: Condition
    source: str = ""


class Reactivation(Frozen):
    """A lead that stays silent `after` so long at its stage enters the campaign."""

    after: Duration
    campaign: str


class Every(Frozen):
    """How often a scoring rule may count. At most one of the shapes:

    * `per_thing`: once per email, file, page, form … (the event's name is the key)
    * `times` in a period, or `points` in a period; the period is a calendar `unit` in the lead's zone or a sliding
      `span`. Neither unit nor span: ever.
    """

    per_thing: bool = False
    times: int | None = None
    points: float | None = None
    unit: Literal["day", "week", "month"] | None = None
    span: Duration | None = None


class Rule(Frozen):
    """One line of a scoring. With `pattern` it counts events; with only `condition` it is a state that comes and
    goes."""

    id: str
    amount: float
    pattern: Pattern | None = None
    condition: Condition | None = None
    limits: tuple[Every, ...] = ()
    expires_after: Duration | None = None
    source: str


class Scoring(Frozen):
    name: str = Field(default="", description="empty: the default model, called `score`")
    rules: tuple[Rule, ...]


class StageRule(Frozen):
    pattern: Pattern
    only_if: Condition | None = None
    source: str


class Stage(Frozen):
    name: str
    rules: tuple[StageRule, ...] = ()
    reactivate: Reactivation | None = None
    agreed_by: tuple[str, ...] = ()
    agreed_on: str | None = None
    outside: bool = Field(default=False, description="outside the order: `is at least` never includes it")
    source: str


class Action(Frozen):
    kind: Literal["reassign", "escalate", "recycle"]
    to: str | None = Field(default=None, description="escalate: an address; None: the team's members")


class TimeLimit(Frozen):
    within: Duration
    then: Action = Action(kind="escalate")


class Member(Frozen):
    email: str
    condition: Condition | None = None
    only: bool = Field(default=False, description="no lead for whom the condition fails, not even as a second choice")
    up_to: int | None = None
    away: tuple[tuple[str, str], ...] = ()


class WhenFull(Frozen):
    kind: Literal["wait", "team", "escalate"] = "wait"
    to: str | None = None


class Team(Frozen):
    """Sales people and their rules. `takes` None: all leads (or all other leads, with `others`)."""

    name: str
    takes: Condition | None = None
    others: bool = False
    hours: BusinessHours
    members: tuple[Member, ...]
    assign: tuple[Literal["former owner", "round robin", "least busy"], ...] = ("round robin",)
    when_full: WhenFull = WhenFull()
    acknowledge: TimeLimit = TimeLimit(within=Duration(business_days=1))
    contact: TimeLimit = TimeLimit(within=Duration(business_days=2))
    decide: TimeLimit = TimeLimit(within=Duration(business_days=14))
    source: str
