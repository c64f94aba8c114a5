"""Django's half of the application, with bodies that have an end and a length.

Django spools a body to disk for as long as it comes, and takes one without Content-Length (in chunks) for
empty. Here it sees no more than any page would read, and always how much that is.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any

from django.core.handlers.asgi import ASGIHandler

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_BYTES = 64 * 2**20 + 1
"""As much as at the doors and at the sample fronts, and the byte by which more is known as such."""


class Pages(ASGIHandler):
    """Pages, admin, documentation and the management API."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await super().__call__(scope, Bounded(receive), send)

    def create_request(self, scope: Any, body_file: IO[bytes]) -> Any:
        length = str(body_file.seek(0, os.SEEK_END)).encode()
        body_file.seek(0)
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        return super().create_request(
            {**scope, "headers": [*headers, (b"content-length", length)]}, body_file
        )


class Bounded:
    """`receive` for one request: after `MOST_BYTES` of its body it says that this was all."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, MOST_BYTES

    async def __call__(self) -> MutableMapping[str, Any]:
        if not self._left:
            await asyncio.Event().wait()  # Django listens for the client's leaving until it has answered
        message = await self._receive()
        body = message.get("body", b"")
        if len(body) < self._left:
            self._left -= len(body)
            return message
        kept, self._left = body[: self._left], 0
        return {**message, "body": kept, "more_body": False}
