"""The process of a draft: what takes too much ends it and nothing else, and it sees nothing but the draft."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from starlette.exceptions import HTTPException

from engine.deploying.drafts import Draft, Unfit, judge
from engine.editing.actions import list_actions
from engine.editing.blocks import list_blocks
from engine.editing.room import Room
from tests.support.writing import make_files
from web.desk import rooms as module
from web.desk.rooms import Rooms, Wrong

FILE = "whitepaper.campaign"
OWNER = uuid4()


@pytest_asyncio.fixture(scope="module")
async def rooms() -> AsyncIterator[Rooms]:
    made = Rooms()
    yield made
    await made.close()


def draft(**texts: str) -> Draft:
    own = {f"{name}.campaign": text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    return Draft(None, 1, make_files(), dict(own))


def loaded(tmp_path: Path, files: dict[str, bytes] | None = None) -> Room:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    room = Room(folder)
    room.load({path: body.decode() for path, body in (files or make_files()).items() if not path.startswith("files/")},
              ["files/whitepaper.pdf"])  # fmt: skip
    return room


def sound(room: Room) -> bool:
    found = room.problems()["problems"]
    return not any(one["severity"] == "error" for all in found.values() for one in all)


def test_every_block_fits_where_it_is_inserted(tmp_path: Path) -> None:
    room, files = loaded(tmp_path), make_files()
    text = files[FILE].decode()
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "wait 3 days" in line)
    assert sound(room)
    blocks = room.blocks()
    assert len(blocks) == len(list_blocks(None, [])) == 10
    for block in blocks:
        made = room.inserted(block["name"], text, line)
        assert made["text"].splitlines()[made["line"] - 1] == block["text"].splitlines()[0]
        room.type(FILE, made["text"])
        assert sound(room), (block["name"], room.problems())
        assert block["text"] in (room.formatted(FILE, made["text"]) or ""), block["name"]
    room.type(FILE, text)


def test_every_action_can_be_added_to_a_story(tmp_path: Path) -> None:
    room = loaded(tmp_path)
    for line, _ in list_actions(room.program):
        told = room.story(f'submits form "whitepaper"\nafter 1 day {line}')
        assert told["problems"] == [], line
        assert told["entries"]


@pytest.mark.parametrize(
    "kind", ["birthday", "cart", "reactivation", "renewal", "trial", "webinar", "welcome", "whitepaper"]
)
def test_every_beginning_is_drawn_and_begins_soundly(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    room = Room(folder)
    assert room.beginning_drawing(kind).startswith("<svg")
    begun = room.begin(kind, name="Spring 2027", company='Bäcker "Süß" & <Co>')
    files = {path: b64decode(body) for path, body in begun["files"].items()}
    assert begun["main"] in files
    for path, body in files.items():
        judge(path, body)
    room.load({path: body.decode() for path, body in files.items() if not path.startswith("files/")},
              [path for path in files if path.startswith("files/")])  # fmt: skip
    assert sound(room), room.problems()
    assert room.begin(kind, name="Spring 2027")["files"] == {}


def test_a_name_is_changed_everywhere(tmp_path: Path) -> None:
    room = loaded(tmp_path)
    text = make_files()[FILE].decode()
    line = next(number for number, line in enumerate(text.splitlines()) if line.startswith("form "))
    texts = room.rename(FILE, line, 7, "guide 🙂")
    assert 'form "guide 🙂"' in texts[FILE]
    assert 'starts when form "guide 🙂" is submitted' in texts[FILE]
    for path, changed in texts.items():
        room.type(path, changed)
    assert sound(room)


async def test_each_person_has_a_process_and_both_get_answers(rooms: Rooms) -> None:
    other = uuid4()
    mine = rooms.ask(OWNER, draft(), "contents")
    theirs = rooms.ask(other, draft(two='campaign "Two"\n    flow\n        stop\n'), "problems")
    contents, problems = await asyncio.gather(mine, theirs)
    assert [one["name"] for one in contents["campaigns"]] == ["Whitepaper"]
    assert "two.campaign" in problems["problems"]


@pytest.mark.parametrize("text", [
    "campaign \"x\"\n" + "".join(f"{' ' * (4 * depth)}if score >= {depth}\n" for depth in range(1, 10_000)),
    "(" * 100_000, "\u202e\u2066\u200b" * 20_000, '"' + "\\" * 99_999, "campaign \"" + "🙂" * 60_000 + '"',
    "send \"a\"\n" * 8_000, "\n" * 400_000, "\t \t" * 100_000, "x" * 500_000,
    "segment \"a\"\n    " + "not " * 50_000 + "score > 1\n",
], ids=["nested", "brackets", "marks", "quote", "emoji", "sends", "lines", "tabs", "word", "not"])  # fmt: skip
async def test_a_hostile_text_is_answered_and_the_next_one_too(rooms: Rooms, text: str) -> None:
    begun = draft(case=text)
    with suppress(HTTPException, Wrong):  # 503: it took too long, or too much
        answer = await rooms.typed(OWNER, begun, "case.campaign", text)
        assert answer is not None
    after = await rooms.ask(OWNER, draft(), "problems")
    assert not any(after["problems"].values())


async def test_who_takes_too_long_is_stopped_alone(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    other = uuid4()
    await rooms.ask(other, draft(), "contents")
    await rooms.ask(OWNER, draft(), "contents")
    monkeypatch.setattr(module, "SECONDS", 0.0)
    with pytest.raises(HTTPException) as stopped:
        await rooms.ask(OWNER, draft(), "problems")
    assert stopped.value.status_code == 503
    monkeypatch.setattr(module, "SECONDS", 20.0)
    assert (await rooms.ask(other, draft(), "contents"))["forms"]
    assert (await rooms.ask(OWNER, draft(), "contents"))["forms"]


async def test_the_newest_keystroke_is_the_one_that_counts(rooms: Rooms) -> None:
    text = make_files()[FILE].decode()
    many = [text.replace("wait 3 days", f"wait {day} dayz") for day in range(1, 60)]
    answers = await asyncio.gather(
        *(rooms.typed(OWNER, draft(whitepaper=one), FILE, one) for one in [*many, text.replace("3 days", "9 days")])
    )
    assert answers[-1] is not None
    assert not any(answers[-1]["problems"].values())
    assert sum(one is None for one in answers) > 40


async def test_as_many_processes_as_allowed(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    people: list[UUID] = [uuid4() for _ in range(3)]
    for person in people:
        assert await rooms.ask(person, draft(), "beginnings")
    assert len(rooms._rooms) == 2
    assert await rooms.ask(people[0], draft(), "beginnings")


async def test_a_process_sees_the_draft_and_no_other_file(rooms: Rooms, tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("---\nsubject: secret\n---\n", "utf-8")
    for name in (str(outside), f"../../../../../..{outside}", "../campaigns/templates/whitepaper/welcome"):
        with pytest.raises(Wrong):
            await rooms.ask(OWNER, draft(), "email", template=name)
        found: Any = await rooms.ask(OWNER, draft(), "outline", path=name)
        assert found == []
    included = f"---\nsubject: x\n---\n{{% include '{outside}' %}}\n".encode()
    files = {**make_files(), "templates/whitepaper/welcome.md": included}
    told = await rooms.ask(OWNER, Draft(None, 2, files), "problems")
    assert any(one["severity"] == "error" for one in told["problems"]["templates/whitepaper/welcome.md"])


SURROGATE = "\ud800".encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("path", "body"), [
    ("a.campaign", b"\xff\xfe"), ("a.campaign", b"a\0b"), ("templates/a.md", b"x" * 600_000), ("a.campaign", SURROGATE),
    ("files/a.png", b"GIF89a"), ("files/a.pdf", b"%PDF-" + bytes(6_000_000)),
])  # fmt: skip
def test_a_file_that_does_not_belong_there_is_refused(path: str, body: bytes) -> None:
    with pytest.raises(Unfit):
        judge(path, body)
