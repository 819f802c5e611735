"""A mail shown again in the browser: composed anew from its memo and the templates of that time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

from engine.mail.compose import Addressed, compose
from engine.mail.errors import TemplateError
from engine.runtime.runtime import Runtime
from engine.sending.composing import confirm_url, file_urls
from engine.sending.mail_record import context_of
from engine.store import messages


@dataclass(frozen=True)
class View:
    """`html` is the mail's page, without what tells of an opening; None: it can no longer be shown. `language`: what
    the lead reads, as far as that is known."""

    subject: str = ""
    html: str | None = None
    language: str = ""


async def view(rt: Runtime, message_id: UUID) -> View | None:
    """The mail as its reader got it; None when there is none, or its reader has been erased."""
    row = await messages.to_show(rt.db, message_id)
    if row is None or row.email is None or row.kind not in ("marketing", "transactional"):
        return None
    gone = View(language=str(row.fields.get("language") or ""))
    renderer = await rt.catalog.renderer(row.memo["epoch"]) if row.memo else None
    if renderer is None:
        return gone
    tokens, base, memo = rt.tokens, rt.settings.base_url, row.memo
    context = replace(
        context_of(memo), confirm_url=confirm_url(tokens, base, row.lead_id, memo.get("event_seq", 0)),
        file_url=file_urls(tokens, base, row.lead_id),
    )  # fmt: skip
    message = Addressed(message_id, row.lead_id, row.email, row.kind, topic=memo.get("topic", ""))
    try:
        composed = await asyncio.to_thread(
            compose, renderer, row.template, context, message, tokens, base, tracked=memo.get("tracked", False),
            subject=row.variant or "", pixel=False,
        )  # fmt: skip
    except TemplateError:
        return gone
    return View(composed.mail.subject, composed.mail.html, composed.rendered.language)
