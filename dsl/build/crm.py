"""`crm` declarations."""

from __future__ import annotations

from dataclasses import replace

from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text.expressions import text_of
from dsl.text.reader import Reader, Row
from dsl.text.vocabulary import OUTCOMES
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span

WINNERS = {"ours": "ours", "theirs": "theirs", "newest": "newest"}
ENDS = ("won", "lost")


def crm(row: Row, reader: Reader) -> tree.Crm:
    reader.needs_block(row)
    built = tree.Crm(text_of(row.args[0]), text_of(row.args[1]), row.span)
    seen: dict[str, Span] = {}
    for line in reader.below(row):
        if line.rule == "crm_sends_from":
            reader.twice(seen, "sends leads from stage", line)
        built = _line(built, line, reader.problems)
    return built


def _line(built: tree.Crm, row: Row, problems: Problems) -> tree.Crm:
    args = row.args
    match row.rule:
        case "crm_sends_from":
            return replace(built, stage=text_of(args[0]))
        case "crm_sends":
            sent = tuple(tree.CrmSent(one.children[0], text_of(one.children[1])) for one in args)
            return replace(built, sends=built.sends + sent)
        case "crm_reads":
            read = tuple((text_of(one.children[0]), text_of(one.children[1])) for one in args)
            return replace(built, reads=built.reads + read)
        case "crm_conflict":
            field, winner = map(text_of, args)
            if winner.value not in WINNERS:
                hint = f"`conflict {field.value} newest wins`, or `theirs wins`, or `ours wins`"
                problems.add("E523", winner.span, what="the winner of a conflict", text=winner.value, hint=hint)
            return replace(built, conflicts=(*built.conflicts, (field, winner)))
        case "crm_deal":
            _, noun, stage, end = map(text_of, args)
            if noun.value != "stage":
                hint = f'`deal stage "{stage.value}" is won`'
                problems.add("E523", noun.span, what="what a deal is judged by", text=noun.value, hint=hint)
            if end.value not in ENDS:
                hint = f'`deal stage "{stage.value}" is won` or `deal stage "{stage.value}" is lost`'
                problems.add("E523", end.span, what="the meaning of a deal stage", text=end.value, hint=hint)
            return replace(built, deals=(*built.deals, (stage, end)))
        case _:
            outcome, field, value = map(text_of, args[:3])
            because = text_of(args[3]) if args[3] is not None else None
            if outcome.value not in OUTCOMES:
                close = near(outcome.value, OUTCOMES)
                problems.add("E401", outcome.span, near=close, text=outcome.value, allowed=OUTCOMES, context="crm")
            if because is not None and outcome.value != "rejected":
                problems.add("E563", because.span, outcome=outcome.value)
            return replace(built, outcomes=(*built.outcomes, tree.CrmOutcome(outcome, field, value, because)))
