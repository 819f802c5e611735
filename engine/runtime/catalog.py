"""What is deployed, in memory: program, index, templates and files; and every plan a run may still be on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import ValidationError
from sqlalchemy import func, select, text

from dsl.plan import SCHEMA, Form, Plan, Program, Team, Workspace
from engine.mail.render import Renderer
from engine.rules.conditions.calendar import days_off
from engine.rules.conditions.matching import Index
from engine.rules.leads.limits import Rules
from engine.rules.tracking.ways import Ways
from engine.store.db import Database
from engine.store.tables import assets, deployments, plans

_STOPPED = text("""
SELECT p.name FROM (
    SELECT jsonb_array_elements(program->'campaigns')->>'campaign' AS name FROM deployments WHERE epoch = :epoch) p
JOIN campaign_states s ON s.campaign = lower(p.name) WHERE s.until IS NULL AND s.state = 'stopped'""")
"""Names are compared in lower case by the database alone, whose lower case is not Python's."""


_TEMPLATES = assets.c.path.startswith("templates/")
EARLIER = 4
"""Earlier deployments whose templates are kept ready, those used last."""


class Unreadable(Exception):
    """The deployment was made for a newer version of Coldframe than this process."""


@dataclass(frozen=True)
class Deployment:
    """One epoch, ready to be asked."""

    epoch: int
    program: Program
    rules: Rules
    templates: Mapping[str, str]
    files: Mapping[str, bytes]

    @cached_property
    def renderer(self) -> Renderer:
        return Renderer(self.templates, self.program.workspace)

    @cached_property
    def ways(self) -> Ways:
        return Ways.of(self.program)

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """By casefolded name."""
        return {form.name.casefold(): form for form in self.program.forms}

    @cached_property
    def teams(self) -> Mapping[str, Team]:
        """By casefolded name."""
        return {team.name.casefold(): team for team in self.program.teams}

    @cached_property
    def first_stage(self) -> str:
        return self.rules.order[0] if self.rules.order else ""


class Catalog:
    """The current deployment and the plans of older ones. A plan never changes, so it is read once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._plans: dict[str, Plan] = {}
        self._renderers: OrderedDict[int, Renderer] = OrderedDict()
        self._loading = asyncio.Lock()
        self.current: Deployment | None = None

    async def at(self, epoch: int | None) -> Deployment | None:
        """The deployment a transaction must work with: the epoch its locking statement read."""
        if epoch is not None and (self.current is None or self.current.epoch != epoch):
            async with self._loading:
                if self.current is None or self.current.epoch != epoch:
                    await self._load(epoch)
        return self.current

    async def refresh(self) -> Deployment | None:
        """The newest deployment, or None when nothing was deployed yet."""
        async with self._db.engine.connect() as connection:
            epoch = (await connection.execute(select(func.max(deployments.c.epoch)))).scalar()
        return await self.at(epoch)

    def plan(self, digest: str) -> Plan | None:
        return self._plans.get(digest)

    async def need(self, digests: Iterable[str]) -> None:
        """Read the plans that are not in memory yet."""
        missing = {digest for digest in digests if digest not in self._plans}
        if not missing:
            return
        async with self._db.engine.connect() as connection:
            found = await connection.execute(select(plans.c.digest, plans.c.body).where(plans.c.digest.in_(missing)))
            for digest, body in found:
                self._plans[digest] = Plan.model_validate(body)

    async def renderer(self, epoch: int) -> Renderer | None:
        """What makes mails of an earlier deployment's templates; None when those can no longer be read."""
        if self.current is not None and self.current.epoch == epoch:
            return self.current.renderer
        if epoch in self._renderers:
            self._renderers.move_to_end(epoch)
            return self._renderers[epoch]
        workspace = select(deployments.c.program["workspace"]).where(deployments.c.epoch == epoch)
        parts = select(assets.c.path, assets.c.body).where(assets.c.epoch == epoch)
        async with self._db.engine.connect() as connection:
            declared = (await connection.execute(workspace)).scalar()
            stored = {row.path: row.body for row in await connection.execute(parts.where(_TEMPLATES))}
        try:
            found = Renderer(_texts(stored), Workspace.model_validate(declared))
        except ValidationError:
            return None
        self._renderers[epoch] = found
        if len(self._renderers) > EARLIER:
            self._renderers.popitem(last=False)
        return found

    async def _load(self, epoch: int) -> None:
        async with self._db.engine.connect() as connection:
            row = (await connection.execute(select(deployments).where(deployments.c.epoch == epoch))).one()
            if row.schema_version > SCHEMA:
                raise Unreadable(
                    f"deployment {epoch} needs plan schema {row.schema_version}; this process reads {SCHEMA}"
                )
            of_epoch = select(assets.c.path, assets.c.body).where(assets.c.epoch == epoch)
            bodies = await connection.execute(of_epoch.where(~assets.c.path.startswith("sources/")))
            stored: dict[str, bytes] = {row.path: row.body for row in bodies}
            stopped = set((await connection.execute(_STOPPED, {"epoch": epoch})).scalars())
        program = Program.model_validate(row.program)
        for plan in program.campaigns:
            self._plans[plan.digest] = plan
        # The first look at a country's holidays loads them, which takes long enough to hold up everything else.
        hours = program.workspace.business_hours
        await asyncio.to_thread(days_off, hours.holidays, hours.closed, row.at.year)
        self.current = Deployment(
            epoch=epoch,
            program=program,
            rules=_without(Rules.of(program, self.plan, epoch, row.at), stopped),
            templates=_texts(stored),
            files={path.removeprefix("files/"): body for path, body in stored.items() if path.startswith("files/")},
        )


def _texts(stored: Mapping[str, bytes]) -> dict[str, str]:
    """The templates among the stored files, by their path under `templates/`."""
    prefix = "templates/"
    return {path.removeprefix(prefix): body.decode() for path, body in stored.items() if path.startswith(prefix)}


def _without(rules: Rules, stopped: set[str]) -> Rules:
    """The rules with nothing that leads into a stopped campaign. Stopping one makes a new epoch."""
    if not stopped:
        return rules
    campaigns = tuple(plan for plan in rules.program.campaigns if plan.campaign not in stopped)
    return replace(rules, index=Index(rules.program.model_copy(update={"campaigns": campaigns})))
