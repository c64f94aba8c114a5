"""Lists where the vendor has none: all generations of a team, in the shape its clients know, by pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from generations import handles
from generations.dialect import Answer, Dialect, Incoming
from generations.dialects.gemini import Gemini
from generations.dialects.openai import OpenAI
from generations.dialects.toapis import ToApis
from generations.doors.selection import RouteTable
from generations.errors import Problem
from generations.spec import Kind, Order, Report, State
from tests.dialects.desk import FLASH, MemoryDesk, delivered, parsed, report

ORDER = Order(model=FLASH.model, asked=FLASH.model, prompt="A lamp", count=2)


@dataclass(frozen=True)
class Shelf:
    """How one door lists: its words for a page's size, and for where the next page begins."""

    dialect: Dialect
    path: str
    size: str
    items: Callable[[Any], list[Any]]
    handle: Callable[[Any], str]
    following: Callable[[Any, int], dict[str, str] | None]

    def ask(self, desk: MemoryDesk, **query: str) -> Answer:
        table = RouteTable(self.dialect)
        matched = table.match("GET", self.path)
        request = Incoming("GET", self.path, "https://easel.example/door", {}, query, b"", {})
        try:
            return asyncio.run(table.routes[matched.index].handler(request, desk))
        except Problem as problem:
            return self.dialect.word(problem, request)


OPENAI = Shelf(
    OpenAI(),
    "/v1/generations",
    "limit",
    lambda body: body["data"],
    lambda item: item["id"],
    lambda body, _: {"after": body["last_id"]} if body["has_more"] else None,
)
GEMINI = Shelf(
    Gemini(),
    "/v1beta/generations",
    "pageSize",
    lambda body: body["generations"],
    lambda item: item["name"].removeprefix("generations/"),
    lambda body, _: {"pageToken": body["nextPageToken"]} if "nextPageToken" in body else None,
)
TOAPIS = Shelf(
    ToApis(),
    "/v1/images/generations",
    "page_size",
    lambda body: body["data"],
    lambda item: item["id"],
    lambda body, page: {"page": str(page + 1)} if page * body["page_size"] < body["total"] else None,
)
SHELVES = (OPENAI, GEMINI, TOAPIS)
every_shelf = pytest.mark.parametrize("shelf", SHELVES, ids=lambda shelf: shelf.dialect.name)


def identifier(number: int) -> UUID:
    return UUID(f"019aa1b2-c3d4-7abc-8def-{number:012d}")


def filled(shelf: Shelf, count: int) -> MemoryDesk:
    desk = MemoryDesk(shelf.dialect.name)
    for number in range(count):
        desk.keep(report(ORDER, id=identifier(number)))
    return desk


@every_shelf
@pytest.mark.parametrize(("count", "size"), [(0, 2), (1, 2), (2, 2), (5, 2), (5, 100)])
def test_the_pages_hold_each_once_newest_first(shelf: Shelf, count: int, size: int) -> None:
    desk, seen, query, page = filled(shelf, count), [], dict[str, str]() or None, 1
    while True:
        body = parsed(shelf.ask(desk, **{shelf.size: str(size)}, **(query or {})))
        assert len(shelf.items(body)) <= size
        seen += [handles.parse(shelf.handle(item)) for item in shelf.items(body)]
        if (query := shelf.following(body, page)) is None:
            break
        page += 1
    assert [one.id for one in seen if one] == [identifier(n) for n in reversed(range(count))]


@every_shelf
@pytest.mark.parametrize("size", ["x", "-1", "1.5", "9" * 40])
def test_a_size_that_is_none_is_refused_by_name(shelf: Shelf, size: str) -> None:
    answer = shelf.ask(filled(shelf, 1), **{shelf.size: size})
    assert answer.status == 400
    assert shelf.size in answer.content().decode()


@pytest.mark.parametrize(("shelf", "name"), [(OPENAI, "after"), (GEMINI, "pageToken")])
def test_a_place_that_is_none_is_refused(shelf: Shelf, name: str) -> None:
    assert shelf.ask(filled(shelf, 1), **{name: "nowhere"}).status in (400, 404)
    assert shelf.ask(filled(shelf, 1), **{name: str(identifier(9))}).status == 404


ENDS: list[dict[str, Any]] = [
    {"state": State.QUEUED},
    {"state": State.RUNNING, "progress": 40},
    {"state": State.SUCCEEDED},
    {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "message": "Blocked."},
    {"state": State.FAILED, "kind": Kind.UPSTREAM_TIMEOUT, "message": "It took too long."},
    {"state": State.CANCELLED},
]


def only(shelf: Shelf, ending: dict[str, Any]) -> tuple[Any, Report]:
    desk = MemoryDesk(shelf.dialect.name)
    made = report(ORDER, **ending)
    kept = desk.keep(delivered(made, 2) if made.state is State.SUCCEEDED else made)
    (item,) = shelf.items(parsed(shelf.ask(desk)))
    return item, kept


@pytest.mark.parametrize("ending", ENDS, ids=lambda e: str(e.get("kind") or e["state"]))
def test_openai_tells_status_links_and_error_of_each(ending: dict[str, Any]) -> None:
    item, kept = only(OPENAI, ending)
    assert item["object"] == "image.generation"
    assert item["links"] == [image.url for image in kept.images]
    assert item["usage"]["output_tokens"] == kept.tokens
    failed = kept.state in (State.FAILED, State.CANCELLED) and kept.kind is not Kind.CONTENT_BLOCKED
    assert (item["error"] is not None) is failed


@pytest.mark.parametrize("ending", ENDS, ids=lambda e: str(e.get("kind") or e["state"]))
def test_gemini_tells_each_as_an_operation(ending: dict[str, Any]) -> None:
    item, kept = only(GEMINI, ending)
    assert item["done"] is kept.state.final
    assert item["metadata"].get("links", []) == [image.url for image in kept.images]
    failed = kept.state in (State.FAILED, State.CANCELLED) and kept.kind is not Kind.CONTENT_BLOCKED
    assert ("error" in item) is failed
    if failed:
        assert item["error"]["code"] >= 400


@pytest.mark.parametrize("ending", ENDS, ids=lambda e: str(e.get("kind") or e["state"]))
def test_toapis_tells_each_as_its_own_task(ending: dict[str, Any]) -> None:
    item, kept = only(TOAPIS, ending)
    assert item["object"] == "generation.task"
    assert item["status"] in ("queued", "in_progress", "completed", "failed")
    assert handles.parse(item["id"]) == handles.Handle(id=kept.id)
