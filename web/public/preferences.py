"""Choosing what to receive: the page behind a mail's preferences link. A GET never changes anything.

The address is signed for one lead and stands in their own mails only, so who sends the page's form has their mailbox.
That is why nothing is confirmed a second time, and why no other site can send it for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dsl.plan import Program, Topic, tags
from engine.leads import intake
from engine.leads.preferences import PAGE, Choice, choose, may_choose, receives
from engine.model.lead import TRACKING, Lead
from engine.rules.leads.suppression import UNSUBSCRIBED
from engine.store import leads
from engine.wording.values import locale_of
from web.http.answers import missing, page
from web.http.context import client, deployed, runtime, spend, token_parts, token_uuid
from web.http.deadline import UNAVAILABLE, TooSlow
from web.http.fields import Raw
from web.http.origins import own_page
from web.http.words import Words
from web.public.unsubscribe import SECONDS, mask, noted, noted_page, said

router = APIRouter()
EVERYTHING = "everything"
FIELDS = frozenset(("version", "shown", "topic", "tracking", "language"))
"""`shown`: each topic whose box was ticked on the page as it was shown, and TRACKING where that was."""


class Unclear(Exception):
    """The post is not one that this page, as it is now, can have sent."""


@dataclass(frozen=True)
class Offer:
    """What the page shows: the masked address, each topic with whether it is ticked, and where they are asked, tracking
    and the language. Topics are described in the company's `first_language`.

    `open`: topics can be chosen at all; `left`: the lead has unsubscribed from everything.
    """

    lead_id: UUID
    words: Words
    first_language: str
    address: str
    topics: tuple[tuple[Topic, bool], ...]
    open: bool
    left: bool
    tracking: bool | None = None
    language: str | None = None
    languages: Mapping[str, str] = field(default_factory=dict)

    def wording(self, topic: Topic) -> str:
        """All that a person has read who ticks the topic's box."""
        return f"{self.words('choose topics')}: {topic.description}"

    @property
    def wordings(self) -> dict[str, str]:
        asked = {topic.name: self.wording(topic) for topic, _ in self.topics}
        return asked if self.tracking is None else {**asked, TRACKING: self.words("track")}

    @property
    def shown(self) -> list[str]:
        """What is ticked: topics and TRACKING."""
        topics = [topic.name for topic, ticked in self.topics if ticked]
        return [*topics, TRACKING] if self.tracking else topics

    @property
    def version(self) -> str:
        """Names what the page asked, so that nobody agrees to words they have not seen."""
        return hashlib.sha256(json.dumps(self.wordings, sort_keys=True).encode()).hexdigest()[:16]


@router.get("/p/{token}")
async def show(request: Request, token: str) -> Response:
    return _page(token, await _offer(request, token))


@router.post("/p/{token}")
async def save(request: Request, token: str) -> Response:
    """Apply the whole choice: what is ticked is joined, what is not is left. 422 with nothing changed for a post that
    is unclear, or was made on a page that has changed meanwhile.

    If the database cannot take it in time, what was left is kept on disk and replayed; nothing else is saved then.
    """
    lead_id = _lead(request, token)
    if not own_page(request, runtime(request).settings.base_url, unnamed=True):
        raise HTTPException(403, "Only the preference page itself can do this.")
    raw = await said(request, _offer(request, token))
    everything = EVERYTHING in raw.get("leave", ())
    if not everything:
        spend(request)
    try:
        async with asyncio.timeout(SECONDS):
            return await _save(request, token, raw, everything)
    except (*UNAVAILABLE, TimeoutError):
        leaving = [None] if everything else _given_up(raw)
        if not leaving:
            raise TooSlow from None
        await noted(request, lead_id, leaving, PAGE)
    return noted_page(request)


async def _save(request: Request, token: str, raw: Raw, everything: bool) -> Response:
    offer = await _offer(request, token)
    if everything:
        await intake.unsubscribe(runtime(request), offer.lead_id, None, PAGE)
        return _page(token, await _offer(request, token), said="left everything")
    try:
        wanted = read(raw, offer)
    except Unclear:
        return _page(token, offer, said="choices changed", status=422)
    context = {
        "version": offer.version,
        "page": f"{runtime(request).settings.base_url}/p/",
        "client": client(request),
        "user_agent": request.headers.get("user-agent", "")[:500],
        "language": offer.words.language,
    }
    await choose(runtime(request), offer.lead_id, replace(wanted, wordings=offer.wordings, context=context))
    return _page(token, await _offer(request, token), said="choices saved")


def _given_up(raw: Raw) -> Sequence[str | None]:
    """The topics whose boxes were ticked on the page and are not any more."""
    ticked = [one for one in raw.get("shown", ()) if isinstance(one, str) and one != TRACKING]
    return [one for one in dict.fromkeys(ticked) if one not in raw.get("topic", ())]


def read(raw: Raw, offer: Offer) -> Choice:
    """The choice in a post of this page. Raises Unclear."""
    if not FIELDS.issuperset(raw) or _one(raw, "version") != offer.version:
        raise Unclear
    known = {topic.name for topic, _ in offer.topics}
    wanted, shown = _among(known, raw, "topic"), _among({*known, TRACKING}, raw, "shown")
    ticked, language = _one(raw, "tracking"), _one(raw, "language")
    if ticked not in (None, "yes") or (language is not None and language not in offer.languages):
        raise Unclear
    same = offer.tracking is None or (ticked == "yes") == (TRACKING in shown)
    return Choice(wanted, shown - {TRACKING}, None if same else ticked == "yes", language)


def _among(known: Collection[str], raw: Raw, name: str) -> frozenset[str]:
    """The values of that name. Raises Unclear for one that is not known."""
    found = frozenset(value for value in raw.get(name, ()) if isinstance(value, str) and value in known)
    if not all(isinstance(value, str) and value in found for value in raw.get(name, ())):
        raise Unclear
    return found


def _one(raw: Raw, name: str) -> str | None:
    """The only value of that name. Raises Unclear for several, and for what is no text."""
    values = raw.get(name, ())
    if len(values) > 1 or not all(isinstance(value, str) for value in values):
        raise Unclear
    return str(values[0]) if values else None


def _page(token: str, offer: Offer, said: str = "", status: int = 200) -> Response:
    return page("preferences.html", status=status, words=offer.words, token=token, offer=offer, said=said)


def _lead(request: Request, token: str) -> UUID:
    (id,) = token_parts(request, "preferences", token, 1)
    return token_uuid(id)


async def _offer(request: Request, token: str) -> Offer:
    lead_id = _lead(request, token)
    deployment = await deployed(request)
    row = await leads.as_of_now(runtime(request).db, lead_id)
    if row is None or row.email is None or deployment is None:
        raise missing()
    lead = Lead(
        id=row.id, seq=row.seq, stage=row.stage, last_at=row.last_at, created_at=row.created_at, email=row.email,
        fields=row.fields, topics=row.topics, suppressed=row.suppressed,
    )  # fmt: skip
    return offer_of(lead, deployment.program)


def offer_of(lead: Lead, program: Program) -> Offer:
    """The page for a lead as they stand now, in their language."""
    workspace = program.workspace
    asks_language = len(workspace.languages) > 1
    return Offer(
        lead_id=lead.id,
        words=Words(lead.language(program)),
        first_language=workspace.languages[0],
        address=mask(lead.email or ""),
        topics=tuple((topic, receives(lead, topic.name, workspace)) for topic in workspace.topics),
        open=may_choose(lead),
        left=lead.suppressed == UNSUBSCRIBED,
        tracking=lead.topics.get(TRACKING) == "subscribed" if workspace.tracking_needs_consent else None,
        language=lead.language(program) if asks_language else None,
        languages={one: own_name(one) for one in workspace.languages} if asks_language else {},
    )


def own_name(language: str) -> str:
    """What those who speak it call the language, with a capital: English, Deutsch, 日本語."""
    own = locale_of(language)
    if own.language != tags.ancestors(language)[-1] or not (name := own.get_display_name()):
        return language
    return name[:1].upper() + name[1:]
