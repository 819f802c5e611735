"""A workspace that uses every part of the language, for leads on a clock whose days are seconds."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

WHOLE = """
    workspace "Acme"
        timezone "Europe/Berlin"
        sender "Acme <hello@acme.example>"
        address "Acme GmbH, Street 1, Town"
        mail is allowed until opt-out
        tracking is always on

    field contract_end date
    field company_size number

    form "whitepaper"
        ask email required

    scoring
        +10 when email is clicked, once per email
        +60 when event "hot" happens

    segment "Large"
        company_size >= 100

    lifecycle
        stage Visitor
        stage Lead
            when form is submitted
            reactivate after 20 days with campaign "Wake up"
        stage MQL
            when score reaches 50
        stage Customer
            when deal is won

    team "Sales"
        takes all leads
        member "eva@acme.example"
        member "away@acme.example"
        away "away@acme.example" from 2027-01-01 to 2027-12-31
        acknowledge within 1 day, then reassign
        contact within 1 day, then escalate to "boss@acme.example"
        decide within 3 days, then recycle

    campaign "Abandoned cart"
        starts when cart is updated and then no order is placed within 4 days
        enters every time
        leaves when order is placed
        flow
            send "cart/reminder" as trigger within 300 days
            wait up to 4 days for link "https://acme.example/a*" is clicked
                add 5 points
            otherwise
                split
                    50% "discount"
                        send "cart/discount" with discount = 10 within 300 days
                    50% "help"
                        send "cart/help" within 300 days

    campaign "Birthday"
        starts when birthday at 07:30
        enters every time
        flow
            send "birthday" within 300 days

    campaign "Renewal"
        starts when 20 days before contract_end
        enters every time
        leaves when field contract_end changes
        flow
            send "renewal/first" within 300 days
            wait until 5 days before contract_end
            if has not clicked email "renewal/first"
                notify owner with "internal/risk"
            send "renewal/second" within 300 days
            wait until 1 day after contract_end
            post to "HOOK/renewal" with status = "expired"

    campaign "Contract"
        starts when 20 days before contract_end
        flow
            wait until 5 days before contract_end as step "near the end"
            send "contract/old" within 300 days
            post to "HOOK/contract" with status = "near", ends = contract_end

    campaign "Webinar"
        starts when webinar "Seals" is registered
        flow
            send "webinar/confirmation" as transactional
            wait up to 10 days for webinar "Seals" is attended
                send "webinar/recording" within 300 days
                add 10 points
            otherwise
                test "comeback" on 50% for 3 days by clicks
                    variant "short"
                        send "webinar/short" within 300 days
                    variant "long"
                        send "webinar/long" within 300 days

    campaign "Whitepaper"
        starts when form "whitepaper" is submitted
        goal lead becomes Customer within 60 days
        control group 40%
        flow
            send "paper/welcome" within 300 days
            wait 2 days
            if score >= 50
                hand off to sales as MQL
                    note "hot"
                    when overdue
                        send "paper/still-here" within 300 days
            otherwise
                add to list "Readers"
        whenever page "/pricing*" is visited, once per 14 days
            add 3 points

    campaign "Digest"
        starts when list "Readers" is joined
        flow
            repeat up to 3 times every 6 days until score >= 1000
                send "digest" within 300 days

    campaign "Large"
        starts when segment "Large" is entered
        flow
            notify team "Sales" with "internal/large"
            set company_size to 1
            recycle to Lead because "not ready"

    campaign "Wake up"
        enters again after 10 days
        flow
            send "wake-up" within 300 days
            wait 2 days

    campaign "Doomed"
        starts when event "doomed" happens
        flow
            send "doomed/first" within 300 days
            wait 300 days
            send "doomed/second" within 300 days
"""


def workspace(hook: str) -> str:
    """With posts going to that address."""
    return WHOLE.replace("HOOK", hook)


def templates(text: str) -> list[str]:
    return sorted(set(re.findall(r'(?:send|with) "([^"]+)"', text)))


class Hook:
    """A receiver of posts on 127.0.0.1 that refuses the first `faults` of them; `keys` of those it took, in order."""

    def __init__(self, faults: int) -> None:
        self.faults, self.refused = faults, 0
        self.keys: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Hook:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(hook: Hook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            fails = hook.refused < hook.faults
            if fails:
                hook.refused += 1
            else:
                hook.keys.append(self.headers["Idempotency-Key"])
            self.send_response(500 if fails else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return None

    return Handler
