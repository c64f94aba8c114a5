"""GMI Cloud's door: lists, uploads, models, whose they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from generations import handles
from generations.dialect import Answer, Incoming
from generations.dialects.gmi import Gmi
from generations.dialects.gmi.queue import FILE_TYPES, read_file_type
from generations.errors import Problem
from generations.spec import Order, Report, State
from tests.dialects.desk import (
    FLASH,
    ORGANIZATION,
    PRO,
    Caller,
    MemoryDesk,
    delivered,
    find_route,
    parsed,
    report,
)

QUEUE = "/api/v1/ie/requestqueue/apikey"
REQUESTS, UPLOAD = f"{QUEUE}/requests", f"{QUEUE}/upload-url"
OFFERS = (
    replace(
        FLASH,
        names=("gemini-2.5-flash-image", "banana"),
        default_ratio="1:1",
        max_references=3,
        reference_bytes=30 * 2**20,
    ),
    replace(PRO, names=("gemini-3-pro-image-preview",), default_ratio="1:1", max_references=14),
)
SEED = {"model": "gemini-2.5-flash-image", "payload": {"prompt": "A portrait under neon lights"}}
FOREIGN = "63729242-1870-4ff4-80b0-d485980ae31c"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gmi", models=OFFERS)


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(Gmi(), desk)


def refusal(answer: Answer, status: int = 400) -> str:
    """The sentence that is the whole error."""
    assert answer.status == status, answer.content()
    body = parsed(answer)
    assert list(body) == ["error"]
    return str(body["error"])


def stored(desk: MemoryDesk, number: int = 1, **changes: Any) -> Report:
    """A generation on the desk; a larger number is newer."""
    order = Order(
        model=changes.pop("model", FLASH.model), asked=OFFERS[0].names[0], prompt="x", echo={"payload": {}}
    )
    identifier = UUID(int=UUID("019aa1b2-c3d4-7abc-8def-000000000000").int + number)
    return desk.keep(report(order, **{"dialect": "gmi", "id": identifier} | changes))


# ---- the list --------------------------------------------------------------------------------


def ask(desk: MemoryDesk, path: str, **query: str) -> Answer:
    """A GET with a query."""
    route, params = find_route(Gmi(), "GET", path)
    request = Incoming("GET", path, "", {}, query, b"", params)
    try:
        return asyncio.run(route.handler(request, desk))
    except Problem as problem:
        return Gmi().word(problem, request)


def listed(desk: MemoryDesk, **query: str) -> list[str]:
    body = parsed(ask(desk, REQUESTS, **query))
    return [found["request_id"] for found in body["requests"]]


def test_the_list_holds_whole_records_newest_first(desk: MemoryDesk, door: Caller) -> None:
    made = [stored(desk, number) for number in (1, 2, 3)]
    desk.keep(delivered(made[0], 1))
    body = parsed(ask(desk, REQUESTS))
    assert list(body) == ["requests", "total", "page", "page_size"]
    assert (body["total"], body["page"], body["page_size"]) == (3, 1, 20)
    single = [parsed(door.ask("GET", f"{REQUESTS}/{handles.gmi(one.id)}")) for one in reversed(made)]
    assert body["requests"] == single
    assert ask(desk, REQUESTS).headers["Cache-Control"] == "no-store"


def test_the_list_is_paged(desk: MemoryDesk) -> None:
    ids = [handles.gmi(stored(desk, number).id) for number in range(5)][::-1]
    assert listed(desk, page_size="2") == ids[:2]
    assert listed(desk, page_size="2", page="3") == ids[4:]
    assert listed(desk, page_size="2", page="4") == []
    assert parsed(ask(desk, REQUESTS, page_size="2", page="4"))["total"] == 5


def test_the_list_is_filtered_by_any_name_of_a_model_and_by_state(desk: MemoryDesk) -> None:
    flash, pro = stored(desk, 1), stored(desk, 2, model=PRO.model, state=State.RUNNING)
    for name in OFFERS[0].names:
        assert listed(desk, model_id=name) == [handles.gmi(flash.id)]
    assert listed(desk, status="processing") == [handles.gmi(pro.id)]
    assert listed(desk, status="processing", model_id=OFFERS[0].names[0]) == []
    assert listed(desk, model_id="imagen-9") == []


@pytest.mark.parametrize(
    "query",
    [
        *({"page": "0"}, {"page": "x"}, {"page": "10001"}, {"page": "-1"}, {"page": "٣"}),
        *({"page_size": "0"}, {"page_size": "101"}, {"status": "done"}, {"status": "QUEUED"}),
    ],
    ids=str,
)
def test_a_bad_query_is_a_400_that_names_it(desk: MemoryDesk, query: dict[str, str]) -> None:
    assert refusal(ask(desk, REQUESTS, **query)).startswith(next(iter(query)))


def test_the_largest_page_is_a_hundred(desk: MemoryDesk) -> None:
    assert parsed(ask(desk, REQUESTS, page_size="100", page="10000"))["page_size"] == 100


# ---- uploads ---------------------------------------------------------------------------------


def test_an_upload_has_a_place_to_put_it_and_the_url_it_will_have(door: Caller, desk: MemoryDesk) -> None:
    answer = door.ask("POST", UPLOAD, {"file_type": "png"})
    (promised,) = desk.kept_uploads.values()
    assert answer.status == 200
    assert list(parsed(answer).items()) == [
        ("upload_url", f"{promised.url}&put=abc"),
        ("public_url", promised.url),
    ]


@pytest.mark.parametrize("file_type, mime", FILE_TYPES.items())
def test_every_kind_of_picture_has_its_type(file_type: str, mime: str) -> None:
    assert read_file_type({"file_type": file_type}) == mime
    assert mime.removeprefix("image/") == file_type.replace("jpg", "jpeg")


@pytest.mark.parametrize("body", [{}, {"file_type": 7}, {"file_type": "exe"}, {"file_type": "mp4"}], ids=str)
def test_anything_but_a_picture_has_no_place_to_go(door: Caller, desk: MemoryDesk, body: Any) -> None:
    message = refusal(door.ask("POST", UPLOAD, body))
    assert message.startswith("file_type ")
    assert "7" in str(body) or message.endswith("png, jpeg, jpg, webp, heic, heif")
    assert not desk.kept_uploads


# ---- whose it is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named, status", [("", 200), (str(ORGANIZATION), 200), (FOREIGN, 404), ("acme", 404)]
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_organization_header_must_name_ones_own(
    desk: MemoryDesk, door: Caller, method: str, named: str, status: int
) -> None:
    made = stored(desk)
    headers = {"x-organization-id": named}
    answer = door.ask(method, f"{REQUESTS}/{handles.gmi(made.id)}", headers=headers)
    assert answer.status == status
    if status == 404:
        assert refusal(answer, 404) == "request not found"
        assert desk.reports[made.id].state is State.QUEUED


@pytest.mark.parametrize("named", ["acme", FOREIGN])
@pytest.mark.parametrize(
    "method, path, body",
    [
        ("POST", REQUESTS, SEED),
        ("GET", REQUESTS, None),
        ("POST", UPLOAD, {"file_type": "png"}),
        ("GET", f"{QUEUE}/models", None),
        ("GET", f"{QUEUE}/models/gemini-2.5-flash-image", None),
    ],
)
def test_nothing_is_done_for_what_is_another_or_no_organization(
    desk: MemoryDesk, door: Caller, method: str, path: str, body: Any, named: str
) -> None:
    headers = {"x-organization-id": named}
    assert refusal(door.ask(method, path, body, headers=headers), 404) == "organization not found"
    own = {"x-organization-id": str(ORGANIZATION).upper()}
    assert not desk.orders
    assert not desk.kept_uploads
    assert door.ask(method, path, body, headers=own).status == 200


def test_without_a_key_the_header_names_nobody(desk: MemoryDesk, door: Caller) -> None:
    desk.organization = None
    headers = {"x-organization-id": FOREIGN}
    assert door.ask("GET", f"{QUEUE}/models", headers=headers).status == 200


# ---- models ----------------------------------------------------------------------------------


def test_the_model_list_names_aliases_too_and_hides_what_the_key_may_not_use(desk: MemoryDesk) -> None:
    desk.models = (OFFERS[0], replace(OFFERS[1], allowed=False))
    door = Caller(Gmi(), desk)
    for root in (QUEUE, "/api/v1/apikey"):
        listing = parsed(door.ask("GET", f"{root}/models"))
        assert listing == {"model_ids": ["gemini-2.5-flash-image", "banana"]}


@pytest.mark.parametrize(
    "path", [f"{QUEUE}/models/{{}}", "/api/v1/ie/requestqueue/models/{}", "/api/v1/apikey/models/{}"]
)
def test_the_model_document_is_the_same_at_all_its_paths(door: Caller, path: str) -> None:
    body = parsed(door.ask("GET", path.format("gemini-2.5-flash-image")))
    assert list(body) == [
        *("model", "org_id", "brief_description", "detailed_description", "modalities", "parameters"),
        "pricing_details",
    ]
    assert (body["model"], body["org_id"]) == ("gemini-2.5-flash-image", "google")
    parameters = {parameter["name"]: parameter for parameter in body["parameters"]}
    assert parameters["prompt"]["required"] is True
    assert parameters["aspect_ratio"]["default"] == "1:1"
    assert parameters["aspect_ratio"]["options"] == list(FLASH.ratios)
    assert "image_size" not in parameters
    assert body["pricing_details"] == {"unit": "image", "price": 0.0387, "currency": "USD"}
    assert refusal(door.ask("GET", path.format("imagen-9")), 404)


def test_a_model_of_several_sizes_tells_their_prices(door: Caller) -> None:
    body = parsed(door.ask("GET", f"{QUEUE}/models/gemini-3-pro-image-preview"))
    size = next(p for p in body["parameters"] if p["name"] == "image_size")
    assert size["options"] == ["1K", "2K", "4K"]
    assert body["pricing_details"]["prices"] == {"1K": 0.1344, "2K": 0.1344, "4K": 0.24}


def test_lists_and_the_second_path_need_no_key() -> None:
    assert {route.path for route in Gmi().routes() if route.open} == {
        f"{QUEUE}/models",
        "/api/v1/apikey/models",
        "/api/v1/ie/requestqueue/models/{model_id}",
    }
