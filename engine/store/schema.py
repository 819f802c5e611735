"""All tables, whichever file declares them: what migrations are held against and rows are written to."""

from __future__ import annotations

from engine.store import (
    crm,
    desk_log,
    doors,
    drafts,
    kept,
    measured,
    money,
    people,
    report_tables,
    requests,
    users,
    variants,
    webhooks,
)
from engine.store.tables import metadata

assert {doors.set_aside.metadata, kept.sweeps.metadata, measured.sources.metadata} == {metadata}
assert {money.deals.metadata, report_tables.dirty.metadata, people.merges.metadata} == {metadata}
assert {variants.tests.metadata, requests.data_requests.metadata, crm.crm_links.metadata} == {metadata}
assert {webhooks.webhook_posts.metadata} == {metadata}
assert {users.users.metadata, desk_log.desk_log.metadata, drafts.drafts.metadata} == {metadata}
__all__ = ("metadata",)
