"""The one writer of money. Every verb is a transfer with an idempotency key, may be called twice,
and touches the wallet last.

    grant     funding -> prepaid       an operator, a payment
    hold      prepaid -> held          a submit
    settle    held -> revenue          delivered images; what is left of the hold is released
    release   held -> prepaid          everything else that ends a generation
    refund    revenue -> prepaid       after the fact
    adjust    prepaid <-> adjustment   an operator, with a reason

All of them run inside `with tenant(organization):` of their caller and commit with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from billing import budgets
from billing.errors import InsufficientCredit, LedgerConflict
from billing.models import Entry, Wallet

TEST_CREDIT = 10_000_000_000_000
"""What a test wallet is filled up to, and with: 10,000 dollars of sandbox money."""

_ENTRY = """
    INSERT INTO billing_entry (organization_id, mode, kind, debit, credit, amount, tokens, unit_price,
                               generation_id, reference, reason, actor, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
    ON CONFLICT ON CONSTRAINT billing_entry_reference_once DO NOTHING
"""
_SIDES = {
    Entry.Kind.GRANT: ("funding", "prepaid"),
    Entry.Kind.HOLD: ("prepaid", "held"),
    Entry.Kind.SETTLE: ("held", "revenue"),
    Entry.Kind.RELEASE: ("held", "prepaid"),
    Entry.Kind.REFUND: ("revenue", "prepaid"),
}


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
    if not _write(held.organization, held.mode, Entry.Kind.HOLD, held.amount, held):
        return
    budgets.reserve(
        organization=held.organization, mode=held.mode, key=held.key, amount=held.amount, at=held.at
    )
    if not _move(held.organization, held.mode, "held = held + %s", (held.amount,), covered=held.amount):
        _refuse_or_refill(held)


def settle(held: Held, tokens: int) -> None:
    """Charge `tokens` of a hold and release the rest. `tokens` is between 1 and the hold's."""
    if not 0 < tokens <= held.tokens:
        raise ValueError("A settle is for at least one token and at most the hold.")
    charged = tokens * held.unit_price
    if _write(held.organization, held.mode, Entry.Kind.SETTLE, charged, held, tokens=tokens):
        rest = held.tokens - tokens
        if rest:
            _write(held.organization, held.mode, Entry.Kind.RELEASE, held.amount - charged, held, tokens=rest)
        _give_back(held, held.amount - charged)


def release(held: Held) -> None:
    """Give a whole hold back."""
    if _write(held.organization, held.mode, Entry.Kind.RELEASE, held.amount, held):
        _give_back(held, held.amount)


def close_wallet(held: Held, charged_tokens: int) -> None:
    """The wallet's side of settle and release, called last in the finishing transaction."""
    charged = charged_tokens * held.unit_price
    if not _move(
        held.organization, held.mode, "held = held - %s, posted = posted - %s", (held.amount, charged)
    ):
        raise LedgerConflict(f"The wallet of {held.organization} is missing.")


def grant(
    *, organization: UUID, mode: str, amount: int, reference: str, reason: str, actor: str
) -> bool:
    """Add credit (nano-dollars). False if this reference was booked before."""
    made = _book(organization, mode, Entry.Kind.GRANT, amount, reference, reason=reason, actor=actor)
    if made:
        _open(organization, mode)
        _move(organization, mode, "posted = posted + %s", (amount,))
    return made


def adjust(
    *, organization: UUID, mode: str, amount: int, reference: str, reason: str, actor: str
) -> bool:
    """Correct a balance by a signed amount (nano-dollars). Raises InsufficientCredit if that would
    take what is held or not there. False if this reference was booked before."""
    sides = ("adjustment", "prepaid") if amount > 0 else ("prepaid", "adjustment")
    made = _book(
        organization, mode, Entry.Kind.ADJUST, abs(amount), reference, sides=sides, reason=reason, actor=actor
    )
    if made:
        _open(organization, mode)
        if not _move(organization, mode, "posted = posted + %s", (amount,), covered=max(-amount, 0)):
            raise InsufficientCredit(-amount, balance(organization, mode).available)
    return made


def refund(
    *, held: Held, tokens: int, reference: str, reason: str, actor: str
) -> bool:
    """Give back `tokens` of what a generation was charged. Never more than it was charged in all:
    raises LedgerConflict. False if this reference was booked before."""
    with connection.cursor() as cursor:  # two refunds of one generation must not pass each other
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"refund:{held.generation}",))
    rows = Entry.objects.of(held.organization).filter(generation_id=held.generation)
    settled = sum(row.tokens or 0 for row in rows.filter(kind="settle"))
    made = _book(
        held.organization, held.mode, Entry.Kind.REFUND, tokens * held.unit_price, reference,
        held=held, tokens=tokens, reason=reason, actor=actor,
    )  # fmt: skip
    if made and sum(row.tokens or 0 for row in rows.filter(kind="refund")) > settled:
        raise LedgerConflict("A refund cannot be larger than the charge.")
    if made:
        _move(held.organization, held.mode, "posted = posted + %s", (tokens * held.unit_price,))
    return made


def _write(
    organization: UUID, mode: str, kind: Entry.Kind, amount: int, held: Held, *, tokens: int | None = None
) -> bool:
    """An entry about a generation's hold: its reference is the generation itself."""
    reference = f"{kind.value}:{held.generation}"
    return _book(
        organization, mode, kind, amount, reference,
        held=held, tokens=held.tokens if tokens is None else tokens,
    )  # fmt: skip


def _book(
    organization: UUID,
    mode: str,
    kind: Entry.Kind,
    amount: int,
    reference: str,
    *,
    held: Held | None = None,
    tokens: int | None = None,
    sides: tuple[str, str] | None = None,
    reason: str = "",
    actor: str = "",
) -> bool:
    """Insert one transfer. False if it was booked before with the same amount; LedgerConflict if
    the reference stands for another amount."""
    debit, credit = sides or _SIDES[kind]
    values = (
        organization, mode, kind.value, debit, credit, amount, tokens, held.unit_price if held else None,
        held.generation if held else None, reference, reason, actor,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_ENTRY, values)
        if cursor.rowcount:
            return True
    before = Entry.objects.of(organization).get(kind=kind, reference=reference)
    if (before.amount, before.debit, before.mode) != (amount, debit, mode):
        raise LedgerConflict(f"{reference} was booked before with another amount.")
    return False


def _give_back(held: Held, amount: int) -> None:
    budgets.give_back(
        organization=held.organization, mode=held.mode, key=held.key, amount=amount, held_at=held.at
    )


def _move(organization: UUID, mode: str, change: str, values: tuple[int, ...], *, covered: int = 0) -> bool:
    """Change the wallet row if `covered` nano-dollars are available. False if not, or no wallet."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE billing_wallet SET {change}"  # noqa: S608  `change` is one of the literals above
            " WHERE organization_id = %s AND mode = %s AND posted - held >= %s",
            (*values, organization, mode, covered),
        )
        return cursor.rowcount == 1


def _open(organization: UUID, mode: str) -> None:
    """Make the wallet row if it is missing."""
    try:
        with transaction.atomic():
            if not Wallet.objects.of(organization).filter(mode=mode).exists():
                Wallet.objects.create(organization_id=organization, mode=mode)
    except IntegrityError:
        return  # somebody else made it meanwhile


def _refuse_or_refill(held: Held) -> None:
    """A live wallet that does not cover the hold refuses it; a test wallet fills itself up."""
    available = balance(held.organization, held.mode).available
    if held.mode != "test":
        raise InsufficientCredit(held.amount, available)
    grant(
        organization=held.organization,
        mode=held.mode,
        amount=max(TEST_CREDIT, held.amount),
        reference=f"refill:{held.generation}",
        reason="Test wallets refill by themselves.",
        actor="system",
    )
    if not _move(held.organization, held.mode, "held = held + %s", (held.amount,), covered=held.amount):
        raise InsufficientCredit(held.amount, available)
