"""Statements without a block of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.expressions import text_of
from dsl.text.lexer import Lexeme, span_of
from dsl.text.reader import Row, label_of
from dsl.tree import declarations as tree
from dsl.tree.declarations import Operand, Span, Statement, Text

_SUFFIXES = {"as_trigger": "as trigger", "as_transactional": "as transactional", "step": "as step"}


def steps(row: Row, problems: Problems) -> tuple[Statement, ...]:
    """The statements of a line: one for each name in those that take several; a label belongs to the first."""
    if row.rule not in SEVERAL:
        made = _step(row, problems)
        return (made,) if made is not None else ()
    names, label = row.args
    return tuple(_named(row, name, label_of(label) if number == 0 else None) for number, name in enumerate(names))


SEVERAL = ("add_to_list", "remove_from_list", "subscribe", "unsubscribe", "enter", "leave")


def _named(row: Row, name: Text, label: Text | None) -> Statement:
    match row.rule:
        case "add_to_list" | "remove_from_list":
            return tree.ListStep(name, row.rule == "remove_from_list", row.span, label)
        case "subscribe" | "unsubscribe":
            return tree.TopicStep(name, row.rule == "unsubscribe", row.span, label)
        case "enter":
            return tree.Enter(name, row.span, label)
        case _:
            return tree.LeaveCampaign(name, row.span, label)


def _step(row: Row, problems: Problems) -> Statement | None:
    args, span = row.args, row.span
    label = label_of(args[-1]) if args and row.rule not in ("send", "send_next") else None
    match row.rule:
        case "send":
            return _send(text_of(args[0]), args[1:], row, problems)
        case "send_next":
            return _send_next(row, problems)
        case "add":
            return tree.AddPoints(_amount(row, problems), text_of(args[1]) if args[1] else None, span, label)
        case "count_up":
            amount = _amount(row, problems)
            shown = tree.Number(f"{amount:g}", None, span_of(args[0]))
            return tree.SetField(text_of(args[1]), shown, span, add=True, label=label)
        case "set_field":
            empty = isinstance(args[1], tree.Word) and args[1].name == "nothing"
            return tree.SetField(text_of(args[0]), None if empty else args[1], span, label=label)
        case "qualify":
            return tree.Qualify(text_of(args[0]), span, label)
        case "recycle_lead":
            return tree.Recycle(text_of(args[0]) if args[0] else None, text_of(args[1]), span, label)
        case "notify" | "notify_because":
            return _notify(row, label, problems)
        case "post":
            pairs = _pairs(args[1]) if args[1] is not None else ()
            return tree.Post(text_of(args[0]), pairs, span, label)
        case "move":
            return tree.Enter(text_of(args[0]), span, label, move=True)
        case "stop":
            return tree.Stop(span, label)
        case _:
            return None


def _amount(row: Row, problems: Problems) -> float:
    amount = values.number(str(row.args[0]), span_of(row.args[0]), problems)
    if amount == 0:
        problems.add("E521" if row.rule == "add" else "E629", row.span)
    if row.rule == "add":
        values.check_points(amount, row.args[0], problems)
    return amount or 0


def _pairs(part: Any) -> tuple[tuple[Text, Operand], ...]:
    """`with name = value, …`."""
    return tuple((text_of(pair.children[0]), pair.children[2]) for pair in part.children)


def _send_next(row: Row, problems: Problems) -> Statement:
    """One mail for each round, each with the suffixes of the line."""
    names = [part for part in row.args if isinstance(part, Lexeme)]
    last, *suffixes = row.args[len(names) :]
    again = last.data == "starts_again" if last is not None else None
    sends = [_send(text_of(name), suffixes, row, problems if name is names[0] else Problems()) for name in names]
    unnamed = tuple(replace(send, label=None) for send in sends)
    return tree.NextOf(unnamed, row.span, again, sends[0].label)


def _send(template: Text, suffixes: Sequence[Any], row: Row, problems: Problems) -> tree.Send:
    seen: dict[str, Span] = {}
    said: dict[str, Any] = {}
    for suffix in suffixes:
        kind = suffix.data
        if kind in seen:
            problems.add("E608", row.span, what=_SUFFIXES.get(kind, kind))
        seen[kind] = row.span
        if kind == "with":
            said["values"] = said.get("values", ()) + _pairs(suffix)
        elif kind == "within":
            said["within"] = values.duration(suffix.children[0], problems)
        elif kind == "testing":
            said["subjects"] = tuple(text_of(token) for token in suffix.children)
        elif kind == "step":
            said["label"] = label_of(suffix)
        else:
            said["mode"] = kind.removeprefix("as_")
    if {"as_trigger", "as_transactional"} <= seen.keys():
        problems.add("E607", row.span, first="trigger", second="transactional")
    return tree.Send(template, row.span, **said)


def _notify(row: Row, label: Text | None, problems: Problems) -> Statement:
    """With its template, or with a reason alone; `because` gives what it says as `reason`."""
    named = row.rule == "notify"
    first, template, others, given, because = (
        row.args[:-1] if named else (row.args[0], None, row.args[1], None, row.args[2])
    )
    receivers = tuple(_receiver(part, row) for part in (first, *others.children))
    values = _pairs(given) if given is not None else ()
    if because is not None:
        reason = because.children[0]
        if any(name.key == "reason" for name, _ in values):
            problems.add("E608", row.span, what="reason")
        values = (*values, (Text("reason", reason.span), reason))
    return tree.Notify(receivers, text_of(template) if template is not None else None, row.span, label, values)


def _receiver(part: Any, row: Row) -> tree.Receiver:
    kind = {"to_address": "address", "to_owner": "owner", "of_team": "team"}[str(part.data)]
    name = text_of(part.children[0]) if part.children else None
    return tree.Receiver(kind, name, name.span if name else row.span)
