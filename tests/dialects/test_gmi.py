"""GMI Cloud's door: the queue, conversations, and what it refuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations import handles
from generations.dialect import Answer, Incoming
from generations.dialects.gmi import Gmi, listing
from generations.dialects.gmi.queue import Listing, read_listing
from generations.errors import Problem
from generations.spec import Input, Kind, Order, Picture, Report, Sampling, State, Text, Turn
from tests.dialects.desk import FLASH, ORGANIZATION, PRO, Caller, MemoryDesk, delivered, parsed, report

QUEUE = "/api/v1/ie/requestqueue/apikey"
REQUESTS = f"{QUEUE}/requests"
OFFERS = (
    replace(FLASH, names=("gemini-2.5-flash-image",), default_ratio="1:1", max_references=3),
    replace(PRO, names=("gemini-3-pro-image-preview",), default_ratio="1:1", max_references=14),
)
SEED = {"model": "gemini-2.5-flash-image", "payload": {"prompt": "A portrait under neon lights"}}
FOREIGN = "63729242-1870-4ff4-80b0-d485980ae31c"
BLANK = {"role": "user", "parts": [{"text": ""}, {"fileData": {"fileUri": "", "mimeType": ""}}]}


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gmi", models=OFFERS)


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(Gmi(), desk)


def submit(door: Caller, **payload: Any) -> Answer:
    return door.ask("POST", REQUESTS, SEED | {"payload": payload})


def stored(desk: MemoryDesk, **changes: Any) -> Report:
    """A generation on the desk."""
    payload = {"prompt": "x", "aspect_ratio": "4:5"}
    order = Order(
        model=FLASH.model,
        asked=OFFERS[0].names[0],
        prompt="x",
        ratio="4:5",
        echo={"payload": payload},
    )
    return desk.keep(report(order, **{"dialect": "gmi"} | changes))


def read(door: Caller, made: Report) -> dict[str, Any]:
    body: dict[str, Any] = parsed(door.ask("GET", f"{REQUESTS}/{handles.gmi(made.id)}"))
    return body


def refusal(answer: Answer, status: int = 400) -> str:
    """The sentence that is the whole error."""
    assert answer.status == status
    body = parsed(answer)
    assert list(body) == ["error"]
    return str(body["error"])


# ---- submit ----------------------------------------------------------------------------------


def test_the_documented_request_is_queued_in_the_documented_order(door: Caller, desk: MemoryDesk) -> None:
    answer = submit(door, prompt="A portrait under neon lights", aspect_ratio="4:5")
    body = parsed(answer)
    assert answer.status == 200
    assert list(body.items()) == [
        ("request_id", handles.gmi(next(iter(desk.reports)))),
        ("model", "gemini-2.5-flash-image"),
        ("status", "queued"),
        ("created_at", 1795176000),
        ("updated_at", 1795176000),
        ("queued_at", 1795176000),
    ]
    assert answer.report is not None


def test_the_default_is_one_square_png(door: Caller, desk: MemoryDesk) -> None:
    submit(door, prompt="x")
    payload = {"prompt": "x"}
    plain = Order(model=FLASH.model, asked="gemini-2.5-flash-image", prompt="x", ratio="1:1", format="png")
    assert desk.orders == [replace(plain, echo={"payload": payload})]


def test_every_field_reaches_the_order(door: Caller, desk: MemoryDesk) -> None:
    payload = {
        "prompt": "x",
        "image": [],
        "aspect_ratio": "16:9",
        "image_size": "4K",
        "image_output_format": "jpeg",
        "temperature": 0,
        "top_p": 1,
    }
    body = {"model": "gemini-3-pro-image-preview", "payload": payload | {"something_else": 1}}
    assert door.ask("POST", REQUESTS, body).status == 200
    assert desk.orders == [
        Order(
            model=PRO.model,
            asked="gemini-3-pro-image-preview",
            prompt="x",
            ratio="16:9",
            resolution="4K",
            format="jpeg",
            sampling=Sampling(temperature=0.0, top_p=1.0),
            echo={"payload": payload},
        )
    ]
    assert Order.from_json(desk.orders[0].to_json()) == desk.orders[0]


def test_a_size_the_model_lacks_becomes_the_nearest_and_is_said(door: Caller, desk: MemoryDesk) -> None:
    submit(door, prompt="x", image_size="4K")
    assert (desk.orders[0].resolution, desk.orders[0].adjusted) == ("1K", ("image_size 4K -> 1K",))


BAD_FIELDS = [
    ("prompt", None),
    ("prompt", " "),
    ("prompt", "x" * 1001),
    ("prompt", 7),
    ("aspect_ratio", "auto"),
    ("aspect_ratio", "1:8"),
    ("aspect_ratio", 1),
    ("image_size", "512"),
    ("image_size", "1k"),
    ("image_output_format", "webp"),
    ("temperature", 2.1),
    ("temperature", "1"),
    ("top_p", True),
    ("image", 7),
    ("image", [7]),
    ("image", ["x"] * 4),
    ("image", "https://example.com/cat.png"),
    ("image", ["data:image/png;base64,iVBORw0KGgo="]),
    ("contents", "x"),
    ("contents", [7]),
    ("contents", [{"role": "system", "parts": [{"text": "x"}]}]),
    ("contents", [{"role": "user", "parts": "x"}]),
    ("contents", [{"role": "user", "parts": ["x"]}]),
    ("contents", [{"role": "user", "parts": [{"functionCall": {}}]}]),
    ("contents", [{"role": "user", "parts": [{"text": 7}]}]),
    ("contents", [{"role": "user", "parts": [{"text": ""}]}]),
    ("contents", [{"role": "user", "parts": [{"fileData": "x"}]}]),
    ("contents", [{"role": "user", "parts": [{"text": "x", "thoughtSignature": "é"}]}]),
    ("contents", [{"role": "user", "parts": [{"text": "x" * 1001}]}]),
    ("contents", [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": [{"text": "y"}]}]),
]


@pytest.mark.parametrize("field, value", BAD_FIELDS, ids=lambda value: repr(value)[:60])
def test_a_bad_field_is_a_400_that_names_it_and_orders_nothing(
    door: Caller, desk: MemoryDesk, field: str, value: Any
) -> None:
    assert refusal(submit(door, **{"prompt": "x", field: value})).startswith(f"payload.{field}")
    assert not desk.orders


@pytest.mark.parametrize(
    "body, start",
    [
        ({"model": "gemini-2.5-flash-image"}, "payload is required"),
        ({"model": "gemini-2.5-flash-image", "payload": {}}, "payload must not be empty"),
        ({"model": "gemini-2.5-flash-image", "payload": "x"}, "payload must be an object"),
        ({"payload": {"prompt": "x"}}, "model is required"),
        ({"model": 7, "payload": {"prompt": "x"}}, "model must be a string"),
        ([], "The request body must be a JSON object"),
        (b"{", "Invalid JSON"),
    ],
    ids=repr,
)
def test_a_body_of_another_shape_is_a_400(door: Caller, body: Any, start: str) -> None:
    assert refusal(door.ask("POST", REQUESTS, body)).startswith(start)


def test_an_unknown_model_and_one_the_key_may_not_use_are_the_same_404(desk: MemoryDesk) -> None:
    desk.models = (OFFERS[0], replace(OFFERS[1], allowed=False))
    door = Caller(Gmi(), desk)
    told = {
        name: refusal(door.ask("POST", REQUESTS, SEED | {"model": name}), 404)
        for name in ("imagen-9", "gemini-3-pro-image-preview")
    }
    assert {said.replace(name, "...") for name, said in told.items()} == {
        "model ... not found or you do not have access; models: gemini-2.5-flash-image"
    }
    assert parsed(door.ask("GET", f"{QUEUE}/models")) == {"model_ids": ["gemini-2.5-flash-image"]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["prompt", "image", "aspect_ratio", "image_size", "temperature", "contents"]
parts = st.dictionaries(st.sampled_from(["text", "fileData", "inline_data", "thoughtSignature"]), json_values)
turns = st.fixed_dictionaries({"role": st.sampled_from(["user", "model"]), "parts": st.lists(parts)})


@given(st.dictionaries(st.sampled_from(FIELDS), json_values), st.none() | st.lists(turns, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_payload_is_either_an_order_or_a_400(payload: dict[str, Any], contents: Any) -> None:
    desk = MemoryDesk("gmi", models=OFFERS)
    sent = {"prompt": "x"} | payload | ({} if contents is None else {"contents": contents})
    answer = submit(Caller(Gmi(), desk), **sent)
    assert (answer.status == 200) == bool(desk.orders)
    assert answer.status in (200, 400)


# ---- conversations ---------------------------------------------------------------------------


def say(role: str, *words: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text} for text in words]}


def test_a_conversation_in_words_becomes_turns_without_what_is_empty(door: Caller, desk: MemoryDesk) -> None:
    unfilled = {"fileData": {"fileUri": "", "mimeType": ""}}
    contents = [
        say("user", "a cat"),
        {"role": "model", "parts": [{"text": "Which?", "thought_signature": "-_8"}, {}]},
        say("model", ""),
        {"role": "user", "parts": [{"text": "a black one"}, unfilled, {"inline_data": {}}, {"text": "sat"}]},
    ]
    assert submit(door, contents=contents, prompt=7, image=8).status == 200
    order = desk.orders[0]
    assert order.turns == (
        Turn("user", (Text("a cat"),)),
        Turn("model", (Text("Which?", signature="+/8="),)),
        Turn("user", (Text("a black one"), Text("sat"))),
    )
    assert order.prompt == "a black one\nsat"
    assert order.echo["payload"] == {
        "contents": [say("user", "a cat"), say("model", "Which?"), say("user", "a black one", "sat")]
    }


def test_a_conversation_of_one_plain_turn_is_a_prompt(door: Caller, desk: MemoryDesk) -> None:
    submit(door, contents=[{"parts": [{"text": "a cat"}]}])
    submit(door, prompt="a cat")
    assert (desk.orders[0].prompt, desk.orders[0].turns) == ("a cat", ())
    assert desk.orders[0].fingerprint() == desk.orders[1].fingerprint()


@pytest.mark.parametrize(
    "part, form",
    [
        ({"fileData": {"fileUri": "https://example.com/a.png"}}, "fileData"),
        ({"file_data": {"file_uri": "gs://bucket/a.png", "mime_type": "image/png"}}, "fileData"),
        ({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}, "inlineData"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_pictures_in_a_conversation_are_still_to_come(door: Caller, part: Any, form: str) -> None:
    contents = [say("user", "x"), {"role": "user", "parts": [{"text": "y"}, part]}]
    assert refusal(submit(door, contents=contents)) == (
        f"payload.contents[1].parts[1].{form} is not available yet"
    )


def test_a_template_that_was_not_filled_in_says_nothing(door: Caller) -> None:
    contents = [say("user", "x"), say("model", "y"), BLANK]
    assert "must end with a turn of the user" in refusal(submit(door, contents=contents))


def test_the_next_turn_repeats_words_and_pictures_by_url_with_signatures(desk: MemoryDesk) -> None:
    made = stored(desk)
    given = Input("0" * 64, "image/jpeg", 8, 8, 10, "inputs/a")
    order = replace(
        made.order,
        inputs=(given, given),
        turns=(
            Turn("user", (Text("a cat"), Picture(0), Picture(1))),
            Turn("model", (Text("Here.", signature="AAAA"),)),
            Turn("user", (Text("blacker"),)),
        ),
        echo={"payload": {}, "references": ["https://example.com/ref1.jpg", None]},
    )
    done = delivered(replace(made, order=order), 1)
    image = done.images[0]
    told = (
        {"text": "Hm.", "thought": True, "signature": None},
        {"text": "Done.", "thought": False, "signature": None},
        {"image": image.number, "signature": "QUJD"},
    )
    desk.keep(replace(done, parts=told))
    body = read(Caller(Gmi(), desk), done)
    reference = {"fileUri": "https://example.com/ref1.jpg", "mimeType": "image/jpeg"}
    drawn = {"fileData": {"fileUri": image.url, "mimeType": "image/png"}, "thoughtSignature": "QUJD"}
    assert body["next_turn_contents"] == [
        {"role": "user", "parts": [{"text": "a cat"}, {"fileData": reference}]},
        {"role": "model", "parts": [{"text": "Here.", "thoughtSignature": "AAAA"}]},
        {"role": "user", "parts": [{"text": "blacker"}]},
        {"role": "model", "parts": [{"text": "Done."}, drawn]},
        BLANK,
    ]
    assert body["outcome"]["next_turn_contents"] == body["next_turn_contents"]


# ---- the record ------------------------------------------------------------------------------


def test_a_success_is_the_whole_record_in_the_documented_order(desk: MemoryDesk, door: Caller) -> None:
    made = desk.keep(delivered(stored(desk), 1))
    url = made.images[0].url
    body = read(door, made)
    assert list(body) == [
        *("request_id", "org_id", "model", "status", "is_public", "payload", "outcome"),
        *("next_turn_contents", "created_at", "updated_at", "queued_at"),
    ]
    assert (body["request_id"], body["org_id"]) == (handles.gmi(made.id), str(ORGANIZATION))
    assert (body["status"], body["is_public"]) == ("success", False)
    assert body["payload"] == {"prompt": "x", "aspect_ratio": "4:5"}
    assert body["outcome"]["media_urls"] == [{"id": "0", "url": url, "width": 896, "height": 1152}]
    assert body["outcome"]["request_usage"] == {
        "prompt_tokens": 10,
        "output_tokens": 1290,
        "images": 1,
        "cost_usd": "0.0387",
    }
    assert body["next_turn_contents"] == [
        say("user", "x"),
        {"role": "model", "parts": [{"fileData": {"fileUri": url, "mimeType": "image/png"}}]},
        BLANK,
    ]


@pytest.mark.parametrize(
    "state, word, outcome",
    [
        (State.QUEUED, "queued", None),
        (State.RUNNING, "processing", None),
        (State.FAILED, "failed", {"error": "Image generation failed: blocked by safety policy"}),
        (State.CANCELLED, "cancelled", {"error": "Request was cancelled"}),
    ],
)
def test_every_other_state_has_its_word_and_outcome(
    desk: MemoryDesk, door: Caller, state: State, word: str, outcome: dict[str, str] | None
) -> None:
    kind = Kind.CONTENT_BLOCKED if state is State.FAILED else None
    body = read(door, stored(desk, state=state, kind=kind))
    assert (body["status"], body["outcome"]) == (word, outcome)
    assert body.get("error") == (outcome["error"] if outcome and word == "failed" else None)


def test_a_recitation_is_told_apart(desk: MemoryDesk, door: Caller) -> None:
    parts = ({"refusal": "IMAGE_RECITATION", "stage": "output", "message": ""},)
    made = stored(desk, state=State.FAILED, kind=Kind.CONTENT_BLOCKED, parts=parts)
    assert "repeats existing material" in read(door, made)["error"]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_failure_is_a_sentence(desk: MemoryDesk, door: Caller, kind: Kind) -> None:
    body = read(door, stored(desk, state=State.FAILED, kind=kind))
    assert body["error"].startswith("Image generation failed: ")
    assert body["outcome"] == {"error": body["error"]}


def test_a_replayed_submit_of_a_finished_request_tells_its_outcome(desk: MemoryDesk) -> None:
    class Replaying(MemoryDesk):
        async def submit(self, order: Order) -> Report:
            return delivered(await super().submit(order), 1)

    body = parsed(submit(Caller(Gmi(), Replaying("gmi", models=OFFERS)), prompt="x"))
    assert body["status"] == "success"
    assert body["outcome"]["media_urls"][0]["id"] == "0"


def test_a_request_is_cancelled_once_it_is_asked_and_not_after_it_is_final(
    desk: MemoryDesk, door: Caller
) -> None:
    path = f"{REQUESTS}/{handles.gmi(stored(desk).id)}"
    answer = door.ask("DELETE", path)
    assert (answer.status, parsed(answer)["status"]) == (200, "cancelled")
    assert parsed(door.ask("DELETE", path)) == parsed(answer)
    desk.keep(delivered(next(iter(desk.reports.values())), 1))
    assert refusal(door.ask("DELETE", path), 409)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("request_id", [FOREIGN, "job-17"])
def test_an_unknown_id_and_one_of_no_known_form_are_the_same_404(
    door: Caller, method: str, request_id: str
) -> None:
    assert refusal(door.ask(method, f"{REQUESTS}/{request_id}"), 404) == "request not found"


def test_a_generation_of_another_door_is_read_by_the_ids_of_every_door(
    desk: MemoryDesk, door: Caller
) -> None:
    order = Order(model=FLASH.model, asked="nano-banana-beta", prompt="y", ratio="16:9")
    made = desk.keep(report(order, dialect="evolink"))
    ids = [handles.toapis(made.id), str(made.id), handles.gmi(made.id), handles.gemini(made.id)]
    ids.append(handles.evolink(made.id, made.ticket))
    bodies = [parsed(door.ask("GET", f"{REQUESTS}/{name}")) for name in ids]
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["model"] == FLASH.model
    assert bodies[0]["payload"] == {"prompt": "y", "aspect_ratio": "16:9"}


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


def test_a_submit_for_what_is_no_organization_orders_nothing(desk: MemoryDesk, door: Caller) -> None:
    answer = door.ask("POST", REQUESTS, SEED, headers={"x-organization-id": "acme"})
    assert refusal(answer, 404) == "organization not found"
    assert not desk.orders


# ---- models and side routes ------------------------------------------------------------------


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


def test_lists_and_uploads_are_still_to_come(door: Caller) -> None:
    assert refusal(door.ask("GET", REQUESTS)) == f"GET {REQUESTS} is not available yet"
    upload = f"{QUEUE}/upload-url"
    assert refusal(door.ask("POST", upload, {"file_type": "png"})) == f"POST {upload} is not available yet"
    assert refusal(door.ask("POST", upload, {"file_type": "exe"})).startswith("file_type must be one of")


def test_a_list_reads_its_query(desk: MemoryDesk) -> None:
    assert read_listing({}) == Listing(None, None, 1, 20)
    query = {"model_id": "m", "status": "success", "page": "3", "page_size": "100"}
    assert read_listing(query) == Listing("m", "success", 3, 100)
    for bad in ({"page": "0"}, {"page": "x"}, {"page_size": "101"}, {"status": "done"}, {"page": "٣"}):
        with pytest.raises(Problem):
            asyncio.run(listing(Incoming("GET", REQUESTS, "", {}, bad, b""), desk))


def test_the_402_starts_with_the_documented_sentence(desk: MemoryDesk, door: Caller) -> None:
    desk.refusal = Problem(Kind.NO_CREDIT, "No.", needed=38_700_000, balance=0)
    sentence = "Insufficient credits. Please add more credits to your account."
    assert refusal(door.ask("POST", REQUESTS, SEED), 402).startswith(f"{sentence} This needs $0.0387")
