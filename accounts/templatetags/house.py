"""What every page writes the same way: icons, times, counts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from runtime.clock import utc_now

register = template.Library()
THIN_SPACE = "\u2009"


@register.simple_tag
def icon(name: str) -> SafeString:
    """An outline of `templates/icons`, drawn in the colour of its text."""
    return _icon(name)


@cache
def _icon(name: str) -> SafeString:
    path = settings.BASE_DIR / "templates" / "icons" / f"{name}.svg"
    return mark_safe(path.read_text().strip())  # noqa: S308  our own file


@register.filter
def count(value: int | None) -> str:
    """A number with thin separators: 1 234 567."""
    return f"{value or 0:,}".replace(",", THIN_SPACE)


@register.filter
def size(value: int | None) -> str:
    """Bytes for people: 1.5 MB."""
    amount, unit = float(value or 0), "B"
    for bigger in ("KB", "MB", "GB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, bigger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


@register.filter
def seconds(value: float | None) -> str:
    """A duration for people: 12 ms, 3.4 s, 2 min 5 s."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """A moment as people say it, with the exact one on hover."""
    if at is None:
        return "Never"
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%d %b %Y, %H:%M:%S} UTC",
        _distance(at),
    )


def _distance(at: datetime) -> str:
    passed = (utc_now() - at).total_seconds()
    words = _words(abs(passed))
    if words == "now":
        return "just now"
    if abs(passed) > 30 * 86_400:
        return f"{at.astimezone(UTC):%d %b %Y}".lstrip("0")
    return f"{words} ago" if passed >= 0 else f"in {words}"


def _words(passed: float) -> str:
    for length, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if passed >= length:
            number = int(passed // length)
            return f"{number} {word}{'s' if number > 1 else ''}"
    return f"{int(passed)} seconds" if passed >= 5 else "now"


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A moment to the second, in UTC."""
    if at is None:
        return ""
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>', exact.isoformat(timespec="seconds"), f"{exact:%Y-%m-%d %H:%M:%S}"
    )
