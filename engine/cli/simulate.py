"""`coldframe simulate`: one lead's story from a script, or a forecast for thousands, without any server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, err, load_settings, out, print_json, wants_folder

if TYPE_CHECKING:
    from dsl.plan import Program
    from engine.cli.workspace import Examined
    from engine.simulation.story import Story
    from engine.simulation.timeline import Entry

_STYLES = {
    "action": "bold", "mail": "green", "skipped": "yellow", "held": "yellow", "stage": "cyan", "handoff": "magenta",
    "note": "yellow", "entered": "blue", "left": "blue", "refused": "yellow",
}  # fmt: skip
_MARKS = {
    "action": "»", "mail": "✉", "skipped": "✗", "held": "…", "wait": "…", "points": "±", "stage": "▲", "entered": "→",
    "left": "←", "refused": "✗", "handoff": "☎", "note": "!",
}  # fmt: skip


def simulate(
    script_file: Annotated[Path | None, typer.Argument(metavar="[SCRIPT]", help="A file with a script.")] = None,
    script: Annotated[str | None, typer.Option(help="The script itself, with semicolons between actions.")] = None,
    path: Annotated[Path | None, typer.Option(help="The workspace folder. [default: COLDFRAME_CAMPAIGNS]")] = None,
    start: Annotated[str | None, typer.Option(help="The start of the simulation: 2026-09-01T09:00.")] = None,
    lead: Annotated[list[str] | None, typer.Option(help="What is known of the lead: country=DE, stage=MQL.")] = None,
    mails: Annotated[bool, typer.Option("--emails", help="Show each email with its subject and text.")] = False,
    save: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each email as an HTML file to this folder.")
    ] = None,
    leads: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Forecast: the number of simulated leads.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Forecast: the number of days.")] = 90,
    campaign: Annotated[str | None, typer.Option(help="Forecast: let leads enter only this campaign.")] = None,
    at_once: Annotated[bool, typer.Option("--at-once", help="Forecast: let all leads enter on the first day.")] = False,
    opens: Annotated[str, typer.Option("--open-rate", help="Share of emails that are opened.")] = "30%",
    clicks: Annotated[str, typer.Option("--click-rate", help="Share of emails that are clicked.")] = "5%",
    replies: Annotated[str, typer.Option("--reply-rate", help="Share of emails that get a reply.")] = "1%",
    unsubscribes: Annotated[
        str, typer.Option("--unsubscribe-rate", help="Share of emails that lead to an unsubscribe.")
    ] = "0.3%",
    submits: Annotated[str, typer.Option("--submit-rate", help="Share of waits for a form that get one.")] = "3%",
    acts: Annotated[str, typer.Option("--act-rate", help="Share of waits for another event that get it.")] = "3%",
    consents: Annotated[str, typer.Option("--consent-rate", help="Share of submitted forms with consent.")] = "80%",
    confirms: Annotated[
        str, typer.Option("--confirm-rate", help="Share of double opt-ins that are confirmed.")
    ] = "75%",
    answers: Annotated[
        str, typer.Option("--answer-rate", help="Share of handoffs that sales decides in time.")
    ] = "85%",
    accepts: Annotated[
        str, typer.Option("--accept-rate", help="Share of decided handoffs that sales accepts.")
    ] = "50%",
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same result.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate one lead, or forecast thousands, without any server.

    A script plays one lead through the campaigns of a workspace on a simulated clock, with real emails. With `--leads`,
    it is a forecast instead: thousands of simulated leads who open, click, and reply at random.

    Exits with 1 if the workspace or the script has errors, or if a line of the script has no effect.

    Example: `coldframe simulate --script 'submits form whitepaper with country = "DE"; after 2 days clicks email'`

    Example: `coldframe simulate --leads 5000 --days 90 --open-rate 30% --click-rate 5%`
    """
    if leads is not None:
        if script_file is not None or script is not None:
            raise Stop("a script is for one lead and --leads is for many; choose one")
        from engine.cli.forecast import forecast, share, show
        from engine.simulation.population import Rates

        rates = Rates(
            share(opens, "open-rate"), share(clicks, "click-rate"), share(replies, "reply-rate"),
            share(unsubscribes, "unsubscribe-rate"), share(submits, "submit-rate"), share(acts, "act-rate"),
            Rates.visits, share(consents, "consent-rate"), share(confirms, "confirm-rate"),
            share(answers, "answer-rate"), share(accepts, "accept-rate"),
        )  # fmt: skip
        found = examined(path, as_json)
        assert found.program is not None
        begin = starting(start, found.program)
        numbers = forecast(
            found, begin, leads=leads, days=days, campaign=campaign, rates=rates, at_once=at_once, seed=seed
        )
        return print_json(numbers) if as_json else show(numbers)
    found = examined(path, as_json)
    story = _told(found, script_file, script, start, lead or [], seed, as_json)
    entries = story.timeline.entries
    if save is not None:
        _save(entries, save)
    if as_json:
        print_json({"start": story.start.isoformat(), "timeline": [one.as_json() for one in entries],
                    "end": story.standing()})  # fmt: skip
    else:
        _show(story, mails)
    if any(one.kind == "note" for one in entries):
        raise typer.Exit(FAILED)


def examined(path: Path | None, as_json: bool) -> Examined:
    """The workspace. Exits 1 after showing its errors."""
    from engine.cli.plan import sound

    return sound(path or load_settings(reading=True).campaigns, as_json, "nothing was simulated")


def _told(
    found: Examined, file: Path | None, text: str | None, start: str | None, lead: Sequence[str], seed: int,
    as_json: bool,
) -> Story:  # fmt: skip
    """The story, played to its end. Exits 1 after showing what cannot be read in the script."""
    from dsl.problems.diagnostics import as_json as rendered_json
    from dsl.problems.diagnostics import as_text
    from engine.cli.known_lead import known_lead
    from engine.cli.script import read_script
    from engine.rules.conditions.calendar import local_time
    from engine.simulation.simulation import deployment_of
    from engine.simulation.story import Story

    assert found.program is not None
    name, written = _script(file, text)
    begin, known = starting(start, found.program), known_lead(lead, found.program)
    zone = str(known.fields.get("timezone") or found.program.workspace.timezone)
    read = read_script(written, found.program, name, local_time(begin, zone))
    if read.diagnostics:
        problems = read.diagnostics
        out.print(rendered_json(problems) if as_json else as_text(problems, {name: written}), markup=False)
        raise typer.Exit(FAILED)
    deployment = deployment_of(found.program, found.assets)
    story = Story(deployment, begin, known, seed=seed)
    story.play(read.actions)
    return story


def _script(file: Path | None, text: str | None) -> tuple[str, str]:
    if (file is None) == (text is None):
        raise Stop("pass a script: a file, or --script 'submits form whitepaper; after 2 days clicks email'")
    if file is None:
        return "script", text or ""
    try:
        return file.as_posix(), file.read_text("utf-8")
    except OSError as error:
        raise Stop(f"cannot read {file}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Stop(f"{file} is not UTF-8 text") from None


def starting(written: str | None, program: Program) -> datetime:
    """When a simulation begins: as written, in the workspace's zone, or today at 09:00."""
    from engine.platform.clock import SystemClock
    from engine.rules.conditions.calendar import clamped, instant

    zone = program.workspace.timezone
    if written is None:
        from engine.rules.conditions.calendar import local_date

        day = local_date(SystemClock().now(), zone)
        return instant(datetime(day.year, day.month, day.day, 9), zone)
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise Stop(f"--start {written} is not a date and time; write --start 2026-09-01T09:00") from None
    return instant(at, zone) if at.tzinfo is None else clamped(at)


# ── showing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _show(story: Story, mails: bool) -> None:
    from rich.text import Text

    day = None
    for entry in story.timeline.entries:
        if entry.local.date() != day:
            day = entry.local.date()
            out.print(Text(f"{'' if entry is story.timeline.entries[0] else chr(10)}{entry.local:%A %Y-%m-%d}", "bold"))
        line = Text(f"  {entry.local:%H:%M}  {_MARKS.get(entry.kind, '·')} ")
        line.append(_one_line(entry.text), _STYLES.get(entry.kind, ""))
        if entry.source:
            line.append(f"   {entry.source}", "dim")
        out.print(line)
        if mails and entry.letter is not None and entry.letter.mail is not None:
            _show_mail(entry.letter.mail)
    _show_end(story)


def _show_mail(mail: Any) -> None:
    from rich.text import Text

    head = [f"From: {mail.sender}", f"To: {mail.to}", f"Subject: {mail.subject}", ""]
    for line in [*head, *mail.text.splitlines()]:
        out.print(Text(f"         │ {line}".rstrip(), "dim"))


def _show_end(story: Story) -> None:
    from engine.simulation.standing import describe_end

    first, *others = describe_end(story)
    out.print(f"\n{first}")
    for line in others:
        out.print(f"  {line}", markup=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _save(entries: Sequence[Entry], folder: Path) -> None:
    """One file per mail, in the order of sending."""
    mails = [one.letter for one in entries if one.letter is not None and one.letter.mail is not None]
    wants_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, letter in enumerate(mails, 1):
            name = f"{number:02}-{letter.send.template.replace('/', '-')}.html"
            assert letter.mail is not None
            (folder / name).write_text(letter.mail.html, "utf-8")
    except OSError as error:
        raise Stop(f"cannot write to {folder}: {error.strerror or error}") from None
    err.print(f"wrote {len(mails)} email{'' if len(mails) == 1 else 's'} to {folder}", markup=False)
