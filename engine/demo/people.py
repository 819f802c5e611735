"""The cast of the demo: invented people from many places, and what each of them does. Nobody here exists.

All addresses end in `.example`, which nobody can own (RFC 2606). The same seed always gives the same cast.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Literal

Sales = Literal["accept", "not ready", "no budget", "second", "boss", "no contact", "nobody"]
"""What sales makes of a lead.

accept: accepted. not ready, no budget: rejected for that reason. second: the first colleague does not react, the next
one accepts. boss: no member reacts, whoever it is escalated to accepts. no contact: acknowledged and then left lying,
until it is escalated. nobody: nobody ever reacts.
"""

MOST = 200
"""As many leads as the story has room for."""


@dataclass(frozen=True)
class Script:
    """What a lead does.

    `days`: when they come, in days after the start. `confirms`: how long the double opt-in takes them; None: never.
    `measured`: agrees to tracking. `opens` and `clicks` name the marketing mails, 1 being the first; of a mail in
    `downloads` they follow the first link, else the last. `sales`: what becomes of a handoff.
    """

    days: tuple[float, float] = (0.0, 2.0)
    form: Literal["whitepaper", "demo", "contact"] = "whitepaper"
    confirms: timedelta | None = timedelta(minutes=20)
    subscribes: bool = True
    measured: bool = True
    big: bool = False
    opens: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    clicks: frozenset[int] = frozenset()
    downloads: frozenset[int] = frozenset({1})
    dawdles: frozenset[int] = frozenset()
    prices_after: timedelta | None = None
    demo_after: int = 0
    booth_after: timedelta | None = None
    leaves_at: int = 0
    first_wrong: bool = False
    twice: bool = False
    sales: Sales = "accept"


@dataclass(frozen=True)
class Person:
    """One invented lead and their script. `arrives`: after the start of the story."""

    first: str
    last: str
    company: str
    country: str
    language: str
    job: str
    size: int
    address: str
    arrives: timedelta
    script: Script
    number: int = 0

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


DACH, REST = ("DE", "AT", "CH"), ()
"""Who can play a part: somebody from one of these countries; an empty tuple: from any of the others."""


@dataclass(frozen=True)
class Part:
    """A role to be cast. `where` lists the countries it needs, None: anybody."""

    name: str
    script: Script
    where: tuple[str, ...] | None = None


def _some(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


PARTS: Sequence[Part] = (
    Part("keen", Script(clicks=_some(1, 2, 3), big=True, prices_after=timedelta(hours=26)), ("DE",)),
    Part("keen, sales is slow", Script(clicks=_some(1, 2, 3), big=True, sales="second"), ("DE",)),
    Part("keen, too early", Script(clicks=_some(1, 2, 3), big=True, sales="not ready"), ("AT",)),
    Part("keen, sales forgets", Script(clicks=_some(1, 2, 3), big=True, sales="nobody"), ("CH",)),
    Part("keen, abroad", Script(clicks=_some(1, 2, 3), big=True), REST),
    Part("keen, abroad, sales sleeps", Script(clicks=_some(1, 2, 3), big=True, sales="boss"), REST),
    Part("leaves the newsletter", Script(leaves_at=2), None),
    Part("clicks late", Script(days=(0, 1), clicks=_some(1, 3), downloads=_some(), dawdles=_some(3)), DACH),
    Part("sleeps", Script(days=(0, 4), opens=_some()), None),
    Part("asks for a demo", Script(clicks=_some(1), demo_after=2, big=True), REST),
    Part("never confirms", Script(days=(0, 6), confirms=None), None),
    Part("mistypes", Script(days=(1, 3), first_wrong=True, clicks=_some(1)), None),
    Part(
        "presses twice", Script(days=(2, 5), twice=True, clicks=_some(1, 2, 3), big=True, sales="nobody"), ("AT", "CH")
    ),
    Part("no email, please", Script(days=(1, 6), subscribes=False), None),
    Part("private", Script(days=(0, 5), measured=False, clicks=_some(1, 2, 3)), None),
    Part("met at the fair", Script(days=(0, 1), clicks=_some(1), booth_after=timedelta(days=3), big=True), DACH),
    Part("straight to the demo", Script(days=(2, 6), form="demo"), DACH),
    Part("has a question", Script(days=(3, 9), form="contact"), REST),
    Part("no budget", Script(clicks=_some(1, 2, 3), big=True, sales="no budget"), REST),
    Part("left lying", Script(clicks=_some(1, 2, 3), big=True, sales="no contact"), DACH),
    Part("sleeps late", Script(days=(2, 8), opens=_some(1)), None),
    Part("compares prices", Script(days=(3, 5), clicks=_some(1), big=True, prices_after=timedelta(hours=6)), DACH),
    Part("confirms at night", Script(days=(1, 2), confirms=timedelta(hours=12), clicks=_some(1)), REST),
    Part("keen, second week", Script(days=(4, 6), clicks=_some(1, 2, 3), big=True, sales="second"), ("DE",)),
    Part("private, too", Script(days=(2, 7), measured=False, opens=_some()), None),
)
"""The first of these are played whatever the number of leads; with more leads the list is gone through again."""

_POOL: Sequence[tuple[str, str, str, str, str, str]] = (
    ("Katharina", "Öztürk", "Stadtwerke Hagenau", "DE", "de", "Leiterin Instandhaltung"),
    ("Jörg", "Brinkmann", "Rheinfeld Chemie", "DE", "de", "Head of Maintenance"),
    ("Änne", "Weißhaupt", "Molkerei Sonnentau", "DE", "de", "Einkauf"),
    ("Mehmet", "Kaya", "Kaya Anlagenbau", "DE", "de", "Projektleiter"),
    ("Lena", "Groß", "Wasserverband Süd", "DE", "de", "Betriebsleiterin"),
    ("Tobias", "Förster", "Nordlicht Brauerei", "DE", "de", "Head of Utilities"),
    ("Magdalena", "Hölzl", "Alpenquell Getränke", "AT", "de", "Leiterin Technik"),
    ("Florian", "Steininger", "Papierwerk Traun", "AT", "de", "Head of Energy"),
    ("Valentin", "Moser", "Moser & Söhne", "AT", "de", "Instandhaltung"),
    ("Urs", "Zürcher", "Zürcher Prozesstechnik", "CH", "de", "Leiter Engineering"),
    ("Chiara", "Bernasconi", "Ticino Farmaceutici", "CH", "it", "Head of Facilities"),
    ("Reto", "Caduff", "Bergbahn Vals", "CH", "de", "Technik"),
    ("Amélie", "Fontaine", "Hydra Eau", "FR", "fr", "Responsable maintenance"),
    ("Étienne", "Le Goff", "Conserverie d’Armor", "FR", "fr", "Acheteur"),
    ("Zażółć", "Jaźniewicz", "Gęśla Cukrownia", "PL", "pl", "Kierownik utrzymania ruchu"),
    ("Łukasz", "Wójcik", "Stocznia Bałtyk", "PL", "pl", "Inżynier"),
    ("Șerban", "Țepeș", "Apă Nova Carpați", "RO", "ro", "Director tehnic"),
    ("Ioana", "Mureșan", "Fabrica de Bere Cluj", "RO", "ro", "Achiziții"),
    ("Kateřina", "Dvořáková", "Vodárna Vltava", "CZ", "cs", "Vedoucí údržby"),
    ("Sébastien", "Peeters", "Antwerp Tank Storage", "BE", "nl", "Head of Operations"),
    ("Åsa", "Lindström", "Skogskraft Massa", "SE", "sv", "Underhållschef"),
    ("Søren", "Kjærgaard", "Limfjord Mejeri", "DK", "da", "Teknisk chef"),
    ("José", "Ibáñez", "Desaladora Levante", "ES", "es", "Jefe de planta"),
    ("Mª Ángeles", "Núñez-O’Hara", "Aceites del Sur", "ES", "es", "Compras"),
    ("Giulia", "D’Angelo", "Caseificio Bianchi", "IT", "it", "Responsabile impianti"),
    ("Ελένη", "Παπαδοπούλου", "Aegean Desalination", "GR", "el", "Μηχανικός"),
    ("Gülşen", "Yıldız", "Marmara Tekstil", "TR", "tr", "Bakım müdürü"),
    ("Siobhán", "O’Sullivan", "Shannon Dairies", "IE", "en", "Head of Engineering"),
    ("Priya", "Raghunathan", "Deccan Process Cooling", "IN", "en", "Plant head"),
    ("由美子", "田中", "Kitano Seisakusho", "JP", "ja", "設備課長"),
    ("Thabo", "Nkosi", "Highveld Mining Services", "ZA", "en", "Head of Pumps"),
    ("Chinonso", "Okafor", "Lagos Water Works", "NG", "en", "Operations"),
    ("Akosua", "Mensah", "Volta Cocoa", "GH", "en", "Maintenance head"),
    ("João", "Conceição", "Usina Santa Rita", "BR", "pt", "Gerente industrial"),
    ("X Æ", "Null", "Null Island Fisheries", "US", "en", "Owner"),
    ("Nguyễn", "Thị Hoa", "Mekong Seafood", "VN", "vi", "Trưởng phòng kỹ thuật"),
)
"""first name, last name, company, country, language, job"""

_ROMAN = {
    "Ελένη": "eleni", "Παπαδοπούλου": "papadopoulou", "由美子": "yumiko", "田中": "tanaka",
}  # fmt: skip
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "ı": "i", "đ": "d"})


@dataclass
class _Pool:
    """People who have no part yet; when all have one they come again, with a number in the address."""

    random: Random
    free: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)
    round: int = 0

    def take(self, where: tuple[str, ...] | None) -> tuple[tuple[str, str, str, str, str, str], int]:
        fitting = [one for one in self.free if fits(one[3], where)]
        if not fitting:
            self.round += 1
            self.free = [*_POOL]
            self.random.shuffle(self.free)
            fitting = [one for one in self.free if fits(one[3], where)]
        self.free.remove(fitting[0])
        return fitting[0], self.round


def fits(country: str, where: tuple[str, ...] | None) -> bool:
    """Whether somebody from there can play a part that is set `where`."""
    return where is None or (country in where if where else country not in DACH)


def cast(seed: int, many: int) -> list[Person]:
    """The people of the story, in the order in which they arrive. `many` is 1 to MOST."""
    random = Random(seed)
    pool, people = _Pool(random), []
    for number in range(many):
        part = PARTS[number % len(PARTS)]
        (first, last, company, country, language, job), round = pool.take(part.where)
        begin, end = part.script.days
        day = timedelta(days=begin + (end - begin) * random.random())
        people.append(
            Person(
                first, last, company, country, language, job,
                size=random.choice((240, 350, 800, 1200, 4100)) if part.script.big else random.choice((8, 35, 90)),
                address=f"{_slug(first)}.{_slug(last)}{round if round > 1 else ''}@{_slug(company)}.example",
                arrives=max(timedelta(minutes=10), _in_the_daytime(day, random)), script=part.script,
            )
        )  # fmt: skip
    people.sort(key=lambda person: person.arrives)
    return [replace(person, number=number) for number, person in enumerate(people, 1)]


def _in_the_daytime(at: timedelta, random: Random) -> timedelta:
    """Most people fill in forms while they work; the story starts in the morning."""
    days, rest = divmod(at, timedelta(days=1))
    return timedelta(days=days) + (rest * 0.4 if random.random() < 0.85 else rest)


def _slug(text: str) -> str:
    """The part of an address or of a host name that a name makes, in ASCII."""
    text = " ".join(_ROMAN.get(word, word) for word in text.split())
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
