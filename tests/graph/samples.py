"""Plans for drawings: two campaigns as marketers write them, and Hypothesis strategies for any campaign."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dsl.plan import (
    AddPoints,
    After,
    All,
    AnyStep,
    Arm,
    Branch,
    Case,
    Compare,
    Condition,
    Dated,
    Duration,
    EnterCampaign,
    Goal,
    HandOff,
    Has,
    If,
    InSegment,
    Leave,
    Limit,
    ListStep,
    Not,
    Pattern,
    Plan,
    Reentry,
    Repeat,
    ScoreRef,
    Send,
    Split,
    SplitArm,
    StageIs,
    Start,
    Stop,
    Value,
    Variant,
    VariantTest,
    Wait,
    Weekday,
    Whenever,
    Window,
)  # fmt: skip

FILE = "campaigns/whitepaper.campaign"
DAY = Duration(days=1)


def score_at_least(value: float, model: str = "") -> Condition:
    return Compare(left=ScoreRef(model=model), op="ge", right=Value(value=value))


def submitted(form: str) -> Pattern:
    return Pattern(type="form.submitted", name=form)


WARM = Has(pattern=Pattern(type="email.opened", name="whitepaper/reminder"), times=2, within=Duration(days=7))

WHITEPAPER = Plan(
    campaign="Whitepaper nurture",
    source=f"{FILE}:3",
    starts=(
        Start(
            pattern=submitted("whitepaper"), source=f"{FILE}:4",
            only_if=Not(item=InSegment(name="Customers", condition=StageIs(stage="Customer", at_least=True))),
        ),
        Start(pattern=Pattern(type="list.joined", name="Trade show 2026"), source=f"{FILE}:6"),
    ),
    reentry=Reentry(kind="after", after=Duration(days=90)),
    leaves=(Leave(pattern=Pattern(type="stage.entered", name="Customer"), source=f"{FILE}:8"),),
    goal=Goal(pattern=Pattern(type="stage.entered", name="SQL"), within=Duration(days=60), source=f"{FILE}:9"),
    topic="newsletter",
    windows=(Window(days=(0, 1, 2, 3, 4), start="08:00", end="18:00"),),
    control=10,
    entry="welcome",
    steps=(
        Send(id="welcome", source=f"{FILE}:17", template="whitepaper/welcome", next="w2"),
        Wait(id="w2", source=f"{FILE}:18", until=After(duration=Duration(days=2)), then="study", missed="study"),
        Send(id="study", label="case study", source=f"{FILE}:19", template="whitepaper/case-study", next="click"),
        Wait(
            id="click", source=f"{FILE}:20", until=After(duration=Duration(days=4)), then="reminder", missed="reminder",
            arms=(
                Arm(
                    pattern=Pattern(type="email.clicked", name="whitepaper/case-study", own=True), target="fifteen",
                    source=f"{FILE}:20",
                ),
                Arm(pattern=submitted("demo"), target="stop1", source=f"{FILE}:23"),
            ),
        ),
        AddPoints(id="fifteen", source=f"{FILE}:21", amount=15, next="invite"),
        Send(id="invite", source=f"{FILE}:22", template="whitepaper/demo-invite", next="tuesday"),
        Stop(id="stop1", source=f"{FILE}:24"),
        Send(id="reminder", source=f"{FILE}:26", template="whitepaper/reminder", next="tuesday"),
        Wait(
            id="tuesday", source=f"{FILE}:27", until=Weekday(weekday=1, time="09:00"), then="warm", missed="warm",
        ),
        If(
            id="warm", source=f"{FILE}:28",
            branches=(
                Branch(condition=All(items=(score_at_least(50), score_at_least(15, "fit"))), target="sales"),
                Branch(condition=WARM, target="list"),
            ),
            otherwise="rounds",
        ),
        HandOff(
            id="sales", source=f"{FILE}:29", stage="MQL", note="Read the whitepaper; see the interest profile",
            cases=(
                Case(outcome="accepted", target="stop2"),
                Case(outcome="rejected", reason="not ready", target="wake"),
                Case(outcome="rejected", target="minus"),
                Case(outcome="overdue", target="still"),
            ),
        ),
        Stop(id="stop2", source=f"{FILE}:32"),
        EnterCampaign(id="wake", source=f"{FILE}:34", campaign="Wake up"),
        AddPoints(id="minus", source=f"{FILE}:36", amount=-20),
        Send(id="still", source=f"{FILE}:38", template="whitepaper/still-here"),
        ListStep(id="list", source=f"{FILE}:40", list="Warm"),
        Repeat(
            id="rounds", source=f"{FILE}:42", times=3, every=Duration(days=14), until=score_at_least(50), body="digest",
        ),
        Send(id="digest", source=f"{FILE}:43", template="newsletter/digest", next="rounds"),
        Send(id="help", source=f"{FILE}:46", template="pricing/help", mode="trigger", next="ten"),
        AddPoints(id="ten", source=f"{FILE}:47", amount=10),
    ),
    whenevers=(
        Whenever(
            id="when", pattern=Pattern(type="page.visited", name="/pricing*"), limit=Limit(per=Duration(days=14)),
            entry="help", source=f"{FILE}:45",
        ),
    ),
)  # fmt: skip


def long_campaign(rounds: int = 20) -> Plan:
    """Three steps a round: a mail, a wait with two ways, points on one of them."""
    steps: list[AnyStep] = []
    for number in range(rounds):
        after = f"send{number + 1}" if number + 1 < rounds else None
        arm = Arm(
            pattern=Pattern(type="email.clicked", name=f"series/{number}"), target=f"points{number}", source="a:1"
        )
        steps += [
            Send(id=f"send{number}", source=f"a:{number}", template=f"series/{number}", next=f"wait{number}"),
            Wait(id=f"wait{number}", source="a:1", until=After(duration=DAY), arms=(arm,), then=after, missed=after),
            AddPoints(id=f"points{number}", source="a:1", amount=5, next=after),
        ]
    starts = (Start(pattern=Pattern(type="date.due", dated=Dated(field="birthday", yearly=True)), source="a:1"),)
    return Plan(campaign="A long series", source="a:1", starts=starts, entry="send0", steps=tuple(steps))


# ── any campaign ─────────────────────────────────────────────────────────────────────────────────────────────────────
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@st.composite
def plans(draw: Any, most: int = 25) -> Plan:
    """A plan of nested blocks, as the compiler makes them, with hostile names."""
    steps: list[AnyStep] = []

    def block(size: int, after: str | None) -> str | None:
        target = after
        for _ in range(draw(st.integers(0, 3)) if size else 0):
            if len(steps) < most:
                target = step(size - 1, target)
        return target

    def step(size: int, after: str | None) -> str:
        kind = draw(st.sampled_from(("send", "wait", "if", "split", "test", "handoff", "repeat", "stop", "points")))
        id, source, name = f"s{len(steps)}", f"a.campaign:{len(steps)}", draw(TEXTS)
        base: dict[str, Any] = {"id": id, "source": source, "label": draw(st.none() | TEXTS)}
        place = len(steps)
        steps.append(Stop(**base))
        made: AnyStep
        if kind == "send":
            made = Send(**base, template=name, next=after)
        elif kind == "wait":
            arms = [Arm(pattern=submitted(name), target=block(size, after), source=source) for _ in range(2)]
            rest = block(size, after)
            made = Wait(**base, until=After(duration=DAY), arms=tuple(arms), then=rest, missed=rest)
        elif kind == "if":
            branches = [
                Branch(condition=score_at_least(n), target=block(size, after)) for n in range(draw(st.integers(1, 3)))
            ]
            made = If(**base, branches=tuple(branches), otherwise=block(size, after))
        elif kind == "split":
            made = Split(
                **base, arms=tuple(SplitArm(percent=50, name=name, target=block(size, after)) for _ in range(2))
            )
        elif kind == "test":
            variants = tuple(Variant(name=name, target=block(size, after)) for _ in range(2))
            made = VariantTest(**base, name=name, percent=20, lasts=DAY, by="clicks", variants=variants)
        elif kind == "handoff":
            made = HandOff(**base, cases=(Case(outcome="accepted", target=block(size, after)),), next=after)
        elif kind == "repeat":
            made = Repeat(**base, times=3, every=DAY, body=block(size, id), next=after)
        elif kind == "points":
            made = AddPoints(**base, amount=5, next=after)
        else:
            made = Stop(**base)
        steps[place] = made
        return id

    entry = block(3, None)
    starts = tuple(Start(pattern=submitted(draw(TEXTS)), source="a:1") for _ in range(draw(st.integers(0, 3))))
    side = Whenever(id="w", pattern=submitted(draw(TEXTS)), entry=block(1, None), source="a:2")
    leave = Leave(pattern=Pattern(type="lead.unsubscribed"), entry=block(1, None), source="a:3")
    return Plan(
        campaign=draw(TEXTS), source="a:1", starts=starts, entry=entry, steps=tuple(steps), whenevers=(side,),
        leaves=(leave,),
    )  # fmt: skip
