"""How the work is shown: states, links to a generation, small pictures."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.columns import code, column, icon, link, short, tag
from generations import links
from generations.models import Output

STATES = {"queued": "wait", "running": "info", "succeeded": "good", "failed": "bad", "cancelled": "calm"}
OUTCOMES = {
    "succeeded": "good",
    "failed": "bad",
    "retried": "warn",
    "waited": "wait",
    "superseded": "calm",
    "cancelled": "calm",
    "lost": "bad",
}


def state_tag(state: str, kind: str = "") -> SafeString:
    """A state; a failed one with its kind."""
    if not kind:
        return tag(state, STATES.get(state, "calm"))
    return format_html(
        '{} <small class="muted">{}</small>', tag(state, STATES[state]), kind.replace("_", " ")
    )


def address_of(output: Output) -> str:
    """The picture's path, under whatever host the page was asked for."""
    parts = urlsplit(links.url(output.generation_id, output.number, output.mime, output.epoch))
    return f"{parts.path}?{parts.query}"


def thumbnail(output: Output | None, size: str = "small") -> SafeString:
    """The picture as a link to itself; a sign where there is none (any more)."""
    if output is None or output.deleted_at:
        return format_html('<span class="thumb thumb-{} thumb-empty">{}</span>', size, icon("hide_image"))
    return format_html(
        '<a href="{0}" target="_blank" rel="noopener"><img class="thumb thumb-{1}" src="{0}" alt="Image {2}"'
        ' loading="lazy" width="{3}" height="{4}"></a>',
        address_of(output),
        size,
        output.number,
        output.width,
        output.height,
    )


state = column("State", lambda row: state_tag(row.state, row.kind))
generation = link(
    "Generation", "generations_generation", "generation_id", lambda row: short(row.generation_id)
)
generation_name = column("Generation", lambda row: short(row.generation_id))
kind = column("Kind", lambda row: row.kind.replace("_", " ") if row.kind else None)
status = column(
    "Status", lambda row: tag(str(row.status), _tone(row.status)) if row.status else tag("open", "info")
)
request_path = column("Request", lambda row: code(f"{row.method} {row.path}"), "path")


def _tone(status: int) -> str:
    return "good" if status < 400 else "warn" if status < 500 else "bad"
