"""The tables behind forgetting: where the sweep over all leads stands, and what stays of runs and emails as figures."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Identity, Index, Numeric, Table, Text, Uuid

from engine.store.tables import instant, metadata

sweeps = Table(
    "sweeps", metadata,
    Column("what", Text, primary_key=True),
    Column("cursor", Uuid, comment="the last lead that was looked at; None: begin with the first"),
)  # fmt: skip

past_acts = Table(
    "past_acts", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("refused", Boolean, nullable=False, comment="sales rejected the lead; else the lead did something"),
    instant("since", required=True),
    instant("until", required=True),
    Index("past_acts_of_lead", "lead_id"),
)  # fmt: skip
"""When leads did something whose events were removed: spans without a day of silence and without a rejection."""

past_deeds = Table(
    "past_deeds", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("times", BigInteger, nullable=False),
    instant("first_at", required=True),
    Index("past_deeds_of_lead", "lead_id"),
)  # fmt: skip
"""What leads did whose events were removed, by what the company calls it, and when they first did."""

past_points = Table(
    "past_points", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("model", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("day", Date, nullable=False, comment="on which they were booked, in the workspace's zone"),
    Column("amount", Numeric, nullable=False),
    Column("times", BigInteger, nullable=False),
    Index("past_points_of_lead", "lead_id"),
)  # fmt: skip
"""What the bookings of a day added up to that were put together to one: scores of past days are counted from it."""

report_days = Table(
    "report_days", metadata,
    Column("day", Date, primary_key=True, comment="in the workspace's zone"),
    Column("type", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("times", BigInteger, nullable=False),
    Column("known", BigInteger, nullable=False, server_default="0", comment="of them, by leads known for a day"),
)  # fmt: skip
"""How often what the company calls so happened on a day, of events that were removed."""

form_days = Table(
    "form_days", metadata,
    Column("day", Date, primary_key=True, comment="in the workspace's zone"),
    Column("form", Text, primary_key=True),
    Column("shown", BigInteger, nullable=False, comment="how often people opened its page, or one it is embedded in"),
)  # fmt: skip

past_runs = Table(
    "past_runs", metadata,
    Column("campaign", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="on which they began, in the workspace's zone"),
    Column("outcome", Text, primary_key=True),
    Column("step", Text, primary_key=True, comment="the last one they came to"),
    Column("held_out", Boolean, primary_key=True, autoincrement=False),
    Column("goal", Boolean, primary_key=True, autoincrement=False, comment="whether they reached it"),
    Column(
        "drawn", Boolean, primary_key=True, autoincrement=False, server_default="true",
        comment="whether it was decided at the entry who is held out",
    ),
    Column("runs", BigInteger, nullable=False),
)  # fmt: skip
"""Runs whose rows were removed."""

past_emails = Table(
    "past_emails", metadata,
    Column("campaign", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="of sending, in the workspace's zone"),
    Column("step", Text, primary_key=True),
    Column("template", Text, primary_key=True),
    Column("variant", Text, primary_key=True, comment="the subject line under test; empty: none was"),
    Column("kind", Text, primary_key=True, comment="marketing | transactional | post, or of a step passed over"),
    Column("state", Text, primary_key=True),
    Column("emails", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("clicked", BigInteger, nullable=False),
    Column("bounced", BigInteger, nullable=False, server_default="0"),
    Column("bounced_opened", BigInteger, nullable=False, server_default="0", comment="opened although it bounced"),
    Column("bounced_clicked", BigInteger, nullable=False, server_default="0"),
    Column("replied", BigInteger, nullable=False, server_default="0", comment="of those that did not bounce"),
    Column("machine", BigInteger, nullable=False, server_default="0", comment="fetched by a machine"),
    Column("machine_clicked", BigInteger, nullable=False, server_default="0", comment="of them, clicked by one"),
)  # fmt: skip
"""Emails of campaigns whose rows were removed, with how many of them people opened and clicked."""
