"""What is kept of a mail so that the same mail can be composed again: the values its template looked at, no others.

A memo is a small JSON object in the mail's row. With the templates of the deployment it names, it makes the same
subject and the same text for years, whatever becomes of the lead and of the templates meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from engine.mail.context import Context, Rendered

MOST = 16_000
"""Bytes a memo may have; a mail that would need a longer one cannot be shown again."""


def memo_of(
    context: Context, rendered: Rendered, *, epoch: int, topic: str, tracked: bool, event_seq: int
) -> dict[str, Any] | None:
    """The memo of a mail that was rendered with that context; None when it would be too long.

    `epoch` is the deployment's whose templates were used, `event_seq` the number of the event that a confirmation is
    about.
    """
    memo = {
        "epoch": epoch, "topic": topic, "tracked": tracked, "event_seq": event_seq, "language": context.language,
        "zone": context.zone, "score": context.score, "stage": context.stage, "interests": list(context.interests),
        "lead": _looked_at(context.lead, rendered, "lead"), "event": _looked_at(context.event, rendered, "event"),
        "owner": _looked_at(context.owner, rendered, "owner"), "given": dict(context.given),
    }  # fmt: skip
    kept = {name: value for name, value in memo.items() if value or name == "epoch"}
    return kept if len(orjson.dumps(kept)) <= MOST else None


def context_of(memo: Mapping[str, Any]) -> Context:
    """What the template knew, without the addresses that lead back to us."""
    lead = dict(memo.get("lead", {}))
    if "created" in lead:
        lead["created"] = datetime.fromisoformat(lead["created"])
    return Context(
        lead=lead, score=memo.get("score", 0), stage=memo.get("stage", ""), interests=memo.get("interests", ()),
        owner=memo.get("owner", {}), event=memo.get("event", {}), given=memo.get("given", {}),
        language=memo.get("language", ""), zone=memo.get("zone", "UTC"),
    )  # fmt: skip


def _looked_at(values: Mapping[str, Any], rendered: Rendered, name: str) -> dict[str, Any]:
    asked = rendered.asked[name]
    kept = {key: value for key, value in values.items() if key in asked and value is not None}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in kept.items()}
