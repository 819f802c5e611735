"""What a deployment would change, in words, line by line: the same in the terminal and at the desk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.deploying.impact import Outlook, Waiting, relevant
from engine.deploying.moving import LEFT, MOVED, STAYED
from engine.deploying.recipients import Recipients
from engine.deploying.template_changes import Sender, TemplateChange
from engine.deploying.unreached import Unreached
from engine.rules.deploying.changes import Change, Part
from engine.wording.changes import campaign as called

NOTHING = "no changes"
MOST_LINES = 40
"""So many lines of a template's difference are shown."""


@dataclass(frozen=True)
class Line:
    """`kind`: added, removed, changed, moved, warning, or "" for a plain sentence. `place` and `more` stand behind the
    text. `mark`: it is one change, and has a sign of its kind before it."""

    text: str
    kind: str = ""
    indent: int = 0
    place: str = ""
    more: str = ""
    mark: bool = False


def describe_outlook(outlook: Outlook, sources: Mapping[str, str], *, moving: bool = False) -> list[Line]:
    """What would change. `sources`: the campaign files as they are now, by the path diagnostics name."""
    words = _Words(outlook, sources, moving)
    if outlook.at is None:
        lines = [Line("nothing is deployed yet, so everything is new")]
    else:
        lines = [Line(f"compared with deployment {outlook.base} ({outlook.author}, {outlook.at:%Y-%m-%d %H:%M} UTC)")]
    for change in outlook.changes.campaigns:
        lines += words.tell_campaign(change)
    lines += words.tell_older()
    for change in (*outlook.changes.declarations, *outlook.changes.files):
        lines += words.tell_declaration(change)
    lines += words.tell_notes()
    return lines if outlook.changes else [*lines, Line(NOTHING)]


def count_leads(many: int) -> str:
    return f"{many} lead{'' if many == 1 else 's'}"


def tell_consent(one: Unreached) -> str:
    """How many leads would get no email of the campaign, and why."""
    group = f"{one.leads} of {one.of} lead{'' if one.of == 1 else 's'}"
    if one.group:
        return f"emails to {group} would be skipped: the workspace excludes {one.group}"
    topic = f"`{one.topic}`" if one.topic else "any topic"
    return f"emails to {group} would be skipped: {'unsubscribed from' if one.refused else 'no consent to'} {topic}"


def tell_recipients(one: Recipients) -> str:
    """Whom a campaign would email that starts for a segment or list, and why not the others."""
    said = f"{one.audience} has {count_leads(one.of)} now: {one.emailed} would be emailed"
    later = [f"{one.held} of them later because of the limit on emails"] if one.held else []
    return ", ".join([said, *later, *(f"{many} skipped ({reason})" for reason, many in one.skipped.items())])


def tell_sender(one: Sender) -> str:
    """Who will get the new text of a template."""
    if one.staff:
        return f'campaign "{one.campaign}" sends it to team members'
    if one.form:
        return f'form "{one.form}" sends it to everyone who submits the form'
    return f'campaign "{one.campaign}" sends it: {count_leads(one.leads)} in it now, and every lead that enters'


def tell_end(end: str, many: int) -> str:
    """What becomes of so many leads when they are moved (see engine.deploying.moving)."""
    if end == MOVED:
        return f"{many} move{'s' if many == 1 else ''} to the new version"
    if end == LEFT:
        return f"{many} leave{'s' if many == 1 else ''} the campaign"
    return f"{many} stay{'s' if many == 1 else ''} on the old version ({end.removeprefix(STAYED)})"


def quote_line(source: str, files: Mapping[str, str]) -> str:
    """What the author wrote at `file:line`, without its comment; empty when the file is not known."""
    path, _, line = source.rpartition(":")
    lines = files.get(path, "").splitlines()
    if not line.isdigit() or not 0 < int(line) <= len(lines):
        return ""
    text = re.sub(r'\s+#[^"]*$', "", lines[int(line) - 1]).strip()
    return text if len(text) <= 100 else f"{text[:99]}…"


class _Words:
    def __init__(self, outlook: Outlook, sources: Mapping[str, str], moving: bool) -> None:
        self.outlook, self.new, self.old, self.moving = outlook, sources, outlook.old_sources, moving

    def tell_campaign(self, change: Change) -> Iterator[Line]:
        waiting = relevant(change, self.outlook)
        news = {"added": "is new", "removed": "is removed", "changed": "is changed"}.get(change.kind, change.kind)
        yield Line(f"{called(change.name)} {news}", change.kind, place=change.source, mark=True)
        for part in change.parts:
            yield from self._tell_part(change, part)
        if waiting:
            yield from self._tell_fates(change.name, waiting)
        groups = [group for group in self.outlook.recipients if group.campaign == change.name]
        yield from (Line(tell_recipients(group), indent=4) for group in groups)
        for one in self.outlook.unreached:
            if one.campaign == change.name and not groups:
                yield Line(tell_consent(one), "warning", 4)

    def tell_older(self) -> Iterator[Line]:
        """Leads on older versions of campaigns that this deployment leaves as they are."""
        told = {change.name.casefold() for change in self.outlook.changes.campaigns}
        behind = [one for one in self.outlook.waiting if one.campaign.casefold() not in told]
        for key, name in {one.campaign.casefold(): one.campaign for one in behind}.items():
            yield Line(f"on older versions of {called(name)}:")
            yield from self._tell_fates(name, [one for one in behind if one.campaign.casefold() == key])

    def tell_declaration(self, change: Change) -> Iterator[Line]:
        name = f' "{change.name}"' if change.name else ""
        whole = [part.what for part in change.parts if part.kind == "changed"]
        which = f": {', '.join(dict.fromkeys(whole))}" if whole else ""
        yield Line(f"{change.what}{name}{which}", change.kind, place=change.source, mark=True)
        for part in change.parts:
            if part.kind != "changed":  # one line of a file, and not an attribute as a whole
                yield from self._tell_part(change, part)
        for template in self.outlook.templates:
            if template.path == change.source:
                yield from _tell_template(template)

    def tell_notes(self) -> Iterator[Line]:
        for one in self.outlook.leavers:
            rule = f'by the rule of team "{one.team}", to {" or ".join(one.to)}'
            to = rule if one.to else "to the team that takes them"
            yield Line(
                f"{one.member} is in no sales team anymore: {count_leads(one.leads)} with an open handoff will be"
                f" reassigned {to}, and the links in this member's emails stop working", "warning",
            )  # fmt: skip
        for name in self.outlook.stopped:
            yield Line(f'"{name}" was ended; with this deployment it takes new leads again', "warning")
        for template, many in sorted(self.outlook.missing.items()):
            yield Line(
                f'{count_leads(many)} on older versions may still need the deleted template "{template}"; keep it until'
                " they finish, or move them", "warning",
            )  # fmt: skip

    def _tell_part(self, change: Change, part: Part) -> Iterator[Line]:
        before, after = quote_line(part.old, self.old), quote_line(part.new, self.new)
        here = self._count_here(change, part)
        if part.kind == "changed" and before and after and before != after:
            yield Line(before, "removed", 4, part.old, here, mark=True)
            yield Line(after, "added", 4, part.new, mark=True)
            return
        text = after or before or part.what
        if part.kind == "changed" and not part.id:
            text = part.what
        if part.kind == "changed" and part.id:
            text += "   (its block or its details)" if before == after else ""
        if part.kind == "moved":
            text += "   (moved)"
        yield Line(text, part.kind, 4, part.new or part.old, here, mark=True)

    def _count_here(self, change: Change, part: Part) -> str:
        many = self.outlook.at_step(change.name, part.id) if part.id else 0
        return f"{count_leads(many)} wait{'s' if many == 1 else ''} here" if many else ""

    def _tell_fates(self, campaign: str, waiting: Iterable[Waiting]) -> Iterator[Line]:
        ends = self.outlook.ends[campaign.casefold()]
        inside = sum(ends.values())
        move = ", ".join(tell_end(end, many) for end, many in sorted(ends.items(), key=lambda one: one[0] != MOVED))
        stays, they = ("stays", "it") if inside == 1 else ("stay", "they")
        if self.moving:
            yield Line(f"{count_leads(inside)} in this campaign: {move}", indent=4)
        else:
            stay = f"{count_leads(inside)} in this campaign {stays} on the version {they} started with"
            yield Line(f"{stay}; with --move, {move}", indent=4)
        for one in waiting:
            if any(end not in (MOVED, LEFT) for end in one.ends):
                at = f"`{one.words}` ({one.source})" if one.source else one.words
                yield Line(f"at {at}: {', '.join(tell_end(*end) for end in one.ends.items())}", indent=6)


def _tell_template(template: TemplateChange) -> Sequence[Line]:
    lines = [
        Line(line, "removed" if line[0] == "-" else "added", 4) for line in template.lines[:MOST_LINES]
    ]  # fmt: skip
    if (more := len(template.lines) - MOST_LINES) > 0:
        lines.append(Line(f"… and {more} more line{'' if more == 1 else 's'}", indent=4))
    lines += [Line(tell_sender(one), indent=4) for one in template.senders]
    return lines if template.senders else [*lines, Line("no campaign sends it", indent=4)]
