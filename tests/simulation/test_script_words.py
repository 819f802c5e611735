"""Scripts in the words that people use, what a lead is from the beginning, links to files, and what is pending."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsl.plan import Program
from engine.cli.script import ACTIONS, read_script
from engine.cli.script_words import NOUNS, PHRASES, VERBS
from engine.cli.workspace import examine
from tests.support.cli import Run, command_line, write

run = pytest.fixture(command_line)

FILES = {
    "all.campaign": """
        workspace "Acme"
            timezone "Europe/Berlin"
            sender "Acme <hello@acme.example>"
            address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
            topic "news" "News"

        field size number

        list "Fair"

        event "trade_show"

        form "demo"
            ask email required
            consent "Send me news." for topic "news"

        lifecycle
            stage Visitor
            stage MQL
                when form "demo" is submitted

        webinar "Tour" on 2026-10-01 at 10:00

        campaign "Guide"
            starts when form "demo" is submitted
            topic "news"
            flow
                send "guide"
                wait up to 400 days for file "guide.pdf" is downloaded
                    add to list "Fair"

        campaign "Fans"
            starts when topic "news" is joined
            flow
                send "guide"
        """,
    "templates/guide.md": "---\nsubject: Guide\n---\n[Read]({{ file_url('guide.pdf') }}) or [look](https://acme.example)\n",
    "files/guide.pdf": "%PDF",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    found = examine(write(tmp_path_factory.mktemp("ws"), FILES))
    assert found.program is not None, found.diagnostics
    return found.program


TAILS = {
    "submits form": " demo", "opens email": " guide", "clicks email": " guide", "clicks link": ' "guide.pdf"',
    "replies to email": " guide", "visits page": ' "/p"', "downloads file": ' "guide.pdf"', "watches video": ' "v"',
    "registers for webinar": ' "Tour"', "attends webinar": ' "Tour"', "happens event": ' "trade_show"',
    "joins list": " Fair", "leaves list": " Fair", "joins topic": " news", "changes": " size to 5",
    "unsubscribes from topic": " news", "unsubscribes from": " news", "ends": " after 3 days", "ends after": " 3 days",
    "clicks": " guide", "replies": " guide", "submits": " demo",
}  # fmt: skip


def action(program: Program, text: str) -> Any:
    read = read_script(text, program)
    assert not read.diagnostics, (text, read.diagnostics)
    (one,) = read.actions
    return one.kind, one.type, one.name, one.link, dict(one.data), one.act, one.without, one.when


@pytest.mark.parametrize(("near", "known"), PHRASES)
def test_near_words_mean_what_the_table_says(program: Program, near: tuple[str, ...], known: tuple[str, ...]) -> None:
    tail = TAILS.get(" ".join(known), "")
    assert action(program, " ".join(near) + tail) == action(program, " ".join(known) + tail)


@pytest.mark.parametrize("known", ACTIONS)
def test_articles_and_other_forms_of_a_verb_are_understood(program: Program, known: str) -> None:
    tail = TAILS.get(known, "")
    words = known.split()
    with_article = " ".join([*words[:-1], "the", words[-1]]) if words[-1] in NOUNS else known
    meant = action(program, known + tail)
    assert action(program, f"then she {with_article}{tail}") == meant
    place = 1 if words[0] == "sales" else 0
    for other in (one for one, verb in VERBS.items() if verb == words[place]):
        assert action(program, " ".join([*words[:place], other, *words[place + 1 :]]) + tail) == meant


@pytest.mark.parametrize("time", ["in 2 days", "2 days later", "wait 2 days", "after 2 days", "2 days later, "])
def test_times_as_people_write_them(program: Program, time: str) -> None:
    text = time.rstrip(", ") + " calls"
    assert action(program, text) == action(program, "after 2 days calls")


def test_a_word_that_is_none_of_them_is_still_a_mistake(program: Program) -> None:
    (problem,) = read_script("dances with the webinar", program).diagnostics
    assert problem.code == "S001"


@pytest.fixture
def told(run: Run, tmp_path: Path) -> Any:
    write(tmp_path / "ws", FILES)

    def tell(script: str, *more: str, code: int = 0) -> Any:
        done = run("simulate", "--path", str(tmp_path / "ws"), "--script", script, "--json", "--start",
                   "2026-09-01T09:00", *more)  # fmt: skip
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout) if code == 0 else done.stderr

    return tell


def test_a_click_on_a_link_to_a_file_is_a_download_too(told: Any) -> None:
    story = told('submits form demo; after 1 day clicks the link "guide.pdf" in email guide; ends after 3 days')
    texts = [one["text"] for one in story["timeline"]]
    clicked = next(n for n, text in enumerate(texts) if text.startswith("clicks ") and "guide” " not in text and n > 5)
    assert any(text.startswith("downloads ") for text in texts[clicked:]), texts
    assert any("Fair" in text for text in texts), "the wait for the download has ended"
    other = told('submits form demo; after 1 day clicks link "https://acme.example"; ends after 3 days')
    assert not any(one["text"].startswith("downloads ") for one in other["timeline"])


def test_a_topic_is_joined_once_and_starts_what_waits_for_it(told: Any) -> None:
    story = told("joins topic news; ends after 1 day")
    assert any('"Fans"' in one["text"] for one in story["timeline"])
    again = told("joins topic news; after 1 day subscribes to news", code=1)
    assert again == ""
    assert told('unsubscribes; after 1 day joins the topic "news"')["end"]["mails"] == 1, "who comes back is mailed"


def test_a_lead_begins_where_the_options_say(told: Any) -> None:
    options = [word for one in ("stage=mql", "score=40", "list=fair", "topic=News") for word in ("--lead", one)]
    end = told("calls; ends after 1 day", *options)["end"]
    assert (end["stage"], end["scores"], end["campaigns"]) == ("MQL", {"score": 40.0}, [])
    assert told("joins topic news", "--lead", "topic=news", code=1) == ""
    assert "no stage named `MQQ`; did you mean `MQL`?" in told("calls", "--lead", "stage=MQQ", code=1)
    assert "`score` is a number" in told("calls", "--lead", "score=much", code=1)


def test_what_is_pending_at_the_end_is_said(run: Run, told: Any, tmp_path: Path) -> None:
    (guide,) = [one for one in told("submits form demo")["end"]["campaigns"] if one["campaign"] == "Guide"]
    assert guide["waits"] == ['waits for file "guide.pdf" is downloaded until Wed 2027-10-06 09:00']
    shown = run("simulate", "--path", str(tmp_path / "ws"), "--script", "submits form demo", "--start",
                "2026-09-01T09:00").stdout  # fmt: skip
    assert 'still in "Guide": waits for file "guide.pdf" is downloaded until' in shown
    assert "stopped 180 days after the last action; for more, add `ends after 400 days`" in shown
    whole = told("submits form demo; ends after 500 days")["end"]
    assert all(one["waits"] == [] for one in whole["campaigns"])
    assert whole["stopped_early"] is False
