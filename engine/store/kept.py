"""The tables behind forgetting: where the sweep over all leads stands, and what stays of runs and emails as figures."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Table, Text, Uuid

from engine.store.tables import metadata

sweeps = Table(
    "sweeps", metadata,
    Column("what", Text, primary_key=True),
    Column("cursor", Uuid, comment="the last lead that was looked at; None: begin with the first"),
)  # fmt: skip

past_runs = Table(
    "past_runs", metadata,
    Column("campaign", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="on which they began, in UTC"),
    Column("outcome", Text, primary_key=True),
    Column("step", Text, primary_key=True, comment="the last one they came to"),
    Column("held_out", Boolean, primary_key=True, autoincrement=False),
    Column("goal", Boolean, primary_key=True, autoincrement=False, comment="whether they reached it"),
    Column("runs", BigInteger, nullable=False),
)  # fmt: skip
"""Runs whose rows were removed."""

past_emails = Table(
    "past_emails", metadata,
    Column("campaign", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="of sending, in UTC"),
    Column("step", Text, primary_key=True),
    Column("template", Text, primary_key=True),
    Column("variant", Text, primary_key=True, comment="the subject line under test; empty: none was"),
    Column("kind", Text, primary_key=True, comment="marketing | transactional | post, or of a step passed over"),
    Column("state", Text, primary_key=True),
    Column("emails", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("clicked", BigInteger, nullable=False),
)  # fmt: skip
"""Emails of campaigns whose rows were removed, with how many of them people opened and clicked."""
