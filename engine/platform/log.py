"""Structured logs on standard error: for people on a terminal, JSON elsewhere. Nothing personal or secret gets through.

Code passes ids and codes only; the filter here is the second line of defence.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import SecretBytes, SecretStr

if TYPE_CHECKING:
    from engine.platform.settings import Settings

_ADDRESS = re.compile(r"[^\s<>\"'(),;:=/?&@]+(?:@|%40)[^\s<>\"'(),;:=/?&@]+", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(://[^\s/:@]*):[^\s/@]*@")
_SECRET_NAME = re.compile(r"secret|token|password|pepper|api_?key|authorization|cookie", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(SG\.[\w-]{10,}\.[\w-]{10,}|Bearer\s+\S+)")
_DEPTH = 6
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
)


def configure_logging(settings: Settings, *, process: str) -> None:
    """Send structlog's and the standard library's records to standard error; `process` names this one in each line."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Names(process),
    ]
    ending: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if console:
        ending += [structlog.processors.format_exc_info, hide_private, structlog.dev.ConsoleRenderer()]
    else:
        ending += [_TRACEBACKS, hide_private, structlog.processors.JSONRenderer(default=str)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=ending))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "python_http_client", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Names:
    """Adds the process's name to each record."""

    def __init__(self, process: str) -> None:
        self.process = process

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("process", self.process)
        return event


def hide_private(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: mail addresses, credentials and values with a secret's name become `[hidden]`."""
    return {name: _hidden(name, value, 0) for name, value in event.items()}


def _hidden(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, SecretStr | SecretBytes) or (_SECRET_NAME.search(name) and not isinstance(value, int | bool)):
        return "[hidden]"
    if isinstance(value, str | bytes | BaseException):
        return hide_in_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
    if depth < _DEPTH and isinstance(value, Mapping):
        return {str(key): _hidden(str(key), item, depth + 1) for key, item in value.items()}
    if depth < _DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_hidden("", item, depth + 1) for item in value]
    if value is None or isinstance(value, int | float):
        return value
    return hide_in_text(str(value))


def hide_in_text(text: str) -> str:
    """The text without mail addresses, passwords in addresses of servers, and keys that are known by their look."""
    text = _CREDENTIALS.sub(r"\1:[hidden]@", text)
    text = _SECRET_VALUE.sub("[hidden]", text)
    return _ADDRESS.sub("[hidden]", text)
