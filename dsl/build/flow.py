"""Campaigns and their flows: rows become statements, and `otherwise`, `or for` and cases join what they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dsl import plan
from dsl.build.steps import steps
from dsl.build.waits import WAITS, wait_until
from dsl.text import values
from dsl.text.expressions import text_of
from dsl.text.reader import Reader, Row, label_of
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Span, Statement, Text


class Flows:
    """Builds blocks of statements."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.problems = reader.problems

    def block(self, rows: Iterator[Row]) -> Block:
        """Statements in order; a row that continues the statement before it is merged into that."""
        done: list[Statement] = []
        closed = False
        for row in rows:
            if row.rule in ("otherwise", "otherwise_if", "or_for"):
                closed = self._attach(done, row, closed)
            else:
                made = self._statements(row)
                done += made
                closed = closed and not made
        return tuple(done)

    def _attach(self, done: list[Statement], row: Row, closed: bool) -> bool:
        """Join an `otherwise` or `or for` to the last statement. Returns whether that has its `otherwise` now."""
        self.reader.needs_block(row) if row.rule != "or_for" else None
        body = self.block(self.reader.below(row))
        owner = done[-1] if done else None
        head = {"otherwise": "otherwise", "otherwise_if": "otherwise if", "or_for": "or for"}[row.rule]
        if closed and isinstance(owner, tree.If | tree.Wait):
            if row.rule == "otherwise":
                assert owner.otherwise is not None
                self.problems.add("E405", row.span, what="otherwise")
            else:
                self.problems.add("E407", row.span, head=head)
            return True
        match row.rule, owner:
            case "otherwise_if", tree.If():
                done[-1] = replace(owner, branches=(*owner.branches, (row.args[0], body)))
                return False
            case "or_for", tree.Wait() if owner.arms:
                done[-1] = replace(owner, arms=(*owner.arms, tree.Arm(row.args[0], body, row.span)))
                return False
            case "otherwise", tree.If():
                done[-1] = replace(owner, otherwise=body)
                return True
            case "otherwise", tree.Wait():
                self._otherwise_of_wait(owner, row)
                done[-1] = replace(owner, otherwise=body)
                return True
            case _:
                self.problems.add("E406", row.span, head=head, hint=_belongs(row.rule))
                return False

    def _otherwise_of_wait(self, owner: tree.Wait, row: Row) -> None:
        if owner.arms and owner.until is None:
            self.problems.add("E408", row.span)
        elif not owner.arms and isinstance(owner.until, plan.After):
            self.problems.add("E409", row.span)

    def _statements(self, row: Row) -> tuple[Statement, ...]:
        made = self._statement(row)
        return (made,) if made is not None else steps(row, self.problems)

    def _statement(self, row: Row) -> Statement | None:
        if row.rule in WAITS:
            return wait_until(row, self.problems)
        match row.rule:
            case "wait":
                return self._wait(row)
            case "wait_for":
                return self._wait_for(row)
            case "if_":
                self.reader.needs_block(row)
                body = self.block(self.reader.below(row))
                return tree.If(row.span, ((row.args[0], body),), label=label_of(row.args[1]))
            case "split":
                return tree.Split(row.span, self._ways(row), label_of(row.args[0]))
            case "test":
                return self._test(row)
            case "repeat":
                return self._repeat(row)
            case "hand_off":
                return self._hand_off(row)
            case _:
                return None

    def _ways(self, row: Row) -> tuple[tree.Way, ...]:
        """The arms of a split or the variants of a test."""
        self.reader.needs_block(row)
        ways = []
        for below in self.reader.below(row):
            percent = values.percent(below.args[0], self.problems) if below.rule == "arm" else None
            body = self.block(self.reader.below(below))
            ways.append(tree.Way(text_of(below.args[-1]), body, below.span, percent))
        return tuple(ways)

    def _test(self, row: Row) -> Statement:
        name, share, length, by, rest, label = row.args
        percent = values.percent(share, self.problems) or 100
        lasts = values.duration(length, self.problems) or plan.Duration(days=1)
        waits = rest.data == "rest_waits" if rest is not None else None
        ways = self._ways(row)
        return tree.VariantTest(text_of(name), row.span, percent, lasts, text_of(by), ways, label_of(label), waits)

    def _repeat(self, row: Row) -> Statement:
        count, length, until, label = row.args
        if count is None and row.whole:
            self.problems.add("E626", row.span)
        times = values.whole(count, self.problems) if count is not None else None
        every = values.duration(length, self.problems) if length else None
        if every is None and (length or count is None):
            every = plan.Duration(days=1)  # reported here; that the rounds need a pause would be an echo
        self.reader.needs_block(row)
        body = self.block(self.reader.below(row))
        return tree.Repeat(row.span, times or 1, every, until, body, label_of(label))

    def _wait(self, row: Row) -> Statement:
        duration = values.duration(row.args[0], self.problems)
        until = plan.After(duration=duration or plan.Duration(days=1))
        return tree.Wait(row.span, label_of(row.args[1]), until)

    def _wait_for(self, row: Row) -> Statement:
        limit, event, label = row.args
        duration = values.duration(limit, self.problems) if limit else None
        until = plan.After(duration=duration or plan.Duration(days=1)) if limit else None
        arm = tree.Arm(event, self.block(self.reader.below(row)), row.span)
        return tree.Wait(row.span, label_of(label), until, (arm,))

    def _hand_off(self, row: Row) -> Statement:
        receiver, stage, label = row.args
        to_owner = receiver.data == "to_lead_owner"
        to = receiver.children[0] if to_owner else receiver
        note: Text | None = None
        cases: list[tree.Case] = []
        seen: dict[str, Span] = {}
        for below in self.reader.below(row):
            if below.rule == "note":
                self.reader.twice(seen, "note", below)
                note = self._note(below)
            else:
                cases.append(self._case(below, seen))
        return tree.HandOff(
            row.span,
            text_of(to.children[0]) if to and to.children else None,
            text_of(stage) if stage else None,
            label_of(label),
            note,
            tuple(cases),
            owner=to_owner,
        )

    def _note(self, row: Row) -> Text | None:
        """A text, or a value as the template that shows it."""
        value = row.args[0]
        match value:
            case tree.Quoted(value=said):
                shown = said
            case tree.EventDatum(name=name):
                shown = f'{{{{ event.{name}|default("") }}}}'
            case tree.Word(name=name):
                own = f"lead.{name}" if name not in SHOWN else name
                shown = f'{{{{ {own}|default("") }}}}'
            case _:
                self.reader.problems.add("E532", value.span)
                return None
        return Text(shown, value.span)

    def _case(self, row: Row, seen: dict[str, Span]) -> tree.Case:
        outcome = row.rule.removeprefix("when_")
        reason = text_of(row.args[0]) if row.args and row.args[0] else None
        self.reader.needs_block(row)
        self.reader.twice(seen, f"when {outcome}" + (f' because "{reason.key}"' if reason else ""), row)
        return tree.Case(outcome, reason, self.block(self.reader.below(row)), row.span)


SHOWN = ("score", "stage", "interests", "greeting")
"""Names of a template that are no fields."""


def _belongs(rule: str) -> str:
    if rule == "or_for":
        return "move it after the block of a `wait for …`, at the same depth"
    if rule == "otherwise_if":
        return "move it after the block of an `if`, at the same depth"
    return "move it after the block of an `if` or a `wait`, at the same depth"
