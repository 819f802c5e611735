"""The tables, as SQLAlchemy Core metadata: what migrations create and cold queries select from.

Instants are domain time, except columns called `real_…`. No column has a clock default: time comes from the clock port.
Tables that are written under the lead's lock name it without a foreign key: the lock has proved that it exists.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
EMPTY = text("'{}'::jsonb")


def instant(name: str, *, required: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=not required)


# ── what is deployed ─────────────────────────────────────────────────────────────────────────────────────────────────
deployments = Table(
    "deployments", metadata,
    Column("epoch", BigInteger, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("program", JSONB, nullable=False),
    Column("author", Text, nullable=False),
    instant("at", required=True),
    Column("kind", Text, comment="rollback | stop | resume; None: a deployment of files"),
    Column("target", BigInteger, comment="the epoch that a rollback has put back into force"),
    Column("note", Text, comment="what was stopped or resumed"),
)  # fmt: skip

plans = Table(
    "plans", metadata,
    Column("digest", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
)  # fmt: skip

assets = Table(
    "assets", metadata,
    Column("epoch", BigInteger, ForeignKey("deployments.epoch"), primary_key=True),
    Column("path", Text, primary_key=True, comment="templates/… or files/…"),
    Column("digest", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

processes = Table(
    "processes", metadata,
    Column("id", Uuid, primary_key=True),
    Column("role", Text, nullable=False),
    Column("build", Text, nullable=False),
    Column("schema_version", Integer, nullable=False, comment="the newest plan schema this process reads"),
    instant("real_seen_at", required=True),
)  # fmt: skip

campaign_states = Table(
    "campaign_states", metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("campaign", Text, nullable=False, comment="in lower case; empty: all of them"),
    Column("state", Text, nullable=False, comment="running | paused | stopped"),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("spread", Integer, nullable=False, comment="running: seconds over which overdue mails leave"),
    instant("at", required=True),
    instant("until"),
    Index("campaign_states_now", "campaign", unique=True, postgresql_where=text("until IS NULL")),
)  # fmt: skip

jobs = Table(
    "jobs", metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, comment="move | wake"),
    Column("campaign", Text, nullable=False, comment="in lower case; empty: all of them"),
    Column("data", JSONB, nullable=False, comment="what to do with each run"),
    Column("cursor", Uuid, comment="the last run that was dealt with"),
    Column("result", JSONB, nullable=False, comment="how many came to which end"),
    instant("at", required=True),
    instant("finished_at"),
    instant("real_leased_until", required=True),
    Index("jobs_open", "at", postgresql_where=text("finished_at IS NULL")),
)  # fmt: skip

# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────
leads = Table(
    "leads", metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, comment="as given; None once erased"),
    Column("email_key", Text, unique=True, comment="normalised, the identity"),
    Column("seq", BigInteger, nullable=False, comment="the newest event's number; counted under the row's lock"),
    Column("fields", JSONB, nullable=False),
    Column("scores", JSONB, nullable=False, comment="model → points; the default model is ''"),
    Column("rated", JSONB, nullable=False, comment="state rule → the points it gives now"),
    Column("stage", Text, nullable=False),
    Column("topics", JSONB, nullable=False, comment="topic → subscribed | unsubscribed"),
    Column("suppressed", Text, comment="why nothing may be mailed"),
    Column("attention", Text, comment="why a person must look; None when all is well"),
    Column("lists", JSONB, nullable=False, server_default=EMPTY, comment="list → joined when"),
    Column("interests", JSONB, nullable=False, server_default=EMPTY, comment="interest → how often"),
    Column("segments", JSONB, nullable=False, server_default=EMPTY, comment="watched segment → in or out, by which"),
    Column("epoch", BigInteger, nullable=False, server_default=text("0"), comment="its clocks are set as this says"),
    Column("origin", JSONB, nullable=False, server_default=EMPTY, comment="where the lead came from, by field"),
    Column("merged_into", Uuid, comment="the lead that this record has become part of"),
    Column("former", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="hashes of its other addresses"),
    instant("active_at"),
    instant("created_at", required=True),
    instant("last_at", required=True),
    Index("leads_by_epoch", "epoch"),
    Index("leads_created", "created_at", "id"),
    Index("leads_merged", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)  # fmt: skip

visitors = Table(
    "visitors", metadata,
    Column("id", Uuid, primary_key=True),
    Column("lead_id", Uuid, ForeignKey("leads.id")),
    Column("session", JSONB, comment="the latest: id, source, begun, last_at, landing, pages"),
    Column("seen_on", Date, comment="the last day the visitor was counted on"),
    instant("first_at", required=True),
    instant("last_at", required=True),
    Index("visitors_of_lead", "lead_id", postgresql_where=text("lead_id IS NOT NULL")),
    Index("visitors_strangers", "first_at", postgresql_where=text("lead_id IS NULL")),
)  # fmt: skip

visitor_events = Table(
    "visitor_events", metadata,
    Column("visitor_id", Uuid, ForeignKey("visitors.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    instant("at", required=True),
    Index("visitor_events_at", "at"),
)  # fmt: skip

suppressions = Table(
    "suppressions", metadata,
    Column("address_hash", Text, primary_key=True, comment="peppered HMAC of the normalised address"),
    Column("reason", Text, nullable=False),
    instant("at", required=True),
)  # fmt: skip

consents = Table(
    "consents", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("state", Text, nullable=False, comment="asked | subscribed | unsubscribed"),
    Column("record", JSONB, nullable=False, comment="wording, form, page, client, both steps of a double opt-in"),
    instant("at", required=True),
)  # fmt: skip

# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────
events = Table(
    "events", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("key", Text, comment="the natural key; None for what Coldframe itself caused"),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("enrolment_id", Uuid),
    Column("message_id", Uuid),
    instant("at", required=True),
    instant("happened_at"),
    UniqueConstraint("lead_id", "key", name="events_natural_key"),
    Index("events_happened", "happened_at", postgresql_using="brin"),
    Index("events_of_enrolment", "enrolment_id", "seq", postgresql_where=text("enrolment_id IS NOT NULL")),
)  # fmt: skip

points = Table(
    "points", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("cause", Text, primary_key=True, comment="e:<seq> | s:<run>:<step>:<visit> | x:<expired cause> | f:<seq>"),
    Column("rule", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("thing", Text, nullable=False, comment="what `once per email` counts by: the event's name"),
    Column("seq", BigInteger, nullable=False),
    Column("score_after", Numeric, nullable=False),
    Column("times", Integer, nullable=False, server_default="1", comment="bookings that became this one"),
    instant("earned_at", required=True),
    instant("booked_at", required=True),
    instant("expires_at"),
    Index("points_by_rule", "lead_id", "rule"),
)  # fmt: skip

stages = Table(
    "stages", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("step", Text, comment="the step that asked for it; empty: a rule did; None: from before it was kept"),
    instant("at", required=True),
)  # fmt: skip

# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
enrolments = Table(
    "enrolments", metadata,
    Column("id", Uuid, primary_key=True, comment="also the workflow id"),
    Column("lead_id", Uuid, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("number", Integer, nullable=False, comment="1 for the lead's first time in this campaign"),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False, comment="live | leaving | ended"),
    Column("leave_seq", BigInteger, comment="the event that made it leave"),
    Column("outcome", Text, comment="finished | stopped | left | goal | moved | unsubscribed | …"),
    Column("per", Text, nullable=False, server_default=text("''"), comment="the value this run is for"),
    instant("goal_at"),
    Column("held_out", Boolean, comment="in the control group; decided at the entry and never again"),
    Column("position", JSONB, nullable=False),
    Column("gen", Integer, nullable=False),
    Column("attempt", Text, comment="the token of the advance that works on it"),
    Column("cursor", BigInteger, nullable=False, comment="no event at or below it matters any more"),
    Column("wait", JSONB, comment="the stored answer of the last advance"),
    Column("attention", Text, comment="why a person must look; None when all is well"),
    instant("due_at"),
    instant("started_at", required=True),
    instant("ended_at"),
    instant("real_woken_at"),
    Index(
        "enrolments_live", "lead_id", "campaign", "per", "number", unique=True,
        postgresql_where=text("state <> 'ended'"),
    ),
    Index("enrolments_of_lead", "lead_id"),
    Index("enrolments_due", "due_at", postgresql_where=text("state <> 'ended'")),
)  # fmt: skip

waits = Table(
    "waits", metadata,
    Column("enrolment_id", Uuid, primary_key=True),
    Column("branch", Text, primary_key=True),
    Column("step", Text, nullable=False),
    Column("source", Text, nullable=False, comment="file:line"),
    Column("what", Text, nullable=False, comment="what ends it, in words"),
    instant("due_at"),
    Column("held", Text, nullable=False, server_default="", comment="what keeps a mail that has to wait, in words"),
)  # fmt: skip

messages = Table(
    "messages", metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False, comment="the enrolment or handoff it belongs to"),
    Column("step", Text, nullable=False),
    Column("visit", Text, nullable=False),
    Column("lead_id", Uuid, nullable=False),
    Column("template", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="marketing | transactional | staff | post, or of a step passed over"),
    Column("staff", Text, comment="the colleague's address of a staff mail"),
    Column("address", Text, comment="peppered HMAC of the lead's address that it went to"),
    Column("state", Text, nullable=False, comment="sending | accepted | skipped | failed | unknown"),
    Column("reason", Text, nullable=False),
    Column("attempt", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("variant", Text, comment="the subject line under test"),
    Column("provider_id", Text),
    Column("memo", JSONB, comment="what its template looked at: engine.sending.mail_record"),
    Column("machine", Integer, nullable=False, server_default="0", comment="of removed hits: 1 fetched, 2 clicked"),
    Column("held", JSONB, comment="what has kept it: instant and reason, as often as the reason changed"),
    instant("at", required=True),
    instant("settled_at"),
    UniqueConstraint("owner_id", "step", "visit", name="messages_identity"),
    Index("messages_sending", "owner_id", postgresql_where=text("state = 'sending'")),
    Index("messages_of_lead", "lead_id", "at"),
    Index("messages_memos", "at", postgresql_where=text("memo IS NOT NULL")),
)  # fmt: skip

outbox = Table(
    "outbox", metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, comment="enrolment | handoff"),
    Column("start", Boolean, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("gen", Integer, nullable=False),
    Column("queue", Text, nullable=False),
    instant("real_leased_until", required=True),
    Index("outbox_leases", "real_leased_until"),
)  # fmt: skip

lead_clock = Table(
    "lead_clock", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("what", Text, primary_key=True),
    instant("due_at", required=True),
    Index("lead_clock_due", "due_at"),
)  # fmt: skip

# ── sales ────────────────────────────────────────────────────────────────────────────────────────────────────────────
handoffs = Table(
    "handoffs", metadata,
    Column("id", Uuid, primary_key=True, comment="also the workflow id"),
    Column("lead_id", Uuid, ForeignKey("leads.id"), nullable=False),
    Column("enrolment_id", Uuid, comment="the run that opened it"),
    Column("source", Text, nullable=False),
    Column("step", Text, comment="the step that opened it; None: from before it was kept"),
    Column("team", Text, nullable=False),
    Column("stage", Text),
    Column("note", Text, nullable=False),
    Column("state", JSONB, nullable=False, comment="engine.rules.sales.ladder.State"),
    Column("member", Text, comment="who has it now"),
    Column("outcome", Text, comment="accepted | rejected | overdue | merged | erased; None while open"),
    Column("reason", Text),
    Column("gen", Integer, nullable=False),
    Column("wait", JSONB),
    Column("attention", Text),
    instant("due_at"),
    instant("opened_at", required=True),
    instant("acknowledged_at"),
    instant("contacted_at"),
    instant("closed_at"),
    instant("real_woken_at"),
    Index("handoffs_open", "lead_id", unique=True, postgresql_where=text("outcome IS NULL")),
    Index("handoffs_of_lead", "lead_id"),
    Index("handoffs_by_member", "member", postgresql_where=text("outcome IS NULL")),
)  # fmt: skip

teams = Table(
    "teams", metadata,
    Column("name", Text, primary_key=True),
    Column("turn", BigInteger, nullable=False, comment="round robin: how many leads have been dealt"),
)  # fmt: skip

# ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
links = Table(
    "links", metadata,
    Column("id", Text, primary_key=True, comment="hash of the address"),
    Column("url", Text, nullable=False),
)  # fmt: skip

gates = Table(
    "gates", metadata,
    Column("provider", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    instant("real_closed_until"),
    instant("real_closed_at"),
)  # fmt: skip

mailbox = Table(
    "mailbox", metadata,
    Column("id", Uuid, primary_key=True, comment="the message's id"),
    Column("to", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    instant("at", required=True),
    Index("mailbox_at", "at"),
)  # fmt: skip

api_keys = Table(
    "api_keys", metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    instant("created_at", required=True),
    instant("revoked_at"),
    Column(
        "scope", Text, nullable=False, server_default="all", comment="all | reports: reads reports and nothing else"
    ),
)  # fmt: skip
