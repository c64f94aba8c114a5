"""Which door a request came to: by host name, else by path prefix, else the home door of its key.

Never by the body. Paths lose the door's prefix, a trailing slash, and a missing or doubled version
is put right by the dialects' own route tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from generations.dialect import Dialect

ROOT = re.compile(r"^/(v1|v1beta|v1alpha|api/v1/(ie|files)|api/v1/apikey)(/|$)|^(/user)?/balance$")
"""What clients that cannot be given a path send to the bare root."""
OWNERS = (
    (re.compile(r"^/api/v1/(ie|apikey)(/|$)"), "gmi"),
    (re.compile(r"^(/v1)?(/user)?/balance$|^/v1/uploads(/|$)"), "toapis"),
    (re.compile(r"^/api/v1/files(/|$)"), "evolink"),
    (re.compile(r"^/v1(beta|alpha)(/|$)"), "gemini"),
)
"""Paths of the bare root that only one vendor has: his door answers them where no key names another."""
VERSIONED = re.compile(r"^/v1(beta|alpha)?(/|$)")
DOUBLED = re.compile(r"^/v1(beta|alpha)?/v1(beta|alpha)?(/|$)")


@dataclass(frozen=True, slots=True)
class Picked:
    """The door (None: that of the key), its absolute base URL, and the path below it. `owner` is the
    door that the path itself belongs to, for calls without a key."""

    dialect: Dialect | None
    base: str
    path: str
    owner: Dialect | None = None


class Selection:
    """Knows the doors, their prefixes and their host names."""

    def __init__(self, dialects: Mapping[str, Dialect], hosts: Mapping[str, str], url: str) -> None:
        self._hosts = {host: dialects[name] for host, name in hosts.items() if name in dialects}
        self._prefixes = {prefix: dialect for dialect in dialects.values() for prefix in dialect.prefixes}
        self._owners = [(paths, dialects[name]) for paths, name in OWNERS if name in dialects]
        self._url = url

    def pick(self, scheme: str, host: str, path: str) -> Picked | None:
        """The door of a request, or None if it is not for a door at all."""
        if dialect := self._hosts.get(host.lower()):
            return Picked(dialect, f"{scheme}://{host}", _tidy(path))
        prefix, _, rest = path.lstrip("/").partition("/")
        if dialect := self._prefixes.get(f"/{prefix}"):
            return Picked(dialect, f"{self._url}/{prefix}", _tidy("/" + rest))
        if ROOT.match(tidied := _tidy(path)):
            return Picked(None, self._url, tidied, self._owner(tidied))
        return None

    def _owner(self, path: str) -> Dialect | None:
        return next((dialect for paths, dialect in self._owners if paths.search(path)), None)


def _tidy(path: str) -> str:
    """One slash between segments, none at the end."""
    return "/" + "/".join(segment for segment in path.split("/") if segment)


@dataclass(frozen=True, slots=True)
class Matched:
    """A route's parameters, or why there is none: `allowed` methods of a known path."""

    index: int = -1
    params: Mapping[str, str] | None = None
    allowed: tuple[str, ...] = ()


class RouteTable:
    """The routes of one dialect, matched in their order."""

    def __init__(self, dialect: Dialect) -> None:
        self.routes = dialect.routes()
        self._patterns = [_pattern(route.path) for route in self.routes]

    def match(self, method: str, path: str) -> Matched:
        """The first route that fits; tries the path as it is, then with its version mended."""
        allowed: list[str] = []
        for candidate in _versions(path):
            for index, (route, pattern) in enumerate(zip(self.routes, self._patterns, strict=True)):
                if found := pattern.fullmatch(candidate):
                    if route.method == method:
                        return Matched(index, found.groupdict())
                    allowed.append(route.method)
        return Matched(allowed=tuple(dict.fromkeys(allowed)))


def _pattern(path: str) -> re.Pattern[str]:
    """`/v1/tasks/{task_id}` as a regular expression; a parameter is one segment, `{name*}` at least
    one: it may hold slashes and ends where the rest of the path begins."""
    segment = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return re.compile(re.sub(r"\\\{(\w+)\\\*\\\}", r"(?P<\1>.+)", segment))


def _versions(path: str) -> tuple[str, ...]:
    """The path, then with `/v1` put in front, or without the first of two versions or of two queue
    roots: that is the one of a base URL, the second the client's own."""
    if (queue := path.rfind("/api/v1/")) > 0:
        return (path, path[queue:])
    if DOUBLED.match(path):
        return (path, "/" + path.split("/", 2)[2])
    if not VERSIONED.match(path):
        return (path, "/v1" + path)
    return (path,)
