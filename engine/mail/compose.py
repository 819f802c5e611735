"""One mail, ready to hand over: rendered, checked, its links signed, its headers set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Any, Literal
from uuid import UUID

from engine.mail.context import Context, Rendered
from engine.mail.convert import shows
from engine.mail.errors import Incomplete
from engine.mail.links import link_id, rewrite
from engine.mail.render import Renderer
from engine.model.ports import Mail
from engine.platform.tokens import Tokens
from engine.rules.tracking.hits import HIDDEN

Kind = Literal["marketing", "transactional", "staff"]


@dataclass(frozen=True)
class Addressed:
    """To whom a message goes and why. `topic` is the campaign's, as is `sender`; without it the workspace's is used."""

    message_id: UUID
    lead_id: UUID
    to: str
    kind: Kind
    topic: str = ""
    sender: str = ""


@dataclass(frozen=True)
class Composed:
    """`links` are the addresses behind the click links, by `link_id`: store them before the mail leaves.

    `memo` is what has to be kept to compose the same mail again (`sending.mail_record`), None where nobody wants it.
    """

    mail: Mail
    rendered: Rendered
    links: dict[str, str]
    memo: Mapping[str, Any] | None = None


def compose(
    renderer: Renderer, template: str, context: Context, message: Addressed, tokens: Tokens, base_url: str, *,
    tracked: bool, subject: str = "", pixel: bool = True,
) -> Composed:  # fmt: skip
    """The mail of one message; `subject` stands in for the template's own.

    Its own addresses are `/u/` unsubscribe, `/p/` preferences, `/v/` view, `/c/` click and `/o/` open, each with a
    token of that purpose (`unsubscribe`: lead, topic; `preferences`: lead; `click`: message, link; `view`, `open`:
    message). Without `tracked`, links stay as they are and there is no pixel; staff mails are never tracked and have no
    page of their own. A tracked marketing mail has a link that no person sees, with `HIDDEN` for a link's id. Without
    `pixel` there is neither it nor the picture. Raises TemplateError.
    """
    base = base_url.rstrip("/")
    lead, own = str(message.lead_id), str(message.message_id)
    leave = f"{base}/u/{tokens.sign('unsubscribe', lead, message.topic)}"
    if message.kind == "marketing":
        choose = preferences_url(tokens, base, message.lead_id)
        context = replace(context, unsubscribe_url=leave, preferences_url=choose)
    if message.kind != "staff":
        context = replace(context, view_url=f"{base}/v/{tokens.sign('view', own)}")
    rendered = renderer.render(template, context, subject)
    if message.kind == "marketing" and (missing := marketing_gap(rendered, renderer.workspace.address, leave)):
        raise Incomplete(template, 0, missing)
    links: dict[str, str] = {}
    html, text = rendered.html, rendered.text
    if tracked and message.kind != "staff":
        keep = {leave, context.preferences_url, context.confirm_url, context.view_url}

        def click(url: str) -> str:
            links[link_id(url)] = url
            return f"{base}/c/{tokens.sign('click', own, link_id(url))}"

        html, text = rewrite(html, text, click, keep)
        if pixel:
            if message.kind == "marketing":
                html = with_hidden_link(html, f"{base}/c/{tokens.sign('click', own, HIDDEN)}")
            html = with_pixel(html, f"{base}/o/{tokens.sign('open', own)}.gif")
    headers = {"X-Coldframe-Message": own}
    if message.kind == "marketing":
        headers |= {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    sender = rendered.sender or message.sender or renderer.workspace.sender
    mail = Mail(
        message_id=message.message_id, to=message.to, sender=sender, subject=rendered.subject, html=html, text=text,
        headers=headers, category=template,
    )  # fmt: skip
    return Composed(mail, rendered, links)


def preferences_url(tokens: Tokens, base: str, lead: UUID) -> str:
    """Where the lead chooses what they get."""
    return f"{base}/p/{tokens.sign('preferences', str(lead))}"


def with_pixel(html: str, url: str) -> str:
    """The page with an invisible image at its end."""
    return _at_end(html, f'<img src="{escape(url)}" width="1" height="1" alt="" style="display:block;border:0">')


def with_hidden_link(html: str, url: str) -> str:
    """The page with a link at its end that is neither shown, read out, nor reached by a key."""
    hidden = 'rel="nofollow" aria-hidden="true" tabindex="-1" style="display:none;mso-hide:all"'
    return _at_end(html, f'<a href="{escape(url)}" {hidden}></a>')


def _at_end(html: str, what: str) -> str:
    at = html.lower().rfind("</body>")
    return html + what if at < 0 else html[:at] + what + html[at:]


def marketing_gap(rendered: Rendered, address: str, unsubscribe_url: str) -> str | None:
    """What a marketing mail lacks of postal address and unsubscribe link, in either part; None when all is there."""
    if not address.strip():
        return "a marketing email needs a postal address, but the workspace has none"
    if escape(unsubscribe_url) not in rendered.html:
        return "the email has no unsubscribe link: `{{ unsubscribe_url }}`"
    if unsubscribe_url not in rendered.text:
        return "the plain-text part has no unsubscribe link: `{{ unsubscribe_url }}`"
    if escape(address) not in rendered.html and not shows(_stripped(rendered.html), address):
        return "the email does not show the postal address: `{{ workspace.address }}`"
    if not shows(rendered.text, address):
        return "the plain-text part does not show the postal address: `{{ workspace.address }}`"
    return None


def _stripped(html: str) -> str:
    return unescape(re.sub(r"<(style|script|title)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", " ", html, flags=re.S | re.I))
