"""SendGrid's adapter against a local server that answers as SendGrid does."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.mail.sendgrid import SendGrid, body_of
from engine.model.ports import Mailer
from tests.mail.contract import MailerContract, Taken
from tests.mail.samples import StillClock, a_mail
from tests.support.mailserver import Fault, MailServer

CLOCK = StillClock()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path / "ledger.jsonl") as running:
        yield running


@pytest.fixture
async def mailer(server: MailServer) -> AsyncIterator[Mailer]:
    sendgrid = SendGrid(server.key, CLOCK, base_url=server.url, connect=2.0, whole=2.0, jitter=lambda: 0.5)
    yield sendgrid
    await sendgrid.close()


@pytest.fixture
async def hasty(server: MailServer) -> AsyncIterator[Mailer]:
    """Waits a third of a second for an answer."""
    sendgrid = SendGrid(server.key, CLOCK, base_url=server.url, connect=2.0, whole=0.3)
    yield sendgrid
    await sendgrid.close()


class TestContract(MailerContract):
    @pytest.fixture
    def taken(self, server: MailServer) -> Taken:
        async def read() -> list[tuple[str, str, str, str]]:
            bodies = [entry["body"] for entry in server.accepted]
            return [
                (
                    body["personalizations"][0]["to"][0]["email"], body["subject"], body["content"][1]["value"],
                    body["content"][0]["value"],
                )
                for body in bodies
            ]  # fmt: skip

        return read


async def test_the_request_is_what_sendgrid_documents(mailer: Mailer, server: MailServer) -> None:
    mail = a_mail(sender="Pumps, Acme <hello@acme.example>")
    receipt = await mailer.send(mail)
    (entry,) = server.accepted
    body = entry["body"]
    assert receipt.provider_id == entry["x_message_id"]
    assert entry["message"] == str(mail.message_id)
    assert body["custom_args"] == {"coldframe_message": str(mail.message_id)}
    assert body["from"] == {"email": "hello@acme.example", "name": "Pumps, Acme"}
    assert body["categories"] == ["whitepaper/welcome"]
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    assert body["tracking_settings"]["click_tracking"] == {"enable": False, "enable_text": False}
    assert body["tracking_settings"]["open_tracking"] == {"enable": False}
    assert body["tracking_settings"]["subscription_tracking"] == {"enable": False}


def test_only_the_envelope_holds_the_address() -> None:
    body = body_of(a_mail())
    body.pop("personalizations")
    assert "lovelace" not in str(body)


PERMANENT = [400, 402, 406, 409, 413, 415, 422]


@pytest.mark.parametrize("status", PERMANENT)
async def test_a_permanent_answer_refuses_this_mail(mailer: Mailer, server: MailServer, status: int) -> None:
    server.fail(Fault(status=status, message="Bad thing at ada@lovelace.example, <ada@lovelace.example>"))
    receipt = await mailer.send(a_mail())
    assert receipt.state == "refused"
    assert receipt.reason == f"{status} Bad thing at (address) (address)"


async def test_a_refusal_names_the_field(mailer: Mailer, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.mail.sendgrid.problem", lambda mail: None)
    receipt = await mailer.send(a_mail(subject="a\r\nb"))
    assert (receipt.state, receipt.reason) == ("refused", "400 subject: The subject may not contain line breaks.")


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_trouble_with_the_account_stops_the_queue(mailer: Mailer, server: MailServer, status: int) -> None:
    server.fail(Fault(status=status, message="Maximum credits exceeded"))
    receipt = await mailer.send(a_mail())
    assert (receipt.state, receipt.until) == ("closed", CLOCK.machine + timedelta(minutes=5))
    assert "Maximum credits exceeded" in receipt.reason


async def test_a_wrong_key_stops_the_queue_and_is_not_shown(server: MailServer) -> None:
    mailer = SendGrid("SG.secret", CLOCK, base_url=server.url)
    receipt = await mailer.send(a_mail())
    await mailer.close()
    assert receipt.state == "closed"
    assert "SG.secret" not in f"{receipt} {mailer!r}"
    assert server.accepted == []


@pytest.mark.parametrize(
    ("reset", "pause"),
    [
        (str(int((CLOCK.machine + timedelta(seconds=40)).timestamp())), 40),
        (str(int((CLOCK.machine - timedelta(seconds=40)).timestamp())), 1),
        (str(int((CLOCK.machine + timedelta(days=9)).timestamp())), 3600),
        ("soon", 60),
        ("99999999999999999999", 60),
        (None, 60),
    ],
)
async def test_a_429_waits_for_the_reset_and_some_jitter(
    mailer: Mailer, server: MailServer, reset: str | None, pause: int
) -> None:
    server.fail(Fault(status=429, headers={"X-RateLimit-Reset": reset} if reset else {}))
    receipt = await mailer.send(a_mail())
    assert (receipt.state, receipt.until) == ("closed", CLOCK.machine + timedelta(seconds=pause + 2.5))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 302, 204])
async def test_an_answer_that_leaves_it_open_is_unknown(mailer: Mailer, server: MailServer, status: int) -> None:
    server.fail(Fault(status=status))
    receipt = await mailer.send(a_mail())
    assert receipt.state == "unknown"
    assert receipt.reason.startswith(str(status))


async def test_sandbox_mode_counts_as_accepted(mailer: Mailer, server: MailServer) -> None:
    server.fail(Fault(status=200))
    assert (await mailer.send(a_mail())).state == "accepted"


async def test_nobody_listening_may_be_repeated() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    mailer = SendGrid("SG.local", CLOCK, base_url=f"http://127.0.0.1:{port}", connect=1.0)
    receipt = await mailer.send(a_mail())
    await mailer.close()
    assert receipt.state == "retry"
    assert "@" not in receipt.reason


async def test_a_name_that_does_not_resolve_may_be_repeated() -> None:
    mailer = SendGrid("SG.local", CLOCK, base_url="http://mail.invalid", connect=1.0)
    assert (await mailer.send(a_mail())).state == "retry"
    await mailer.close()


async def test_a_reset_after_accepting_is_unknown(mailer: Mailer, server: MailServer) -> None:
    server.fail(Fault(drop="after"))
    assert (await mailer.send(a_mail())).state == "unknown"
    assert len(server.accepted) == 1


async def test_a_reset_while_sending_is_unknown(mailer: Mailer, server: MailServer) -> None:
    server.fail(Fault(drop="before"))
    assert (await mailer.send(a_mail())).state == "unknown"
    assert server.accepted == []


async def test_no_answer_in_time_is_unknown(hasty: Mailer, server: MailServer) -> None:
    server.fail(Fault(delay=5.0))
    receipt = await hasty.send(a_mail())
    assert (receipt.state, "TimeoutError" in receipt.reason or "ReadTimeout" in receipt.reason) == ("unknown", True)


async def test_an_answer_that_drips_is_cut_and_unknown(hasty: Mailer, server: MailServer) -> None:
    server.fail(Fault(drip=0.05))
    assert (await hasty.send(a_mail())).state == "unknown"
    assert len(server.accepted) == 1


async def test_the_mailer_works_on_after_every_fault(mailer: Mailer, server: MailServer) -> None:
    for fault in (Fault(drop="before"), Fault(drop="after"), Fault(status=500), Fault(status=429)):
        server.fail(fault)
        await mailer.send(a_mail())
    assert (await mailer.send(a_mail())).state == "accepted"


async def test_an_endless_error_text_is_cut(mailer: Mailer, server: MailServer) -> None:
    server.fail(Fault(status=400, message="x" * 1_000_000))
    receipt = await mailer.send(a_mail())
    assert receipt.state == "refused"
    assert len(receipt.reason) < 400
