"""The population mode of `coldframe simulate`: simulated leads by the thousand, and the forecast they make."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from engine.cli.common import FAILED, Stop, err, out
from engine.cli.lookup import campaign_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from engine.cli.workspace import Examined
    from engine.simulation.population import Population, Rates

BAR = 40
"""Characters of the longest bar."""


def share(text: str, option: str) -> float:
    """`30%` or `0.3` as a share. Raises Stop."""
    try:
        value = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise Stop(f"--{option} {text} is not a percentage; write --{option} 30%")
    return value


def forecast(
    found: Examined, start: datetime, *, leads: int, days: int, campaign: str | None, rates: Rates, at_once: bool,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Let the leads come and time go by, with a progress bar on standard error. Raises Stop."""
    from engine.platform.memory import settle_memory
    from engine.simulation.forecast import Forecast
    from engine.simulation.population import Population, entries_of
    from engine.simulation.simulation import Simulation, deployment_of
    from engine.simulation.watcher import Watcher

    program = found.program
    assert program is not None
    if campaign is not None:
        campaign_of(program, campaign)
    entries = entries_of(program, campaign)
    if not entries:
        raise Stop("no campaign starts with something a lead does or is; name one with --campaign", FAILED)
    settle_memory()
    sim = Simulation(deployment_of(program), start, Watcher(), seed=seed)
    counts = Forecast(program, lambda: sim.now)
    population = sim.watcher = Population(sim, rates, counts, seed)
    population.come(entries, leads, start + timedelta(days=days), at_once=at_once)
    with _progress(population) as progress:
        task = progress.add_task(f"{leads:,} leads, {days} days", total=days * 24)
        for hour in range(1, days * 24 + 1):
            sim.run(start + timedelta(hours=hour))
            progress.update(task, completed=hour)
    return {"start": start.isoformat(), "days": days, "seed": seed} | counts.result(population.people, sim.rules)


def _progress(population: Population) -> Progress:
    """A bar for the time that has gone by, and how many leads have come: they may all come at one instant."""
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Arrived(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{len(population.people):,} entered")

    share = TextColumn("{task.percentage:>3.0f}%")
    columns = (TextColumn("{task.description}"), BarColumn(), share, Arrived(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True)


def show(found: Mapping[str, Any]) -> None:
    """The same as text."""
    out.print(
        f"{found['leads']:,} leads in {found['days']} days: {found['mails']:,} emails, {found['opens']:,} opens, "
        f"{found['clicks']:,} clicks, {found['replies']:,} replies, {found['unsubscribes']:,} unsubscribes",
        markup=False,
    )
    _bars("Emails per day", _days(found))
    _rows("Stages reached per week", found["stages_per_week"])
    _rows("Handoffs", found["handoffs"])
    for campaign in found["campaigns"]:
        _campaign(campaign)
    _counts("Stages at the end", found["stages"])
    _counts("Emails skipped", found["skipped"])
    _counts("Needs attention", found["attention"])


def _days(found: Mapping[str, Any]) -> dict[str, int]:
    """Every day, or every week where there are too many days for a screen."""
    per_day = {date.fromisoformat(day): many for day, many in found["mails_per_day"].items()}
    if not per_day:
        return {}
    first, last = min(per_day), max(per_day)
    span = 1 if (last - first).days <= 31 else 7
    totals: dict[str, int] = {}
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        begin = first + timedelta(days=offset - offset % span)
        label = f"{begin:%a %Y-%m-%d}" if span == 1 else f"{begin:%Y-%m-%d} and 6 days"
        totals[label] = totals.get(label, 0) + per_day.get(day, 0)
    return totals


def _bars(title: str, values: Mapping[str, int]) -> None:
    most = max(values.values(), default=0)
    if not most:
        return
    out.print(f"\n[bold]{title}[/]")
    for label, many in values.items():
        bar = "█" * max(round(BAR * many / most), 1 if many else 0)
        out.print(f"  {label}  {many:>7,}  {bar}", markup=False)


def _rows(title: str, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not rows:
        return
    table = Table(title=f"\n[bold]{title}[/]", title_justify="left", title_style="", box=None, padding=(0, 2))
    for column in rows[0]:
        table.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    out.print(table)


def _campaign(found: Mapping[str, Any]) -> None:
    out.print(f"\n[bold]{found['campaign']}[/]: {found['entered']:,} entered")
    for what, many in found["ended"].items():
        out.print(f"  {many:>7,}  {what}", markup=False)
    for rest in found["waiting"]:
        out.print(f"  {rest['leads']:>7,}  still waiting{_for(rest['what'])}   {rest['source']}", markup=False)


def _for(what: str) -> str:
    """What a run rests on, as it goes on after "waiting"."""
    said = {"the time comes": "", "sales decides": " for sales to decide"}
    sending = what.removeprefix("may send ")
    return said.get(what, f" to send {sending}" if sending != what else f" for {what}")


def _counts(title: str, counts: Mapping[str, int]) -> None:
    if counts:
        out.print(f"\n[bold]{title}[/]")
        for what, many in counts.items():
            out.print(f"  {many:>7,}  {what}", markup=False)
