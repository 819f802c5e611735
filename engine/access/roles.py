"""The roles of the people who use the desk, and what each may do. An admin may do everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

Role = Literal["marketing", "sales", "operators", "developers", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
MEANING: dict[Role, str] = {
    "marketing": "campaigns, leads, reports",
    "sales": "their own leads, the work list",
    "operators": "what needs attention, deployments, gates",
    "developers": "the script, forms, API keys",
    "admin": "everything, and users",
}


class UnknownRole(ValueError):
    """There is no role of that name."""


def may(roles: Iterable[str], allowed: Iterable[Role]) -> bool:
    """Whether somebody with `roles` may see what is for those in `allowed`."""
    return not {"admin", *allowed}.isdisjoint(roles)


def roles_of(names: Iterable[str]) -> tuple[Role, ...]:
    """The roles of these names, each once, in their usual order. Raises UnknownRole, with the name."""
    given = {name.strip().lower() for name in names} - {""}
    singular: dict[str, Role] = {"operator": "operators", "developer": "developers", "marketer": "marketing"}
    given = {singular.get(name, name) for name in given}
    for name in sorted(given):
        if name not in ROLES:
            raise UnknownRole(name)
    return tuple(role for role in ROLES if role in given)
