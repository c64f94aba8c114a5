"""A desk that writes an order down instead of submitting it: so every door's own reader, with every
one of its rules, reads the lines of a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from django.conf import settings

from accounts.admission import Caller
from generations.batches import neutral
from generations.crew import Crew
from generations.dialect import Dialect, Incoming
from generations.dialects import DIALECTS
from generations.doors.desk import CallersDesk, House
from generations.doors.selection import RouteTable
from generations.doors.watch import Watch
from generations.errors import Problem
from generations.models import ApiRequest
from generations.spec import Input, Kind, Order, Report, Source


class Written(Exception):
    """The order, as its door read it."""

    def __init__(self, order: Order) -> None:
        super().__init__("written")
        self.order = order


class NeedsPictures(Exception):
    """The order is right as far as it can be told without fetching anything."""


@dataclass(slots=True)
class Scribe(CallersDesk):
    """Whatever a door may ask for, it may; where it would submit, the order is written down."""

    async def submit(self, order: Order) -> NoReturn:
        raise Written(order)

    async def run(self, order: Order) -> NoReturn:
        raise Written(order)

    async def begin(self, order: Order) -> NoReturn:
        raise Written(order)


@dataclass(slots=True)
class Reviewer(Scribe):
    """Fetches nothing and asks nobody: for a first look at a whole file."""

    async def callback(self, url: str) -> None:
        """Judged when the order is submitted."""

    async def take(self, sources: Sequence[Source]) -> tuple[Input, ...]:
        raise NeedsPictures

    async def find(self, handle: str) -> Report:
        raise NeedsPictures


def desk(kind: type[Scribe], caller: Caller, dialect: str) -> Scribe:
    """A desk for one line. Nothing runs at it, so its house is empty."""
    return kind(
        dialect=DIALECTS[dialect or str(caller.home_door)],
        caller=caller,
        house=House(Crew("batches", 0), Watch()),
        request=ApiRequest(door=dialect),
    )


async def write(desk: Scribe, dialect: str, path: str, body: Mapping[str, Any]) -> Order:
    """The order of a line. Raises Problem, and NeedsPictures at a Reviewer."""
    if not dialect:
        return await neutral.write(body, desk)
    handler, request = _request(desk.dialect, path, body)
    try:
        await handler(request, desk)
    except Written as written:
        return written.order
    raise Problem(Kind.BAD_REQUEST, f"POST {path} of {dialect} orders no picture.", param="path")


def _request(dialect: Dialect, path: str, body: Mapping[str, Any]) -> tuple[Any, Incoming]:
    """The door's own handler of this path, and the request it would have got."""
    wanted = path or usual_path(dialect)
    matched = _table(dialect.name).match("POST", wanted)
    route = _table(dialect.name).routes[matched.index] if matched.params is not None else None
    if route is None or not route.submits:
        raise Problem(
            Kind.BAD_REQUEST, f"{wanted or 'No path'} is no path that orders pictures.", param="path"
        )
    request = Incoming(
        method="POST",
        path=wanted,
        base=f"{settings.EASEL.url}{dialect.prefixes[0]}",
        headers={"content-type": "application/json"},
        query={},
        body=json.dumps(body).encode(),
        params=matched.params or {},
    )
    return route.handler, request


def usual_path(dialect: Dialect) -> str:
    """Where a door takes orders, if that does not depend on the order."""
    fixed = (route.path for route in dialect.routes() if route.submits and "{" not in route.path)
    return next(fixed, "")


@cache
def _table(dialect: str) -> RouteTable:
    return RouteTable(DIALECTS[dialect])
