"""Reading an HTTP request off the wire, within bounds."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from accounts.origin import client_address
from generations.errors import Problem
from generations.spec import Kind
from runtime import ids
from runtime.logs import mask

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_BUDGET = 512 * 1024 * 1024
"""Bytes of request bodies that one process holds at once before it says 503."""
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


class Disconnected(Exception):
    """The client went away before his request was whole."""


class BodyBudget:
    """Admits bodies by their bytes, so that memory never decides."""

    def __init__(self, limit: int = BODY_BUDGET) -> None:
        self.limit, self.used = limit, 0


class BodyShare:
    """One request's share of the budget, given back as a whole."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget, self._taken = budget, 0

    def take(self, amount: int) -> None:
        """Raises Problem(OVERLOADED) when all requests together would hold too much."""
        if self._budget.used + amount > self._budget.limit:
            raise Problem(
                Kind.OVERLOADED, "Too many large requests at once. Try again in a second.", retry_after=1
            )
        self._budget.used += amount
        self._taken += amount

    def give_back(self) -> None:
        self._budget.used -= self._taken
        self._taken = 0


def headers_of(scope: Scope) -> dict[str, str]:
    """Header names in lower case; repeated ones joined by commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def query_of(scope: Scope) -> dict[str, str]:
    """The query's parameters, the last of each name."""
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))


def path_of(scope: Scope) -> str:
    """The path, decoded once."""
    return str(scope["path"])


def request_id(headers: Mapping[str, str]) -> str:
    """The client's own id if it is harmless and no secret, else a new one of 40 letters."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.match(given) and mask(given) == given else ids.word(40)


def address_of(scope: Scope, headers: Mapping[str, str]) -> str:
    """The client's address, seen through trusted proxies."""
    peer = (scope.get("client") or ("", 0))[0]
    return client_address(peer, headers.get("x-forwarded-for", ""))


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int, share: BodyShare) -> bytes:
    """The whole body, at most `limit` bytes. Raises Problem(TOO_LARGE) before reading more than that,
    Problem(UNSUPPORTED_MEDIA) for an encoded body, Disconnected."""
    if headers.get("content-encoding", "identity") != "identity":
        raise Problem(Kind.UNSUPPORTED_MEDIA, "Send the body without Content-Encoding.")
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        share.take(len(chunk))
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def too_large(limit: int) -> Problem:
    return Problem(Kind.TOO_LARGE, f"The request is larger than {limit // (1024 * 1024)} MB.")


def shown_path(path: str) -> str:
    """A path as histories may keep it: decoded, at most 300 letters."""
    return shown(unquote(path), 300)


def shown(text: str, longest: int) -> str:
    """What a client sent, as histories may keep it: without control characters and without secrets."""
    return str(mask("".join(c for c in text if c.isprintable())[:longest]))[:longest]
