"""`workspace`, `field`, `form` and `team` declarations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dsl import plan
from dsl.build.campaign import days, per_span, window
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.expressions import text_of, words_of
from dsl.text.lexer import span_of
from dsl.text.reader import Reader, Row
from dsl.tree import declarations as tree
from dsl.tree.declarations import Hours, Span, Text

MANY = (
    "choice_label", "ask", "hidden", "consent", "allowed_on", "topic", "closed", "member", "away", "holidays",
    "own_sites", "spend_from", "ignore_referrers", "channel", "region", "business_hours", "sends_on",
    "sends_on_working", "unmailed",
)  # fmt: skip
"""Lines that may stand more than once in their block."""


def workspace(row: Row, reader: Reader) -> tree.Workspace:
    built = tree.Workspace(text_of(row.args[0]), row.span)
    for line in _lines(row, reader):
        hours = _hours(built.hours, line, reader.problems)
        built = replace(built, hours=hours) if hours else _workspace_line(built, line, reader.problems)
    return built


def _workspace_line(built: tree.Workspace, row: Row, problems: Problems) -> tree.Workspace:
    args = row.args
    match row.rule:
        case "languages":
            return replace(built, languages=args[0])
        case "currency":
            return replace(built, currency=text_of(args[0]))
        case "sender":
            return replace(built, sender=text_of(args[0]))
        case "address":
            return replace(built, address=text_of(args[0]))
        case "quiet_hours":
            return replace(built, quiet_hours=_quiet(row, problems))
        case "mail_limit":
            times, per = values.whole(args[0], problems), per_span(args[1], problems)
            return replace(built, mail_limit=plan.Limit(times=times or 1, per=per or plan.Duration(days=1)))
        case "soft_bounces":
            return replace(built, soft_bounces=values.whole(args[0], problems))
        case "own_sites":
            return replace(built, own_sites=(*built.own_sites, *args[0]))
        case "spend_from":
            return replace(built, spend_files=(*built.spend_files, *args[0]))
        case "ignore_referrers":
            return replace(built, ignored_referrers=(*built.ignored_referrers, *args[0]))
        case "forget":
            return _forget(built, row, problems)
        case "channel":
            channel = tree.Channel(text_of(args[0]), tuple(args[1:]))
            return replace(built, channels=(*built.channels, channel))
        case "region":
            return replace(built, regions=(*built.regions, tree.Region(text_of(args[0]), args[1])))
        case "sends_on" | "sends_on_working":
            return replace(built, windows=(*built.windows, window(row, problems)))
        case "unmailed":
            return _unmailed(built, row, problems)
        case "mail" | "tracking":
            return _consent_rule(built, row, problems)
        case _:
            if args[1] is None:
                problems.add("E530", row.span, name=str(args[0]))
                return replace(built, topics=(*built.topics, tree.Topic(text_of(args[0]), "")))
            return replace(built, topics=(*built.topics, tree.Topic(text_of(args[0]), str(args[1]))))


def _unmailed(built: tree.Workspace, row: Row, problems: Problems) -> tree.Workspace:
    """`nobody in segment "Under 16" is mailed`."""
    kind, names = row.args
    if str(kind) not in ("segment", "list"):
        hint = f'`nobody in segment "{names[0].value}" is mailed`'
        problems.add("E523", span_of(kind), what="this group", text=str(kind), hint=hint)
        return built
    return replace(built, unmailed=(*built.unmailed, *((text_of(kind), name) for name in names)))


_CONSENT_RULES = {
    "mail": {"needs_consent": "", "until_opt_out": "opt-out"},
    "tracking": {"needs_consent": "", "always_on": "on"},
}
_CONSENT_HINTS = {
    "mail": "`mail needs consent` or `mail is allowed until opt-out`",
    "tracking": "`tracking needs consent` or `tracking is always on`",
}


def _consent_rule(built: tree.Workspace, row: Row, problems: Problems) -> tree.Workspace:
    kind = str(row.args[0].data)
    last = str(row.args[0].children[0]) if row.args[0].children else ""
    if _CONSENT_RULES[row.rule].get(kind) != last:
        problems.add("E523", row.span, what=f"`{row.rule}`", text=last or "allowed", hint=_CONSENT_HINTS[row.rule])
    needed = kind == "needs_consent"
    if row.rule == "mail":
        return replace(built, mail_needs_consent=needed)
    return replace(built, tracking_needs_consent=needed)


SOONEST = 90
"""Days that leads and their past are kept at least: rules and emails under way still ask for them."""


def _forget(built: tree.Workspace, row: Row, problems: Problems) -> tree.Workspace:
    """How long what strangers leave behind is kept, the past of leads, or leads who have agreed to nothing. Whole days
    at least, since a visit may still go on."""
    *words, length = row.args
    noun = " ".join(map(str, words))
    kept = values.duration(length, problems)
    if noun not in _RIGHT:
        problems.add("E545", span_of(words[0], words[-1]), text=noun)
        return built
    wrong = ""
    if kept is not None and (kept.minutes or kept.business_days or kept.business_minutes):
        wrong = f"use whole days: `forget {noun} after {_RIGHT[noun]}`"
    elif noun != "visitors" and kept is not None and kept.months * 31 + kept.days < SOONEST:
        wrong = f"use at least {SOONEST} days: `forget {noun} after {SOONEST} days`"
    if wrong:
        problems.add("E546", row.span, what=noun, text=values.shown(length), hint=wrong)
        return built
    if noun == "visitors":
        return replace(built, visitors_kept=kept)
    return replace(built, events_kept=kept) if noun == "events" else replace(built, leads_kept=kept)


LEADS = "leads without consent"
_RIGHT = {"visitors": "30 days", "events": "3 years", LEADS: "24 months"}


def _quiet(row: Row, problems: Problems) -> tuple[str, str] | None:
    start, end = values.time(row.args[0], problems), values.time(row.args[1], problems, midnight=True)
    if start and start == end:
        problems.add("E221", row.span, text=start)
    return (start, end) if start and end else None


def _hours(hours: Hours, row: Row, problems: Problems) -> Hours | None:
    """The hours with this line in them, or None when the line is about something else."""
    args = row.args
    match row.rule:
        case "timezone":
            return replace(hours, zone=text_of(args[0]))
        case "holidays":
            return replace(hours, holidays=(hours.holidays or ()) + args[0])
        case "closed":
            span = values.dates(args[0], args[1], problems)
            return replace(hours, closed=(*(hours.closed or ()), span) if span else hours.closed)
        case "business_hours":
            week = plan.BusinessHours(zone="UTC").days
            for part in args:
                named, start, end = part.children
                week = week if named is None else days(named, problems)
                hours = _open_hours(hours, week, (start, end), row, problems)
            return hours
        case _:
            return None


def _open_hours(hours: Hours, week: tuple[int, ...], said: tuple[Any, Any], row: Row, problems: Problems) -> Hours:
    """The hours with those of `monday to friday from 09:00 to 17:00` beside them."""
    start, end = values.time(said[0], problems), values.time(said[1], problems, midnight=True)
    if start and end and start >= end:
        text = f"from {start} to {end}"
        hint = f"`from {end} to {start}`" if end < start else "`from 09:00 to 17:00`"
        problems.add("E523", row.span, what="business hours", text=text, hint=hint)
    if hours.days is None:
        return replace(hours, days=week, start=start, end=end)
    if not (start and end):
        return hours
    for first in (plan.OpenHours(days=hours.days, start=hours.start or "", end=hours.end or ""), *hours.more):
        both = sorted({*first.days} & {*week})
        if both and start < first.end and first.start < end:
            day = values.WEEKDAYS[both[0]]
            problems.add("E531", row.span, day=day, first=f"{first.start} to {first.end}", second=f"{start} to {end}")
            return hours
    return replace(hours, more=(*hours.more, plan.OpenHours(days=week, start=start, end=end)))


def field(row: Row, reader: Reader) -> tree.Field:
    name, kind, crm = row.args
    plain = kind.data == "plain_type"
    choices = () if plain else tuple(text_of(token) for token in kind.children[1:] if token is not None)
    type = words_of(*kind.children) if plain else text_of(kind.children[0])
    if crm is not None and str(crm.children[0]) != "crm":
        said = str(crm.children[0])
        reader.problems.add("E523", row.span, what="the source of a field", text=said, hint="`from crm`")
    labels = tuple((text_of(line.args[0]), _by_language(line.args[1:])) for line in _lines(row, reader))
    return tree.Field(text_of(name), type, choices, crm is not None, row.span, labels)


def form(row: Row, reader: Reader) -> tree.Form:
    built = tree.Form(text_of(row.args[0]), row.span)
    reader.needs_block(row)
    for line in _lines(row, reader):
        built = _form_line(built, line)
    return built


def _by_language(parts: Iterable[Any]) -> tuple[tuple[Text | None, Text], ...]:
    """Texts with their languages; the first may have none."""
    words = [[text_of(token) for token in part.children] for part in parts]
    return tuple((said[0], said[1]) if len(said) == 2 else (None, said[0]) for said in words)


def _form_line(built: tree.Form, row: Row) -> tree.Form:
    args = row.args
    match row.rule:
        case "intent":
            return replace(built, intent=text_of(args[0]))
        case "ask":
            ask = tree.Ask(text_of(args[0]), args[1] is not None, _by_language(args[2:]))
            return replace(built, asks=(*built.asks, ask))
        case "title":
            return replace(built, title=_by_language(args))
        case "intro":
            return replace(built, intro=_by_language(args))
        case "button":
            return replace(built, button=_by_language(args))
        case "style":
            parts = tuple((text_of(part.children[0]), text_of(part.children[1])) for part in args if part is not None)
            return replace(built, style=tree.FormStyle(parts, row.span))
        case "hidden":
            return replace(built, hidden=(*built.hidden, (text_of(args[0]), args[-1])))
        case "consent":
            consent = tree.Consent(_by_language(args[:-1]), text_of(args[-1]))
            return replace(built, consents=(*built.consents, consent))
        case "confirm":
            return replace(built, confirm_with=text_of(args[0]))
        case "gives":
            return replace(built, file=text_of(args[0]))
        case "thanks":
            return replace(built, thanks=text_of(args[0]))
        case _:
            return replace(built, allowed_on=built.allowed_on + args[0])


# ── teams ────────────────────────────────────────────────────────────────────────────────────────────────────────────
WAYS = ("former owner", "round robin", "least busy")


def team(row: Row, reader: Reader) -> tree.Team:
    built = tree.Team(text_of(row.args[0]), row.span)
    for line in _lines(row, reader):
        hours = _hours(built.hours, line, reader.problems)
        built = replace(built, hours=hours) if hours else _team_line(built, line, reader.problems)
    return built


def _team_line(built: tree.Team, row: Row, problems: Problems) -> tree.Team:
    args = row.args
    match row.rule:
        case "takes_rest":
            return replace(built, takes=args[0], rest=True, takes_span=row.span)
        case "takes_where":
            return replace(built, takes=args[0], takes_span=row.span)
        case "takes_others" | "takes_all":
            return replace(built, others=True, takes_span=row.span)
        case "member":
            up_to = values.whole(args[2], problems) if args[2] is not None else None
            condition = args[1].children[0] if args[1] is not None else None
            only = args[1] is not None and args[1].data == "only_for"
            return replace(built, members=(*built.members, tree.Member(text_of(args[0]), condition, up_to, only)))
        case "away":
            span = values.dates(args[1], args[2], problems) or ("", "")
            return replace(built, away=(*built.away, tree.Away(text_of(args[0]), *span, row.span)))
        case "assign":
            return replace(built, assign=_ways(row, problems))
        case "when_full":
            return replace(built, when_full=_action(args[0], row.span))
        case _:
            return _time_limit(built, row, problems)


def _ways(row: Row, problems: Problems) -> tuple[str, ...]:
    ways = []
    for way in row.args:
        words = " ".join(str(token) for token in way.children)
        if words not in WAYS:
            span = span_of(way.children[0], way.children[-1])
            problems.add("E518", span, near=near(words, WAYS), text=words)
        ways.append(words)
    return tuple(ways)


def _time_limit(built: tree.Team, row: Row, problems: Problems) -> tree.Team:
    name, length, action = row.args
    duration = values.duration(length, problems)
    limit = tree.TimeLimit(duration or plan.Duration(days=1), _action(action, row.span))
    match str(name):
        case "acknowledge":
            return replace(built, acknowledge=limit)
        case "contact":
            return replace(built, contact=limit)
        case _:
            return replace(built, decide=limit)


def _action(part: Any, span: Span) -> tree.Action:
    to = text_of(part.children[0]) if part.children and part.children[0] is not None else None
    return tree.Action(str(part.data).removeprefix("full_"), to, span)


def _lines(row: Row, reader: Reader) -> list[Row]:
    """The rows below, each that may stand only once reported when it comes again."""
    seen: dict[str, Span] = {}
    found = []
    for line in reader.below(row):
        what = line.rule.split("_")[0] if line.rule.startswith("takes") else line.rule.replace("_", " ")
        if line.rule == "time_limit":
            what = str(line.args[0])
        if line.rule == "forget":
            what = f"forget {line.args[0]}"
        if line.rule not in MANY:
            reader.twice(seen, what, line)
        found.append(line)
    return found
