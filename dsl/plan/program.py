"""Everything one deployment says."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from dsl.plan.campaign import (
    Plan,
)  # fmt: skip
from dsl.plan.company import (
    BUILT_IN,
    ContactList,
    CustomEvent,
    FieldType,
    Form,
    Interest,
    LeadField,
    Scoring,
    Segment,
    Stage,
    Team,
    Webinar,
    Workspace,
)  # fmt: skip
from dsl.plan.crm import Crm
from dsl.plan.terms import Frozen, digest_of

SCHEMA = 1
"""Version of the shapes in this package. A process refuses a deployment whose schema it cannot read."""


class Program(Frozen):
    """Everything one deployment says."""

    schema_version: int = SCHEMA
    workspace: Workspace
    fields: tuple[LeadField, ...] = Field(default=(), description="declared ones; the built-in ones are BUILT_IN")
    forms: tuple[Form, ...] = ()
    scorings: tuple[Scoring, ...] = ()
    stages: tuple[Stage, ...] = ()
    teams: tuple[Team, ...] = ()
    campaigns: tuple[Plan, ...] = ()
    lists: tuple[ContactList, ...] = ()
    events: tuple[CustomEvent, ...] = ()
    carried: tuple[tuple[str, tuple[tuple[str, FieldType], ...]], ...] = Field(
        default=(), description="declared properties by the noun of an event: deal, order, cart, meeting, call, chat"
    )
    carried_always: tuple[tuple[str, tuple[str, ...]], ...] = Field(
        default=(), description="by noun, the declared properties without which such an event is refused"
    )
    webinars: tuple[Webinar, ...] = ()
    interests: tuple[Interest, ...] = ()
    segments: tuple[Segment, ...] = ()
    crms: tuple[Crm, ...] = ()
    reasons: tuple[str, ...] = Field(
        default=(), description="why a lead is rejected or recycled, as campaigns name them"
    )

    def carried_by(self, type: str) -> dict[str, FieldType]:
        """The properties that the workspace has declared for events of this type."""
        noun = type.partition(".")[0]
        return {name: kind for one, data in self.carried if one == noun for name, kind in data}

    def required_by(self, type: str, name: str) -> tuple[str, ...]:
        """The properties that an event of this type and name must have, as the workspace declares it."""
        if type == "custom":
            found = (one.required for one in self.events if one.name.casefold() == name.casefold())
            return next(found, ())
        if type in ("deal.changed", "deal.refunded"):  # they correct a deal that is known
            return ()
        noun = type.partition(".")[0]
        return tuple(part for one, parts in self.carried_always if one == noun for part in parts)

    @cached_property
    def all_fields(self) -> dict[str, LeadField]:
        return {field.name: field for field in (*BUILT_IN, *self.fields)}

    @cached_property
    def digest(self) -> str:
        return digest_of(self.model_dump(mode="json"))
