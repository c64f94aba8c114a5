"""What can go wrong with money.

BillingProblem
  InsufficientCredit   the wallet does not cover the hold
  BudgetExceeded       a spending limit would be passed
  UnknownPrice         the model has no price yet
  LedgerConflict       an idempotency key was used before for another transfer
"""

from __future__ import annotations

from datetime import datetime


class BillingProblem(Exception):
    """The base of all errors billing raises."""


class InsufficientCredit(BillingProblem):
    """Carries `needed` and `available`, nano-dollars."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(f"needed {needed}, available {available} nano-dollars")
        self.needed, self.available = needed, available


class BudgetExceeded(BillingProblem):
    """Carries whose budget it was (`key` or `organization`), its period, limit and use (nano-dollars),
    and when it begins anew (None for a total)."""

    def __init__(self, owner: str, period: str, limit: int, used: int, resets_at: datetime | None) -> None:
        super().__init__(f"{owner} budget per {period}: {used} of {limit} nano-dollars used")
        self.owner, self.period, self.limit, self.used, self.resets_at = owner, period, limit, used, resets_at


class UnknownPrice(BillingProblem):
    """The model has no price in effect."""


class LedgerConflict(BillingProblem):
    """The same idempotency key came with another amount."""
