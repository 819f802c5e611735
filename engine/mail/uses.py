"""Where a deployment uses its templates, and what is known of the lead and the event there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from dsl.plan import (
    Age,
    All,
    AnyStep,
    Compare,
    Condition,
    EventRef,
    FieldRef,
    Form,
    HandOff,
    In,
    Known,
    Notify,
    Operand,
    Pattern,
    Plan,
    Program,
    Send,
    Shifted,
    Wait,
    targets,
)
from dsl.plan.carries import ANSWER, CARRIES, SURE
from engine.mail.compose import Kind
from engine.mail.notices import NOTICE_DATA, NOTICES

ALWAYS_KNOWN = frozenset(("email", "created"))
"""Fields that every lead has."""


@dataclass(frozen=True)
class Data:
    """What an event carries: `sure` always, `possible` perhaps; None: anything. `types`: of what it carries itself, by
    name; a form's are those of the lead's fields."""

    sure: frozenset[str] = frozenset()
    possible: frozenset[str] | None = frozenset()
    types: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Use:
    """One place that uses a template. `events`: those one of which has happened last. `confirms`: it is the button mail
    of a double opt-in, in which nothing that the visitor typed may stand."""

    kind: Kind
    source: str
    given: Mapping[str, Operand] = field(default_factory=dict)
    events: frozenset[Data] = frozenset()
    sure: frozenset[str] = ALWAYS_KNOWN
    confirms: bool = False


@dataclass(frozen=True)
class Line:
    """A small template that stands in a campaign: the `note` of a handoff, or a `subject` under test."""

    what: str
    text: str
    use: Use


@dataclass(frozen=True)
class PlanUses:
    """What one plan uses: templates by name, in the order of its steps, and the templates that stand in it."""

    mails: tuple[tuple[str, Use], ...]
    lines: tuple[Line, ...]


def uses_of(program: Program) -> tuple[dict[str, list[Use]], list[Line]]:
    """template → its uses, and the templates in campaigns."""
    entered = entered_by_stages(program).union(*(entered_from(plan) for plan in program.campaigns))
    carried = Carried(program)
    return gathered(program, [uses_in(plan, carried, entered) for plan in program.campaigns])


def uses_in(plan: Plan, carried: Carried, entered: frozenset[str]) -> PlanUses:
    """Asks of the program for its forms and events only. `entered`: the campaigns that others enter."""
    mails: list[tuple[str, Use]] = []
    lines: list[Line] = []
    confirming = {form.confirm_with for form in carried.program.forms if form.confirm_with}
    sure = ALWAYS_KNOWN | _asked_by_all(plan, carried, entered)
    for step, events in reached(plan, carried, entered):
        if isinstance(step, Send):
            kind: Kind = "transactional" if step.mode == "transactional" else "marketing"
            confirms = step.template in confirming and kind == "transactional"
            use = Use(kind, step.source, dict(step.values), events, sure, confirms)
            mails.append((step.template, use))
            lines += [Line("subject", subject, use) for subject in step.subjects]
        elif isinstance(step, Notify):
            mails.append((step.template, Use("staff", step.source, dict(step.values), events, sure)))
        elif isinstance(step, HandOff) and step.note:
            lines.append(Line("note", step.note, Use("staff", step.source, {}, events, sure)))
    return PlanUses(tuple(mails), tuple(lines))


def gathered(program: Program, plans: Iterable[PlanUses]) -> tuple[dict[str, list[Use]], list[Line]]:
    """As `uses_of`, of plans that were looked at before."""
    uses: dict[str, list[Use]] = {name: [_notice()] for name in NOTICES.values()}
    lines: list[Line] = []
    for plan in plans:
        for template, use in plan.mails:
            uses.setdefault(template, []).append(use)
        lines += plan.lines
    for form in program.forms:
        if form.confirm_with and not any(use.confirms for use in uses.get(form.confirm_with, [])):
            use = Use("transactional", form.source, {}, frozenset((_of_form(form),)), confirms=True)
            uses.setdefault(form.confirm_with, []).append(use)
    return uses, lines


def _notice() -> Use:
    sure, types = frozenset(("handoff_url",)), frozenset((("due", "due"),))
    return Use("staff", "", {}, frozenset((Data(sure, NOTICE_DATA, types),)))


def reached(plan: Plan, carried: Carried, entered: frozenset[str]) -> Iterator[tuple[AnyStep, frozenset[Data]]]:
    """Each step with the data of the events that can have happened last when a lead is there. `entered`: the campaigns
    that others enter."""
    found: dict[str, frozenset[Data]] = {}
    starts = frozenset(carried.by(start.pattern) for start in plan.starts)
    if not starts or plan.campaign.casefold() in entered:
        starts |= {Data()}
    pending: list[tuple[str | None, frozenset[Data]]] = [(plan.entry, starts)]
    pending += [(block.entry, frozenset((carried.by(block.pattern),))) for block in plan.whenevers]
    pending += [(leave.entry, frozenset((carried.by(leave.pattern),))) for leave in plan.leaves]
    while pending:
        at, data = pending.pop()
        if at is None or at not in plan.by_id or data <= found.get(at, frozenset()):
            continue
        found[at] = data | found.get(at, frozenset())
        pending += _onward(plan.by_id[at], found[at], carried)
    return ((plan.by_id[at], data) for at, data in found.items())


_HANDOFF = Data(frozenset(), frozenset(ANSWER))


def _onward(step: AnyStep, data: frozenset[Data], carried: Carried) -> Iterator[tuple[str | None, frozenset[Data]]]:
    match step:
        case Wait():
            yield step.then, data
            yield step.missed, data
            for arm in step.arms:
                yield arm.target, frozenset((carried.by(arm.pattern),))
        case HandOff():
            after = data if step.detached else frozenset((_HANDOFF,))
            yield step.next, after
            for case in step.cases:
                yield case.target, after
        case _:
            for target in targets(step):
                yield target, data


class Carried:
    """What the events of a deployment carry. Looked up once for all patterns of the same name."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.known: dict[tuple[str, str | None], Data] = {}

    def by(self, pattern: Pattern) -> Data:
        """What an event that fits the pattern carries."""
        key = pattern.type, pattern.name
        if key not in self.known:
            self.known[key] = _data_of(pattern, self.program)
        data, asked = self.known[key], _asked(pattern.where)
        return replace(data, sure=data.sure | asked) if asked else data


def _asked(where: Condition | None) -> frozenset[str]:
    """Data that an event must have for its `where` to be true: a missing value fits no comparison."""
    match where:
        case Compare(left=EventRef(name=name)) | In(left=EventRef(name=name)) | Known(operand=EventRef(name=name)):
            return frozenset((name,))
        case All(items=items):
            return frozenset[str]().union(*map(_asked, items))
        case _:
            return frozenset()


def _data_of(pattern: Pattern, program: Program) -> Data:
    match pattern.type:
        case "form.submitted" | "form.posted":
            name = (pattern.name or "*").casefold()
            forms = [_of_form(form) for form in program.forms if fnmatchcase(form.name.casefold(), name)]
            if not forms:
                return Data()
            possible = frozenset[str]().union(*(form.possible or () for form in forms))
            return Data(forms[0].sure.intersection(*(form.sure for form in forms)), possible)
        case "custom":
            declared = [event for event in program.events if event.name.casefold() == (pattern.name or "").casefold()]
            if not declared:
                return Data(frozenset(), None)
            data = declared[0].data
            return Data(frozenset(declared[0].required), frozenset(name for name, _ in data), frozenset(data))
        case _:
            carried = {**CARRIES.get(pattern.type, {}), **program.carried_by(pattern.type)}
            sure = (*SURE.get(pattern.type, ()), *program.required_by(pattern.type, ""))
            return Data(frozenset(sure), frozenset(carried), frozenset(carried.items()))


def may_lack(value: Operand | None, use: Use) -> str:
    """Why a value that a `send` gives may be missing; empty when it is always there."""
    match value:
        case Shifted(base=base):
            return may_lack(base, use)
        case FieldRef(name=name) | Age(field=name) if name not in use.sure:
            return f"`{name}`, which not every lead has"
        case EventRef(name=name) if any(name not in data.sure for data in use.events if data.possible is not None):
            return f"`event.{name}`, which not every event that leads here has"
        case _:
            return ""


def _of_form(form: Form) -> Data:
    hidden = frozenset(name for name, _ in form.hidden)
    required = frozenset(ask.field for ask in form.asks if ask.required)
    return Data(required | hidden, frozenset((*(ask.field for ask in form.asks), *form.filled)) | hidden)


def _asked_by_all(plan: Plan, carried: Carried, entered: frozenset[str]) -> frozenset[str]:
    """Fields every lead has who entered, because each way in is a form that requires them, or counted from them."""
    if not plan.starts or plan.campaign.casefold() in entered:
        return frozenset()
    sure = [_sure_after(start.pattern, carried) for start in plan.starts]
    return sure[0].intersection(*sure)


def _sure_after(pattern: Pattern, carried: Carried) -> frozenset[str]:
    if pattern.dated is not None and pattern.dated.field:
        return frozenset((pattern.dated.field,))
    return carried.by(pattern).sure if pattern.type.startswith("form.") else frozenset()


def entered_from(plan: Plan) -> frozenset[str]:
    """Campaigns that a step of this one enters; casefolded."""
    return frozenset(step.campaign.casefold() for step in plan.steps if step.kind == "enter")


def entered_by_stages(program: Program) -> frozenset[str]:
    """Campaigns that leads enter who were silent for long; casefolded."""
    return frozenset(stage.reactivate.campaign.casefold() for stage in program.stages if stage.reactivate)
