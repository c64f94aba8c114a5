"""The contract of a door's dialect: routes, credentials, and the wording of every error.

A dialect is translation only. What it may do, it does through the `Desk` it is handed: no table,
no ledger, no provider.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from generations.errors import Problem
from generations.spec import (
    Balance,
    Delivered,
    Input,
    Kind,
    Listed,
    Offer,
    Order,
    Report,
    Source,
    Upload,
    Wanted,
)
from runtime import strict_json


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request, as a dialect sees it. Header names are lower case; `path` starts with `/`
    and has neither the door's prefix nor a trailing slash; `base` is the absolute URL of the door.
    """

    method: str
    path: str
    base: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Answer:
    """What goes back: a JSON-able body, ready bytes, or a stream of bytes."""

    status: int
    body: Mapping[str, Any] | Sequence[Any] | bytes | AsyncIterator[bytes]
    headers: dict[str, str] = field(default_factory=dict)
    report: Report | None = None

    def content(self) -> bytes:
        """The body as compact UTF-8 JSON (or as it is, if it is bytes already)."""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


class Desk(Protocol):
    """What a caller may do, already bound to his key, organization and mode."""

    @property
    def organization(self) -> UUID | None:
        """The organization of the caller's key; None without one."""
        ...

    async def offers(self) -> tuple[Offer, ...]:
        """The models of this door (without a key: those open to all); `allowed` is False on those
        the key may not use."""
        ...

    async def submit(self, order: Order) -> Report:
        """Take the order and answer at once. Raises Problem: no credit, budget, rate, conflict."""
        ...

    async def run(self, order: Order) -> Report:
        """Take the order and wait for its final state. Raises Problem(DEADLINE) at the wait limit."""
        ...

    async def begin(self, order: Order) -> Report:
        """Take the order as `run` does, but answer as soon as it is held, for a door that streams."""
        ...

    async def ended(self, begun: Report) -> Report:
        """Wait for the final state of what `begin` took. Raises Problem(DEADLINE) at the wait limit."""
        ...

    async def report(self, generation: UUID) -> Report:
        """The generation as it is now. Raises Problem(NOT_FOUND)."""
        ...

    async def find(self, handle: str) -> Report:
        """The generation behind an id in any door's form. Raises Problem: NOT_FOUND for an unknown
        id (another organization's is one), BAD_REQUEST for an id of no known form."""
        ...

    async def cancel(self, handle: str) -> Report:
        """Cancel it. Raises what `find` raises, and Problem(NOT_CANCELLABLE) when it is final and
        was not cancelled."""
        ...

    async def page(self, wanted: Wanted) -> Listed:
        """The organization's generations in the key's mode, whichever door made them."""
        ...

    async def several(self, handles: Sequence[str]) -> tuple[Report, ...]:
        """Those of the ids that are known, in their order; unknown and foreign ones are left out."""
        ...

    async def read(self, image: Delivered) -> bytes:
        """The stored bytes of a delivered image. Raises Problem(GONE)."""
        ...

    async def callback(self, url: str) -> None:
        """Judge the address that the end of an order is to be told to. Raises Problem(BAD_REQUEST, fact
        `reason`: url_not_allowed)."""
        ...

    async def take(self, sources: Sequence[Source]) -> tuple[Input, ...]:
        """The input pictures of an order: fetched, judged by their content, decoded apart, re-encoded
        without metadata, stored. Raises Problem naming the source's field: BAD_REQUEST (fact `reason`:
        url_not_allowed, fetch_failed, timeout, not_an_image, mask), TOO_LARGE, UNSUPPORTED_MEDIA."""
        ...

    async def upload(self, source: Source, *, name: str = "", path: str = "") -> Upload:
        """Keep a picture for later orders. Raises what `take` raises, and Problem(RATE_LIMITED) when
        the organization keeps as many as it may."""
        ...

    async def await_upload(self, mime: str) -> tuple[str, Upload]:
        """Promise a file: the URL to PUT its bytes to with exactly this type, and what it will be."""
        ...

    async def uploads(self, skip: int, size: int) -> tuple[tuple[Upload, ...], int]:
        """The organization's uploads, newest first, and how many there are."""
        ...

    async def read_upload(self, upload: UUID) -> tuple[Upload, bytes]:
        """An upload and its bytes. Raises Problem(NOT_FOUND)."""
        ...

    async def delete_upload(self, upload: UUID) -> None:
        """Forget an upload and its bytes. Raises Problem(NOT_FOUND)."""
        ...

    async def balance(self) -> Balance:
        """The wallet of the key's mode, and the key's own budget."""
        ...


Handler = Callable[[Incoming, Desk], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One documented path. `path` may hold `{name}` segments; `open` needs no key; `scope` is the
    permission the key must carry; `submits` marks a paid submit (idempotency, dry run)."""

    method: str
    path: str
    handler: Handler
    scope: str = "images:read"
    open: bool = False
    submits: bool = False


class Dialect(Protocol):
    """One vendor's door."""

    name: str
    title: str
    prefixes: tuple[str, ...]
    body_limit: int  # bytes

    def routes(self) -> tuple[Route, ...]: ...

    def keys(self, request: Incoming) -> tuple[str, ...]:
        """The key strings the request carries, in order of preference. Raises Problem."""
        ...

    def word(self, problem: Problem, request: Incoming) -> Answer:
        """The error in this vendor's envelope, status and code. Must know every `Kind`."""
        ...


def read_json(request: Incoming) -> Any:
    """The body as JSON, as strictly as `strict_json` reads. Raises Problem(BAD_REQUEST)."""
    try:
        return strict_json.loads(request.body)
    except strict_json.NotJson:
        raise Problem(Kind.BAD_REQUEST, "Invalid JSON in request body") from None
    except strict_json.Refused as refused:
        raise Problem(Kind.BAD_REQUEST, str(refused)) from None
