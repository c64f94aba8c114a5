"""The one writer of money. Every verb is a transfer with an idempotency key, may be called twice,
and touches the wallet last.

    grant     funding -> prepaid       an operator, a payment
    hold      prepaid -> held          a submit
    settle    held -> revenue          delivered images; what is left of the hold is released
    release   held -> prepaid          everything else that ends a generation
    refund    revenue -> prepaid       after the fact
    adjust    prepaid <-> adjustment   an operator, with a reason

The transfers themselves are SQL functions (`migrations/sql/0003_ledger.sql`), so that a submit and a
finish can make them within their own single statement. All of them run in the tenant's scope of
their caller and commit with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from billing.errors import BudgetExceeded, InsufficientCredit, LedgerConflict
from billing.models import Entry, Wallet
from billing.periods import resets_at

TEST_CREDIT = 10_000_000_000_000
"""What an empty test wallet fills itself up with: 10,000 dollars of sandbox money."""


@dataclass(frozen=True, slots=True)
class Held:
    """A hold, as a generation remembers it: whose it is, how many tokens at which frozen price
    (nano-dollars per token), and when it was taken."""

    organization: UUID
    mode: str
    key: UUID | None
    generation: UUID
    tokens: int
    unit_price: int
    at: datetime

    @property
    def amount(self) -> int:
        return self.tokens * self.unit_price


@dataclass(frozen=True, slots=True)
class Closing:
    """What the usage roll-up remembers of the generation that a closed hold belonged to."""

    at: datetime
    member: UUID | None
    model: str
    dialect: str
    outcome: str
    images: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet in nano-dollars."""

    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.posted - self.held


def balance(organization: UUID, mode: str) -> Balance:
    """The wallet as it stands (zero if it was never opened)."""
    wallet = Wallet.objects.of(organization).filter(mode=mode).first()
    return Balance(wallet.posted, wallet.held) if wallet else Balance(0, 0)


def hold(held: Held) -> None:
    """Reserve the tokens of a generation. Raises BudgetExceeded or InsufficientCredit; the caller
    rolls back, and nothing was reserved."""
    _call(
        "billing_hold",
        (
            held.organization,
            held.mode,
            held.key,
            held.generation,
            held.tokens,
            held.unit_price,
            held.at,
            TEST_CREDIT,
        ),
    )


def settle(held: Held, tokens: int, closing: Closing) -> bool:
    """Charge `tokens` of a hold (1 up to all of it) and release the rest. False if it was closed
    before. Raises LedgerConflict for more than the hold."""
    return _close(held, tokens, closing)


def release(held: Held, closing: Closing) -> bool:
    """Give a whole hold back. False if it was closed before."""
    return _close(held, 0, closing)


def _close(held: Held, tokens: int, closing: Closing) -> bool:
    values = (
        held.organization, held.mode, held.key, held.generation, held.tokens, tokens, held.unit_price,
        held.at, closing.at, closing.member, closing.model, closing.dialect, closing.outcome, closing.images,
    )  # fmt: skip
    return bool(_call("billing_close", values))


def grant(*, organization: UUID, mode: str, amount: int, reference: str, reason: str, actor: str) -> bool:
    """Add credit (nano-dollars). False if this reference was booked before."""
    return bool(_call("billing_grant", (organization, mode, amount, reference, reason, actor)))


def adjust(*, organization: UUID, mode: str, amount: int, reference: str, reason: str, actor: str) -> bool:
    """Correct a balance by a signed amount (nano-dollars). Raises InsufficientCredit if that would
    take what is held or not there. False if this reference was booked before."""
    debit, credit = ("adjustment", "prepaid") if amount > 0 else ("prepaid", "adjustment")
    transfer = ("adjust", debit, credit, abs(amount), None, None, None, reference, reason, actor)
    if not _call("billing_book", (organization, mode, *transfer)):
        return False
    if not _move(organization, mode, amount):
        raise InsufficientCredit(-amount, balance(organization, mode).available)
    return True


def refund(*, held: Held, tokens: int, reference: str, reason: str, actor: str) -> bool:
    """Give back `tokens` of what a generation was charged. Never more than it was charged in all:
    raises LedgerConflict. False if this reference was booked before."""
    await_refunds(held.generation)
    amount = tokens * held.unit_price
    transfer = ("refund", "revenue", "prepaid", amount, tokens, held.unit_price, held.generation)
    if not _call("billing_book", (held.organization, held.mode, *transfer, reference, reason, actor)):
        return False
    rows = Entry.objects.of(held.organization).filter(generation_id=held.generation)
    of_kind = {
        kind: sum(row.tokens or 0 for row in rows if row.kind == kind) for kind in ("settle", "refund")
    }
    if of_kind["refund"] > of_kind["settle"]:
        raise LedgerConflict("A refund cannot be larger than the charge.")
    return _move(held.organization, held.mode, amount)


def await_refunds(generation: UUID) -> None:
    """Until the end of the transaction nobody refunds this generation; whoever does is waited for."""
    _one_at_a_time(f"refund:{generation}")


def _one_at_a_time(name: str) -> None:
    """Until the end of the transaction, nobody else passes here under the same name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


def _move(organization: UUID, mode: str, amount: int) -> bool:
    """Change what is posted by a signed amount, if what is available covers it. The first credit makes
    the wallet."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT if amount > 0 else _TAKE, (organization, mode, amount))
        return bool(cursor.rowcount)


_PUT = """
    INSERT INTO billing_wallet (id, organization_id, mode, posted, held)
    VALUES (gen_random_uuid(), %s, %s, %s, 0)
    ON CONFLICT ON CONSTRAINT billing_wallet_once
        DO UPDATE SET posted = billing_wallet.posted + excluded.posted
"""
_TAKE = """
    UPDATE billing_wallet w SET posted = posted + change.amount
    FROM (VALUES (%s, %s, %s)) AS change (organization_id, mode, amount)
    WHERE w.organization_id = change.organization_id AND w.mode = change.mode
      AND posted - held + change.amount >= 0
"""


def _call(function: str, values: Sequence[Any]) -> Any:
    """The result of one of the ledger's functions; its refusals as our errors."""
    places = ", ".join(["%s"] * len(values))
    with refusals(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({places})", values)
        row = cursor.fetchone()
    return row[0] if row else None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the ledger's functions raise into BudgetExceeded, InsufficientCredit, LedgerConflict."""
    try:
        yield
    except DatabaseError as error:
        refused = _refusal(error)
        if refused is None:
            raise
        raise refused from error


def _refusal(error: DatabaseError) -> Exception | None:
    code, detail, message = sql_error(error)
    if code == "EZ402":
        told = json.loads(detail)
        return InsufficientCredit(told["needed"], told["available"])
    if code == "EZ403":
        told = json.loads(detail)
        return BudgetExceeded(
            told["owner"], told["period"], told["limit"], told["used"], resets_at(told["period"])
        )
    return LedgerConflict(message) if code == "EZ409" else None


def sql_error(error: DatabaseError) -> tuple[str, str, str]:
    """The SQLSTATE of a database error, its detail and its message, each possibly empty."""
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    if diagnosis is None:
        return "", "", ""
    return diagnosis.sqlstate or "", diagnosis.message_detail or "", diagnosis.message_primary or ""
