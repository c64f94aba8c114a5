"""What went wrong: everything that a call to Google can raise, as a `ProviderError`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from google.genai import errors

from generations.errors import ProviderError
from generations.providers.gemini.answer import Malformed
from generations.spec import Kind

# A channel that answers one of these will answer it to everybody, until an operator edits it.
OURS = frozenset({401, 402, 403, 404, 405})
OUR_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})
PASSING = frozenset({408, 409, 425, 499})


def failure(error: Exception, secret: str) -> ProviderError:
    """The ProviderError that tells `error`; `secret` appears nowhere in it."""
    match error:
        case errors.APIError():
            return _answered(error, secret)
        case TimeoutError():
            return ProviderError(Kind.UPSTREAM_TIMEOUT, "no whole answer in time", retryable=True)
        case Malformed() | json.JSONDecodeError() | UnicodeDecodeError():
            kind, retryable = Kind.UPSTREAM_ERROR, True
        case ValueError() | ImportError():  # the client refuses the URL, the key or the model's id
            kind, retryable = Kind.MISCONFIGURED, False
        case _:  # refused, reset, cut short, too long, TLS
            kind, retryable = Kind.UPSTREAM_ERROR, True
    return ProviderError(kind, hide(f"{type(error).__name__}: {error}", secret), retryable=retryable)


def hide(text: str, secret: str) -> str:
    """The text without the secret."""
    return text.replace(secret, "[key]") if secret else text


def _answered(error: errors.APIError, secret: str) -> ProviderError:
    """An answer with another status than 200."""
    told = _told(error.details)
    headers = getattr(error.response, "headers", None) or {}
    kind = _kind(error.code, told)
    return ProviderError(
        kind,
        hide(f"{error.code} {error.status or ''}: {error.message or error.details}", secret),
        retryable=kind not in (Kind.MISCONFIGURED, Kind.BAD_REQUEST),
        retry_after=_retry_after(told, headers),
        waits=kind is Kind.RATE_LIMITED,
        request_id=headers.get("x-request-id", ""),
    )


def _told(details: Any) -> Mapping[str, Any]:
    """The `error` object of Google's envelope, or an empty one."""
    if not isinstance(details, dict):
        return {}
    inner = details.get("error", details)
    return inner if isinstance(inner, dict) else {}


def _kind(status: int, told: Mapping[str, Any]) -> Kind:
    if status == 429:
        return Kind.RATE_LIMITED
    if status in OURS or (status == 400 and _is_ours(told)):
        return Kind.MISCONFIGURED
    if 400 <= status < 500 and status not in PASSING:
        return Kind.BAD_REQUEST
    return Kind.UPSTREAM_ERROR


def _is_ours(told: Mapping[str, Any]) -> bool:
    """Google answers a bad key, and a country or an account without billing, with 400."""
    reasons = {str(detail.get("reason")) for detail in _details(told)}
    return bool(reasons & OUR_REASONS) or told.get("status") == "FAILED_PRECONDITION"


def _details(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = told.get("details")
    yield from (d for d in details if isinstance(d, dict)) if isinstance(details, list) else ()


def _retry_after(told: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: Google's `RetryInfo`, else the header, in seconds or as a date."""
    delays = (d["retryDelay"] for d in _details(told) if "retryDelay" in d)
    header = headers.get("Retry-After", "")
    found = (_seconds(str(next(delays, "")).removesuffix("s")), _seconds(header), _until(header))
    return next((seconds for seconds in found if seconds is not None), None)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
