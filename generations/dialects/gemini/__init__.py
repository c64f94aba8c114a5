"""Google's own dialect, as the Gemini API and Tokaify serve it and google-genai clients call it.

A request lasts as long as the generation and answers the picture as base64, at once or in a stream
that opens as soon as the order is held. A blocked prompt, a blocked picture and an answer without a
picture are 200 and say so; every other failure is an error in Google's envelope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from generations.dialect import Answer, Desk, Incoming, Route, read_json
from generations.dialects.gemini.answer import NO_STORE, made, pending, whole
from generations.dialects.gemini.counting import count_tokens
from generations.dialects.gemini.errors import UNIMPLEMENTED, google_keys, token, word
from generations.dialects.gemini.models import model_item, models_page
from generations.dialects.gemini.operations import operation, operations
from generations.dialects.gemini.order import VERSIONS, bare, choose, read_order
from generations.dialects.gemini.paging import page_size, page_token
from generations.dialects.gemini.stream import ARRAY, EVENTS, opened, replayed
from generations.errors import Problem
from generations.spec import Kind, Order, Wanted
from generations.wording import clip, listed

T = TypeVar("T")

PAGE, LONGEST_PAGE = 20, 100
HEAVY_BYTES = 32 * 1024  # reading a longer body is left to a thread: its parts may be many
OFFERED = (
    "models/{model}:generateContent, models/{model}:streamGenerateContent, models/{model}:countTokens, "
    "GET models and GET models/{model}"
)
VERBS = ("generateContent", "streamGenerateContent", "countTokens")
NOT_OFFERED = ("files", "batches", "cachedContents", "tunedModels", "operations")


class Gemini:
    """Google's door. Credentials are a Bearer token, `x-goog-api-key` or `?key=`; the first valid one
    counts, since google-genai sends two when it is given an Authorization header."""

    name = "gemini"
    title = "Gemini"
    prefixes: tuple[str, ...] = ("/gemini", "/tokaify")
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        served = (route for version in VERSIONS for route in _served(f"/{version}"))
        return (*served, *_unserved())

    def keys(self, request: Incoming) -> tuple[str, ...]:
        found = (token(request), *google_keys(request))
        return tuple(dict.fromkeys(key for key in found if key))

    def word(self, problem: Problem, request: Incoming) -> Answer:
        return word(problem, request)


def _served(version: str) -> tuple[Route, ...]:
    model = version + "/models/{model*}"
    return (
        Route("POST", f"{model}:generateContent", generate, scope="images:create", submits=True),
        Route("POST", f"{model}:streamGenerateContent", generate_stream, scope="images:create", submits=True),
        Route("POST", f"{model}:countTokens", count),
        Route("POST", model, refuse),
        Route("GET", f"{version}/models", models, open=True),
        Route("GET", model, show_model, open=True),
        Route("GET", f"{version}/generations", history),
        Route("GET", version + "/generations/{id}", show),
        Route("POST", version + "/generations/{id}:cancel", cancel, scope="images:create"),
    )


def _unserved() -> tuple[Route, ...]:
    """What Google has and this service has not, so that it says so instead of an unexplained 404."""
    collections = [
        Route(method, f"/{{version}}/{name}", refuse) for name in NOT_OFFERED for method in ("GET", "POST")
    ]
    items = [
        Route(method, f"/{{version}}/{name}/{{rest*}}", refuse)
        for name in NOT_OFFERED
        for method in ("GET", "POST", "DELETE")
    ]
    return (*collections, *items, Route("POST", "/upload/{rest*}", refuse))


async def generate(request: Incoming, desk: Desk) -> Answer:
    """Makes the images and waits for them."""
    return await whole(await made(await desk.run(await _order(request, desk)), desk))


async def generate_stream(request: Incoming, desk: Desk) -> Answer:
    """Makes the images and streams what comes out. What is refused is refused before the first byte."""
    framing = EVENTS if _wants_events(request) else ARRAY
    begun = await desk.begin(await _order(request, desk))
    if begun.state.final:
        return replayed(await made(begun, desk), framing)
    return opened(begun, desk, request, framing)


async def count(request: Incoming, desk: Desk) -> Answer:
    """The tokens of a request, which costs nothing."""
    offer = choose(request.params["model"], await desk.offers(), request.path)
    return Answer(200, await _read(request, lambda body: count_tokens(body, offer)))


async def models(request: Incoming, desk: Desk) -> Answer:
    """The models this key may use; without a key those open to all."""
    return Answer(200, models_page(await desk.offers(), request.query))


async def show_model(request: Incoming, desk: Desk) -> Answer:
    """One model, by its name or an alias. Raises Problem(UNKNOWN_MODEL)."""
    name = bare(request.params["model"])
    if name.rpartition(":")[2] in VERBS:
        raise Problem(Kind.METHOD_NOT_ALLOWED, "Use POST here.", allowed=["POST"])
    offer = choose(name, listed(await desk.offers()), request.path)
    return Answer(200, model_item(offer, name if name in offer.names else offer.names[0]))


async def show(request: Incoming, desk: Desk) -> Answer:
    """Any generation, as the answer its own POST gave or would have given; 202 until it is final."""
    report = await desk.find(request.params["id"])
    return await whole(await made(report, desk)) if report.state.final else pending(report)


async def history(request: Incoming, desk: Desk) -> Answer:
    """The organization's generations, newest first, whichever door made them."""
    size, token = page_size(request.query, PAGE, LONGEST_PAGE), page_token(request.query)
    found = await desk.page(Wanted(after=(await desk.find(token)).id if token else None, size=size))
    return Answer(200, operations(found), dict(NO_STORE))


async def cancel(request: Incoming, desk: Desk) -> Answer:
    """Cancels a generation that is not final. 200 with the operation."""
    report = await desk.cancel(request.params["id"])
    return Answer(200, operation(report), dict(NO_STORE), report)


async def refuse(request: Incoming, desk: Desk) -> Answer:
    """Answers 501, naming what is offered."""
    asked = clip(request.path.rpartition(":")[2] if ":" in request.path else request.path)
    message = f"{asked} is not offered by this service. It offers {OFFERED}."
    raise Problem(Kind.METHOD_NOT_ALLOWED, message, code=UNIMPLEMENTED)


async def _order(request: Incoming, desk: Desk) -> Order:
    """What is asked for, with its pictures taken. Raises Problem, also those of `Desk.take`."""
    name = request.params["model"]
    offer = choose(name, await desk.offers(), request.path)
    order, sources = await _read(request, lambda body: read_order(body, bare(name), offer))
    return replace(order, inputs=await desk.take(sources)) if sources else order


async def _read(request: Incoming, reader: Callable[[Any], T]) -> T:
    """What `reader` makes of the parsed body; a long one is parsed and read in a thread."""
    if request.media_type not in ("application/json", ""):
        message = "Unsupported Media Type: Content-Type must be application/json"
        raise Problem(Kind.UNSUPPORTED_MEDIA, message)
    if len(request.body) > HEAVY_BYTES:
        return await asyncio.to_thread(lambda: reader(_json(request)))
    return reader(_json(request))


def _json(request: Incoming) -> Any:
    try:
        return read_json(request)
    except Problem as problem:
        problem.message = f"Invalid JSON payload received. {problem.message}"
        raise


def _wants_events(request: Incoming) -> bool:
    return "sse" in (request.query.get("alt"), request.query.get("$alt"))
