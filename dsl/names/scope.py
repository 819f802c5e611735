"""All that a name can refer to, gathered once from every file for the checks and for lowering."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsl import plan
from dsl.names.events import spec_of
from dsl.names.memory import Memory
from dsl.plan.carries import Data
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Event, Text

SUFFIXES = (".md", ".html", ".mjml")


@dataclass(frozen=True)
class Scope:
    """Names are found regardless of case under their folded form; fields, stages and paths must be written exactly.
    `unread`: files among the templates whose ending nobody reads, by the name they would have."""

    program: tree.Program
    fields: Mapping[str, plan.LeadField]
    stages: Mapping[str, tree.Stage]
    forms: Mapping[str, tree.Form]
    campaigns: Mapping[str, tree.Campaign]
    teams: Mapping[str, tree.Team]
    scorings: Mapping[str, tree.Scoring]
    topics: Mapping[str, tree.Topic]
    lists: Mapping[str, tree.ContactList]
    events: Mapping[str, tree.CustomEvent]
    carried: Mapping[str, tree.Carried]
    webinars: Mapping[str, tree.Webinar]
    interests: Mapping[str, tree.Interest]
    segments: Mapping[str, tree.Segment]
    templates: frozenset[str]
    unread: Mapping[str, str]
    files: frozenset[str]
    workspace: tree.Workspace | None
    memory: Memory = field(default_factory=Memory, compare=False)

    def looking_at(self, program: tree.Program) -> Scope:
        """The same names, seen by a part of the program."""
        return replace(self, program=replace(program, unreadable=self.program.unreadable))

    def lost(self, *kinds: str) -> bool:
        """Whether a declaration of such a kind could not be read, so that a missing name may be no mistake."""
        return any(kind in self.program.unreadable for kind in kinds)

    def event_data(self, event: Event) -> Data | None:
        """What `where` may ask of an event; None when the compiler cannot know."""
        if event.also:
            alone = replace(event, also=())
            carried = [self.event_data(replace(alone, verb=verb)) for verb in (event.verb, *event.also)]
            known = [data for data in carried if data is not None]
            return {name: kind for data in known for name, kind in data.items()} if len(known) == len(carried) else None
        spec = spec_of(event)
        match spec.type if spec else None:
            case "form.submitted":
                return self._form_data(event)
            case "field.changed":
                field = self.fields.get(event.subject.value) if event.subject else None
                return {"before": field.type, "after": field.type} if field else None
            case "custom":
                return self._custom_data(event)
            case _:
                pass
        declared = self.carried.get(event.noun.value)
        if spec is None or spec.data is None or declared is None:
            return spec.data if spec else None
        return {**spec.data, **{name.value: _type(kind.value) for name, kind in declared.data}}

    def _form_data(self, event: Event) -> Data | None:
        matching = self.matching_forms(event.name)
        names = [ask.field.value for form in matching for ask in form.asks]
        names += [name.value for form in matching for name, _ in form.hidden]
        return {name: self.fields[name].type for name in names if name in self.fields} if matching else None

    def _custom_data(self, event: Event) -> Data | None:
        """What the declarations of all events of that name say; None when one of them says nothing."""
        named = event.name.key if event.name else "*"
        found: dict[str, plan.FieldType] = {}
        matching = [declared for key, declared in self.events.items() if matches(key, named)]
        for declared in matching:
            if declared.data is None:
                return None
            found.update({name.value: _type(type.value) for name, type in declared.data})
        return found if matching else None

    @property
    def declaring(self) -> tuple[tree.CustomEvent | tree.Carried, ...]:
        """The declarations that say what events carry."""
        return (*self.events.values(), *self.carried.values())

    def matching_forms(self, name: Text | None) -> list[tree.Form]:
        if name is None:
            return list(self.forms.values())
        if not name.value.endswith("*"):
            return [self.forms[name.key]] if name.key in self.forms else []
        return [form for key, form in self.forms.items() if matches(key, name.key)]


def matches(name: str, pattern: str) -> bool:
    """`*` at the end stands for any ending; nothing else is special."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def scope_of(program: tree.Program, assets: Collection[str]) -> Scope:
    fields = {one.name: one for one in plan.BUILT_IN}
    for declared in program.fields:
        fields.setdefault(
            declared.name.value,
            plan.LeadField(
                name=declared.name.value,
                type=_type(declared.type.value),
                choices=tuple(choice.value for choice in declared.choices),
                from_crm=declared.from_crm,
                source=declared.span.source,
            ),
        )
    workspace = program.workspaces[0] if program.workspaces else None
    return Scope(
        program=program,
        fields=fields,
        stages={stage.name.value: stage for lifecycle in program.lifecycles for stage in lifecycle.stages},
        forms={form.name.key: form for form in reversed(program.forms)},
        campaigns={campaign.name.key: campaign for campaign in reversed(program.campaigns)},
        teams={team.name.key: team for team in reversed(program.teams)},
        scorings={scoring.name.key: scoring for scoring in reversed(program.scorings) if scoring.name},
        topics={topic.name.key: topic for topic in (workspace.topics if workspace else ())},
        lists={found.name.key: found for found in reversed(program.lists)},
        events={found.name.key: found for found in reversed(program.events)},
        carried={found.noun.value: found for found in reversed(program.carried)},
        webinars={found.name.key: found for found in reversed(program.webinars)},
        interests={found.name.key: found for found in reversed(program.interests)},
        segments={found.name.key: found for found in reversed(program.segments)},
        templates=template_names(assets),
        unread=unread_templates(assets),
        files=frozenset(path.removeprefix("files/") for path in assets if path.startswith("files/")),
        workspace=workspace,
    )


FIELD_TYPES = (
    "text", "long text", "number", "yes/no", "date", "moment", "money", "country", "language", "phone", "url", "choice",
    "choices",
)  # fmt: skip


def _type(written: str) -> Any:
    """A type that does not exist is reported elsewhere, and taken for text here."""
    return written if written in FIELD_TYPES else "text"


def template_names(assets: Iterable[str]) -> frozenset[str]:
    """`templates/a/b.md` and `templates/a/b.de.md` are both the template `a/b`."""
    paths = [path for path in assets if path.startswith("templates/")]
    return frozenset(_template(path) for path in paths if path.endswith(SUFFIXES))


def unread_templates(assets: Iterable[str]) -> dict[str, str]:
    """`templates/a/b.htm` by its name `a/b`; what reads like `b.txt` only accompanies a template."""
    paths = [path for path in assets if path.startswith("templates/")]
    return {_template(path): path for path in sorted(paths) if not path.endswith(SUFFIXES)}


def _template(path: str) -> str:
    folder, _, file = path.removeprefix("templates/").rpartition("/")
    name = file.split(".")[0]
    return f"{folder}/{name}" if folder else name


def unknown(
    problems: Problems, code: str, name: Text, known: Mapping[str, object] | Iterable[str], **values: Any
) -> None:
    """Report a name that nothing has, with what was probably meant and where that is declared."""
    by_written = _written(known)
    close = near(name.value, by_written)
    declared = by_written.get(close[0]) if close else None
    problems.add(code, name.span, near=close, name=name.value, declared=declared, **values)


def no_template(problems: Problems, name: Text, scope: Scope) -> None:
    """Report a template that is not there, or that lies there under a name nobody reads."""
    if found := scope.unread.get(name.value):
        problems.add("E149", name.span, name=name.value, file=found)
    else:
        unknown(problems, "E103", name, scope.templates)


def _written(known: Mapping[str, object] | Iterable[str]) -> dict[str, str | None]:
    """Names as their authors wrote them, with the place of the declaration where there is one."""
    if not isinstance(known, Mapping):
        return dict.fromkeys(known)
    found: dict[str, str | None] = {}
    for key, thing in known.items():
        name = getattr(thing, "name", None)
        text = name.value if isinstance(name, Text) else str(name or key)
        found[text] = name.span.source if isinstance(name, Text) else (getattr(thing, "source", None) or None)
    return found
