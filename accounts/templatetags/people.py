"""What the pages about people write: browsers, and where mail is to be found."""

from __future__ import annotations

import re
from typing import Final

from django import template
from django.conf import settings

register = template.Library()

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone|iPad", "iOS"),
    ("Android", "Android"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Linux|X11", "Linux"),
)


@register.filter
def browser(agent: str) -> str:
    """A User-Agent as people say it: Firefox on Linux."""
    name = next((told for sign, told in _BROWSERS if sign in agent), "")
    system = next((told for sign, told in _SYSTEMS if re.search(sign, agent)), "")
    if name and system:
        return f"{name} on {system}"
    return name or agent[:60] or "Not said"


@register.simple_tag
def mail_place() -> str:
    """Where a laptop's mail is to be found; empty where mail is really sent."""
    if settings.EASEL.production:
        return ""
    if "filebased" in settings.EMAIL_BACKEND:
        return f"This installation sends no mail: it is kept in {settings.EMAIL_FILE_PATH}."
    if "console" in settings.EMAIL_BACKEND:
        return "This installation sends no mail: it is printed where the web server runs."
    return ""
