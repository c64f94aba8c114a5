"""ToAPIs' dialect: submit a task, poll it, upload references, read balances.

Submitting answers 200; a cancelled task is `failed`, because the vendor has no word for it. An id
of no known form is an unknown task: 404.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from generations.dialect import Answer, Desk, Incoming, Route
from generations.dialects.toapis.balances import key_balance, wallet_balance
from generations.dialects.toapis.edits import read_edit
from generations.dialects.toapis.errors import word
from generations.dialects.toapis.order import chosen_offer, json_object, read_order
from generations.dialects.toapis.references import read_references, sources_of
from generations.dialects.toapis.task import task_body
from generations.dialects.toapis.uploads import keep
from generations.errors import Problem
from generations.spec import Kind, Offer, Order, Report, Source, Wanted
from generations.wording import bearer, clip, listed, number, one_key

PAGE, LONGEST_PAGE, MOST_PAGES = 20, 100, 10_000
NO_STORE = {"Cache-Control": "no-store"}


class ToApis:
    """ToAPIs' door. Credentials are a Bearer token only."""

    name = "toapis"
    title = "ToAPIs"
    prefixes: tuple[str, ...] = ("/toapis",)
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/v1/images/generations", submit, scope="images:create", submits=True),
            Route("GET", "/v1/images/generations", history),
            Route("GET", "/v1/images/generations/{task_id}", show),
            Route("POST", "/v1/images/generations/{task_id}/cancel", cancel, scope="images:create"),
            Route("POST", "/v1/images/edits", edit, scope="images:create", submits=True),
            Route("POST", "/v1/uploads/images", upload, scope="uploads:write"),
            Route("GET", "/v1/balance", balance),
            Route("GET", "/balance", balance),
            Route("GET", "/v1/user/balance", user_balance),
            Route("GET", "/user/balance", user_balance),
            Route("GET", "/v1/models", models, open=True),
        )

    def keys(self, request: Incoming) -> tuple[str, ...]:
        return one_key([bearer(request)])

    def word(self, problem: Problem, request: Incoming) -> Answer:
        return word(problem, request)


async def submit(request: Incoming, desk: Desk) -> Answer:
    """Creates a task. 200 with the task object, `queued`."""
    body = json_object(request)
    offer = chosen_offer(body, await desk.offers())
    references = read_references(body, offer)
    return await _submit(read_order(body, offer, follows=bool(references)), references, desk)


async def edit(request: Incoming, desk: Desk) -> Answer:
    """Creates a task from a form that names the images to edit. 200 with the task object."""
    body, urls = read_edit(request)
    offer = chosen_offer(body, await desk.offers())
    return await _submit(read_order(body, offer, follows=True), sources_of("image", urls, offer), desk)


async def _submit(order: Order, references: tuple[Source, ...], desk: Desk) -> Answer:
    """Fetches the references only once all else is known to be right."""
    if references:
        order = replace(order, inputs=await desk.take(references))
    return await _answer(await desk.submit(order), desk)


async def show(request: Incoming, desk: Desk) -> Answer:
    """The task as it is now, whichever door it came through."""
    return await _answer(await _find(request, desk), desk)


async def cancel(request: Incoming, desk: Desk) -> Answer:
    """Cancels a task that is not final. 200 with the task object."""
    await _find(request, desk)
    return await _answer(await desk.cancel(request.params["task_id"]), desk)


async def _find(request: Incoming, desk: Desk) -> Report:
    try:
        return await desk.find(request.params["task_id"])
    except Problem as problem:
        if problem.kind not in (Kind.BAD_REQUEST, Kind.NOT_FOUND):
            raise
        raise Problem(Kind.NOT_FOUND, "Task not found") from None


async def history(request: Incoming, desk: Desk) -> Answer:
    """The organization's tasks, newest first, whichever door they came through."""
    page = number(request.query, "page", 1, MOST_PAGES)
    size = number(request.query, "page_size", PAGE, LONGEST_PAGE)
    found = await desk.page(Wanted(skip=(page - 1) * size, size=size))
    rate = await _rate(desk)
    data = [task_body(report, None if report.dialect == ToApis.name else rate) for report in found.reports]
    body = {"object": "list", "data": data, "total": found.total, "page": page, "page_size": size}
    return Answer(200, body, dict(NO_STORE))


async def upload(request: Incoming, desk: Desk) -> Answer:
    """Keeps a reference image. 200 with its public URL."""
    return Answer(200, await keep(request, desk))


async def balance(request: Incoming, desk: Desk) -> Answer:
    """What is left of the key's own budget."""
    return Answer(200, key_balance(await desk.balance(), await _rate(desk)), dict(NO_STORE))


async def user_balance(request: Incoming, desk: Desk) -> Answer:
    """What is left of the organization's wallet."""
    return Answer(200, wallet_balance(await desk.balance(), await _rate(desk)), dict(NO_STORE))


async def models(request: Incoming, desk: Desk) -> Answer:
    """The models on offer; `type=video` is a list without any."""
    wanted = request.query.get("type", "image")
    if wanted not in ("image", "video"):
        raise Problem(Kind.BAD_REQUEST, f"type must be one of image, video, got {clip(wanted)}", param="type")
    offers = listed(await desk.offers()) if wanted == "image" else ()
    return Answer(200, {"success": True, "object": "list", "data": [_model(offer) for offer in offers]})


def _model(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.names[0],
        "object": "model",
        "created": offer.released,
        "type": "image",
        "aliases": list(offer.names[1:]),
        "sizes": list(offer.ratios),
        "resolutions": ["0.5K" if tier == "512" else tier for tier in offer.resolutions],
    }


async def _answer(report: Report, desk: Desk) -> Answer:
    rate = None if report.dialect == ToApis.name else await _rate(desk)
    return Answer(200, task_body(report, rate), dict(NO_STORE), report)


async def _rate(desk: Desk) -> int:
    """What this door's catalogue says a dollar is in credits."""
    return max((offer.credits_per_dollar for offer in await desk.offers()), default=0)
