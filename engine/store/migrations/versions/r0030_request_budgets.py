"""What the budgets of emails count that people ask for about their own data."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

COMMENTS = {
    "identity": "of the mailbox that is written to, like those of confirmations",
    "domain": None,
    "network": "of the client that asked",
}


def upgrade() -> None:
    for name, comment in COMMENTS.items():
        op.add_column("data_requests", Column(name, Text(), comment=comment))
        op.create_index(f"data_requests_{name}", "data_requests", [name, "at"])
    op.create_index("data_requests_at", "data_requests", ["at"])


def downgrade() -> None:
    op.drop_index("data_requests_at", "data_requests")
    for name in reversed(COMMENTS):
        op.drop_index(f"data_requests_{name}", "data_requests")
        op.drop_column("data_requests", name)
