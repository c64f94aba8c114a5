"""What Google answers instead of a picture: everything but a 200, as a `ProviderError`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from generations.errors import ProviderError
from generations.provider.failures import EXCERPT, hide, number, seconds
from generations.provider.wire import Answer
from generations.spec import Kind

# A channel that answers one of these will answer it to everybody, until an operator edits it.
OURS = frozenset({401, 402, 403, 404, 405})
OUR_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})
PASSING = frozenset({408, 409, 425, 499})


def answered(answer: Answer, *secrets: str) -> ProviderError:
    """The ProviderError that tells an answer; no secret appears in it."""
    told = _told(answer.body)
    kind = _kind(answer.status, told)
    words = told.get("message") or answer.body[:EXCERPT].decode(errors="replace")
    return ProviderError(
        kind,
        hide(f"{answer.status} {told.get('status') or ''}: {words}", *secrets),
        retryable=kind not in (Kind.MISCONFIGURED, Kind.BAD_REQUEST),
        retry_after=_retry_after(told, answer.headers),
        waits=kind is Kind.RATE_LIMITED,
        request_id=answer.headers.get("x-request-id", ""),
    )


def _told(body: bytes) -> Mapping[str, Any]:
    """The `error` object of Google's envelope (in a list, where it was to be streamed), or an empty one."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    outer = read[0] if isinstance(read, list) and read else read
    inner = outer.get("error", outer) if isinstance(outer, dict) else None
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
    """Seconds to wait: Google's `RetryInfo`, else the header."""
    delays = (str(d["retryDelay"]) for d in _details(told) if "retryDelay" in d)
    asked = number(next(delays, "").removesuffix("s"))
    return seconds(headers.get("Retry-After", "")) if asked is None else asked
