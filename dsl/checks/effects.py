"""Steps that can have no effect, as far as the steps and conditions before them show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from dsl.names.scope import Scope
from dsl.names.steps import find_entered, find_steps
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Condition, Event, Statement, Text

Member = tuple[str, str]
"""`list` or `topic`, and the name regardless of case."""


@dataclass(frozen=True)
class _Known:
    """What holds for every lead that comes to a step: the stage it has at least reached, by its place in the order, and
    the lists and topics it is in or not in."""

    stage: int | None = None
    members: Mapping[Member, bool] = field(default_factory=dict)

    def both(self, other: _Known) -> _Known:
        """What holds on two ways that meet."""
        stage = None if self.stage is None or other.stage is None else min(self.stage, other.stage)
        same = {key: inside for key, inside in self.members.items() if other.members.get(key) is inside}
        return _Known(stage, same)

    def at_least(self, stage: int) -> _Known:
        return replace(self, stage=max(stage, -1 if self.stage is None else self.stage))

    def member(self, key: Member, inside: bool | None) -> _Known:
        rest = {one: value for one, value in self.members.items() if one != key}
        return replace(self, members=rest if inside is None else {**rest, key: inside})


NOTHING = _Known()


def check_effects(scope: Scope) -> list[Diagnostic]:
    if scope.lost("lifecycle", "stage", "campaign", "team"):
        return []
    others, found = (find_entered(scope), _goes_back(scope)), list[Diagnostic]()
    for campaign in scope.program.campaigns:
        found += scope.memory.keep("effects", campaign, others, partial(_find_effects, scope, *others, campaign))
    return found


def _goes_back(scope: Scope) -> bool:
    """Whether a step or a time limit takes leads back to an earlier stage."""
    limits = [limit for team in scope.program.teams for limit in (team.acknowledge, team.contact, team.decide) if limit]
    recycles = any(find_steps(scope, campaign, tree.Recycle) for campaign in scope.program.campaigns)
    return recycles or any(limit.then.kind == "recycle" for limit in limits)


def _find_effects(scope: Scope, entered: frozenset[str], back: bool, campaign: Campaign) -> list[Diagnostic]:
    walk = _Walk(scope, Problems(), entered, back)
    walk.topic = campaign.topic
    walk.block(campaign.flow, walk.entering(campaign))
    sides = [(one.event, one.body) for one in campaign.whenevers]
    for event, body in (*sides, *((one.event, one.body) for one in campaign.leaves)):
        walk.block(body, walk.after_event(event))
    return walk.problems.found


class _Walk:
    def __init__(self, scope: Scope, problems: Problems, entered: frozenset[str], back: bool) -> None:
        self.scope, self.problems, self.entered = scope, problems, entered
        self.topic: Text | None = None
        self.order = [name for name, stage in scope.stages.items() if not stage.outside]
        self.falls = back or len(self.order) < len(scope.stages)
        """Whether a lead can lose a stage that it has reached."""

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────
    def entering(self, campaign: Campaign) -> _Known:
        if campaign.schedules or not campaign.starts or campaign.name.key in self.entered:
            return NOTHING
        return _together(self._given(start.only_if, self.after_event(start.event)) for start in campaign.starts)

    def after_event(self, event: Event) -> _Known:
        """What an event itself says of its lead."""
        if event.absent is not None or event.times is not None:
            return NOTHING
        noun, verb, name = event.noun.value, event.verb.value, event.name
        if (noun, verb) == ("lead", "becomes") and event.subject and event.subject.value in self.order:
            return NOTHING.at_least(self.order.index(event.subject.value))
        if noun in ("list", "topic") and name is not None and "*" not in name.value:
            return NOTHING.member((noun, name.key), verb != "left")
        return NOTHING

    def _given(self, conditions: Iterable[Condition], known: _Known) -> _Known:
        """What holds besides where these conditions do."""
        for one in conditions:
            match one:
                case tree.And(items=items):
                    known = self._given(items, known)
                case (
                    tree.AtLeast(right=tree.Word(name=name))
                    | tree.Compare(left=tree.Word(name="stage"), op="is", right=tree.Word(name=name))
                ) if name in self.order:
                    known = known.at_least(self.order.index(name))
                case tree.Membership(group=group, name=listed, negated=negated) if group.value == "list":
                    known = known.member(("list", listed.key), not negated)
                case tree.Not(item=tree.Membership(group=group, name=listed, negated=False)) if group.value == "list":
                    known = known.member(("list", listed.key), False)
                case tree.Subscribed(topic=topic):
                    known = known.member(("topic", topic.key), True)
                case tree.Not(item=tree.Subscribed(topic=topic)):
                    known = known.member(("topic", topic.key), False)
                case _:
                    pass
        return known

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def block(self, block: Block, known: _Known) -> _Known | None:
        """What is known at its end; None where no lead gets there."""
        for statement in block:
            after = self._step(statement, known)
            if after is None:
                return None
            known = after
        return known

    def _step(self, statement: Statement, known: _Known) -> _Known | None:
        match statement:
            case tree.Stop() | tree.Enter(move=True):
                return None
            case tree.Qualify(stage=stage):
                return self._qualify(stage, known)
            case tree.Recycle(stage=stage):
                if stage and stage.value in self.scope.stages and stage.value not in self.order:
                    hint = f"write `qualify as {stage.value}`"
                    self._nothing(stage, f"`{stage.value}` is outside the order, so no lead goes back to it", hint)
                return replace(known, stage=None)
            case tree.ListStep(name=name, remove=remove):
                return self._member("list", name, remove, known)
            case tree.TopicStep(topic=topic, remove=remove):
                after = self._member("topic", topic, remove, known)
                return after if remove else after.member(("topic", topic.key), None)
            case tree.SetField(field=target, value=tree.Word(name=same), add=False) if same == target.value:
                hint = "set it to another field or value, or delete the line"
                self._nothing(target, f"`{same}` is set to itself", hint)
                return known
            case tree.If(branches=branches, otherwise=otherwise):
                ends = [self.block(body, self._given((asked,), known)) for asked, body in branches]
                ends.append(self.block(otherwise or (), known))
                return _met(ends)
            case tree.Send():
                self._send(statement, known)
                return known
            case tree.Split() | tree.VariantTest() | tree.NextOf():
                return _met([self.block(way, known) for way in tree.bodies(statement)])
            case tree.Wait() | tree.HandOff() | tree.Repeat():
                for body in tree.bodies(statement):
                    self.block(body, self._later(known))
                return self._later(known)
            case tree.AddPoints() | tree.SetField() | tree.Notify() | tree.Post():
                return known
            case tree.Enter() | tree.LeaveCampaign():
                return known

    def _later(self, known: _Known) -> _Known:
        """What is left of it after some time, in which anything may have happened."""
        return NOTHING if self.falls else _Known(known.stage)

    def _qualify(self, stage: Text, known: _Known) -> _Known:
        if stage.value not in self.order:
            return replace(known, stage=None)
        place = self.order.index(stage.value)
        if place == 0 and len(self.order) == len(self.scope.stages):
            self._nothing(stage, f"every lead is at least {stage.value}", "delete the line")
            return known.at_least(0)
        if known.stage is not None and known.stage >= place:
            there = self.order[known.stage]
            hint = f'delete the line; to move a lead back write `recycle to {stage.value} because "…"`'
            self._nothing(stage, f"every lead here is at least {there}, and `qualify` never moves a lead back", hint)
        return known.at_least(place)

    def _member(self, kind: str, name: Text, remove: bool, known: _Known) -> _Known:
        key = (kind, name.key)
        if known.members.get(key) is (not remove):
            state = "not in" if remove else "already in"
            self._nothing(name, f"every lead here is {state} {kind} `{name.value}`", "delete the line")
        return known.member(key, not remove)

    def _send(self, send: tree.Send, known: _Known) -> None:
        """A marketing email about a topic that every lead here has left, where emails need consent."""
        workspace, topic = self.scope.workspace, self.topic
        if topic is None or workspace is None or send.mode == "transactional" or not workspace.mail_needs_consent:
            return
        if known.members.get(("topic", topic.key)) is False:
            why = f"no lead here is subscribed to topic `{topic.value}`"
            self._nothing(send.template, why, "move it to another campaign, or add `as transactional` to a reply")

    def _nothing(self, name: Text, why: str, hint: str) -> None:
        self.problems.add("E650", name.span, why=why, hint=hint)


def _met(ends: list[_Known | None]) -> _Known | None:
    left = [one for one in ends if one is not None]
    return _together(left) if left else None


def _together(ways: Iterable[_Known]) -> _Known:
    found: _Known | None = None
    for one in ways:
        found = one if found is None else found.both(one)
    return found or NOTHING
