"""How a diff between what is deployed and what would be is shown to people and to programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.cli.common import out
from engine.wording.changes import campaign as called

if TYPE_CHECKING:
    from engine.deploying.impact import Outlook, Waiting
    from engine.deploying.recipients import Recipients
    from engine.deploying.template_changes import Sender, TemplateChange
    from engine.deploying.unreached import Unreached
    from engine.rules.deploying.changes import Change, Part

MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}
STYLES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}
NOTHING = "no changes"
MOST_LINES = 40
"""So many lines of a template's difference are shown."""


def leads(many: int) -> str:
    return f"{many} lead{'' if many == 1 else 's'}"


def show(outlook: Outlook, sources: Mapping[str, str], *, moving: bool = False) -> None:
    """Print what would change. `sources`: the campaign files as they are now, by the path diagnostics name."""
    view = _View(outlook, sources, moving)
    if outlook.at is None:
        out.print("nothing is deployed yet, so everything is new", markup=False)
    else:
        out.print(f"compared with deployment {outlook.base} ({outlook.author}, {outlook.at:%Y-%m-%d %H:%M} UTC)")
    for change in outlook.changes.campaigns:
        view.campaign(change)
    view.older()
    for change in (*outlook.changes.declarations, *outlook.changes.files):
        view.declaration(change)
    view.notes()
    if not outlook.changes:
        out.print(NOTHING)


def as_data(outlook: Outlook, sources: Mapping[str, str]) -> dict[str, Any]:
    """The same as plain values."""
    changes = asdict(outlook.changes)
    for change in changes["campaigns"]:
        for part in change["parts"]:
            part["old_words"] = words(part["old"], outlook.old_sources)
            part["new_words"] = words(part["new"], sources)
            part["leads"] = outlook.at_step(change["name"], part["id"]) if part["id"] else 0
    return {
        "base": outlook.base, "nothing_changes": not outlook.changes, **changes,
        "waiting": [asdict(one) for one in outlook.waiting], "missing_templates": dict(outlook.missing),
        "without_consent": [asdict(one) for one in outlook.unreached],
        "recipients": [asdict(one) for one in outlook.recipients],
        "templates": [asdict(one) for one in outlook.templates], "takes_leads_again": list(outlook.stopped),
        "leaving_members": [asdict(one) for one in outlook.leavers],
    }  # fmt: skip


def consent(one: Unreached) -> str:
    """How many leads would get no email of the campaign, and why."""
    group = f"{one.leads} of {one.of} lead{'' if one.of == 1 else 's'}"
    if one.group:
        return f"emails to {group} would be skipped: the workspace excludes {one.group}"
    topic = f"`{one.topic}`" if one.topic else "any topic"
    return f"emails to {group} would be skipped: {'unsubscribed from' if one.refused else 'no consent to'} {topic}"


def recipients(one: Recipients) -> str:
    """Whom a campaign would email that starts for a segment or list, and why not the others."""
    said = f"{one.audience} has {leads(one.of)} now: {one.emailed} would be emailed"
    later = [f"{one.held} of them later because of the limit on emails"] if one.held else []
    return ", ".join([said, *later, *(f"{many} skipped ({reason})" for reason, many in one.skipped.items())])


def sender(one: Sender) -> str:
    """Who will get the new text of a template."""
    if one.staff:
        return f'campaign "{one.campaign}" sends it to team members'
    if one.form:
        return f'form "{one.form}" sends it to everyone who submits the form'
    return f'campaign "{one.campaign}" sends it: {leads(one.leads)} in it now, and every lead that enters'


def words(source: str, files: Mapping[str, str]) -> str:
    """What the author wrote at `file:line`, without its comment; empty when the file is not known."""
    path, _, line = source.rpartition(":")
    lines = files.get(path, "").splitlines()
    if not line.isdigit() or not 0 < int(line) <= len(lines):
        return ""
    text = re.sub(r'\s+#[^"]*$', "", lines[int(line) - 1]).strip()
    return text if len(text) <= 100 else f"{text[:99]}…"


class _View:
    def __init__(self, outlook: Outlook, sources: Mapping[str, str], moving: bool) -> None:
        self.outlook, self.new, self.old, self.moving = outlook, sources, outlook.old_sources, moving

    def campaign(self, change: Change) -> None:
        from engine.deploying.impact import relevant

        waiting = relevant(change, self.outlook)
        news = {"added": "is new", "removed": "is removed", "changed": "is changed"}.get(change.kind, change.kind)
        self._line(0, change.kind, f"{called(change.name)} {news}", change.source)
        for part in change.parts:
            self._part(change, part)
        if waiting:
            self._fates(change.name, waiting)
        for group in self.outlook.recipients:
            if group.campaign == change.name:
                out.print(f"    {recipients(group)}", markup=False)
        for one in self.outlook.unreached:
            if one.campaign == change.name and not any(g.campaign == change.name for g in self.outlook.recipients):
                out.print(f"    {consent(one)}", markup=False, style="yellow")

    def older(self) -> None:
        """Leads on older versions of campaigns that this deployment leaves as they are."""
        told = {change.name.casefold() for change in self.outlook.changes.campaigns}
        behind = [one for one in self.outlook.waiting if one.campaign.casefold() not in told]
        for key, name in {one.campaign.casefold(): one.campaign for one in behind}.items():
            waiting = [one for one in behind if one.campaign.casefold() == key]
            out.print(f"on older versions of {called(name)}:", markup=False)
            self._fates(name, waiting)

    def declaration(self, change: Change) -> None:
        name = f' "{change.name}"' if change.name else ""
        whole = [part.what for part in change.parts if not self._is_line(part)]
        which = f": {', '.join(dict.fromkeys(whole))}" if whole else ""
        self._line(0, change.kind, f"{change.what}{name}{which}", change.source)
        for part in change.parts:
            if self._is_line(part):
                self._part(change, part)
        for template in self.outlook.templates:
            if template.path == change.source:
                self._template(template)

    def _template(self, template: TemplateChange) -> None:
        for line in template.lines[:MOST_LINES]:
            out.print(f"    {line}", markup=False, style=STYLES["removed" if line[0] == "-" else "added"])
        if (more := len(template.lines) - MOST_LINES) > 0:
            out.print(f"    … and {more} more line{'' if more == 1 else 's'}", markup=False)
        for one in template.senders:
            out.print(f"    {sender(one)}", markup=False)
        if not template.senders:
            out.print("    no campaign sends it", markup=False)

    def notes(self) -> None:
        for one in self.outlook.leavers:
            rule = f'by the rule of team "{one.team}", to {" or ".join(one.to)}'
            to = rule if one.to else "to the team that takes them"
            out.print(
                f"{one.member} is in no sales team anymore: {leads(one.leads)} with an open handoff will be reassigned"
                f" {to}, and the links in this member's emails stop working",
                markup=False, style="yellow",
            )  # fmt: skip
        for name in self.outlook.stopped:
            out.print(
                f'"{name}" was ended; with this deployment it takes new leads again', markup=False, style="yellow"
            )
        for template, many in sorted(self.outlook.missing.items()):
            out.print(
                f'{leads(many)} on older versions may still need the deleted template "{template}"; keep it until they'
                " finish, or move them",
                markup=False, style="yellow",
            )  # fmt: skip

    def _part(self, change: Change, part: Part) -> None:
        before, after = words(part.old, self.old), words(part.new, self.new)
        place = part.new or part.old
        if part.kind == "changed" and before and after and before != after:
            self._line(1, "removed", before, part.old, self._here(change, part))
            self._line(1, "added", after, part.new)
            return
        text = after or before or part.what
        if part.kind == "changed" and not part.id:
            text = part.what
        if part.kind == "changed" and part.id:
            text += "   (its block or its details)" if before == after else ""
        if part.kind == "moved":
            text += "   (moved)"
        self._line(1, part.kind, text, place, self._here(change, part))

    def _here(self, change: Change, part: Part) -> str:
        many = self.outlook.at_step(change.name, part.id) if part.id else 0
        return f"{leads(many)} wait{'s' if many == 1 else ''} here" if many else ""

    def _fates(self, campaign: str, waiting: Iterable[Waiting]) -> None:
        from engine.deploying.moving import LEFT, MOVED

        ends = self.outlook.ends[campaign.casefold()]
        inside = sum(ends.values())
        move = [_end(end, many) for end, many in sorted(ends.items(), key=lambda one: one[0] != MOVED)]
        stays, they = ("stays", "it") if inside == 1 else ("stay", "they")
        if not self.moving:
            stay = f"{leads(inside)} in this campaign {stays} on the version {they} started with"
            out.print(f"    {stay}; with --move, {', '.join(move)}", markup=False)
        else:
            out.print(f"    {leads(inside)} in this campaign: {', '.join(move)}", markup=False)
        for one in waiting:
            if any(end not in (MOVED, LEFT) for end in one.ends):
                at = f"`{one.words}` ({one.source})" if one.source else one.words
                out.print(f"      at {at}: {', '.join(_ends(one))}", markup=False)

    @staticmethod
    def _is_line(part: Part) -> bool:
        """Whether it is one line of a file, and not an attribute as a whole."""
        return part.kind != "changed"

    @staticmethod
    def _line(depth: int, kind: str, text: str, place: str, more: str = "") -> None:
        shown = f"{'    ' * depth}{MARKS[kind]} {text}"
        tail = "   ".join(one for one in (place, more) if one)
        out.print(f"{shown:<60}  {tail}".rstrip(), markup=False, style=STYLES[kind])


def _ends(one: Waiting) -> list[str]:
    return [_end(end, many) for end, many in one.ends.items()]


def _end(end: str, many: int) -> str:
    from engine.deploying.moving import LEFT, MOVED, STAYED

    if end == MOVED:
        return f"{many} move{'s' if many == 1 else ''} to the new version"
    if end == LEFT:
        return f"{many} leave{'s' if many == 1 else ''} the campaign"
    return f"{many} stay{'s' if many == 1 else ''} on the old version ({end.removeprefix(STAYED)})"
