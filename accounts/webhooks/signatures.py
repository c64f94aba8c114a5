"""Standard Webhooks: secrets, what they sign, and what a verifier says of it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.models.webhooks import Signed
from runtime import signing

PREFIX = "whsec_"
SECRET_BYTES = 32


class Verdict(StrEnum):
    VERIFIED = "verified"
    UNSIGNED = "unsigned"
    WRONG = "wrong"


def mint() -> str:
    """A new secret, to be shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def stored(secret: str) -> dict[str, str]:
    """The columns of a `Signed` row that hold this secret."""
    return {"secret": signing.encrypt(secret), "last_four": secret[-4:]}


def secrets_of(row: Signed, at: datetime) -> tuple[str, ...]:
    """The secrets that sign at this moment, the current one first. Raises SecretUnreadable."""
    overlapping = row.previous_secret if row.previous_until and at < row.previous_until else ""
    return tuple(signing.decrypt(text) for text in (row.secret, overlapping) if text)


def headers(webhook_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The Standard Webhooks headers of a body. Without a secret there is no signature."""
    signatures = [Webhook(secret).sign(webhook_id, at, body.decode()) for secret in secrets]
    told = {"webhook-id": webhook_id, "webhook-timestamp": str(int(at.timestamp()))}
    return told | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def verdict(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Verdict:
    """What the documented verifier says with any of these secrets."""
    if "webhook-signature" not in {name.lower() for name in headers}:
        return Verdict.UNSIGNED
    return Verdict.VERIFIED if any(_passes(secret, headers, body) for secret in secrets) else Verdict.WRONG


def _passes(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: no text, no base64, no list of signatures
        return False
    return True
