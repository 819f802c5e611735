"""Lists, segments, interests, topics, fields and campaigns: what a lead belongs to, and what tells of it."""

from __future__ import annotations

from datetime import timedelta

from dsl.plan import (
    AddPoints,
    All,
    Arm,
    Branch,
    Compare,
    DateIs,
    Duration,
    FieldRef,
    Has,
    If,
    InCampaign,
    InList,
    InSegment,
    Interest,
    InterestRef,
    Known,
    LeadField,
    Not,
    Pattern,
    Reentry,
    ScoreRef,
    Scoring,
    Segment,
    Stage,
    StageIs,
    StageRule,
    Start,
    Stop,
    Topic,
    Value,
    Wait,
)
from engine.leads.external_changes import tell
from engine.leads.intake import unsubscribe
from tests.support.programs import (
    ANN,
    START,
    campaign,
    deploy_program,
    events,
    happen,
    lead,
    open_program,
    points,
    runs,
    sweep,
)

DAY = timedelta(days=1)
LARGE = Segment(name="Large", condition=Compare(left=FieldRef(name="size"), op="ge", right=Value(value=100)))
SIZE = (LeadField(name="size", type="number"), LeadField(name="end", type="date"))
JOINED = Pattern(type="segment.joined", name="large")
LEFT = Pattern(type="segment.left", name="Large")
ALWAYS = Reentry(kind="always")


async def names(stage, *types: str) -> list[tuple[str, str]]:
    rows = await stage.rows("SELECT type, name FROM events WHERE type = ANY(%(types)s) ORDER BY seq", types=list(types))
    return [(one.type, one.name) for one in rows]


# ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_watched_segment_is_entered_and_left_on_change(fresh_database_url: str) -> None:
    plan = campaign("In", JOINED, reentry=ALWAYS, steps=(Stop(id="w", source="c:2"),))
    rules = (points(-5, LEFT),)
    async with open_program(
        fresh_database_url, plan, fields=SIZE, segments=(LARGE,), scorings=(Scoring(rules=rules),)
    ) as stage:
        for size in (50, 100, 150, 90, 120):
            await tell(stage.rt, ANN, {"size": size})
            await stage.settle()
        assert await names(stage, "segment.joined", "segment.left") == [
            ("segment.joined", "Large"), ("segment.left", "Large"), ("segment.joined", "Large")
        ]  # fmt: skip
        assert await runs(stage) == ["In", "In"]
        assert (await lead(stage)).scores == {"": -5}


async def test_a_segment_nobody_watches_is_a_condition_and_no_more(fresh_database_url: str) -> None:
    inside = InSegment(name="Large", condition=LARGE.condition)
    plan = campaign("Start", Start(pattern=START, only_if=Not(item=inside), source="c:1"))
    async with open_program(fresh_database_url, plan, fields=SIZE, segments=(LARGE,)) as stage:
        await tell(stage.rt, ANN, {"size": 200})
        await happen(stage, "custom", "start")
        assert await runs(stage) == []
        assert (await lead(stage)).segments == {}
        await tell(stage.rt, ANN, {"size": 2})
        await happen(stage, "custom", "start")
        assert await runs(stage) == ["Start"]


async def test_only_those_who_enter_from_now_on_unless_present_members_are_taken(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("Other", START), fields=SIZE) as stage:
        await tell(stage.rt, ANN, {"size": 200})
        await tell(stage.rt, "bob@lead.example", {"size": 1})
        await deploy_program(stage, campaign("In", JOINED), fields=SIZE, segments=(LARGE,))
        await sweep(stage)
        assert await runs(stage) == []
        present = campaign("Present", Start(pattern=JOINED, present=True, source="c:1"))
        for _ in range(2):
            await deploy_program(stage, present, fields=SIZE, segments=(LARGE,))
            await sweep(stage)
        assert await runs(stage) == ["Present"], "once, however often it is deployed"
        await tell(stage.rt, "bob@lead.example", {"size": 100})
        assert await runs(stage) == ["Present", "Present"]


async def test_present_members_of_a_list(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("Other", START)) as stage:
        await tell(stage.rt, ANN, {}, lists=["Fair"])
        await happen(stage, "page.visited", "/", email="bob@lead.example")
        start = Start(pattern=Pattern(type="list.joined", name="fair"), present=True, source="c:1")
        await deploy_program(stage, campaign("Fair", start))
        await sweep(stage)
        assert await runs(stage) == ["Fair"]


async def test_another_meaning_of_a_segment_moves_nobody(fresh_database_url: str) -> None:
    wide = Segment(name="Large", condition=Compare(left=FieldRef(name="size"), op="ge", right=Value(value=10)))
    async with open_program(fresh_database_url, campaign("In", JOINED), fields=SIZE, segments=(LARGE,)) as stage:
        await tell(stage.rt, ANN, {"size": 50})
        await deploy_program(stage, campaign("In", JOINED), fields=SIZE, segments=(wide,))
        await happen(stage, "page.visited", "/")
        assert await names(stage, "segment.joined", "segment.left") == []


async def test_the_passing_of_time_moves_leads_once_a_day(fresh_database_url: str) -> None:
    soon = DateIs(operand=FieldRef(name="end"), relation="next", span=Duration(days=10))
    segment = Segment(name="Large", condition=soon)
    rated = points(20, condition=soon)
    async with open_program(
        fresh_database_url,
        campaign("In", JOINED),
        fields=SIZE,
        segments=(segment,),
        scorings=(Scoring(rules=(rated,)),),
    ) as stage:
        await tell(stage.rt, ANN, {"end": "2026-09-20"})
        for _ in range(8):
            stage.clock.advance(DAY)
            await sweep(stage)
        assert await runs(stage) == []
        for _ in range(2):
            stage.clock.advance(DAY)
            await sweep(stage)
        assert await runs(stage) == ["In"]
        assert (await lead(stage)).scores == {"": 20}
        stage.clock.advance(20 * DAY)
        await sweep(stage)
        assert await names(stage, "segment.joined", "segment.left") == [
            ("segment.joined", "Large"), ("segment.left", "Large")
        ]  # fmt: skip
        assert (await lead(stage)).scores == {"": 0}


async def test_segments_follow_points_stages_and_history(fresh_database_url: str) -> None:
    often = Has(pattern=Pattern(type="page.visited", name="/enterprise*"), times=2, within=Duration(days=30))
    hot = Compare(left=ScoreRef(), op="ge", right=Value(value=10))
    segments = (
        Segment(name="Large", condition=All(items=(often, hot))), Segment(name="Leads", condition=StageIs(stage="Lead"))
    )  # fmt: skip
    stages = (
        Stage(name="Visitor", source="l:1"),
        Stage(name="Lead", source="l:2", rules=(StageRule(pattern=JOINED, source="l:3"),)),
    )
    plan = campaign("In", Pattern(type="segment.joined", name="Leads"))
    rules = (points(5, Pattern(type="page.visited")),)
    async with open_program(
        fresh_database_url, plan, segments=segments, stages=stages, scorings=(Scoring(rules=rules),)
    ) as stage:
        await happen(stage, "page.visited", "/enterprise")
        await happen(stage, "page.visited", "/other")
        assert (await lead(stage)).stage == "Visitor"
        await happen(stage, "page.visited", "/enterprise/x")
        assert (await lead(stage)).stage == "Lead"
        assert await runs(stage) == ["In"]


async def test_segments_that_chase_each_other_end_under_needs_attention(fresh_database_url: str) -> None:
    below = Segment(name="Large", condition=Not(item=Compare(left=ScoreRef(), op="ge", right=Value(value=1))))
    rules = (points(1, Pattern(type="segment.joined")), points(-1, Pattern(type="segment.left")))
    async with open_program(fresh_database_url, segments=(below,), scorings=(Scoring(rules=rules),)) as stage:
        await happen(stage, "page.visited", "/")
        assert "too deep" in (await lead(stage)).attention


# ── lists, topics, fields, campaigns ─────────────────────────────────────────────────────────────────────────────────
async def test_lists_are_joined_and_left_once_whatever_the_case(fresh_database_url: str) -> None:
    plan = campaign("Fair", Start(pattern=Pattern(type="list.joined", name="FAIR"), source="c:1",
                                  only_if=InList(name="fair")))  # fmt: skip
    async with open_program(fresh_database_url, plan) as stage:
        await tell(stage.rt, ANN, {}, lists=["Fair", "fair"])
        await tell(stage.rt, ANN, {}, lists=["FAIR"])
        await tell(stage.rt, ANN, {}, left=["fair", "Fair"])
        assert await names(stage, "list.joined", "list.left") == [("list.joined", "Fair"), ("list.left", "Fair")]
        assert await runs(stage) == ["Fair"]
        assert (await lead(stage)).lists == {}


async def test_a_field_change_is_told_with_before_and_after_where_somebody_listens(fresh_database_url: str) -> None:
    to_pro = Pattern(type="field.changed", name="plan", to="pro", before="free")
    plans = (
        campaign("Pro", to_pro, reentry=ALWAYS), campaign("Any", Pattern(type="field.changed", name="plan"))
    )  # fmt: skip
    fields = (LeadField(name="plan", type="text"), LeadField(name="other", type="text"))
    async with open_program(fresh_database_url, *plans, fields=fields) as stage:
        await tell(stage.rt, ANN, {"plan": "pro", "other": "x"})
        assert await runs(stage) == ["Any"]
        await tell(stage.rt, ANN, {"plan": "free"})
        await tell(stage.rt, ANN, {"plan": "free"})
        await tell(stage.rt, ANN, {"plan": "PRO"})
        assert sorted(await runs(stage)) == ["Any", "Pro"]
        changes = [one.data for one in await events(stage, "field.changed")]
        assert changes == [
            {"before": None, "after": "pro"}, {"before": "pro", "after": "free"}, {"before": "free", "after": "PRO"}
        ]  # fmt: skip


async def test_interests_count_and_their_crossings_are_told(fresh_database_url: str) -> None:
    interest = Interest(name="Pumps", pages=("/pumps*",), files=("pump-guide.pdf",), emails=("pumps/*",))
    crossed = Pattern(type="interest.reached", name="pumps", threshold=3)
    enough = Compare(left=InterestRef(name="PUMPS"), op="ge", right=Value(value=3))
    plan = campaign("Pumps", Start(pattern=crossed, only_if=enough, source="c:1"))
    async with open_program(fresh_database_url, plan, interests=(interest,)) as stage:
        for type, name in (
            ("page.visited", "/pumps/a"), ("page.visited", "/valves"), ("file.downloaded", "PUMP-guide.pdf"),
            ("email.clicked", "news/x"), ("email.opened", "pumps/x"),
        ):  # fmt: skip
            await happen(stage, type, name)
        assert (await lead(stage)).interests == {"Pumps": 2}
        assert await runs(stage) == []
        await happen(stage, "email.clicked", "pumps/x")
        await happen(stage, "page.visited", "/pumps")
        assert [one.data for one in await events(stage, "interest.reached")] == [{"before": 2, "after": 3}]
        assert await runs(stage) == ["Pumps"]


async def test_topics_are_told_of_when_they_are_left(fresh_database_url: str) -> None:
    topics = {"topics": (Topic(name="news", description="News"),), "mail_needs_consent": True}
    plan = campaign("Bye", Pattern(type="topic.left", name="news"))
    async with open_program(fresh_database_url, plan, workspace=topics) as stage:
        await happen(stage, "page.visited", "/")
        id = (await lead(stage)).id
        await unsubscribe(stage.rt, id, "news", "link")
        assert await runs(stage) == [], "they were not subscribed"
        async with stage.rt.db.hot() as hot:
            await hot.run('UPDATE leads SET topics = \'{"news": "subscribed"}\'', {})
            await hot.commit()
        await unsubscribe(stage.rt, id, "news", "link")
        assert await runs(stage) == ["Bye"]


async def test_campaigns_that_are_entered_and_left_are_told(fresh_database_url: str) -> None:
    first = campaign("First", START, steps=(AddPoints(id="w", source="c:2", amount=3),))
    never = Start(
        pattern=Pattern(type="campaign.left", name="first"), only_if=InCampaign(name="First", ever=True), source="c:1"
    )
    now = Start(
        pattern=Pattern(type="campaign.left", name="first"), only_if=InCampaign(name="First"), source="c:1"
    )  # fmt: skip
    then, not_now = campaign("Then", never), campaign("Not now", now)
    beside = campaign("Beside", Pattern(type="campaign.entered", name="Then"))
    async with open_program(fresh_database_url, first, then, not_now, beside) as stage:
        await happen(stage, "custom", "start")
        assert sorted(await runs(stage)) == ["Beside", "First", "Then"]
        assert (await events(stage, "campaign.left"))[0].data == {"outcome": "finished"}


async def test_a_wait_for_a_segment_is_woken_by_the_runs_own_deed(fresh_database_url: str) -> None:
    """What a run does itself wakes nobody, so it must see it before it rests."""
    segment = Segment(name="Large", condition=Compare(left=ScoreRef(), op="ge", right=Value(value=5)))
    steps = (
        AddPoints(id="a", source="c:2", amount=5, next="w"),
        Wait(id="w", source="c:3", until=None, arms=(Arm(pattern=LEFT, target="b", source="c:3"),)),
        AddPoints(id="b", source="c:4", amount=100),
    )
    plans = (
        campaign("Own", START, entry="a", steps=steps),
        campaign("Down", JOINED, entry="d", steps=(AddPoints(id="d", source="c:5", amount=-5),)),
    )
    async with open_program(fresh_database_url, *plans, segments=(segment,)) as stage:
        await happen(stage, "custom", "start")
        assert (await lead(stage)).scores == {"": 100}


async def test_a_condition_on_a_list_in_a_run(fresh_database_url: str) -> None:
    steps = (
        If(id="w", source="c:2", branches=(Branch(condition=InList(name="fair"), target="p"),)),
        AddPoints(id="p", source="c:3", amount=1),
    )
    known = Known(operand=FieldRef(name="end"))
    plan = campaign("If", Start(pattern=START, only_if=Not(item=known), source="c:1"), steps=steps)
    async with open_program(fresh_database_url, plan, fields=SIZE) as stage:
        await tell(stage.rt, ANN, {}, lists=["Fair"])
        await happen(stage, "custom", "start")
        await happen(stage, "custom", "start", email="bob@lead.example")
        assert (await lead(stage)).scores == {"": 1}
        assert (await lead(stage, "bob@lead.example")).scores == {}


async def test_a_state_that_comes_and_goes_without_any_event_is_booked_each_time(fresh_database_url: str) -> None:
    rated = points(20, condition=LARGE.condition)
    async with open_program(fresh_database_url, fields=SIZE, scorings=(Scoring(rules=(rated,)),)) as stage:
        seen = []
        for size in (200, 50, 200, 50):
            await tell(stage.rt, ANN, {"size": size})
            seen.append((await lead(stage)).scores[""])
        assert seen == [20, 0, 20, 0]


async def test_a_state_that_time_alone_brings_and_takes(fresh_database_url: str) -> None:
    soon = DateIs(operand=FieldRef(name="end"), relation="next", span=Duration(days=2))
    rated = points(20, condition=soon)
    async with open_program(fresh_database_url, fields=SIZE, scorings=(Scoring(rules=(rated,)),)) as stage:
        await tell(stage.rt, ANN, {"end": (stage.clock.now() + 4 * DAY).date().isoformat()})
        seen = []
        for _ in range(6):
            stage.clock.advance(DAY)
            await sweep(stage)
            seen.append((await lead(stage)).scores.get("", 0))
        assert seen == [0, 20, 20, 20, 0, 0]
