"""A provider that takes every mail at once and keeps none: for benchmarks."""

from __future__ import annotations

from engine.model.ports import Mail, Receipt


class NullMailer:
    name = "null"

    async def send(self, mail: Mail) -> Receipt:
        return Receipt("accepted", provider_id=str(mail.message_id))

    async def close(self) -> None:
        return None
