"""Conditions: names that exist, and questions that can be asked where they stand."""

from __future__ import annotations

from typing import Any

from dsl.checks.comparisons import GROUPS, WHERE_HINT, WORDS, Comparisons
from dsl.checks.contradictions import warn, warn_together
from dsl.checks.events import check_event, check_group
from dsl.checks.shown import show
from dsl.checks.stages import a_stage, check_stage
from dsl.names.events import DEED_VERBS, DEEDS
from dsl.names.scope import Scope
from dsl.names.walk import Place, atoms, conditions, joined
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.near import near, one_of
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.deeds import history_hint
from dsl.tree import declarations as tree
from dsl.tree.declarations import Condition, Text

SPANS = ("next", "last")
SIDES = ("past", "future")


def check_conditions(scope: Scope) -> list[Diagnostic]:
    checker = _Checker(scope)
    found = checker.problems.found
    for condition, place in conditions(scope.program):
        before = len(found)
        compared: tree.Compare | None = None
        for atom in atoms(condition):
            if compared and isinstance(atom, tree.Bare) and isinstance(atom.operand, tree.Quoted | tree.Number):
                checker.comparisons.second_value(atom.operand, compared)
                continue
            checker.atom(atom, place)
            compared = atom if isinstance(atom, tree.Compare) else None
        if len(found) == before:
            warn(condition, scope, checker.problems)
    wrong = {(problem.file, problem.line) for problem in found}
    for lines in joined(scope.program):
        if not any((line.span.file, line.span.line) in wrong for line in lines):
            warn_together(lines, scope, checker.problems)
    return found


class _Checker:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.problems = Problems()
        self.comparisons = Comparisons(scope, self.problems)

    def atom(self, atom: Condition, place: Place) -> None:
        if _asks_stage(atom, place):
            self._stage(atom)
            return
        match atom:
            case tree.Compare():
                self.comparisons.compare(atom, place)
            case tree.OneOf():
                self.comparisons.one_of(atom, place)
            case tree.Bare(operand=operand):
                self.comparisons.bare(operand, place)
            case tree.Known(left=left):
                self.comparisons.kind(left, place)
            case tree.AtLeast():
                self.problems.add("E307", atom.span, thing="the stage", hint=WHERE_HINT)
            case tree.FreeAddress(left=left):
                if not (isinstance(left, tree.Word) and left.name == "email"):
                    self.problems.add("E305", left.span)
            case tree.DateIs():
                self._date(atom, place)
            case _ if place.kind == "where":
                self.problems.add("E307", atom.span, thing="a condition about the lead", hint=WHERE_HINT)
            case tree.Membership():
                self._membership(atom, place)
            case tree.Subscribed():
                self._subscribed(atom)
            case tree.Has():
                self._has(atom, place)
            case tree.And() | tree.Or() | tree.Not() | tree.TrackingAllowed():
                pass

    # ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────
    def _stage(self, atom: Condition) -> None:
        match atom:
            case tree.Compare(op="is" | "is not", right=right) | tree.AtLeast(right=right):
                asked: tuple[tree.Operand, ...] = (right,)
            case tree.OneOf(values=chosen):
                asked = chosen
            case _:
                asked = ()
        stages = [tree.stage_named(operand) for operand in asked]
        for stage in stages:
            if stage is not None:
                check_stage(stage, self.scope, self.problems)
        if None in stages or not stages:
            self.problems.add("E306", atom.span, example=a_stage(self.scope))

    # ── where a lead belongs ─────────────────────────────────────────────────────────────────────────────────────
    def _membership(self, atom: tree.Membership, place: Place) -> None:
        group, name = atom.group, atom.name
        if group.value not in GROUPS:
            self.problems.add("E324", group.span, near=near(group.value, GROUPS), group=group.value)
        elif atom.ever and group.value != "campaign":
            self.problems.add("E325", atom.span, group=group.value, name=name.value)
        else:
            check_group(group.value, name, self.scope, self.problems)
        if group.value == "segment" and place.kind == "scoring" and _asks_score(name, self.scope):
            self.problems.add("E522", atom.span)

    def _subscribed(self, atom: tree.Subscribed) -> None:
        if atom.word.value != "subscribed":
            meant = near(atom.word.value, ("subscribed",))
            self.problems.add("E326", atom.word.span, near=meant, word=atom.word.value, topic=atom.topic.value)
        check_group("topic", atom.topic, self.scope, self.problems)

    # ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _date(self, atom: tree.DateIs, place: Place) -> None:
        left = self.comparisons.kind(atom.left, place, "date")
        if left not in ("date", "any", None):
            self.problems.add("E329", atom.left.span, left=show(atom.left), kind=WORDS[left], names=self._dates())
        relation = atom.relation
        if isinstance(atom.left, tree.Word) and atom.left.name == "birthday" and relation.value in (*SPANS, "today"):
            self.problems.add("W133", atom.span)
        if atom.right is not None:
            self._date_on_the_right(atom.right, place)
        elif relation.value in SPANS and atom.length is None:
            self.problems.add(
                "E328", relation.span, relation=relation.value, hint=f"`is in the {relation.value} 30 days`"
            )
        elif relation.value in SIDES and atom.length is not None:
            shown = values.shown(atom.length)
            span = atom.length[0].span.to(atom.length[-1].span)
            self.problems.add("E332", span, relation=relation.value, length=shown, meant=_meant(relation.value))
        elif relation.value not in (*SPANS, *SIDES, "today"):
            close = near(relation.value, (*SPANS, *SIDES))
            self.problems.add("E327", relation.span, near=close, relation=relation.value)
        if atom.length is not None:
            values.duration(atom.length, self.problems)

    def _dates(self) -> tuple[str, ...]:
        return tuple(name for name, field in self.scope.fields.items() if field.type in ("date", "moment"))

    def _date_on_the_right(self, right: tree.Operand, place: Place) -> None:
        match right:
            case tree.Number(raw=raw, unit=None, span=span):
                values.date_of(raw, span, self.problems)
            case tree.Quoted(value=text, span=span):
                meant = text if values.is_date(text) else "2026-12-24"
                self.problems.add("E330", span, text=show(right), meant=meant)
            case tree.Word(name=name, span=span) if name not in self.scope.fields and not near(name, self._dates()):
                self.problems.add("E330", span, text=show(right), meant="2026-12-24")
            case tree.Word() if self.comparisons.is_lead_field(right, place):
                self.comparisons.lead_field(right)
            case tree.Word() | tree.EventDatum() | tree.Today() | tree.Shifted():
                if self.comparisons.kind(right, place, "date") not in ("date", "any", None):
                    self.problems.add("E330", right.span, text=show(right), meant="2026-12-24")
            case _:
                self.problems.add("E330", right.span, text=show(right), meant="2026-12-24")

    # ── what a lead did ──────────────────────────────────────────────────────────────────────────────────────────
    def _has(self, atom: tree.Has, place: Place) -> None:
        if self._deed(atom.deed):
            check_event(atom.deed, self.scope, self.problems)
            for asked in atoms(atom.deed.where) if atom.deed.where else ():
                self.atom(asked, Place("where", atom.deed, start=place.start))
        if atom.times is not None:
            values.whole_number(atom.times.raw, atom.times.span, self.problems)
        if atom.within is not None:
            values.duration(atom.within, self.problems)
        if atom.entering is not None and place.kind != "flow":
            self.problems.add("E323", atom.entering)

    def _deed(self, deed: tree.Event) -> bool:
        """Whether such a thing can be asked for; reports when not."""
        verb, noun = deed.verb, deed.noun
        known = DEEDS.get((verb.value, noun.value))
        written = " ".join(word for word in (verb.value, deed.deed, noun.value) if word)
        words: dict[str, Any] = {"written": written}
        if verb.value not in DEED_VERBS:
            close = near(verb.value, DEED_VERBS)
            meant = "" if close else history_hint(["has", verb.value, noun.value, "@" if deed.name else ""], 3)
            options = f"use {one_of(DEED_VERBS)}"
            self.problems.add("E320", verb.span, near=close, verb=verb.value, hint=meant or options)
        elif known is None:
            examples = tuple(deed.spec.example for (name, _), deed in DEEDS.items() if name == verb.value)
            self.problems.add("E321", verb.span.to(noun.span), options=examples, **words)
        elif deed.deed != known.preposition:
            self.problems.add("E322", verb.span.to(noun.span), example=known.spec.example, **words)
        else:
            return True
        return False


def _asks_score(segment: Text, scope: Scope, inside: frozenset[str] = frozenset()) -> bool:
    """Whether a segment asks for a score, itself or through another."""
    found = scope.segments.get(segment.key)
    if found is None or segment.key in inside:
        return False
    asked = [atom for line in found.lines for atom in atoms(line)]
    operands = [getattr(atom, side, None) for atom in asked for side in ("left", "right")]
    inner = [atom.name for atom in asked if isinstance(atom, tree.Membership) and atom.group.value == "segment"]
    return any(isinstance(operand, tree.Score) for operand in operands) or any(
        _asks_score(name, scope, inside | {segment.key}) for name in inner
    )


def _meant(side: str) -> str:
    return "last" if side == "past" else "next"


def _asks_stage(atom: Condition, place: Place) -> bool:
    left = getattr(atom, "left", None)
    return place.kind != "where" and isinstance(left, tree.Word) and left.name == "stage"
