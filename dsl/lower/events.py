"""Checked events become the plan's patterns."""

from __future__ import annotations

from dsl import plan
from dsl.lower.operands import declared, duration, regional, scalar, scoring_name
from dsl.names.events import Spec, also_of, spec_of
from dsl.names.scope import Scope
from dsl.tree import declarations as tree
from dsl.tree.declarations import Event


def happening(
    event: Event, scope: Scope, where: plan.Condition | None, sent: frozenset[str] = frozenset()
) -> plan.Pattern:
    """The event itself, without what must not follow it. `sent`: templates that the campaign itself sends."""
    spec = spec_of(event)
    assert spec is not None, "events were checked before"
    if event.dated:
        return plan.Pattern(type="date.due", dated=_dated(event.dated, scope), where=where)
    name, link = _name(event, spec, scope), None
    if event.noun.value == "link":
        name, link = (event.email.value if event.email else None), name
    to = scalar(event.to) if event.to else None
    if event.to and name and (tags := regional(name, scalar(event.to), scope)):
        asked = plan.In(left=plan.EventRef(name="after"), values=(scalar(event.to), *tags))
        to, where = None, plan.All(items=(asked, where)) if where else asked
    return plan.Pattern(
        type=spec.type,
        also=tuple(found.type for found in also_of(event)),
        name=name,
        link=link,
        own=spec.type.startswith("email.") and name in sent,
        model=scoring_name(event.name, scope) if event.noun.value == "score" else "",
        threshold=float(event.number.raw) if event.number else None,
        to=to,
        before=scalar(event.before) if event.before else None,
        times=int(event.times.raw) if event.times else None,
        within=duration(event.within),
        silent=duration(event.silent),
        where=where,
    )


def absence(absent: tree.Absence, scope: Scope, where: plan.Condition | None) -> plan.Absence:
    what = happening(absent.event, scope, None)
    if what.link:
        exact = plan.Compare(left=plan.EventRef(name="link"), op="eq", right=plan.Value(value=what.link))
        begins = exact.model_copy(update={"op": "starts", "right": plan.Value(value=what.link.removesuffix("*"))})
        link = begins if what.link.endswith("*") else exact
        where = plan.All(items=(link, where)) if where else link
    return plan.Absence(
        type=what.type,
        name=what.name,
        where=where,
        same=absent.same.value if absent.same else None,
        within=duration(absent.within) or plan.Duration(days=1),
    )


def _name(event: Event, spec: Spec, scope: Scope) -> str | None:
    """What the event is about, as its declaration writes it."""
    if event.subject:
        return event.subject.value
    known = {
        "form": scope.forms, "list": scope.lists, "segment": scope.segments, "topic": scope.topics,
        "campaign": scope.campaigns, "webinar": scope.webinars, "interest": scope.interests, "event": scope.events,
    }  # fmt: skip
    if event.name is None or event.noun.value == "score":
        return None
    return declared(event.name, known.get(event.noun.value, {}))


def _dated(written: tree.Dated, scope: Scope) -> plan.Dated:
    yearly = written.word.value in ("birthday", "anniversary")
    field = written.field or written.word
    webinar = declared(written.name, scope.webinars) if written.name else None
    return plan.Dated(
        field=None if webinar else field.value,
        yearly=yearly,
        webinar=webinar,
        offset=duration(written.offset),
        before=written.before,
        time=written.time.raw if written.time else None,
    )
