"""What the demo looks like: days as headings, a line for everything that happens, a bar for the days to come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from rich.cells import set_cell_size
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from engine.demo.look import Look
from engine.demo.people import Person
from engine.demo.summary import Summary
from engine.demo.timeline import Line

STYLES: Mapping[str, str] = {
    "plain": "", "quiet": "dim", "mail": "blue", "click": "cyan", "good": "green", "sales": "magenta",
    "late": "yellow", "bad": "red",
}  # fmt: skip
_NAME = 27
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


class Display:
    """Prints the timeline; on a terminal with a bar below it, elsewhere as plain lines."""

    def __init__(self, console: Console, zone: str, people: Sequence[Person], begin: datetime, end: datetime) -> None:
        self._console, self._zone = console, ZoneInfo(zone)
        self._names = {person.address: f"{person.name}, {person.country}" for person in people}
        self._begin, self._length = begin, (end - begin).total_seconds()
        self._day: date | None = None
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(None, complete_style="green"),
            TextColumn("{task.fields[counts]}"),
            console=console, transient=True, disable=not console.is_terminal, expand=True,
        )  # fmt: skip
        self._task: TaskID = self._progress.add_task("", total=self._length, counts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tick(self, now: datetime, counts: Mapping[str, int]) -> None:
        """Move the bar."""
        done = min(max((now - self._begin).total_seconds(), 0), self._length)
        local = now.astimezone(self._zone)
        figures = " · ".join(f"{many} {name if name != 'mql' else 'MQL'}" for name, many in counts.items())
        said = f"{_DAYS[local.weekday()][:3]} {local:%d %b, %H:%M}"
        self._progress.update(self._task, completed=done, description=said, counts=figures)

    def show(self, lines: Iterable[Line]) -> None:
        """Print lines, with a heading where a new day begins."""
        for line in lines:
            local = line.at.astimezone(self._zone)
            if self._day is None or local.date() > self._day:
                self._day = local.date()
                heading = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"
                self._console.print(Text(f"\n{heading}", style="bold"))
            self._print(line, local)

    def _print(self, line: Line, local: datetime) -> None:
        # A row that is told late, behind midnight, names its own day.
        clock = f"{local:%H:%M}" if local.date() == self._day else f"{_DAYS[local.weekday()][:2]} {local:%H}h"
        name = Text(set_cell_size(self._names.get(line.email, line.email), _NAME), style="bold")
        style = STYLES[line.tone]
        said = Text.assemble((line.text, style), *((f" · {extra}", "dim") for extra in line.extra))
        if not self._console.is_terminal:
            self._console.print(Text(" ").join([Text(f"{clock:5} {line.sign}"), name, said]), soft_wrap=True)
            return
        row = Table.grid(padding=(0, 1))
        for width in (5, 1, _NAME):
            row.add_column(width=width, no_wrap=True)
        row.add_column(ratio=1)
        row.add_row(Text(clock, "dim"), Text(line.sign, style), name, said)
        self._console.print(row)


def show_summary(console: Console, summary: Summary) -> None:
    """The figures as a table, and under it the facts that were verified."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, number, detail in figures(summary.figures):
        table.add_row(name, str(number), detail)
    console.print(Text("\nThe story in figures", style="bold underline"))
    console.print(table)
    console.print()
    for fact in summary.facts:
        console.print(
            Text("✓ " if fact.holds else "✗ ", "green" if fact.holds else "bold red").append(fact.wording, "")
        )
        for broken in fact.broken[:10]:
            console.print(Text(f"    {broken}", "red"))


def show_looks(console: Console, looks: Sequence[Look], running: bool) -> None:
    """Addresses and commands, each with what it shows."""
    console.print(Text("\nLook around", style="bold underline"))
    for look in looks:
        console.print(Text.assemble(("  " + look.what, "bold"), "\n      ", (look.shows, "dim")), soft_wrap=True)
    if not running:
        console.print("\n`coldframe demo --keep` leaves everything running at the end.", soft_wrap=True)
    console.print("To start your own workspace: `coldframe new workspace my-company`", soft_wrap=True)


def figures(found: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """The lines of the summary: name, number, what it is made of."""
    events, own = found["events"], found["done_by_players"]
    notices, handoffs = found["notices"], found["handoffs"]
    rejected = f"{own['refused']} rejected with a message, {own['repeated']} sent twice, {own['trapped']} by a robot"
    skipped = ", ".join(f"{many} not sent: {reason}" for reason, many in found["not_sent"].items())
    return [
        ("Leads", found["leads"], _listed(found["stages"])),
        ("Forms submitted", own["posts"] + own["refused"] + own["trapped"], rejected),
        ("Campaign entries", sum(many for name, many in found["campaigns"].items() if not _hidden(name)),
         _listed({name: many for name, many in found["campaigns"].items() if not _hidden(name)})),
        ("Emails to leads", found["mails"].get("accepted", 0), skipped),
        ("Opened", events.get("email.opened", 0), "only by leads who agreed to tracking"),
        ("Clicks", events.get("email.clicked", 0), f"{own['clicks']} made; the rest have no consent to tracking"),
        ("Page visits", events.get("page.visited", 0), f"{events.get('file.downloaded', 0)} downloads"),
        ("Points added", found["points_booked"], f"{found['points_earned']:g} points earned"),
        ("Became MQL", found["reached"].get("MQL", 0), ""),
        ("Became SQL", found["reached"].get("SQL", 0), ""),
        ("Handoffs", sum(handoffs.values()), _listed(handoffs)),
        ("Notices to sales", sum(notices.values()), _listed(notices)),
        ("Needs attention", found["needs_attention"], ""),
    ]  # fmt: skip


def _hidden(campaign: str) -> bool:
    return campaign.startswith("confirm form ")


def _listed(found: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {name}" for name, many in found.items())
