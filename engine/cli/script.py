"""The script language of `coldframe simulate`: what a lead and sales do, one action per line or between semicolons.

submits form whitepaper with country = "DE"
after 2 days clicks email "whitepaper/case-study"
on 2026-09-15 at 10:00 sales accepts
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from dsl.plan import Duration, EventType, Program, Scalar, Send
from dsl.problems.diagnostics import Diagnostic, diagnostic
from dsl.problems.near import did_you_mean, near
from dsl.text.values import BUSINESS_UNITS, UNITS
from dsl.tree.declarations import Span
from engine.cli.lookup import as_written
from engine.cli.script_values import like_this, misfit, plain_value
from engine.cli.script_words import ARTICLES, NOUNS, table_words
from engine.rules.sales.ladder import Act
from engine.simulation.story import Action, When

_TOKEN = re.compile(
    r'(?P<string>["“”„](?:[^"“”\\]|\\.)*["“”]?)|(?P<mark>[=,;])|(?P<comment>#.*)|(?P<word>[^\s,;="“”„]+)'
)
_SUBJECTS = ("lead", "the", "she", "he", "they", "it", "then", "and")
_SALES: dict[str, Act] = {
    "acknowledges": "acknowledge", "contacts": "contacted", "accepts": "accept", "rejects": "reject",
}  # fmt: skip
_MAIL: dict[str, EventType] = {
    "opens": "email.opened", "clicks": "email.clicked", "replies": "email.replied", "bounces": "email.bounced",
    "soft bounces": "email.soft_bounced",
}  # fmt: skip
_THINGS: dict[tuple[str, ...], EventType] = {
    ("visits", "page"): "page.visited", ("visits",): "page.visited",
    ("downloads", "file"): "file.downloaded", ("downloads",): "file.downloaded",
    ("watches", "video"): "video.watched", ("watches",): "video.watched",
    ("registers", "for", "webinar"): "webinar.registered", ("attends", "webinar"): "webinar.attended",
    ("books", "meeting"): "meeting.booked", ("holds", "meeting"): "meeting.held",
    ("calls",): "call.received", ("starts", "chat"): "chat.started",
    ("updates", "cart"): "cart.updated", ("places", "order"): "order.placed",
    ("opens", "deal"): "deal.opened", ("moves", "deal"): "deal.moved", ("wins", "deal"): "deal.won",
    ("loses", "deal"): "deal.lost", ("refunds", "deal"): "deal.refunded", ("happens", "event"): "custom",
}  # fmt: skip
ACTIONS = (
    "submits form", "confirms", "opens email", "clicks email", "clicks link", "replies to email", "bounces",
    "soft bounces",
    "visits page", "downloads file", "watches video", "registers for webinar", "attends webinar", "books meeting",
    "holds meeting", "calls", "starts chat", "updates cart", "places order", "opens deal", "moves deal",
    "changes deal", "wins deal", "loses deal", "refunds deal", "happens event", "sales acknowledges",
    "sales contacts", "sales accepts", "sales rejects", "joins list", "leaves list", "joins topic", "changes",
    "unsubscribes", "ends after",
)  # fmt: skip
"""What a line can say, for near names."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Script:
    """`actions` is empty when there is an error."""

    actions: tuple[Action, ...]
    diagnostics: tuple[Diagnostic, ...]


class _Wrong(Exception):
    """A line cannot be read; the rest of the script still is."""

    def __init__(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.diagnostic = diagnostic(code, message, span, help)


def read_script(text: str, program: Program, path: str = "script", start: datetime = datetime.min) -> Script:
    """The actions of a script, or every line that cannot be read, with the faulty words underlined.

    `start`: when the story begins, in the lead's own time.
    """
    actions: list[Action] = []
    found: list[Diagnostic] = []
    since = (start.date().isoformat(), f"{start:%H:%M}")
    for tokens, written in _statements(text, path):
        try:
            line = _Line(tokens, written, program, since)
            actions.append(line.action())
            since = line.since
        except _Wrong as wrong:
            found.append(wrong.diagnostic)
    return Script(() if found else tuple(actions), tuple(found))


def _statements(text: str, path: str) -> Iterator[tuple[list[Token], str]]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        tokens: list[Token] = []
        for match in _TOKEN.finditer(line):
            kind, word = str(match.lastgroup), match[0]
            if kind == "comment":
                break
            if kind == "mark" and word == ";":
                if tokens:
                    yield tokens, _written(line, tokens)
                tokens = []
                continue
            span = Span(path, number, match.start() + 1, number, match.end() + 1)
            tokens.append(Token(kind, word, span))
        if tokens:
            yield tokens, _written(line, tokens)


def _written(line: str, tokens: list[Token]) -> str:
    return line[tokens[0].span.column - 1 : tokens[-1].span.end_column - 1]


class _Line:
    """One statement: reads its tokens from left to right. `since`: the day and time the story has come to."""

    def __init__(self, tokens: list[Token], written: str, program: Program, since: tuple[str, str]) -> None:
        self.tokens, self.written, self.program, self.since = tokens, written, program, since
        self.place = 0

    def action(self) -> Action:
        when = self._when()
        said = self.written[self._peek_column() :] if self._more() else self.written
        self._skip(*_SUBJECTS)
        action = self._verb()
        if self._more():
            raise self._wrong("S003", f"unexpected `{self._rest()}`", self._rest_span(), "delete it")
        return replace(action, when=when if action.kind != "end" or action.when == When() else action.when, text=said)

    # ── when ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _when(self) -> When:
        if self._take("after") or self._take("wait") or self._take("waits") or self._coming_time("in"):
            return When(after=self._duration())
        if self._coming_time():
            duration = self._duration()
            self._take("later")
            return When(after=duration)
        day = self._day() if self._take("on") else None
        span = self.tokens[self.place - 1].span
        clock = self._clock() if self._take("at") else None
        if day is not None:
            if (day, clock or "24:00") < self.since:
                message = f"the script is already at {' '.join(self.since).strip()} here"
                help = "write dates in order; `--start` sets when the simulation begins"
                raise self._wrong("S005", message, span, help)
            self.since = max(self.since, (day, clock or ""))
        return When(day=day, time=clock)

    def _coming_time(self, *before: str) -> bool:
        """Whether a number comes next, after these words, which are stepped over then."""
        at = self.place + len(before)
        if at < len(self.tokens) and self.tokens[at].text.isdecimal() and self.tokens[at].kind == "word":
            return self._take(*before)
        return False

    def _duration(self) -> Duration:
        totals = {"months": 0, "days": 0, "minutes": 0, "business_days": 0, "business_minutes": 0}
        start = self._peek_span()
        while self._more() and self.tokens[self.place].text.isdecimal() and self.tokens[self.place].text.isascii():
            number, business = int(self._next().text), self._take("business")
            units = BUSINESS_UNITS if business else UNITS
            unit = self._next("a unit, such as `days`")
            if unit.text.removesuffix("s") not in units:
                close = near(unit.text, [name + "s" for name in units])
                raise self._wrong("S004", f"`{unit.text}` is not a unit of time", unit.span, did_you_mean(close))
            name, factor = units[unit.text.removesuffix("s")]
            totals[name] += number * factor
        if not any(totals.values()) or max(totals.values()) > 5 * 366 * 24 * 60:
            raise self._wrong("S004", "this time is longer than 5 years, or empty", start, like_this("after 2 days"))
        return Duration(**totals)

    def _day(self) -> str:
        token = self._next("a date")
        try:
            return date.fromisoformat(token.text).isoformat()
        except ValueError:
            message = f"`{token.text}` is not a date"
            raise self._wrong("S004", message, token.span, "write the year first: on 2026-09-03 at 10:00") from None

    def _clock(self) -> str:
        token = self._next("a time")
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", token.text):
            raise self._wrong("S004", f"`{token.text}` is not a time of day", token.span, like_this("at 09:00"))
        return token.text

    # ── what ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _in_table_words(self) -> None:
        """Put the words of the table in the place of near ones, without articles."""
        rest = self.tokens[self.place :]
        rest = [
            one for one, after in zip(rest, [*rest[1:], None], strict=True)
            if not (one.kind == "word" and one.text.lower() in ARTICLES and after and after.text.lower() in NOUNS)
        ]  # fmt: skip
        words = [one.text.lower() if one.kind == "word" else "" for one in rest]
        many, known = table_words(words)
        if many:
            rest = [Token("word", word, rest[0].span) for word in known] + rest[many:]
        self.tokens = [*self.tokens[: self.place], *rest]

    def _verb(self) -> Action:
        self._in_table_words()
        if self._take("submits", "form") or self._take("submits"):
            return self._submit()
        if self._take("confirms"):
            name = self._form("form") if self._take("form") else None
            return Action("confirm", "", name=name)
        if self._take("unsubscribes"):
            named = self._take("from")
            self._take("topic")
            if self._take("everything") or self._take("all"):
                named = False
            return Action("unsubscribe", "", name=self._one_of([t.name for t in self.program.workspace.topics], "topic")
                          if named else None)  # fmt: skip
        if self._take("joins", "topic"):
            return Action("topic", "", name=self._one_of([t.name for t in self.program.workspace.topics], "topic"))
        if self._take("joins", "list"):
            return Action("list", "", name=self._name("the name of a list"))
        if self._take("leaves", "list"):
            return Action("list", "", name=self._name("the name of a list"), without=frozenset(("leaving",)))
        if "deal" not in self.program.all_fields and self._take("changes", "deal"):
            return self._thing("deal.changed")
        if self._take("changes"):
            return self._change()
        if self._take("ends"):
            return Action("end", "", when=When(after=self._duration()) if self._take("after") else When())
        if self._take("sales"):
            return self._sales()
        for words, type in _THINGS.items():
            if self._take(*words):
                return self._thing(type)
        for word, type in _MAIL.items():
            if self._take(*word.split()):
                return self._mail(type)
        return self._unknown()

    def _submit(self) -> Action:
        name = self._form("form")
        form = next(one for one in self.program.forms if one.name == name)
        asked = [ask.field for ask in form.asks] + [field for field, _ in form.hidden]
        asked += form.filled
        data = self._data(asked, f"form `{name}` has no field")
        without = set()
        while self._take("without") or self._take("and"):
            token = self._next("consent, tracking or confirming")
            if token.text not in ("consent", "tracking", "confirming"):
                message = f"unexpected `{token.text}` after `without`"
                raise self._wrong("S003", message, token.span, "use one of consent, tracking, or confirming")
            without.add(token.text)
        return Action("submit", "", name=name, data=data, without=frozenset(without))

    def _change(self) -> Action:
        """`changes company_size to 500`, as another system would tell."""
        known = [n for n, f in self.program.all_fields.items() if not f.measured and n not in ("email", "created")]
        name = self._one_of(known, "field")
        if not self._take("to"):
            raise self._wrong("S003", f"`{name}` needs a value", self._peek_span(), like_this(f"changes {name} to …"))
        return Action("tell", "", data={name: self._value(name)})

    def _sales(self) -> Action:
        token = self._next("what sales does")
        if token.text not in _SALES:
            close = near(token.text, _SALES)
            message = f"no sales action named `{token.text}`"
            raise self._wrong("S001", message, token.span, did_you_mean(close) or f"use one of {', '.join(_SALES)}")
        data: dict[str, Scalar] = {}
        self._take("lead")
        self._take("handoff")
        if self._take("because") or self._take("as"):
            data["reason"] = self._name("a reason")
        return Action("sales", "", act=_SALES[token.text], data=data)

    def _thing(self, type: EventType) -> Action:
        named = self._more() and self.tokens[self.place].text not in ("with",)
        name = self._name("a name") if named else ""
        return Action("event", "", type=type, name=name, data=self._data(None, ""))

    def _mail(self, type: EventType) -> Action:
        link = None
        self._take("to")
        if type == "email.clicked" and self._take("link"):
            link = self._name("an address")
            self._take("in")
        self._take("email")
        templates = {step.template for plan in self.program.campaigns for step in plan.steps if isinstance(step, Send)}
        name = self._one_of(sorted(templates), "email", glob=True) if self._more() else None
        return Action("mail", "", type=type, name=name, link=link)

    def _unknown(self) -> Action:
        words = self._rest()
        close = near(" ".join(words.split()[:2]), ACTIONS) or near(
            words.split()[0], [one.split()[0] for one in ACTIONS]
        )
        help = did_you_mean(close) or "start the line with one of " + ", ".join(ACTIONS)
        raise self._wrong("S001", f"no action named `{words}`", self._rest_span(), help)

    # ── names and values ─────────────────────────────────────────────────────────────────────────────────────────────
    def _form(self, what: str) -> str:
        return self._one_of([form.name for form in self.program.forms], what)

    def _one_of(self, names: list[str], what: str, *, glob: bool = False) -> str:
        token = self._next(f"the name of a {what}")
        name = _inner(token)
        if glob and "*" in name:
            return name
        known = as_written(name, names)
        if known is None:
            raise self._wrong("S002", f"no {what} named `{name}`", token.span, did_you_mean(near(name, names)))
        return known

    def _name(self, what: str) -> str:
        return _inner(self._next(what))

    def _data(self, allowed: list[str] | None, refusal: str) -> dict[str, Scalar]:
        """`with country = "DE", company_size = 500`."""
        data: dict[str, Scalar] = {}
        if not self._take("with"):
            return data
        while True:
            token = self._next("the name of a value")
            if allowed is not None and token.text not in allowed:
                raise self._wrong(
                    "S002", f"{refusal} `{token.text}`", token.span, did_you_mean(near(token.text, allowed))
                )
            if not self._take("="):
                raise self._wrong("S003", f"`{token.text}` needs a value", token.span, like_this(f'{token.text} = "…"'))
            data[token.text] = self._value(token.text)
            if not (self._take(",") or self._take("and")):
                return data

    def _value(self, field: str) -> Scalar:
        token = self._next("a value")
        value = plain_value(_inner(token), quoted=token.kind == "string")
        if why := misfit(self.program, field, value):
            raise self._wrong("S003", why[0], token.span, why[1])
        return value

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _more(self) -> bool:
        return self.place < len(self.tokens)

    def _next(self, what: str = "a word") -> Token:
        if not self._more():
            last = self.tokens[-1].span
            raise self._wrong("S003", f"{what} is missing after `{self.tokens[-1].text}`", last)
        self.place += 1
        return self.tokens[self.place - 1]

    def _take(self, *words: str) -> bool:
        """Step over these words if they come next."""
        coming = self.tokens[self.place : self.place + len(words)]
        if [token.text.lower() for token in coming] != list(words) or any(one.kind == "string" for one in coming):
            return False
        self.place += len(words)
        return True

    def _skip(self, *words: str) -> None:
        while self._more() and self.tokens[self.place].text.lower() in words:
            self.place += 1

    def _peek_span(self) -> Span:
        return self.tokens[min(self.place, len(self.tokens) - 1)].span

    def _peek_column(self) -> int:
        return self.tokens[self.place].span.column - self.tokens[0].span.column

    def _rest(self) -> str:
        return self.written[self._peek_column() :] if self._more() else ""

    def _rest_span(self) -> Span:
        first, last = self._peek_span(), self.tokens[-1].span
        return Span(first.file, first.line, first.column, last.end_line, last.end_column)

    def _wrong(self, code: str, message: str, span: Span, help: str | None = None) -> _Wrong:
        return _Wrong(code, message, span, help)


def _inner(token: Token) -> str:
    if token.kind != "string":
        return token.text
    return re.sub(r"\\(.)", r"\1", token.text[1:].removesuffix(token.text[-1]) if len(token.text) > 1 else "")
