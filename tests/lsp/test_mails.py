"""Templates in an editor: a real server, spoken to over stdio, in a folder whose name has to be encoded."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.mail.context import LAYOUT_NAMES
from engine.mail.formats import FILTERS
from engine.writing import mail_guide
from tests.dsl.harness import ASSETS, CASES
from tests.lsp.test_server import applied, said
from tests.support.editor import PATIENCE, Editor, Refused, editor

CAMPAIGN = """\
campaign "Nurture"
    starts when form "whitepaper" is submitted
    flow
        send "grüße/erste mail" with discount = 10
        if company_size >= 10
            hand off to team "Everyone" as MQL
                note "🙂 With {{ lead.company_size|default(0) }} people"
"""
MAIL = """\
---
subject: Hello 🙂 {{ lead.first_name|default("you") }}
---
{{ greeting }}, you get {{ discount|percent }}.

{% if lead.company_size > 10 %}You are {{ lead.company_size }}.{% endif %}

{% include "_foot 100%.md" %}
"""
FOOT = "The text lead.company_size stays. {# lead.company_size #} {{ lead['company_size']|default(1) }}\n"
NAME, PART = "templates/grüße/erste mail.md", "templates/_foot 100%.md"
CAMPAIGN_FILE = "nurture.campaign"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    folder = tmp_path_factory.mktemp("editor") / "Über uns 50%25" / "campaigns"
    folder.mkdir(parents=True)
    shutil.copy(CASES / "base.campaign", folder)
    files = {CAMPAIGN_FILE: CAMPAIGN, NAME: MAIL, PART: FOOT}
    for name in (*ASSETS, *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(files.get(name, "---\nsubject: Hello\n---\nHi {{ confirm_url }}\n"), "utf-8")
    async with editor(folder, folder.parent) as it:
        yield it


@pytest.fixture
async def ed(server: Editor) -> AsyncIterator[Editor]:
    """One server for all tests; each begins and ends with the files as they are on disk, and nothing wrong in them."""
    server.open(CAMPAIGN_FILE)
    server.open(NAME)
    yield server
    for uri in list(server.texts):
        server.close(uri)
    await server.until_sound()


def labels(found: dict[str, Any]) -> list[str]:
    return [item["label"] for item in found["items"]]


async def complete(ed: Editor, line: str) -> list[str]:
    """What is offered at the `¦` in a last line of the mail."""
    start, _, rest = line.partition("¦")
    await ed.until_checked(NAME)
    ed.type(NAME, MAIL + "§" + start + rest)
    return labels(await ed.ask("textDocument/completion", ed.at(NAME, "§", 1 + len(start))))


# ── diagnostics ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("old", "new", "code", "marked"),
    [
        ("lead.first_name|", "lead.frist_name|", "E704", "lead.frist_name"),
        ("lead.company_size }}", "lead.company_sizes }}", "E704", "lead.company_sizes"),
        ("> 10", "10", "E701", "10"),
        ("subject: Hello", "subjects: Hello", "E701", "subjects: Hello 🙂 {{ lead.first_name|default(\"you\") }}"),
        ("discount|percent", "discaunt|percent", "E703", "discaunt"),
        ("_foot 100%.md", "_fuss.md", "E709", '"_fuss.md"'),
        ("{{ greeting }}", "{{ event.amount }}", "E706", "event.amount"),
        ("greeting }}", "greeting|uper }}", "E710", "uper"),
        ("{{ greeting }}", "🙂🙂 {{ lead.last_name }}", "E705", "lead.last_name"),
    ],
)  # fmt: skip
async def test_a_mistake_shows_as_one_types_and_goes_when_it_is_mended(
    ed: Editor, old: str, new: str, code: str, marked: str
) -> None:
    ed.type(NAME, MAIL.replace(old, new, 1))
    (problem,) = await ed.problems_of(NAME)
    assert (problem["code"], problem["severity"], problem["source"]) == (code, 1, "coldframe")
    assert ed.read(ed.uri(NAME), problem["range"]) == marked
    ed.type(NAME, MAIL)
    assert await ed.problems_of(NAME) == []


async def test_a_problem_leads_to_the_send(ed: Editor) -> None:
    ed.type(NAME, MAIL.replace("greeting", "lead.last_name", 1))
    (problem,) = await ed.problems_of(NAME)
    (related,) = problem["relatedInformation"]
    assert related["location"]["uri"] == ed.uri(CAMPAIGN_FILE)
    assert ed.read(ed.uri(CAMPAIGN_FILE), related["location"]["range"]) == 'send "grüße/erste mail" with discount = 10'


async def test_a_note_in_a_campaign_is_told_of_at_its_words(ed: Editor) -> None:
    ed.type(CAMPAIGN_FILE, CAMPAIGN.replace("company_size|default(0)", "company_size"))
    (problem,) = await ed.problems_of(CAMPAIGN_FILE)
    assert problem["code"] == "E705"
    assert ed.read(ed.uri(CAMPAIGN_FILE), problem["range"]) == "lead.company_size"


async def test_a_change_in_a_campaign_is_felt_in_a_template(ed: Editor) -> None:
    ed.type(CAMPAIGN_FILE, CAMPAIGN.replace(" with discount = 10", ""))
    assert said(await ed.problems_of(NAME)) == [("E703", 3)]
    ed.type(CAMPAIGN_FILE, CAMPAIGN)
    assert await ed.problems_of(NAME) == []


async def test_while_a_campaign_cannot_be_read_its_last_sound_state_counts(ed: Editor) -> None:
    ed.type(CAMPAIGN_FILE, "\n" + CAMPAIGN.replace("with discount = 10", "with discount = ("))
    assert await ed.problems_of(CAMPAIGN_FILE) != []
    ed.type(NAME, MAIL + "{{ lead.nobody }}")
    assert said(await ed.problems_of(NAME)) == [("E704", 8)]


async def test_a_change_in_a_part_is_felt_where_it_is_included(ed: Editor) -> None:
    ed.open(PART)
    ed.type(PART, FOOT + "{{ lead.last_name }}\n")
    assert said(await ed.problems_of(PART)) == [("E705", 1)]
    ed.close(ed.uri(PART))
    assert await ed.problems_of(PART) == []


async def test_closing_without_saving_returns_to_what_is_on_disk(ed: Editor) -> None:
    ed.type(NAME, "no subject")
    assert said(await ed.problems_of(NAME)) == [("E702", 0)]
    ed.close(ed.uri(NAME))
    assert await ed.problems_of(NAME) == []


async def test_a_template_that_is_not_saved_yet_counts(ed: Editor) -> None:
    ed.type(CAMPAIGN_FILE, CAMPAIGN.replace('send "grüße/erste mail"', 'send "grüße/neu"'))
    assert "E103" in [code for code, _ in said(await ed.problems_of(CAMPAIGN_FILE))]
    ed.open("templates/grüße/neu.md", "---\nsubject: Neu\n---\n{{ discount }}\n")
    assert await ed.problems_of(CAMPAIGN_FILE) == []
    ed.type("templates/grüße/neu.md", "---\nsubject: Neu\n---\n{{ rabatt }}\n")
    assert said(await ed.problems_of("templates/grüße/neu.md")) == [("E703", 3)]


async def test_files_that_change_come_and_go_on_disk_are_seen(ed: Editor) -> None:
    await ed.ask("textDocument/hover", ed.at(NAME, "greeting"))
    (watch,) = ed.registered
    assert "**/templates/**" in [one["globPattern"] for one in watch["registerOptions"]["watchers"]]
    path, changed = ed.folder / PART, {"changes": [{"uri": ed.uri(PART), "type": 2}]}
    path.write_text("{{ lead.nobody }}\n", "utf-8")
    ed.tell("workspace/didChangeWatchedFiles", changed)
    assert said(await ed.problems_of(PART)) == [("E704", 0)]
    path.write_bytes(b"\xff\xfe")
    ed.tell("workspace/didChangeWatchedFiles", changed)
    assert said(await ed.problems_of(PART)) == [("E701", 0)]
    path.unlink()
    ed.tell("workspace/didChangeWatchedFiles", changed)
    assert await ed.problems_of(PART) == []
    assert said(await ed.problems_until(NAME, "E709")) == [("E709", 7)]
    path.write_text(FOOT, "utf-8")
    ed.tell("textDocument/didSave", {"textDocument": {"uri": ed.uri(PART)}})
    assert await ed.problems_of(NAME) == []


async def test_a_template_that_is_open_counts_until_it_is_closed_though_its_file_is_gone(ed: Editor) -> None:
    path = ed.folder / NAME
    path.rename(path.with_name("zweite mail.md"))
    ed.tell("workspace/didChangeWatchedFiles", {"changes": []})
    ed.type(NAME, "no subject")
    assert said(await ed.problems_of(NAME)) == [("E702", 0)]
    ed.close(ed.uri(NAME))
    assert said(await ed.problems_of(CAMPAIGN_FILE)) == [("E103", 3)]
    path.with_name("zweite mail.md").rename(path)
    ed.tell("workspace/didChangeWatchedFiles", {"changes": []})
    assert await ed.problems_of(CAMPAIGN_FILE) == []


async def test_windows_line_ends(ed: Editor) -> None:
    ed.type(NAME, MAIL.replace("greeting", "lead.last_name", 1).replace("\n", "\r\n"))
    (problem,) = await ed.problems_of(NAME)
    assert ed.read(ed.uri(NAME), problem["range"]) == "lead.last_name"


async def test_texts_that_nobody_can_read_never_stop_the_server(ed: Editor) -> None:
    long = "---\nsubject: x\n---\n" + "{% if score %}{{ lead.company }} 🙂 " * 30_000
    deep = "---\nsubject: x\n---\n" + "{% if score %}" * 200 + "{% endif %}" * 200
    for text in ("", "\ufeff", "---", "---\n---", "{{", "{%", "{#", "{{ '", "{{ lead.", "{{ 2**9999999 }}", "{{ ((((",
                 "\u2028\x85\x0b\n\ud83d{{ x", "{% raw %}{{", "---\r\nsubject: {{\r---", deep, long):  # fmt: skip
        ed.type(NAME, text)
        for method in ("completion", "hover", "definition", "documentSymbol", "formatting", "prepareRename"):
            place = {**ed.at(NAME, ""), "options": {"tabSize": 4, "insertSpaces": True}}
            await ed.ask(f"textDocument/{method}", place)
        for line, character in ((0, 10_000), (10_000, 0), (0, 2), (3, 3)):
            place = {**ed.at(NAME, ""), "position": {"line": line, "character": character}}
            await ed.ask("textDocument/completion", place)
            await ed.ask("textDocument/hover", place)
    while "100,000" not in str(await ed.problems_until(NAME, "E701")):  # those of the texts before may still come
        await asyncio.wait_for(ed.published.get(), PATIENCE)


async def test_what_is_no_template_of_a_workspace_is_left_alone(ed: Editor) -> None:
    ed.open("README.md", "{{ lead.nobody }}")
    ed.open("../templates/page.html", "{{ lead.nobody }}")
    assert await ed.ask("textDocument/hover", ed.at("README.md", "nobody")) is None
    assert await ed.ask("textDocument/hover", ed.at("../templates/page.html", "nobody")) is None
    ed.type(NAME, "no subject")
    await ed.problems_of(NAME)
    assert ed.uri("README.md") not in ed.problems


# ── completion ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("{{ ¦", ["lead", "greeting", "discount", "event", "unsubscribe_url"], ["content", "upper", "company_size"]),
        ("{{ lead.¦ }}", ["company_size", "email"], ["lead", "upper"]),
        ("{{ lead.comp¦", ["company_size"], []),
        ("{{ lead['¦'] }}", ["company_size"], ["lead"]),
        ("{{ owner.¦", ["name", "email"], ["company_size"]),
        ("{{ workspace.¦", ["address"], ["email"]),
        ("{{ event.¦", ["email", "company_size"], ["amount"]),
        ("{{ lead.email|¦", ["upper", "default", "date"], ["lead"]),
        ("{{ lead.email|up¦ }}", ["upper"], []),
        ("{% ¦", ["if", "include", "for"], ["lead"]),
        ("{% if ¦ %}", ["lead", "score"], ["include"]),
        ("{% if lead.city is ¦", ["defined"], ["lead"]),
        ('{% include "¦" %}', ["_foot 100%.md", "whitepaper/welcome.md"], ["lead"]),
        ('{{ file_url("¦', ["pump-guide.pdf"], []),
        ("lead.¦", [], ["company_size"]),
        ("{{ lead.email }} and ¦", [], ["lead"]),
    ],
)  # fmt: skip
async def test_completion(ed: Editor, line: str, offered: list[str], not_offered: list[str]) -> None:
    found = await complete(ed, line)
    assert set(offered) <= set(found), found
    assert not set(not_offered) & set(found), found


async def test_completion_of_front_matter_and_layouts(ed: Editor) -> None:
    ed.type(NAME, "---\nsubject: Hi\n\n---\nHi")
    place = {**ed.at(NAME, ""), "position": {"line": 2, "character": 0}}
    assert labels(await ed.ask("textDocument/completion", place)) == ["preheader: ", "sender: "]
    ed.open("templates/_layout.html", "<p>{{ }}</p>")
    found = labels(await ed.ask("textDocument/completion", ed.at("templates/_layout.html", "{{ ", 3)))
    assert {"content", "words", "lead"} <= set(found)


async def test_a_completion_replaces_what_is_being_written(ed: Editor) -> None:
    ed.type(NAME, MAIL + "🙂 {{ lead.compa }}")
    found = await ed.ask("textDocument/completion", ed.at(NAME, "compa }", 5))
    edit = next(item["textEdit"] for item in found["items"] if item["label"] == "company_size")
    assert ed.read(ed.uri(NAME), edit["range"]) == "compa"


def test_every_name_and_filter_has_a_sentence() -> None:
    assert mail_guide.FILTERS.keys() == {name for name in FILTERS if not name.startswith("_")}
    assert mail_guide.NAMES.keys() == LAYOUT_NAMES | {"range", "loop"}


# ── hover, definition, references, rename ────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("mark", "offset", "says"),
    [
        ("lead.company_size", 6, "field company_size number"), ("lead.company_size", 1, "`lead.FIELD`"),
        ("first_name", 1, "built in"), ("greeting", 1, "Guten Tag"), ("default", 1, "no value"),
        ("discount", 1, f"campaigns/{CAMPAIGN_FILE}:4"), ("_foot", 1, "The text lead.company_size stays"),
        ("percent", 1, "10%"), ("event.company_size", 7, "number, as a form asks it"),
        ("workspace.address", 11, "postal"), ("owner.name", 7, "owner"),
    ],
)  # fmt: skip
async def test_hover(ed: Editor, mark: str, offset: int, says: str) -> None:
    ed.type(NAME, MAIL + "{{ event.company_size }} {{ workspace.address }} {{ owner.name }}")
    await ed.until_checked(NAME)
    found = await ed.ask("textDocument/hover", ed.at(NAME, mark, offset))
    assert says in found["contents"]["value"]
    assert ed.read(ed.uri(NAME), found["range"]).split()[0] in mark + " 100%.md"


@pytest.mark.parametrize(
    ("mark", "offset", "file", "line"),
    [
        ("lead.company_size", 6, "base.campaign", "field company_size"), ("_foot", 1, PART, "The text"),
        ("discount", 1, CAMPAIGN_FILE, 'send "grüße'),
    ],
)  # fmt: skip
async def test_definition(ed: Editor, mark: str, offset: int, file: str, line: str) -> None:
    await ed.until_checked(NAME)
    (found,) = await ed.ask("textDocument/definition", ed.at(NAME, mark, offset))
    assert ed.file(found["uri"]) == file
    assert line in (ed.folder / file).read_text("utf-8").split("\n")[found["range"]["start"]["line"]]


async def test_the_definition_of_a_mail_is_its_template(ed: Editor) -> None:
    (found,) = await ed.ask("textDocument/definition", ed.at(CAMPAIGN_FILE, "erste mail"))
    assert ed.file(found["uri"]) == NAME


async def test_references_of_a_field_are_in_templates_too(ed: Editor) -> None:
    place = {**ed.at(NAME, "company_size"), "context": {"includeDeclaration": True}}
    found = await ed.ask("textDocument/references", place)
    assert [ed.read(one["uri"], one["range"]) for one in found] == ["company_size"] * len(found)
    files = [ed.file(one["uri"]) for one in found]
    assert {file: files.count(file) for file in files} == {"base.campaign": 3, CAMPAIGN_FILE: 2, NAME: 2, PART: 1}


async def test_references_of_a_part_are_its_includes(ed: Editor) -> None:
    place = {**ed.at(NAME, "_foot"), "context": {"includeDeclaration": True}}
    (found,) = await ed.ask("textDocument/references", place)
    assert ed.read(found["uri"], found["range"]) == "_foot 100%.md"


async def test_a_field_is_renamed_in_templates_but_not_in_their_prose(ed: Editor) -> None:
    ed.type(NAME, MAIL + "unsaved: {{ lead.company_size|default(0) }}")
    place = ed.at(NAME, "company_size", 3)
    assert (await ed.ask("textDocument/prepareRename", place))["placeholder"] == "company_size"
    files = applied(ed, await ed.ask("textDocument/rename", {**place, "newName": "staff"}))
    assert files["_foot 100%.md"] == FOOT.replace("lead['company_size']", "lead['staff']")
    assert files["erste mail.md"] == ed.texts[ed.uri(NAME)].replace("lead.company_size", "lead.staff")
    assert "{{ lead.staff|default(0) }}" in files[CAMPAIGN_FILE]
    assert "field staff number" in files["base.campaign"]


async def test_what_a_form_asks_is_renamed_in_events_too(ed: Editor) -> None:
    form = '\nform "size"\n    ask email required\n    ask company_size\n'
    ed.type(CAMPAIGN_FILE, CAMPAIGN.replace("discount = 10", "discount = event.company_size") + form)
    ed.type(NAME, MAIL + "{{ event.company_size }}")
    place = ed.at(NAME, "company_size", 3)
    files = applied(ed, await ed.ask("textDocument/rename", {**place, "newName": "staff"}))
    assert "{{ event.staff }}" in files["erste mail.md"]
    assert "with discount = event.staff" in files[CAMPAIGN_FILE]
    assert "    ask staff" in files[CAMPAIGN_FILE]
    ed.type(CAMPAIGN_FILE, ed.texts[ed.uri(CAMPAIGN_FILE)] + '\nevent "audit" has company_size number\n')
    with pytest.raises(Refused, match="may also be a property of another event"):
        await ed.ask("textDocument/rename", {**place, "newName": "staff"})
    ed.type(NAME, MAIL + "{% set all = event %}{{ all.company_size }}")
    with pytest.raises(Refused, match=r"erste mail\.md:9 hands `event` on as a whole"):
        await ed.ask("textDocument/rename", {**place, "newName": "staff"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{% set all = lead %}{{ all.company_size }}", "erste mail.md:9 hands `lead` on as a whole"),
        ("{{ lead[field] }}", "as a whole"), ("{{ lead.company_size", "erste mail.md:9 cannot be read"),
    ],
)  # fmt: skip
async def test_a_field_is_not_renamed_where_its_uses_cannot_be_known(ed: Editor, text: str, why: str) -> None:
    ed.type(NAME, MAIL + text)
    with pytest.raises(Refused, match=why):
        await ed.ask("textDocument/rename", {**ed.at(NAME, "company_size", 3), "newName": "staff"})


@pytest.mark.parametrize("mark", ["greeting", "percent", "_foot", "first_name"])
async def test_what_templates_alone_name_is_not_renamed(ed: Editor, mark: str) -> None:
    assert await ed.ask("textDocument/prepareRename", ed.at(NAME, mark, 1)) is None
    with pytest.raises(Refused, match="declare"):
        await ed.ask("textDocument/rename", {**ed.at(NAME, mark, 1), "newName": "x"})
