"""What can be wrong with a template, said without any of the lead's data."""

from __future__ import annotations


class TemplateError(Exception):
    """A template cannot be rendered. `name` is its path under `templates/`, `line` counts from 1 (0: no line known).

    The message never contains a value of a lead, an event or a colleague, so it may be logged and shown.
    """

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(name, line, message)
        self.name = name
        self.line = line
        self.message = message

    def __str__(self) -> str:
        place = f"templates/{self.name}" + (f":{self.line}" if self.line else "")
        return f"{place}: {self.message}"


class Incomplete(TemplateError):
    """A marketing mail lacks its postal address or its unsubscribe link in one of its parts."""


class NotAllowed(Exception):
    """A template does what the sandbox does not let it do; the message is ours and carries no data."""
