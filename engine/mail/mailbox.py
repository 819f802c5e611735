"""The built-in mailbox: mails go into a table and are read at `/mailbox`. For demos, tests and first steps."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from engine.mail.guard import plain_recipient, problem
from engine.model.ports import Clock, Mail, Receipt
from engine.store import mailbox


class Mailbox:
    """Refuses what SendGrid refuses. A second hand-over of the same message changes nothing and is accepted."""

    name = "mailbox"

    def __init__(self, database: AsyncEngine, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def send(self, mail: Mail) -> Receipt:
        if refusal := problem(mail):
            return Receipt("refused", refusal)
        row = {
            "id": mail.message_id, "to": plain_recipient(mail.to), "sender": mail.sender, "subject": mail.subject,
            "headers": mail.headers, "html": mail.html, "text": mail.text, "at": self._clock.now(),
        }  # fmt: skip
        try:
            await mailbox.put(self._database, row)
        except (SQLAlchemyError, OSError) as error:
            return Receipt("retry", f"the mailbox cannot be written: {type(error).__name__}")
        return Receipt("accepted", provider_id=str(mail.message_id))

    async def close(self) -> None:
        """The database belongs to the caller."""
