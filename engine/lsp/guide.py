"""What each line of the language does, in one or two sentences: shown on hover and beside completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsl.names.events import DEEDS, EVENTS
from dsl.problems.usage import USAGE
from dsl.text.lexer import Lexeme

LINES: Mapping[str, str] = {
    "workspace": "Who you are, when you write, and what people can subscribe to. There is one in a program.",
    "field": "Something you want to know about leads: its name and type. `from crm` keeps forms from overwriting it.",
    "list": "A list of leads that campaigns and imports can add to.",
    "event": "Something that happens elsewhere and is sent to Coldframe, with the data it carries.",
    "webinar": "A webinar with its date, so that campaigns can count from it.",
    "form": "A form on your site: what it asks, what it offers, and where it may stand.",
    "scoring": "A score of leads: rules that add and take points. The one without a name is `score`.",
    "interest": "A profile of what leads look at: each visit, download or click in it counts 1.",
    "segment": "All leads that fulfil every line below, at any time.",
    "lifecycle": "The stages of a lead, in order. The first is for anonymous visitors.",
    "team": "Who takes leads over from marketing, which ones, and how fast.",
    "campaign": "What happens to leads that enter: who, when, and the flow of steps.",
    "timezone": "The time zone for those whose own is unknown.",
    "languages": "The languages you write in; the first is the fallback.",
    "currency": "The currency of all amounts of money.",
    "sender": "Who mails come from, unless a campaign says otherwise.",
    "address": "Your postal address, as every marketing mail must show it.",
    "quiet": "No marketing mail is sent in these hours of the lead's own time; it waits for their end.",
    "at": "How many marketing mails a lead gets at most, across campaigns. Transactional mail is exempt.",
    "holidays": "Countries or regions whose public holidays are no business days.",
    "closed": "Days on which nobody works, the first and the last included.",
    "business": "When people work: `business hours` and `business days` are counted in them.",
    "mail": "Whether marketing mail needs a subscription, or may be sent until someone opts out.",
    "tracking": "Whether clicks and visits are recorded only with consent.",
    "own": "Hosts whose pages are the company's own, so that links between them are not referrals.",
    "ignore": "Hosts that visitors only come back from, such as payment pages.",
    "channel": "A channel of your own, told by a visit's source, medium, campaign, keyword, or content.",
    "topic workspace": "Something that leads can subscribe to and leave.",
    "topic campaign": "What this campaign is about: with consent needed, only subscribers of the topic get its mails.",
    "intent": "What a submission means: content, demo, help, event, newsletter or other.",
    "ask": "A question of the form: the field it fills, whether it is required, and its label.",
    "hidden": "A value that the form sets without asking.",
    "consent": "A box to tick that subscribes to a topic. Its wording is kept as proof.",
    "confirm": "Double opt-in: the form counts when the button of this mail is pressed.",
    "gives": "The download that the form opens.",
    "thanks": "Where people land after the form.",
    "allowed": "The sites that may embed the form.",
    "pages": "Pages whose visits count for the profile.",
    "files": "Downloads that count for the profile.",
    "emails": "Mails whose clicks count for the profile.",
    "segment line": "A condition: leads are in the segment while every line is true.",
    "stage": "A stage of the lifecycle. `outside the order` keeps it out of `is at least`.",
    "when stage": "What brings a lead to this stage.",
    "agreed": "Who in marketing and sales agreed on this definition, and when.",
    "reactivate": "The campaign for leads who have rested in this stage for that long.",
    "takes": "Which leads the team takes: those of a condition, all, or all that no other team takes.",
    "member": "Someone in the team, for which leads, and how many open ones at most.",
    "away": "Days on which a member gets no leads.",
    "assign": "How members are chosen: `former owner`, `round robin`, `least busy`, one after the other.",
    "when team": "What happens when every member is full: another team, wait, or escalate.",
    "acknowledge": "How fast a member says that the lead has arrived, and what happens otherwise.",
    "contact": "How fast the lead is contacted, and what happens otherwise.",
    "decide": "How fast the lead is accepted or rejected, and what happens otherwise.",
    "starts": "What makes a lead enter the campaign. Several lines mean: any of them.",
    "only": "Narrows a start: the lead enters only if this is true at that moment.",
    "enters": "How often a lead may enter: once, again after a time, every time, or once per value of the event.",
    "leaves": "What makes a lead leave, wherever it stands. A block below runs on leaving.",
    "runs": "Between which days leads may enter; those inside go on.",
    "goal": "What the campaign is for. It is measured; `, then leave` ends the run.",
    "costs": "What the campaign costs, for the report.",
    "sends": "Who mails come from, or on which days and hours they are sent, in the lead's own time.",
    "priority": "Who goes first when a limit on emails bites: high, normal or low.",
    "control": "A random part of the leads that gets no mail, handoff or list from here, to compare with.",
    "flow": "The steps that a lead goes through, one after the other.",
    "whenever": "Steps beside the flow, each time something happens to a lead in the campaign. No waits inside.",
    "send": "Sends a mail in the lead's language, once per visit of the step. It waits for windows and limits.",
    "wait": "Waits for a time, until a moment, or for something to happen: the first event wins.",
    "or": "Another event that the wait above is for, with its own steps.",
    "otherwise": "What happens when nothing of the above did.",
    "if": "The steps below run when the condition is true.",
    "split": "Divides leads at random; each stays on its arm. The arms add up to 100%.",
    "50%": "An arm of a split: its part of the leads and its name.",
    "test": "Tries variants on a part of the leads; everyone after that gets the winner.",
    "variant": "One way of a test.",
    "repeat": "Runs the block several times: the first at once, then from start to start.",
    "add": "Adds points to a score, a number to a field, or the lead to a list.",
    "set": "Sets a field of the lead.",
    "remove": "Takes the lead off a list.",
    "subscribe": "Subscribes the lead to a topic; only with recorded consent.",
    "unsubscribe": "Ends the subscription to a topic.",
    "qualify": "Moves the lead to a stage, never back.",
    "hand": "Gives the lead to sales: assigns by the team's rules and waits for the answer.",
    "note": "What the colleague who gets the lead reads first.",
    "when handoff": "The steps for one answer of sales: accepted, rejected (for a reason), or overdue.",
    "recycle": "Gives the lead back to marketing, with a reason. It does not leave the campaign.",
    "notify": "Sends an internal mail to an address, the lead's owner or a team.",
    "post": "Calls another system: a signed webhook.",
    "enter": "Enters another campaign beside this one.",
    "move": "Leaves this campaign and enters another.",
    "leave": "Ends another campaign for this lead.",
    "stop": "Ends this campaign for this lead.",
    "+": "Points for something that happens (`when`), or for as long as something is true (`if`).",
}

WORDS: Mapping[str, str] = {
    "and": "Both must be true. `and` binds closer than `or`; parentheses make it plain.",
    "or": "At least one must be true. `and` binds closer than `or`; parentheses make it plain.",
    "not": 'The opposite. A missing value makes `is "x"` false, and `not` of it true.',
    "where": "Narrows the event by its own data.",
    "has": 'What the lead has done before: `has visited page "/pricing*" at least 2 times in the last 30 days`.',
    "known": "The field has a value.",
    "unknown": "The field has no value.",
    "contains": "The text has this part, regardless of case.",
    "within": "For a step: skip it when it is later than this. For events: how long they may be apart.",
    "as": "`as trigger` passes windows while its event is fresh, `as transactional` needs no subscription, `as step` "
    "names the step.",
    "step": "A name for this step. It survives rewording, so that waiting leads can be moved to a new version.",
    "transactional": "An answer to the lead's own action: needs no subscription and is exempt from limits.",
    "trigger": "Passes quiet hours and windows while its event is under 15 minutes old.",
    "once": "Counts or runs one time only, or one time per day, mail, file and so on.",
    "expires": "The points go after this time.",
    "only": "Narrows it: only if this is true at that moment.",
    "business": "Counted in business hours or business days.",
    "score": 'The sum of the default scoring; `score of "fit"` for another.',
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
            carries = f"\n\nIt carries {', '.join(f'`{name}`' for name in spec.data)}." if spec.data else ""
            return f"```coldframe\n{spec.example}\n```{carries}"
    return WORDS.get(word)
