"""One campaign becomes a plan: blocks become a flat graph in which every step knows the one after it."""

from __future__ import annotations

from typing import Any, TypeVar, assert_never

from dsl import plan
from dsl.lower.conditions import condition, pattern
from dsl.lower.moments import first_moment
from dsl.lower.operands import declared, operand, scoring_name
from dsl.names.ids import Ids
from dsl.names.scope import Scope
from dsl.names.walk import all_statements, blocks, bodies, in_bulk, statements
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Statement

WITHIN = plan.Duration(days=7)
_PRIORITIES: dict[str, Any] = {"high": "high", "low": "low"}
_Way = TypeVar("_Way", plan.Arm, plan.Branch, plan.SplitArm, plan.Variant, plan.Case)
_METRICS: dict[str, Any] = {metric: metric for metric in ("clicks", "opens", "replies", "goal")}


def lower_campaign(campaign: Campaign, scope: Scope) -> plan.Plan:
    graph = _Graph(campaign, scope)
    entry = graph.block(campaign.flow, None)
    whenevers = tuple(graph.whenever(whenever) for whenever in campaign.whenevers)
    leaves = tuple(graph.leave(leave) for leave in campaign.leaves)
    topic = scope.topics.get(campaign.topic.key) if campaign.topic else None
    return plan.Plan(
        campaign=campaign.name.value,
        source=campaign.span.source,
        starts=(
            *(_start(start, scope) for start in campaign.starts),
            *(_schedule(schedule, scope) for schedule in campaign.schedules),
        ),
        reentry=campaign.reentry,
        leaves=leaves,
        whenevers=whenevers,
        topic=topic.name.value if topic else None,
        sender=campaign.sender.value if campaign.sender else None,
        from_owner=campaign.from_owner,
        windows=campaign.windows,
        runs=campaign.runs,
        goal=graph.goal(campaign.goal) if campaign.goal else None,
        costs=tuple(cost.amount for cost in campaign.costs),
        priority=_PRIORITIES.get(campaign.priority.value, "") if campaign.priority else "",
        control=campaign.control,
        entry=entry,
        steps=graph.in_order(),
    )


def _start(start: tree.Trigger, scope: Scope) -> plan.Start:
    return plan.Start(
        pattern=pattern(start.event, scope),
        only_if=only_if(start, scope),
        present=start.present,
        source=start.span.source,
    )


def _schedule(schedule: tree.Schedule, scope: Scope) -> plan.Start:
    name = schedule.audience
    audience: plan.Condition = plan.InList(name=declared(name, scope.lists))
    if schedule.kind == "segment":
        asked = scope.segments[name.key].condition
        assert asked is not None, "a segment without lines is an error"
        audience = plan.InSegment(name=declared(name, scope.segments), condition=condition(asked, scope))
    return plan.Start(
        pattern=plan.Pattern(type="date.due", dated=schedule.dated),
        only_if=only_if(schedule, scope),
        audience=audience,
        source=schedule.span.source,
    )


def only_if(trigger: tree.Trigger | tree.Schedule, scope: Scope) -> plan.Condition | None:
    """All of a trigger's `only if` lines together."""
    found = tuple(condition(written, scope) for written in trigger.only_if)
    if len(found) < 2:
        return found[0] if found else None
    return plan.All(items=found)


class _Graph:
    """Steps are linked from the last to the first, because each needs its successor; what they say and their ids come
    before, in the order of the text, so that the ordinal among equal steps does not depend on what follows."""

    def __init__(self, campaign: Campaign, scope: Scope) -> None:
        self.scope = scope
        self.campaign = campaign
        self.sent = frozenset(s.template.value for s in all_statements(campaign) if isinstance(s, tree.Send))
        self.detached = frozenset(id(statement) for body in blocks(campaign)[1:] for statement in statements(body))
        self.order: list[str] = []
        self.steps: dict[str, plan.AnyStep] = {}
        self.alone: dict[int, tuple[str, plan.AnyStep]] = {}
        """Each statement's id and what it says, before it is known what comes after it."""
        self.names = Ids()
        for statement in all_statements(campaign):
            step = self._step(statement)
            said = _without_options(step).model_dump(mode="json", exclude_none=True)
            name = self.names.of(step.kind, said, step.label)
            self.alone[id(statement)] = name, step
            self.order.append(name)
            if isinstance(statement, tree.Enter) and statement.move:
                self.order.append(_end_of(name))

    def in_order(self) -> tuple[plan.AnyStep, ...]:
        return tuple(self.steps[name] for name in self.order)

    def block(self, block: Block, after: plan.Target) -> plan.Target:
        """Lower a block whose end leads to `after`; returns its first step."""
        target = after
        for statement in reversed(block):
            target = self._lower(statement, target)
        return target

    def whenever(self, whenever: tree.Whenever) -> plan.Whenever:
        made = plan.Whenever(
            id="",
            pattern=pattern(whenever.event, self.scope, self.sent),
            limit=whenever.limit,
            entry=self.block(whenever.body, None),
            source=whenever.span.source,
        )
        return made.model_copy(update={"id": self.names.of("whenever", made.model_dump(mode="json"))})

    def leave(self, leave: tree.Leave) -> plan.Leave:
        entry = self.block(leave.body, None)
        return plan.Leave(pattern=pattern(leave.event, self.scope), entry=entry, source=leave.span.source)

    def goal(self, goal: tree.Goal) -> plan.Goal:
        return plan.Goal(
            pattern=pattern(goal.event, self.scope, self.sent),
            within=goal.within,
            leaves=goal.leaves,
            source=goal.span.source,
        )

    def _lower(self, statement: Statement, after: plan.Target) -> str:
        name, alone = self.alone[id(statement)]
        end = name if isinstance(statement, tree.Repeat) else after
        targets = [self.block(body, end) for body in bodies(statement)]
        if isinstance(statement, tree.Enter) and statement.move:
            after = _end_of(name)
            self.steps[after] = plan.Stop(id=after, source=alone.source, outcome="moved")
        self.steps[name] = alone.model_copy(update={"id": name, **_links(alone, after, targets)})
        return name

    def _step(self, statement: Statement) -> plan.AnyStep:
        """What a statement says by itself: a step without id that leads nowhere yet."""
        base: dict[str, Any] = {
            "id": "",
            "source": statement.span.source,
            "label": statement.label.value if statement.label else None,
        }
        match statement:
            case tree.Send():
                return plan.Send(
                    **base,
                    template=statement.template.value,
                    mode=statement.mode,
                    within=statement.within or WITHIN,
                    values=tuple((key.value, operand(value)) for key, value in statement.values),
                    subjects=tuple(subject.value for subject in statement.subjects),
                )
            case tree.Wait():
                moment = first_moment(statement, self.campaign, self.scope)
                return plan.Wait(**base, until=moment, arms=tuple(self._arm(arm) for arm in statement.arms))
            case tree.If():
                asked = (condition(written, self.scope) for written, _ in statement.branches)
                return plan.If(**base, branches=tuple(plan.Branch(condition=one, target=None) for one in asked))
            case tree.Split():
                arms = tuple(
                    plan.SplitArm(percent=arm.percent or 0, name=arm.name.value, target=None) for arm in statement.arms
                )
                return plan.Split(**base, arms=arms)
            case tree.VariantTest():
                return self._test(statement, base)
            case tree.Repeat():
                until = condition(statement.until, self.scope) if statement.until else None
                return plan.Repeat(**base, times=statement.times, every=statement.every, until=until)
            case tree.NextOf(again=again):
                return plan.ByRound(**base, again=again is True)
            case tree.AddPoints():
                return plan.AddPoints(**base, amount=statement.amount, model=scoring_name(statement.model, self.scope))
            case tree.Qualify():
                return plan.Qualify(**base, stage=statement.stage.value)
            case tree.HandOff():
                return self._hand_off(statement, base)
            case tree.Stop():
                return plan.Stop(**base)
            case _:
                return self._effect(statement, base)

    def _effect(
        self,
        statement: tree.SetField | tree.ListStep | tree.TopicStep | tree.Recycle | tree.Notify | tree.Post | tree.Enter
        | tree.LeaveCampaign,
        base: dict[str, Any],
    ) -> plan.AnyStep:  # fmt: skip
        scope = self.scope
        match statement:
            case tree.SetField(field=field, value=value, add=add):
                written = None if value is None else operand(value)
                return plan.SetField(**base, field=field.value, value=written, add=add)
            case tree.ListStep(name=name, remove=remove):
                return plan.ListStep(**base, list=declared(name, scope.lists), remove=remove)
            case tree.TopicStep(topic=topic, remove=remove):
                return plan.TopicStep(**base, topic=declared(topic, scope.topics), remove=remove)
            case tree.Recycle(stage=stage, reason=reason):
                return plan.Recycle(**base, stage=stage.value if stage else None, reason=reason.value)
            case tree.Notify(to=receivers, template=template, values=given):
                to = tuple(_receiver(receiver, scope) for receiver in receivers)
                pairs = tuple((key.value, operand(value)) for key, value in given)
                return plan.Notify(**base, to=to, template=template.value if template else plan.NOTICE, values=pairs)
            case tree.Post(url=url, values=given):
                pairs = tuple((key.value, operand(value)) for key, value in given)
                return plan.Post(**base, url=url.value, values=pairs)
            case tree.Enter(campaign=name, move=move):
                return plan.EnterCampaign(**base, campaign=declared(name, scope.campaigns), move=move)
            case tree.LeaveCampaign(campaign=name):
                return plan.LeaveCampaign(**base, campaign=declared(name, scope.campaigns))
            case _:
                assert_never(statement)

    def _test(self, test: tree.VariantTest, base: dict[str, Any]) -> plan.VariantTest:
        return plan.VariantTest(
            **base,
            name=test.name.value,
            percent=test.percent,
            lasts=test.lasts,
            by=_METRICS[test.by.value],
            waits=test.waits if test.waits is not None else in_bulk(self.campaign),
            variants=tuple(plan.Variant(name=variant.name.value, target=None) for variant in test.variants),
        )

    def _arm(self, arm: tree.Arm) -> plan.Arm:
        return plan.Arm(pattern=pattern(arm.event, self.scope, self.sent), target=None, source=arm.span.source)

    def _hand_off(self, hand_off: tree.HandOff, base: dict[str, Any]) -> plan.HandOff:
        cases = tuple(
            plan.Case(outcome=case.outcome, reason=case.reason.value if case.reason else None, target=None)
            for case in hand_off.cases
        )
        return plan.HandOff(
            **base,
            team=self.scope.teams[hand_off.team.key].name.value if hand_off.team else None,
            owner=hand_off.owner,
            stage=hand_off.stage.value if hand_off.stage else None,
            note=hand_off.note.value if hand_off.note else "",
            cases=cases,
            detached=id(hand_off) in self.detached,
        )


def _without_options(step: plan.AnyStep) -> plan.AnyStep:
    """What makes a step the one it is. How an email is sent, and what the rest of a test gets, can be changed, and
    leads at it stay where they are."""
    if isinstance(step, plan.VariantTest):
        return step.model_copy(update={"waits": False})
    if not isinstance(step, plan.Send):
        return step
    return step.model_copy(update={"mode": "normal", "within": WITHIN, "values": (), "subjects": ()})


def _links(step: plan.AnyStep, after: plan.Target, targets: list[plan.Target]) -> dict[str, Any]:
    """Where a step leads. `targets` are the first steps of its blocks; an empty block begins at `after`."""
    match step:
        case plan.Wait(arms=arms):
            *of_arms, otherwise = targets
            links: dict[str, Any] = {"arms": _aimed(arms, of_arms)} if arms else {}
            if step.until is not None:
                links |= {"then": otherwise if arms else after, "missed": otherwise}
            return links
        case plan.If(branches=branches):
            return {"branches": _aimed(branches, targets[:-1]), "otherwise": targets[-1]}
        case plan.Split(arms=arms):
            return {"arms": _aimed(arms, targets)}
        case plan.VariantTest(variants=variants):
            return {"variants": _aimed(variants, targets)}
        case plan.HandOff(cases=cases):
            return {"cases": _aimed(cases, targets), "next": after}
        case plan.Repeat():
            return {"body": targets[0], "next": after}
        case plan.ByRound():
            return {"ways": tuple(targets), "next": after}
        case plan.Stop():
            return {}
        case (
            plan.Send()
            | plan.AddPoints()
            | plan.SetField()
            | plan.ListStep()
            | plan.TopicStep()
            | plan.Qualify()
            | plan.Recycle()
            | plan.Notify()
            | plan.Post()
            | plan.EnterCampaign()
            | plan.LeaveCampaign()
        ):
            return {"next": after}


def _aimed(ways: tuple[_Way, ...], targets: list[plan.Target]) -> tuple[_Way, ...]:
    """Arms, branches or cases, each with the first step of its block."""
    return tuple(way.model_copy(update={"target": target}) for way, target in zip(ways, targets, strict=True))


def _end_of(move: str) -> str:
    """The id of the stop behind a move to another campaign."""
    return f"{move}:moved"


def _receiver(receiver: tree.Receiver, scope: Scope) -> plan.Receiver:
    kinds: dict[str, Any] = {"address": "address", "owner": "owner", "team": "team"}
    name = receiver.name.value if receiver.name else ""
    if receiver.kind == "team" and receiver.name:
        name = declared(receiver.name, scope.teams)
    return plan.Receiver(kind=kinds[receiver.kind], name=name)
