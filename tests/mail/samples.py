"""What several mail tests need: a workspace, a mail, a clock that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from dsl.plan import Topic, Workspace
from engine.mail.context import Context, Rendered
from engine.mail.render import Renderer
from engine.model.ports import Mail
from engine.platform.tokens import Tokens

ADDRESS = "Acme Pumps GmbH, Hauptstr. 1, 46562 Voerde, Germany"
WORKSPACE = Workspace(
    name="Acme Pumps", timezone="Europe/Berlin", languages=("en", "de", "ro", "ja"),
    sender="Acme Pumps <hello@acme.example>", address=ADDRESS, topics=(Topic(name="newsletter", description="News"),),
)  # fmt: skip
TOKENS = Tokens(["a secret of the mail tests"])
NOW = datetime(2026, 11, 24, 7, 55, tzinfo=UTC)


@dataclass
class StillClock:
    """Domain and real time, which stand still."""

    domain: datetime = NOW
    machine: datetime = field(default=datetime(2030, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.domain

    def real(self) -> datetime:
        return self.machine

    def to_real(self, at: datetime) -> datetime:
        return at


def a_mail(**changes: Any) -> Mail:
    values: dict[str, Any] = {
        "message_id": uuid4(), "to": "ada@lovelace.example", "sender": "Acme Pumps <hello@acme.example>",
        "subject": "Grüße, and a 🌱", "html": "<p>Hello <b>you</b></p>", "text": "Hello you\n",
        "headers": {"X-Coldframe-Message": str(UUID(int=1))}, "category": "whitepaper/welcome",
    }  # fmt: skip
    return Mail(**{**values, **changes})


def rendered(body: str, lead: dict[str, Any] | None = None, *, path: str = "a.md", parts: dict[str, str] | None = None,
             subject: str = "S", **context: Any) -> Rendered:  # fmt: skip
    """One template with this body, rendered for this lead."""
    templates = {path: f"---\nsubject: {subject}\n---\n{body}", **(parts or {})}
    return Renderer(templates, WORKSPACE).render("a", Context(lead=lead or {}, **context))
