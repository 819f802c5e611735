"""The first schema."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        Column("hash", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("created_at", INSTANT, nullable=False),
        Column("revoked_at", INSTANT, nullable=True),
        PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "consents",
        Column("lead_id", Uuid(), nullable=False),
        Column("topic", Text(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("state", Text(), nullable=False, comment="asked | subscribed | unsubscribed"),
        Column("record", JSONB(), nullable=False, comment="wording, form, page, client, both steps of a double opt-in"),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("lead_id", "topic", "seq"),
    )
    op.create_table(
        "deployments",
        Column("epoch", BigInteger(), nullable=False),
        Column("digest", Text(), nullable=False),
        Column("schema_version", Integer(), nullable=False),
        Column("program", JSONB(), nullable=False),
        Column("author", Text(), nullable=False),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("epoch"),
    )
    op.create_table(
        "enrolments",
        Column("id", Uuid(), nullable=False, comment="also the workflow id"),
        Column("lead_id", Uuid(), nullable=False),
        Column("campaign", Text(), nullable=False),
        Column("number", Integer(), nullable=False, comment="1 for the lead's first time in this campaign"),
        Column("digest", Text(), nullable=False),
        Column("state", Text(), nullable=False, comment="live | leaving | ended"),
        Column(
            "leave_seq",
            BigInteger(),
            nullable=True,
            comment="the event that made it leave",
        ),
        Column("outcome", Text(), nullable=True, comment="finished | stopped | left | unsubscribed | …"),
        Column("position", JSONB(), nullable=False),
        Column("gen", Integer(), nullable=False),
        Column("attempt", Text(), nullable=True, comment="the token of the advance that works on it"),
        Column("cursor", BigInteger(), nullable=False, comment="no event at or below it matters any more"),
        Column("wait", JSONB(), nullable=True, comment="the stored answer of the last advance"),
        Column("attention", Text(), nullable=True, comment="why a person must look; None when all is well"),
        Column("due_at", INSTANT, nullable=True),
        Column("started_at", INSTANT, nullable=False),
        Column("ended_at", INSTANT, nullable=True),
        Column("real_woken_at", INSTANT, nullable=True),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("enrolments_due", "enrolments", ["due_at"], unique=False, postgresql_where=text("state <> 'ended'"))
    op.create_index(
        "enrolments_live", "enrolments", ["lead_id", "campaign"], unique=True, postgresql_where=text("state <> 'ended'")
    )
    op.create_index("enrolments_of_lead", "enrolments", ["lead_id"], unique=False)
    op.create_table(
        "events",
        Column("lead_id", Uuid(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("key", Text(), nullable=True, comment="the natural key; None for what Coldframe itself caused"),
        Column("type", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("data", JSONB(), nullable=False),
        Column("enrolment_id", Uuid(), nullable=True),
        Column("message_id", Uuid(), nullable=True),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("lead_id", "seq"),
        UniqueConstraint("lead_id", "key", name="events_natural_key"),
    )
    op.create_index(
        "events_of_enrolment",
        "events",
        ["enrolment_id", "seq"],
        unique=False,
        postgresql_where=text("enrolment_id IS NOT NULL"),
    )
    op.create_table(
        "gates",
        Column("provider", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("real_closed_until", INSTANT, nullable=True),
        PrimaryKeyConstraint("provider"),
    )
    op.create_table(
        "lead_clock",
        Column("lead_id", Uuid(), nullable=False),
        Column("what", Text(), nullable=False),
        Column("due_at", INSTANT, nullable=False),
        PrimaryKeyConstraint("lead_id", "what"),
    )
    op.create_index("lead_clock_due", "lead_clock", ["due_at"], unique=False)
    op.create_table(
        "leads",
        Column("id", Uuid(), nullable=False),
        Column("email", Text(), nullable=True, comment="as given; None once erased"),
        Column("email_key", Text(), nullable=True, comment="normalised, the identity"),
        Column("seq", BigInteger(), nullable=False, comment="the newest event's number; counted under the row's lock"),
        Column("fields", JSONB(), nullable=False),
        Column("scores", JSONB(), nullable=False, comment="model → points; the default model is ''"),
        Column("rated", JSONB(), nullable=False, comment="state rule → the points it gives now"),
        Column("stage", Text(), nullable=False),
        Column("topics", JSONB(), nullable=False, comment="topic → subscribed | unsubscribed"),
        Column("suppressed", Text(), nullable=True, comment="why nothing may be mailed"),
        Column("attention", Text(), nullable=True, comment="why a person must look; None when all is well"),
        Column("created_at", INSTANT, nullable=False),
        Column("last_at", INSTANT, nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("email_key"),
    )
    op.create_table(
        "links",
        Column("id", Text(), nullable=False, comment="hash of the address"),
        Column("url", Text(), nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mailbox",
        Column("id", Uuid(), nullable=False, comment="the message's id"),
        Column("to", Text(), nullable=False),
        Column("sender", Text(), nullable=False),
        Column("subject", Text(), nullable=False),
        Column("headers", JSONB(), nullable=False),
        Column("html", Text(), nullable=False),
        Column("text", Text(), nullable=False),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("mailbox_at", "mailbox", ["at"], unique=False)
    op.create_table(
        "messages",
        Column("id", Uuid(), nullable=False),
        Column("owner_id", Uuid(), nullable=False, comment="the enrolment or handoff it belongs to"),
        Column("step", Text(), nullable=False),
        Column("visit", Text(), nullable=False),
        Column("lead_id", Uuid(), nullable=False),
        Column("template", Text(), nullable=False),
        Column("kind", Text(), nullable=False, comment="marketing | transactional | staff"),
        Column("staff", Text(), nullable=True, comment="the colleague's address of a staff mail"),
        Column("state", Text(), nullable=False, comment="sending | accepted | skipped | failed | unknown"),
        Column("reason", Text(), nullable=False),
        Column("attempt", Text(), nullable=False),
        Column("source", Text(), nullable=False),
        Column("subject", Text(), nullable=False),
        Column("provider_id", Text(), nullable=True),
        Column("at", INSTANT, nullable=False),
        Column("settled_at", INSTANT, nullable=True),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("owner_id", "step", "visit", name="messages_identity"),
    )
    op.create_index("messages_of_lead", "messages", ["lead_id", "at"], unique=False)
    op.create_index(
        "messages_sending", "messages", ["owner_id"], unique=False, postgresql_where=text("state = 'sending'")
    )
    op.create_table(
        "outbox",
        Column("run_id", Uuid(), nullable=False),
        Column("kind", Text(), nullable=False, comment="enrolment | handoff"),
        Column("start", Boolean(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("gen", Integer(), nullable=False),
        Column("queue", Text(), nullable=False),
        Column("real_leased_until", INSTANT, nullable=False),
        PrimaryKeyConstraint("run_id"),
    )
    op.create_index("outbox_leases", "outbox", ["real_leased_until"], unique=False)
    op.create_table(
        "plans",
        Column("digest", Text(), nullable=False),
        Column("campaign", Text(), nullable=False),
        Column("epoch", BigInteger(), nullable=False),
        Column("body", JSONB(), nullable=False),
        PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "points",
        Column("lead_id", Uuid(), nullable=False),
        Column(
            "cause", Text(), nullable=False, comment="e:<seq> | s:<run>:<step>:<visit> | x:<expired cause> | f:<seq>"
        ),
        Column("rule", Text(), nullable=False),
        Column("model", Text(), nullable=False),
        Column("amount", Numeric(), nullable=False),
        Column("thing", Text(), nullable=False, comment="what `once per email` counts by: the event's name"),
        Column("seq", BigInteger(), nullable=False),
        Column("score_after", Numeric(), nullable=False),
        Column("earned_at", INSTANT, nullable=False),
        Column("booked_at", INSTANT, nullable=False),
        Column("expires_at", INSTANT, nullable=True),
        PrimaryKeyConstraint("lead_id", "cause", "rule"),
    )
    op.create_index("points_by_rule", "points", ["lead_id", "rule"], unique=False)
    op.create_table(
        "processes",
        Column("id", Uuid(), nullable=False),
        Column("role", Text(), nullable=False),
        Column("build", Text(), nullable=False),
        Column("schema_version", Integer(), nullable=False, comment="the newest plan schema this process reads"),
        Column("real_seen_at", INSTANT, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "stages",
        Column("lead_id", Uuid(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("stage", Text(), nullable=False),
        Column("before", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("lead_id", "seq"),
    )
    op.create_table(
        "suppressions",
        Column("address_hash", Text(), nullable=False, comment="peppered HMAC of the normalised address"),
        Column("reason", Text(), nullable=False),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("address_hash"),
    )
    op.create_table(
        "teams",
        Column("name", Text(), nullable=False),
        Column("turn", BigInteger(), nullable=False, comment="round robin: how many leads have been dealt"),
        PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "waits",
        Column("enrolment_id", Uuid(), nullable=False),
        Column("branch", Text(), nullable=False),
        Column("step", Text(), nullable=False),
        Column("source", Text(), nullable=False, comment="file:line"),
        Column("what", Text(), nullable=False, comment="what ends it, in words"),
        Column("due_at", INSTANT, nullable=True),
        PrimaryKeyConstraint("enrolment_id", "branch"),
    )
    op.create_table(
        "assets",
        Column("epoch", BigInteger(), nullable=False),
        Column("path", Text(), nullable=False, comment="templates/… or files/…"),
        Column("digest", Text(), nullable=False),
        Column("body", LargeBinary(), nullable=False),
        ForeignKeyConstraint(["epoch"], ["deployments.epoch"]),
        PrimaryKeyConstraint("epoch", "path"),
    )
    op.create_table(
        "handoffs",
        Column("id", Uuid(), nullable=False, comment="also the workflow id"),
        Column("lead_id", Uuid(), nullable=False),
        Column("enrolment_id", Uuid(), nullable=True, comment="the run that opened it"),
        Column("source", Text(), nullable=False),
        Column("team", Text(), nullable=False),
        Column("stage", Text(), nullable=True),
        Column("note", Text(), nullable=False),
        Column("state", JSONB(), nullable=False, comment="engine.rules.sales.ladder.State"),
        Column("member", Text(), nullable=True, comment="who has it now"),
        Column("outcome", Text(), nullable=True, comment="accepted | rejected | overdue; None while open"),
        Column("reason", Text(), nullable=True),
        Column("gen", Integer(), nullable=False),
        Column("wait", JSONB(), nullable=True),
        Column("attention", Text(), nullable=True),
        Column("due_at", INSTANT, nullable=True),
        Column("opened_at", INSTANT, nullable=False),
        Column("acknowledged_at", INSTANT, nullable=True),
        Column("contacted_at", INSTANT, nullable=True),
        Column("closed_at", INSTANT, nullable=True),
        Column("real_woken_at", INSTANT, nullable=True),
        ForeignKeyConstraint(["lead_id"], ["leads.id"]),
        PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "handoffs_by_member", "handoffs", ["member"], unique=False, postgresql_where=text("outcome IS NULL")
    )
    op.create_index("handoffs_open", "handoffs", ["lead_id"], unique=True, postgresql_where=text("outcome IS NULL"))
    op.create_table(
        "visitors",
        Column("id", Uuid(), nullable=False),
        Column("lead_id", Uuid(), nullable=True),
        Column("first_touch", JSONB(), nullable=False),
        Column("first_at", INSTANT, nullable=False),
        Column("last_at", INSTANT, nullable=False),
        ForeignKeyConstraint(["lead_id"], ["leads.id"]),
        PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "visitor_events",
        Column("visitor_id", Uuid(), nullable=False),
        Column("key", Text(), nullable=False),
        Column("type", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("data", JSONB(), nullable=False),
        Column("at", INSTANT, nullable=False),
        ForeignKeyConstraint(["visitor_id"], ["visitors.id"]),
        PrimaryKeyConstraint("visitor_id", "key"),
    )
    # Rows that are written again and again keep room beside them, so that an update stays on its page.
    op.execute("ALTER TABLE leads SET (fillfactor = 80)")
    op.execute("ALTER TABLE enrolments SET (fillfactor = 80)")


def downgrade() -> None:
    op.drop_table("visitor_events")
    op.drop_table("visitors")
    op.drop_table("handoffs")
    op.drop_table("assets")
    op.drop_table("waits")
    op.drop_table("teams")
    op.drop_table("suppressions")
    op.drop_table("stages")
    op.drop_table("processes")
    op.drop_table("points")
    op.drop_table("plans")
    op.drop_table("outbox")
    op.drop_table("messages")
    op.drop_table("mailbox")
    op.drop_table("links")
    op.drop_table("leads")
    op.drop_table("lead_clock")
    op.drop_table("gates")
    op.drop_table("events")
    op.drop_table("enrolments")
    op.drop_table("deployments")
    op.drop_table("consents")
    op.drop_table("api_keys")
