"""Tables that the doors keep: confirmations that were asked for, and reports about mails that are put aside."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid

from engine.store.tables import instant, metadata

confirmations = Table(
    "confirmations", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True, comment="of the post in the lead's log"),
    Column("address", Text, nullable=False, comment="peppered HMAC of the address, like the next three"),
    Column("identity", Text, nullable=False, comment="of the address without tag, dots and case"),
    Column("domain", Text, nullable=False),
    Column("network", Text, nullable=False, comment="empty: the client is not known"),
    instant("at", required=True),
    Index("confirmations_identity", "identity", "at"),
    Index("confirmations_domain", "domain", "at"),
    Index("confirmations_network", "network", "at"),
    Index("confirmations_at", "at"),
)  # fmt: skip

set_aside = Table(
    "set_aside", metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("fate", Text, primary_key=True, comment="what the provider reported of the message"),
    Column("reason", Text, nullable=False),
    instant("at", required=True),
)  # fmt: skip
