"""The parts of the desk, in the order of its navigation."""

from __future__ import annotations

from web.desk import campaigns, colleagues, developers, home, leads, operations, reports, sales, sign_in
from web.desk.write import beside, changes, editor, overview, together

PARTS = (
    sign_in, sign_in.desk, home.desk, campaigns.desk, overview.desk, editor.desk, beside.desk, changes.desk,
    together.desk, leads.desk, sales.desk, reports.desk, operations.desk, developers.desk, colleagues.desk,
)  # fmt: skip
