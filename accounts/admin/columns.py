"""How values are shown to operators: times relative, states in words and colour, names as links.

Each function here makes a column: a callable that takes a row and gives safe HTML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

Column = Callable[[Any], Any]
NOTHING = format_html('<span class="muted">{}</span>', "–")

ICONS = {
    "good": "check_circle",
    "bad": "error",
    "warn": "warning",
    "info": "progress_activity",
    "wait": "schedule",
    "test": "science",
    "calm": "radio_button_unchecked",
}


def column(title: str, show: Column, name: str = "") -> Column:
    """A column under this title. `name` becomes part of its CSS class."""

    def shown(row: Any) -> Any:
        value = show(row)
        return NOTHING if value is None or value == "" else value

    shown.__name__ = name or title.lower().replace(" ", "_")
    shown.short_description = title  # type: ignore[attr-defined]  # Django's way of naming a column
    return shown


def plain(path: str, title: str = "") -> Column:
    """The value itself. `path` may lead through relations with dots."""
    return column(title or _title(path), lambda row: _follow(row, path))


def mono(path: str, title: str = "") -> Column:
    """A name that programs use."""
    return column(title or _title(path), lambda row: code(_follow(row, path)))


def count(path: str, title: str = "") -> Column:
    """A whole number with separators, on the right."""
    return figures(title or _title(path), lambda row: number(_follow(row, path)))


def figures(title: str, show: Column) -> Column:
    """A column of numbers: on the right, their digits under each other."""
    return column(title, show, f"number_{title.lower().replace(' ', '_')}")


def ago(path: str, title: str = "") -> Column:
    """How long ago or ahead, with the exact time on hover."""
    return column(title or _title(path), lambda row: moment(_follow(row, path)))


def words(path: str, tones: Mapping[str, str], title: str = "") -> Column:
    """A state as a word with an icon and a colour; `tones` maps values to the names of `ICONS`."""

    def show(row: Any) -> SafeString | None:
        value = str(_follow(row, path) or "")
        return tag(value, tones.get(value, "calm")) if value else None

    return column(title or _title(path), show)


def mode(path: str = "mode") -> Column:
    """Live in plain words; test mode, whose money is none, in colour."""

    def show(row: Any) -> Any:
        value = _follow(row, path)
        return tag("test", "test") if value == "test" else str(value).capitalize() if value else None

    return column("Mode", show)


def yes(path: str, title: str = "") -> Column:
    """Yes or no."""
    return column(title or _title(path), lambda row: "Yes" if _follow(row, path) else "No")


def listed(path: str, title: str = "", empty: str = "any") -> Column:
    """A list of words; an empty one means `empty`."""
    return column(title or _title(path), lambda row: ", ".join(_follow(row, path) or []) or empty)


def link(title: str, view: str, key: str, text: Column) -> Column:
    """A link to the page `view` (like `accounts_user`) of the row whose id is under `key`."""

    def show(row: Any) -> SafeString | None:
        identifier = _follow(row, key)
        if identifier is None:
            return None
        words = text(row) or code(identifier)  # what it names may be gone
        return format_html(
            '<a class="to" href="{}">{}</a>', reverse(f"admin:{view}_change", args=[identifier]), words
        )

    return column(title, show)


def organization(path: str = "organization_id", name: str = "organization.name") -> Column:
    """The organization of a row, as a link to its page."""
    return link("Organization", "accounts_organization", path, lambda row: _follow(row, name))


def changes(path: str, title: str = "") -> Column:
    """A JSON object as a small table."""
    return column(title or _title(path), lambda row: pairs(_follow(row, path)))


# ---- the values themselves ----------------------------------------------------------------------


def tag(word: str, tone: str) -> SafeString:
    """A coloured label: icon, word and colour, since colour alone says nothing to many."""
    return format_html(
        '<span class="tag tag-{}">{}{}</span>', tone, icon(ICONS[tone]), word.replace("_", " ").capitalize()
    )


def icon(name: str) -> SafeString:
    """A sign from the icon font that the admin's theme brings along."""
    return format_html('<span class="material-symbols-outlined" aria-hidden="true">{}</span>', name)


def code(value: Any) -> SafeString | None:
    return format_html('<code class="mono">{}</code>', value) if value not in (None, "") else None


def text(value: str | bytes) -> SafeString | None:
    """What a program wrote, as it stands; bytes that are no text are shown as signs."""
    plain = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return format_html('<pre class="pre" tabindex="0">{}</pre>', plain) if plain else None


def short(identifier: Any) -> SafeString:
    """The end of an id: the beginnings of time-ordered ones are alike. The whole on hover."""
    return format_html('<code class="mono" title="{}">…{}</code>', identifier, str(identifier)[-8:])


def number(value: int | None) -> SafeString | None:
    return None if value is None else format_html('<span class="number">{}</span>', f"{value:,}")


def moment(at: datetime | None) -> SafeString | None:
    """A time relative to now; the exact one (UTC) on hover."""
    if at is None:
        return None
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        f"{exact:%Y-%m-%d %H:%M:%S}.{exact.microsecond // 1000:03d} UTC",
        relative((datetime.now(UTC) - exact).total_seconds()),
    )


def relative(seconds: float) -> str:
    """`3 min ago`, `in 2 h`; seconds into the past."""
    distance = span(abs(seconds))
    if abs(seconds) < 1:
        return "just now"
    return f"{distance} ago" if seconds > 0 else f"in {distance}"


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit."""
    for size, unit in ((86_400 * 365, "y"), (86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{int(seconds)} s"


def pairs(value: Any) -> SafeString | None:
    """The names and values of a JSON object."""
    if not isinstance(value, Mapping) or not value:
        return None
    rows = ((name.replace("_", " "), _json(inner)) for name, inner in value.items())
    return format_html(
        '<dl class="pairs">{}</dl>', format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", rows)
    )


def without_query(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else ""


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _follow(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = getattr(row, name, None)
    return row


def _title(path: str) -> str:
    words = path.rpartition(".")[2].removesuffix("_at").removesuffix("_id").replace("_", " ")
    return words[:1].upper() + words[1:]
