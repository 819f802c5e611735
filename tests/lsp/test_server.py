"""The language server as an editor sees it: a real process, spoken to over stdio."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.dsl.harness import ASSETS, CASES
from tests.support.editor import ROOT, Editor, Refused, editor

CAMPAIGN = """\
campaign "Nürture 🙂"
    starts when form "whitepaper" is submitted
        only if company is known
    leaves when lead becomes Customer
    flow
        send "whitepaper/welcome"
        if score of "fit" >= 15 and company_size >= 10
            enter campaign "statements"
            hand off to team "Everyone" as MQL
        stop
"""
OTHER = """\
campaign "Statements"
    flow
        send "whitepaper/welcome"
"""


def write_workspace(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(CASES / "base.campaign", folder)
    (folder / "nurture.campaign").write_text(CAMPAIGN, "utf-8")
    (folder / "other.campaign").write_text(OTHER, "utf-8")
    for name in ASSETS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("---\nsubject: Hello, {{ lead.company_size }}\n---\nHi\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    folder = write_workspace(tmp_path_factory.mktemp("editor") / "campaigns")
    async with editor(folder, folder.parent) as it:
        yield it


@pytest.fixture
async def ed(server: Editor) -> AsyncIterator[Editor]:
    """One server for all tests; each begins and ends with the files as they are on disk."""
    server.open("nurture.campaign")
    yield server
    for uri in list(server.texts):
        server.close(uri)
    await server.ask(
        "textDocument/hover", {"textDocument": {"uri": "untitled:1"}, "position": {"line": 0, "character": 0}}
    )


def said(problems: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(problem["code"], problem["range"]["start"]["line"]) for problem in problems]


# ── diagnostics ──────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_diagnostics_come_as_one_types_and_go_when_it_is_right(ed: Editor) -> None:
    ed.type("nurture.campaign", CAMPAIGN.replace('form "whitepaper"', 'form "whitepapr"'))
    (problem,) = await ed.problems_of("nurture.campaign")
    assert problem["code"] == "E104"
    assert problem["severity"] == 1
    assert problem["source"] == "coldframe"
    assert "whitepaper" in problem["message"]
    assert ed.read(ed.uri("nurture.campaign"), problem["range"]) == '"whitepapr"'
    ed.type("nurture.campaign", CAMPAIGN)
    assert await ed.problems_of("nurture.campaign") == []


async def test_positions_count_utf16_units(ed: Editor) -> None:
    text = CAMPAIGN.replace("        stop\n", '        if company is "🙂🙂" and compny is known\n            stop\n')
    ed.type("nurture.campaign", text)
    (problem,) = await ed.problems_of("nurture.campaign")
    assert ed.read(ed.uri("nurture.campaign"), problem["range"]) == "compny"


async def test_a_change_in_one_file_is_felt_in_another(ed: Editor) -> None:
    ed.open("other.campaign")
    ed.type("other.campaign", OTHER.replace("Statements", "Steps"))
    (problem,) = await ed.problems_until("nurture.campaign", "E106")
    assert ed.read(ed.uri("nurture.campaign"), problem["range"]) == '"statements"'
    ed.close(ed.uri("other.campaign"))
    await ed.until_sound()


async def test_a_second_place_is_related(ed: Editor) -> None:
    ed.type("nurture.campaign", CAMPAIGN.replace("Nürture 🙂", "Statements"))
    twice = await ed.problem("E130")
    assert twice["relatedInformation"][0]["location"]["uri"].endswith(".campaign")


async def test_files_that_come_and_go_on_disk_are_seen(ed: Editor) -> None:
    await ed.ask("textDocument/hover", ed.at("nurture.campaign", "flow"))
    (watch,) = ed.registered
    assert watch["method"] == "workspace/didChangeWatchedFiles"
    (ed.folder / "other.campaign").unlink()
    ed.tell("workspace/didChangeWatchedFiles", {"changes": [{"uri": ed.uri("other.campaign"), "type": 3}]})
    try:
        assert said(await ed.problems_until("nurture.campaign", "E106")) == [("E106", 7)]
    finally:
        (ed.folder / "other.campaign").write_text(OTHER, "utf-8")
        ed.tell("textDocument/didSave", {"textDocument": {"uri": ed.uri("other.campaign")}})
    await ed.until_sound()


async def test_a_file_that_is_not_utf8_is_told_of(ed: Editor) -> None:
    (ed.folder / "latin.campaign").write_bytes(b'campaign "\xfc"\n')
    ed.tell("workspace/didChangeWatchedFiles", {"changes": []})
    assert said(await ed.problems_of("latin.campaign")) == [("E014", 0)]
    (ed.folder / "latin.campaign").unlink()
    ed.tell("workspace/didChangeWatchedFiles", {"changes": []})
    assert await ed.problems_of("latin.campaign") == []


async def test_broken_texts_never_stop_the_server(ed: Editor) -> None:
    for text in ("", "\ufeff", "(" * 500, "\u2028\x85\x0b\n\ud83d", '"' * 300, "campaign\n\t\x00\n  if (\n", "x\r\ry"):
        ed.type("nurture.campaign", text)
        for method in ("completion", "hover", "definition", "documentSymbol"):
            await ed.ask(f"textDocument/{method}", ed.at("nurture.campaign", ""))
        for line, character in ((0, 10_000), (10_000, 0), (1, 1)):
            place = {**ed.at("nurture.campaign", ""), "position": {"line": line, "character": character}}
            await ed.ask("textDocument/completion", place)
            await ed.ask("textDocument/hover", place)


# ── completion ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def labels(ed: Editor, line: str, before: str = "        stop\n") -> list[str]:
    """What is offered at the `|` in a line put in front of `before`."""
    start, _, rest = line.partition("|")
    text = CAMPAIGN.replace(before, f"{start}{rest}\n{before}", 1)
    ed.type("nurture.campaign", text)
    found = await ed.ask("textDocument/completion", ed.at("nurture.campaign", start + rest, len(start)))
    return [item["label"] for item in found["items"]]


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("        se|", ["send", "set", "hand off to", "wait"], ["campaign", "starts", "ask"]),
        ("    |", ["leaves", "flow", "whenever", "topic"], ["send", "stage"]),
        ("|", ["campaign", "form", "lifecycle"], ["send", "topic"]),
        ('        send "|"', ["whitepaper/welcome", "pricing/help"], ["demo", "whitepaper/_footer"]),
        ('        send "white|', ["whitepaper/welcome"], []),
        ('        send "whitepaper/welcome" |', ["as", "within", "with"], ["and", "is"]),
        ('        enter campaign "|', ["Statements", "Nürture 🙂"], ["Everyone"]),
        ('        hand off to team "|', ["Everyone"], ["Statements"]),
        ("        hand off to sales as |", ["MQL", "Customer"], ["company"]),
        ("        qualify as |", ["MQL"], []),
        ("        if |", ["company", "score", "stage", "not"], ["send"]),
        ("        if stage is |", ["MQL", "Customer", "not", "at"], []),
        ("        if score of \"|", ["fit"], []),
        ("        if company |", ["is", "in", "contains"], ["company"]),
        ("        if country is \"|", ["DE", "AT"], []),
        ("        wait |", ["until", "for", "up"], []),
        ("        wait 3 |", ["days", "hours", "business days"], []),
        ("        wait until |", ["monday", "friday"], []),
        ("        wait for |", ["form", "email", "page"], ["company"]),
        ('        wait for email "whitepaper/welcome" is |', ["clicked", "opened"], ["submitted"]),
        ('        wait for form "|', ["whitepaper", "demo"], []),
        ("        # not he|", [], ["send"]),
    ],
)  # fmt: skip
async def test_completion(ed: Editor, line: str, offered: list[str], not_offered: list[str]) -> None:
    found = await labels(ed, line, "    flow\n" if line == "    |" else "        stop\n")
    assert set(offered) <= set(found), found
    assert not set(not_offered) & set(found)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ('segment "x"\n    country |', ["is", "in", "not"]), ('segment "x"\n    |', ["country", "has", "in", "score"]),
        ('segment "x"\n    has |', ["visited", "not", "been"]), ("scoring\n    |", ["+10 when", "+10 if"]),
        ("scoring\n    +10 when |", ["email", "page", "form"]),
        ('campaign "x"\n    flow\n        hand off to sales\n            when |', ["accepted", "rejected", "overdue"]),
        ('campaign "x"\n    flow\n        hand off to sales\n            when rejected because "|', ["not ready"]),
        ("lifecycle\n    stage Lead\n        when |", ["form", "score", "sales"]),
        ('campaign "x"\n    flow\n        split\n            |', ['50% "name"']),
        ("field size |", ["number", "text", "yes/no"]), ('form "x"\n    ask |', ["email", "company"]),
        ('campaign "x"\n    topic "|', ["newsletter"]), ('campaign "x"\n    leaves when lead becomes |', ["Customer"]),
        ('segment "x"\n    country in (\n        "DE",\n        "|', ["AT"]),
    ],
)  # fmt: skip
async def test_completion_in_other_blocks(ed: Editor, text: str, offered: list[str]) -> None:
    ed.type("nurture.campaign", text.replace("|", ""))
    place = ed.at("nurture.campaign", text[: text.index("|")], text.index("|"))
    found = [item["label"] for item in (await ed.ask("textDocument/completion", place))["items"]]
    assert set(offered) <= set(found), found


async def test_a_completion_replaces_what_is_being_written(ed: Editor) -> None:
    text = CAMPAIGN.replace('"whitepaper/welcome"', '"white"')
    ed.type("nurture.campaign", text)
    found = await ed.ask("textDocument/completion", ed.at("nurture.campaign", '"white"', 3))
    edit = next(item["textEdit"] for item in found["items"] if item["label"] == "whitepaper/welcome")
    assert edit["newText"] == "whitepaper/welcome"
    assert ed.read(ed.uri("nurture.campaign"), edit["range"]) == "white"


# ── hover, definition, references ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("leaves", "at any step"), ("send", "Sends an email"), ("form", 'form "whitepaper"'),
        ('"whitepaper"', "campaigns/base.campaign"), ('"statements"', 'campaign "Statements"'),
        ("company_size", "number"), ("company is", "built in"), ("MQL", "stage MQL"), ('"fit"', 'scoring "fit"'),
        ('"whitepaper/welcome"', "Hello"), ("submitted", "is submitted"), ("and", "Both"),
    ],
)  # fmt: skip
async def test_hover(ed: Editor, mark: str, says: str) -> None:
    found = await ed.ask("textDocument/hover", ed.at("nurture.campaign", mark, 1))
    assert says in found["contents"]["value"]
    assert ed.read(ed.uri("nurture.campaign"), found["range"])


@pytest.mark.parametrize(
    ("mark", "file", "line"),
    [
        ('"whitepaper"', "base.campaign", 'form "whitepaper"'), ('"statements"', "other.campaign", 'campaign "St'),
        ("company_size", "base.campaign", "field company_size"), ("MQL", "base.campaign", "stage MQL"),
        ('"fit"', "base.campaign", 'scoring "fit"'), ('"Everyone"', "base.campaign", 'team "Everyone"'),
    ],
)  # fmt: skip
async def test_definition(ed: Editor, mark: str, file: str, line: str) -> None:
    (found,) = await ed.ask("textDocument/definition", ed.at("nurture.campaign", mark, 2))
    assert found["uri"] == ed.uri(file)
    assert line in (ed.folder / file).read_text("utf-8").split("\n")[found["range"]["start"]["line"]]


async def test_the_definition_of_a_template_is_its_files(ed: Editor) -> None:
    found = await ed.ask("textDocument/definition", ed.at("nurture.campaign", '"whitepaper/welcome"', 3))
    assert [Path(place["uri"]).name for place in found] == ["welcome.de.md", "welcome.md"]


async def test_references(ed: Editor) -> None:
    place = ed.at("nurture.campaign", '"whitepaper/welcome"', 3)
    found = await ed.ask("textDocument/references", {**place, "context": {"includeDeclaration": True}})
    assert {Path(one["uri"]).name for one in found} == {"nurture.campaign", "other.campaign"}
    place = ed.at("nurture.campaign", '"statements"', 3)
    found = await ed.ask("textDocument/references", {**place, "context": {"includeDeclaration": False}})
    assert [Path(one["uri"]).name for one in found] == ["nurture.campaign"]


# ── rename ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def applied(ed: Editor, edit: dict[str, Any]) -> dict[str, str]:
    """The files after an edit, by name."""
    result = {}
    for uri, edits in edit["changes"].items():
        path = ed.folder / ed.file(uri)
        lines = ed.texts.get(uri, path.read_text("utf-8")).split("\n")
        for one in sorted(edits, key=lambda e: e["range"]["start"]["character"], reverse=True):
            start, end = one["range"]["start"], one["range"]["end"]
            units = lines[start["line"]].encode("utf-16-le")
            new = one["newText"].encode("utf-16-le")
            units = units[: start["character"] * 2] + new + units[end["character"] * 2 :]
            lines[start["line"]] = units.decode("utf-16-le")
        result[path.name] = "\n".join(lines)
    return result


async def test_a_campaign_is_renamed_everywhere(ed: Editor) -> None:
    place = ed.at("nurture.campaign", '"statements"', 3)
    assert (await ed.ask("textDocument/prepareRename", place))["placeholder"] == "statements"
    files = applied(ed, await ed.ask("textDocument/rename", {**place, "newName": 'Say "hi"'}))
    assert 'enter campaign "Say \\"hi\\""' in files["nurture.campaign"]
    assert files["other.campaign"].startswith('campaign "Say \\"hi\\""\n')


async def test_a_field_is_renamed_in_campaigns_and_templates(ed: Editor) -> None:
    place = ed.at("nurture.campaign", "company_size", 3)
    files = applied(ed, await ed.ask("textDocument/rename", {**place, "newName": "staff"}))
    assert "and staff >= 10" in files["nurture.campaign"]
    assert "field staff number" in files["base.campaign"]
    assert not any("company_size" in text for text in files.values())
    assert "{{ lead.staff }}" in files["welcome.md"]


async def test_a_stage_is_renamed(ed: Editor) -> None:
    place = ed.at("nurture.campaign", "MQL", 1)
    files = applied(ed, await ed.ask("textDocument/rename", {**place, "newName": "Warm"}))
    assert 'team "Everyone" as Warm' in files["nurture.campaign"]
    assert "stage Warm" in files["base.campaign"]
    assert not any("MQL" in text for text in files.values())


@pytest.mark.parametrize(
    ("mark", "new", "why"),
    [
        ('"statements"', "Nürture 🙂", "already"), ('"statements"', "  ", "not empty"),
        ('"statements"', "a*", "no `*`"),
        ("MQL", "two words", "plain word"), ("company_size", "email", "already"), ("company is", "x", "declare"),
        ('"whitepaper/welcome"', "x", "declare"),
    ],
)  # fmt: skip
async def test_a_rename_that_would_break_something_is_refused(ed: Editor, mark: str, new: str, why: str) -> None:
    with pytest.raises(Refused, match=why.replace("*", r"\*")):
        await ed.ask("textDocument/rename", {**ed.at("nurture.campaign", mark, 2), "newName": new})


# ── whole files ──────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_formatting(ed: Editor) -> None:
    options = {"tabSize": 4, "insertSpaces": True}
    document = {"textDocument": {"uri": ed.uri("nurture.campaign")}, "options": options}
    assert await ed.ask("textDocument/formatting", document) == []
    ed.type("nurture.campaign", CAMPAIGN.replace("    ", "  ").replace("\n", "\r\n") + "\r\n\r\n")
    (edit,) = await ed.ask("textDocument/formatting", document)
    assert edit["newText"] == CAMPAIGN
    assert edit["range"]["start"] == {"line": 0, "character": 0}
    assert edit["range"]["end"]["line"] == CAMPAIGN.count("\n") + 2
    ed.type("nurture.campaign", CAMPAIGN.replace("    flow", "\tflow"))
    assert await ed.ask("textDocument/formatting", document) is None


async def test_the_outline(ed: Editor) -> None:
    document = {"textDocument": {"uri": ed.uri("nurture.campaign")}}
    (campaign,) = await ed.ask("textDocument/documentSymbol", document)
    assert campaign["name"] == 'campaign "Nürture 🙂"'
    assert campaign["range"]["end"]["line"] == 9
    assert [child["name"] for child in campaign["children"]] == ['starts when form "whitepaper" is submitted', "flow"]
    flow = campaign["children"][1]
    assert [child["name"].split()[0] for child in flow["children"]] == ["send", "if"]


async def test_symbols_of_the_workspace(ed: Editor) -> None:
    found = await ed.ask("workspace/symbol", {"query": "every"})
    assert [(one["name"], one["containerName"]) for one in found] == [("Everyone", "team")]


async def test_a_folder_without_templates_and_a_file_outside(tmp_path: Path) -> None:
    (tmp_path / "a.campaign").write_text('form "x"\n    ask mail\n', "utf-8")
    async with editor(tmp_path) as it:
        it.open("a.campaign")
        assert "E101" in {problem["code"] for problem in await it.problems_of("a.campaign")}
        place = {"textDocument": {"uri": "untitled:1"}, "position": {"line": 0, "character": 0}}
        assert await it.ask("textDocument/hover", place) is None


def test_the_server_runs_from_the_repository() -> None:
    assert (ROOT / "engine" / "lsp" / "features.py").exists()
