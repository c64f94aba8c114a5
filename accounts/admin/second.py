"""Two persons for what moves much money: the first prepares a signed link, the second opens it and agrees.

Nothing is stored: the link holds what was chosen and typed, and is good for a day. The deed's own reference
makes it happen once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.core import signing

from accounts.auditing import Actor

LIFETIME = timedelta(hours=24)
SALT = "easel.second-person"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the first operator prepared: for which rows, with which words typed."""

    model: str
    deed: str
    chosen: list[str]
    data: dict[str, str]
    nonce: str
    back: str
    by: str
    label: str


def ask(
    *,
    label: str,
    deed: str,
    chosen: Sequence[str],
    data: Mapping[str, str],
    nonce: str,
    back: str,
    by: Actor,
) -> str:
    """The token of the link."""
    asked = Asked(label, deed, list(chosen), dict(data), nonce, back, by.id, by.label)
    return signing.dumps(asdict(asked), salt=SALT, compress=True)


def read(token: str, model: str, deed: str) -> Asked | None:
    """What a token says, if it is ours, fresh, and about this deed."""
    try:
        told: dict[str, Any] = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    asked = Asked(**told)
    return asked if (asked.model, asked.deed) == (model, deed) else None
