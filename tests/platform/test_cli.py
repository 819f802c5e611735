"""The command line: exit codes, output for people and programs, and never a traceback for a mistake of the user's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
import typer
from typer.testing import CliRunner

from engine.cli.main import _built, app
from engine.platform.settings import libpq_url
from tests.support.cli import GOOD, Run, write


def test_a_sound_workspace_exits_0(run: Run, workspace: Path) -> None:
    done = run("check", workspace)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "1 campaign file checked: no problems found\n"
    assert json.loads(run("check", workspace, "--json").stdout) == []


def test_an_error_is_shown_in_its_line_and_exits_1(run: Run, workspace: Path) -> None:
    write(
        workspace,
        {"shop.campaign": GOOD["shop.campaign"].replace('starts when form "guide"', 'starts when form "giude"')},
    )
    done = run("check")
    assert done.returncode == 1
    assert "error[" in done.stdout
    assert "campaigns/shop.campaign:12:" in done.stdout
    assert "giude" in done.stdout
    assert "1 error" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_json_is_one_list_with_the_promised_keys(run: Run, workspace: Path) -> None:
    write(workspace, {"shop.campaign": GOOD["shop.campaign"].replace('form "guide" is', 'form "giude" is')})
    done = run("check", workspace, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    promised = {
        "code", "severity", "message", "help", "file", "line", "column", "end_line", "end_column", "related",
    }  # fmt: skip
    assert found
    assert all(set(problem) == promised for problem in found)


def test_a_template_that_cannot_be_used_is_an_error_at_its_place(run: Run, workspace: Path) -> None:
    write(workspace, {"templates/welcome.md": GOOD["templates/welcome.md"].replace("Good day!", "{{ lead.shoesize }}")})
    done = run("check")
    assert done.returncode == 1
    assert "campaigns/templates/welcome.md:4:" in done.stdout
    assert "shoesize" in done.stdout


def test_a_line_of_a_campaign_is_underlined_as_a_whole(run: Run, workspace: Path) -> None:
    write(workspace, {"templates/welcome.md": GOOD["templates/welcome.md"].replace("Good day!", "{{ lead.company }}")})
    shown = run("check", workspace).stdout
    assert "note: it is used here\n   --> campaigns/shop.campaign:14:9\n" in shown
    assert f' 14 |         send "welcome"\n    |         {"^" * 14}\n' in shown
    ((related,),) = [one["related"] for one in json.loads(run("check", workspace, "--json").stdout)]
    assert (related["column"], related["end_column"]) == (9, 23)


def test_a_subject_in_a_campaign_is_underlined_at_its_words(run: Run, workspace: Path) -> None:
    line = 'send "welcome" testing subject "{{ lead.company }}" or "Hello"'
    write(workspace, {"shop.campaign": GOOD["shop.campaign"].replace('send "welcome"', line)})
    under = " " * line.index("lead.company") + "^" * len("lead.company")
    assert f"        {line}\n    |         {under}\n" in run("check", workspace).stdout


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere", "create one with `coldframe new workspace nowhere`"),
        ("campaigns/shop.campaign", "name the folder it is in"),
        ("empty", "no *.campaign file in empty"),
    ],
)
def test_what_cannot_be_looked_at_exits_2(run: Run, workspace: Path, path: str, said: str) -> None:
    (workspace.parent / "empty").mkdir()
    done = run("check", path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert said in done.stderr


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"\x00\xff\xfe" * 50,
        b"campaign" * 10_000,
        b'campaign "\n\tsend\n' * 50,
        "\u202ecampaign \u201cx\u201d\r\n".encode(),
        b"(" * 5_000,
    ],
    ids=["empty", "binary", "long", "tabs", "bidi", "deep"],
)
def test_no_input_ends_in_a_traceback(run: Run, tmp_path: Path, bytes_: bytes) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "x.campaign").write_bytes(bytes_)
    done = run("check", folder, "--json")
    assert done.returncode in {0, 1}
    assert isinstance(json.loads(done.stdout), list)
    assert "Traceback" not in done.stderr
    assert "fault in Coldframe" not in done.stderr


@pytest.mark.parametrize("arguments", [["check", "--json"], ["check"], ["--help"]])
def test_a_reader_who_goes_away_is_no_error_message(workspace: Path, tmp_path: Path, arguments: list[str]) -> None:
    broken = "\n".join(f'nonsense "{n}"' for n in range(600))  # more than `check` shows of one file, or a pipe holds
    write(workspace, {"more.campaign": broken})
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    said = child.stderr.read().decode()
    child.stderr.close()
    child.wait(60)
    assert "Traceback" not in said
    assert "Broken" not in said


def test_a_workspace_with_an_error_is_not_deployed(run: Run, workspace: Path, fresh_database_url: str) -> None:
    write(workspace, {"shop.campaign": GOOD["shop.campaign"].replace('form "guide" is', 'form "giude" is')})
    done = run("deploy", DATABASE_URL=fresh_database_url)
    assert done.returncode == 1
    assert "nothing was deployed" in done.stderr
    with psycopg.connect(libpq_url(fresh_database_url)) as connection:
        assert connection.execute("SELECT count(*) FROM deployments").fetchone() == (0,)


def test_deploy_then_status(run: Run, workspace: Path, fresh_database_url: str) -> None:
    assert "nothing is deployed yet" in run("status", DATABASE_URL=fresh_database_url).stdout
    first = json.loads(run("deploy", "--json", "--author", "ada", DATABASE_URL=fresh_database_url).stdout)
    assert first == {"epoch": 1, "changed": True, "campaigns": ["Guide"], "new_plans": ["Guide"]}
    again = run("deploy", workspace, DATABASE_URL=fresh_database_url)
    assert again.stdout == "no changes since deployment 1 (1 campaign)\n"
    with psycopg.connect(libpq_url(fresh_database_url)) as connection:
        assert connection.execute("SELECT author FROM deployments").fetchall() == [("ada",)]
    shown = run("status", DATABASE_URL=fresh_database_url)
    assert (shown.returncode, shown.stdout.split(" · ")[0]) == (0, "deployment 1")
    assert json.loads(run("status", "--json", DATABASE_URL=fresh_database_url).stdout)["epoch"] == 1


def test_a_database_of_another_version_is_named_as_that(run: Run, fresh_database_url: str) -> None:
    from engine.store.migrate import downgrade, newest_revision

    downgrade(fresh_database_url)
    done = run("status", DATABASE_URL=fresh_database_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run `coldframe migrate`" in done.stderr
    revision = json.loads(run("migrate", "--json", DATABASE_URL=fresh_database_url).stdout)["revision"]
    assert revision == newest_revision()
    assert run("status", DATABASE_URL=fresh_database_url).returncode == 0


@pytest.mark.parametrize("command", ["status", "migrate", "deploy"])
def test_an_unreachable_database_is_one_line_without_its_address(run: Run, workspace: Path, command: str) -> None:
    done = run(command, DATABASE_URL="postgresql://app:hunter2@127.0.0.1:1/nothing")
    assert done.returncode == 2
    assert "cannot connect to" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_process_without_a_database_says_what_it_needs(run: Run, command: str) -> None:
    done = run(command)
    assert done.returncode == 2
    assert "needs DATABASE_URL" in done.stderr


def test_settings_that_cannot_be_meant_are_named(run: Run) -> None:
    done = run("status", COLDFRAME_WEB_PORT="eighty", DATABASE_URL="mysql://app:hunter2@db/x")
    assert done.returncode == 2
    assert "COLDFRAME_WEB_PORT:" in done.stderr
    assert "DATABASE_URL:" in done.stderr
    assert "hunter2" not in done.stderr


def test_retry_wants_to_know_which(run: Run) -> None:
    done = run("retry")
    assert done.returncode == 2
    assert "--campaign, --lead, or --all" in done.stderr


def test_without_a_database_the_embedded_one_runs_as_long_as_the_command(run: Run, home: Path, workspace: Path) -> None:
    assert run("deploy", COLDFRAME_HOME=str(home)).returncode == 0
    done = run("status", COLDFRAME_HOME=str(home))
    assert (done.returncode, done.stdout.split(" · ")[0]) == (0, "deployment 1"), done.stderr
    assert (home / "postgres" / "PG_VERSION").exists()
    assert not (home / "postgres" / "postmaster.pid").exists()


LOOKING = [
    ("status", "--json"), ("deployments",), ("results",), ("why", "a@lead.example", "Guide"), ("replay",),
    ("graph", "Guide", "--stats"), ("preview", "welcome", "--lead", "a@lead.example"), ("pause", "--all"),
    ("send-test", "welcome", "a@lead.example"),
]  # fmt: skip


@pytest.mark.parametrize("command", LOOKING, ids=lambda command: command[0])
def test_where_nothing_was_deployed_a_command_says_so_and_makes_no_database(
    run: Run, workspace: Path, command: tuple[str, ...]
) -> None:
    done = run(*command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing is deployed yet" in done.stderr
    assert not (workspace.parent / "home").exists()


def test_what_only_reads_leaves_nothing_behind(run: Run, workspace: Path) -> None:
    unset = {"COLDFRAME_SECRET": "", "COLDFRAME_PEPPER": ""}
    before = sorted(workspace.parent.iterdir())
    for command in (("check",), ("plan",), ("preview", "welcome"), ("graph", "Guide", "--mermaid"), ("fmt", "--check"),
                    ("simulate", "--script", "submits form guide")):  # fmt: skip
        done = run(*command, **unset)
        assert done.returncode == 0, done.stderr
    assert "everything is new" in run("plan", **unset).stdout
    assert run("status", **unset).returncode == 1
    assert sorted(workspace.parent.iterdir()) == before


def test_a_graph_has_no_numbers_where_nothing_is_deployed(run: Run, workspace: Path, fresh_database_url: str) -> None:
    done = run("graph", "Guide", "--stats", DATABASE_URL=fresh_database_url)
    assert (done.returncode, "nothing is deployed yet" in done.stderr) == (1, True)


def test_every_command_teaches() -> None:
    names = [[command.name or ""] for command in app.registered_commands]
    names += [["new"], *(["new", kind] for kind in ("workspace", "campaign", "list"))]
    names += [["key"], *(["key", kind] for kind in ("create", "list", "revoke"))]
    assert len(names) >= 32
    for command in names:
        done = CliRunner().invoke(app, [*command, "--help"])
        assert done.exit_code == 0, command
        assert "Example:" in done.stdout, command


def test_what_is_built_for_one_command_or_for_help_is_what_the_whole_has() -> None:
    whole = typer.main.get_command(app)
    for word in ("", "--help", "-h"):
        listed = _built(word)
        assert listed.list_commands(None) == whole.list_commands(None)
        for name, command in whole.commands.items():
            bare = listed.commands[name]
            assert (bare.get_short_help_str(), bare.hidden) == (command.get_short_help_str(), command.hidden)
            assert bare.rich_help_panel == command.rich_help_panel
    for word, command in whole.commands.items():
        built = _built(word)
        assert built.list_commands(None) == [word]
        assert [one.opts for one in built.commands[word].params] == [one.opts for one in command.params]
    assert _built("plant").list_commands(None) == whole.list_commands(None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("fmt", ""),
        ("check", ""),
        ("deploy", "--json", ""),
        ("simulate", "--path", ""),
        ("preview", "welcome", "--output="),
    ],
)
def test_an_empty_word_is_not_the_folder_one_is_in(run: Run, workspace: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "empty argument in `coldframe " in done.stderr
    assert "a shell variable may not be set" in done.stderr


def test_who_and_why_may_be_empty(run: Run, workspace: Path, fresh_database_url: str) -> None:
    assert run("deploy", "--author", "", DATABASE_URL=fresh_database_url).returncode == 0
    assert run("pause", "--all", "--reason=", DATABASE_URL=fresh_database_url).returncode == 0


def test_an_unknown_command_exits_2(run: Run) -> None:
    done = run("plant")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("coldframe")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, version("coldframe") + "\n")


def test_a_fault_of_our_own_is_said_to_be_one_and_shows_no_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("anna@lead.example")

    monkeypatch.setattr("engine.cli.status.load_settings", fails)
    done = run("status")
    assert done.returncode == 2
    assert "a bug in Coldframe" in done.stderr
    assert "RuntimeError: [hidden]" in done.stderr
    assert "Traceback" not in done.stderr
