"""What an operator sets: the environment, read once, with names, defaults and meanings in one place.

`docs/operations.md` lists every variable. Secrets never appear in a repr or an error.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engine.platform.clock import kept_clock, parse_clock
from engine.platform.private import private_folder

if TYPE_CHECKING:
    from temporalio.envconfig import ClientConnectConfig

DEFAULT_TEMPORAL_ADDRESS = "127.0.0.1:7233"


class CrmAccess(BaseModel):
    """How one CRM is reached. `token`: HubSpot's private app token; `secret`: what signs its hooks; `url`: where leads
    are posted, for `webhooks`, or another address of HubSpot."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr | None = None
    secret: SecretStr | None = None
    url: str = ""


class Settings(BaseSettings):
    """The settings of one process. `Settings()` reads the environment; keyword arguments override it in tests."""

    model_config = SettingsConfigDict(
        env_prefix="COLDFRAME_", extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True,
        env_ignore_empty=True,
    )  # fmt: skip

    database_url: str | None = Field(
        None, repr=False, validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="`postgresql://user:password@host/name`. Unset: an embedded server under the home folder",
    )  # fmt: skip
    migration_database_url: str | None = Field(
        None, repr=False, validation_alias=AliasChoices("MIGRATION_DATABASE_URL", "migration_database_url"),
        description="where `migrate` connects if `DATABASE_URL` is a pooler. Unset: `DATABASE_URL`",
    )  # fmt: skip
    database_prepared: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="whether statements are prepared by name; `auto`: yes, unless Coldframe finds a pooler (PgBouncer)",
    )
    database_pool: int = Field(
        10, ge=1, description="connections each process keeps to PostgreSQL; twice as many under load"
    )
    home: Path = Field(Path(".coldframe"), description="folder for embedded servers, generated secrets and logs")
    campaigns: Path = Field(Path("campaigns"), description="the workspace folder that `check` and `deploy` read")
    secret: SecretStr = Field(
        default_factory=lambda data: _kept_secret(data, "secret"),
        description="signs links and tokens; the same on every machine. Unset: generated once under the home folder",
    )
    pepper: SecretStr = Field(
        default_factory=lambda data: _kept_secret(data, "pepper"),
        description="key of the hashes of suppressed addresses; must never change. Unset: generated like the secret",
    )
    web_host: str = Field("127.0.0.1", description="address the web process listens on")
    web_port: int = Field(8000, ge=0, le=65535, description="port the web process listens on")
    base_url: str = Field(
        default_factory=lambda data: f"http://{data.get('web_host')}:{data.get('web_port')}",
        description="the public address of the web process; every link in an email starts with it",
    )
    web_hosts: str = Field(
        "", description="further host names under which the web process is reached, separated by commas"
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="addresses of proxies whose `X-Forwarded-For` is trusted, separated by commas"
    )
    sendgrid_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("SENDGRID_API_KEY", "sendgrid_api_key"),
        description="emails go through SendGrid. Unset: they go to the built-in mailbox",
    )  # fmt: skip
    sendgrid_url: str = Field(
        "https://api.sendgrid.com", description="SendGrid's address; `https://api.eu.sendgrid.com` for an EU account"
    )
    sendgrid_webhook_key: str | None = Field(
        None, repr=False,
        description="verification key of SendGrid's signed Event Webhook. Unset: `/hooks/sendgrid` refuses everything",
    )  # fmt: skip
    confirmations_per_day: int = Field(
        10_000, ge=1, description="the most confirmation emails of all double opt-in forms in 24 hours"
    )
    mails_per_second: float = Field(10.0, gt=0, description="the most emails one worker process sends per second")
    post_private: bool = Field(
        False, description="whether `post to` can reach addresses in your own network, and plain http"
    )
    checkout: Path | None = Field(
        None,
        description="folder that deployments of the desk are written to, in a git checkout as commits. Unset: they are "
        "in the database alone",
    )
    review_required: bool = Field(
        False, description="whether a draft of the desk has to be approved by a colleague before it is deployed"
    )
    crm: dict[str, CrmAccess] = Field(
        default_factory=dict, repr=False,
        description='how each CRM of the workspace is reached, as JSON by its name: `{"Sales CRM": {"token": "…"}}`',
    )  # fmt: skip
    metrics_host: str = Field("127.0.0.1", description="address of a worker's health and metrics endpoints")
    metrics_port: int = Field(
        9464, ge=0, le=65535, description="port of a worker's `/healthz`, `/readyz` and `/metrics`; 0 takes a free one"
    )
    drain_seconds: float = Field(30.0, gt=0, description="how long a process can take to finish its work after SIGTERM")
    task_queue: str = Field(
        "coldframe",
        pattern=r"^[\w.-]+$",
        description="prefix of the Temporal task queues; one per installation and namespace",
    )
    build_id: str = Field(
        "", description="the version of the code, for Temporal's worker versioning; empty: unversioned"
    )
    clock: str = Field(
        default_factory=lambda data: _kept_clock(data),
        description="`virtual:<domain>@<real>x<factor>`: a time other than the machine's. Unset: the time of the data "
        "in the home folder, which `coldframe dev --at` sets, or else the machine's",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the lowest level that is logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is `console` on a terminal and `json` elsewhere"
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        return init_settings, env_settings

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _with_driver(cls, value: str | None) -> str | None:
        return None if value is None else sqlalchemy_url(value)

    @field_validator("base_url", "sendgrid_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("an address must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("sendgrid_webhook_key")
    @classmethod
    def _public_key(cls, value: str | None) -> str | None:
        """The key as SendGrid shows it; the lines around it that a PEM file has are taken off."""
        if value is None:
            return None
        key = "".join(line.strip() for line in value.splitlines() if not line.startswith("-----"))
        try:
            if not isinstance(load_der_public_key(base64.b64decode(key, validate=True)), EllipticCurvePublicKey):
                raise ValueError
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError("this is not the verification key that SendGrid shows") from None
        return key

    @field_validator("secret", "pepper")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @field_validator("clock")
    @classmethod
    def _readable_clock(cls, value: str) -> str:
        parse_clock(value)
        return value

    @property
    def production(self) -> bool:
        """Whether the machine's own time runs and an operator has named the database."""
        return self.database_url is not None and not self.clock

    @property
    def unset_secrets(self) -> list[str]:
        """The variables of secrets that a process which signs or hashes must have, and that are not set."""
        found = {"COLDFRAME_SECRET": self.secret, "COLDFRAME_PEPPER": self.pepper}
        return [name for name, value in found.items() if isinstance(value, Unset)]


class ReadingSettings(Settings):
    """Of a command that only reads and leaves nothing behind: a secret that is not there yet is not kept either."""

    secret: SecretStr = Field(default_factory=lambda data: _kept_secret(data, "secret", make=False))
    pepper: SecretStr = Field(default_factory=lambda data: _kept_secret(data, "pepper", make=False))


def sqlalchemy_url(url: str) -> str:
    """`postgres://`, `postgresql://` and the driver's own form, all as `postgresql+psycopg://`.

    Raises ValueError for any other scheme, without showing the address, which may hold a password.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("DATABASE_URL must start with postgresql://")
    return f"postgresql+psycopg://{rest}"


def libpq_url(url: str) -> str:
    """The same address for plain psycopg and the command-line tools of PostgreSQL."""
    return "postgresql://" + sqlalchemy_url(url).partition("://")[2]


def temporal_connect_config(settings: Settings) -> ClientConnectConfig:
    """Keyword arguments for `temporalio.client.Client.connect`.

    Temporal's own variables and profile file decide (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
    `TEMPORAL_TLS_…`, `TEMPORAL_CONFIG_FILE`); where they name no address it is that of the embedded dev server.
    """
    from temporalio.envconfig import ClientConfig

    config = ClientConfig.load_client_connect_config()
    if "target_host" not in config:
        config["target_host"] = _embedded_temporal_address(settings.home)
    return config


def temporal_configured() -> bool:
    """Whether the environment or a profile file names a Temporal server."""
    from temporalio.envconfig import ClientConfig

    return "target_host" in ClientConfig.load_client_connect_config()


def temporal_address_file(home: Path) -> Path:
    """Where the embedded dev server's address is written down for the other processes."""
    return home / "temporal.address"


def _embedded_temporal_address(home: Path) -> str:
    try:
        return temporal_address_file(home).read_text("utf-8").strip() or DEFAULT_TEMPORAL_ADDRESS
    except FileNotFoundError:
        return DEFAULT_TEMPORAL_ADDRESS


def _kept_clock(data: dict[str, Any]) -> str:
    """The clock that the embedded database's data go by."""
    return "" if data.get("database_url") else kept_clock(data.get("home", Path(".coldframe")))


class Unset(SecretStr):
    """A secret that nobody has set: random, for this process alone, so that it can be told from one that is kept."""


def _kept_secret(data: dict[str, Any], name: str, *, make: bool = True) -> SecretStr:
    """A random value that is made once and then kept in a file only its owner can read.

    Beside a database that somebody has named none is made: a second machine would make another, and what one has signed
    the other would refuse. Then, and without `make`, it is Unset.
    """
    home: Path = data.get("home", Path(".coldframe"))
    path = home / name
    if not path.exists():
        if not make or data.get("database_url") is not None:
            return Unset(secrets.token_urlsafe(32))
        _write_once(path, secrets.token_urlsafe(32))
    return SecretStr(path.read_text("ascii").strip())


def _write_once(path: Path, text: str) -> None:
    """Write the file unless another process was first; a reader never sees half of it."""
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
