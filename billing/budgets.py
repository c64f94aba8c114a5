"""Spending limits as guarded rows: a hold raises them or is refused, a release lowers them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from billing.errors import BudgetExceeded

# The beginning of the period that a moment lies in (UTC; weeks begin on Monday).
_WINDOW = "CASE period WHEN 'total' THEN timestamptz 'epoch' ELSE date_trunc(period, %(at)s, 'UTC') END"

_RAISE = f"""
    UPDATE billing_budget
    SET used = CASE WHEN "window" = {_WINDOW} THEN used ELSE 0 END + %(amount)s, "window" = {_WINDOW}
    WHERE id = %(id)s AND CASE WHEN "window" = {_WINDOW} THEN used ELSE 0 END + %(amount)s <= "limit"
"""

_LOWER = f"""
    UPDATE billing_budget SET used = greatest(used - %(amount)s, 0)
    WHERE id IN (SELECT id FROM billing_budget
                 WHERE organization_id = %(organization)s AND mode = %(mode)s
                   AND (key_id = %(key)s OR key_id IS NULL) AND "window" = {_WINDOW}
                 ORDER BY id FOR UPDATE)
"""

_OF = """
    SELECT id, key_id IS NOT NULL, period, "limit", used FROM billing_budget
    WHERE organization_id = %(organization)s AND mode = %(mode)s AND (key_id = %(key)s OR key_id IS NULL)
    ORDER BY id
"""

LENGTHS = {"day": timedelta(days=1), "week": timedelta(days=7)}


def reserve(*, organization: UUID, mode: str, key: UUID | None, amount: int, at: datetime) -> None:
    """Count `amount` nano-dollars against every budget of the key and the organization.

    Runs inside the hold's transaction, so that a refusal leaves no trace. Rows are taken in id
    order. Raises BudgetExceeded with the first budget that has no room.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OF, {"organization": organization, "mode": mode, "key": key})
        for identifier, of_key, period, limit, used in cursor.fetchall():
            cursor.execute(_RAISE, {"id": identifier, "amount": amount, "at": at})
            if cursor.rowcount == 0:
                owner = "key" if of_key else "organization"
                raise BudgetExceeded(owner, period, limit, used, resets_at(period, at))


def give_back(*, organization: UUID, mode: str, key: UUID | None, amount: int, held_at: datetime) -> None:
    """Take a released amount off the budgets, where they still count the period of the hold."""
    if amount:
        values = {"organization": organization, "mode": mode, "key": key, "amount": amount, "at": held_at}
        with connection.cursor() as cursor:
            cursor.execute(_LOWER, values)


def resets_at(period: str, at: datetime) -> datetime | None:
    """When the period that `at` lies in is over; None for a total."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return day + LENGTHS["day"]
    if period == "week":
        return day - timedelta(days=day.weekday()) + LENGTHS["week"]
    if period == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None
