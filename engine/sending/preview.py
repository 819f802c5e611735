"""A template rendered for a real or an invented lead, in each of its languages, with what mail programs make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dsl.plan import Program
from engine.mail.compose import Addressed, Kind, compose
from engine.mail.errors import TemplateError
from engine.mail.lint import Warned, lint
from engine.mail.render import ENDINGS
from engine.mail.uses import uses_of
from engine.model.lead import Lead
from engine.platform.tokens import Tokens
from engine.rules.leads.limits import Rules
from engine.runtime.catalog import Deployment
from engine.sending.composing import context_for
from engine.sending.sample_lead import given_for, invented_event, invented_lead, use_of

EVERYTHING, NOTHING = "everything known", "only what every lead has"
_MESSAGE = UUID("00000000-0000-4000-8000-000000000001")
_TOKENS = Tokens(["of the links in previews, which lead nowhere"])


@dataclass(frozen=True)
class Shown:
    """One rendering. `file` is the version that was used, inside the workspace; `variant` says for whom."""

    template: str
    file: str
    language: str
    variant: str
    kind: Kind
    sender: str
    subject: str
    preheader: str
    html: str
    text: str
    warnings: tuple[Warned, ...]


@dataclass(frozen=True)
class Draft:
    """The templates of a workspace that need not be deployed."""

    program: Program
    deployment: Deployment
    now: datetime
    base_url: str

    @staticmethod
    def of(program: Program, assets: Mapping[str, bytes], now: datetime, base_url: str) -> Draft:
        """Raises TemplateError for a template that is not text."""
        templates = {}
        for path, body in assets.items():
            if path.startswith("templates/"):
                try:
                    templates[path.removeprefix("templates/")] = body.decode("utf-8-sig")
                except UnicodeDecodeError:
                    if path.endswith((*ENDINGS, ".txt")):
                        raise TemplateError(path.removeprefix("templates/"), 0, "this file is not UTF-8") from None
        return Draft(program, Deployment(0, program, Rules.of(program, lambda _: None), templates, {}), now, base_url)

    def names(self) -> list[str]:
        """Every template that can be sent, without language and ending; parts are left out."""
        languages = {f".{one}" for one in self.program.workspace.marks}
        found: dict[str, None] = {}
        for path in sorted(self.deployment.renderer.templates):
            stem, _, ending = path.rpartition(".")
            name, dot, mark = stem.rpartition(".")
            stem = name if dot + mark in languages else stem
            if f".{ending}" in ENDINGS and not stem.rpartition("/")[2].startswith("_"):
                found[stem] = None
        return list(found)

    def languages(self, template: str) -> Sequence[str]:
        """The languages the template is written in."""
        return list(self.deployment.renderer.variants(template))

    def show(self, template: str, language: str, lead: Lead | None, *, bare: bool = False) -> Shown:
        """The mail as that lead would get it; None: as an invented one, `bare` when only what is sure is known.

        Raises TemplateError, also where a marketing mail lacks its address or its unsubscribe link.
        """
        plan, send, found = use_of(self.program, template)
        kind: Kind = found or "marketing"
        variant = lead.email or str(lead.id) if lead else NOTHING if bare else EVERYTHING
        if lead is None:
            only = self._sure(template) if bare else None
            lead = invented_lead(self.program, "ada@lead.example", language, self.now, only=only)
        else:
            lead = lead.changed(fields={**lead.fields, "language": language})
        context = context_for(
            lead, self.deployment, _TOKENS, self.base_url, event=invented_event(self.program, self.now, template),
            given=given_for(send, lead), confirm_url=f"{self.base_url}/confirm/example",
        )  # fmt: skip
        owner = str(lead.fields.get("owner") or "")
        sender = (owner if plan.from_owner and owner else plan.sender or "") if plan else ""
        message = Addressed(
            _MESSAGE, lead.id, lead.email or "ada@lead.example", kind, (plan.topic or "") if plan else "", sender
        )
        renderer = self.deployment.renderer
        mail = compose(renderer, template, context, message, _TOKENS, self.base_url, tracked=False).mail
        leaving = compose(renderer, template, context, message, _TOKENS, self.base_url, tracked=True).mail
        rendered = renderer.render(template, context)
        warnings = lint(mail.subject, rendered.preheader, mail.html, mail.text, len(leaving.html.encode()))
        file = renderer.variants(template).get(rendered.language, template)
        return Shown(
            template, f"templates/{file}", language, variant, kind, mail.sender, mail.subject, rendered.preheader,
            mail.html, mail.text, tuple(warnings),
        )  # fmt: skip

    def _sure(self, template: str) -> frozenset[str]:
        """Fields that every lead has who can get this mail."""
        uses = uses_of(self.program)[0].get(template, [])
        return frozenset.intersection(*(use.sure for use in uses)) if uses else frozenset()
