"""Small drawings made of numbers that are on the page anyway: no script, no style, one SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
STEP, HEIGHT = 4, 24


@register.simple_tag
def sparkline(values: Sequence[int], label: str = "") -> SafeString:
    """A bar for each value, the oldest on the left, as high as its share of the highest. `label` says
    what they are of."""
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<path class="sparkline-floor" d="M0 {}H{}"/><path d="{}"/></svg>',
        len(values) * STEP,
        HEIGHT,
        len(values) * STEP,
        HEIGHT,
        label or f"{sum(values)} in {len(values)} days, at most {max(values, default=0)} a day",
        HEIGHT - 0.5,
        len(values) * STEP,
        " ".join(_bars(values)),
    )


def _bars(values: Sequence[int]) -> Iterator[str]:
    highest = max(values, default=0)
    for place, value in enumerate(values):
        if value > 0:
            height = max(2, round(value / highest * (HEIGHT - 2)))
            yield f"M{place * STEP + STEP / 2:g} {HEIGHT}v-{height}"
