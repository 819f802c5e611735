"""Leads from a file: each row is one transaction of its own, and no row is taken in twice.

A row leaves an event `lead.imported` with a natural key made of the file's fingerprint and the row's content. So an
import that was interrupted is run again as it was: what is in already is passed over. A dry run does the same work and
commits nothing, so what it says is what would happen.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from dsl.plan import Plan, Program, Send
from engine.leads.external_changes import note_import
from engine.leads.given_consent import Given, take_over
from engine.leads.intake import known
from engine.model.lead import Lead
from engine.rules.imports.rows import BadRow, ImportedLead
from engine.rules.leads.suppression import ERASED
from engine.rules.sending.judge import LEFT_TOPIC, NO_CONSENT, forbidden
from engine.rules.tracking.classify import NOT_SET, UNKNOWN, Source
from engine.rules.tracking.sessions import Touch
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, Occurred, lead_transaction
from engine.tracking.paths import Path, note_origin
from engine.tracking.touches import note_touch

AT_ONCE = 4
"""Rows that are worked on together, each of another address."""
BATCH = 100
"""Rows that are read ahead of those being worked on."""
BY_IMPORT = "import"

State = Literal["new", "known", "unchanged", "erased"]


@dataclass(frozen=True)
class Import:
    """What holds for all rows of one import. `digest`: the file's fingerprint; `lists`: what every lead is put on;
    `by`: who imports it; `source`: what made these people known, such as a trade show; `quietly`: start no campaign;
    `fill`: write only fields that are empty."""

    name: str
    digest: str
    by: str
    lists: tuple[str, ...] = ()
    source: str = ""
    quietly: bool = False
    fill: bool = False

    def key(self, row: ImportedLead) -> str:
        """The natural key of a row's event: the same row of the same file, imported in the same way."""
        said: list[object] = [row.key, dict(row.fields), row.lists, [vars(one) for one in row.consents]]
        said += [self.digest, self.lists, self.source, self.quietly, self.fill]
        body = json.dumps(said, sort_keys=True, default=list)
        return f"import:{hashlib.sha256(body.encode()).hexdigest()[:32]}"

    @property
    def origin(self) -> Source:
        return Source("Offline", self.source.casefold()[:200], NOT_SET) if self.source else UNKNOWN


@dataclass(frozen=True)
class Outcome:
    """What became of a row, or would. `entered`: the campaigns, `unmailed`: those of them whose emails this lead would
    not get for lack of consent."""

    state: State
    suppressed: bool = False
    entered: tuple[str, ...] = ()
    unmailed: tuple[str, ...] = ()


@dataclass
class Totals:
    """How many rows came to what; `suppressed` ones are among the new and the known."""

    new: int = 0
    known: int = 0
    unchanged: int = 0
    erased: int = 0
    bad: int = 0
    suppressed: int = 0
    entered: dict[str, int] = field(default_factory=dict)
    unmailed: dict[str, int] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        setattr(self, outcome.state, getattr(self, outcome.state) + 1)
        self.suppressed += outcome.suppressed
        for names, counts in ((outcome.entered, self.entered), (outcome.unmailed, self.unmailed)):
            for name in names:
                counts[name] = counts.get(name, 0) + 1


async def import_leads(
    rt: Runtime, rows: Iterable[ImportedLead | BadRow], options: Import, bad: Callable[[BadRow], None],
    done: Callable[[int], None] = lambda _: None, *, dry: bool = False,
) -> Totals:  # fmt: skip
    """Take the rows in. `bad` is told each row that cannot be, `done` how many more are through.

    The second row with one address is bad. Memory grows by some bytes a row, for the addresses that have been seen.
    """
    totals, seen = Totals(), dict[bytes, int]()
    queue: asyncio.Queue[ImportedLead | None] = asyncio.Queue(BATCH)

    def refuse(row: BadRow) -> None:
        totals.bad += 1
        bad(row)
        done(1)

    async def work() -> None:
        while (row := await queue.get()) is not None:
            outcome = await take_row(rt, row, options, dry=dry)
            totals.add(outcome)
            if outcome.state == "erased":
                bad(BadRow(row.line, (("", WAS_ERASED),), row.cells))
            done(1)

    async def feed() -> None:
        for row in rows:
            if isinstance(row, BadRow):
                refuse(row)
                continue
            digest = hashlib.blake2b(row.key.encode(), digest_size=8).digest()
            if (first := seen.setdefault(digest, row.line)) != row.line:
                refuse(BadRow(row.line, (("", f"The address is on line {first} already."),), row.cells))
            else:
                await queue.put(row)
        for _ in range(AT_ONCE):
            await queue.put(None)

    try:
        async with asyncio.TaskGroup() as group:
            for one in (feed(), *(work() for _ in range(AT_ONCE))):
                group.create_task(one)
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return totals


WAS_ERASED = "This person's data was erased on request, and an import does not bring it back."


async def take_row(rt: Runtime, row: ImportedLead, options: Import, *, dry: bool = False) -> Outcome:
    """One row, one transaction. Raises NothingDeployed."""
    async with lead_transaction(rt, row.key) as work:
        locked = await known(work, row.email, row.key)
        new, key = bool(getattr(locked.row, "created", False)), options.key(row)
        if new and locked.lead.suppressed == ERASED:
            return Outcome("erased")
        joined: list[Occurred] = [("list.joined", name, {}) for name in (*options.lists, *row.lists)]
        ledger = await work.open(locked, also=joined, keys=[key])
        if work.around.repeated is not None:
            return Outcome("unchanged", locked.lead.suppressed is not None)
        await _take(work, row, options, key, new=new)
        if not dry:
            await work.write()
    program = ledger.rules.program
    started = [plan for one in ledger.started if (plan := ledger.rules.plan_of(one.digest)) is not None]
    unmailed = tuple(plan.campaign for plan in started if not _may_mail(plan, program, ledger.lead))
    entered = tuple(plan.campaign for plan in started)
    return Outcome("new" if new else "known", ledger.lead.suppressed is not None, entered, unmailed)


async def _take(work: LeadTransaction, row: ImportedLead, options: Import, key: str, *, new: bool) -> None:
    """Where the lead came from, what the row says of them, and what follows; the touch is the import itself."""
    ledger = work.ledger
    if new:
        note_origin(ledger, Path(options.origin), ledger.now, BY_IMPORT)
    present = ledger.lead.fields if options.fill else {}
    fields = {name: value for name, value in row.fields.items() if present.get(name) in (None, "")}
    given = [Given(one.topic, one.wording, one.given_at, one.how, by=options.by, door="import") for one in row.consents]
    ledger.quiet = options.quietly
    if given:
        await take_over(work, given)
    lists = tuple(dict.fromkeys((*options.lists, *row.lists)))
    more = {"by": options.by} if options.by else {}
    event = note_import(ledger, options.name, fields, lists, more, key, quietly=options.quietly)
    note_touch(work.writes, ledger.lead.id, Touch(f"e:{event.seq}", event.at, options.origin, "import", seq=event.seq))


def _may_mail(plan: Plan, program: Program, lead: Lead) -> bool:
    """Whether consent lets the campaign's emails leave now; suppressed leads are counted on their own."""
    sends = [step for step in plan.steps if isinstance(step, Send)]
    return not {forbidden(step, plan, program, lead) for step in sends} & {NO_CONSENT, LEFT_TOPIC}
