"""Addresses below `/api/v1/`: what it costs."""

from __future__ import annotations

from django.urls import path

from billing.api.budgets import BudgetsView, BudgetView
from billing.api.ledger import BalanceView, EntriesView
from billing.api.usage import UsageView

urlpatterns = [
    path("usage", UsageView.as_view()),
    path("balance", BalanceView.as_view()),
    path("entries", EntriesView.as_view()),
    path("budgets", BudgetsView.as_view()),
    path("budgets/<uuid:budget>", BudgetView.as_view()),
]
