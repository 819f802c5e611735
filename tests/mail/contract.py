"""What every mailer promises, whoever carries the mail: run for SendGrid's adapter and for the mailbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from engine.model.ports import Mail, Mailer
from tests.mail.samples import a_mail

Taken = Callable[[], Awaitable[list[tuple[str, str, str, str]]]]
"""What has been accepted: recipient, subject, HTML and text of each mail, in no order."""

REFUSED = {
    "no recipient": {"to": ""},
    "two recipients": {"to": "ada@lovelace.example, eve@lovelace.example"},
    "two recipients by semicolon": {"to": "ada@lovelace.example;eve@lovelace.example"},
    "a name beside the recipient": {"to": "Ada <ada@lovelace.example>"},
    "a line break after the recipient": {"to": "ada@lovelace.example\r\nBcc: eve@lovelace.example"},
    "a recipient that is not ASCII": {"to": "адa@lovelace.example"},
    "a line break in the subject": {"subject": "Hello\r\nBcc: eve@lovelace.example"},
    "a NUL in the subject": {"subject": "Hello\0"},
    "no subject": {"subject": "  "},
    "no sender": {"sender": ""},
    "a sender that is no address": {"sender": "Acme Pumps"},
    "two senders": {"sender": "A <a@acme.example>, B <b@acme.example>"},
    "a line break in the sender": {"sender": "Acme\n <hello@acme.example>"},
    "no text": {"text": "\n"},
    "no html": {"html": ""},
    "a line break in a header": {"headers": {"X-Note": "a\r\nBcc: eve@lovelace.example"}},
    "a line break in a header's name": {"headers": {"X-A\r\nBcc": "eve@lovelace.example"}},
    "a header of the provider's own": {"headers": {"Reply-To": "eve@lovelace.example"}},
    "a header that is not ASCII": {"headers": {"X-Note": "Grüße"}},
    "an endless category": {"category": "x" * 256},
}


class MailerContract:
    """Subclasses give the fixtures `mailer` (any Mailer) and `taken`."""

    async def test_a_mail_is_taken_over_whole(self, mailer: Mailer, taken: Taken) -> None:
        mail = a_mail()
        receipt = await mailer.send(mail)
        assert (receipt.state, receipt.reason) == ("accepted", "")
        assert receipt.provider_id
        assert (mail.to, mail.subject, mail.html, mail.text) in await taken()

    async def test_the_domain_of_an_address_may_be_international(self, mailer: Mailer, taken: Taken) -> None:
        assert (await mailer.send(a_mail(to="Ada@bücher.example"))).state == "accepted"
        assert "Ada@xn--bcher-kva.example" in [to for to, *_ in await taken()]

    @pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
    async def test_what_no_provider_takes_is_refused(
        self, mailer: Mailer, taken: Taken, changes: dict[str, object]
    ) -> None:
        before = await taken()
        receipt = await mailer.send(a_mail(**changes))
        assert receipt.state == "refused"
        assert receipt.reason
        assert "@" not in receipt.reason
        assert await taken() == before

    async def test_a_mail_of_each_kind_of_text_is_taken(self, mailer: Mailer, taken: Taken) -> None:
        mails: list[Mail] = [a_mail(subject=subject) for subject in ("田中様", "a" * 250, "<b>&amp;", '"', "{{ x }}")]
        states = [(await mailer.send(mail)).state for mail in mails]
        assert states == ["accepted"] * 5
        assert {mail.subject for mail in mails} <= {subject for _, subject, *_ in await taken()}
