"""Which CRMs of a deployment this process can reach, and how."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.plan import Crm, Program
from engine.crm.hubspot import HubSpot
from engine.crm.webhooks import Webhooks
from engine.model.crm import CrmPort
from engine.platform.settings import CrmAccess, Settings
from engine.runtime.runtime import Runtime


class NotConnected(Exception):
    """There is no access to this CRM in the settings; the text names the variable and what it needs."""


def access_to(settings: Settings, crm: Crm) -> CrmAccess:
    """Raises NotConnected."""
    found = next((one for name, one in settings.crm.items() if name.casefold() == crm.name.casefold()), None)
    needs = "token" if crm.provider == "hubspot" else "url"
    if found is None or not (found.token if crm.provider == "hubspot" else found.url):
        example = f'{{"{crm.name}": {{"{needs}": "…"}}}}'
        raise NotConnected(f"COLDFRAME_CRM does not say how to reach `{crm.name}`; set it to '{example}'")
    return found


def open_crm(rt: Runtime, crm: Crm) -> CrmPort:
    """A connection to the CRM. Raises NotConnected."""
    access = access_to(rt.settings, crm)
    if crm.provider == "hubspot":
        return HubSpot(access, rt.clock)
    return Webhooks(access, rt.clock, rt.settings.secret.get_secret_value(), private=rt.settings.post_private)


async def ports(rt: Runtime, program: Program) -> Mapping[str, CrmPort]:
    """The process's connections by name of the CRM, opened once; those that nobody can reach are left out."""
    for crm in program.crms:
        if crm.name not in rt.crms:
            try:
                rt.crms[crm.name] = open_crm(rt, crm)
            except NotConnected:
                continue
    return rt.crms
