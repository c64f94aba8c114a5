"""What it costs and where the tokens went: the tables, one room each."""

from billing.models.books import Entry, Price, Wallet
from billing.models.credit import CreditRequest
from billing.models.limits import BalanceAlert, Budget
from billing.models.sealed import Folio, Seal
from billing.models.usage import Usage, UsageHour

__all__ = [
    "BalanceAlert",
    "Budget",
    "CreditRequest",
    "Entry",
    "Folio",
    "Price",
    "Seal",
    "Usage",
    "UsageHour",
    "Wallet",
]
