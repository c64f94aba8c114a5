"""The periods of budgets, in UTC; weeks begin on Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runtime.clock import utc_now

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def resets_at(period: str, at: datetime | None = None) -> datetime | None:
    """When the period that a moment (now by default) lies in is over; None for a total."""
    at = at or utc_now()
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return day + timedelta(days=1)
    if period == "week":
        return day + timedelta(days=7 - day.weekday())
    if period == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def starts_at(period: str, at: datetime | None = None) -> datetime:
    """When the period that a moment (now by default) lies in began; the epoch for a total."""
    at = at or utc_now()
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return day
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return EPOCH
