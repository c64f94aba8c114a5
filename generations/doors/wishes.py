"""What a caller may wish of any order at any door, by headers of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from billing.money import nano_of
from generations.errors import Problem
from generations.spec import Kind

IDEMPOTENCY_LENGTH = 255
MAX_DOLLARS = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Wishes:
    """`idempotency_key`: do it once. `strict`: refuse instead of adjusting. `dry`: say what it would
    cost and do nothing. `ceiling`: refuse what costs more, in nano-dollars (None: no ceiling)."""

    idempotency_key: str = ""
    strict: bool = False
    dry: bool = False
    ceiling: int | None = None


def read_wishes(headers: Mapping[str, str]) -> Wishes:
    """Raises Problem(BAD_REQUEST) naming the header that says no such thing."""
    return Wishes(
        idempotency_key=_idempotency_key(headers.get("idempotency-key", "")),
        strict=_yes(headers, "X-Easel-Strict"),
        dry=_yes(headers, "X-Dry-Run"),
        ceiling=_ceiling(headers.get("x-max-cost", "")),
    )


def _idempotency_key(key: str) -> str:
    if key and not (len(key) <= IDEMPOTENCY_LENGTH and all(" " <= letter <= "~" for letter in key)):
        raise _bad("Idempotency-Key", f"must be 1 to {IDEMPOTENCY_LENGTH} printable ASCII characters.")
    return key


def _yes(headers: Mapping[str, str], name: str) -> bool:
    word = headers.get(name.lower(), "").strip().lower()
    if word not in ("", "true", "false", "1", "0"):
        raise _bad(name, "is true or false.")  # a dry run that is none would cost money
    return word in ("true", "1")


def _ceiling(text: str) -> int | None:
    if not text:
        return None
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= MAX_DOLLARS):
        raise _bad("X-Max-Cost", "is an amount of dollars, like 0.05.")
    return nano_of(amount)


def _bad(name: str, rule: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, f"{name} {rule}", param=name)
