"""What one rendering may know, what templates call it, and what a rendering gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsl.plan import Workspace
from engine.mail import formats
from engine.mail.errors import NotAllowed
from engine.mail.sandbox import Noting


@dataclass(frozen=True)
class Context:
    """What one rendering may know. Plain values only: texts, numbers, dates, lists and mappings of them.

    `given` are the names given by `with`. An empty address is false in an `if`. `zone` is the lead's time zone.
    """

    lead: Mapping[str, Any] = field(default_factory=dict)
    score: float = 0
    stage: str = ""
    interests: Sequence[str] = ()
    owner: Mapping[str, str] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    unsubscribe_url: str = ""
    preferences_url: str = ""
    confirm_url: str = ""
    view_url: str = ""
    language: str = ""
    zone: str = "UTC"
    file_url: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Rendered:
    """`sender` is the template's own, or empty. `language` is that of the text that was chosen.

    `asked`: what was looked at of `lead`, `event` and `owner`; the same values make the same mail again.
    """

    subject: str
    preheader: str
    html: str
    text: str
    sender: str
    language: str
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)


NAMES = frozenset((
    "lead", "greeting", "score", "stage", "interests", "owner", "event", "workspace", "unsubscribe_url",
    "preferences_url", "confirm_url", "view_url", "file_url",
))  # fmt: skip
"""The names every template has; `range` and `namespace` are Jinja's."""
NOTED = ("lead", "event", "owner")
"""The names whose parts are noted when they are looked at."""
LAYOUT_NAMES = NAMES | {"content", "subject", "preheader", "language", "words"}


def names_of(context: Context, language: str, workspace: Workspace) -> dict[str, Any]:
    """Everything a template can name. Raises NotAllowed for what is no plain value."""
    lead, given, event = (formats.plain(part) for part in (context.lead, context.given, context.event))
    lead = Noting(lead)
    names = {name: value for name, value in given.items() if name not in LAYOUT_NAMES}
    names.update(
        lead=lead, score=context.score, stage=context.stage, interests=list(context.interests),
        owner=Noting(context.owner), event=Noting(event),
        workspace={"name": workspace.name, "address": workspace.address},
        greeting=formats.greeting(language, lead.get("first_name"), lead.get("last_name")),
        unsubscribe_url=context.unsubscribe_url, preferences_url=context.preferences_url,
        confirm_url=context.confirm_url, view_url=context.view_url, file_url=_file_function(context.file_url),
    )  # fmt: skip
    return names


def _file_function(file_url: Callable[[str], str] | None) -> Callable[[str], str]:
    def address_of_file(name: str) -> str:
        if file_url is None:
            raise NotAllowed("this email cannot link to files")
        return file_url(str(name))

    address_of_file.for_templates = True  # type: ignore[attr-defined]
    return address_of_file
