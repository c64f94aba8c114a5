"""Logs: one JSON object a line on standard error, with the request's id, and no secret in any of them.

Django calls `configure` (LOGGING_CONFIG). Everybody logs through `logging` or `structlog`; what is
said reaches the same line. `request_id` holds the id of the request, or of the one that caused the
work, for the current task.
"""

from __future__ import annotations

import logging
import logging.config
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

MASK = "[masked]"
SECRET_FIELDS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "password", "secret", "api_key"),
        *("x-api-key", "x-goog-api-key", "x-amz-signature", "csrfmiddlewaretoken", "sessionid"),
    }
)
_SECRET = re.compile(
    r"""
      easel_(?:live|test)_[0-9A-Za-z]{8,}                       # our own keys
    | whsec_[0-9A-Za-z+/=_-]{8,}                                # webhook secrets
    | AIza[0-9A-Za-z_-]{30,} | \bsk-[0-9A-Za-z_-]{16,}          # providers' keys
    | (?<=://)[^/@\s:]*:[^/@\s]+(?=@)                           # user:password in a URL
    | (?:(?:proxy-)?authorization|cookie|set-cookie)["']?\s*[:=]\s*["']?(?:b')?[^\r\n"']+
    | (?:x-amz-(?:signature|credential|security-token)|x-goog-api-key|x-api-key)["']?\s*[:=]\s*["']?[^&\s"']+
    | (?<=[?&])(?:key|t|put|token|signature)=[^&\s"']+              # in a query string
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MARKS = (
    *("easel_", "whsec_", "aiza", "sk-", "@", "authorization", "cookie", "x-amz-", "-api-key"),
    *("key=", "t=", "put=", "token=", "signature="),
)
"""One of these stands in everything that the pattern finds. To look for them is a tenth of its time, and
most texts have none."""

request_id: ContextVar[str] = ContextVar("request_id", default="")


@contextmanager
def about(request: str) -> Iterator[None]:
    """Within the block every line carries this request id."""
    token = request_id.set(request)
    try:
        yield
    finally:
        request_id.reset(token)


def mask(value: Any) -> Any:
    """The same value with every secret replaced, at any depth; strings by pattern, fields by name."""
    if isinstance(value, str):
        lowered = value.lower()
        return _SECRET.sub(MASK, value) if any(mark in lowered for mark in _MARKS) else value
    if isinstance(value, bytes):
        return mask(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {k: MASK if str(k).lower() in SECRET_FIELDS else mask(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(item) for item in value]
    return value if isinstance(value, bool | int | float | None) else mask(str(value))


def _mask_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Last before rendering, so that nothing is added after it."""
    return {
        k: v if k == "timestamp" else MASK if k.lower() in SECRET_FIELDS else mask(v)
        for k, v in event.items()
    }


def _add_request_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if request := request_id.get():
        event.setdefault("request_id", request)
    event.pop("color_message", None)  # uvicorn's second copy, for terminals
    return event


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(wanted: Mapping[str, str] | None = None) -> None:
    """Send every log line of this process from `wanted["level"]` up (INFO) to standard error as JSON.
    May be called again."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    quiet = {"level": "WARNING"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": _formatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": (wanted or {}).get("level", "INFO")},
            "loggers": {
                # It tells every enqueue and every task, many a second.
                "django-q": {"level": "WARNING", "handlers": [], "propagate": True},
                # Uvicorn brings handlers of its own.
                "uvicorn": {"level": "INFO", "handlers": [], "propagate": True},
                "uvicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
                "uvicorn.access": {
                    "level": "WARNING",
                    "handlers": [],
                    "propagate": False,
                },  # the history has it
                # A 4xx is the client's doing and stands in the request history.
                "django.request": {"level": "ERROR"},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                "aiohttp": quiet,
                "botocore": quiet,
                "google_genai": quiet,
                "httpx": quiet,
                "PIL": quiet,
            },
        }
    )


def _formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _add_request_id,
            _mask_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
