"""The English of every problem, in one place. Codes are stable: a code once given keeps its meaning.

E0xx text and lines · E1xx names · E2xx numbers and times · E3xx conditions and events · E4xx lines in the wrong place ·
E5xx declarations · E6xx flows · W warnings.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsl.problems.messages_lines import BY_LINE, Entry
from dsl.problems.usage import ADVICE, PLACES, SHOWN, USAGE

FIRST_HERE = "it was said first here"


ENTRIES: Mapping[str, Entry] = {
    # ── text and lines ──
    "E001": Entry("this text is never closed", 'put a `"` where it ends, on the same line'),
    "E002": Entry(
        "there is an invisible character here: {character}", "delete it; retyping the line by hand is safest"
    ),
    "E003": Entry("`{text}` has no meaning here ({character})", "{hint}"),
    "E004": Entry("names and texts stand in double quotes, not {text}", 'write `"{inner}"`'),
    "E005": Entry("`{text}` is not written in campaigns", "write `{meant}`"),
    "E006": Entry(
        "this is the mark of an unresolved merge: `{text}`", "choose one of the two versions and delete the marks"
    ),
    "E007": Entry("this file is too large: {size} characters, the limit is {limit}", "split it into several files"),
    "E008": Entry(
        "this looks like a key or password",
        "take it out of the file and make the old one invalid; keys belong into the environment",
    ),
    "E009": Entry("more than {limit} brackets are open at once", "split the condition into several `if` lines"),
    "E010": Entry("`{text}` does not fit here"),
    "E011": Entry("this line ends too early"),
    "E012": Entry(
        "`{text}` is not known inside quotes",
        'only `\\"` and `\\\\` are written with a backslash; for a backslash write `\\\\`',
    ),
    "E013": Entry("`{text}` needs quotes here", 'write `"{text}"`'),
    "E015": Entry(
        "this bracket is never closed", "put a `)` where it ends; a list may go on over lines that are indented deeper"
    ),
    "E014": Entry("this file is not UTF-8 text", "save it as UTF-8 (byte {byte} cannot be read)"),
    "E016": Entry("`{text}` is written without a space", "write `{meant}`"),
    "E017": Entry("`{text}` within which time?", "write `{text} within 7 days`"),
    "E018": Entry(
        "what happens on a date or by inactivity cannot be counted", "leave out `{text}` and what belongs to it"
    ),
    "E019": Entry(
        "this quote ends the text inside of its `{{{{ … }}}}`",
        "inside of `{{{{ … }}}}` write single quotes, like `default('…')`",
    ),
    "E020": Entry(
        "this line is indented with a tab{others}",
        "use four spaces for each step; most editors can convert tabs to spaces",
    ),
    "E021": Entry("the first line of a file cannot be indented", "move it to the left edge"),
    "E022": Entry(
        "this line stands {found} spaces in, between two blocks",
        "use {inner} spaces to stay in the block above, or {outer} to leave it",
    ),
    "E023": Entry("blocks are nested more than {limit} deep", "split the campaign in two and use `enter campaign`"),
    # ── names ──
    "E101": Entry("no field is called `{name}`", "declare it: `field {name} text`"),
    "E102": Entry("no stage is called `{name}`", "{names}"),
    "E103": Entry("there is no template `{name}`", "write it as templates/{name}.md"),
    "E104": Entry("no form is called `{name}`", 'declare it: `form "{name}"`'),
    "E105": Entry("there is no file `{name}`", "put it into the folder files/"),
    "E106": Entry("no campaign is called `{name}`", 'declare it: `campaign "{name}"`'),
    "E107": Entry("no team is called `{name}`", 'declare it: `team "{name}"`'),
    "E108": Entry(
        "no topic is called `{name}`", 'declare it in the workspace: `topic "{name}" "What people will get"`'
    ),
    "E109": Entry("there is no time zone `{name}`", 'zones are named like "Europe/Berlin" or "America/New_York"'),
    "E110": Entry(
        "no scoring is called `{name}`", 'declare it: `scoring "{name}"`, or leave the name out for the default one'
    ),
    "E111": Entry("{noun} {never} `{verb}`", "known are {verbs}, for example `{example}`"),
    "E112": Entry("`{name}` is not a country code", 'countries are two capital letters, like "DE" or "GB"'),
    "E113": Entry("`{name}` is not a language code", 'languages are two small letters, like "en" or "de"'),
    "E114": Entry("`{name}` is not a currency", "currencies are three capital letters, like EUR or USD"),
    "E115": Entry("`{name}` is not one of the choices of {field}", "its choices are {choices}"),
    "E116": Entry(
        "nothing is known of `{noun}` as an event",
        "events are about a form, email, link, page, file, video, webinar, meeting, call, chat, cart, order, deal, "
        "list, segment, topic, campaign, field, lead, score, interest, event, sales, or a date",
    ),
    "E117": Entry("{event} does not carry `{name}`", "it carries {names}"),
    "E118": Entry("`{name}` is not a member of this team", "`away` needs the address of one of the team's members"),
    "E119": Entry(
        "there is no type of field called `{name}`",
        "types are text, number, yes/no, date, moment, money, country, language, phone, url, choice (…), choices (…)",
    ),
    "E120": Entry("`{name}` is not a holiday calendar", 'write a country, like "DE", or a region, like "DE-BY"'),
    "E130": Entry("{kind} `{name}` is declared twice", "give one of the two another name, or delete it"),
    "E131": Entry(
        "two steps of this campaign have the label `{name}`",
        "labels must differ by more than capitals and signs; rename one",
    ),
    "E132": Entry(
        "`{name}` cannot be the name of a field", "the word has a meaning of its own; take another, like `{name}_value`"
    ),
    "E133": Entry("`{name}` cannot be declared: it is built in", "delete the line; every lead has this field"),
    "E134": Entry("a name cannot be empty"),
    "E135": Entry(
        "a name cannot contain `*`", "`*` stands for any ending where a name is used, so it cannot be part of one"
    ),
    "E136": Entry("`{name}` is not a good name for a {kind}", "use letters, digits and `_`: `{meant}`"),
    "E137": Entry("this name is taken: the mails of double opt-in use it", "choose another name"),
    "E141": Entry("no segment is called `{name}`", 'declare it: `segment "{name}"` with its conditions below'),
    "E142": Entry(
        "no interest profile is called `{name}`", 'declare it: `interest "{name}"` with a line like `pages "/x*"` below'
    ),
    "E143": Entry("there is no date for a webinar `{name}`", 'declare it: `webinar "{name}" on 2026-10-06 at 11:00`'),
    "E144": Entry("no field is called `{name}`", "declare it: `field {name} date`"),
    "E138": Entry("two {kind}s have the name `{name}`", "give one of the two another name, or delete it"),
    "E145": Entry(
        "these segments refer to each other in a circle: {path}", "take one of the references out of its segment"
    ),
    "E146": Entry(
        "`{name}` is not a type of what an event carries",
        "write the name first and then its type, like `amount money`; types are text, number, yes/no, date, moment, "
        "money, country, language, phone, url",
    ),
    "E147": Entry("no {kind} has a name like `{name}`", "`*` stands for any ending; known are {known}"),
    "E148": Entry(
        "this name is too long: {size} bytes, the limit is {limit}",
        "links in mails carry it; shorten it (a letter outside a-z counts two to four bytes)",
    ),
    "E149": Entry(
        "there is no template `{name}`, only {file}",
        "nobody reads that file: rename it so that it ends in .md, .html or .mjml",
    ),
    # ── numbers and times ──
    "E202": Entry("`{text}` is not in plain digits and signs", "write `{meant}`"),
    "E203": Entry("`{text}` can be read in two ways", "write `{meant}`"),
    "E204": Entry(
        "`{text}` is too long for a number", "numbers have at most 12 digits before the point and 6 after it"
    ),
    "E205": Entry("a percentage has no place here", "write `{meant}`"),
    "E206": Entry("`{text}` needs a space between number and word", "write `{meant}`"),
    "E207": Entry("`{text}` is not a number", "numbers look like 10 or 2.5"),
    "E208": Entry("`{text}` must be a whole number of at least {least}"),
    "E209": Entry(
        "{text} of what? A time needs a unit", "write `{text} days`, or minutes, hours, weeks, months, years"
    ),
    "E210": Entry(
        "`{text}` is not a unit of time",
        "units are minutes, hours, days, weeks, months, years, business hours and business days",
    ),
    "E211": Entry("there are no business {text}", "write `{number} business days` or `{number} business hours`"),
    "E212": Entry("`{text}` is not a time that can pass", "a time must be more than nothing, for example `1 day`"),
    "E213": Entry("this is longer than 5 years", "the longest time is `5 years`"),
    "E214": Entry("`{text}` must be in whole units", "write a sum instead, for example `2 days 12 hours`"),
    "E215": Entry("`{text}` is not a time of day", "write hours and minutes with two digits each: `{meant}`"),
    "E216": Entry("`{text}` is not a date", "write year, month and day: `{meant}`"),
    "E217": Entry("the date `{text}` does not exist"),
    "E218": Entry(
        "`{text}` is not a day of the week", "days are monday to sunday, small and in full; or a date like 2026-10-06"
    ),
    "E219": Entry("{text} needs a time of day", "write `{meant}`"),
    "E220": Entry("this span ends before it begins", "the first day must not be later than the last"),
    "E221": Entry("this window never opens: it begins and ends at {text}"),
    "E222": Entry(
        "`{text}` is not a span of time to count in",
        "write `per day`, `per week`, `per month` or a time such as `per 7 days`",
    ),
    "E223": Entry("{text} on which day?", "write `wait until tuesday {text}`"),
    "E224": Entry(
        "`{text}` cannot be counted from a day of the calendar", "use whole days, weeks, months or years: `60 days`"
    ),
    "E225": Entry("`enters every {text}` is not a way to enter", "write `enters every time` or `enters every year`"),
    "E230": Entry("`{text}` needs a percent sign here", "write `{text}%`"),
    "E231": Entry("`{text}` is not a share", "a share is more than 0% and at most 100%, like `20%`"),
    "E232": Entry("the arms of this split add up to {total}: {much}", "change them so that they make 100%, {hint}"),
    "E233": Entry("{text} of which currency?", "write `{text} EUR`"),
    "E234": Entry(
        "`{text}` does not say when to start",
        "write `every day`, `every monday`, `every first tuesday of the month` or `every month on the 1st`",
    ),
    "E235": Entry(
        "`{text}` is not a day that every month has",
        "take a day from the 1st to the 28th, or write `every last day of the month`",
    ),
    # ── conditions and events ──
    "E301": Entry("{left} is {left_type}, and {right} is {right_type}: they cannot be compared", "{hint}"),
    "E302": Entry("`{op}` does not go with {left}, which is {kind}", "{hint}"),
    "E303": Entry("{left} alone is not a condition", "say what it should be, for example {example}"),
    "E305": Entry("only `email` can be a free address", "write `email is a free address`"),
    "E306": Entry(
        "a stage can only be compared with the name of a stage",
        "write `stage is {example}` or `stage is at least {example}`",
    ),
    "E307": Entry("{thing} cannot be used here", "{hint}"),
    "E308": Entry("the amount is in {found}, and the workspace counts in {currency}", "write `{amount} {currency}`"),
    "E309": Entry("{noun} `{verb}` needs {missing}", "write {example}"),
    "E310": Entry("{noun} `{verb}` takes no {extra}", "write {example}"),
    "E311": Entry(
        "`{text}` is not a value that can be compared", "texts stand in quotes; dates are written 2026-12-24"
    ),
    "E312": Entry("`once per {unit}` does not go with a rule about {noun}", "write `once per {meant}`"),
    "E313": Entry("no field is called `{name}`, and a text needs quotes", 'write `"{name}"`'),
    "E320": Entry("`has {verb}` is not known", "what a lead did is asked with {verbs}"),
    "E321": Entry("`has {written}` is not known", "known are {examples}"),
    "E322": Entry("`has {written}` is not how it is written", "write `{example}`"),
    "E323": Entry(
        "`since entering` is only for the steps of a campaign",
        "there is no campaign that was entered here; ask with a time: `in the last 30 days`",
    ),
    "E324": Entry("a lead is never in a `{group}`", 'write `in segment "x"`, `in list "x"` or `in campaign "x"`'),
    "E325": Entry(
        "who was in a {group} before is not kept",
        'write `in {group} "{name}"`; only campaigns can be asked with `has been in`',
    ),
    "E326": Entry("`{word} to` is not a condition", 'write `subscribed to "{topic}"`'),
    "E327": Entry(
        "`in the {relation}` is not a time that can be asked for",
        "write `is in the next 30 days`, `is in the last 7 days`, `is in the past` or `is in the future`",
    ),
    "E328": Entry("`in the {relation}` needs a time", "write `is in the {relation} 30 days`"),
    "E329": Entry("{left} is {kind}, not a date", "dates are {names}"),
    "E330": Entry("{text} is not a date", "write a date without quotes: `{meant}`"),
    "E331": Entry("`{name}` is a field of type {type}, not a date", "dates are {names}"),
    "E332": Entry("`in the {relation}` takes no time", "write `in the {meant} {length}`, or leave `{length}` out"),
    "E333": Entry(
        "`and then` goes on with `no`, not with `{text}`", "write `and then no order is placed within 2 hours`"
    ),
    "E334": Entry("{what} does not carry `{name}`, so it cannot be the same", "{hint}"),
    "E335": Entry("`and then no` cannot watch for `{what}`", "wait for the time and then ask with `if`"),
    "E336": Entry("`{word}` alone is not an event", "{hint}"),
    "E337": Entry("`{word} of` is not an event", "write `anniversary of customer_since`"),
    "E338": Entry("`{word}` has no date", 'write the name of a date field, or `webinar "Seals explained"`'),
    "E342": Entry("`tracking` can only be allowed or not", "write `tracking is allowed` or `tracking is not allowed`"),
    "E343": Entry("no event that leads here carries `{name}`", "{hint}"),
    "E344": Entry(
        "`event.{name}` has no event to come from: no run has started here",
        'write the name alone for this event\'s own value, as in `where {name} is "x"`',
    ),
    "E345": Entry(
        "`event.{name}` cannot be asked of an event that is counted or must not follow",
        "leave out the count, or write `and then no … with the same {name} within 2 hours`",
    ),
    "E346": Entry(
        "`{name}` is a field of the lead, and `where` asks the event only",
        'for a text write `"{name}"`; for the event that started the run write `event.{name}`',
    ),
    "E347": Entry("{left} is {kind}, not a date", "count from a date, like `today plus 14 days` or `age of birthday`"),
    "E348": Entry("`{word} of` cannot be asked", "{hint}"),
    "E339": Entry("a birthday needs no field", "write `birthday`; for another date write `anniversary of …`"),
    "W130": Entry("no {kind} is called `{name}`, and others are declared", 'declare it: `{kind} "{name}"{more}`'),
    "W133": Entry(
        "a birthday has a year: this is true at most once in a life",
        "to write on every birthday, let a campaign begin with `starts when birthday`, or `7 days before birthday`",
    ),
    "W131": Entry("this is never true: {why}", "{hint}"),
    "W132": Entry("this is always true: {why}", "{hint}"),
    **BY_LINE,
}


def text(code: str, near: tuple[str, ...], values: Mapping[str, object]) -> tuple[str, str]:
    """Headline and help of one problem."""
    entry = ENTRIES[code]
    shown = _Shown({name: _show(name, value) for name, value in values.items()})
    headline = entry.headline.format_map(shown)
    if near:
        where = values.get("declared")
        help = f"did you mean {_either(near)}?" + (f" It is declared in {where}" if where and len(near) == 1 else "")
    elif code in ("E010", "E011"):
        help = _usage(str(values.get("head", "")), values)
    else:
        help = entry.help.format_map(shown)
    return headline, help


class _Shown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


LONGEST = 80


def _show(name: str, value: object) -> str:
    if name == "context":
        return PLACES.get(str(value), "here")
    if name == "allowed" and isinstance(value, tuple):
        return ", ".join(f"`{SHOWN.get(word, word)}`" for word in value) or "nothing"
    if name == "homes" and isinstance(value, tuple):
        return f"it belongs {' or '.join(PLACES.get(str(home), 'elsewhere') for home in value)}" if value else ""
    if isinstance(value, tuple):
        return ", ".join(f"`{clean(str(item))}`" for item in value)
    return clean(str(value))


def clean(value: str) -> str:
    """What an author wrote, fit for one line of a message."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in value)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def a(noun: str) -> str:
    """The noun with its article."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{clean(name)}`" for name in names)


def _usage(head: str, values: Mapping[str, object]) -> str:
    advice = ADVICE.get((head, str(values.get("text", "")))) or values.get("advice")
    if advice:
        return str(advice)
    first = head.split(" ")[0]
    example = USAGE.get(head) or USAGE.get(first) or (USAGE["+"] if first[:1] in "+-0123456789" else "")
    return f"such a line is written: `{example}`" if example else ""
