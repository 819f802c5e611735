"""Invented leads: plausible values for every field a program knows."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from dsl.plan import LeadField, Program, Scalar

_FIRST = (
    "Ada",
    "Ben",
    "Chloe",
    "David",
    "Elif",
    "Frank",
    "Greta",
    "Hugo",
    "Ines",
    "Jan",
    "Karin",
    "Luis",
    "Mia",
    "Noah",
)
_LAST = ("Adler", "Berger", "Costa", "Dubois", "Eriksen", "Fischer", "Green", "Huber", "Ionescu", "Jansen", "Keller")
_TITLES = ("Engineer", "Head of Operations", "Buyer", "Plant manager", "Werksleiter", "CEO", "Student", "Consultant")
_COUNTRIES = ("DE", "DE", "DE", "AT", "CH", "US", "GB", "FR", "NL", "IT", "RO", "JP")
_CITIES = ("Berlin", "Vienna", "Zurich", "Boston", "Leeds", "Lyon")


def invented(program: Program, chance: Random, number: int) -> dict[str, Scalar]:
    """One lead's fields by name, with an address; about one in six has a free mailbox."""
    first, last, company = chance.choice(_FIRST), chance.choice(_LAST), f"Company {chance.randint(1, 2000)}"
    domain = "gmail.com" if chance.random() < 1 / 6 else f"company{number}.example"
    known: dict[str, Scalar] = {
        "email": f"{first}.{last}.{number}@{domain}".lower(), "first_name": first, "last_name": last,
        "company": company, "job_title": chance.choice(_TITLES), "country": chance.choice(_COUNTRIES),
        "city": chance.choice(_CITIES), "phone": "+49 30 901820",
        "language": chance.choice(program.workspace.languages), "birthday": _day(chance, 1960, 40),
    }  # fmt: skip
    for field in program.fields:
        if field.name not in known and not field.from_crm:
            known[field.name] = _value(field, chance)
    return known


def _value(field: LeadField, chance: Random) -> Scalar:
    match field.type:
        case "number" | "money":
            return round(10 ** chance.uniform(0.7, 3.5))
        case "yes/no":
            return chance.random() < 0.5
        case "date":
            return _day(chance, 2024, 4)
        case "moment":
            return f"{_day(chance, 2024, 4)}T09:00:00+00:00"
        case "choice" | "choices":
            return chance.choice(field.choices)
        case "country":
            return chance.choice(_COUNTRIES)
        case "language":
            return "en"
        case _:
            return f"{field.name} {chance.randint(1, 100)}"


def _day(chance: Random, first: int, years: int) -> str:
    return (date(first, 1, 1) + timedelta(days=chance.randrange(365 * years))).isoformat()
