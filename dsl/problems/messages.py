"""The English of every problem, in one place. Codes are stable: a code once given keeps its meaning.

E0xx text and lines · E1xx names · E2xx numbers and times · E3xx conditions and events · E4xx lines in the wrong place ·
E5xx declarations · E6xx flows · W warnings.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsl.problems.messages_lines import BY_LINE, Entry
from dsl.problems.near import LONGEST_VALUE, clean, did_you_mean, one_of
from dsl.problems.usage import ADVICE, PLACES, SHOWN, TARGETS, USAGE

FIRST_HERE = "first used here"


ENTRIES: Mapping[str, Entry] = {
    # ── text and lines ──
    "E001": Entry("this text is never closed", 'add a `"` where the text ends, on the same line'),
    "E002": Entry("invisible character: {character}", "delete it; if you cannot see it, type the line again"),
    "E003": Entry("`{text}` has no meaning here ({character})", "{hint}"),
    "E004": Entry("use double quotes here, not {text}", 'write `"{inner}"`'),
    "E005": Entry("`{text}` is not valid in a campaign file", "write `{meant}`"),
    "E006": Entry("unresolved merge conflict: `{text}`", "keep one of the two versions and delete the markers"),
    "E007": Entry("this file is too large: {size} characters, the limit is {limit}", "split it into several files"),
    "E008": Entry(
        "this looks like a key or password", "delete it, revoke the key, and put the new one in an environment variable"
    ),
    "E009": Entry("more than {limit} brackets are open together", "split the condition into several `if` lines"),
    "E010": Entry("unexpected `{text}`"),
    "E011": Entry("this line is incomplete"),
    "E012": Entry("`{text}` is not a valid escape in quotes", 'write `\\\\` for a backslash, or `\\"` for a quote'),
    "E013": Entry("`{text}` needs quotes here", 'write `"{text}"`'),
    "E015": Entry(
        "this bracket is never closed", "add a `)` where the list ends; lines that continue a list are indented deeper"
    ),
    "E014": Entry("this file is not UTF-8 text", "save it as UTF-8 (byte {byte} cannot be read)"),
    "E016": Entry("`{text}` has a space too many", "write `{meant}`"),
    "E017": Entry("`{text}` needs a time span", "write `{text} within 7 days`"),
    "E018": Entry("date and inactivity events cannot be counted", "remove `{text}` and the time span that follows it"),
    "E019": Entry(
        "this quote ends the text inside its `{{{{ … }}}}`", "use single quotes inside `{{{{ … }}}}`: `default('…')`"
    ),
    "E020": Entry("this line is indented with a tab{others}", "use four spaces; most editors can convert tabs"),
    "E021": Entry("the first line of a file cannot be indented", "move it to the left edge"),
    "E022": Entry(
        "this line is indented by {found} spaces, which matches no block",
        "use {inner} spaces to stay in the block above, or {outer} to leave it",
    ),
    "E023": Entry(
        "blocks are nested more than {limit} levels deep", 'split the campaign in two and use `enter campaign "…"`'
    ),
    # ── names ──
    "E101": Entry("no field named `{name}`", "declare it: `field {name} {type}`"),
    "E102": Entry("no stage named `{name}`", "use {options}"),
    "E103": Entry("no template named `{name}`", "create the file `templates/{name}.md`"),
    "E104": Entry("no form named `{name}`", 'declare it: `form "{name}"`'),
    "E105": Entry("no file named `{name}`", "put it in the folder `files/`"),
    "E106": Entry("no campaign named `{name}`", 'declare it: `campaign "{name}"`'),
    "E107": Entry("no team named `{name}`", 'declare it: `team "{name}"`'),
    "E108": Entry("no topic named `{name}`", 'declare it in the workspace: `topic "{name}" "What subscribers get"`'),
    "E109": Entry("no time zone named `{name}`", 'use an IANA name, such as "Europe/Berlin" or "America/New_York"'),
    "E110": Entry(
        "no scoring model named `{name}`", 'declare it: `scoring "{name}"`; or remove the name to use the default model'
    ),
    "E111": Entry("`{noun}` has no event `{verb}`", "use {options}, for example `{example}`"),
    "E112": Entry("`{name}` is not a country code", 'use two capital letters, such as "DE" or "GB"'),
    "E113": Entry(
        "`{name}` is not a language code",
        'use two lower-case letters, with a region if needed, such as "en" or "en-GB"',
    ),
    "E121": Entry(
        "the workspace does not have the language `{name}`",
        'write "{language}"; or add "{name}" to `languages` in the workspace',
    ),
    "E114": Entry("`{name}` is not a currency", "use three capital letters, such as EUR or USD"),
    "E115": Entry("`{name}` is not a choice of `{field}`", "use {options}"),
    "E116": Entry(
        "unknown event `{noun}`",
        "start the event with one of form, email, link, page, file, video, webinar, meeting, call, chat, cart, order, "
        "deal, list, segment, topic, campaign, field, lead, score, interest, event, sales, or a date",
    ),
    "E117": Entry("{event} has no property `{name}`", "{hint}"),
    "E118": Entry("`{name}` is not a member of this team", "use the address of one of the team's members"),
    "E119": Entry(
        "no field type named `{name}`",
        "use one of text, long text, number, yes/no, date, moment, money, country, language, phone, url, choice (…), "
        "choices (…)",
    ),
    "E120": Entry("`{name}` is not a holiday calendar", 'use a country, such as "DE", or a region, such as "DE-BY"'),
    "E130": Entry("duplicate {kind} `{name}`", "rename one of the two, or delete it"),
    "E131": Entry(
        "two steps of this campaign have the label `{name}`",
        "rename one; labels must differ in more than capitals and punctuation",
    ),
    "E132": Entry("`{name}` cannot be the name of a field", "use another name, such as `{name}_value`"),
    "E133": Entry("`{name}` cannot be declared: it is built in", "delete the line; every lead has this field"),
    "E134": Entry("a name cannot be empty", "write a name between the quotes"),
    "E135": Entry("a name cannot contain `*`", "remove the `*`; it stands for any ending where a name is used"),
    "E136": Entry("`{name}` cannot be the name of a {kind}", "use letters, digits and `_`: `{meant}`"),
    "E137": Entry("this name is reserved for the emails of double opt-in", "choose another name"),
    "E141": Entry("no segment named `{name}`", 'declare it: `segment "{name}"`, with its conditions below'),
    "E142": Entry(
        "no interest profile named `{name}`", 'declare it: `interest "{name}"`, with a line such as `pages "/x*"` below'
    ),
    "E143": Entry("no webinar with a date named `{name}`", 'declare it: `webinar "{name}" on 2026-10-06 at 11:00`'),
    "E144": Entry("no field named `{name}`", "declare it: `field {name} date`"),
    "E138": Entry("duplicate {kind} `{name}`", "rename one of the two, or delete it"),
    "E145": Entry("these segments refer to each other in a circle: {path}", "remove one of the references"),
    "E146": Entry("`{name}` is not a type for an event's property", "{hint}"),
    "E147": Entry("no {kind} name matches `{name}`", "use {options}; `*` stands for any ending"),
    "E148": Entry(
        "this name is too long: {size} bytes, the limit is {limit}",
        "shorten it; links in emails contain it, and a letter outside a-z counts as two to four bytes",
    ),
    "E149": Entry(
        "no template named `{name}`, only {file}",
        "rename the file to end in `.md`, `.html` or `.mjml`; Coldframe ignores other endings",
    ),
    # ── numbers and times ──
    "E202": Entry("`{text}` is not written in plain digits and signs", "write `{meant}`"),
    "E203": Entry("`{text}` is ambiguous", "write `{meant}`"),
    "E204": Entry("`{text}` is too long for a number", "use at most 12 digits before the point and 6 after it"),
    "E205": Entry("a percentage is not allowed here", "write `{meant}`"),
    "E206": Entry("`{text}` needs a space between number and word", "write `{meant}`"),
    "E207": Entry("`{text}` is not a number", "write a number such as `10` or `2.5`"),
    "E208": Entry("`{text}` must be a whole number of at least {least}", "write a number such as `{least}`"),
    "E209": Entry("`{text}` needs a unit of time", "write `{text} days`, or use minutes, hours, weeks, months, years"),
    "E210": Entry(
        "`{text}` is not a unit of time",
        "use minutes, hours, days, weeks, months, years, business hours or business days",
    ),
    "E211": Entry(
        "`business {text}` is not a unit of time", "write `{number} business days` or `{number} business hours`"
    ),
    "E212": Entry("`{text}` is not a length of time", "write a time longer than zero, such as `1 day`"),
    "E213": Entry("this is longer than 5 years", "use at most `5 years`"),
    "E214": Entry("`{text}` is not in whole units", "write a sum instead, such as `2 days 12 hours`"),
    "E215": Entry("`{text}` is not a time of day", "write hours and minutes with two digits each: `{meant}`"),
    "E216": Entry("`{text}` is not a date", "write year, month and day: `{meant}`"),
    "E217": Entry("the date `{text}` does not exist", "write a date that exists, such as `{meant}`"),
    "E218": Entry(
        "`{text}` is not a day of the week", "use monday to sunday, in lower case, or a date such as `2026-10-06`"
    ),
    "E219": Entry("`{text}` needs a time of day", "write `{meant}`"),
    "E220": Entry("this period ends before it begins", "write the earlier day first"),
    "E221": Entry("this window never opens: it begins and ends at {text}", "change one of the two times"),
    "E222": Entry(
        "`{text}` is not a period to count in", "use `per day`, `per week`, `per month` or a time such as `per 7 days`"
    ),
    "E223": Entry("`{text}` needs a day", "write `wait until tuesday {meant}`"),
    "E224": Entry(
        "`{text}` cannot be counted from a calendar day", "use whole days, weeks, months or years, such as `60 days`"
    ),
    "E225": Entry("`enters every {text}` is not a valid rule", "write `enters every time` or `enters every year`"),
    "E230": Entry("`{text}` needs a percent sign", "write `{text}%`"),
    "E231": Entry("`{text}` is not a valid share", "use a share above 0% and up to 100%, such as `20%`"),
    "E232": Entry("the branches of this split add up to {total}: {much}", "change them to add up to 100%, {hint}"),
    "E233": Entry("`{text}` needs a currency", "write `{text} EUR`"),
    "E234": Entry(
        "`{text}` does not say when to start",
        "write `every day`, `every monday`, `every first tuesday of the month` or `every month on the 1st`",
    ),
    "E235": Entry(
        "not every month has a day `{text}`",
        "use a day from the 1st to the 28th, or write `every last day of the month`",
    ),
    # ── conditions and events ──
    "E301": Entry("{left} is {left_type}, but {right} is {right_type}", "{hint}"),
    "E302": Entry("`{op}` cannot be used with {left}, which is {kind}", "{hint}"),
    "E303": Entry("{left} alone is not a condition", "write a comparison, for example {example}"),
    "E305": Entry("only `email` can be a free address", "write `email is a free address`"),
    "E306": Entry(
        "a stage can only be compared with a stage", "write `stage is {example}` or `stage is at least {example}`"
    ),
    "E307": Entry("{thing} cannot be used here", "{hint}"),
    "E308": Entry("this amount is in {found}, but the workspace uses {currency}", "write `{amount} {currency}`"),
    "E309": Entry("{noun} `{verb}` needs {missing}", "write {example}"),
    "E310": Entry("{noun} `{verb}` takes no {extra}", "write {example}"),
    "E311": Entry(
        "`{text}` is not a value that can be compared", 'put a text in quotes: `"{text}"`; write a date as `2026-12-24`'
    ),
    "E312": Entry("a rule about {noun} cannot have `once per {unit}`", "write `once per {meant}`"),
    "E313": Entry("no field named `{name}`, and a text needs quotes", 'write `"{name}"`'),
    "E320": Entry("`has` cannot be followed by `{verb}`", "{hint}"),
    "E321": Entry("`has {written}` is not a condition", "use {options}"),
    "E322": Entry("`has {written}` has the wrong preposition", "write `{example}`"),
    "E323": Entry(
        "`since entering` works only in the steps of a campaign", "use a time instead: `in the last 30 days`"
    ),
    "E324": Entry("a lead cannot be in a `{group}`", 'write `in segment "x"`, `in list "x"` or `in campaign "x"`'),
    "E325": Entry(
        "earlier members of a {group} are not kept",
        'write `in {group} "{name}"`; `has been in` works only for campaigns',
    ),
    "E326": Entry("`{word} to` is not a condition", 'write `subscribed to "{topic}"`'),
    "E327": Entry(
        "`in the {relation}` is not a time to compare with",
        "write `is in the next 30 days`, `is in the last 7 days`, `is in the past` or `is in the future`",
    ),
    "E328": Entry("`in the {relation}` needs a time", "write `is in the {relation} 30 days`"),
    "E329": Entry("{left} is {kind}, not a date", "use a date field, such as {names}"),
    "E330": Entry("{text} is not a date", "write a date without quotes: `{meant}`"),
    "E331": Entry("`{name}` is a field of type {type}, not a date", "use a date field, such as {names}"),
    "E332": Entry("`in the {relation}` takes no time", "write `in the {meant} {length}`, or remove `{length}`"),
    "E333": Entry(
        "`and then` must be followed by `no`, not by `{text}`", "write `and then no order is placed within 2 hours`"
    ),
    "E334": Entry("`{what}` has no property `{name}`", "{hint}"),
    "E335": Entry("`and then no` cannot watch for `{what}`", "wait, and then check with `if`"),
    "E336": Entry("`{word}` alone is not an event", "{hint}"),
    "E337": Entry("`{word} of` is not an event", "write `anniversary of customer_since`"),
    "E338": Entry("`{word}` has no date", 'use a date field, or `webinar "Seals explained"`'),
    "E342": Entry(
        "`tracking` can only be allowed or not allowed", "write `tracking is allowed` or `tracking is not allowed`"
    ),
    "E343": Entry("no event that leads here has a property `{name}`", "{hint}"),
    "E344": Entry(
        "`event.{name}` has no event here, because no run has started",
        'write the name alone for this event\'s own value: `where {name} is "x"`',
    ),
    "E345": Entry(
        "`event.{name}` cannot be used with a counted or absent event",
        "remove the count; to compare two events, write `with the same {name} within 2 hours`",
    ),
    "E346": Entry(
        "`where` sees only the event, but `{name}` is a lead's field",
        'write `"{name}"` for a text, or `event.{name}` for the event that started the run',
    ),
    "E347": Entry("{left} is {kind}, not a date", "use a date, as in `today plus 14 days` or `age of birthday`"),
    "E348": Entry("`{word} of` is not a condition", "{hint}"),
    "E339": Entry("a birthday needs no field", "write `birthday`; for another date write `anniversary of …`"),
    "W130": Entry("no {kind} named `{name}` is declared, but others are", 'declare it: `{kind} "{name}"{more}`'),
    "W134": Entry("no property `{name}` is declared for a {noun}", "declare it: `{noun} has {name} text`"),
    "W133": Entry(
        "a birthday has a year, so this is true only once",
        "start the campaign with `starts when birthday` or `starts when 7 days before birthday`",
    ),
    "W131": Entry("this is never true: {why}", "{hint}"),
    "W132": Entry("this is always true: {why}", "{hint}"),
    **BY_LINE,
}


def text(code: str, near: tuple[str, ...], values: Mapping[str, object]) -> tuple[str, str]:
    """Headline and help of one problem."""
    entry = ENTRIES[code]
    shown = _Shown({"type": "text", **{name: _show(name, value) for name, value in values.items()}})
    headline = entry.headline.format_map(shown)
    if near:
        where = values.get("declared")
        help = did_you_mean(near) + (f" It is declared in {where}" if where and len(near) == 1 else "")
    elif code in ("E010", "E011"):
        help = _usage(str(values.get("head", "")), values)
    else:
        help = entry.help.format_map(shown)
    return headline, help


class _Shown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


LONGEST_HINT = 200
"""Characters of an instruction that is made for the case."""


def _show(name: str, value: object) -> str:
    if name == "context":
        return PLACES.get(str(value), "here")
    if name == "allowed" and isinstance(value, tuple):
        return one_of(tuple(SHOWN.get(word, word) for word in value)) or "nothing"
    if name == "homes" and isinstance(value, tuple):
        return f"move it {' or '.join(TARGETS[str(home)] for home in value if str(home) in TARGETS)}" if value else ""
    if name == "options" and isinstance(value, tuple):
        return one_of(value)
    if isinstance(value, tuple):
        return ", ".join(f"`{clean(str(item))}`" for item in value)
    return clean(str(value), LONGEST_HINT if name == "hint" else LONGEST_VALUE)


def a(noun: str) -> str:
    """The noun with its article."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def _usage(head: str, values: Mapping[str, object]) -> str:
    advice = ADVICE.get((head, str(values.get("text", "")))) or values.get("advice")
    if advice:
        return str(advice)
    first = head.split(" ")[0]
    example = USAGE.get(head) or USAGE.get(first) or (USAGE["+"] if first[:1] in "+-0123456789" else "")
    return f"write it like this: `{example}`" if example else ""
