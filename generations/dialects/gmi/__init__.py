"""GMI Cloud's dialect: a request queue, and conversations that go on.

A submit answers `queued` at once. Every error is one sentence; an id of no known form is an unknown
request: 404.
"""

from __future__ import annotations

from dataclasses import replace

from generations.dialect import Answer, Desk, Incoming, Route
from generations.dialects.gmi.errors import word
from generations.dialects.gmi.models import model_document
from generations.dialects.gmi.order import chosen_offer, json_object, offer_of, payload_of, read_order
from generations.dialects.gmi.queue import read_file_type, read_listing, refuse_other_organization
from generations.dialects.gmi.record import record, submitted
from generations.dialects.gmi.signatures import signed
from generations.errors import Problem
from generations.spec import Kind, Report
from generations.wording import bearer, listed, one_key

QUEUE = "/api/v1/ie/requestqueue"
ROOT = f"{QUEUE}/apikey"
SHORT = "/api/v1/apikey"  # as the vendor's quickstart prints it
UNKNOWN_REQUEST, UNKNOWN_ORGANIZATION = "request not found", "organization not found"
NO_STORE = {"Cache-Control": "no-store"}


class Gmi:
    """GMI Cloud's door. Credentials are a Bearer token only."""

    name = "gmi"
    title = "GMI Cloud"
    prefixes: tuple[str, ...] = ("/gmi",)
    body_limit = 64 * 2**20

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", f"{ROOT}/requests", submit, scope="images:create", submits=True),
            Route("GET", f"{ROOT}/requests", listing),
            Route("GET", f"{ROOT}/requests/{{request_id}}", show),
            Route("DELETE", f"{ROOT}/requests/{{request_id}}", cancel, scope="images:create"),
            Route("POST", f"{ROOT}/upload-url", upload, scope="uploads:write"),
            Route("GET", f"{ROOT}/models", models, open=True),
            Route("GET", f"{ROOT}/models/{{model_id}}", model),
            Route("GET", f"{QUEUE}/models/{{model_id}}", model, open=True),
            Route("GET", f"{SHORT}/models", models, open=True),
            Route("GET", f"{SHORT}/models/{{model_id}}", model),
        )

    def keys(self, request: Incoming) -> tuple[str, ...]:
        return one_key([bearer(request)])

    def word(self, problem: Problem, request: Incoming) -> Answer:
        return word(problem, request)


async def submit(request: Incoming, desk: Desk) -> Answer:
    """Queues a request. 200 with its short record. Pictures are fetched only once all else is known to
    be right."""
    _refuse_foreign(request, desk)
    body = json_object(request)
    payload = payload_of(body)
    offer = chosen_offer(body, await desk.offers())
    order, sources = read_order(body["model"], payload, offer)
    if sources:
        order = await signed(replace(order, inputs=await desk.take(sources)), desk)
    report = await desk.submit(order)
    return Answer(200, submitted(report), dict(NO_STORE), report)


async def show(request: Incoming, desk: Desk) -> Answer:
    """The record as it is now, whichever door it came through."""
    return _answer(await _find(request, desk))


async def cancel(request: Incoming, desk: Desk) -> Answer:
    """Cancels a request that is not final. 200 with its record."""
    await _find(request, desk)
    return _answer(await desk.cancel(request.params["request_id"]))


async def listing(request: Incoming, desk: Desk) -> Answer:
    """The organization's requests as whole records, newest first."""
    _refuse_foreign(request, desk)
    asked = read_listing(request.query)
    found = await desk.page(asked.wanted(await desk.offers()))
    body = {
        "requests": [record(report) for report in found.reports],
        "total": found.total,
        "page": asked.page,
        "page_size": asked.page_size,
    }
    return Answer(200, body, dict(NO_STORE))


async def upload(request: Incoming, desk: Desk) -> Answer:
    """Where a reference image may be put with exactly its type, and what its URL will be."""
    _refuse_foreign(request, desk)
    put, promised = await desk.await_upload(read_file_type(json_object(request)))
    return Answer(200, {"upload_url": put, "public_url": promised.url}, dict(NO_STORE))


async def models(request: Incoming, desk: Desk) -> Answer:
    """The ids and aliases of the models this key may use; without a key those open to all."""
    _refuse_foreign(request, desk)
    return Answer(200, {"model_ids": [name for offer in listed(await desk.offers()) for name in offer.names]})


async def model(request: Incoming, desk: Desk) -> Answer:
    """One model's document. Raises Problem(UNKNOWN_MODEL)."""
    _refuse_foreign(request, desk)
    return Answer(200, model_document(offer_of(request.params["model_id"], await desk.offers())))


def _refuse_foreign(request: Incoming, desk: Desk) -> None:
    """Without a key there is no organization to be wrong about."""
    if desk.organization is not None:
        refuse_other_organization(request, desk.organization, UNKNOWN_ORGANIZATION)


async def _find(request: Incoming, desk: Desk) -> Report:
    """The report of the request that the path names. Raises Problem(NOT_FOUND), in the same words
    for an unknown id, one of no known form, and another organization's."""
    try:
        report = await desk.find(request.params["request_id"])
    except Problem as problem:
        if problem.kind not in (Kind.BAD_REQUEST, Kind.NOT_FOUND):
            raise
        raise Problem(Kind.NOT_FOUND, UNKNOWN_REQUEST) from None
    refuse_other_organization(request, report.organization, UNKNOWN_REQUEST)
    return report


def _answer(report: Report) -> Answer:
    return Answer(200, record(report), dict(NO_STORE), report)
