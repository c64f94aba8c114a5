"""Google's door: pictures in a request, and in the conversation before it."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest

from generations.errors import Problem
from generations.spec import Kind, Order, Picture, Text, Turn
from tests.dialects.desk import FLASH, MemoryDesk, parsed
from tests.dialects.gemini_caller import (
    GENERATE,
    MODEL,
    PNG,
    STREAM,
    Caller,
    field_of,
    ordered,
    refused,
    said,
    shown,
)

SIGNATURE = urlsafe_b64encode(b"\xfb\xff\xfe").decode()
WILD = b"\xfb\xff\xfe" * 30  # its base64 has both letters that the URL-safe alphabet replaces


@pytest.fixture
def desk() -> MemoryDesk:
    """A door whose model looks at three pictures."""
    return MemoryDesk("gemini", models=(replace(FLASH, default_ratio="1:1", max_input_images=3),))


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


def blob(data: bytes = WILD, **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}, **more}


def file(uri: str) -> dict[str, Any]:
    return {"fileData": {"fileUri": uri, "mimeType": "image/png"}}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def words(text: str) -> dict[str, Any]:
    return {"text": text}


# ---- one turn --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": {"mimeType": "image/png", "data": b64encode(WILD).decode()}},
        {"inlineData": {"mime_type": "image/png", "data": urlsafe_b64encode(WILD).decode()}},
        {"inline_data": {"mimeType": "image/jpg", "data": urlsafe_b64encode(WILD).decode().rstrip("=")}},
        {"inline_data": {"mime_type": "IMAGE/WEBP", "data": b64encode(WILD).decode().rstrip("=")}},
    ],
    ids=["camel", "as google-genai 3 sends it", "mixed", "snake"],
)
def test_a_picture_within_the_request_is_an_input(
    door: Caller, desk: MemoryDesk, part: dict[str, Any]
) -> None:
    order = ordered(door, shown(part))
    (source,) = desk.taken
    assert (source.data, source.url, source.role) == (WILD, "", "image")
    assert (source.field, source.limit) == ("contents[0].parts[1].inlineData.data", FLASH.reference_bytes)
    assert (len(order.inputs), order.turns) == (1, ())


@pytest.mark.parametrize(
    "uri, megabytes",
    [
        ("https://example.com/cat.png", 10),
        ("http://localhost:8000/i/1/1.png?t=x", 10),  # ours on the demo; the gate refuses any other
        ("gs://bucket/cats/one cat.png", 30),
    ],
)
@pytest.mark.parametrize("outer, inner", [("fileData", "file_uri"), ("file_data", "fileUri")])
def test_a_picture_elsewhere_is_an_input(
    door: Caller, desk: MemoryDesk, uri: str, megabytes: int, outer: str, inner: str
) -> None:
    ordered(door, shown({outer: {inner: f" {uri} "}}))
    (source,) = desk.taken
    assert (source.url, source.data, source.http) == (uri, b"", False)
    assert (source.field, source.limit) == ("contents[0].parts[1].fileData.fileUri", megabytes * 2**20)


@pytest.mark.parametrize(
    "part, field",
    [
        ({"inlineData": {"data": PNG}}, "inlineData"),
        ({"inlineData": {"mimeType": "text/html", "data": PNG}}, "inlineData.mimeType"),
        ({"inlineData": {"mimeType": "image/png", "data": "no base64!"}}, "inlineData.data"),
        ({"inlineData": {"mimeType": "image/png", "data": "Käse"}}, "inlineData.data"),
        ({"inlineData": {"mimeType": "image/png", "data": ""}}, "inlineData.data"),
        ({"inlineData": {"mimeType": "image/png"}}, "inlineData.data"),
        ({"fileData": {"fileUri": "file:///etc/passwd"}}, "fileData.fileUri"),
        ({"fileData": {"fileUri": "data:image/png;base64,AAAA"}}, "fileData.fileUri"),
        ({"fileData": {"fileUri": "https://[::1"}}, "fileData.fileUri"),
        ({"fileData": {"fileUri": "files/abc"}}, "fileData.fileUri"),
        (
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}},
            "fileData.fileUri",
        ),
        ({"fileData": {"fileUri": "https://x.y/a", "mimeType": "video/mp4"}}, "fileData.mimeType"),
    ],
)
def test_a_bad_picture_is_refused_for_what_is_wrong(
    door: Caller, desk: MemoryDesk, part: dict[str, Any], field: str
) -> None:
    error = refused(door, shown(part))
    assert field_of(error) == f"contents[0].parts[1].{field}"
    assert desk.taken == []


def test_a_picture_may_be_as_large_as_the_door_takes_and_no_larger(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (replace(FLASH, reference_bytes=7 * 2**20),)
    error = refused(door, shown(blob(bytes(7 * 2**20 + 1))))
    assert "at most 7340032 bytes" in error["message"]
    assert len(error["message"]) < 300
    ordered(door, shown(blob(bytes(7 * 2**20))))


@pytest.mark.parametrize(
    "problem, status",
    [
        (Problem(Kind.BAD_REQUEST, "It cannot be reached.", reason="fetch_failed"), 400),
        (Problem(Kind.TOO_LARGE, "It has more than 10 MB."), 400),
        (Problem(Kind.UNSUPPORTED_MEDIA, "It is a GIF."), 400),
    ],
)
def test_what_the_gate_refuses_is_a_400_about_its_field(
    door: Caller, desk: MemoryDesk, problem: Problem, status: int
) -> None:
    problem.param = "contents[0].parts[1].fileData.fileUri"
    desk.refused_sources[problem.param] = problem
    error = refused(door, shown(file("https://example.com/a.png")), status)
    assert (error["status"], error["message"]) == ("INVALID_ARGUMENT", problem.message)
    assert field_of(error) == problem.param


def test_a_stream_takes_pictures_too(door: Caller, desk: MemoryDesk) -> None:
    assert len(ordered(door, shown(blob()), STREAM).inputs) == 1


def test_the_ratio_follows_the_last_picture_unless_one_is_asked_for(door: Caller) -> None:
    assert ordered(door, said()).ratio == "1:1"
    assert ordered(door, shown(blob())).ratio is None
    asked = shown(blob()) | {"generationConfig": {"imageConfig": {"aspectRatio": "16:9"}}}
    assert ordered(door, asked).ratio == "16:9"


def test_one_text_with_pictures_is_the_order_that_other_doors_make(door: Caller) -> None:
    """Then an Idempotency-Key means the same at all of them."""
    before = ordered(door, {"contents": [user(blob(b"a" * 9), blob(b"b" * 9), words("Mix them"))]})
    after = ordered(door, {"contents": [user(words("Mix them"), blob(b"a" * 9), blob(b"b" * 9))]})
    elsewhere = Order(
        model=FLASH.model, asked="nano", prompt="Mix them", resolution="1K", inputs=before.inputs
    )
    assert before.fingerprint() == after.fingerprint() == elsewhere.fingerprint()


def test_words_between_pictures_stay_where_they_are(door: Caller) -> None:
    parts = (words("Put this cat"), blob(b"a" * 9), words("on this sofa"), blob(b"b" * 9))
    order = ordered(door, {"contents": [user(*parts)]})
    assert order.prompt == "Put this cat\non this sofa"
    assert order.turns == (
        Turn("user", (Text("Put this cat"), Picture(0), Text("on this sofa"), Picture(1))),
    )


def test_pictures_alone_do_not_say_what_to_draw(door: Caller) -> None:
    assert "say what to draw" in refused(door, {"contents": [user(blob())]})["message"]


def test_the_last_turn_may_show_as_many_pictures_as_the_door_takes(door: Caller, desk: MemoryDesk) -> None:
    most = FLASH.max_references
    parts = [file(f"https://example.com/{number}.png") for number in range(most + 1)]
    error = refused(door, {"contents": [user(words("Mix them"), *parts)]})
    assert field_of(error) == f"contents[0].parts[{most + 1}].fileData.fileUri"
    order = ordered(door, {"contents": [user(words("Mix them"), *parts[:-1])]})
    assert (len(order.inputs), order.adjusted) == (most, ())


# ---- a conversation --------------------------------------------------------------------------


def test_a_second_turn_shows_the_first_picture_with_its_signature(door: Caller, desk: MemoryDesk) -> None:
    drawn = blob(b"drawn", thoughtSignature=SIGNATURE)
    order = ordered(
        door, {"contents": [user(words("A cat")), model(words("Here."), drawn), user(words("Make it blue"))]}
    )
    assert [source.data for source in desk.taken] == [b"drawn"]
    assert order.prompt == "Make it blue"
    assert order.turns == (
        Turn("user", (Text("A cat"),)),
        Turn("model", (Text("Here."), Picture(0, signature="+//+"))),
        Turn("user", (Text("Make it blue"),)),
    )
    assert order.ratio is None, "the second picture has the shape of the first"


def test_a_picture_of_the_models_own_may_have_more_bytes_than_a_clients(door: Caller) -> None:
    """A 4K picture has, and it comes back as it was given."""
    large = blob(bytes(20 * 2**20))
    conversation = [user(words("A cat")), model(large), user(words("Blue"))]
    assert len(ordered(door, {"contents": conversation}).inputs) == 1
    too_large = [user(words("A cat")), model(blob(bytes(20 * 2**20 + 1))), user(words("Blue"))]
    error = parsed(door.ask("POST", GENERATE, {"contents": too_large}))["error"]
    assert field_of(error) == "contents[1].parts[0].inlineData.data"


def test_two_last_turns_of_the_user_are_what_he_says_last(door: Caller, desk: MemoryDesk) -> None:
    order = ordered(
        door,
        {"contents": [model(words("Hello")), user(blob(b"a")), user(words("Make it blue"), blob(b"b"))]},
    )
    assert (order.prompt, len(order.inputs)) == ("Make it blue", 2)


def sources_of(desk: MemoryDesk) -> list[bytes]:
    return [source.data for source in desk.taken]


def test_of_earlier_pictures_the_oldest_go_first(door: Caller, desk: MemoryDesk) -> None:
    turns = [
        user(words("One"), blob(b"mine 1")),
        model(blob(b"yours 1")),
        user(words("Two"), blob(b"mine 2")),
        model(blob(b"yours 2")),
        user(words("Three"), blob(b"mine 3")),
    ]
    order = ordered(door, {"contents": turns})
    assert sources_of(desk) == [b"mine 2", b"yours 2", b"mine 3"]
    assert order.adjusted == ("images of earlier turns 4 -> 2",)
    assert [turn.parts for turn in order.turns] == [
        (Text("One"),),
        (Text("Two"), Picture(0)),
        (Picture(1),),
        (Text("Three"), Picture(2)),
    ], "a turn of nothing but a picture that is gone is gone too"


def test_the_models_newest_picture_is_always_kept(door: Caller, desk: MemoryDesk) -> None:
    last = [blob(f"new {number}".encode()) for number in range(4)]
    turns = [user(words("One")), model(blob(b"drawn")), user(words("Two"), blob(b"mine")), model(words("?"))]
    order = ordered(door, {"contents": [*turns, user(words("Mix them"), *last)]})
    assert sources_of(desk) == [b"drawn", b"new 0", b"new 1", b"new 2", b"new 3"]
    assert order.adjusted == ("images of earlier turns 2 -> 1",)


def test_sketches_that_the_model_made_while_it_thought_are_left_out(door: Caller, desk: MemoryDesk) -> None:
    turns = [user(words("A cat")), model(blob(b"sketch", thought=True), blob(b"drawn")), user(words("Blue"))]
    order = ordered(door, {"contents": turns})
    assert sources_of(desk) == [b"drawn"]
    assert order.adjusted == ()


def test_a_conversation_with_pictures_is_counted_whole(door: Caller) -> None:
    turns = [user(words("A cat.."), blob()), model(file("gs://b/o.png")), user(words("Blue"))]
    counted = parsed(door.ask("POST", f"{MODEL}:countTokens", {"contents": turns}))
    assert counted["totalTokens"] == 3 + 2 * 258
    assert counted["promptTokensDetails"][1] == {"modality": "IMAGE", "tokenCount": 516}


def test_an_order_with_pictures_survives_being_stored(door: Caller) -> None:
    turns = [user(words("A cat")), model(blob(b"x", thoughtSignature=SIGNATURE)), user(words("Blue"))]
    order = ordered(door, {"contents": turns})
    assert Order.from_json(order.to_json()) == order
