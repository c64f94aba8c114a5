"""Addresses of the pages of usage and of money."""

from __future__ import annotations

from django.urls import path

from billing.views import balance, budgets, entries, statements, usage

TEAM = "o/<slug:team>"

urlpatterns = [
    path("billing", balance.any_team, name="any_billing"),
    path("billing/", balance.any_team),
    path(f"{TEAM}/usage/", usage.index, name="usage"),
    path(f"{TEAM}/usage/export/", usage.export, name="export_usage"),
    path(f"{TEAM}/billing/", balance.index, name="billing"),
    path(f"{TEAM}/billing/prices/", balance.prices, name="prices"),
    path(f"{TEAM}/billing/alert/", balance.alert, name="balance_alert"),
    path(f"{TEAM}/billing/alert/delete/", balance.delete_alert, name="delete_balance_alert"),
    path(f"{TEAM}/billing/request/", balance.request_credit, name="request_credit"),
    path(f"{TEAM}/billing/request/<uuid:asked>/withdraw/", balance.withdraw, name="withdraw_request"),
    path(f"{TEAM}/billing/entries/", entries.index, name="entries"),
    path(f"{TEAM}/billing/entries/export/", entries.export, name="export_entries"),
    path(f"{TEAM}/billing/budgets/", budgets.index, name="budgets"),
    path(f"{TEAM}/billing/budgets/set/", budgets.edit, name="set_budget"),
    path(f"{TEAM}/billing/budgets/<uuid:budget>/delete/", budgets.delete, name="delete_budget"),
    path(f"{TEAM}/billing/statements/", statements.index, name="statements"),
    path(f"{TEAM}/billing/statements/<slug:month>/", statements.detail, name="statement"),
    path(f"{TEAM}/billing/statements/<slug:month>/export/", statements.export, name="export_statement"),
]
