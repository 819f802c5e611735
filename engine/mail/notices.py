"""The mails to colleagues about a handoff: which template each notice uses, and what it may say.

A workspace overrides one by a template of the same name. All have `lead`, `score`, `stage`, `owner`, and `event` with
`handoff_url` and, where known, `note`, `team`, `member`, `campaign`, `phase`, `due` (a moment) and `reason`.
"""

from __future__ import annotations

from collections.abc import Mapping

NOTICES: Mapping[str, str] = {
    "assigned": "internal/handoff",
    "reassigned": "internal/reassigned",
    "escalated": "internal/escalation",
    "reminder": "internal/reminder",
    "follow_up": "internal/follow-up",
    "overdue": "internal/overdue",
}
"""engine.rules.sales.ladder.NoticeKind → template."""

NOTICE_DATA = frozenset(("handoff_url", "note", "team", "member", "campaign", "phase", "due", "reason"))
