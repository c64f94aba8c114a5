"""EvoLink's dialect: submit a task, poll it, cancel it.

Every answer is the task object or EvoLink's error envelope; submitting answers 200, and a
cancelled task is `failed` with the code `request_cancelled`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from generations.dialect import Answer, Desk, Incoming, Route
from generations.dialects.evolink.errors import word
from generations.dialects.evolink.order import chosen_offer, json_object, read_order
from generations.dialects.evolink.task import task_body
from generations.errors import Problem
from generations.spec import Kind, Report
from generations.wording import bearer, listed, one_key


class Evolink:
    """EvoLink's door. Credentials are a Bearer token only."""

    name = "evolink"
    title = "EvoLink"
    prefixes: tuple[str, ...] = ("/evolink",)
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/images/generations", submit, scope="images:create", submits=True),
            Route("GET", "/v1/tasks/{task_id}", show),
            Route("POST", "/v1/tasks/{task_id}/cancel", cancel, scope="images:create"),
            Route("GET", "/v1/models", models, open=True),
        )

    def keys(self, request: Incoming) -> tuple[str, ...]:
        return one_key([bearer(request)])

    def word(self, problem: Problem, request: Incoming) -> Answer:
        return word(problem, request)


async def submit(request: Incoming, desk: Desk) -> Answer:
    """Creates a task. 200 with the task object, `pending`."""
    body = json_object(request)
    offer = chosen_offer(body, await desk.offers())
    try:
        return await _answer(await desk.submit(read_order(body, offer)), desk)
    except Problem as problem:
        problem.facts.setdefault("credits_per_dollar", offer.credits_per_dollar)
        raise


async def show(request: Incoming, desk: Desk) -> Answer:
    """The task as it is now, whichever door it came through."""
    with _task_id():
        return await _answer(await desk.find(request.params["task_id"]), desk)


async def cancel(request: Incoming, desk: Desk) -> Answer:
    """Cancels a task that is not final. 200 with the task object."""
    with _task_id():
        return await _answer(await desk.cancel(request.params["task_id"]), desk)


async def models(request: Incoming, desk: Desk) -> Answer:
    """The models on offer, in the usual list shape, with what `size` and `quality` may say."""
    data = [
        {
            "id": offer.names[0],
            "object": "model",
            "created": offer.released,
            "type": "image",
            "aliases": list(offer.names[1:]),
            "sizes": ["auto", *offer.ratios],
            "qualities": list(offer.resolutions),
        }
        for offer in listed(await desk.offers())
    ]
    return Answer(200, {"object": "list", "data": data})


async def _answer(report: Report, desk: Desk) -> Answer:
    rate = None if report.dialect == Evolink.name else await _rate(desk)
    return Answer(200, task_body(report, rate), {"Cache-Control": "no-store"}, report)


async def _rate(desk: Desk) -> int:
    """What this door's catalogue says a dollar is in credits."""
    return max((offer.credits_per_dollar for offer in await desk.offers()), default=0)


@contextmanager
def _task_id() -> Iterator[None]:
    """Words the desk's "no known form" as EvoLink does."""
    try:
        yield
    except Problem as problem:
        if problem.kind is not Kind.BAD_REQUEST:
            raise
        message = "Invalid task ID format, must start with 'task-unified-'"
        raise Problem(Kind.BAD_REQUEST, message, param="task_id", code="invalid_task_id") from None
