"""Earlier names of commands and options go on working, beside the names that help shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from engine.cli.aliases import COMMANDS, OPTIONS, key_arguments, renamed
from engine.cli.common import Stop
from engine.cli.main import app
from tests.support.cli import Run, command_line

GROUP = typer.main.get_command(app)
assert isinstance(GROUP, TyperGroup)
ARGUMENTS = {"preview": ["welcome"], "graph": ["Guide"], "pause": ["Guide"], "resume": ["Guide"], "end": ["Guide"]}
VALUES = {"--limit": "7", "--digest": "abc", "--reason": "why", "--output": "folder"}
EARLIER = [(command, old, new) for command, names in OPTIONS.items() for old, new in names.items()]

run = pytest.fixture(command_line)


def command_of(name: str) -> TyperCommand:
    found = GROUP.commands[name]
    assert isinstance(found, TyperCommand)
    return found


def parsed(command: str, *arguments: str) -> dict[str, object]:
    return command_of(command).make_context(command, [*ARGUMENTS.get(command, []), *arguments]).params


@pytest.mark.parametrize(("command", "old", "new"), EARLIER)
def test_an_earlier_option_means_what_the_new_one_does(command: str, old: str, new: str) -> None:
    flag = next(one for one in command_of(command).params if new in one.opts)
    value = [] if getattr(flag, "is_flag", False) else [VALUES.get(new, "12%")]
    today = parsed(command, new, *value)
    assert parsed(command, old, *value) == today != parsed(command)
    if value:
        assert parsed(command, f"{old}={value[0]}") == today


@pytest.mark.parametrize(("command", "old", "new"), EARLIER)
def test_help_shows_the_new_name_alone(command: str, old: str, new: str) -> None:
    shown = {option for one in command_of(command).params for option in one.opts}
    assert (new in shown, old in shown) == (True, False)


@pytest.mark.parametrize(("old", "new"), COMMANDS.items())
def test_an_earlier_command_is_the_new_one_and_is_not_listed(old: str, new: str) -> None:
    registered = {one.name: one.callback for one in app.registered_commands}
    assert registered[old] is registered[new]
    assert (GROUP.commands[old].hidden, GROUP.commands[new].hidden) == (True, False)


def test_both_names_of_a_command_take_both_names_of_its_options() -> None:
    assert renamed("stop", ["Guide", "--because", "x"]) == renamed("end", ["Guide", "--reason", "x"])


def test_what_follows_two_hyphens_is_no_option() -> None:
    assert renamed("preview", ["--save", "out", "--", "--save"]) == ["--output", "out", "--", "--save"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([], ["list"]),
        (["--json"], ["list", "--json"]),
        (["ls"], ["list"]),
        (["list", "--json"], ["list", "--json"]),
        (["shop"], ["create", "shop"]),
        (["create", "shop"], ["create", "shop"]),
        (["shop", "--revoke"], ["revoke", "shop"]),
        (["--revoke", "shop", "--json"], ["revoke", "shop", "--json"]),
        (["--revoke"], ["revoke"]),
        (["--webhook"], ["--webhook-secret"]),
        (["--webhook-secret", "--json"], ["--webhook-secret", "--json"]),
        (["--help"], ["--help"]),
    ],
)
def test_keys_by_earlier_and_present_forms(written: list[str], meant: list[str]) -> None:
    assert key_arguments(written) == meant


def test_a_key_is_created_listed_and_revoked_either_way(run: Run, fresh_database_url: str) -> None:
    def key(*words: str) -> tuple[int, str]:
        done = run("key", *words, DATABASE_URL=fresh_database_url)
        return done.returncode, done.stdout or done.stderr

    run("migrate", DATABASE_URL=fresh_database_url)
    assert key() == key("list") == (0, "there are no keys yet; `coldframe key create NAME` creates one\n")
    assert [key("shop")[0], key("create", "crm")[0]] == [0, 0]
    assert key("create", "shop")[0] == 1
    assert [one["name"] for one in json.loads(key("--json")[1])] == ["crm", "shop"]
    assert key("shop", "--revoke") == (0, "revoked 1 key named `shop`\n")
    assert key("revoke", "crm") == (0, "revoked 1 key named `crm`\n")
    assert key("revoke", "crm") == (1, "error: no active key named `crm`\n")
    assert key("--revoke") == (2, "error: name the key to revoke: `coldframe key revoke shop`\n")
    assert key("--webhook") == key("--webhook-secret")


def test_starters_are_listed_either_way() -> None:
    now, before = (CliRunner().invoke(app, ["new", *words, "--json"]) for words in (["--list"], ["list"]))
    assert json.loads(now.stdout) == json.loads(before.stdout)
    assert "welcome" in {one["kind"] for one in json.loads(now.stdout)}


def test_new_without_a_word_says_what_to_name(run: Run) -> None:
    done = run("new", "--json")
    assert (done.returncode, "coldframe new workspace FOLDER" in done.stderr) == (2, True)


READS_A_WORKSPACE = ("check", "fmt", "graph", "preview", "replay", "plan", "deploy", "dev", "simulate")
BY_OPTION = ("schema", "send-once")
"""What they are told first is something else, so a folder comes with `--path` alone."""


@pytest.mark.parametrize("command", READS_A_WORKSPACE)
def test_every_command_that_reads_a_workspace_takes_its_folder_as_an_option(command: str) -> None:
    name = "paths" if command == "fmt" else "path"
    folder = [Path("some/where")] if command == "fmt" else Path("some/where")
    assert parsed(command, "--path", "some/where")[name] == folder
    assert parsed(command, "--path=some/where")[name] == folder
    if command != "simulate":
        assert parsed(command, "some/where") == parsed(command, "--path", "some/where")
        with pytest.raises(Stop, match="two folders, some/where and elsewhere; name the workspace once"):
            parsed(command, "some/where", "--path", "elsewhere")


def test_no_other_command_has_an_argument_for_a_workspace() -> None:
    found = {name for name, one in GROUP.commands.items() if any(p.name in ("path", "paths") for p in one.params)}
    assert found - COMMANDS.keys() == {*READS_A_WORKSPACE, *BY_OPTION}


def test_a_campaign_is_added_to_the_workspace_that_path_names(run: Run, tmp_path: Path) -> None:
    run("new", "workspace", str(tmp_path / "ws"))
    assert run("new", "campaign", "cart", "--path", str(tmp_path / "ws")).returncode == 0
    assert (tmp_path / "ws" / "cart.campaign").exists()
    assert run("check", "--path", str(tmp_path / "ws")).returncode == 0
