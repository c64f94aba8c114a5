"""The OpenAI Images dialect, as LLM Gateway serves it and official OpenAI clients call it.

A request lasts as long as the generation and answers the picture as base64. Blocked content is a
200 with `data: []`; every other failure is an error in OpenAI's envelope.
"""

from __future__ import annotations

from typing import Any

from generations.dialect import Answer, Desk, Incoming, Route, read_json
from generations.dialects.openai.errors import failure, word
from generations.dialects.openai.images import pending, rendered
from generations.dialects.openai.models import model_item
from generations.dialects.openai.order import choose, read_order
from generations.errors import Problem
from generations.spec import Kind, Report
from generations.wording import bearer, listed, one_key


class OpenAI:
    """OpenAI's door. Credentials are a Bearer token or `x-api-key`."""

    name = "openai"
    title = "OpenAI"
    prefixes: tuple[str, ...] = ("/openai", "/llmgateway")
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/images/generations", generate, scope="images:create", submits=True),
            Route("POST", "/v1/images/edits", edit, scope="images:create"),
            Route("GET", "/v1/generations/{id}", show),
            Route("GET", "/v1/models", models, open=True),
            Route("GET", "/v1/models/{model}", model, open=True),
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
    """Makes the images and waits for them."""
    if request.media_type != "application/json":
        message = "Unsupported Media Type: Content-Type must be application/json"
        raise Problem(Kind.UNSUPPORTED_MEDIA, message)
    order = read_order(_json(request), await desk.offers())
    return await _answer(await desk.run(order), desk)


async def edit(request: Incoming, desk: Desk) -> Answer:
    """Not served yet; says so instead of letting a client look for a mistake of its own."""
    message = "Image edits are not available yet; POST /v1/images/generations makes images from text."
    raise Problem(Kind.BAD_REQUEST, message)


async def show(request: Incoming, desk: Desk) -> Answer:
    """Any generation, as the answer its own POST gave or would have given; 202 until it is final."""
    return await _answer(await desk.find(request.params["id"]), desk)


async def models(request: Incoming, desk: Desk) -> Answer:
    """The models this key may use; without a key those open to all."""
    data = [model_item(offer) for offer in listed(await desk.offers())]
    return Answer(200, {"object": "list", "data": data})


async def model(request: Incoming, desk: Desk) -> Answer:
    """One model, by its name or an alias. Raises Problem(UNKNOWN_MODEL)."""
    return Answer(200, model_item(choose(request.params["model"], listed(await desk.offers()))))


async def _answer(report: Report, desk: Desk) -> Answer:
    if not report.state.final:
        return pending(report)
    problem = failure(report)
    if problem is not None:
        raise problem
    return await rendered(report, desk)


def _json(request: Incoming) -> Any:
    try:
        return read_json(request)
    except Problem as problem:
        problem.facts.setdefault("code", "invalid_json")
        raise
