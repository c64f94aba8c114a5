"""The OpenAI Images dialect, as LLM Gateway serves it and official OpenAI clients call it.

A request lasts as long as the generation and answers the picture as base64, at once or in a stream
of events. Blocked content is a 200 with `data: []`; every other failure is an error in OpenAI's
envelope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from generations.dialect import Answer, Desk, Incoming, Route, read_json
from generations.dialects.openai import progress, stream
from generations.dialects.openai.account import credits_body, key_body
from generations.dialects.openai.errors import failure, word
from generations.dialects.openai.history import history_body
from generations.dialects.openai.images import NO_STORE, pending, rendered, standing_body
from generations.dialects.openai.models import model_item
from generations.dialects.openai.order import Asked, choose, read_edit, read_edit_form, read_generation
from generations.dialects.openai.sources import taken
from generations.errors import Problem
from generations.multipart import parse
from generations.spec import Kind, Offer, Order, Report, Wanted
from generations.wording import bearer, listed, number, one_key

T = TypeVar("T")

HEAVY_BYTES = 32 * 1024  # reading a longer body is left to a thread
PAGE, LONGEST_PAGE = 20, 100
JSON, FORM = "application/json", "multipart/form-data"


class OpenAI:
    """OpenAI's door. Credentials are a Bearer token or `x-api-key`."""

    name = "openai"
    title = "OpenAI"
    prefixes: tuple[str, ...] = ("/openai", "/llmgateway")
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/images/generations", generate, scope="images:create", submits=True),
            Route("POST", "/v1/images/edits", edit, scope="images:create", submits=True),
            Route("GET", "/v1/generations", history),
            Route("GET", "/v1/generations/{id}", show),
            Route("POST", "/v1/generations/{id}/cancel", cancel, scope="images:create"),
            Route("GET", "/v1/models", models, open=True),
            Route("GET", "/v1/models/{model*}", model, open=True),
            Route("GET", "/v1/key", key),
            Route("GET", "/v1/credits", credit),
            Route("GET", "/", health, open=True),
        )

    def keys(self, request: Incoming) -> tuple[str, ...]:
        named = request.headers.get("x-api-key", "").strip() or None
        try:
            token = bearer(request)
        except Problem:
            if named is None:
                raise
            token = None  # a proxy's own credentials beside our x-api-key
        return one_key([token, named])

    def word(self, problem: Problem, request: Incoming) -> Answer:
        return word(problem, request)


async def generate(request: Incoming, desk: Desk) -> Answer:
    """Makes the images and waits for them, or streams events until they are there."""
    _expect(request, JSON)
    offers = await desk.offers()
    asked = await _read(request, lambda: read_generation(_json(request), offers))
    return await _make(asked, asked.order, desk, request, "image_generation")


async def edit(request: Incoming, desk: Desk) -> Answer:
    """The same from pictures: as JSON with their URLs, or as a form with their files."""
    _expect(request, JSON, FORM)
    offers = await desk.offers()
    reads = _read_form if request.media_type == FORM else _read_edit
    asked = await _read(request, lambda: reads(request, offers))
    order = asked.with_inputs(await taken(asked.sources, desk))
    return await _make(asked, order, desk, request, "image_edit")


async def show(request: Incoming, desk: Desk) -> Answer:
    """Any generation, as its own POST answered or would have, with its status; 202 until it is final.
    Who accepts `text/event-stream` is told of its progress instead."""
    report = await desk.find(request.params["id"])
    if "text/event-stream" in request.headers.get("accept", ""):
        return Answer(200, progress.events(report, desk), dict(stream.HEADERS), report)
    return await _answer(report, desk, status=True) if report.state.final else pending(report)


async def history(request: Incoming, desk: Desk) -> Answer:
    """The organization's generations, newest first, whichever door made them; `after` is an id of any
    door."""
    after = request.query.get("after")
    size = number(request.query, "limit", PAGE, LONGEST_PAGE)
    page = await desk.page(Wanted(after=(await desk.find(after)).id if after else None, size=size))
    return Answer(200, history_body(page), dict(NO_STORE))


async def cancel(request: Incoming, desk: Desk) -> Answer:
    """Cancels a generation that is not final. 200 with where it stands."""
    report = await desk.cancel(request.params["id"])
    return Answer(200, standing_body(report), dict(NO_STORE), report)


async def models(request: Incoming, desk: Desk) -> Answer:
    """The models this key may use; without a key those open to all."""
    data = [model_item(offer) for offer in listed(await desk.offers())]
    return Answer(200, {"object": "list", "data": data})


async def model(request: Incoming, desk: Desk) -> Answer:
    """One model, by its name or an alias. Raises Problem(UNKNOWN_MODEL)."""
    return Answer(200, model_item(choose(request.params["model"], listed(await desk.offers()))))


async def key(request: Incoming, desk: Desk) -> Answer:
    """What the key spent, and what it may."""
    return Answer(200, key_body(await desk.balance()))


async def credit(request: Incoming, desk: Desk) -> Answer:
    """What the wallet of the key's mode holds."""
    return Answer(200, credits_body(await desk.balance()))


async def health(request: Incoming, desk: Desk) -> Answer:
    """200 while the door can read its catalogue."""
    await desk.offers()
    return Answer(200, {"message": "OK", "health": {"status": "healthy"}})


# ---- steps -----------------------------------------------------------------------------------


async def _make(asked: Asked, order: Order, desk: Desk, request: Incoming, name: str) -> Answer:
    if not asked.stream:
        return await _answer(await desk.run(order), desk)
    begun = await desk.begin(order)
    if begun.state.final and (problem := failure(begun)):
        raise problem  # a replay of what failed long ago
    body = stream.events(begun, desk, request, stream.Wanted(name, asked.previews))
    return Answer(200, body, dict(stream.HEADERS), begun)


async def _answer(report: Report, desk: Desk, *, status: bool = False) -> Answer:
    if problem := failure(report):
        raise problem
    return await rendered(report, desk, status=status)


def _expect(request: Incoming, *types: str) -> None:
    if request.media_type not in types:
        message = f"Unsupported Media Type: Content-Type must be {' or '.join(types)}"
        raise Problem(Kind.UNSUPPORTED_MEDIA, message)


async def _read(request: Incoming, reader: Callable[[], T]) -> T:
    return await asyncio.to_thread(reader) if len(request.body) > HEAVY_BYTES else reader()


def _read_edit(request: Incoming, offers: Sequence[Offer]) -> Asked:
    return read_edit(_json(request), offers)


def _read_form(request: Incoming, offers: Sequence[Offer]) -> Asked:
    return read_edit_form(parse(request.headers["content-type"], request.body), offers)


def _json(request: Incoming) -> Any:
    try:
        return read_json(request)
    except Problem as problem:
        problem.facts.setdefault("code", "invalid_json")
        raise
