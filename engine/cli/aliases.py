"""Earlier names of commands and options: they still work, and no help text shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from engine.cli.common import Stop

OPTIONS: Mapping[str, Mapping[str, str]] = {
    "deploy": {"--leave": "--remove-stranded"},
    "pause": {"--because": "--reason"},
    "resume": {"--because": "--reason"},
    "end": {"--because": "--reason"},
    "status": {"--many": "--limit"},
    "deployments": {"--many": "--limit"},
    "preview": {"--save": "--output"},
    "graph": {"--plan": "--digest", "--numbers": "--stats"},
    "simulate": {
        "--save": "--output", "--mails": "--emails", "--open": "--open-rate", "--click": "--click-rate",
        "--reply": "--reply-rate", "--unsubscribe": "--unsubscribe-rate", "--submit": "--submit-rate",
        "--act": "--act-rate", "--consent": "--consent-rate", "--confirm": "--confirm-rate",
        "--answer": "--answer-rate", "--accept": "--accept-rate",
    },
}  # fmt: skip
"""Command → earlier name of an option → its name now."""
COMMANDS: Mapping[str, str] = {"stop": "end", "rehearse": "replay"}
"""Earlier name of a command → its name now."""
KEY_COMMANDS = ("create", "list", "revoke")


def renamed(command: str, arguments: Sequence[str]) -> list[str]:
    """The arguments of a command with today's names; what follows `--` is no option and stays."""
    today = OPTIONS.get(COMMANDS.get(command, command), {})
    found: list[str] = []
    for place, word in enumerate(arguments):
        if word == "--":
            return [*found, *arguments[place:]]
        option, equals, value = word.partition("=")
        found.append(today.get(option, option) + equals + value)
    return found


def key_arguments(arguments: Sequence[str]) -> list[str]:
    """`NAME`, `NAME --revoke`, `--webhook` and nothing at all as today's `create`, `revoke`, option and `list`."""
    words = [word for word in arguments if not word.startswith("-")]
    flags = {word for word in arguments if word.startswith("-")}
    if flags & {"-h", "--help"} or (words and words[0] in KEY_COMMANDS):
        return list(arguments)
    if flags & {"--webhook", "--webhook-secret"}:
        return ["--webhook-secret" if word == "--webhook" else word for word in arguments]
    if "--revoke" in flags:
        return ["revoke", *(word for word in arguments if word != "--revoke")]
    if not words or words == ["ls"]:
        return ["list", *(word for word in arguments if word != "ls")]
    return ["create", *arguments]


class Command(TyperCommand):
    """A command that also understands the earlier names of its options, and `--path` where it reads a workspace."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        args, name = renamed(self.name or "", args), self._place(self.params)
        args, folder = taken(args) if name else (args, None)
        rest = super().parse_args(ctx, args)
        if name is None or folder is None:
            return rest
        if given := ctx.params[name]:
            first = given[0] if isinstance(given, list) else given
            raise Stop(f"two folders, {first} and {folder}; name the workspace once")
        ctx.params[name] = [Path(folder)] if name == "paths" else Path(folder)
        return rest

    @staticmethod
    def _place(params: Sequence[Any]) -> str | None:
        """The name of the argument that takes the folder; None if there is none, or `--path` is an option already."""
        if any("--path" in one.opts for one in params):
            return None
        return next((one.name for one in params if one.name in ("path", "paths") and not one.required), None)


def taken(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """The arguments without `--path FOLDER`, and the folder. Raises Stop when it is missing."""
    words = list(arguments)
    ends = words.index("--") if "--" in words else len(words)
    for place, word in enumerate(words[:ends]):
        if word.startswith("--path="):
            return [*words[:place], *words[place + 1 :]], word.partition("=")[2]
        if word == "--path":
            if place + 1 >= ends:
                raise Stop("--path needs a folder; write --path campaigns")
            return [*words[:place], *words[place + 2 :]], words[place + 1]
    return words, None


class KeyGroup(TyperGroup):
    """`coldframe key`, which also understands its earlier forms."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, key_arguments(args))
