"""What is wrong with a signature that a receiver could not verify."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from accounts.webhooks import signatures

TOLERANCE: Final = timedelta(minutes=5)
"""How old or how far in the future a message may be for the documented verifier."""


class Finding(StrEnum):
    """What was found. A receiver takes VERIFIED only."""

    VERIFIED = "verified"
    OLD = "old"
    EARLY = "early"
    WRONG = "wrong"
    UNREADABLE = "unreadable"


def judge(
    secrets: Sequence[str], *, webhook_id: str, timestamp: str, body: str, signature: str, now: datetime
) -> Finding:
    """What the receiver's verifier would say of a body with these three headers, and why. Line ends are
    tried as they came and as receivers see them: a form makes CR LF of each."""
    given = [part for part in signature.split() if part.startswith("v1,")]
    at = _moment(timestamp)
    if not given or at is None:
        return Finding.UNREADABLE
    if not any(_signs(secret, webhook_id, at, text, given) for secret in secrets for text in _variants(body)):
        return Finding.WRONG
    if now - at > TOLERANCE:
        return Finding.OLD
    return Finding.EARLY if at - now > TOLERANCE else Finding.VERIFIED


def _moment(timestamp: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _variants(body: str) -> Iterable[str]:
    unix = body.replace("\r\n", "\n")
    return dict.fromkeys((body, unix, unix.rstrip("\n")))


def _signs(secret: str, webhook_id: str, at: datetime, body: str, given: Sequence[str]) -> bool:
    made = signatures.headers(webhook_id, at, body.encode(), [secret])["webhook-signature"]
    return any(hmac.compare_digest(made.encode(), one.encode()) for one in given)
