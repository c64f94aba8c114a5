"""What came instead of images: everything but a 200, as a `ProviderError` or a `Refusal`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from generations.errors import ProviderError
from generations.provider.failures import EXCERPT, hide, seconds
from generations.provider.wire import Answer
from generations.spec import Kind, Refusal

# A channel that answers one of these will answer it to everybody, until an operator edits it.
OURS = frozenset({401, 402, 403, 404, 405})
OUR_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "invalid_api_key",
        "model_not_found",
    }
)
BLOCKED = frozenset({"moderation_blocked", "content_policy_violation", "content_filter"})
PASSING = frozenset({408, 409, 425, 499})


def refusal(answer: Answer) -> Refusal | None:
    """The refusal of the content that an answer tells, if it does."""
    told = _told(answer.body)
    code = str(told.get("code") or told.get("type") or "")
    return Refusal("prompt", code, str(told.get("message") or "")) if code in BLOCKED else None


def answered(answer: Answer, *secrets: str) -> ProviderError:
    """The ProviderError that tells an answer; no secret appears in it."""
    told = _told(answer.body)
    kind = _kind(answer.status, str(told.get("code") or ""))
    words = told.get("message") or answer.body[:EXCERPT].decode(errors="replace")
    return ProviderError(
        kind,
        hide(f"{answer.status} {told.get('code') or told.get('type') or ''}: {words}", *secrets),
        retryable=kind not in (Kind.MISCONFIGURED, Kind.BAD_REQUEST),
        retry_after=seconds(answer.headers.get("Retry-After", "")),
        waits=kind is Kind.RATE_LIMITED,
        request_id=answer.headers.get("x-request-id", ""),
    )


def _told(body: bytes) -> Mapping[str, Any]:
    """The `error` object of the envelope, or an empty one."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    inner = read.get("error") if isinstance(read, dict) else None
    return inner if isinstance(inner, dict) else {"message": inner} if isinstance(inner, str) else {}


def _kind(status: int, code: str) -> Kind:
    if status in OURS or code in OUR_CODES:
        return Kind.MISCONFIGURED
    if status == 429:
        return Kind.RATE_LIMITED
    if 400 <= status < 500 and status not in PASSING:
        return Kind.BAD_REQUEST
    return Kind.UPSTREAM_ERROR
