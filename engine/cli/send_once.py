"""`coldframe send-once`: one email to everyone in a segment or list, as a campaign of its own."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from dsl.problems.near import near_or_known
from engine.cli.common import FAILED, Stop, load_settings, out
from engine.cli.lookup import as_written

if TYPE_CHECKING:
    from dsl.plan import Program

Template = Annotated[str, typer.Argument(help="The template, as `send` names it.", show_default=False)]
To = Annotated[
    tuple[str, str], typer.Option("--to", help="Who gets it: segment NAME, or list NAME.", show_default=False)
]
At = Annotated[str | None, typer.Option(help="When it is sent, such as `monday 10:00`. [default: now]")]
About = Annotated[str | None, typer.Option("--topic", help="The topic, so that only its subscribers get the email.")]
Where = Annotated[
    Path | None, typer.Option("--path", help="The workspace folder. [default: COLDFRAME_CAMPAIGNS]")
]  # fmt: skip
Author = Annotated[str | None, typer.Option(help="Your name, kept with the deployment. [default: your account name]")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Show who would get the email, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")]


def send_once(
    template: Template, to: To, at: At = None, topic: About = None, path: Where = None, author: Author = None,
    dry_run: Dry = False, yes: Yes = False,
) -> None:  # fmt: skip
    """Send one email to everyone in a segment or list.

    It writes a campaign of one email into the workspace, shows who would get it and why others would not, and deploys
    the workspace. Consent, suppression, quiet hours, and the limit on emails apply as in every campaign. With `--at`,
    each lead gets the email at that time of day where they are.

    Without a terminal, it needs `--yes`.

    Example: `coldframe send-once newsletter/digest --to segment Customers --at "monday 10:00"`
    """
    import sys

    from engine.cli import deploy as deploying
    from engine.cli import plan as planning
    from engine.platform.clock import parse_clock

    settings = load_settings()
    folder = path or settings.campaigns
    before = planning.sound(folder, False, "nothing was sent")
    assert before.program is not None, "a workspace with errors ends the command"
    now = parse_clock(settings.clock).now()
    text = campaign_for(before.program, template, to, at, topic, now)
    file = folder / f"send-once-{_slug(template)}-{now:%Y-%m-%d}.campaign"
    if file.exists():
        raise Stop(f"{file} exists; delete it, or edit it and run `coldframe deploy`")
    if not (dry_run or yes or sys.stdin.isatty()):
        raise Stop("nothing was sent: to confirm without a prompt, pass --yes")
    done = False
    try:
        file.write_text(text, "utf-8")
        if dry_run:
            planning.plan(folder, as_json=False)
            return
        deploying.deploy(folder, author=author, yes=yes)
        done = True
    except OSError as error:
        raise Stop(f"cannot write {file}: {error.strerror or error}") from None
    finally:
        if not done:
            file.unlink(missing_ok=True)
    out.print(f"wrote {file}; keep it in the workspace until the email is sent", markup=False)


def campaign_for(
    program: Program, template: str, to: tuple[str, str], at: str | None, topic: str | None, now: datetime
) -> str:  # fmt: skip
    """The campaign file. Raises Stop for names and times that cannot be meant."""
    noun, name = to
    if noun not in ("segment", "list"):
        raise Stop(f"`{noun}` is not a group of leads; write --to segment NAME or --to list NAME")
    names = [one.name for one in (program.segments if noun == "segment" else program.lists)]
    known = as_written(name, names)
    if known is None:
        raise Stop(f"no {noun} named `{name}`: {near_or_known(name, names)}", FAILED)
    zone = ZoneInfo(program.workspace.timezone)
    when = _when(at, now, program.workspace.timezone)
    local = (when or now).astimezone(zone)
    start = f'starts on {local:%Y-%m-%d} at {local:%H:%M} for {noun} "{known}"'
    lines = [f'campaign "Send once: {template} ({local:%Y-%m-%d %H:%M})"']
    if when is None:
        verb = "is entered" if noun == "segment" else "is joined"
        lines += [f'    starts when {noun} "{known}" {verb}, including present members']
        lines += [f"    runs from {local:%Y-%m-%d} to {local:%Y-%m-%d}"]
    else:
        lines += [f"    {start}"]
    lines += [f'    topic "{_topic(topic, program)}"'] if topic else []
    return "\n".join([*lines, "    flow", f'        send "{template}"', ""])


def _when(at: str | None, now: datetime, zone: str) -> datetime | None:
    from engine.cli.instants import Unreadable, instant_of

    if at is None or at.strip().lower() == "now":
        return None
    try:
        when = instant_of(at, now, zone)
    except Unreadable as unreadable:
        raise Stop(str(unreadable)) from None
    if when <= now:
        raise Stop(f"`{at}` is in the past; leave --at out to send now")
    return when


def _topic(name: str, program: Program) -> str:
    names = [one.name for one in program.workspace.topics]
    known = as_written(name, names)
    if known is None:
        raise Stop(f"no topic named `{name}`: {near_or_known(name, names)}", FAILED)
    return known


def _slug(template: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", template.casefold()).strip("-")[:60] or "email"
