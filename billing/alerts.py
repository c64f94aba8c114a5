"""Who is told that money runs low: of a balance below its line, of a budget that is nearly used up.

Submits and finishes know nothing of this: the janitor compares wallets and budgets with their lines once a
minute. What was told is remembered in the row that asked for it, under its lock, so that any number of
janitors tell a crossing once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection

from accounts import webhooks
from accounts.access import Permission, allowed
from accounts.models import ApiKey, Event, Membership, Organization, Role
from billing import ledger
from billing.ledger import Balance
from billing.models import BalanceAlert, Budget
from billing.money import dollars, plain
from billing.periods import starts_at
from runtime.clock import database_now
from runtime.tenancy import tenant, work

log = structlog.get_logger(__name__)

_MOVED = """
    SELECT a.organization_id, a.mode
    FROM billing_balancealert a
    LEFT JOIN billing_wallet w ON w.organization_id = a.organization_id AND w.mode = a.mode
    WHERE CASE WHEN a.lowest IS NULL THEN coalesce(w.posted - w.held, 0) < a.threshold
               ELSE w.posted < a.lowest OR (w.posted > a.lowest AND w.posted - w.held >= a.threshold) END
"""
_NEAR = """
    SELECT organization_id, id FROM billing_budget
    WHERE alert_percent IS NOT NULL AND used::numeric * 100 >= "limit"::numeric * alert_percent
      AND "window" = billing_window(period, clock_timestamp()) AND alerted_window IS DISTINCT FROM "window"
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """What leaves after the commit."""

    subject: str
    body: str
    to: tuple[str, ...]


def tell() -> int:
    """Tell of everything that crossed its line since the last time. Returns how many were told."""
    balances = [_balance(organization, mode) for organization, mode in _rows(_MOVED)]
    budgets = [_budget(organization, budget) for organization, budget in _rows(_NEAR)]
    mails = [mail for mail in (*balances, *budgets) if mail is not None]
    for mail in mails:
        _send(mail)
    return len(mails)


def _rows(sql: str) -> list[tuple[UUID, Any]]:
    with work(), connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _send(mail: Mail) -> None:
    try:
        if mail.to:
            send_mail(" ".join(mail.subject.split()), mail.body, None, mail.to)
    except OSError:
        log.exception("alerts.mail_failed", subject=mail.subject)


# ---- balances --------------------------------------------------------------------------------


def _balance(organization: UUID, mode: str) -> Mail | None:
    """Move the alert on to where the balance is; what is to be said of it."""
    with tenant(organization):
        rows = BalanceAlert.objects.of(organization).select_for_update(no_key=True)
        alert = rows.filter(mode=mode).first()
        if alert is None:
            return None
        balance = ledger.balance(organization, mode)
        below = balance.available < alert.threshold
        if alert.lowest is None:
            return _crossed(alert, balance) if below else None
        if balance.posted < alert.lowest:
            _keep(alert, balance.posted)
        elif balance.posted > alert.lowest and not below:
            _keep(alert, None)
        return None


def _keep(alert: BalanceAlert, lowest: int | None) -> None:
    alert.lowest = lowest
    alert.save(update_fields=["lowest"])


def _crossed(alert: BalanceAlert, balance: Balance) -> Mail:
    """Remember it and tell the endpoints, in one transaction."""
    alert.lowest, alert.told_at = balance.posted, database_now()
    alert.save(update_fields=["lowest", "told_at"])
    told = {
        "mode": alert.mode,
        "available_usd": plain(dollars(balance.available)),
        "held_usd": plain(dollars(balance.held)),
        "threshold_usd": plain(dollars(alert.threshold)),
    }
    webhooks.emit(alert.organization_id, alert.mode, Event.BALANCE_LOW, {"balance": told})
    team = Organization.objects.of(alert.organization_id).get()
    test = " (test mode)" if alert.mode == "test" else ""
    return Mail(
        f"{team.name}{test}: the balance is below ${told['threshold_usd']}",
        f"${told['available_usd']} are left to spend; running work holds ${told['held_usd']} more.\n"
        f"You asked to be told below ${told['threshold_usd']}. Add credit before requests are refused:\n\n"
        f"{settings.EASEL.url}/o/{team.slug}/billing/\n",
        _people(alert.organization_id),
    )


def _people(organization: UUID) -> tuple[str, ...]:
    """Those who see the books."""
    roles = [role for role in Role.values if allowed(role, Permission.EXPORT_BILLING)]
    rows = Membership.objects.of(organization).filter(role__in=roles, user__is_active=True)
    return tuple(rows.order_by("id").values_list("user__email", flat=True))


# ---- budgets ---------------------------------------------------------------------------------


def _budget(organization: UUID, budget: UUID) -> Mail | None:
    """Remember that its period was told of; what is to be said."""
    with tenant(organization):
        rows = Budget.objects.of(organization).select_for_update(no_key=True)
        row = rows.filter(pk=budget).first()
        if row is None or not _near(row):
            return None
        row.alerted_window = row.window
        row.save(update_fields=["alerted_window"])
        return _nearly_used_up(row)


def _near(row: Budget) -> bool:
    used = row.alert_percent is not None and row.used * 100 >= row.limit * row.alert_percent
    return used and row.window >= starts_at(row.period) and row.alerted_window != row.window


def _nearly_used_up(row: Budget) -> Mail:
    team = Organization.objects.of(row.organization_id).get()
    key = ApiKey.objects.of(row.organization_id).filter(pk=row.key_id).first() if row.key_id else None
    whose = f"the key {key.name} of {team.name}" if key else team.name
    period = "in all" if row.period == Budget.Period.TOTAL else f"per {row.period}"
    return Mail(
        f"{team.name}: {100 * row.used // row.limit} % of a budget is used",
        f"The {row.mode} budget of {whose} is ${plain(dollars(row.limit))} {period}; "
        f"${plain(dollars(row.used))} of it are used.\nWhat would pass it is refused with 402. "
        f"Raise it, or let it stop there:\n\n{settings.EASEL.url}/o/{team.slug}/billing/budgets/\n",
        _people(row.organization_id),
    )
