"""The diff between two programs: empty for equal ones, and without a gap for others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from dsl.plan import Plan, Program
from engine.rules.deploying.changes import BUILT, Changes, Part, compare, compare_steps
from engine.rules.deploying.moves import Moved, Stays, Times, move, step_map
from engine.rules.runs.position import FLOW, Branch, Position
from tests.support.attacks import FORMS, HEAD
from tests.support.examples import examples

CAMPAIGN = """
campaign "Guide"
    starts when form "in" is submitted
    flow
        send "one"
        wait 2 days
        send "two"
        wait 3 days as step "pause"
        send "three"
"""


def program(text: str) -> Program:
    names = {f"templates/{name}.md" for name in ("one", "two", "three", "four", "five")}
    compiled = compile_workspace({"campaigns/test.campaign": HEAD + FORMS + text}, names)
    assert compiled.program is not None, "\n".join(one.message for one in compiled.diagnostics)
    return compiled.program


def parts(after: str, before: str = CAMPAIGN) -> list[tuple[str, str]]:
    changes = compare(program(before), program(after))
    [campaign] = changes.campaigns
    assert (campaign.kind, campaign.name) == ("changed", "Guide")
    return [(part.kind, part.what) for part in campaign.parts]


def test_a_program_does_not_differ_from_itself_nor_from_one_whose_lines_have_moved():
    assert not compare(program(CAMPAIGN), program(CAMPAIGN))
    assert not compare(program(CAMPAIGN), program("\n\n# a comment\n" + CAMPAIGN))


def test_a_new_step_a_removed_one_and_another_duration():
    assert parts(CAMPAIGN.replace('send "two"', 'send "two"\n        add 5 points')) == [("added", "`add … points`")]
    assert parts(CAMPAIGN.replace("        wait 2 days\n", "")) == [("removed", "`wait`")]
    assert parts(CAMPAIGN.replace("2 days", "4 days")) == [("changed", "`wait`")]
    assert parts(CAMPAIGN.replace("3 days", "4 days")) == [("changed", "`wait`")]
    assert parts(CAMPAIGN.replace('send "three"', 'send "four" as step "pause 2"')) == [("changed", "`send`")]


def test_a_step_elsewhere_is_one_that_moved():
    moved = CAMPAIGN.replace('        send "one"\n', "") + '        send "one"\n'
    assert parts(moved) == [("moved", "`send`")]


def test_a_block_that_reaches_further_is_seen_although_no_step_is_new():
    before = CAMPAIGN + "        if company is known\n            add 5 points\n        add 7 points\n"
    after = CAMPAIGN + "        if company is known\n            add 5 points\n            add 7 points\n"
    assert parts(after, before) != []
    assert all(kind == "moved" for kind, what in parts(after, before) if what != BUILT)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("    enters every time", "how often a lead may enter"),
        ('    leaves when form "go" is submitted', "leaving line"),
        ("    sends on weekdays between 08:00 and 18:00", "sending hours"),
        ('    starts when form "go" is submitted', "start"),
    ],
)
def test_lines_of_a_campaign_are_named(line: str, what: str):
    after = CAMPAIGN.replace("    flow", f"{line}\n    flow")
    assert [name for _, name in parts(after)] == [what]


def test_campaigns_come_and_go():
    other = CAMPAIGN.replace("Guide", "Other")
    changes = compare(program(CAMPAIGN), program(other))
    assert [(one.kind, one.name) for one in changes.campaigns] == [("added", "Other"), ("removed", "Guide")]
    assert [one.kind for one in compare(None, program(CAMPAIGN)).campaigns] == ["added"]


def test_declarations_and_files_are_named_with_what_differs():
    form = '\nform "more"\n    ask email required\n'
    more = compare(program(CAMPAIGN), program(CAMPAIGN + form))
    assert [(one.kind, one.what, one.name) for one in more.declarations] == [("added", "form", "more")]
    changed = compare(program(CAMPAIGN + form), program(CAMPAIGN + form + "    ask company\n"))
    [one] = changed.declarations
    assert [(part.kind, part.what) for part in one.parts] == [("changed", "the fields it asks for")]
    rules = "\nscoring\n    +5 when page is visited\n"
    scored = compare(program(CAMPAIGN + rules), program(CAMPAIGN + rules + "    +9 when email is clicked\n"))
    [one] = scored.declarations
    assert [(part.kind, part.what, part.new) for part in one.parts] == [
        ("added", "its rules", one.parts[0].new),
    ]  # fmt: skip
    files = compare(
        program(CAMPAIGN), program(CAMPAIGN), {"templates/a.md": "1", "files/x": "1"}, {"templates/a.md": "2"}
    )
    assert [(one.kind, one.what, one.name) for one in files.files] == [
        ("removed", "file", "x"), ("changed", "template", "a.md"),
    ]  # fmt: skip


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────────
SIMPLE = st.sampled_from(
    ['send "one"', 'send "two"', "wait 1 day", "wait 2 days", "add 5 points", "add 7 points", "wait until friday 09:00"]
)


def block(depth: int) -> st.SearchStrategy[list[str]]:
    inner = block(depth - 1) if depth else st.just(["add 1 points"])
    nested = inner.map(lambda lines: ["if company is known", *[f"    {line}" for line in lines]])
    waits = inner.map(
        lambda lines: ['wait up to 2 days for form "go" is submitted', *[f"    {line}" for line in lines]]
    )
    statement = st.one_of(SIMPLE.map(lambda line: [line]), *([nested, waits] if depth else []))
    return st.lists(statement, min_size=1, max_size=4).map(lambda many: [line for one in many for line in one])


@st.composite
def flows(draw: st.DrawFn) -> str:
    lines = draw(block(2))
    label = draw(st.integers(0, len(lines) - 1))
    if draw(st.booleans()) and not lines[label].startswith(("if", "    ")):
        lines[label] += ' as step "here"'
    body = "\n".join(f"        {line}" for line in lines)
    return f'\ncampaign "Guide"\n    starts when form "in" is submitted\n    flow\n{body}\n        add 9 points\n'


def bare(plan: Plan) -> dict[str, Any]:
    apart = {"id", "source", "next", "then", "missed", "otherwise", "target"}

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(one) for key, one in value.items() if key not in apart}
        return [strip(one) for one in value] if isinstance(value, list) else value

    return {step.id: strip(step.model_dump(mode="json")) for step in plan.steps}


@examples(120)
@given(flows(), flows())
def test_every_changed_step_appears_and_no_other_change_hides(before: str, after: str):
    old, new = program(before), program(after)
    changes: Changes = compare(old, new)
    assert bool(changes) == (old.digest != new.digest)
    assert not compare(old, old)
    [one], [other] = old.campaigns, new.campaigns
    found: list[Part] = compare_steps(one, other)
    was, now = bare(one), bare(other)
    told = {part.id for part in found if part.kind != "added"}
    assert {id for id in was if was[id] != now.get(id)} <= told
    told = {part.new_id for part in found if part.kind != "removed"}
    assert {id for id in now if now[id] != was.get(id)} <= told
    assert len(found) == len({(part.id, part.new_id) for part in found})
    removed = sum(part.kind == "removed" for part in found)
    added = sum(part.kind == "added" for part in found)
    assert len(one.steps) - removed + added == len(other.steps)


@examples(120)
@given(flows(), flows(), st.data())
def test_a_run_is_moved_to_a_step_of_the_new_plan_or_stays(before: str, after: str, data: st.DataObject):
    from datetime import UTC, datetime

    [old], [new] = program(before).campaigns, program(after).campaigns
    at = data.draw(st.sampled_from([step.id for step in old.steps]))
    done = set(data.draw(st.lists(st.sampled_from([(step.id, "0") for step in old.steps]), max_size=3)))
    now = datetime(2026, 9, 1, tzinfo=UTC)
    position = Position((Branch(FLOW, at, "0", 1, arrived=now, deadline=now),), seen=1)
    where = move(old, new, position, done, Times("UTC", program(before).workspace.business_hours))
    if isinstance(where, Stays):
        assert where.reason
        assert step_map(old, new)[at] is None or where.gone or done
    else:
        assert isinstance(where, Moved)
        [branch] = where.position.branches
        assert branch.at == step_map(old, new)[at]
        assert (branch.at, "0") not in done
        assert (branch.cursor, branch.visit) == (1, "0")
    same = move(old, old, position, (), Times("UTC", program(before).workspace.business_hours))
    assert same == Moved(position, False)
