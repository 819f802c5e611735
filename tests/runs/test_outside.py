"""What leaves the house beside mails to leads: notices to colleagues, and signed posts."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar
from uuid import UUID

import pytest
from typer.testing import CliRunner

from dsl.plan import FieldRef, Leave, Notify, Post, Receiver, SetField, Value
from engine.cli.main import app
from engine.model.ports import Parcel, Receipt
from engine.sending.webhook import WebPoster, _public, parcel, webhook_secret
from tests.support.programs import DEMO, FakePoster, campaign_with, enter, lead, outcomes, send, staged, steps_of
from tests.support.stage import COMPANY, TUESDAY, Stage, open_stage

EVA, JONAS = "eva@acme.example", "jonas@acme.example"
SECONDS, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def notify(*to: tuple[str, str], next: str | None = None) -> Notify:
    receivers = tuple(Receiver(kind=kind, name=name) for kind, name in to)
    return Notify(id="n", source="c:2", to=receivers, template="hint", next=next)


def post(next: str | None = None) -> Post:
    values = (("plan", FieldRef(name="first_name")), ("fixed", Value(value=3)))
    return Post(id="p", source="c:2", url="https://hooks.example/x", values=values, next=next)


# ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("to", "told"),
    [
        ([("address", "ada@acme.example")], ["ada@acme.example"]),
        ([("owner", "")], [EVA]),
        ([("team", "Sales")], [EVA]),
        ([("team", "Gone"), ("address", "ada@acme.example")], ["ada@acme.example"]),
    ],
)
async def test_the_first_receiver_there_is_gets_the_notice(new_database, to, told):
    async with staged(new_database(), campaign_with(notify(*to, next="m"), send("m"))) as stage:
        await enter(stage)
        assert [mail.to for mail in stage.mailer.mails] == [*told, "lead1@x.example"]
        rows = await stage.rows("SELECT kind, staff, state FROM messages WHERE step = 'n'")
        assert [tuple(row) for row in rows] == [("staff", one, "accepted") for one in told]
        notice = stage.mailer.mails[0]
        assert "List-Unsubscribe" not in notice.headers
        assert "https://acme.example/hint" in notice.html, "links are not tracked"


async def test_the_whole_team_is_told_once_each_even_when_one_mail_must_wait(new_database):
    async with staged(new_database(), campaign_with(notify(("team", "Sales"), next="m"), send("m"))) as stage:
        stage.clock.set(TUESDAY + 7 * DAY)
        stage.mailer.script = [Receipt("accepted"), Receipt("retry", "busy")]
        await enter(stage)
        assert [mail.to for mail in stage.mailer.mails] == [EVA]
        assert (await stage.rows("SELECT attention FROM enrolments"))[0].attention == "mail: busy"
        await stage.pass_time(HOUR)
        assert [mail.to for mail in stage.mailer.mails] == [EVA, JONAS, "lead1@x.example"]


async def test_the_owner_comes_before_the_team(new_database):
    kim = SetField(id="o", source="c:1", field="owner", value=Value(value="kim@acme.example"), next="n")
    async with staged(new_database(), campaign_with(kim, notify(("owner", "")))) as stage:
        await enter(stage)
        assert [mail.to for mail in stage.mailer.mails] == ["kim@acme.example"]


async def test_that_there_is_nobody_is_written_down(new_database):
    async with staged(new_database(), campaign_with(notify(("team", "Gone"), next="m"), send("m"))) as stage:
        await enter(stage)
        assert sorted(await steps_of(stage)) == [("m", "accepted", ""), ("n", "skipped", "nobody to notify")]


async def test_a_refused_notice_is_failed_and_the_flow_goes_on(new_database):
    async with staged(new_database(), campaign_with(notify(("owner", ""), next="m"), send("m"))) as stage:
        stage.mailer.script = [Receipt("refused", "no such box")]
        await enter(stage)
        assert await steps_of(stage) == [("m", "accepted", ""), ("n", "failed", "no such box")]


# ── posts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def poster(stage: Stage) -> FakePoster:
    assert isinstance(stage.rt.poster, FakePoster)
    return stage.rt.poster


async def test_a_post_says_who_and_what_and_is_signed(new_database):
    async with staged(new_database(), campaign_with(post("m"), send("m"))) as stage:
        email = await enter(stage, first_name="Ann")
        sent, secret = poster(stage).parcels[0], stage.rt.settings.secret.get_secret_value()
        assert len(stage.mailer.mails) == 1
        id = str((await lead(stage, email)).id)
        rows = await stage.rows("SELECT id, kind, state, template FROM messages WHERE step = 'p'")
    body = json.loads(sent.body)
    assert body["lead"] == {"id": id, "email": email}
    assert (body["campaign"], body["step"], body["values"]) == ("C", "p", {"plan": "Ann", "fixed": 3})
    assert [tuple(row) for row in rows] == [(UUID(sent.key), "post", "accepted", "https://hooks.example/x")]
    stamp, _, signature = sent.signature.removeprefix("t=").partition(",v1=")
    expected = hmac.new(webhook_secret(secret).encode(), f"{stamp}.".encode() + sent.body, "sha256")
    assert hmac.compare_digest(signature, expected.hexdigest())


async def test_what_the_receiver_refuses_is_failed_and_the_flow_goes_on(new_database):
    async with staged(new_database(), campaign_with(post("m"), send("m"))) as stage:
        poster(stage).script = [Receipt("refused", "HTTP 404")]
        await enter(stage)
        assert await steps_of(stage) == [("m", "accepted", ""), ("p", "failed", "HTTP 404")]


async def test_a_post_is_repeated_under_the_same_key_until_it_is_taken(new_database):
    async with staged(new_database(), campaign_with(post("m"), send("m"))) as stage:
        poster(stage).script = [Receipt("retry", "HTTP 503")] * 4
        await enter(stage)
        assert (await stage.rows("SELECT attention FROM enrolments"))[0].attention == "post: HTTP 503"
        assert await steps_of(stage) == []
        await stage.pass_time(3 * HOUR)
        assert len(poster(stage).parcels) == 5
        assert len({one.key for one in poster(stage).parcels}) == 1
        assert sorted(await steps_of(stage)) == [("m", "accepted", ""), ("p", "accepted", "")]
        assert (await stage.rows("SELECT attention FROM enrolments"))[0].attention is None


async def test_a_post_is_given_up_after_a_day(new_database):
    async with staged(new_database(), campaign_with(post("m"), send("m"))) as stage:
        poster(stage).script = [Receipt("retry", "HTTP 503")] * 1000
        await enter(stage)
        await stage.pass_time(2 * DAY)
        assert len(poster(stage).parcels) == 10, "the pauses grow"
        assert sorted(await steps_of(stage)) == [("m", "accepted", ""), ("p", "failed", "HTTP 503")]
        rows = await stage.rows("SELECT at FROM messages WHERE step = 'p'")
        assert rows[0].at - TUESDAY <= DAY


async def test_a_post_that_was_interrupted_is_repeated(new_database):
    async with staged(new_database(), campaign_with(post("m"), send("m"))) as stage:

        class Broken(Exception):
            pass

        class Breaking(FakePoster):
            async def post(self, one: Parcel) -> Receipt:
                await super().post(one)
                raise Broken

        stage.rt.poster = broken = Breaking()
        with pytest.raises(Broken):
            await enter(stage)
        assert await steps_of(stage) == [("p", "sending", "")]
        stage.rt.poster = FakePoster()
        await stage.settle()
        assert sorted(await steps_of(stage)) == [("m", "accepted", ""), ("p", "accepted", "")]
        assert poster(stage).parcels[0].key == broken.parcels[0].key


async def test_leaving_gives_up_a_post_that_is_held(new_database):
    plan = campaign_with(post("m"), send("m"), leaves=(Leave(pattern=DEMO, source="c:1"),))
    async with staged(new_database(), plan) as stage:
        poster(stage).script = [Receipt("retry", "HTTP 503")]
        email = await enter(stage)
        await stage.post("demo", email=email)
        assert await steps_of(stage) == [("p", "skipped", "left")]
        assert await outcomes(stage) == [("C", "ended", "left")]


def test_receivers_get_the_secret_from_the_command_line(monkeypatch):
    monkeypatch.setenv("COLDFRAME_SECRET", "s" * 16)
    done = CliRunner().invoke(app, ["key", "--webhook"])
    assert (done.exit_code, done.stdout) == (0, webhook_secret("s" * 16) + "\n")


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────
class Hook(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, dict(self.headers), body))
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook():
    Hook.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def a_parcel(url: str) -> Parcel:
    return parcel(url, {"a": 1}, "key-1", "x" * 16, TUESDAY)


STATUSES = {200: "accepted", 204: "accepted", 302: "refused", 404: "refused", 429: "retry", 500: "retry"}


@pytest.mark.parametrize(("status", "state"), STATUSES.items())
async def test_the_status_decides_and_redirects_are_not_followed(hook, status, state):
    one = WebPoster(private=True)
    receipt = await one.post(a_parcel(f"{hook}/{status}"))
    await one.close()
    assert receipt.state == state
    [(path, headers, body)] = Hook.seen
    assert (path, headers["Idempotency-Key"], body) == (f"/{status}", "key-1", b'{"a":1}')
    assert headers["X-Coldframe-Signature"].startswith(f"t={int(TUESDAY.timestamp())},v1=")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"])
def test_public_addresses_are_posted_to_however_they_are_written(address):
    assert _public(address)


async def test_what_does_not_answer_is_tried_again(unused_tcp_port_factory):
    one = WebPoster(private=True)
    receipt = await one.post(a_parcel(f"http://127.0.0.1:{unused_tcp_port_factory()}/"))
    await one.close()
    assert (receipt.state, receipt.reason) == ("retry", "no answer: ConnectError")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://acme.example/x", "only https is posted to"),
        ("ftp://acme.example/x", "only https is posted to"),
        ("https://127.0.0.1/x", "it lies inside a private network"),
        ("https://10.1.2.3/x", "it lies inside a private network"),
        ("https://[::1]/x", "it lies inside a private network"),
        ("https://[::ffff:10.0.0.1]/x", "it lies inside a private network"),
        ("https://169.254.169.254/latest", "it lies inside a private network"),
        ("https://[64:ff9b::a9fe:a9fe]/latest", "it lies inside a private network"),
        ("https://[64:ff9b:1::a00:1]/x", "it lies inside a private network"),
        ("https://[2002:a9fe:a9fe::1]/latest", "it lies inside a private network"),
        ("https://[::169.254.169.254]/latest", "it lies inside a private network"),
        ("https://[fec0::1]/x", "it lies inside a private network"),
        ("https://localhost/x", "it lies inside a private network"),
        ("https://[broken/x", ""),
        ("https://acme.example:99999/x", ""),
        ("", ""),
    ],
)
async def test_private_and_unreadable_addresses_are_refused(url, why):
    one = WebPoster()
    receipt = await one.post(a_parcel(url))
    await one.close()
    assert receipt.state == "refused"
    assert why in receipt.reason


async def test_a_notice_gives_its_reason_with_a_template_or_without(new_database):
    lines = """
        notify "ada@acme.example" because event.first_name
        notify "ada@acme.example" with "task" with city = country because "No answer"
"""
    text = f'{COMPANY}\nform "in"\n    ask email required\n    ask first_name\n    ask country\n\ncampaign "C"\n'
    text += f'    starts when form "in" is submitted\n    flow{lines}'
    task = {"task": "---\nsubject: Task\n---\n{{ reason }} in {{ city }}\n"}
    async with open_stage(new_database(), text, task) as stage:
        await stage.post("in", (), email="mo@x.example", first_name="Mo wants a call", country="IS")
        bare, task = stage.mailer.mails
        assert bare.subject == "mo@x.example: Mo wants a call"
        assert "Mo wants a call" in bare.html
        assert "No answer in IS" in task.html
