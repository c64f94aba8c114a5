"""EvoLink's dialect: submit a task, poll it, list and cancel tasks, read credits, keep files.

Every answer is the task object, a list of them or EvoLink's error envelope (the files API has its
own); submitting answers 200, and a cancelled task is `failed` with the code `request_cancelled`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from generations.dialect import Answer, Desk, Incoming, Route
from generations.dialects.evolink import files, references
from generations.dialects.evolink.balances import credits_body
from generations.dialects.evolink.errors import word
from generations.dialects.evolink.fields import json_object
from generations.dialects.evolink.order import chosen_offer, read_callback, read_order
from generations.dialects.evolink.task import task_body
from generations.dialects.evolink.tasks import list_item, read_ids, read_wanted
from generations.errors import Problem
from generations.spec import Kind, Listed, Order, Report
from generations.wording import bearer, listed, one_key

FILES = "/api/v1/files"
NO_STORE = {"Cache-Control": "no-store"}


class Evolink:
    """EvoLink's door. Credentials are a Bearer token only."""

    name = "evolink"
    title = "EvoLink"
    prefixes: tuple[str, ...] = ("/evolink",)
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/images/generations", submit, scope="images:create", submits=True),
            Route("GET", "/v1/tasks", list_tasks),
            Route("POST", "/v1/tasks/batch", batch),
            Route("GET", "/v1/tasks/{task_id}", show),
            Route("POST", "/v1/tasks/{task_id}/cancel", cancel, scope="images:create"),
            Route("GET", "/v1/credits", credits),
            Route("GET", "/v1/models", models, open=True),
            Route("POST", f"{FILES}/upload/base64", files.upload_base64, scope="uploads:write"),
            Route("POST", f"{FILES}/upload/stream", files.upload_stream, scope="uploads:write"),
            Route("POST", f"{FILES}/upload/url", files.upload_url, scope="uploads:write"),
            Route("GET", f"{FILES}/list", files.list_files),
            Route("GET", f"{FILES}/quota", files.quota),
            Route("GET", f"{FILES}/download/{{file_id}}", files.download),
            Route("DELETE", f"{FILES}/{{file_id}}", files.delete_file, scope="uploads:write"),
        )

    def keys(self, request: Incoming) -> tuple[str, ...]:
        return one_key([bearer(request)])

    def word(self, problem: Problem, request: Incoming) -> Answer:
        return word(problem, request)


# ---- one task --------------------------------------------------------------------------------


async def submit(request: Incoming, desk: Desk) -> Answer:
    """Creates a task. 200 with the task object, `pending`."""
    body = json_object(request)
    offer = chosen_offer(body, await desk.offers())
    sources = references.read_sources(body, offer)
    order = read_order(body, offer, sources)
    # The address is judged before a picture is fetched: refusing is cheap, fetching is not.
    order = replace(order, callback_url=await read_callback(body, desk))
    order = replace(order, inputs=await references.take(sources, desk))
    return await _answer(await _submitted(order, desk, offer.credits_per_dollar), desk)


async def _submitted(order: Order, desk: Desk, rate: int) -> Report:
    try:
        return await desk.submit(order)
    except Problem as problem:
        problem.facts.setdefault("credits_per_dollar", rate)
        raise


async def show(request: Incoming, desk: Desk) -> Answer:
    """The task as it is now, whichever door it came through."""
    with _task_id():
        return await _answer(await desk.find(request.params["task_id"]), desk)


async def cancel(request: Incoming, desk: Desk) -> Answer:
    """Cancels a task that is not final. 200 with the task object."""
    with _task_id():
        return await _answer(await desk.cancel(request.params["task_id"]), desk)


async def _answer(report: Report, desk: Desk) -> Answer:
    rate = None if report.dialect == Evolink.name else await _rate(desk)
    return Answer(200, task_body(report, rate), dict(NO_STORE), report)


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


# ---- many tasks ------------------------------------------------------------------------------


async def list_tasks(request: Incoming, desk: Desk) -> Answer:
    """The organization's tasks, newest first, whichever door they came through."""
    wanted, page, size = read_wanted(request.query, await desk.offers())
    found = await desk.page(wanted) if wanted else Listed((), 0)
    rate = await _rate(desk)
    items = [list_item(report, _rate_of(report, rate)) for report in found.reports]
    body = {"data": items, "total": found.total, "page": page, "page_size": size}
    return Answer(200, body, dict(NO_STORE))


async def batch(request: Incoming, desk: Desk) -> Answer:
    """The tasks of up to 50 ids; unknown and foreign ones are absent."""
    ids = read_ids(json_object(request))
    rate = await _rate(desk)
    reports = {report.id: report for report in await desk.several(ids)}  # two ids may name one task
    data = [task_body(report, _rate_of(report, rate)) for report in reports.values()]
    return Answer(200, {"data": data}, dict(NO_STORE))


def _rate_of(report: Report, rate: int) -> int:
    """Credits are at the rate a task was made with; `rate` is for those of other doors."""
    return report.credits_per_dollar if report.dialect == Evolink.name else rate


# ---- the account -----------------------------------------------------------------------------


async def credits(request: Incoming, desk: Desk) -> Answer:
    """What is left and what was used: of the key's budget, and of the wallet."""
    return Answer(200, credits_body(await desk.balance(), await _rate(desk)), dict(NO_STORE))


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
