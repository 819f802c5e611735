"""The same story twice: on the engine with a real PostgreSQL, and in a simulation. What came of it, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engine.leads import external_changes, intake, lead_clocks
from engine.mail.links import link_id
from engine.model.ports import Report
from engine.sales import handoffs
from engine.sending import feedback
from engine.simulation.doors import Doors
from engine.simulation.simulation import Simulation, deployment_of
from engine.simulation.watcher import Watcher
from tests.support.stage import TUESDAY, Stage

EMAIL = "ann@lead.example"


@dataclass(frozen=True)
class Act:
    """`after` so many minutes: post NAME, click NAME, open, bounced, replied or delivered NAME, page or happen NAME,
    unsubscribe TOPIC, sales ACT."""

    after: int
    verb: str
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = ()


Outcome = dict[str, Any]


async def on_stage(stage: Stage, acts: Sequence[Act], rest: timedelta) -> tuple[UUID | None, Outcome]:
    """The lead's id and what came of it in production's engine."""
    for act in acts:
        await _pass(stage, timedelta(minutes=act.after))
        await _act(stage, act)
        await stage.settle()
    await _pass(stage, rest)
    leads = await stage.rows("SELECT * FROM leads")
    mails = await stage.rows(
        "SELECT * FROM messages WHERE kind IN ('marketing', 'transactional') ORDER BY at, template, state"
    )
    points = await stage.rows("SELECT * FROM points ORDER BY seq, rule, cause")
    moves = await stage.rows("SELECT * FROM stages ORDER BY seq")
    runs = await stage.rows("SELECT * FROM enrolments ORDER BY campaign, number")
    sales = await stage.rows("SELECT * FROM handoffs ORDER BY opened_at")
    events = await stage.rows("SELECT * FROM events ORDER BY seq")
    assert len(leads) <= 1
    return leads[0].id if leads else None, {
        "mails": sorted((m.template, m.visit, m.state, m.reason, m.at) for m in mails),
        "points": sorted((p.seq, p.rule, p.model, float(p.amount), p.thing, p.booked_at) for p in points),
        "stages": [(m.seq, m.stage, m.before, m.at) for m in moves],
        "runs": [(r.campaign, r.number, r.state, r.started_at, r.ended_at) for r in runs],
        "handoffs": [(h.team, h.member, h.outcome, h.reason, h.state["phase"], h.closed_at) for h in sales],
        "events": [(e.seq, e.type, e.name, e.at) for e in events],
        "lead": [(one.stage, {k: float(v) for k, v in one.scores.items()}, one.topics, one.fields) for one in leads],
        "suppressed": [one.suppressed for one in leads],
    }


async def _pass(stage: Stage, span: timedelta) -> None:
    """Let time go by, with the sweeper at work whenever something is due."""
    end = stage.clock.now() + span
    while True:
        due = (await stage.rows("SELECT min(due_at) AS at FROM lead_clock"))[0].at
        if due is None or due > end:
            break
        await stage.pass_time(max(due - stage.clock.now(), timedelta()))
        await lead_clocks.ring_clocks(stage.rt)
        await stage.settle()
    await stage.pass_time(end - stage.clock.now())


async def _act(stage: Stage, act: Act) -> None:
    rt = stage.rt
    match act.verb:
        case "post":
            await stage.post(act.name, act.topics, email=EMAIL, **act.values)
        case "click" | "open" | "bounced" | "replied" | "delivered":
            mail = next((one for one in reversed(stage.mailer.mails) if one.category == act.name), None)
            if mail is not None and act.verb in ("bounced", "replied", "delivered"):
                fate: Any = act.verb
                await feedback.report(rt, Report(mail.message_id, fate))
            elif mail is not None and act.verb == "click":
                await intake.click(rt, mail.message_id, link_id(f"https://acme.example/{act.name}"))
            elif mail is not None:
                await intake.opened(rt, mail.message_id)
        case "tell":
            await external_changes.tell(rt, EMAIL, act.values)
        case verb if "." in verb:
            other: Any = verb
            await intake.record(rt, intake.Occurrence(other, act.name, act.values, email=EMAIL))
        case "page" | "happen":
            type: Any = "page.visited" if act.verb == "page" else "custom"
            await intake.record(rt, intake.Occurrence(type, act.name, act.values, email=EMAIL))
        case "unsubscribe":
            for lead in await stage.rows("SELECT id FROM leads"):
                await intake.unsubscribe(rt, lead.id, act.name or None, "page")
        case "sales":
            for one in await stage.rows("SELECT id, member FROM handoffs WHERE outcome IS NULL"):
                action: Any = act.name
                await handoffs.act(rt, one.id, action, one.member or "", act.values.get("reason"))


async def in_simulation(
    stage: Stage, acts: Sequence[Act], rest: timedelta, lead: UUID | None, *, start: datetime = TUESDAY
) -> Outcome:
    """What comes of it in a simulation of what is deployed on the stage, for a lead of the same id."""
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    assets = {f"templates/{path}": text.encode() for path, text in deployed.templates.items()}
    sim = Simulation(deployment_of(deployed.program, assets), start, Watcher(), render=True)
    doors, person = Doors(sim), sim.person(EMAIL)
    person.lead = person.lead.changed(id=lead or person.lead.id)
    for act in acts:
        sim.run(sim.now + timedelta(minutes=act.after))
        match act.verb:
            case "post":
                form = sim.deployment.forms[act.name]
                doors.submit(person, form, {"email": EMAIL, **act.values}, act.topics, new=not person.log)
            case "click" | "open":
                if letter := person.last_letter(act.name):
                    click = act.verb == "click"
                    link = f"https://acme.example/{act.name}" if click else ""
                    doors.mail_event(person, letter, "email.clicked" if click else "email.opened", link)
            case "bounced" | "replied" | "delivered":
                fate: Any = f"email.{act.verb}"
                if letter := person.last_letter(act.name):
                    doors.mail_event(person, letter, fate)
            case "tell":
                doors.tell(person, act.values)
            case verb if "." in verb:
                other: Any = verb
                doors.happens(person, other, act.name, act.values)
            case "page" | "happen":
                doors.happens(person, "page.visited" if act.verb == "page" else "custom", act.name, act.values)
            case "unsubscribe" if person.log:
                doors.unsubscribe(person, act.name or None)
            case "sales":
                action: Any = act.name
                sim.sales.act(person, action, act.values.get("reason"))
        sim.settle()
    sim.run(sim.now + rest)
    known = [(person.lead.stage, dict(person.lead.scores), dict(person.lead.topics), dict(person.lead.fields))]
    runs = sorted(person.runs, key=lambda one: (one.campaign, one.number))
    moves = [one for one in person.log if one.type == "stage.entered"]
    return {
        "mails": sorted((m.send.template, m.visit, m.state, m.reason, m.at) for m in person.letters),
        "points": sorted((p.seq, p.rule, p.model, p.amount, p.thing, p.booked_at) for p in person.points),
        "stages": [(m.seq, m.name, m.data["before"], m.at) for m in moves],
        "runs": [(r.campaign, r.number, r.state, r.started_at, r.ended_at) for r in runs],
        "handoffs": [
            (h.state.team, h.state.member, h.state.outcome, h.state.reason, h.state.phase, h.state.closed_at)
            for h in person.handovers
        ],
        "events": [(e.seq, e.type, e.name, e.at) for e in person.log],
        "lead": known if person.log else [],
        "suppressed": [person.lead.suppressed] if person.log else [],
    }  # fmt: skip
