"""Which column of an imported table means which field of a lead, by its name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from dsl.plan import LeadField, Program
from dsl.plan.company import MEASURED

CONSENT, WORDING, GIVEN_AT, HOW = "consent", "consent wording", "consent given at", "consent how"
PROOF: Final = (WORDING, GIVEN_AT, HOW)
LIST: Final = "list"
BESIDE: Final = (LIST, CONSENT, *PROOF)
"""Columns that are no fields."""

REPORT: Final = ("coldframe line", "coldframe problem")
"""Columns that a report of bad rows has beside those of the file; a report can be corrected and imported as it is."""

OURS: Final = frozenset({"created", *MEASURED})
"""Fields that say since when a lead is known and where they came from; nobody else writes them."""

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("e mail", "mail", "email address", "e mail address", "mail address", "e mail adresse", "email adresse",
              "mailadresse", "adresse e mail", "courriel", "correo", "correo electrónico", "indirizzo email"),
    "first_name": ("firstname", "given name", "forename", "vorname", "prénom", "prenom", "nombre", "nome"),
    "last_name": ("lastname", "surname", "family name", "nachname", "familienname", "nom", "nom de famille",
                  "apellido", "apellidos", "cognome"),
    "company": ("company name", "organization", "organisation", "account", "account name", "firma", "firmenname",
                "unternehmen", "société", "entreprise", "empresa", "azienda"),
    "job_title": ("title", "job", "position", "funktion", "stelle", "fonction", "poste", "cargo"),
    "phone": ("phone number", "telephone", "tel", "mobile", "mobile phone", "telefon", "telefonnummer", "handy",
              "mobil", "téléphone", "teléfono", "telefono"),
    "country": ("country code", "land", "pays", "país", "pais", "paese"),
    "city": ("town", "stadt", "ort", "ville", "ciudad", "città"),
    "language": ("sprache", "langue", "idioma", "lingua", "locale"),
    "timezone": ("time zone", "zeitzone", "fuseau horaire"),
    "birthday": ("birth date", "birthdate", "date of birth", "geburtstag", "geburtsdatum", "date de naissance"),
    "owner": ("lead owner", "contact owner", "account owner", "zuständig", "betreuer"),
}  # fmt: skip
"""What exports call the built-in fields, beside their own names."""


class BadColumns(ValueError):
    """The columns cannot be imported as they are; `problems` has a sentence for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Columns:
    """`fields`: place → field, `beside`: what of BESIDE stands where, `email`: the place of the address."""

    header: tuple[str, ...]
    email: int
    fields: Mapping[int, LeadField]
    beside: Mapping[str, int]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each column that is read, with what it means."""
        meant = {self.email: "email", **{place: field.name for place, field in self.fields.items()}}
        meant |= {place: name for name, place in self.beside.items()}
        return [(self.header[place], meant[place]) for place in sorted(meant)]


def plain(name: str) -> str:
    """A column's name without what exports differ in: case, underscores, hyphens, marks, blanks."""
    bare = "".join(char if char.isalnum() else " " for char in name.casefold())
    return " ".join(bare.split())


def known_names(program: Program) -> Mapping[str, str]:
    """Plain name → what it means: fields by their own names, by those of exports, and by the labels of forms."""
    found = {plain(label): ask.field for form in program.forms for ask in form.asks for _, label in ask.labels}
    found |= {plain(other): field for field, others in NAMES.items() for other in others}
    found |= {plain(name): name for name in program.all_fields if name not in OURS}
    return found | {plain(name): name for name in BESIDE} | {"lists": LIST}


def count_known(header: Sequence[str], known: Mapping[str, str], renamed: Mapping[str, str]) -> int:
    """How many columns of a row mean something; 0 if none of them is the address, so that it is no header."""
    meant = [renamed.get(name, known.get(plain(name), "")) for name in header]
    return len([one for one in meant if one]) if "email" in meant else 0


def resolve(
    header: Sequence[str], program: Program, renamed: Mapping[str, str], ignored: Iterable[str], *, others: bool = False
) -> Columns:
    """What each column means. `renamed`: column → field, as the caller says; `ignored`: columns to leave out;
    `others`: leave out every column that means nothing. Raises BadColumns."""
    known, left = known_names(program), {plain(name) for name in ignored}
    problems = [*_unused(header, renamed, ignored), *_targets(renamed, program)]
    taken: dict[str, int] = {}
    for place, name in enumerate(header):
        if not plain(name) or plain(name) in left or plain(name) in REPORT:
            continue
        meant = renamed.get(name) or known.get(plain(name))
        if meant is None:
            if not others:
                problems.append(_unknown(name, program))
        elif meant in taken:
            problems.append(f"columns `{header[taken[meant]]}` and `{name}` are both {meant}; pass --ignore for one")
        elif (declared := program.all_fields.get(meant)) is not None and declared.from_crm:
            problems.append(f'only the CRM writes `{meant}`; leave the column out with --ignore "{name}"')
        else:
            taken[meant] = place
    if "email" not in taken:
        problems.insert(0, 'no column has email addresses; name the one that has with --column "NAME=email"')
    if problems:
        raise BadColumns(problems)
    fields = {place: program.all_fields[one] for one, place in taken.items() if one not in ("email", *BESIDE)}
    beside = {one: place for one, place in taken.items() if one in BESIDE}
    return Columns(tuple(header), taken["email"], fields, beside)


def lists_for(wanted: Iterable[str], program: Program) -> tuple[str, ...]:
    """Each list as the campaign files spell it. Raises BadColumns for one that looks like a slip of a known one."""
    patterns = [start.pattern for plan in program.campaigns for start in plan.starts]
    names = [one.name for one in program.lists]
    names += [one.name for one in patterns if one.type == "list.joined" and one.name]
    known = {name.casefold(): name for name in reversed(names)}
    found = dict.fromkeys(known.get(name.casefold(), name) for name in wanted)
    slips = [name for name in found if name.casefold() not in known and near(name, known.values())]
    if slips:
        raise BadColumns(
            [
                f'no list "{name}" in the campaign files; did you mean "{near(name, known.values())[0]}"? '
                "To use a new list, declare it first"
                for name in slips
            ]
        )
    return tuple(found)


def _unused(header: Sequence[str], renamed: Mapping[str, str], ignored: Iterable[str]) -> list[str]:
    """What the caller says of columns that the file does not have."""
    plains = {plain(name) for name in header}
    missing = [name for name in renamed if name not in header]
    missing += [name for name in ignored if plain(name) not in plains]
    return [f"the file has no column `{name}`{_hint(name, header)}" for name in missing]


def _targets(renamed: Mapping[str, str], program: Program) -> list[str]:
    return [
        f"`{meant}` is not a field{_hint(meant, names)}"
        for meant in renamed.values()
        if meant not in (names := [name for name in program.all_fields if name not in OURS] + list(BESIDE))
    ]


def _unknown(name: str, program: Program) -> str:
    names = [one for one in known_names(program).values() if one != "email"]
    close = near(plain(name).replace(" ", "_"), names) or near(plain(name), known_names(program))
    close = tuple(dict.fromkeys(known_names(program).get(plain(one), one) for one in close))
    hint = f'; write --column "{name}={close[0]}" if it is {close[0]}, or' if close else "; write"
    return f'column `{name}` is not a field{hint} --ignore "{name}" to leave it out'


def _hint(name: str, names: Iterable[str]) -> str:
    close = near(name, names)
    return f"; did you mean `{close[0]}`?" if close else ""


def near(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """The one of `names` that looks like the word, whatever their case; none if there is none."""
    lower = {name.casefold(): name for name in names}
    return tuple(lower[one] for one in get_close_matches(word.casefold(), list(lower), n=1, cutoff=0.75))
