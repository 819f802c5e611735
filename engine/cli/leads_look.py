"""`coldframe leads list`, `show` and `export`, and `coldframe segments`: who is there, and all about one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dsl.problems.near import near_or_known
from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json
from engine.cli.leads_merge import lead_id
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from engine.leads.listing import Found
    from engine.model.lead import Lead
    from engine.platform.settings import Settings


def list_(
    segment: Annotated[str | None, typer.Option(help="Only leads in this segment now.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help="Only leads on this list.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Only leads with a live run in this campaign.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only leads at this stage.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only leads with this value of a field, as country=DE.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show the leads in a segment, list, campaign, or stage.

    The most recently active leads come first; the count is of all.

    Example: `coldframe leads list --stage MQL --where country=DE`
    """
    fields = dict(_pair(one) for one in where or ())
    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_find(settings, url, (segment, list_name, campaign, stage), fields, limit))
    if as_json:
        print_json({"count": found.count, "leads": [_brief(one) for one in found.leads]})
        return
    out.print(f"{found.count} lead{'' if found.count == 1 else 's'}", markup=False)
    for one in found.leads:
        out.print(f"  {one.email}  {one.stage}  {_number(one.scores.get('', 0))}", markup=False, soft_wrap=True)
    if found.count > len(found.leads):
        out.print(f"  and {found.count - len(found.leads)} more; show them with --limit", markup=False)


def show(
    lead: Annotated[str, typer.Argument(help="The lead's email address or id.")],
    at: Annotated[
        str | None, typer.Option(help='Show the score as of this instant, such as "2026-07-01 09:00".')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show everything that is known of a lead.

    Profile, interests, the score with every booking, touches, consents with their history, emails, runs, handoffs,
    and deals. With `--at`, the score and the bookings up to that instant.

    Example: `coldframe leads show ada@lead.example --at 2026-07-01`
    """
    settings = load_settings(reading=True)
    with database(settings) as url:
        found, until = asyncio.run(_everything(settings, url, lead, at))
    if until is not None:
        found["points"] = [one for one in found["points"] if datetime.fromisoformat(one["booked_at"]) <= until]
    score = _scores(found["points"])
    if as_json:
        print_json({**found, "score": score, "as_of": until.isoformat() if until else None})
        return
    for line in _story(found, score, until):
        out.print(line, markup=False, soft_wrap=True, highlight=False)


def export(
    lead: Annotated[str, typer.Argument(help="The lead's email address or id.")],
) -> None:
    """Print everything that is stored about a lead as JSON.

    This answers a person who asks what you know of them.

    Example: `coldframe leads export ada@lead.example > ada.json`
    """
    settings = load_settings(reading=True)
    with database(settings) as url:
        found, _ = asyncio.run(_everything(settings, url, lead, None))
    print_json(found)


def segments(
    limit: Annotated[int, typer.Option(min=0, help="How many members to show of each segment.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show the segments, how many leads are in each, and who.

    Example: `coldframe segments --limit 20`
    """
    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_segments(settings, url, limit))
    if as_json:
        print_json([{"name": name, "count": one.count, "leads": [_brief(lead) for lead in one.leads]}
                    for name, one in found])  # fmt: skip
        return
    if not found:
        out.print("no segments are declared")
    for name, one in found:
        out.print(f"{name}: {one.count}", markup=False)
        for lead in one.leads:
            out.print(f"  {lead.email}", markup=False, soft_wrap=True)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _find(
    settings: Settings, url: str, words: tuple[str | None, ...], fields: Mapping[str, str], limit: int
) -> Found:  # fmt: skip
    from dsl.plan import All, InCampaign
    from engine.cli.export import chosen_by
    from engine.leads.listing import Asked, find
    from engine.runtime.runtime import open_runtime

    segment, list_name, campaign, stage = words
    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        deployment = await rt.catalog.refresh()
        if deployment is None:
            raise Stop(NOTHING_DEPLOYED, FAILED)
        chosen = chosen_by(deployment.program, segment, list_name, stage)
        if campaign is not None:
            names = [one.campaign for one in deployment.program.campaigns]
            inside = InCampaign(name=as_known(campaign, names, "campaign"))
            both = All(items=(chosen.condition, inside)) if chosen.condition is not None else inside
            chosen = replace(chosen, condition=both)
        for name in fields:
            if name != "email":
                as_known(name, list(deployment.program.all_fields), "field")
        return await find(rt, Asked(chosen, fields), limit)


async def _segments(settings: Settings, url: str, limit: int) -> list[tuple[str, Found]]:
    from engine.leads.listing import segments as sorted_by
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        deployment = await rt.catalog.refresh()
        if deployment is None:
            raise Stop(NOTHING_DEPLOYED, FAILED)
        return await sorted_by(rt, deployment.program, limit)


def as_known(name: str, names: Sequence[str], noun: str) -> str:
    """The name as it is declared. Raises Stop."""
    from engine.cli.lookup import as_written

    if (found := as_written(name, names)) is None:
        raise Stop(f"no {noun} named `{name}`: {near_or_known(name, names)}", FAILED)
    return found


async def _everything(
    settings: Settings, url: str, lead: str, at: str | None
) -> tuple[dict[str, Any], datetime | None]:  # fmt: skip
    from engine.cli.instants import Unreadable, instant_of
    from engine.runtime.runtime import open_runtime
    from engine.store.access import everything

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        deployment = await rt.catalog.refresh()
        zone = deployment.program.workspace.timezone if deployment is not None else "UTC"
        try:
            until = instant_of(at, rt.clock.now(), zone) if at is not None else None
        except Unreadable as wrong:
            raise Stop(f"--at: {wrong}") from None
        found = await everything(rt.db, await lead_id(rt, lead))
    if found is None:
        raise Stop(f"`{lead}` was erased", FAILED)
    return found, until


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _story(found: Mapping[str, Any], score: Mapping[str, float], until: datetime | None) -> Iterator[str]:
    lead = found["lead"]
    yield f"{lead['email']}  {lead['stage']}"
    yield f"  id {lead['id']}, known since {_at(lead['created_at'])}"
    if lead["former_addresses"]:
        yield f"  also: {', '.join(lead['former_addresses'])}"
    if lead["suppressed"]:
        yield f"  suppressed: {lead['suppressed']}"
    yield from _part("profile", [f"{name}: {value}" for name, value in {**lead["origin"], **lead["fields"]}.items()])
    yield from _part("interests", [f"{name}: {_number(many)}" for name, many in lead["interests"].items() if many])
    yield from _part("lists", [f"{name}, since {_at(since)}" for name, since in lead["lists"].items()])
    as_of = f" as of {_at(until.isoformat())}" if until else ""
    said = [f"{model or 'default'}: {_number(much)}" for model, much in score.items()]
    yield from _part(f"score{as_of}", said or ["default: 0"])
    yield from _part("bookings", [
        f"{_at(one['booked_at'])}  {_number(float(one['amount']), sign=True)}  {one['rule']}"
        f"{' in ' + one['model'] if one['model'] else ''}" for one in found["points"]
    ])  # fmt: skip
    yield from _part("stages", [f"{_at(one['at'])}  {one['before']} → {one['stage']}" for one in found["stages"]])
    yield from _part("touches", [
        f"{_at(one['at'])}  {one['kind']}: {one['source']['channel']}, {one['source']['source']}"
        for one in found["touches"]
    ])  # fmt: skip
    yield from _part("consents", [
        f"{_at(one['at'])}  {one['topic']}: {one['state']} ({_how(one['record'])})" for one in found["consents"]
    ])  # fmt: skip
    yield from _part("emails", [f"{_at(one['at'])}  {one['template']}: {one['state']}" for one in found["emails"]])
    yield from _part("runs", [
        f"{_at(one['started_at'])}  {one['campaign']}: {one.get('outcome') or one['state']}" for one in found["runs"]
    ])  # fmt: skip
    yield from _part("handoffs", [
        f"{_at(one['opened_at'])}  {one['team']}: {one.get('outcome', 'open')}, {one.get('member', 'unassigned')}"
        for one in found["handoffs"]
    ])  # fmt: skip
    yield from _part("deals", [f"{one['id']}: {one['status']}{_money(one)}" for one in found["deals"]])


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def _how(record: Mapping[str, Any]) -> str:
    return str(record.get("how") or (f"form {record['form']}" if record.get("form") else "no proof"))


def _scores(points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What the bookings add up to, by model."""
    found: dict[str, float] = {}
    for one in points:
        found[one["model"]] = found.get(one["model"], 0.0) + float(one["amount"])
    return found


def _brief(lead: Lead) -> dict[str, Any]:
    return {"id": str(lead.id), "email": lead.email, "stage": lead.stage, "scores": dict(lead.scores),
            "fields": dict(lead.fields), "last_at": lead.last_at.isoformat()}  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise Stop(f"--where {text} needs a value; write --where country=DE")
    return name.strip(), value.strip()


def _at(instant: str) -> str:
    return instant[:16].replace("T", " ") + " UTC"


def _money(deal: Mapping[str, Any]) -> str:
    if deal.get("amount") is None:
        return ""
    from engine.rules.deals.money import decimal_text

    return f", {decimal_text(deal['amount'], deal['currency'])} {deal['currency']}"


def _number(value: float, *, sign: bool = False) -> str:
    from engine.wording.terms import number

    return f"{'+' if sign and value >= 0 else ''}{number(float(value))}"
