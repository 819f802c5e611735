"""Where a story leaves its lead, in words."""

from __future__ import annotations

from engine.simulation.story import LONGEST, Story


def describe_end(story: Story) -> list[str]:
    """Stage, score and emails first; then each campaign the lead is still in, and whether there would be more."""
    end, lead = story.standing(), story.person.lead
    scores = ", ".join(f"{name} {points:g}" for name, points in end["scores"].items()) or "no points"
    mails = f"{end['mails']} email{'' if end['mails'] == 1 else 's'}"
    lines = [f"at the end: {lead.stage or 'no stage'}, {scores}; {mails}, {end['skipped']} skipped"]
    for run in end["campaigns"]:
        if run["state"] != "ended":
            said = [run["attention"]] if run["attention"] else run["waits"]
            lines.append(f'still in "{run["campaign"]}"' + (f": {'; '.join(said)}" if said else ""))
    if end["stopped_early"]:
        lines.append(f"stopped {LONGEST.days} days after the last action; for more, add `ends after 400 days`")
    return lines
