"""A generated company as rows of the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from engine.rules.tracking.classify import Source
from engine.store import tables
from engine.store.db import Database
from engine.store.kept import form_days
from engine.store.measured import mail_hits, sessions, sources, touches, visit_days
from engine.store.money import deal_events, deals, rates, spend
from engine.store.sources import source_id
from tests.reports.company import ACTS, ORDER, PLACES, Bargain, Given, Letter, Person, Run, Story, status_of


async def store(db: Database, story: Story) -> None:
    """Write it all as rows of the log, and mark everything."""
    async with db.engine.begin() as connection:

        async def put(table: Any, rows: list[dict[str, Any]]) -> None:
            if rows:
                await connection.execute(insert(table), rows)

        await put(sources, [_source(one) for one in PLACES])
        await put(tables.leads, [_lead(number, one) for number, one in enumerate(story.people)])
        await put(tables.events, [row for one in story.people for row in _events(one)])
        await put(tables.stages, [row for one in story.people for row in _moves(one)])
        await put(tables.points, [row for one in story.people for row in _points(one)])
        await put(touches, [
            {"lead_id": one.id, "key": touch.key, "source_id": source_id(PLACES[touch.place]), "kind": "visit",
             "seq": touch.seq, "session_id": None, "at": touch.at}
            for one in story.people for touch in one.touched
        ])  # fmt: skip
        await put(sessions, [
            {"id": UUID(int=number * 10 + place), "visitor_id": UUID(int=number), "lead_id": None, "pages": 1,
             "source_id": source_id(PLACES[where]), "landing": "/", "begun": at, "last_at": at}
            for number, stranger in enumerate(story.strangers, 1) for place, (at, where) in enumerate(stranger)
        ])  # fmt: skip
        await put(visit_days, [
            {"day": day, "source_id": source_id(PLACES[place]), "landing": "/", "visits": many, "visitors": many,
             "pages": many} for day, place, many in story.visits
        ])  # fmt: skip
        await put(form_days, [{"day": day, "form": form, "shown": many} for day, form, many in story.shown])
        await put(spend, [
            {"day": day, "source_id": source_id(PLACES[place]), "amount": amount, "currency": code, "origin": "t",
             "at": datetime(2026, 12, 31, tzinfo=UTC)} for day, place, amount, code in story.spent
        ])  # fmt: skip
        await put(rates, [
            {"day": day, "currency": code, "rate": rate, "origin": "t", "at": datetime(2026, 12, 31, tzinfo=UTC)}
            for day, code, rate in story.rates
        ])  # fmt: skip
        await put(
            deals,
            [
                {"id": one.id, "status": status_of(one), "leads": [story.people[who].id for who in one.people]}
                for one in story.deals
            ],
        )
        await put(deal_events, [row for one in story.deals for row in _facts(one, story.people)])
        plans = await connection.execute(text("SELECT digest FROM plans WHERE campaign = 'Nurture'"))
        digest = plans.scalar_one_or_none() or "none"
        await put(tables.enrolments, [_enrolled(number, one, story, digest) for number, one in enumerate(story.runs)])
        await put(tables.handoffs, [_handed(number, one, story) for number, one in enumerate(story.given)])
        letters = list(enumerate(story.letters))
        await put(tables.messages, [row for number, one in letters for row in _letter(number, one, story)])
        await put(tables.events, [row for number, one in letters for row in _done(number, one, story)])
        await put(mail_hits, [row for number, one in letters for row in _hit(number, one, story)])
        await connection.execute(text("INSERT INTO dirty (lead_id, at) SELECT id, created_at FROM leads"))
        await connection.execute(text("INSERT INTO dirty (deal_id, at) SELECT id, now() FROM deals"))


def _source(one: Source) -> dict[str, Any]:
    return {
        "id": source_id(one), "channel": one.channel, "source": one.source, "medium": one.medium,
        "campaign": one.campaign, "keyword": one.keyword, "content": one.content, "version": 1,
    }  # fmt: skip


def _lead(number: int, one: Person) -> dict[str, Any]:
    place = PLACES[one.place]
    origin = {
        "created_channel": place.channel, "created_source": place.source, "created_medium": place.medium,
        "created_campaign": place.campaign, "created_keyword": place.keyword, "created_by": one.how,
    }  # fmt: skip
    email = f"person{number}@firm.example"
    return {
        "id": one.id, "email": email, "email_key": email, "seq": 999,
        "fields": {key: value for key, value in (("country", one.country), ("plan", one.plan), ("owner", one.owner))
                   if value},
        "scores": {"": sum(said.amount for said in one.points if said.model == "")},
        "segments": {name: {"in": name in one.segments, "of": ""} for name in ("Big", "Near")},
        "interests": {"pumps": len(one.segments)}, "rated": {},
        "stage": one.moves[-1][0] if one.moves else ORDER[0], "topics": {}, "created_at": one.created,
        "last_at": one.created, "origin": {name: value for name, value in origin.items() if value},
    }  # fmt: skip


def _events(one: Person) -> list[dict[str, Any]]:
    """Taken in when they happened, or a while later."""
    happened = [(ACTS[number % len(ACTS)], at) for number, at in enumerate(one.acts)]
    happened += [("handoff.rejected", at) for at in one.rejected]
    return [
        {"lead_id": one.id, "seq": 500 + number, "type": type, "name": "x", "data": {}, "happened_at": at,
         "at": at + timedelta(days=number % 3)}
        for number, (type, at) in enumerate(happened)
    ]  # fmt: skip


def _moves(one: Person) -> list[dict[str, Any]]:
    befores = [ORDER[0], *(stage for stage, _ in one.moves)]
    return [
        {"lead_id": one.id, "seq": number, "stage": stage, "before": before, "reason": "r", "at": at}
        for number, ((stage, at), before) in enumerate(zip(one.moves, befores, strict=False), 1)
    ]  # fmt: skip


def _points(one: Person) -> list[dict[str, Any]]:
    return [
        {"lead_id": one.id, "cause": f"e:{700 + number}", "rule": said.rule, "model": said.model, "seq": 700 + number,
         "amount": said.amount, "thing": said.thing, "score_after": 0, "earned_at": said.at, "booked_at": said.at}
        for number, said in enumerate(one.points)
    ]  # fmt: skip


def _facts(one: Bargain, people: list[Person]) -> list[dict[str, Any]]:
    leads = [people[who].id for who in one.people]
    return [
        {"deal_id": one.id, "number": number, "key": str(number), "digest": "", "type": said.type, "logged": said.type,
         "amount": said.amount, "currency": one.currency if said.amount is not None else None, "leads": leads,
         "stage": said.stage, "owner": said.owner, "whole": False, "dated": True, "happened_at": said.at, "at": said.at}
        for number, said in enumerate(one.said, 1)
    ]  # fmt: skip


def _enrolled(number: int, one: Run, story: Story, digest: str) -> dict[str, Any]:
    return {
        "id": UUID(int=5000 + number), "lead_id": story.people[one.person].id, "campaign": "Nurture",
        "position": {"branches": [], "seen": 0, "path": []},
        "number": number, "digest": digest, "state": "ended" if one.ended else "live", "gen": 0, "cursor": 0,
        "started_at": one.started, "goal_at": one.goal, "held_out": one.held,
        "ended_at": one.started + timedelta(days=31) if one.ended else None,
    }  # fmt: skip


def _handed(number: int, one: Given, story: Story) -> dict[str, Any]:
    return {
        "id": UUID(int=8000 + number), "lead_id": story.people[one.person].id, "source": "c:1", "team": "Sales",
        "note": "", "state": {"phase": "assigned"}, "member": one.member, "outcome": one.outcome,
        "reason": one.reason, "gen": 0,
        "due_at": one.due, "opened_at": one.opened, "acknowledged_at": one.acknowledged, "contacted_at": one.contacted,
        "closed_at": one.closed,
    }  # fmt: skip


def _letter(number: int, one: Letter, story: Story) -> list[dict[str, Any]]:
    return [{
        "id": UUID(int=9000 + number), "owner_id": UUID(int=5000), "step": f"s{number}", "visit": "0", "reason": "",
        "lead_id": story.people[one.person].id, "template": one.template, "kind": "marketing", "state": one.state,
        "attempt": "", "source": "c:1", "subject": "", "at": one.at,
    }]  # fmt: skip


def _done(number: int, one: Letter, story: Story) -> list[dict[str, Any]]:
    """Each twice, since somebody may open an email as often as they like; and never an act of the lead's own."""
    return [
        {"lead_id": story.people[one.person].id, "seq": 10_000 + number * 20 + place, "type": f"email.{what}",
         "name": one.template, "data": {}, "message_id": UUID(int=9000 + number), "happened_at": one.at, "at": one.at}
        for place, what in enumerate((*one.done, *one.done))
    ]  # fmt: skip


def _hit(number: int, one: Letter, story: Story) -> list[dict[str, Any]]:
    kinds = ["machine"] if one.machine else []
    return [
        {"id": UUID(int=70_000 + number), "lead_id": story.people[one.person].id, "message_id": UUID(int=9000 + number),
         "kind": "open", "link": "", "network": "", "client": "c", "agent": "", "signs": [], "judgement": kind,
         "reasons": [], "version": 1, "at": one.at}
        for kind in [*kinds, "human"][:1]
    ]  # fmt: skip
