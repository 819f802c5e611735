"""The tables of measuring: where visits come from, sessions, counts per day, the touches of a lead's path, and hits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from engine.store.tables import instant, metadata

sources = Table(
    "sources", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="hash of the tuple: store.sources"),
    Column("channel", Text, nullable=False, comment="as classified when the row was made"),
    Column("source", Text, nullable=False),
    Column("medium", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("keyword", Text, nullable=False, comment="(many) once there are 200,000 rows"),
    Column("content", Text, nullable=False),
    Column("version", Integer, nullable=False, comment="of the classifier's tables"),
)  # fmt: skip

sessions = Table(
    "sessions", metadata,
    Column("id", Uuid, primary_key=True),
    Column("visitor_id", Uuid, nullable=False),
    Column("lead_id", Uuid, comment="who the visitor turned out to be"),
    Column("source_id", BigInteger, nullable=False),
    Column("landing", Text, nullable=False, comment="path of the first page"),
    Column("pages", Integer, nullable=False),
    Column("click", JSONB, comment="an advertising network's identifier: parameter and value; kept 90 days"),
    instant("begun", required=True),
    instant("last_at", required=True),
    Index("sessions_of_visitor", "visitor_id", "begun"),
    Index("sessions_of_lead", "lead_id", "begun", postgresql_where=text("lead_id IS NOT NULL")),
    Index("sessions_strangers", "begun", postgresql_where=text("lead_id IS NULL")),
    Index("sessions_clicks", "begun", postgresql_where=text("click IS NOT NULL")),
)  # fmt: skip

visit_days = Table(
    "visit_days", metadata,
    Column("day", Date, primary_key=True, comment="in the workspace's zone"),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("landing", Text, primary_key=True),
    Column("visits", BigInteger, nullable=False, comment="sessions begun"),
    Column("visitors", BigInteger, nullable=False, comment="of these the first of their visitor on this day"),
    Column("pages", BigInteger, nullable=False),
)  # fmt: skip

touches = Table(
    "touches", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True, comment="v:<session> | m:<message>:<second> | e:<seq>"),
    Column("source_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, comment="visit | mail click | form | call | chat | webinar | meeting"),
    Column("seq", BigInteger, comment="the event's number"),
    Column("session_id", Uuid),
    instant("at", required=True),
    Index("touches_of_lead", "lead_id", "at"),
    Index("touches_at", "at", postgresql_include=["lead_id", "source_id"]),
)  # fmt: skip

mail_hits = Table(
    "mail_hits", metadata,
    Column("id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("message_id", Uuid, comment="None for a file, whose link names the lead alone"),
    Column("kind", Text, nullable=False, comment="open | click | download"),
    Column("link", Text, nullable=False, comment="the link's id, hidden, the file's path; empty for an open"),
    Column("network", Text, nullable=False, comment="the client's /24 or /48"),
    Column("client", Text, nullable=False, comment="peppered hash of address and user agent"),
    Column("agent", Text, nullable=False, comment="user agent, at most 300 characters"),
    Column("signs", ARRAY(Text), nullable=False, comment="HEAD, prefetch"),
    Column("judgement", Text, nullable=False, comment="human | machine | held (until due_at)"),
    Column("reasons", ARRAY(Text), nullable=False, comment="what made it a machine's: engine.rules.tracking.hits"),
    Column("version", Integer, nullable=False, comment="of the rules that judged it"),
    Column("seq", BigInteger, comment="the event it became"),
    instant("at", required=True),
    instant("handed"),
    instant("due_at"),
    Index("mail_hits_of_client", "client", "at"),
    Index("mail_hits_of_lead", "lead_id", "at"),
    Index("mail_hits_at", "at", "id"),
    Index("mail_hits_held", "due_at", postgresql_where=text("judgement = 'held'")),
)  # fmt: skip
