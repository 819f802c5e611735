"""Words that people write in scripts for the ones of the table in docs/simulate.md: "wins a deal", "signs up for
webinar", "joins topic". Only where one reading is possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ARTICLES = frozenset(("a", "an", "the", "his", "her", "their", "its", "our", "your", "another"))
NOUNS = frozenset((
    "form", "email", "mail", "link", "page", "file", "video", "webinar", "meeting", "chat", "cart", "order", "deal",
    "event", "list", "topic", "lead", "handoff", "demo", "purchase", "call", "button", "newest", "latest", "last",
))  # fmt: skip
"""Before these an article says nothing."""
VERBS: Mapping[str, str] = {
    "submit": "submits", "submitted": "submits", "confirm": "confirms", "confirmed": "confirms", "open": "opens",
    "opened": "opens", "click": "clicks", "clicked": "clicks", "reply": "replies", "replied": "replies",
    "bounce": "bounces", "bounced": "bounces", "visit": "visits", "visited": "visits", "download": "downloads",
    "downloaded": "downloads", "watch": "watches", "watched": "watches", "register": "registers",
    "registered": "registers", "attend": "attends", "attended": "attends", "book": "books", "booked": "books",
    "hold": "holds", "held": "holds", "call": "calls", "called": "calls", "start": "starts", "update": "updates",
    "updated": "updates", "place": "places", "placed": "places", "move": "moves", "moved": "moves", "win": "wins",
    "won": "wins", "lose": "loses", "lost": "loses", "join": "joins", "joined": "joins", "leave": "leaves",
    "left": "leaves", "change": "changes", "changed": "changes", "refund": "refunds", "refunded": "refunds",
    "unsubscribe": "unsubscribes", "end": "ends",
    "unsubscribed": "unsubscribes", "happen": "happens", "subscribe": "subscribes", "subscribed": "subscribes",
    "acknowledge": "acknowledges", "contact": "contacts", "accept": "accepts", "reject": "rejects",
    "acknowledged": "acknowledges", "contacted": "contacts", "accepted": "accepts", "rejected": "rejects",
}  # fmt: skip
"""Another form of a verb → the one of the table."""
PHRASES: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = tuple(
    (tuple(near.split()), tuple(known.split()))
    for near, known in (
        ("fills in form", "submits form"), ("fills out form", "submits form"), ("fills form", "submits form"),
        ("sends form", "submits form"), ("completes form", "submits form"), 
        ("confirms email", "confirms"), ("confirms address", "confirms"), ("double opts in", "confirms"),
        ("reads email", "opens email"), ("opens mail", "opens email"), ("clicks mail", "clicks email"),
        ("clicks in email", "clicks email"), ("clicks on link", "clicks link"), ("clicks button", "clicks link"),
        ("follows link", "clicks link"), ("clicks on email", "clicks email"), ("clicks on", "clicks"),
        ("answers email", "replies to email"), ("replies to mail", "replies to email"), ("answers", "replies"),
        ("bounces softly", "soft bounces"), ("soft-bounces", "soft bounces"), ("mailbox is full", "soft bounces"),
        ("views page", "visits page"), ("views", "visits page"), ("browses", "visits page"), ("goes to", "visits page"),
        ("views video", "watches video"), ("plays video", "watches video"), ("plays", "watches video"),
        ("signs up for webinar", "registers for webinar"), ("signs up for", "registers for webinar"),
        ("registers webinar", "registers for webinar"), ("registers for", "registers for webinar"),
        ("joins webinar", "attends webinar"), ("visits webinar", "attends webinar"), ("attends", "attends webinar"),
        ("schedules meeting", "books meeting"), ("has meeting", "holds meeting"), ("attends meeting", "holds meeting"),
        ("meets", "holds meeting"), ("phones", "calls"), ("rings", "calls"), ("makes call", "calls"),
        ("opens chat", "starts chat"), ("chats", "starts chat"), ("changes cart", "updates cart"),
        ("fills cart", "updates cart"), ("adds to cart", "updates cart"), ("orders", "places order"),
        ("makes purchase", "places order"), ("buys", "places order"), ("creates deal", "opens deal"),
        ("starts deal", "opens deal"), ("closes deal", "wins deal"), ("triggers event", "happens event"),
        ("has event", "happens event"), ("event", "happens event"),
        ("is added to list", "joins list"), ("added to list", "joins list"), ("gets on list", "joins list"),
        ("is removed from list", "leaves list"), ("removed from list", "leaves list"),
        ("subscribes to topic", "joins topic"), ("subscribes to", "joins topic"), ("subscribes topic", "joins topic"),
        ("opts in to topic", "joins topic"), ("opts in to", "joins topic"), ("is subscribed to", "joins topic"),
        ("leaves topic", "unsubscribes from topic"), ("opts out of topic", "unsubscribes from topic"),
        ("opts out of", "unsubscribes from"), ("opts out", "unsubscribes"), ("unsubscribes topic",
        "unsubscribes from topic"), ("sets", "changes"), ("stops", "ends"), ("finishes", "ends"),
        ("sales takes", "sales acknowledges"), ("sales confirms", "sales acknowledges"),
        ("sales calls", "sales contacts"), ("sales declines", "sales rejects"), ("sales refuses", "sales rejects"),
    )
)  # fmt: skip
"""What people write → the words of the table. The longest that fits counts."""


def table_words(words: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """How many words at the beginning of a line are to be replaced, and by which."""
    first = 1 if words[:1] == ["sales"] else 0
    head = list(words)
    for place in {0, first} & set(range(len(head))):
        head[place] = VERBS.get(head[place], head[place])
    fitting = [
        one for one in PHRASES if _begins(head, one[0]) and not (len(one[1]) > len(one[0]) and _begins(head, one[1]))
    ]
    found = max(fitting, key=lambda one: len(one[0]), default=None)
    if found is not None:
        return len(found[0]), found[1]
    return (first + 1, tuple(head[: first + 1])) if list(words) != head else (0, ())


def _begins(words: Sequence[str], phrase: tuple[str, ...]) -> bool:
    return tuple(words[: len(phrase)]) == phrase
