"""The tables of `test`: each test of variants, and which variant was tried on whom."""

from __future__ import annotations

from sqlalchemy import ARRAY, Column, Index, Table, Text, Uuid

from engine.store.tables import instant, metadata

tests = Table(
    "tests", metadata,
    Column("campaign", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("by", Text, nullable=False, comment="clicks | opens | replies | goal"),
    Column("variants", ARRAY(Text), nullable=False),
    Column("winner", Text),
    instant("started_at", required=True),
    instant("ends_at", required=True),
    instant("decided_at"),
)  # fmt: skip

test_leads = Table(
    "test_leads", metadata,
    Column("campaign", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("lead_id", Uuid, primary_key=True),
    Column("enrolment_id", Uuid, nullable=False),
    Column("variant", Text, nullable=False),
    Column("steps", ARRAY(Text), nullable=False, comment="the steps that only this variant leads to"),
    instant("at", required=True),
    Index("test_leads_of_lead", "lead_id"),
)  # fmt: skip
