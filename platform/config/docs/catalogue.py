"""The catalogue of errors: each kind, in the words of each door, asked of the dialects themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from generations.dialect import Incoming
from generations.dialects import DIALECTS
from generations.errors import Problem
from generations.spec import Kind

MEANINGS: Mapping[Kind, tuple[str, str]] = {
    Kind.BAD_REQUEST: ("Something in the request is not as it must be.", "Mend the field that is named."),
    Kind.AUTH_MISSING: ("No API key was sent.", "Send one in the header of this door."),
    Kind.AUTH_INVALID: ("The key does not exist.", "Copy it again, or make a new one."),
    Kind.KEY_DISABLED: ("The key was revoked.", "Make a new one."),
    Kind.KEY_EXPIRED: ("The key's time is over.", "Make a new one, or prolong it before it ends."),
    Kind.IP_NOT_ALLOWED: ("The key may not be used from this address.", "Add the network to the key."),
    Kind.ORGANIZATION_SUSPENDED: ("The team is suspended.", "Write to support."),
    Kind.NO_CREDIT: ("The balance does not cover the order.", "Add credit at the link in the answer."),
    Kind.BUDGET_EXCEEDED: (
        "A budget of the key or the team is used up.",
        "Raise it, or wait for its next period.",
    ),
    Kind.FORBIDDEN_MODEL: ("The key may not use this model.", "Use another model, or widen the key."),
    Kind.FORBIDDEN: ("The key lacks the scope for this.", "Use a key with it."),
    Kind.UNKNOWN_MODEL: ("There is no such model at this door.", "Ask for the list of models."),
    Kind.NOT_FOUND: ("There is no such thing, or it is not yours.", "Check the id and the mode of the key."),
    Kind.GONE: ("The image is no longer kept.", "Make it again; keep images longer in the settings."),
    Kind.METHOD_NOT_ALLOWED: ("This path takes another method.", "Use the one in the Allow header."),
    Kind.NOT_CANCELLABLE: ("It is final already.", "Nothing; read its result."),
    Kind.IDEMPOTENCY_CONFLICT: ("The Idempotency-Key stands for another order.", "Send a new one."),
    Kind.TOO_LARGE: ("A file or the request is too large.", "Send a smaller one."),
    Kind.UNSUPPORTED_MEDIA: (
        "The content is of a type that is not taken.",
        "Send JSON, or a PNG, JPEG or WebP.",
    ),
    Kind.RATE_LIMITED: (
        "Too many requests in this minute, or too many at once.",
        "Wait as Retry-After says.",
    ),
    Kind.CONTENT_BLOCKED: (
        "The model's safety filter blocked it. Free.",
        "Change the prompt or the picture.",
    ),
    Kind.NO_IMAGE: ("The model answered in words only. Free.", "Ask for a picture more plainly."),
    Kind.UPSTREAM_ERROR: ("The model's provider failed, more than once. Free.", "Try again."),
    Kind.UPSTREAM_TIMEOUT: ("The model's provider took too long. Free.", "Try again."),
    Kind.OVERLOADED: ("We are busy, or a part of us is away.", "Try again as Retry-After says."),
    Kind.MISCONFIGURED: ("The model cannot be served now; the operators know. Free.", "Try later."),
    Kind.DEADLINE: ("It took longer than it may. Queued work that never ran is free.", "Read it by its id."),
    Kind.WORKER_LOST: ("The machine that drew it went away, three times. Free.", "Try again."),
    Kind.INTERNAL: ("Something failed on our side. Free.", "Try again; tell us the request id."),
    Kind.CANCELLED: ("It was cancelled. Free.", "Nothing."),
}


MANAGEMENT: Mapping[str, tuple[int, str, str]] = {
    "unknown_parameter": (
        400,
        "The body or the query names something that is not known here.",
        "Leave it out.",
    ),
    "conflict": (
        409,
        "The state of things is against it.",
        "Read the detail; it says what stands in the way.",
    ),
}
"""What only the management API says: status, meaning, remedy."""


@dataclass(frozen=True, slots=True)
class Worded:
    """One door's word for a kind: HTTP status and its code."""

    door: str
    status: int
    code: str


@dataclass(frozen=True, slots=True)
class Known:
    """One kind of error: what happened, what to do, and how each door says it."""

    kind: str
    meaning: str
    remedy: str
    doors: tuple[Worded, ...]


@cache
def known_errors() -> tuple[Known, ...]:
    """Every kind there is, in the order of the vocabulary."""
    said = [
        Known(kind.value, *MEANINGS[kind], tuple(_word(name, kind) for name in DIALECTS)) for kind in Kind
    ]
    for kind, (status, meaning, remedy) in MANAGEMENT.items():
        said.append(Known(kind, meaning, remedy, (Worded("management", status, kind),)))
    return tuple(said)


def _word(name: str, kind: Kind) -> Worded:
    request = Incoming("POST", "/v1/images/generations", f"http://localhost/{name}", {}, {}, b"")
    answer = DIALECTS[name].word(Problem(kind, "…"), request)
    body: Any = answer.body
    error = body.get("error") if isinstance(body, dict) else None
    code = (error.get("status") or error.get("code")) if isinstance(error, dict) else None
    return Worded(name, answer.status, str(code or ""))
