"""What the checker says of templates, kept for each template until something that it looks at changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsl.editor.checker import Checked
from dsl.editor.planner import Planned, Planner
from dsl.plan import Plan, Program
from dsl.problems.diagnostics import Diagnostic
from dsl.text.lines import Line as WrittenLine
from engine.mail.check import Check, each_once, named
from engine.mail.compose import Kind
from engine.mail.context import Context
from engine.mail.diagnose import at_text
from engine.mail.errors import UNSURE, TemplateError
from engine.mail.render import Renderer, builtin_templates
from engine.mail.uses import Carried, Line, PlanUses, Use, entered_by_stages, entered_from, gathered, uses_in
from engine.writing.watched import Looked, Watched


@dataclass(frozen=True)
class Surroundings:
    """What every template of a workspace sees. `facts`: all of `company` that a check asks for."""

    company: Program
    templates: Mapping[str, str]
    files: frozenset[str]
    facts: tuple[Any, ...]


@dataclass(frozen=True)
class Attempt:
    """A trial mail that was made, or not."""

    looked: Looked
    facts: tuple[Any, ...]
    error: TemplateError | None


@dataclass(frozen=True)
class Judged:
    """What was said of one template."""

    looked: Looked
    facts: tuple[Any, ...]
    files: frozenset[str]
    uses: Sequence[Use]
    found: Sequence[Diagnostic]

    def holds(self, now: Surroundings, uses: Sequence[Use]) -> bool:
        same = self.files == now.files and self.facts == now.facts and self.uses == uses
        return same and self.looked.same_in(now.templates)


@dataclass
class InPlan:
    """What one plan uses, and what was said of the templates that stand in it."""

    plan: Plan
    context: tuple[Any, ...]
    uses: PlanUses
    judged: Judged | None = None


@dataclass
class Mails:
    """`found` names campaign files as they are shown and templates by their path inside the workspace."""

    found: tuple[Diagnostic, ...] = ()
    uses: Mapping[str, Sequence[Use]] = field(default_factory=dict)
    company: Program | None = None
    _planner: Planner = field(default_factory=Planner)
    _planned: Planned | None = None
    _facts: tuple[Any, ...] = ()
    _plans: dict[int, InPlan] = field(default_factory=dict)
    _judged: dict[str, Judged] = field(default_factory=dict)
    _attempts: dict[str, dict[str, Attempt]] = field(default_factory=dict)

    def plan(self, checked: Checked) -> Planned | None:
        """What is written, as far as it is sound or was; None until all declarations beside the campaigns were."""
        for _ in self._planner.steps(checked):
            pass
        return self._planner.planned

    def steps(
        self, checked: Checked, templates: Mapping[str, str], files: frozenset[str], first: Sequence[str]
    ) -> Iterator[bool]:
        """Bring `found` up to date, a little at a time; True where it has become new. `templates` are all texts by
        their path under `templates/`, `first` those to look at before the others. Whoever stops between two steps may
        begin again: nothing is done twice."""
        for _ in self._planner.steps(checked):
            yield False
        if (planned := self._planner.planned) is None:
            return
        yield from self._look_at_plans(planned)
        now = Surroundings(planned.company, {**builtin_templates(), **templates}, files, self._facts)
        self._judged = {path: kept for path, kept in self._judged.items() if path in templates}
        self._attempts = {path: kept for path, kept in self._attempts.items() if path in templates}
        for path in first:
            if path in templates and self._judge(path, now):
                yield False
        for plan in self._plans.values():
            if self._judge_plan(plan, now, checked):
                yield False
        self._tell(planned)
        yield True
        for path in sorted(templates):
            if self._judge(path, now):
                yield False
        self._tell(planned)
        yield True

    def _look_at_plans(self, planned: Planned) -> Iterator[bool]:
        if planned is self._planned:
            return
        company = planned.company
        entered = entered_by_stages(company).union(*(entered_from(plan) for plan in planned.plans))
        carried, context = Carried(company), (company.forms, company.events)
        all_plans = (*company.campaigns, *planned.plans)
        for plan in all_plans:
            known = self._plans.get(id(plan))
            its = (*context, plan.campaign.casefold() in entered)
            if known is None or known.context != its:
                self._plans[id(plan)] = InPlan(plan, its, uses_in(plan, carried, entered))
                yield False
        self._plans = {id(plan): self._plans[id(plan)] for plan in all_plans}
        self._planned, self.company = planned, company
        self.uses = gathered(company, [one.uses for one in self._plans.values()])[0]
        fields = tuple((one.name, one.type) for one in company.fields)
        self._facts = (fields, tuple((one.name, one.data) for one in company.events), company.workspace)

    def uses_of(self, path: str) -> Sequence[Use]:
        """Of a template by its path under `templates/`, as far as that was looked at."""
        return self.uses.get(named(path, self.company.workspace.marks)[0], ()) if self.company else ()

    def _judge(self, path: str, now: Surroundings) -> bool:
        """Whether the template had to be looked at."""
        uses = self.uses_of(path)
        kept = self._judged.get(path)
        if kept is not None and kept.holds(now, uses):
            return False
        watched = Watched(now.templates)
        attempts = self._attempts.get(path, {})
        check = _Remembering(now, watched, self.uses, attempts)
        found = check.file(path)
        self._attempts[path] = check.made
        self._judged[path] = Judged(watched.looked(), now.facts, now.files, uses, found)
        return True

    def _judge_plan(self, one: InPlan, now: Surroundings, checked: Checked) -> bool:
        lines = one.uses.lines
        if not lines or (one.judged is not None and one.judged.holds(now, ())):
            return False
        watched = Watched(now.templates)
        check = _Remembering(now, watched, self.uses, {})
        found = [_placed(problem, line, checked) for line in lines for problem in check.text(line)]
        one.judged = Judged(watched.looked(), now.facts, now.files, (), found)
        return True

    def _tell(self, planned: Planned) -> None:
        said = [problem for judged in self._judged.values() for problem in judged.found]
        for one in self._plans.values():
            said += [problem for problem in one.judged.found if problem.file not in planned.stale] if one.judged else []
        self.found = tuple(each_once(said if planned.whole else (p for p in said if p.code not in UNSURE)))


class _Remembering(Check):
    """Makes no trial mail again whose texts are the same. `made`: those that count now."""

    def __init__(
        self, now: Surroundings, watched: Watched, uses: Mapping[str, Sequence[Use]], before: Mapping[str, Attempt]
    ) -> None:
        renderer = Renderer({}, now.company.workspace)
        renderer.templates = watched  # also in the place of the built-in ones, which are among them
        super().__init__(now.company, renderer, now.files, uses)
        self.now, self.watched, self.before = now, watched, before
        self.made: dict[str, Attempt] = {}

    def attempt(self, name: str, context: Context, kind: Kind) -> TemplateError | None:
        key = f"{kind} {context.language} {context.given!r} {sorted(context.event)}"
        kept = self.before.get(key)
        if kept is None or kept.facts != self.now.facts or not kept.looked.same_in(self.now.templates):
            error = super().attempt(name, context, kind)
            if error is not None:
                error = error.with_traceback(None)
                error.__context__ = error.__cause__ = None
            kept = Attempt(self.watched.looked(), self.now.facts, error)
        self.watched.add(kept.looked)
        self.made[key] = kept
        return kept.error


def _placed(problem: Diagnostic, line: Line, checked: Checked) -> Diagnostic:
    """At the words that it is about, where their text is found in or below the line of the step."""
    file = checked.files.get(problem.file)
    for written in _lines_from(file.lines if file else (), problem.line):
        for token in written.tokens:
            if token.type == "STRING" and str(token) == line.text and token.line and token.column:
                return at_text(problem, line, token.line, token.column)
    return problem.model_copy(update={"column": 1, "end_column": 2})


def _lines_from(lines: Sequence[WrittenLine], first: int) -> Iterator[WrittenLine]:
    for line in lines:
        if line.span.line >= first:
            yield line
        yield from _lines_from(line.children, first)
