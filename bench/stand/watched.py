"""The product's own application; each answer also says in a header how many queries were made until it
began."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.backends.signals import connection_created

from config.asgi import application as product

HEADER = "x-queries"


@dataclass
class Tally:
    """Statements of one request, in whatever thread they were made."""

    queries: int = 0


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


def _count(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    if (tally := _tally.get()) is not None:
        tally.queries += 1
    return execute(sql, params, many, context)


def _watch(connection: Any, **_: Any) -> None:
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


connection_created.connect(_watch, dispatch_uid="bench")


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve as the product does."""
    tally = Tally()
    _tally.set(tally)  # of this request's own context: the server makes a task of each

    async def tell(message: Any) -> None:
        if message["type"] == "http.response.start":
            told = (HEADER.encode(), str(tally.queries).encode())
            message = {**message, "headers": [*message["headers"], told]}
        await send(message)

    await product(scope, receive, tell)
