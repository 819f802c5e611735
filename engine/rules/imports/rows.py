"""One row of an imported table becomes what is known of a lead, or the reasons why not. Pure.

Every value is read as forms read it. What only tables know comes on top: days as people of many countries write them,
the cells of a spreadsheet with types of their own, formulas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from dsl.plan import LeadField, Program
from engine.model.lead import TRACKING
from engine.rules.deals.numerals import Order, Unreadable, day_of
from engine.rules.imports.columns import CONSENT, GIVEN_AT, HOW, LIST, WORDING, Columns
from engine.rules.leads.values import Context, FieldValue, Problem, Refused, clean, empty, no, parse_field, yes

Cell = str | int | float | bool | date | time | timedelta | None
"""Text, or a spreadsheet's value with a type of its own."""
Reason = Problem | str
"""A problem with a value as forms have them, or a sentence."""

OLDEST: Final = 1850
"""The first year that a lead's dates may be in."""
MAX_PROOF: Final = 500
"""Characters of a wording, and of how consent was given."""
_SHIELDED = re.compile(r"'[ \u00a0\ufeff]*[=+\-@\t\r\n|%']")
_TEXT = re.compile(r'="([^"]*)"')
_ERROR = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)")
_TIMED = re.compile(r"(.+?)[T ](\d{1,2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?", re.ASCII)
FORMULA: Final = "The cell holds a formula. Put its value there instead."


@dataclass(frozen=True)
class Proof:
    """Consent to `topics` as the caller says it for all rows; what is empty stands in a column."""

    topics: tuple[str, ...] = ()
    wording: str = ""
    given_at: str = ""
    how: str = ""


@dataclass(frozen=True)
class Agreed:
    """Consent to a topic in one row: the wording, the day or instant it was given (ISO 8601), and how."""

    topic: str
    wording: str
    given_at: str
    how: str


@dataclass(frozen=True)
class ImportedLead:
    """`line`: of the file, from 1. `key`: the identity behind the address. An empty cell says nothing and is not among
    the `fields`; `cells` are the row as it stands in the file."""

    line: int
    email: str
    key: str
    fields: Mapping[str, FieldValue]
    lists: tuple[str, ...] = ()
    consents: tuple[Agreed, ...] = ()
    cells: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class BadRow:
    """`reasons`: the column and what is wrong there; "" for the row as a whole. `cells`: as they stand in the file."""

    line: int
    reasons: tuple[tuple[str, Reason], ...]
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How the rows of one file are read. `key_of`: the identity of an address, ValueError for what is none; `today`:
    the company's day; `order`: of days such as 03/04/2026; `language`: in which numbers are written."""

    columns: Columns
    program: Program
    key_of: Callable[[str], str]
    today: date
    proof: Proof = field(default_factory=Proof)
    order: Order | None = None
    language: str | None = None

    def row(self, line: int, cells: Sequence[Cell]) -> ImportedLead | BadRow:
        """What a row says. A row with any wrong cell is bad as a whole."""
        texts = tuple(map(text_of, cells))
        if any(not empty(one) for one in cells[len(self.columns.header) :]):
            said = f"The row has {len(cells)} cells, and the header has {len(self.columns.header)}."
            return BadRow(line, (("", said),), texts)
        padded = [*cells, *(None,) * (len(self.columns.header) - len(cells))]
        reasons: list[tuple[str, Reason]] = []
        email, key = self._address(padded, reasons)
        fields = self._fields(padded, reasons)
        lists, consents = self._lists(padded, reasons), self._consents(padded, reasons)
        if reasons:
            order = {column: place for place, column in enumerate(self.columns.header)}
            return BadRow(line, tuple(sorted(reasons, key=lambda one: order.get(one[0], len(order)))), texts)
        return ImportedLead(line, email, key, fields, lists, consents, texts)

    def _address(self, cells: Sequence[Cell], reasons: list[tuple[str, Reason]]) -> tuple[str, str]:
        column = self.columns.header[self.columns.email]
        try:
            address = clean(text_of(bare(cells[self.columns.email])))
            return address, self.key_of(address)
        except Refused as refused:
            reasons.append((column, refused.problem))
        except ValueError:
            missing = empty(cells[self.columns.email])
            reasons.append((column, "The address is missing." if missing else Problem("email")))
        return "", ""

    def _fields(self, cells: Sequence[Cell], reasons: list[tuple[str, Reason]]) -> dict[str, FieldValue]:
        found: dict[str, FieldValue] = {}
        places = sorted(self.columns.fields.items(), key=lambda one: one[1].type != "country")
        for place, declared in places:  # the country first: it says how to read a phone number
            country = found.get("country")
            context = Context(self.program, str(country) if country else None, self.language)
            try:
                value = self._value(declared, cells[place], context)
            except Refused as refused:
                reasons.append((self.columns.header[place], refused.problem))
            except Unreadable as unreadable:
                reasons.append((self.columns.header[place], str(unreadable)))
            else:
                found |= {} if value is None else {declared.name: value}
        return found

    def _value(self, declared: LeadField, cell: Cell, context: Context) -> FieldValue | None:
        """The typed value of a cell; None for an empty one. Raises Refused and Unreadable."""
        cell, shielded = bare(cell), cell != bare(cell)
        given: object = cell
        if isinstance(cell, date | time | timedelta):
            given = _moment_text(cell, declared.type)
        elif isinstance(cell, str) and not empty(cell):
            if (cell.startswith("=") and not shielded) or _ERROR.fullmatch(cell):
                raise Unreadable(FORMULA)
            if declared.type == "date":
                given = day_of(_without_midnight(cell), self.order, OLDEST).isoformat()
            elif declared.type == "moment" and (found := _TIMED.fullmatch(cell.strip())):
                clock = found[2].rjust(8 if found[2].count(":") == 2 else 5, "0")
                given = f"{day_of(found[1], self.order, OLDEST).isoformat()}T{clock}{found[3] or ''}"
            elif declared.type == "choices":
                return parse_field(declared, _chosen(cell, declared), context)
        elif declared.type not in (("yes/no",) if isinstance(cell, bool) else ("number", "money")):
            given = text_of(cell)
        if declared.type == "email" and not empty(given):
            try:
                self.key_of(str(given))
            except ValueError:
                raise Refused("email") from None
            declared = declared.model_copy(update={"type": "text"})
        return parse_field(declared, [given], context)

    def _lists(self, cells: Sequence[Cell], reasons: list[tuple[str, Reason]]) -> tuple[str, ...]:
        place = self.columns.beside.get(LIST)
        if place is None or empty(cells[place]):
            return ()
        try:
            return tuple(
                dict.fromkeys(clean(one) for one in re.split(r"[;\n]", text_of(bare(cells[place]))) if one.strip())
            )
        except Refused as refused:
            reasons.append((self.columns.header[place], refused.problem))
            return ()

    def _consents(self, cells: Sequence[Cell], reasons: list[tuple[str, Reason]]) -> tuple[Agreed, ...]:
        """The consents of a row, each with its whole proof."""
        try:
            topics = self._topics(cells)
            if not topics:
                return ()
            wording = self._proof(cells, WORDING, self.proof.wording)
            how = self._proof(cells, HOW, self.proof.how)
            given_at = self._given_at(cells)
        except Unreadable as unreadable:
            reasons.append(("consent", str(unreadable)))
            return ()
        except Refused as refused:
            reasons.append(("consent", refused.problem))
            return ()
        return tuple(Agreed(topic, wording, given_at, how) for topic in topics)

    def _topics(self, cells: Sequence[Cell]) -> tuple[str, ...]:
        """A column `consent` says yes or no to the topics of the flag, or names topics itself."""
        place = self.columns.beside.get(CONSENT)
        if place is None:
            return self.proof.topics
        said = cells[place]
        if empty(said) or no(said) or said == 0:
            return ()
        offered = offered_topics(self.program)
        if yes(said) or said == 1:
            if self.proof.topics or len(offered) == 1:
                return self.proof.topics or tuple(offered.values())
            raise Unreadable("Name the topic of the consent, in the column or with --consent.")
        names = [one.strip() for one in re.split(r"[;,\n]", text_of(said)) if one.strip()]
        unknown = [name for name in names if name.casefold() not in offered]
        if unknown:
            raise Unreadable(f"`{unknown[0][:60]}` is not a topic. {_topics_are(offered)}")
        return tuple(dict.fromkeys(offered[name.casefold()] for name in names))

    def _proof(self, cells: Sequence[Cell], column: str, otherwise: str) -> str:
        place = self.columns.beside.get(column)
        said = clean(text_of(bare(cells[place]))) if place is not None else ""
        if not (said or otherwise):
            raise Unreadable(f"The proof of the consent is incomplete: `{column}` is empty.")
        if len(said) > MAX_PROOF:
            raise Refused("long", limit=f"{MAX_PROOF}")
        return said or otherwise

    def _given_at(self, cells: Sequence[Cell]) -> str:
        place = self.columns.beside.get(GIVEN_AT)
        cell = cells[place] if place is not None else None
        said: Cell = self.proof.given_at if empty(cell) else cell
        if empty(said):
            raise Unreadable(f"The proof of the consent is incomplete: `{GIVEN_AT}` is empty.")
        return given_day(said, self.order, self.today)


def proof_for(proof: Proof, columns: Columns, program: Program, order: Order | None, today: date) -> Proof:
    """The proof with its topics as they are declared. Raises Unreadable for one that no row could complete."""
    offered = offered_topics(program)
    if unknown := [name for name in proof.topics if name.casefold() not in offered]:
        raise Unreadable(f"`{unknown[0][:60]}` is not a topic. {_topics_are(offered)}")
    said = {WORDING: proof.wording, GIVEN_AT: proof.given_at, HOW: proof.how}
    if not (proof.topics or CONSENT in columns.beside):
        if lone := [f"--{name.removeprefix('consent ').replace(' ', '-')}" for name, text in said.items() if text]:
            raise Unreadable(f"{lone[0]} needs --consent with the topic that the leads consented to.")
        return proof
    missing = [name for name, text in said.items() if not text and name not in columns.beside]
    if missing:
        flags = " and ".join(f"--{name.removeprefix('consent ').replace(' ', '-')}" for name in missing)
        raise Unreadable(f"Consent needs its proof: pass {flags}, or add the columns {', '.join(missing)}.")
    if proof.given_at:
        given_day(proof.given_at, order, today)
    return Proof(tuple(offered[name.casefold()] for name in proof.topics), proof.wording, proof.given_at, proof.how)


def given_day(said: Cell, order: Order | None, today: date) -> str:
    """When consent was given: a day, or a day with a time, as ISO 8601. Raises Unreadable."""
    text = said.isoformat() if isinstance(said, date) else text_of(said)
    found = _TIMED.fullmatch(text.strip())
    day = day_of(found[1] if found else text, order)
    if day > today:
        raise Unreadable("The consent is from the future.")
    if found is None or (isinstance(said, datetime) and said.time() == time()):
        return day.isoformat()
    return f"{day.isoformat()}T{found[2].rjust(8 if found[2].count(':') == 2 else 5, '0')}{found[3] or ''}"


def offered_topics(program: Program) -> dict[str, str]:
    """What consent can be given to, by its name in lower case: the topics, and `tracking` where it needs consent."""
    found = {one.name.casefold(): one.name for one in program.workspace.topics}
    return found | ({"tracking": TRACKING} if program.workspace.tracking_needs_consent else {})


def _topics_are(offered: Mapping[str, str]) -> str:
    names = [name if topic == TRACKING else topic for name, topic in offered.items()]
    return f"The topics are {', '.join(names)}." if names else "The workspace has no topics."


def bare(cell: Cell) -> Cell:
    """A cell without what shields it from being taken for a formula: `'+49 30 1`, `="0123"`."""
    if not isinstance(cell, str):
        return cell
    if found := _TEXT.fullmatch(cell.strip()):
        return found[1]
    return cell[1:] if _SHIELDED.match(cell) or cell.startswith("''") else cell


def text_of(cell: Any) -> str:
    """A cell as text; whole numbers have no decimals."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _moment_text(cell: date | time | timedelta, type: str) -> str:
    """A spreadsheet's day or instant as text: a day without a time where it has none, or where a day is meant."""
    if isinstance(cell, datetime) and (type == "date" or (cell.time() == time() and type != "moment")):
        return cell.date().isoformat()
    if isinstance(cell, datetime):
        return cell.replace(microsecond=0).isoformat()
    if isinstance(cell, date) and type == "moment":
        return f"{cell.isoformat()}T00:00"
    return text_of(cell)


def _without_midnight(text: str) -> str:
    return re.sub(r"[T ]0?0:00(:00(\.0+)?)?$", "", text.strip())


def _chosen(cell: str, declared: LeadField) -> list[str]:
    """The choices of one cell, divided by semicolons, bars or line ends; by commas only where no choice has one."""
    known = [*declared.choices, *(text for _, texts in declared.labels for _, text in texts)]
    if any(cell.strip().casefold() == choice.casefold() for choice in known):
        return [cell]
    commas = "" if any("," in choice for choice in known) else ","
    return [one for one in re.split(rf"[;|\n{commas}]", cell) if one.strip()]
