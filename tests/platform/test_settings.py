"""Settings come from the environment alone, keep secrets to themselves and say what is wrong."""

from __future__ import annotations

import base64
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

import worker as process
from engine.cli.common import Stop
from engine.cli.web import web
from engine.cli.worker import worker
from engine.platform.settings import Settings, libpq_url, sqlalchemy_url, temporal_address_file, temporal_connect_config
from tests.support.provider import Provider


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLDFRAME_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_the_database_means_the_same(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://app:pw@db/coldframe?sslmode=require")
    monkeypatch.setenv("COLDFRAME_SECRET", "s" * 32)
    monkeypatch.setenv("COLDFRAME_PEPPER", "p" * 32)
    url = Settings().database_url
    assert url == "postgresql+psycopg://app:pw@db/coldframe?sslmode=require"
    assert libpq_url(url) == "postgresql://app:pw@db/coldframe?sslmode=require"


def test_no_secret_shows_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:hunter2-hunter2-hunter2@db/coldframe")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.hunter2-hunter2-hunter2")
    monkeypatch.setenv("COLDFRAME_SECRET", "hunter2-hunter2-hunter2")
    monkeypatch.setenv("COLDFRAME_PEPPER", "hunter2-hunter2-hunter2")
    settings = Settings()
    assert "hunter2-hunter2-hunter2" not in f"{settings!r} {settings}"
    assert settings.sendgrid_api_key is not None
    assert settings.sendgrid_api_key.get_secret_value() == "SG.hunter2-hunter2-hunter2"


def test_the_providers_key_is_taken_as_it_is_shown_or_as_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Provider().key
    for text in (key, f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n"):
        monkeypatch.setenv("COLDFRAME_SENDGRID_WEBHOOK_KEY", text)
        assert Settings().sendgrid_webhook_key == key
    for text in ("SG.hunter2", key[:-8], key[8:], base64.b64encode(b"hunter2").decode()):
        monkeypatch.setenv("COLDFRAME_SENDGRID_WEBHOOK_KEY", text)
        with pytest.raises(ValidationError, match="not the verification key") as caught:
            Settings()
        assert text not in str(caught.value)


def test_an_error_does_not_show_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://app:hunter2-hunter2-hunter2@db/coldframe")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "hunter2-hunter2-hunter2" not in str(caught.value)
    with pytest.raises(ValueError, match="must start with postgresql://"):
        sqlalchemy_url("nonsense")


def test_secrets_are_made_once_for_their_owner_alone(home: Path) -> None:
    first, second = Settings(), Settings()
    assert first.secret == second.secret
    assert first.secret != first.pepper
    assert len(first.secret.get_secret_value()) >= 32
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert sorted(path.name for path in home.iterdir()) == ["pepper", "secret"]


def test_processes_that_start_together_agree_on_the_secret() -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: Settings().secret.get_secret_value(), range(16)))
    assert len(secrets) == 1


def test_no_secret_is_made_beside_a_named_database(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/coldframe")
    assert Settings().unset_secrets == ["COLDFRAME_SECRET", "COLDFRAME_PEPPER"]
    assert not home.exists() or list(home.iterdir()) == []
    monkeypatch.setenv("COLDFRAME_SECRET", "a" * 32)
    assert Settings().unset_secrets == ["COLDFRAME_PEPPER"]
    monkeypatch.setenv("COLDFRAME_PEPPER", "b" * 32)
    assert Settings().unset_secrets == []


def test_secrets_that_are_kept_serve_a_named_database_too(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Settings().secret
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/coldframe")
    assert (Settings().secret, Settings().unset_secrets) == (kept, [])


@pytest.mark.parametrize("start", [web, worker, process.main])
def test_no_process_starts_with_secrets_of_its_own(start: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/coldframe")
    with pytest.raises((Stop, SystemExit), match="COLDFRAME_SECRET and COLDFRAME_PEPPER"):
        start()


def test_the_base_address_follows_host_and_port_unless_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFRAME_WEB_PORT", "9001")
    assert Settings().base_url == "http://127.0.0.1:9001"
    monkeypatch.setenv("COLDFRAME_BASE_URL", "https://go.acme.example/")
    assert Settings().base_url == "https://go.acme.example"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("COLDFRAME_WEB_PORT", "")
    settings = Settings()
    assert settings.database_url is None
    assert settings.web_port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COLDFRAME_WEB_PORT", "eighty"),
        ("COLDFRAME_CLOCK", "fast"),
        ("COLDFRAME_BASE_URL", "go.acme.example"),
        ("COLDFRAME_MAILS_PER_SECOND", "0"),
        ("COLDFRAME_LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_only_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("COLDFRAME_WEB_PORT=9999\n")
    monkeypatch.chdir(tmp_path)
    assert Settings().web_port == 8000


def test_temporal_is_the_embedded_server_until_its_own_variables_name_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert temporal_connect_config(Settings())["target_host"] == "127.0.0.1:7233"
    temporal_address_file(home).write_text("127.0.0.1:4711\n")
    assert temporal_connect_config(Settings())["target_host"] == "127.0.0.1:4711"
    monkeypatch.setenv("TEMPORAL_ADDRESS", "eu.cloud.example:7233")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "acme.prod")
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    config = temporal_connect_config(Settings())
    assert config["target_host"] == "eu.cloud.example:7233"
    assert config["namespace"] == "acme.prod"
    assert config["tls"] is True


def test_a_secret_that_is_too_short_is_refused_without_being_shown(monkeypatch):
    monkeypatch.setenv("COLDFRAME_SECRET", "tiny-secret")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "must have at least 16 characters" in str(refused.value)
    assert "tiny-secret" not in str(refused.value)
