"""Every address of the pages, read from the URL table, filled in with things that do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

NOTHING = {
    "uuid": str(UUID(int=7)),
    "int": "7",
    "slug": "2026-01",
    "str": "nothing",
    "path": "nothing",
}
_HOLE = re.compile(r"<(?:(\w+):)?(\w+)>")
_GROUP = re.compile(r"\(\?P<\w+>[^)]*\)")


@dataclass(frozen=True)
class Address:
    """A line of the URL table."""

    pattern: str
    name: str
    view: Any

    def path(self, **known: str) -> str:
        """The address with what is known in it, and nothing real in its other holes."""
        plain = _GROUP.sub("nothing", self.pattern)
        filled = _HOLE.sub(lambda hole: known.get(hole[2], NOTHING[hole[1] or "str"]), plain)
        return "/" + filled.replace("^", "").replace("$", "")

    @property
    def of_team(self) -> bool:
        return self.pattern.startswith("o/<slug:team>/")


def addresses() -> list[Address]:
    """All of them, in the order of the table."""
    return list(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, before: str) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Address(pattern, entry.name or "", entry.callback)
        else:
            yield from _walk(entry, pattern)
