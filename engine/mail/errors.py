"""What can be wrong with a template, said without any of the lead's data."""

from __future__ import annotations

import re

from jinja2 import TemplateNotFound, TemplateSyntaxError

from engine.mail.places import Place

_SIGNS = (
    ("'end of print statement'", "`}}`"), ("'end of statement block'", "`%}`"), ("end of comment tag", "`#}`"),
    ("expected token 'name'", "expected a name"), ("expected token", "expected"),
)  # fmt: skip


class TemplateError(Exception):
    """A template cannot be rendered. `name` is its path under `templates/`, `line` counts from 1 (0: no line known);
    `place` is the exact one, where it is known.

    The message never contains a value of a lead, an event or a colleague, so it may be logged and shown.
    """

    def __init__(self, name: str, line: int, message: str, place: Place | None = None) -> None:
        super().__init__(name, line, message)
        self.place = place
        self.name = name
        self.line = line
        self.message = message

    def __str__(self) -> str:
        place = f"templates/{self.name}" + (f":{self.line}" if self.line else "")
        return f"{place}: {self.message}"


class Incomplete(TemplateError):
    """A marketing mail lacks its postal address or its unsubscribe link in one of its parts."""


class BadMjml(TemplateError):
    """A mail in MJML that cannot be made into HTML."""


class NotAllowed(Exception):
    """A template does what the sandbox does not let it do; the message is ours and carries no data."""


def plain(error: TemplateSyntaxError) -> str:
    """What Jinja says of a template that it cannot read, with the signs as they are typed."""
    text = (error.message or "it cannot be read").split(" Jinja was looking for")[0].rstrip(".")
    if text.lower().startswith("missing end of comment"):
        return "`{#` starts a comment that never ends; write `#}` at its end, or `{ #` if it is not a comment"
    if opened := re.search(r"needs to be closed is '(\w+)'", error.message or ""):
        return f"`{{% {opened[1]} … %}}` is never closed; add `{{% end{opened[1]} %}}` where it ends"
    if sign := re.fullmatch(r"unexpected char (['\"])\\?(.)\1 at \d+", text):
        return f"a text that starts with `{sign[2]}` is never closed" if sign[2] in "'\"" else f"unexpected `{sign[2]}`"
    for theirs, typed in _SIGNS:
        text = text.replace(theirs, typed)
    return text[:1].lower() + text[1:]


def words_of(error: BaseException) -> str:
    """What went wrong in a template, without any value that was in it."""
    match error:
        case NotAllowed():
            return str(error)
        case TemplateSyntaxError():
            return plain(error)
        case TemplateNotFound():
            return f"no template named `{error.name}`"
        case RecursionError():
            return "the template is nested too deeply, or includes itself"
        case _:
            return f"a value has the wrong type here ({type(error).__name__})"


UNSURE = ("E703", "E706")
"""What cannot be told while a campaign is missing: it may be the one that gives the name."""
READING = ("E701", "E709", "E712")
"""What can be told of a template without any campaign: whether it can be read, and its parts are there."""
