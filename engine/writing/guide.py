"""What each line of the language does, in one or two sentences: shown on hover and beside completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsl.names.events import DEEDS, EVENTS
from dsl.problems.usage import USAGE
from dsl.text.lexer import Lexeme

LINES: Mapping[str, str] = {
    "workspace": "Your company, its rules for email, and the topics that leads can subscribe to. A folder has one.",
    "field": "A field of leads: its name and type. `from crm` keeps forms from overwriting it.",
    "list": "A list of leads that campaigns and imports can add to.",
    "event": "Something that happens elsewhere and is sent to Coldframe, with its properties.",
    "webinar": "A webinar with its date, so that campaigns can count from it.",
    **{
        noun: f"Properties that events of {noun}s have in your systems, each with its type."
        for noun in ("deal", "order", "cart", "meeting", "call", "chat")
    },
    "form": "A form on your site: what it asks, what it offers, and which sites may show it.",
    "scoring": "A scoring model: rules that add and remove points. The one without a name is `score`.",
    "interest": "An interest profile: each visit, download or click in it counts 1.",
    "segment": "All leads for which every line below is true, at any time.",
    "lifecycle": "The stages of a lead, in order. The first is for visitors.",
    "team": "A sales team: which leads it takes, who is in it, and its time limits.",
    "crm": "A CRM: which leads it gets, what it is told of them, and what comes back.",
    "sends crm": "Values that the CRM gets with each lead, or the stage from which it gets leads at all.",
    "reads": "Fields that the CRM writes here.",
    "conflict": "Whose value of a field stands when both sides change it: `theirs`, `ours` or `newest`.",
    "deal crm": "What a stage of the CRM's deals means here.",
    **{
        outcome: f"The lead's open handoff counts as {outcome} when a field of the CRM has this value."
        for outcome in ("acknowledged", "contacted", "accepted", "rejected")
    },
    "campaign": "A set of rules: who enters, what happens to them in the flow, and when they leave.",
    "timezone": "The time zone for leads whose own is unknown.",
    "languages": 'The languages you write in, such as `"en"` or `"en-GB"`; the first is the fallback.',
    "currency": "The currency of all amounts of money.",
    "sender": "The sender of emails, unless a campaign has its own.",
    "address": "Your postal address, which every marketing email must show.",
    "quiet": "Coldframe sends no marketing email in these hours of the lead's own time. It waits until they end.",
    "at": "The maximum number of marketing emails per lead, across campaigns. Transactional emails do not count.",
    "holidays": "Countries or regions whose public holidays are not business days.",
    "closed": "Days on which your company is closed, including the first and the last.",
    "business": "Working hours. `business hours` and `business days` are counted in them.",
    "mail": "Whether marketing email needs a subscription, or is allowed until a lead opts out.",
    "tracking": "Whether clicks and visits are recorded only with consent.",
    "own": "Hosts whose pages are the company's own, so that links between them are not referrals.",
    "ignore": "Hosts that visitors only return from, such as payment pages.",
    "channel": "A channel of your own, recognized by a visit's source, medium, campaign, keyword, or content.",
    "region": "Countries that reports count together under one name.",
    "spend": "Exports of advertising networks in the workspace, read at each `coldframe deploy`.",
    "suppress": "How many soft bounces in a row count as a bounce. Without it, 5.",
    "forget": "How long visits of strangers (13 months), the past of leads (5 years), or leads without consent stay.",
    "nobody": "Leads in this segment or list get no marketing emails from any campaign.",
    "topic workspace": "A subject that leads can subscribe to and unsubscribe from.",
    "topic campaign": "The topic of this campaign. If consent is needed, only its subscribers get the emails.",
    "intent": "The purpose of a submission: content, demo, help, event, newsletter or other.",
    "choice": "What pages show for a choice of the field, per language. The choice itself is what is stored.",
    "title": "The heading of the form's page, per language.",
    "intro": "A sentence above the questions, per language.",
    "button": "The words on the button, per language.",
    "style": "How the form's page looks: `color` (buttons, links), `background`, `text`, and `logo`.",
    "ask": "A question of the form: the field it fills, whether it is required, and its label.",
    "hidden": "A value that the form sets without asking.",
    "consent": "A checkbox that subscribes the lead to a topic. Its wording is kept as proof.",
    "confirm": "Double opt-in: the form counts when the lead presses the button in this email.",
    "gives": "The download that the form offers.",
    "thanks": "The page that opens after the form.",
    "allowed": "The sites that may show the form.",
    "pages": "Pages whose visits count for the profile.",
    "files": "Downloads that count for the profile.",
    "emails": "Emails whose clicks count for the profile.",
    "segment line": "A condition. A lead is in the segment while every line is true.",
    "stage": "A stage of the lifecycle. `outside the order` keeps it out of `is at least`.",
    "when stage": "An event that moves a lead to this stage.",
    "agreed": "The people in marketing and sales who agreed on this definition, and the day.",
    "reactivate": "The campaign for leads that have been inactive in this stage for that long.",
    "takes": "The leads that the team takes: by a condition, all, or all that no other team takes.",
    "member": "A team member, the leads they get, and their maximum of open leads.",
    "away": "Days on which a member gets no leads.",
    "assign": "How members are chosen: `former owner`, `round robin`, `least busy`, in this order.",
    "when team": "What to do if every member is full: use another team, wait, or escalate.",
    "acknowledge": "The time limit for a member to take the lead, and what happens after it.",
    "contact": "The time limit for contacting the lead, and what happens after it.",
    "decide": "The time limit for accepting or rejecting the lead, and what happens after it.",
    "starts": "An event, date or schedule that lets leads enter. Several lines mean any of them.",
    "only": "Narrows a start: the lead enters only if this is true at that moment.",
    "enters": "How often a lead can enter: once, again after a time, every time, or once per value of the event.",
    "leaves": "An event that makes a lead leave, at any step. A block below runs on leaving.",
    "runs": "The days on which leads can enter. Leads in the campaign continue after them.",
    "goal": "The purpose of the campaign, which is measured. `, then leave` ends the run.",
    "costs": "The costs of the campaign, for reports.",
    "sends": "The sender of emails, or the days and hours for them in the lead's own time.",
    "priority": "Which campaign goes first when an email limit applies: high, normal or low.",
    "control": "A random share of leads that gets no emails, handoffs or lists here, for comparison.",
    "flow": "The steps that a lead goes through, one after the other.",
    "whenever": "Steps beside the flow, each time the event happens to a lead in the campaign. They cannot wait.",
    "send": "Sends an email in the lead's language, once per visit of the step. It waits for windows and limits. `send "
    "next of` sends another one in each round of a `repeat`.",
    "wait": "Waits for a duration, until a time, or for an event. The first event wins.",
    "or": "Another event that the wait above is for, with its own steps.",
    "otherwise": "The steps for all other cases.",
    "if": "The steps below run if the condition is true.",
    "split": "Divides leads at random. Each lead stays on its branch. The shares add up to 100%.",
    "50%": "A branch of a split: its share of the leads and its name.",
    "test": "Tries variants on a share of the leads. After that, every lead gets the winner.",
    "variant": "A variant of a test.",
    "repeat": "Runs the block several times: the first round immediately, the next ones from start to start.",
    "add": "Adds points to a score, a number to a field, or the lead to a list.",
    "set": "Sets a field of the lead.",
    "remove": "Removes the lead from a list.",
    "subscribe": "Subscribes the lead to a topic, if consent is on record.",
    "unsubscribe": "Ends the subscription to a topic.",
    "qualify": "Moves the lead to a stage, never back.",
    "hand": "Hands the lead off to sales: assigns it by the team's rules and waits for the answer.",
    "note": "A note for the team member who gets the lead.",
    "when handoff": "The steps for one answer of sales: accepted, rejected (for a reason), or overdue.",
    "recycle": "Moves the lead back to marketing, with a reason. The lead stays in the campaign.",
    "notify": "Sends an internal email to an address, the lead's owner or a team.",
    "post": "Notifies another system with a signed webhook.",
    "enter": "Enters another campaign beside this one.",
    "move": "Leaves this campaign and enters another.",
    "leave": "Ends another campaign for this lead.",
    "stop": "Ends this run.",
    "+": "Points for an event (`when`), or for as long as a condition is true (`if`).",
}

WORDS: Mapping[str, str] = {
    "and": "Both must be true. `and` binds more closely than `or`; parentheses make it clear.",
    "or": "At least one must be true. `and` binds more closely than `or`; parentheses make it clear.",
    "not": 'The opposite. A missing value makes `is "x"` false, and `not` of it true.',
    "where": "Narrows the event by its properties.",
    "has": 'A condition on the lead\'s history: `has visited page "/pricing*" at least 2 times in the last 30 days`.',
    "known": "The field has a value.",
    "unknown": "The field has no value.",
    "contains": "The text has this part, regardless of case.",
    "within": "For a step: skip it after this time. For events: the longest time between them.",
    "as": "`as trigger` ignores windows while its event is recent, `as transactional` needs no subscription, `as step` "
    "names the step.",
    "step": "A name for this step. It stays when you reword the step, so that waiting leads can move to a new version.",
    "transactional": "A reply to the lead's own action. It needs no subscription and is exempt from limits.",
    "trigger": "Ignores quiet hours and windows while its event is less than 15 minutes old.",
    "once": "Counts or runs only once, or once per day, email, file and so on.",
    "expires": "The points expire after this time.",
    "only": "Adds a condition that must be true at that moment.",
    "business": "Counted in business hours or business days.",
    "score": 'The sum of the default scoring model; `score of "fit"` is that of another.',
}


def line_key(tokens: Sequence[Lexeme], context: str) -> str:
    """The entry of LINES for a line that begins like this, in this kind of block."""
    head = str(tokens[0])
    if tokens[0].type == "NUMBER":
        return "50%" if context == "split" else "+"
    return head_key(head, context)


def head_key(head: str, context: str) -> str:
    return f"{head} {context}" if f"{head} {context}" in LINES else head


def usage(key: str) -> str | None:
    return USAGE.get(key) or USAGE.get(f"{key} line")


def about_line(key: str) -> str | None:
    """Markdown: what the line does and how it is written."""
    says = LINES.get(key)
    if says is None:
        return None
    example = usage(key)
    return f"{says}\n\n```coldframe\n{example}\n```" if example else says


def about_word(tokens: Sequence[Lexeme], index: int) -> str | None:
    """Markdown about a word inside a line: a connecting word, or the verb of an event."""
    word = str(tokens[index])
    nouns = [str(token) for token in tokens[max(0, index - 4) : index + 3] if token.type == "NAME"]
    for noun in nouns:
        event = EVENTS.get((noun, word)) or EVENTS.get((noun, f"{word} below"))
        deed = DEEDS.get((word, noun))
        spec = event or (deed.spec if deed else None)
        if spec:
            properties = f"\n\nIts properties are {', '.join(f'`{name}`' for name in spec.data)}." if spec.data else ""
            return f"```coldframe\n{spec.example}\n```{properties}"
    return WORDS.get(word)
