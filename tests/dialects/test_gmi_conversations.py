"""GMI Cloud's door: conversations that go on, in words and in pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generations import handles
from generations.dialect import Answer
from generations.dialects.gmi import Gmi
from generations.spec import Input, Order, Picture, State, Text, Turn
from tests.dialects.desk import FLASH, PRO, Caller, MemoryDesk, delivered, parsed, report

QUEUE = "/api/v1/ie/requestqueue/apikey"
REQUESTS = f"{QUEUE}/requests"
OFFERS = (
    replace(FLASH, names=("gemini-2.5-flash-image",), default_ratio="1:1", max_references=3),
    replace(PRO, names=("gemini-3-pro-image-preview",), default_ratio="1:1", max_references=14),
)
MODEL = "gemini-2.5-flash-image"
BLANK = {"role": "user", "parts": [{"text": ""}, {"fileData": {"fileUri": "", "mimeType": ""}}]}
SIGNATURE = "QUJD"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gmi", models=OFFERS)


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(Gmi(), desk)


def submit(door: Caller, contents: Any, model: str = MODEL, **payload: Any) -> Answer:
    return door.ask("POST", REQUESTS, {"model": model, "payload": {"contents": contents} | payload})


def refusal(answer: Answer, status: int = 400) -> str:
    assert answer.status == status, answer.content()
    return str(parsed(answer)["error"])


def say(role: str, *words: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text} for text in words]}


def show(role: str, *names: str) -> dict[str, Any]:
    """A turn of pictures, by URL."""
    urls = (f"https://example.com/{name}.png" for name in names)
    return {"role": role, "parts": [{"fileData": {"fileUri": url, "mimeType": "image/png"}} for url in urls]}


ASK = say("user", "x")


def names_of(desk: MemoryDesk) -> list[str]:
    """The pictures that went along, by name, in their order."""
    return [source.url.removeprefix("https://example.com/").removesuffix(".png") for source in desk.taken]


# ---- in words --------------------------------------------------------------------------------


def test_a_conversation_in_words_becomes_turns_without_what_is_empty(door: Caller, desk: MemoryDesk) -> None:
    unfilled = {"fileData": {"fileUri": "", "mimeType": ""}}
    contents = [
        say("user", "a cat"),
        {"role": "model", "parts": [{"text": "Which?", "thought_signature": "-_8"}, {}]},
        say("model", ""),
        {"role": "user", "parts": [{"text": "a black one"}, unfilled, {"inline_data": {}}, {"text": "sat"}]},
    ]
    assert submit(door, contents, prompt=7, image=8).status == 200
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
    submit(door, [{"parts": [{"text": "a cat"}]}])
    door.ask("POST", REQUESTS, {"model": MODEL, "payload": {"prompt": "a cat"}})
    assert (desk.orders[0].prompt, desk.orders[0].turns) == ("a cat", ())
    assert desk.orders[0].fingerprint() == desk.orders[1].fingerprint()


def test_a_template_that_was_not_filled_in_says_nothing(door: Caller) -> None:
    contents = [say("user", "x"), say("model", "y"), BLANK]
    assert "must end with a turn of the user" in refusal(submit(door, contents))


# ---- in pictures -----------------------------------------------------------------------------


def test_pictures_stand_in_their_turns_and_keep_their_signatures(door: Caller, desk: MemoryDesk) -> None:
    drawn = {"file_data": {"file_uri": "gs://bucket/drawn.png"}, "thoughtSignature": SIGNATURE}
    contents = [
        {"role": "user", "parts": [{"text": "a cat like"}, *show("user", "a")["parts"], {"text": "this"}]},
        {"role": "model", "parts": [{"text": "Here."}, drawn]},
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "-_8"}}]},
    ]
    assert submit(door, contents).status == 200
    order = desk.orders[0]
    assert order.turns == (
        Turn("user", (Text("a cat like"), Picture(0), Text("this"))),
        Turn("model", (Text("Here."), Picture(1, signature=SIGNATURE))),
        Turn("user", (Picture(2),)),
    )
    assert len(order.inputs) == 3
    assert [(source.field, source.url, source.data) for source in desk.taken] == [
        ("payload.contents[0].parts[1].fileData", "https://example.com/a.png", b""),
        ("payload.contents[1].parts[1].fileData", "gs://bucket/drawn.png", b""),
        ("payload.contents[2].parts[0].inlineData", "", b"\xfb\xff"),
    ]
    assert order.echo["references"] == ["https://example.com/a.png", "gs://bucket/drawn.png", None]
    assert order.ratio is None, "the last picture gives the shape"
    assert Order.from_json(order.to_json()) == order


def test_the_record_shows_no_bytes_of_pictures(door: Caller, desk: MemoryDesk) -> None:
    contents = [
        {
            "parts": [
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"fileData": {"fileUri": "data:image/png;base64,AAAA"}},
            ]
        }
    ]
    submit(door, contents)
    shown = [
        {"inlineData": {"mimeType": "image/png"}},
        {"fileData": {"fileUri": "data:image/png;base64", "mimeType": ""}},
    ]
    assert desk.orders[0].echo["payload"]["contents"] == [{"role": "user", "parts": shown}]
    assert desk.orders[0].echo["references"] == [None, None]


@pytest.mark.parametrize(
    "contents, kept",
    [
        ([show("user", "a", "b", "c")], "a b c"),
        ([show("user", "a", "b"), show("model", "m"), ASK], "a b m"),
        ([show("user", "a", "b", "c"), show("model", "m"), ASK], "b c m"),
        ([show("user", "a"), show("model", "m"), show("user", "b"), show("model", "n"), ASK], "m b n"),
        ([show("model", "m"), show("user", "a", "b", "c"), ASK], "m b c"),
        ([show("user", "a"), show("model", "m", "n"), show("user", "b")], "m n b"),
        ([show("user", "a"), show("model", "m"), show("user", "b", "c")], "m b c"),
        ([show("user", "a"), show("model", "m"), show("user", "b", "c", "d")], "m b c d"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_older_pictures_beyond_the_limit_stay_behind_but_never_the_models_last(
    door: Caller, desk: MemoryDesk, contents: list[Any], kept: str
) -> None:
    assert submit(door, contents).status == 200
    assert " ".join(names_of(desk)) == kept
    order = desk.orders[0]
    shown = [part.input for turn in order.turns for part in turn.parts if isinstance(part, Picture)]
    assert shown == list(range(len(order.inputs)))
    held = sum(len(turn["parts"]) for turn in contents if "fileData" in turn["parts"][0])
    said = f"images of the conversation {held} -> {len(order.inputs)}"
    assert order.adjusted == ((said,) if held > len(order.inputs) else ())


@pytest.mark.parametrize("model, most", [(MODEL, 3), ("gemini-3-pro-image-preview", 14)])
def test_the_last_turn_has_the_models_limit(door: Caller, desk: MemoryDesk, model: str, most: int) -> None:
    names = [str(number) for number in range(most + 1)]
    assert submit(door, [show("user", *names[:most])], model).status == 200
    assert len(desk.orders[0].inputs) == most
    message = refusal(submit(door, [show("user", *names)], model))
    assert message == f"payload.contents takes at most {most} images in its last turn, got {most + 1}"
    assert len(desk.orders) == 1


@pytest.mark.parametrize(
    "part, path",
    [
        ({"inlineData": {"data": "é"}}, "inlineData.data must be base64"),
        ({"inlineData": {"data": "="}}, "inlineData.data must be base64"),
        ({"inlineData": {"data": 7}}, "inlineData.data must be a string"),
        ({"fileData": {"fileUri": "file:///etc/passwd"}}, "fileData must be a URL"),
        ({"fileData": {"fileUri": "iVBORw0KGgo="}}, "fileData must be a URL"),
        ({"fileData": {"fileUri": 7}}, "fileData.fileUri must be a string"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_picture_is_a_400_that_names_its_place(
    door: Caller, desk: MemoryDesk, part: dict[str, Any], path: str
) -> None:
    message = refusal(submit(door, [say("user", "x"), {"role": "user", "parts": [{"text": "y"}, part]}]))
    assert message.startswith(f"payload.contents[1].parts[1].{path}")
    assert not desk.orders


# ---- the next turn ---------------------------------------------------------------------------


def test_the_next_turn_repeats_words_and_pictures_by_url_with_signatures(
    door: Caller, desk: MemoryDesk
) -> None:
    given = Input("0" * 64, "image/jpeg", 8, 8, 10, "inputs/a")
    order = Order(
        model=FLASH.model,
        asked=MODEL,
        prompt="blacker",
        inputs=(given, given),
        turns=(
            Turn("user", (Text("a cat"), Picture(0), Picture(1))),
            Turn("model", (Text("Here.", signature="AAAA"),)),
            Turn("user", (Text("blacker"),)),
        ),
        echo={"payload": {}, "references": ["https://example.com/ref1.jpg", None]},
    )
    done = delivered(report(order, dialect="gmi"), 1)
    image = done.images[0]
    told = (
        {"text": "Hm.", "thought": True, "signature": None},
        {"text": "Done.", "thought": False, "signature": None},
        {"image": image.number, "signature": SIGNATURE},
    )
    desk.keep(replace(done, parts=told))
    body = parsed(door.ask("GET", f"{REQUESTS}/{handles.gmi(done.id)}"))
    reference = {"fileUri": "https://example.com/ref1.jpg", "mimeType": "image/jpeg"}
    drawn = {"fileData": {"fileUri": image.url, "mimeType": "image/png"}, "thoughtSignature": SIGNATURE}
    assert body["next_turn_contents"] == [
        {"role": "user", "parts": [{"text": "a cat"}, {"fileData": reference}]},
        {"role": "model", "parts": [{"text": "Here.", "thoughtSignature": "AAAA"}]},
        {"role": "user", "parts": [{"text": "blacker"}]},
        {"role": "model", "parts": [{"text": "Done."}, drawn]},
        BLANK,
    ]
    assert body["outcome"]["next_turn_contents"] == body["next_turn_contents"]


def finished(door: Caller, desk: MemoryDesk, request: Answer, signature: str | None = None) -> dict[str, Any]:
    """The record of a request, after it has succeeded."""
    found = handles.parse(parsed(request)["request_id"])
    assert found is not None
    assert found.id is not None
    done = delivered(desk.reports[found.id], 1)
    desk.keep(replace(done, images=tuple(replace(image, signature=signature) for image in done.images)))
    body: dict[str, Any] = parsed(door.ask("GET", f"{REQUESTS}/{handles.gmi(found.id)}"))
    assert body["status"] == State.SUCCEEDED.value.replace("succeeded", "success")
    return body


def fill(contents: list[dict[str, Any]], words: str, uri: str = "") -> list[dict[str, Any]]:
    """The conversation with its last turn filled in, as the vendor describes it."""
    text, file = contents[-1]["parts"]
    text["text"], file["fileData"]["fileUri"] = words, uri
    return contents


def test_a_first_picture_and_its_references_go_into_the_second_turn(door: Caller, desk: MemoryDesk) -> None:
    first = {"prompt": "a cat", "image": ["https://example.com/a.png", "data:image/png;base64,AAAA"]}
    done = finished(door, desk, door.ask("POST", REQUESTS, {"model": MODEL, "payload": first}), SIGNATURE)
    desk.taken.clear()

    more = fill(done["next_turn_contents"], "make it black", "https://example.com/b.png")
    assert submit(door, more).status == 200
    drawn = done["outcome"]["media_urls"][0]["url"]
    assert [source.url for source in desk.taken] == [
        "https://example.com/a.png",
        drawn,
        "https://example.com/b.png",
    ]
    order = desk.orders[-1]
    assert order.turns == (
        Turn("user", (Text("a cat"), Picture(0))),
        Turn("model", (Picture(1, signature=SIGNATURE),)),
        Turn("user", (Text("make it black"), Picture(2))),
    )
    assert order.prompt == "make it black"


def test_a_conversation_goes_on_for_as_long_as_one_likes(door: Caller, desk: MemoryDesk) -> None:
    made = door.ask("POST", REQUESTS, {"model": MODEL, "payload": {"prompt": "a cat"}})
    for number in range(5):
        contents = finished(door, desk, made)["next_turn_contents"]
        made = submit(door, fill(contents, f"more of it, {number}"))
        assert made.status == 200
        assert 1 <= len(desk.orders[-1].inputs) <= 3
        assert isinstance(desk.orders[-1].turns[-2].parts[-1], Picture), "the newest picture goes along"
    assert len(desk.orders[-1].turns) == 9, "turns without anything left in them are not said"


def test_a_link_alone_brings_back_the_signature_of_its_picture(door: Caller, desk: MemoryDesk) -> None:
    done = finished(
        door, desk, door.ask("POST", REQUESTS, {"model": MODEL, "payload": {"prompt": "x"}}), SIGNATURE
    )
    url = done["outcome"]["media_urls"][0]["url"]
    other = url.replace("/1.png", "/2.png")
    drawn = {"role": "model", "parts": [{"fileData": {"fileUri": one}} for one in (url, other)]}
    submit(door, [say("user", "x"), drawn, say("user", "blacker")])
    assert desk.orders[-1].turns[1] == Turn("model", (Picture(0, signature=SIGNATURE), Picture(1)))
