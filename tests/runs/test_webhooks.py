"""Posts to other systems: when they are tried again, what is logged, replay by hand, and secrets that rotate."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from dsl.plan import FieldRef, Leave, Post
from engine.leads.erase import erase
from engine.model.ports import Parcel, Receipt
from engine.reports.status import status
from engine.rules.sending.retries import LATEST, PAUSES, next_attempt
from engine.sending import replay
from engine.sending.webhook import secret_with, sign
from engine.sending.webhook_figures import measure
from engine.store import retention, webhooks
from tests.support.programs import DEMO, FakePoster, campaign_with, enter, lead, send, staged, steps_of
from tests.support.stage import TUESDAY, Stage

SECONDS, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
POST = Post(id="p", source="c:2", url="https://hooks.example/x", values=(("n", FieldRef(name="first_name")),), next="m")
PLAN = campaign_with(POST, send("m"))


def poster(stage: Stage) -> FakePoster:
    assert isinstance(stage.rt.poster, FakePoster)
    return stage.rt.poster


async def posts(stage: Stage):
    return await webhooks.find(stage.rt.db, many=50)


async def attempts(stage: Stage):
    [one] = await posts(stage)
    found = await webhooks.read_one(stage.rt.db, one["id"])
    assert found is not None
    return found["tries"]


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_pauses_grow_with_a_spread_that_is_the_same_each_time():
    found, now = [], TUESDAY
    while (later := next_attempt("a", len(found) + 1, TUESDAY, now, None)) is not None:
        found.append(later)
        now = later
    assert found[-1] == TUESDAY + LATEST
    pauses = [b - a for a, b in pairwise([TUESDAY, *found])]
    assert len(pauses) == len(PAUSES) + 1
    for pause, meant in zip(pauses, PAUSES, strict=False):
        assert meant * 0.9 <= pause <= meant * 1.1
    assert next_attempt("a", 1, TUESDAY, TUESDAY, None) == found[0]
    assert next_attempt("b", 1, TUESDAY, TUESDAY, None) != found[0]


@pytest.mark.parametrize(("asked", "waits"), [(1, 5), (3_600, 3_600), (10**6, 86_400)])
def test_what_the_receiver_asks_for_makes_a_pause_longer_but_never_longer_than_the_day(asked, waits):
    later = next_attempt("a", 1, TUESDAY, TUESDAY, asked * SECONDS)
    assert later is not None
    assert abs((later - TUESDAY).total_seconds() - waits) <= 0.5


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_each_attempt_is_logged_and_has_the_body_of_the_first(new_database):
    async with staged(new_database(), PLAN) as stage:
        poster(stage).script = [
            Receipt("retry", "HTTP 503", status=503, answer="busy", milliseconds=7, pause=2 * HOUR),
            Receipt("accepted", status=204, milliseconds=8),
        ]
        email = await enter(stage, first_name="Ann")
        [one] = await posts(stage)
        assert (one["state"], one["reason"], one["email"]) == ("waiting", "HTTP 503", email)
        assert one["next_at"] - stage.rt.clock.now() >= 1.9 * HOUR
        await stage.pass_time(3 * HOUR)
        first, second = poster(stage).parcels
        assert (first.body, first.key) == (second.body, second.key)
        assert first.stamp < second.stamp
        [one] = await posts(stage)
        assert (one["state"], one["attempts"], one["next_at"], one["id"]) == ("delivered", 2, None, UUID(first.key))
        tries = [(x["number"], x["state"], x["status"], x["milliseconds"], x["answer"]) for x in await attempts(stage)]
        assert tries == [(1, "retry", 503, 7, "busy"), (2, "accepted", 204, 8, "")]


async def test_a_killed_attempt_stays_in_the_log_and_is_repeated_with_the_same_id(new_database):
    async with staged(new_database(), PLAN) as stage:

        class Killed(FakePoster):
            async def post(self, one: Parcel) -> Receipt:
                await super().post(one)
                raise KeyError("killed")

        stage.rt.poster = killed = Killed()
        with pytest.raises(KeyError):
            await enter(stage)
        stage.rt.poster = FakePoster()
        await stage.settle()
        assert poster(stage).parcels[0].key == killed.parcels[0].key
        assert poster(stage).parcels[0].body == killed.parcels[0].body
        assert [one["state"] for one in await attempts(stage)] == ["sending", "accepted"]


async def test_a_lead_that_goes_another_way_ends_the_post(new_database):
    plan = campaign_with(POST, send("m"), leaves=(Leave(pattern=DEMO, source="c:1"),))
    async with staged(new_database(), plan) as stage:
        poster(stage).script = [Receipt("retry", "HTTP 503")]
        email = await enter(stage)
        assert await webhooks.count_open(stage.rt.db, TUESDAY) == {"waiting": 1, "failed": 0}
        await stage.post("demo", email=email)
        assert [(one["state"], one["reason"]) for one in await posts(stage)] == [("failed", "left")]
        assert await webhooks.count_open(stage.rt.db, TUESDAY) == {"waiting": 0, "failed": 1}
        assert await measure(stage.rt) == {"waiting": 0, "failed": 1}
        assert REGISTRY.get_sample_value("coldframe_webhook_posts", {"state": "failed"}) == 1
        assert (await status(stage.rt.db, stage.rt.clock.now(), stage.rt.clock.real())).posts["failed"] == 1
        stage.clock.set(stage.rt.clock.now() + 2 * DAY)
        assert await measure(stage.rt) == {"waiting": 0, "failed": 0}, "it is old news"


async def test_filters(new_database):
    async with staged(new_database(), PLAN) as stage:
        poster(stage).script = [Receipt("refused", "HTTP 410")]
        one, two = await lead(stage, await enter(stage)), await lead(stage, await enter(stage, 2))
        db = stage.rt.db
        assert [x["lead_id"] for x in await webhooks.find(db, state="failed", many=9)] == [one.id]
        assert [x["lead_id"] for x in await webhooks.find(db, lead=two.id, many=9)] == [two.id]
        assert len(await webhooks.find(db, url="HOOKS.example", many=9)) == 2
        assert not await webhooks.find(db, url="other.example", many=9)
        assert not await webhooks.find(db, since=stage.rt.clock.now() + DAY, many=9)


async def test_the_log_goes_with_the_lead_and_after_its_time(new_database):
    async with staged(new_database(), PLAN) as stage:
        gone = await lead(stage, await enter(stage))
        await enter(stage, 2)
        await erase(stage.rt, gone.id)
        rows = await stage.rows("SELECT lead_id FROM webhook_posts UNION ALL SELECT lead_id FROM webhook_attempts")
        assert len(rows) == 2
        assert gone.id not in {row.lead_id for row in rows}
        later = stage.rt.clock.now() + SECONDS
        assert await retention.remove(stage.rt.db, "webhook_attempts", later, 9) == 1
        assert await retention.remove(stage.rt.db, "webhook_posts", later, 9) == 1


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def again(stage: Stage, id: UUID) -> Receipt:
    rt = stage.rt
    return await replay.replay(rt.db, rt.clock, poster(stage), rt.settings.secret.get_secret_value(), id, "ada")


async def test_what_was_delivered_by_hand_is_not_sent_by_the_campaign(new_database):
    async with staged(new_database(), PLAN) as stage:
        poster(stage).script = [Receipt("retry", "HTTP 503")]
        await enter(stage)
        [one] = await posts(stage)
        assert (await again(stage, one["id"])).state == "accepted"
        await stage.pass_time(DAY)
        assert len(poster(stage).parcels) == 2
        assert len({(x.key, x.body) for x in poster(stage).parcels}) == 1
        assert sorted(await steps_of(stage)) == [("m", "accepted", ""), ("p", "accepted", "")]
        assert [(x["state"], x["replayed_by"]) for x in await attempts(stage)] == [("retry", None), ("accepted", "ada")]


async def test_a_replay_that_fails_changes_only_the_log(new_database):
    async with staged(new_database(), PLAN) as stage:
        poster(stage).script = [Receipt("accepted"), Receipt("refused", "HTTP 400", status=400)]
        await enter(stage)
        [one] = await posts(stage)
        assert (await again(stage, one["id"])).state == "refused"
        assert [(x["state"], x["attempts"]) for x in await posts(stage)] == [("delivered", 2)]
        with pytest.raises(replay.Unknown):
            await again(stage, uuid4())


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_both_secrets_sign_until_the_older_retires(new_database):
    async with staged(new_database(), PLAN) as stage:
        rt = stage.rt
        master = rt.settings.secret.get_secret_value()
        first = secret_with(master, "")

        async def signed_by() -> list[str]:
            await enter(stage, len(poster(stage).parcels))
            one = poster(stage).parcels[-1]
            real = rt.clock.real()
            known = [first] + ([new.secret] if new else [])
            found = []
            for secret in known:
                mine = sign(one, [secret], real.fromtimestamp(one.stamp, real.tzinfo)).signatures
                found += [secret] if mine in one.signatures.split(" ") else []
            assert len(found) == len(one.signatures.split(" "))
            oldest = sign(one, [found[0]], real.fromtimestamp(one.stamp, real.tzinfo)).signature
            assert one.signature == oldest, "the earlier header is by the oldest that signs"
            return found

        new = None
        assert await signed_by() == [first]
        new = await replay.rotate(rt.db, rt.clock, master)
        assert new.secret not in json.dumps(await webhooks.secrets(rt.db), default=str)
        assert await signed_by() == [first, new.secret]
        with pytest.raises(replay.Rotating):
            await replay.rotate(rt.db, rt.clock, master)
        assert not await webhooks.retire_secret(rt.db, new.number, rt.clock.real()), "nothing would sign"
        assert await webhooks.retire_secret(rt.db, 1, rt.clock.real())
        assert await signed_by() == [new.secret]
        assert [x["state"] for x in await replay.list_secrets(rt.db, rt.clock)] == ["retired", "signs"]
        third = await replay.rotate(rt.db, rt.clock, master)
        assert (third.number, third.secret != new.secret) == (3, True)
