"""Which provider a process mails through."""

from __future__ import annotations

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from engine.mail.mailbox import Mailbox
from engine.mail.sendgrid import SendGrid
from engine.model.ports import Clock, Mailer


def choose_mailer(sendgrid_key: SecretStr | None, sendgrid_url: str, database: AsyncEngine, clock: Clock) -> Mailer:
    """SendGrid when there is a key, else the built-in mailbox."""
    if sendgrid_key is not None and sendgrid_key.get_secret_value():
        return SendGrid(sendgrid_key.get_secret_value(), clock, base_url=sendgrid_url)
    return Mailbox(database, clock)
