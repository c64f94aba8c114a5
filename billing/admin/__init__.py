"""The operators' pages of money."""

from billing.admin import ledger, usage

__all__ = ["ledger", "usage"]
