"""The email that answers a person who asked what is stored about them, in the languages of the pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape

VALID = timedelta(days=7)
"""How long the links in these emails show anything; the texts name it."""


@dataclass(frozen=True)
class Words:
    subject: str
    lines: tuple[str, str]
    link: str


TEXTS: Mapping[str, Words] = {
    "en": Words(
        "Your data at {company}",
        ("You asked what {company} stores about you. The link shows it. There you can also have your data erased.",
         "The link works for 7 days. If you did not ask, you can ignore this email. Please do not forward it."),
        "See my data",
    ),
    "de": Words(
        "Ihre Daten bei {company}",
        ("Sie haben gefragt, was {company} über Sie gespeichert hat. Der Link zeigt es. Dort können Sie Ihre Daten "
         "auch löschen lassen.",
         "Der Link gilt 7 Tage. Wenn Sie nicht gefragt haben, ignorieren Sie diese E-Mail. Bitte leiten Sie sie nicht "
         "weiter."),
        "Meine Daten ansehen",
    ),
}  # fmt: skip


ADDRESS_TEXTS: Mapping[str, Words] = {
    "en": Words(
        "Your new email address at {company}",
        ("You asked {company} to write to you at this address from now on. If so, press the button behind the link.",
         "The link works for 7 days. If you did not ask, you can ignore this email, and nothing changes."),
        "Use this address",
    ),
    "de": Words(
        "Ihre neue E-Mail-Adresse bei {company}",
        ("Sie haben {company} gebeten, Ihnen ab jetzt an diese Adresse zu schreiben. Drücken Sie dazu die Schaltfläche "
         "auf der Seite hinter dem Link.",
         "Der Link gilt 7 Tage. Wenn Sie nicht gefragt haben, ignorieren Sie diese E-Mail; dann ändert sich nichts."),
        "Diese Adresse verwenden",
    ),
}  # fmt: skip


def email(language: str, company: str, address: str) -> tuple[str, str, str]:
    """Subject, HTML and text of the email with a link to `address`."""
    return _made(TEXTS, language, company, address)


def address_email(language: str, company: str, address: str) -> tuple[str, str, str]:
    """The same to somebody who wants to be written to at the address that this email goes to."""
    return _made(ADDRESS_TEXTS, language, company, address)


def _made(texts: Mapping[str, Words], language: str, company: str, address: str) -> tuple[str, str, str]:
    base = language.partition("-")[0]
    language, words = (language, texts[base]) if base in texts else ("en", texts["en"])
    first, second = (line.format(company=company) for line in words.lines)
    link = f'<p><a href="{escape(address)}">{escape(words.link)}</a></p>'
    html = f'<html lang="{language}"><body><p>{escape(first)}</p>{link}<p>{escape(second)}</p></body></html>'
    return words.subject.format(company=company), html, f"{first}\n\n{address}\n\n{second}\n"
