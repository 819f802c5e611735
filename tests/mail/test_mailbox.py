"""The mailbox adapter, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.mail.choose import choose_mailer
from engine.mail.mailbox import Mailbox
from engine.mail.null import NullMailer
from engine.mail.sendgrid import SendGrid
from engine.model.ports import Mailer
from engine.store.tables import mailbox
from tests.mail.contract import MailerContract, Taken
from tests.mail.samples import NOW, StillClock, a_mail


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def mailer(database: AsyncEngine) -> Mailer:
    return Mailbox(database, StillClock())


class TestContract(MailerContract):
    @pytest.fixture
    def taken(self, database: AsyncEngine) -> Taken:
        async def read() -> list[tuple[str, str, str, str]]:
            async with database.connect() as connection:
                columns = (mailbox.c.to, mailbox.c.subject, mailbox.c.html, mailbox.c.text)
                return [tuple(row) for row in await connection.execute(select(*columns).order_by(mailbox.c.id))]

        return read


async def test_a_second_hand_over_changes_nothing(mailer: Mailer, database: AsyncEngine) -> None:
    mail = a_mail()
    first = await mailer.send(mail)
    again = await mailer.send(a_mail(message_id=mail.message_id, subject="other"))
    async with database.connect() as connection:
        rows = (await connection.execute(select(mailbox).where(mailbox.c.id == mail.message_id))).all()
    assert first == again
    assert [(row.subject, row.at, row.headers, row.sender) for row in rows] == [
        (mail.subject, NOW, mail.headers, mail.sender)
    ]


async def test_a_database_that_is_gone_may_be_tried_again() -> None:
    engine = create_async_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    receipt = await Mailbox(engine, StillClock()).send(a_mail())
    await engine.dispose()
    assert receipt.state == "retry"
    assert "nobody" not in receipt.reason


async def test_the_provider_is_sendgrid_once_there_is_a_key(database: AsyncEngine) -> None:
    from pydantic import SecretStr

    without = choose_mailer(None, "https://api.example", database, StillClock())
    empty = choose_mailer(SecretStr(""), "https://api.example", database, StillClock())
    keyed = choose_mailer(SecretStr("SG.secret"), "https://api.example", database, StillClock())
    assert (type(without), type(empty), type(keyed)) == (Mailbox, Mailbox, SendGrid)
    await keyed.close()


async def test_the_null_provider_accepts_at_once() -> None:
    assert (await NullMailer().send(a_mail())).state == "accepted"
