"""The checked tree becomes the program that is deployed."""

from __future__ import annotations

from typing import Any, cast

from dsl import plan
from dsl.checks.styles import COLORS
from dsl.checks.territories import teams_before
from dsl.lower.conditions import condition, pattern
from dsl.lower.crm import lower_crm
from dsl.lower.flow import lower_campaign, only_if
from dsl.lower.operands import declared, scalar
from dsl.names.ids import Ids
from dsl.names.scope import Scope
from dsl.names.walk import all_statements
from dsl.plan import colors, tags
from dsl.tree import declarations as tree
from dsl.tree.declarations import Hours, Text


def lower(scope: Scope) -> plan.Program:
    """Only for a program without errors. The order of files leaves no trace."""
    program = scope.program
    workspace = _workspace(scope.workspace, scope)
    declared = [_field(field, scope) for field in program.fields]
    campaigns = [lower_campaign(campaign, scope) for campaign in program.campaigns]
    confirmations = [_confirmation(form) for form in program.forms if form.confirm_with]
    return plan.Program(
        workspace=workspace,
        fields=tuple(sorted(declared, key=lambda field: field.name)),
        forms=tuple(sorted((_form(form, scope) for form in program.forms), key=lambda form: form.name)),
        scorings=tuple(sorted((_scoring(s, scope) for s in program.scorings), key=lambda scoring: scoring.name)),
        stages=tuple(_stage(stage, scope) for lifecycle in program.lifecycles for stage in lifecycle.stages),
        teams=_teams(workspace, scope),
        campaigns=tuple(sorted((*campaigns, *confirmations), key=lambda campaign: campaign.campaign)),
        reasons=_reasons(program),
        crms=tuple(sorted((lower_crm(crm) for crm in program.crms), key=lambda crm: crm.name)),
        carried=_carried(program),
        carried_always=tuple(sorted((one.noun.value, _required(one)) for one in program.carried if _required(one))),
        **_names(scope),
    )


def _carried(program: tree.Program) -> tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]:
    said = ((one.noun.value, tuple((name.value, kind.value) for name, kind in one.data)) for one in program.carried)
    return tuple(sorted(said))


def _names(scope: Scope) -> dict[str, Any]:
    """Lists, events, webinars, interests and segments, each by name."""
    program = scope.program
    lists = [
        plan.ContactList(name=one.name.value, description=one.description, source=one.span.source)
        for one in program.lists
    ]
    events = [
        plan.CustomEvent(name=event.name.value, data=_data(event), required=_required(event), source=event.span.source)
        for event in program.events
    ]
    webinars = [
        plan.Webinar(
            name=webinar.name.value,
            date=webinar.date,
            time=webinar.time,
            zone=_value(webinar.zone),
            source=webinar.span.source,
        )
        for webinar in program.webinars
    ]
    interests = [
        plan.Interest(
            name=interest.name.value,
            pages=tuple(page.value for page in interest.pages),
            files=tuple(file.value for file in interest.files),
            emails=tuple(email.value for email in interest.emails),
            source=interest.span.source,
        )
        for interest in program.interests
    ]
    segments = [
        plan.Segment(name=one.name.value, condition=condition(one.condition, scope), source=one.span.source)
        for one in program.segments
        if one.condition is not None
    ]
    found: dict[str, list[Any]] = {
        "lists": lists, "events": events, "webinars": webinars, "interests": interests, "segments": segments,
    }  # fmt: skip
    return {kind: tuple(sorted(things, key=lambda thing: thing.name)) for kind, things in found.items()}


def _data(event: tree.CustomEvent) -> tuple[tuple[str, Any], ...]:
    return tuple((name.value, kind.value) for name, kind in event.data or ())


def _required(event: tree.CustomEvent | tree.Carried) -> tuple[str, ...]:
    return tuple(name.value for name, _ in event.data or () if name.value not in event.optional)


def _reasons(program: tree.Program) -> tuple[str, ...]:
    """Every reason that a campaign names, once, in the order of the alphabet; the first spelling counts."""
    named: dict[str, str] = {}
    for campaign in program.campaigns:
        for statement in all_statements(campaign):
            match statement:
                case tree.Recycle(reason=reason):
                    named.setdefault(reason.key, reason.value)
                case tree.HandOff(cases=cases):
                    for case in cases:
                        if case.reason:
                            named.setdefault(case.reason.key, case.reason.value)
                case _:
                    pass
    return tuple(named[key] for key in sorted(named))


def _workspace(written: tree.Workspace | None, scope: Scope) -> plan.Workspace:
    if written is None:
        return plan.Workspace(name="")
    zone = written.hours.zone.value if written.hours.zone else "UTC"
    return plan.Workspace(
        name=written.name.value,
        timezone=zone,
        languages=tuple(language.value for language in written.languages) or ("en",),
        currency=written.currency.value if written.currency else "EUR",
        sender=_value(written.sender) or "",
        address=_value(written.address) or "",
        quiet_hours=written.quiet_hours,
        mail_limit=written.mail_limit,
        soft_bounces=written.soft_bounces or plan.SOFT_BOUNCES,
        business_hours=_hours(written.hours, plan.BusinessHours(zone=zone)),
        mail_needs_consent=written.mail_needs_consent,
        tracking_needs_consent=written.tracking_needs_consent,
        topics=tuple(plan.Topic(name=topic.name.value, description=topic.description) for topic in written.topics),
        own_sites=tuple(host_of(site.value) for site in written.own_sites),
        spend_files=tuple(pattern.value for pattern in written.spend_files),
        ignored_referrers=tuple(host_of(site.value) for site in written.ignored_referrers),
        channels=tuple(_channel(channel) for channel in written.channels),
        regions=_regions(written.regions),
        visitors_kept=written.visitors_kept,
        windows=written.windows,
        unmailed=tuple(_group(kind, name, scope) for kind, name in written.unmailed),
        events_kept=written.events_kept,
        leads_kept=written.leads_kept,
    )


def _group(kind: Text, name: Text, scope: Scope) -> plan.InSegment | plan.InList:
    if kind.value == "list":
        return plan.InList(name=declared(name, scope.lists))
    asked = scope.segments[name.key].condition
    assert asked is not None, "a segment without lines is an error"
    return plan.InSegment(name=declared(name, scope.segments), condition=condition(asked, scope))


def host_of(site: str) -> str:
    """A host as browsers report it to pages: in lower case, whatever alphabet it is written in."""
    host = site.removeprefix("https://").removeprefix("http://").rstrip("/").lower()
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return host


def _channel(written: tree.Channel) -> plan.ChannelRule:
    tests = (
        (cast(plan.Origin, one.attribute.value), tuple(value.value for value in one.values)) for one in written.tests
    )
    return plan.ChannelRule(name=written.name.value, tests=tuple(tests))


def _regions(written: tuple[tree.Region, ...]) -> tuple[plan.Region, ...]:
    """Several lines of one name make one region."""
    found: dict[str, plan.Region] = {}
    for one in written:
        known = found.get(one.name.key, plan.Region(name=one.name.value, countries=()))
        countries = (*known.countries, *(value.value for value in one.test.values))
        found[one.name.key] = plan.Region(name=known.name, countries=tuple(dict.fromkeys(countries)))
    return tuple(found.values())


def _hours(written: Hours, default: plan.BusinessHours) -> plan.BusinessHours:
    """What is not written comes from `default`."""
    said = {
        "zone": written.zone.value if written.zone else None,
        "days": written.days,
        "start": written.start,
        "end": written.end,
        "more": None if written.days is None else written.more,
        "holidays": None if written.holidays is None else tuple(calendar.value for calendar in written.holidays),
        "closed": written.closed,
    }
    return default.model_copy(update={name: value for name, value in said.items() if value is not None})


def _value(text: Text | None) -> str | None:
    return text.value if text else None


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _form(form: tree.Form, scope: Scope) -> plan.Form:
    asks = tuple(
        plan.Ask(
            field=ask.field.value,
            required=ask.required,
            labels=_by_language(ask.labels, scope),
        )
        for ask in form.asks
    )
    return plan.Form(
        name=form.name.value,
        intent=form.intent.value if form.intent else "other",
        title=_by_language(form.title, scope),
        intro=_by_language(form.intro, scope),
        button=_by_language(form.button, scope),
        style=_style(form.style) if form.style else None,
        asks=asks,
        hidden=tuple((name.value, scalar(value)) for name, value in form.hidden if value is not None),
        filled=tuple(name.value for name, value in form.hidden if value is None),
        consents=tuple(_consent(consent, scope) for consent in form.consents),
        confirm_with=_value(form.confirm_with),
        file=_value(form.file),
        thanks=_value(form.thanks),
        allowed_on=tuple(site.value for site in form.allowed_on),
        source=form.span.source,
    )


def _field(field: tree.Field, scope: Scope) -> plan.LeadField:
    known = scope.fields[field.name.value]
    exact = {choice.casefold(): choice for choice in known.choices}
    labels = tuple((exact[choice.key], _by_language(texts, scope)) for choice, texts in field.labels)
    return known.model_copy(update={"labels": tuple(sorted(labels))}) if labels else known


def _style(style: tree.FormStyle) -> plan.FormStyle:
    said = {name.value: value.value for name, value in style.parts}
    chosen = {name: colors.written(color) for name in COLORS if (color := colors.color_of(said.get(name, "")))}
    return plan.FormStyle(**chosen, logo=said.get("logo", ""))


def _consent(consent: tree.Consent, scope: Scope) -> plan.Consent:
    spoken = scope.workspace.languages if scope.workspace else ()
    first = spoken[0].value if spoken else "en"
    by_language = {language or first: text for language, text in _by_language(consent.wordings, scope)}
    said = sorted(by_language.items(), key=lambda one: one[0] != first)
    topic = scope.topics[consent.topic.key].name.value
    return plan.Consent(wording=said[0][1], topic=topic, wordings=tuple(said) if len(said) > 1 else ())


def _by_language(texts: tuple[tuple[Text | None, Text], ...], scope: Scope) -> tuple[tuple[str, str], ...]:
    """Language and text; the language is empty for the workspace's first, with or without its name. What is written for
    `en` is the first's in a workspace whose first is `en-GB`, unless that has a text of its own."""
    spoken = scope.workspace.languages if scope.workspace else ()
    first = spoken[0].value if spoken else "en"
    said = {tags.written(language.value) if language else "": text.value for language, text in texts}
    main = next((tag for tag in ("", *tags.ancestors(first)) if tag in said), None)
    if main is None:
        return tuple(said.items())
    found = {"" if tag == main else tag: text for tag, text in said.items()}
    alike = any(tag.partition("-")[0] == tags.ancestors(first)[-1] for tag in found)
    return (*found.items(), *([(first, found[""])] if alike and first not in found else []))


def _confirmation(form: tree.Form) -> plan.Plan:
    """The hidden campaign that mails the button of a double opt-in."""
    template = form.confirm_with
    assert template is not None
    name, source = form.name.value, template.span.source
    send = plan.Send(id="", source=source, template=template.value, mode="transactional")
    send = send.model_copy(update={"id": Ids().of(send.kind, send.model_dump(mode="json"))})
    return plan.Plan(
        campaign=f'{plan.CONFIRMING}{name}"',
        source=source,
        starts=(plan.Start(pattern=plan.Pattern(type="form.posted", name=name), source=source),),
        reentry=plan.Reentry(kind="always"),
        entry=send.id,
        steps=(send,),
    )


# ── scoring and lifecycle ────────────────────────────────────────────────────────────────────────────────────────────
def _scoring(scoring: tree.Scoring, scope: Scope) -> plan.Scoring:
    name = scoring.name.value if scoring.name else ""
    ids = Ids()
    rules = []
    for written in scoring.rules:
        rule = plan.Rule(
            id="",
            amount=written.amount,
            pattern=pattern(written.event, scope) if written.event else None,
            condition=condition(written.condition, scope) if written.condition else None,
            limits=tuple(every.limit for every in written.limits),
            expires_after=written.expires_after,
            source=written.span.source,
        )
        content = {"scoring": name, **rule.model_dump(mode="json")}
        rules.append(rule.model_copy(update={"id": ids.of("rule", content)}))
    return plan.Scoring(name=name, rules=tuple(rules))


def _stage(stage: tree.Stage, scope: Scope) -> plan.Stage:
    rules = tuple(
        plan.StageRule(pattern=pattern(rule.event, scope), only_if=only_if(rule, scope), source=rule.span.source)
        for rule in stage.rules
    )
    back = stage.reactivate
    return plan.Stage(
        name=stage.name.value,
        rules=rules,
        reactivate=plan.Reactivation(after=back.after, campaign=declared(back.campaign, scope.campaigns))
        if back
        else None,
        agreed_by=tuple(address.value for address in stage.agreed_by),
        agreed_on=stage.agreed_on,
        outside=stage.outside,
        source=stage.span.source,
    )


# ── teams ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _teams(workspace: plan.Workspace, scope: Scope) -> tuple[plan.Team, ...]:
    before = teams_before(scope)
    teams = (_team(team, before[team.name.key], workspace, scope) for team in scope.program.teams)
    return tuple(sorted(teams, key=lambda team: team.name))


def _taken(team: tree.Team, before: tuple[tree.Team, ...]) -> tree.Condition | None:
    """The team's whole condition: without the leads that the teams before it take."""
    if team.takes is None or not before:
        return team.takes
    others = tuple(tree.Not(one.takes, team.takes.span) for one in before if one.takes is not None)
    return tree.And((team.takes, *others), team.takes.span)


def _team(team: tree.Team, before: tuple[tree.Team, ...], workspace: plan.Workspace, scope: Scope) -> plan.Team:
    limits = {"acknowledge": team.acknowledge, "contact": team.contact, "decide": team.decide}
    said = {name: _limit(limit) for name, limit in limits.items() if limit is not None}
    members = tuple(
        plan.Member(
            email=member.email.value,
            condition=condition(member.condition, scope) if member.condition else None,
            only=member.only,
            up_to=member.up_to,
            away=tuple((away.first, away.last) for away in team.away if away.email.key == member.email.key),
        )
        for member in team.members
    )
    when_full = plan.WhenFull()
    if team.when_full:
        to = _team_name(team.when_full, scope)
        when_full = plan.WhenFull(kind=team.when_full.kind, to=to)
    return plan.Team(
        name=team.name.value,
        takes=condition(takes, scope) if (takes := _taken(team, before)) else None,
        others=team.others,
        hours=_hours(team.hours, workspace.business_hours),
        members=members,
        assign=team.assign or ("round robin",),
        when_full=when_full,
        source=team.span.source,
        **said,
    )


def _team_name(action: tree.Action, scope: Scope) -> str | None:
    if action.to is None or action.kind != "team":
        return _value(action.to)
    return scope.teams[action.to.key].name.value


def _limit(limit: tree.TimeLimit) -> plan.TimeLimit:
    action = plan.Action(kind=limit.then.kind, to=_value(limit.then.to))
    return plan.TimeLimit(within=limit.within, then=action)
