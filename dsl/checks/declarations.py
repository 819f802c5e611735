"""Names that are declared, the workspace, fields and forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsl.checks.literals import SITE, URL, check_literal, check_sender
from dsl.checks.references import check_template
from dsl.names.known import CURRENCIES, check_country, check_language, check_zone
from dsl.names.scope import FIELD_TYPES, Scope, unknown
from dsl.plan import BUILT_IN, CONFIRMING, LeadField, tags
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span, Text

HOLIDAYS = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
RESERVED = (
    "and", "or", "not", "in", "is", "has", "no", "at", "then", "event", "score", "stage", "yes", "today", "nothing",
    "known", "unknown",
)  # fmt: skip
MOST_BYTES = 200
"""Of names that are carried in the signed links of mails."""
INTENTS = ("content", "demo", "help", "event", "newsletter", "other")


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_names(scope: Scope) -> list[Diagnostic]:
    """Every name is declared once, and can be a name."""
    problems = Problems()
    program = scope.program
    kinds: tuple[tuple[str, Iterable[Text]], ...] = (
        ("form", (form.name for form in program.forms)),
        ("campaign", (campaign.name for campaign in program.campaigns)),
        ("team", (team.name for team in program.teams)),
        ("scoring model", (scoring.name for scoring in program.scorings if scoring.name)),
        ("topic", (topic.name for workspace in program.workspaces[:1] for topic in workspace.topics)),
        ("list", (one.name for one in program.lists)),
        ("event", (event.name for event in program.events)),
        ("declaration of properties for", (one.noun for one in program.carried)),
        ("webinar", (webinar.name for webinar in program.webinars)),
        ("interest", (interest.name for interest in program.interests)),
        ("segment", (segment.name for segment in program.segments)),
        ("field", (field.name for field in program.fields)),
        ("stage", (stage.name for lifecycle in program.lifecycles[:1] for stage in lifecycle.stages)),
    )
    for kind, names in kinds:
        seen: dict[str, Text] = {}
        for name in names:
            if first := seen.get(name.key):
                problems.add("E130", name.span, kind=kind, name=name.value, related=[at(FIRST_HERE, first.span)])
            seen.setdefault(name.key, name)
            _check_spelling(kind, name, problems)
    return problems.found


def _check_spelling(kind: str, name: Text, problems: Problems) -> None:
    if not name.value.strip():
        problems.add("E134", name.span)
    elif kind == "form" and (size := len(name.value.encode("utf-8", "replace"))) > MOST_BYTES:
        problems.add("E148", name.span, size=size, limit=MOST_BYTES)
    elif kind == "campaign" and name.key.startswith(CONFIRMING):
        problems.add("E137", name.span)
    elif "*" in name.value:
        problems.add("E135", name.span)
    elif kind in ("field", "stage") and "-" in name.value:
        problems.add("E136", name.span, kind=kind, name=name.value, meant=name.value.replace("-", "_"))


def check_single(scope: Scope) -> list[Diagnostic]:
    """One workspace, one lifecycle, one default scoring; and a workspace there must be."""
    problems = Problems()
    program = scope.program
    groups: tuple[tuple[str, str, list[Span]], ...] = (
        ("workspace", "workspace", [workspace.span for workspace in program.workspaces]),
        ("lifecycle", "lifecycle", [lifecycle.span for lifecycle in program.lifecycles]),
        ("scoring model without a name", "scoring", [one.span for one in program.scorings if one.name is None]),
    )
    for what, head, spans in groups:
        for span in spans[1:]:
            problems.add("E502", span, what=what, head=head, related=[at(FIRST_HERE, spans[0])])
    if not program.workspaces and not scope.lost("workspace"):
        declared = [form.span for form in program.forms] + [field.span for field in program.fields]
        declared += [campaign.span for campaign in program.campaigns] + [team.span for team in program.teams]
        declared += groups[1][2] + [scoring.span for scoring in program.scorings]
        if first := min(declared, key=_order, default=None):
            problems.add("E501", first)
    return problems.found


def _order(span: Span) -> tuple[str, int]:
    return span.file, span.line


# ── workspace ────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_workspace(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for workspace in scope.program.workspaces:
        check_hours(workspace.hours, problems)
        for language in workspace.languages:
            check_language(language, problems)
        if workspace.currency and workspace.currency.value not in CURRENCIES:
            upper = workspace.currency.value.upper()
            close = (upper,) if upper in CURRENCIES else near(upper, sorted(CURRENCIES))
            problems.add("E114", workspace.currency.span, near=close, name=workspace.currency.value)
        if workspace.sender:
            check_sender(workspace.sender, problems)
    for campaign in scope.program.campaigns:
        if campaign.sender:
            check_sender(campaign.sender, problems)
    return problems.found


def check_hours(hours: tree.Hours, problems: Problems) -> None:
    """The zone and the holiday calendars of a workspace or team."""
    if hours.zone:
        check_zone(hours.zone, problems)
    for calendar in hours.holidays or ():
        match = HOLIDAYS.fullmatch(calendar.value)
        if match is None:
            problems.add("E120", calendar.span, name=calendar.value)
        else:
            check_country(Text(match[1], calendar.span), problems)


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_fields(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    built_in = {field.name for field in BUILT_IN}
    for field in scope.program.fields:
        if field.name.value in RESERVED:
            problems.add("E132", field.name.span, name=field.name.value)
        elif field.name.value in built_in:
            problems.add("E133", field.name.span, name=field.name.value)
        kind = field.type.value
        if kind not in FIELD_TYPES:
            problems.add("E119", field.type.span, near=near(kind, FIELD_TYPES), name=kind)
        elif kind in ("choice", "choices") and not field.choices:
            problems.add("E524", field.type.span, type=kind, name=field.name.value)
        elif field.choices and kind not in ("choice", "choices"):
            problems.add("E525", field.type.span, type=kind, name=field.name.value)
        for _, repeated in _repeated(field.choices):
            problems.add("E130", repeated.span, kind="choice", name=repeated.value)
        _check_labels(field, scope, problems)
    return problems.found


def _check_labels(field: tree.Field, scope: Scope, problems: Problems) -> None:
    """The words that pages show for choices: for choices that there are, and each for one of them."""
    known = {choice.key: choice for choice in field.choices}
    shown: dict[tuple[str, str], Text] = {}
    for first, repeated in _repeated(choice for choice, _ in field.labels):
        problems.add("E405", repeated.span, what=f'choice "{repeated.value}"', related=[at(FIRST_HERE, first.span)])
    for choice, texts in field.labels:
        if not known:
            problems.add("E552", choice.span, name=field.name.value)
            return
        if choice.key not in known:
            options = tuple(one.value for one in field.choices)
            close = near(choice.value, options)
            problems.add("E115", choice.span, near=close, name=choice.value, field=field.name.value, options=options)
            continue
        _check_languages(texts, scope, problems)
        for language, text in texts:
            other = shown.setdefault((language.key if language else "", text.key), choice)
            taken = other if other.key != choice.key else known.get(text.key)
            if taken and taken.key != choice.key:
                problems.add("E553", text.span, text=text.value, choice=choice.value, other=taken.value)


def _check_languages(texts: Iterable[tuple[Text | None, Text]], scope: Scope, problems: Problems) -> None:
    spoken = scope.workspace.languages if scope.workspace else ()
    languages = {mark for language in spoken for mark in tags.ancestors(language.value)}
    for language, text in texts:
        if language and languages and language.value not in languages:
            problems.add("E527", language.span.to(text.span), language=language.value)


def _repeated(texts: Iterable[Text]) -> Iterator[tuple[Text, Text]]:
    """Each text that was there before, after its first."""
    seen: dict[str, Text] = {}
    for text in texts:
        if first := seen.get(text.key):
            yield first, text
        seen.setdefault(text.key, text)


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_forms(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for form in scope.program.forms:
        _check_asks(form, scope, problems)
        for name, value in form.hidden:
            _check_hidden(name, value, scope, problems)
        for consent in form.consents:
            if consent.topic.key not in scope.topics and not scope.lost("workspace", "topic"):
                unknown(problems, "E108", consent.topic, scope.topics)
        if form.intent and form.intent.value not in INTENTS:
            problems.add("E509", form.intent.span, near=near(form.intent.value, INTENTS), name=form.intent.value)
        if form.confirm_with:
            check_template(form.confirm_with, scope, problems)
        if form.file and form.file.value not in scope.files:
            unknown(problems, "E105", form.file, scope.files)
        elif form.file and (size := len(form.file.value.encode("utf-8", "replace"))) > MOST_BYTES:
            problems.add("E148", form.file.span, size=size, limit=MOST_BYTES)
        _check_places(form, problems)
    return problems.found


def _check_asks(form: tree.Form, scope: Scope, problems: Problems) -> None:
    workspace = scope.workspace
    texts = [*form.title, *form.intro, *form.button]
    for consent in form.consents:
        texts += consent.wordings
        main = workspace.languages[0].value if workspace and workspace.languages else "en"
        if all(language and language.value not in tags.ancestors(main) for language, _ in consent.wordings):
            problems.add("E559", consent.topic.span, topic=consent.topic.value, language=main)
    for ask in form.asks:
        if _fillable(ask.field, scope, problems):
            texts += ask.labels
    _check_languages(texts, scope, problems)
    filled = [*(ask.field for ask in form.asks), *(name for name, _ in form.hidden)]
    for first, repeated in _repeated(filled):
        problems.add("E405", repeated.span, what=repeated.value, related=[at(FIRST_HERE, first.span)])
    if form.asks and not any(ask.field.value == "email" for ask in form.asks):
        problems.add("E507", form.span, name=form.name.value)


def _fillable(name: Text, scope: Scope, problems: Problems) -> LeadField | None:
    field = scope.fields.get(name.value)
    if field is None:
        if not scope.lost("field"):
            unknown(problems, "E101", name, {name: one for name, one in scope.fields.items() if _is_fillable(one)})
    elif field.measured or field.name == "created":
        problems.add("E544", name.span, name=field.name)
    elif field.from_crm or field.name == "owner":
        problems.add("E508", name.span, field=f"`{field.name}`")
    return field


def _is_fillable(field: LeadField) -> bool:
    """Whether a form may fill it."""
    return not (field.measured or field.from_crm or field.name in ("created", "owner"))


def _check_hidden(name: Text, value: tree.Operand | None, scope: Scope, problems: Problems) -> None:
    field = _fillable(name, scope, problems)
    if field is not None and value is not None:
        check_literal(field, value, problems)


def _check_places(form: tree.Form, problems: Problems) -> None:
    if form.thanks and not URL.fullmatch(form.thanks.value):
        problems.add("E505", form.thanks.span, text=form.thanks.value)
    for site in form.allowed_on:
        if SITE.fullmatch(site.value):
            continue
        if URL.fullmatch(site.value) and (start := SITE.match(site.value)):
            problems.add("E506", site.span, text=site.value, meant=start[0])
        else:
            problems.add("E505", site.span, text=site.value)


def check_consent(scope: Scope) -> list[Diagnostic]:
    """Warning: a campaign whose topic no form offers."""
    problems = Problems()
    workspace = scope.workspace
    if workspace is None or not workspace.mail_needs_consent or scope.lost("form"):
        return []
    offered = {consent.topic.key for form in scope.program.forms for consent in form.consents}
    told: dict[str, list[Text]] = {}
    for campaign in scope.program.campaigns:
        if campaign.topic and campaign.topic.key in scope.topics and campaign.topic.key not in offered:
            told.setdefault(campaign.topic.key, []).append(campaign.topic)
    for first, *others in told.values():
        related = [at("also here", other.span) for other in others]
        problems.add("W102", first.span, name=first.value, related=related)
    return problems.found
