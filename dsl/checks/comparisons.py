"""Values and the comparisons between them: names that exist, and questions that can be asked of their type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsl.checks.kinds import KINDS, TYPES, comparable, fitting, type_for, unsuited
from dsl.checks.literals import check_spoken
from dsl.checks.meant import as_condition
from dsl.checks.shown import plain, show
from dsl.checks.stages import a_stage, check_interest
from dsl.names.events import spec_of
from dsl.names.known import CURRENCIES, check_country, check_zone
from dsl.names.scope import Scope, unknown
from dsl.names.walk import Place
from dsl.plan import LeadField
from dsl.problems.near import near, one_of
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.vocabulary import CARRIERS
from dsl.tree import declarations as tree
from dsl.tree.declarations import Operand, Text

WORDS = {
    "text": "a text", "number": "a number", "money": "an amount of money", "date": "a date", "flag": "yes or no",
    "choices": "a list of choices", "any": "anything",
}  # fmt: skip
GROUPS = ("segment", "list", "campaign")
"""What a lead is in."""
FLAGS = ("yes", "no")
ALONE = "alone"
"""Stands for an operator where a word has none."""
AMOUNT = {"number": "200", "money": "1200 EUR"}
OPEN = ("deal",)
"""Things that come from elsewhere with properties of their own, which need no declaration."""
WHERE_HINT = "use `only if` instead; `where` sees only the event"
ANNIVERSARY = "write `{0} is in the next 7 days`; to start on the day, write `starts when anniversary of {0}`"
MEANT = {
    **dict.fromkeys(("empty", "blank", "missing", "null", "none"), ("is unknown",)),
    **dict.fromkeys(("set", "filled", "given", "present"), ("is known",)),
}
"""What people write after `is` who mean that a value is there or not."""


class Comparisons:
    def __init__(self, scope: Scope, problems: Problems) -> None:
        self.scope = scope
        self.problems = problems

    # ── comparisons ──────────────────────────────────────────────────────────────────────────────────────────────
    def compare(self, atom: tree.Compare, place: Place) -> None:
        if isinstance(atom.left, tree.Quoted | tree.Number):
            hint = 'write the field first: `country is "DE"`'
            self.problems.add("E307", atom.left.span, thing="a value on the left", hint=hint)
            return
        left = self.kind(atom.left, place, type_for(atom.right, self.scope.fields), atom.op)
        right = self._right(atom.left, left, atom.right, place)
        if left is None or right is None:
            return
        if hint := unsuited(atom.op, left).format(plain(atom.left)):
            words: dict[str, Any] = {"op": atom.op, "left": show(atom.left), "kind": WORDS[left]}
            self.problems.add("E302", atom.span, hint=hint, **words)
        elif not comparable(left, right):
            self._different(atom.left, left, atom.right, right)
        else:
            self._literal(atom.left, atom.op, atom.right, place)

    def _different(self, left: Operand, left_kind: str, right: Operand, right_kind: str) -> None:
        hint = ""
        if left_kind == "text" and isinstance(right, tree.Number):
            hint = f'write the value in quotes: `"{right.raw}"`'
        elif left_kind == "date":
            hint = "write a date without quotes: `2026-12-24`"
        elif left_kind in ("number", "money") and isinstance(right, tree.Quoted):
            amount = right.value[:1].isdigit() or values.is_plain(right.value)
            like = f"write a number without quotes: `{AMOUNT[left_kind]}`"
            hint = f"remove the quotes: `{right.value}`" if amount else like
        elif left_kind == "choices" and isinstance(right, tree.Number):
            hint = f'write the value in quotes: `"{right.raw}"`'
        elif left_kind == "flag":
            hint = f"write {show(left)} alone, or `not {plain(left)}`"
        words: dict[str, Any] = {"left": show(left), "left_type": WORDS[left_kind]}
        self.problems.add("E301", right.span, right=show(right), right_type=WORDS[right_kind], hint=hint, **words)

    def one_of(self, atom: tree.OneOf, place: Place) -> None:
        left = self.kind(atom.left, place, type_for(atom.values[0], self.scope.fields) if atom.values else None)
        for value in atom.values:
            if not isinstance(value, tree.Quoted | tree.Number):
                self.problems.add("E311", value.span, text=plain(value))
                continue
            right = self._right(atom.left, left, value, place)
            if left is None or right is None:
                continue
            if not comparable("text" if left == "choices" else left, right):
                self._different(atom.left, left, value, right)
            else:
                self._literal(atom.left, "is", value, place)

    def bare(self, operand: Operand, place: Place) -> None:
        kind = self.kind(operand, place, "yes/no", ALONE)
        if kind in ("flag", "any", None):
            return
        name = plain(operand)
        example = {"number": f"`{name} >= 50`", "money": f"`{name} >= 1000`", "choices": f'`{name} contains "…"`'}
        if isinstance(operand, tree.Today):
            example[kind] = "`today is after 2026-10-06`"
        shown = example.get(kind, f"`{name} is known`" if kind == "date" else f'`{name} is "…"` or `{name} is known`')
        self.problems.add("E303", operand.span, left=show(operand), example=shown)

    def second_value(self, value: tree.Quoted | tree.Number, before: tree.Compare) -> None:
        """`country is "DE" or "AT"`: a value that stands where a question is expected."""
        left, op, shown = plain(before.left), before.op, show(value)
        if op in ("is", "is not", "=") and isinstance(before.right, tree.Quoted | tree.Number):
            example = f"`{left} {'not in' if op == 'is not' else 'in'} ({show(before.right)}, {shown})`"
        else:
            example = f"`{left} {op} {shown}`"
        self.problems.add("E303", value.span, left=shown, example=example)

    # ── operands ─────────────────────────────────────────────────────────────────────────────────────────────────
    def kind(self, operand: Operand, place: Place, type: str | None = None, op: str = "") -> str | None:
        """How the operand compares; None after reporting that it does not exist. `type` and `op` are what it stands
        with, which tells the fields that can be meant."""
        match operand:
            case tree.Word(name=name, span=span):
                return self._field_kind(Text(name, span), place, type, op)
            case tree.Score(model=model, span=span):
                return self._score_kind(model, span, place)
            case tree.EventDatum(name=name, span=span) if place.kind == "where":
                return self._start_kind(Text(name, span), place)
            case tree.EventDatum(name=name, span=span):
                return self._datum_kind(Text(name, span), place)
            case tree.InterestCount(name=profile, span=span):
                return self._interest_kind(profile, span, place)
            case tree.Today():
                return "date"
            case tree.Shifted():
                return self._shifted_kind(operand, place)
            case tree.Age():
                return self._age_kind(operand, place)
            case tree.Quoted():
                return "text"
            case tree.Number():
                return self._number_kind(operand)

    def _field_kind(self, name: Text, place: Place, type: str | None, op: str = "") -> str | None:
        if place.kind == "where":
            return self._datum_kind(name, place)
        if name.value in FLAGS:
            return "flag"
        field = self.scope.fields.get(name.value)
        if field is not None:
            return KINDS.get(field.type, "text")
        if not self.scope.lost("field"):
            if name.value == "tracking":
                self.problems.add("E342", name.span)
            elif name.value == "stage":
                self.problems.add("E306", name.span, example=a_stage(self.scope))
            elif name.value in GROUPS and not near(name.value, self.scope.fields):
                hint = f'write `in {name.value} "…"`'
                self.problems.add("E307", name.span, thing=f"`{name.value}`", hint=hint)
            else:
                self._no_field(name, type, op, place)
        return None

    def _no_field(self, name: Text, type: str | None, op: str, place: Place) -> None:
        """Report a word that no field has, with the fields whose type fits, or the condition that it means, or the
        property of the event that has such a name."""
        if any(name.value in (self.scope.event_data(event) or {}) for event in place.last()):
            self.problems.add("E101", name.span, near=(f"event.{name.value}",), name=name.value)
            return
        if meant := as_condition(name, self.scope, alone=op == ALONE):
            self.problems.add("E101", name.span, near=meant, name=name.value)
            return
        known = fitting(self.scope.fields, type, "" if op == ALONE else op)
        score = {"score": None} if type in (None, "number") else {}
        unknown(self.problems, "E101", name, {**known, **score}, type=type or "text")

    def _score_kind(self, model: Text | None, span: tree.Span, place: Place) -> str | None:
        if place.kind == "scoring":
            self.problems.add("E522", span)
            return None
        if place.kind == "where":
            self.problems.add("E307", span, thing="the score", hint=WHERE_HINT)
            return None
        if model is not None and model.key not in self.scope.scorings and not self.scope.lost("scoring"):
            unknown(self.problems, "E110", model, self.scope.scorings)
            return None
        return "number"

    def _interest_kind(self, profile: Text, span: tree.Span, place: Place) -> str | None:
        if place.kind == "where":
            self.problems.add("E307", span, thing="an interest", hint=WHERE_HINT)
            return None
        check_interest(profile, self.scope, self.problems)
        return "number"

    def _datum_kind(self, name: Text, place: Place) -> str | None:
        if place.event is None:
            if place.kind in ("team", "scoring", "segment"):
                self.problems.add("E307", name.span, thing="`event`", hint="use a field; there is no event here")
                return None
            return check_datum(name, place.last(), self.scope, self.problems)
        data = self.scope.event_data(place.event)
        if name.value in FLAGS:
            return "flag"
        if data is None or spec_of(place.event) is None:
            return "any"
        if name.value in data:
            return KINDS.get(data[name.value], "text")
        hint = f"use {one_of(tuple(data))}" if data else "delete the condition; this event has no properties"
        close = near(name.value, data)
        if place.event.noun.value in CARRIERS and place.event.deed is None and data:
            hint += f"; or declare it: `{place.event.noun.value} has {name.value} text`"
        if not close and undeclared(name, place.event, self.scope, self.problems):
            return "any"
        what = f"`{place.event.noun.value} … {place.event.verb.value}`"
        self.problems.add("E117", name.span, near=close, event=what, name=name.value, hint=hint)
        return None

    def _shifted_kind(self, shifted: tree.Shifted, place: Place) -> str | None:
        base = self.kind(shifted.base, place)
        values.duration(shifted.offset, self.problems, longest=values.LIFETIME)
        if base not in ("date", "any", None):
            self.problems.add("E347", shifted.base.span, left=show(shifted.base), kind=WORDS[base])
            return None
        return "date"

    def _age_kind(self, age: tree.Age, place: Place) -> str | None:
        if age.word.value != "age":
            hint = ANNIVERSARY.format(age.field.value) if age.word.value == "anniversary" else "write `age of birthday`"
            self.problems.add("E348", age.span, near=near(age.word.value, ("age",)), word=age.word.value, hint=hint)
            return None
        if place.kind == "where":
            self.problems.add("E307", age.span, thing="an age", hint=WHERE_HINT)
            return None
        kind = self._field_kind(age.field, place, "date")
        if kind not in ("date", None):
            self.problems.add("E347", age.field.span, left=f"`{age.field.value}`", kind=WORDS[kind])
            return None
        return None if kind is None else "number"

    def _start_kind(self, name: Text, place: Place) -> str | None:
        """`event.…` inside `where`: of the event that started the run."""
        if place.start is None:
            self.problems.add("E344", name.span, name=name.value)
        elif place.event is not None and (place.event.times or place.event.absent):
            self.problems.add("E345", name.span, name=name.value)
        else:
            own = f"write `{name.value}` for this event's own value" if self._of_event(name.value, place) else ""
            return check_datum(name, place.start, self.scope, self.problems, own)
        return None

    def _number_kind(self, number: tree.Number) -> str | None:
        if number.unit is None and values.is_date(number.raw):
            return "date"
        if values.number(number.raw, number.span, self.problems) is None:
            return None
        return "money" if number.unit else "number"

    # ── values on the right ──────────────────────────────────────────────────────────────────────────────────────
    def _right(self, left: Operand, left_kind: str | None, right: Operand, place: Place) -> str | None:
        """A bare word on the right is a field, in `where` the event's; when there is none, quotes were probably
        forgotten."""
        if isinstance(right, tree.Word) and self.is_lead_field(right, place):
            self.lead_field(right)
            return None
        if isinstance(right, tree.Word) and self._of_event(right.name, place):
            return self.kind(right, place)
        if not isinstance(right, tree.Word) or right.name in FLAGS or right.name in self.scope.fields:
            return self.kind(right, place)
        type = None if left_kind == "any" else TYPES.get(left_kind or "", left_kind)
        fields = fitting(self.scope.fields, type)
        if left_kind == "date" and not near(right.name, fields):
            self.problems.add("E330", right.span, text=show(right), meant="2026-12-24")
        elif left_kind in AMOUNT and not near(right.name, (*fields, *MEANT)):
            self.problems.add("E207", right.span, text=right.name)
        elif left_kind is not None and not near(right.name, fields):
            about_email = isinstance(left, tree.Word) and left.name == "email"
            deed = as_condition(Text(right.name, right.span), self.scope, alone=True) if about_email else ()
            self.problems.add("E313", right.span, near=MEANT.get(right.name, deed), name=right.name)
        elif left_kind is not None:
            self.kind(right, place if place.kind != "where" else Place("flow"), type)
        return None

    def _of_event(self, name: str, place: Place) -> bool:
        return place.kind == "where" and place.event is not None and name in (self.scope.event_data(place.event) or {})

    def is_lead_field(self, word: tree.Word, place: Place) -> bool:
        """Whether a word on the right in `where` can only be meant as a field of the lead, which `where` cannot ask."""
        known = word.name in self.scope.fields and word.name not in FLAGS
        return place.kind == "where" and known and not self._of_event(word.name, place)

    def lead_field(self, word: tree.Word) -> None:
        self.problems.add("E346", word.span, name=word.name)

    def _literal(self, left: Operand, op: str, right: Operand, place: Place) -> None:
        field = self._field(left, place)
        if isinstance(right, tree.Number) and right.unit is not None:
            self._currency(left, right, place)
        if field is None or not isinstance(right, tree.Quoted) or op in ("<", "<=", ">", ">="):
            return
        if field.choices and op != "starts with" and not (op == "contains" and field.type == "choice"):
            if right.value.casefold() not in {choice.casefold() for choice in field.choices}:
                close = near(right.value, field.choices)
                text: dict[str, Any] = {"name": right.value, "field": field.name, "options": field.choices}
                self.problems.add("E115", right.span, near=close, **text)
        elif op in ("is", "is not") and field.type == "country":
            check_country(Text(right.value, right.span), self.problems)
        elif op in ("is", "is not") and field.type == "language":
            check_spoken(Text(right.value, right.span), self.scope, self.problems)
        elif op in ("is", "is not") and field.type == "timezone":
            check_zone(Text(right.value, right.span), self.problems)

    def _field(self, operand: Operand, place: Place) -> LeadField | None:
        if not isinstance(operand, tree.Word):
            return None
        if place.event is not None and operand.name not in (self.scope.event_data(place.event) or {}):
            return None
        return self.scope.fields.get(operand.name)

    def _currency(self, left: Operand, amount: tree.Number, place: Place) -> None:
        workspace = self.scope.workspace
        currency = workspace.currency.value if workspace and workspace.currency else "EUR"
        if amount.unit and self.kind(left, place) == "number" and amount.unit.value.upper() not in CURRENCIES:
            unit = amount.unit
            self.problems.add("E307", unit.span, thing=f"`{unit.value}`", hint=f"write `{amount.raw}`, without a unit")
        elif amount.unit and amount.unit.value != currency:
            words: dict[str, Any] = {"found": amount.unit.value, "currency": currency, "amount": amount.raw}
            self.problems.add("E308", amount.span, **words)


def check_datum(
    name: Text, last: tuple[tree.Event, ...], scope: Scope, problems: Problems, own: str | None = None
) -> str | None:
    """How `event.NAME` compares where one of these events has happened last; None after reporting that none of them
    has it. For those without it the value is missing, like a field that a lead lacks. Inside `where` they are those
    that start the run, and `own` is the help about the event's own value, which may be empty."""
    known: dict[str, str] = {}
    for event in last:
        data = scope.event_data(event)
        if data is None or spec_of(event) is None:
            return "any"
        for datum, type in data.items():
            kind = KINDS.get(type, "text")
            known[datum] = kind if known.get(datum, kind) == kind else "any"
    if name.value not in known:
        close = near(name.value, known) if own is None else ()
        if not close and any(undeclared(name, event, scope, problems) for event in last):
            return "any"
        problems.add("E343", name.span, near=close, name=name.value, hint=_other_properties(tuple(known), own))
    return known.get(name.value)


def undeclared(name: Text, event: tree.Event, scope: Scope, problems: Problems) -> bool:
    """Whether the event may carry more than is known because nobody declared what; that is a warning."""
    noun = event.noun.value
    if noun not in OPEN or noun in scope.carried:
        return False
    problems.add("W134", name.span, noun=noun, name=name.value)
    return True


def _other_properties(known: Sequence[str], own: str | None) -> str:
    """What to write instead of a property that no event has."""
    options = one_of([f"event.{name}" for name in known])
    if own is None:
        return f"use {options}" if known else "use a field of the lead"
    of_start = f"use {options}, which the event that starts the run has" if known else ""
    nothing = "delete the condition; the event that starts the run has no properties"
    return ", or ".join(part for part in (own, of_start) if part) or nothing
