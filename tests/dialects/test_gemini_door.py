"""Google's door: what it answers, and reading it again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from google.genai import types

from generations import handles
from generations.dialect import Answer, Incoming
from generations.dialects.gemini.answer import INLINE_BYTES
from generations.errors import Problem
from generations.spec import Kind, Order, State, Usage
from tests.dialects.desk import FLASH, MemoryDesk, delivered, parsed, picture, report
from tests.dialects.gemini_caller import (
    GENERATE,
    PNG,
    TABLE,
    Caller,
    configured,
    finish,
    images,
    refused,
    said,
)


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gemini")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


# ---- the answer ------------------------------------------------------------------------------


def test_an_image_comes_back_inline_with_the_tokens_it_costs(door: Caller, desk: MemoryDesk) -> None:
    answer = door.ask("POST", GENERATE, said())
    (made,) = desk.reports
    assert answer.status == 200
    assert parsed(answer) == {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 1290,
            "totalTokenCount": 1300,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
        },
        "modelVersion": "gemini-2.5-flash-image",
        "responseId": handles.gemini(made),
    }


def test_each_of_three_candidates_has_its_picture_and_its_words(door: Caller, desk: MemoryDesk) -> None:
    parts: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        parts += [{"text": f"Picture {number}"}, {"image": number, "signature": "c2ln"}]
    finish(desk, parts, images=3)
    body = parsed(door.ask("POST", GENERATE, configured(candidateCount=3)))
    assert [c["index"] for c in body["candidates"]] == [0, 1, 2]
    assert [images(c) for c in body["candidates"]] == [[picture(1)], [picture(2)], [picture(3)]]
    assert [c["content"]["parts"][0] for c in body["candidates"]] == [
        {"text": f"Picture {number}"} for number in (1, 2, 3)
    ]
    assert body["candidates"][0]["content"]["parts"][1]["thoughtSignature"] == "c2ln"
    assert body["usageMetadata"]["candidatesTokenCount"] == 3 * 1290


def test_without_text_in_the_modalities_only_the_picture_is_left(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Here it is."}, {"image": 1}], images=1)
    with_words = parsed(door.ask("POST", GENERATE, configured(responseModalities=["TEXT", "IMAGE"])))
    without = parsed(door.ask("POST", GENERATE, configured(responseModalities=["image"])))
    assert with_words["candidates"][0]["content"]["parts"][0] == {"text": "Here it is."}
    assert [list(part) for part in without["candidates"][0]["content"]["parts"]] == [["inlineData"]]


def test_a_bare_signature_is_left_without_the_words(door: Caller, desk: MemoryDesk) -> None:
    """The next turn of the conversation has to bring it back."""
    words = {"text": "Here it is.", "signature": "d29yZHM="}
    finish(desk, [words, {"image": 1}, {"text": "", "signature": "c2ln"}], images=1)
    told = parsed(door.ask("POST", GENERATE, configured(responseModalities=["IMAGE"])))
    picture, signature = told["candidates"][0]["content"]["parts"]
    assert list(picture) == ["inlineData"]
    assert signature == {"thoughtSignature": "c2ln"}


def test_thoughts_are_told_when_they_are_asked_for(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Hm.", "thought": True}, {"image": 1}], images=1)
    asked = configured(thinkingConfig={"includeThoughts": True})
    told = parsed(door.ask("POST", GENERATE, asked))["candidates"][0]["content"]["parts"]
    silent = parsed(door.ask("POST", GENERATE, said()))["candidates"][0]["content"]["parts"]
    assert told[0] == {"text": "Hm.", "thought": True}
    assert len(silent) == 1


def test_the_official_client_reads_the_answer(door: Caller, desk: MemoryDesk) -> None:
    desk.files["outputs/1.png"] = bytes(range(256)) * (INLINE_BYTES // 256 + 1)
    finish(desk, [{"text": 'Ein "Käse" \\ 猫 \u2028'}, {"image": 1, "signature": "c2ln"}], images=1)
    read = types.GenerateContentResponse.model_validate_json(
        door.ask("POST", GENERATE, said()).content(), strict=False
    )
    assert read.parts is not None
    assert read.parts[0].text == 'Ein "Käse" \\ 猫 \u2028'
    assert read.parts[1].inline_data is not None
    assert read.parts[1].inline_data.data == desk.files["outputs/1.png"]
    assert read.parts[1].thought_signature == b"sig"
    assert read.usage_metadata is not None
    assert read.usage_metadata.total_token_count == 1300


# ---- answers without a picture ---------------------------------------------------------------


def test_a_blocked_prompt_is_a_200_with_feedback_and_no_candidate(door: Caller, desk: MemoryDesk) -> None:
    refusal = {"refusal": "PROHIBITED_CONTENT", "stage": "prompt", "message": ""}
    desk.ends = {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "parts": (refusal,)}
    answer = door.ask("POST", GENERATE, said())
    body = parsed(answer)
    assert (answer.status, body["promptFeedback"]) == (200, {"blockReason": "PROHIBITED_CONTENT"})
    assert "candidates" not in body
    assert body["usageMetadata"]["totalTokenCount"] == 10


def test_a_blocked_picture_is_a_candidate_without_content(door: Caller, desk: MemoryDesk) -> None:
    refusal = {"refusal": "IMAGE_SAFETY", "stage": "output", "message": ""}
    desk.ends = {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "parts": (refusal,)}
    body = parsed(door.ask("POST", GENERATE, said()))
    assert body["candidates"] == [
        {"finishReason": "IMAGE_SAFETY", "finishMessage": "Unable to show the generated image.", "index": 0}
    ]


def test_another_engines_word_for_a_block_becomes_one_of_googles(door: Caller, desk: MemoryDesk) -> None:
    for stage, place in (("prompt", "promptFeedback"), ("output", "candidates")):
        refusal = {"refusal": "moderation_blocked", "stage": stage, "message": "No."}
        desk.ends = {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "parts": (refusal,)}
        told = parsed(door.ask("POST", GENERATE, said()))[place]
        if stage == "prompt":
            assert told == {"blockReason": "OTHER", "blockReasonMessage": "No."}
        else:
            assert told == [{"finishReason": "IMAGE_SAFETY", "finishMessage": "No.", "index": 0}]


def test_one_blocked_picture_of_two_is_one_candidate_of_two(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"refusal": "IMAGE_SAFETY", "stage": "output"}, {"image": 1}], images=1)
    first, second = parsed(door.ask("POST", GENERATE, configured(candidateCount=2)))["candidates"]
    assert (first["finishReason"], second["finishReason"]) == ("IMAGE_SAFETY", "STOP")
    assert "content" not in first
    assert images(second) == [picture(1)]


def test_words_after_a_picture_and_bare_signatures_stay_with_it(door: Caller, desk: MemoryDesk) -> None:
    signature = {"text": "", "signature": "c2ln"}
    finish(desk, [{"image": 1}, signature, {"text": "Two."}, {"image": 2}, {"text": "Done."}], images=2)
    first, second = parsed(door.ask("POST", GENERATE, configured(candidateCount=2)))["candidates"]
    assert first["content"]["parts"][1] == {"thoughtSignature": "c2ln"}, (
        "a chat forgets a turn with empty text"
    )
    assert [part.get("text") for part in second["content"]["parts"]] == ["Two.", None, "Done."]
    assert (images(first), images(second)) == ([picture(1)], [picture(2)])


def test_words_without_a_picture_are_a_200_with_stop(door: Caller, desk: MemoryDesk) -> None:
    desk.ends = text_only("I cannot draw that.")
    body = parsed(door.ask("POST", GENERATE, said()))
    assert body["candidates"] == [
        {
            "content": {"role": "model", "parts": [{"text": "I cannot draw that."}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ]
    assert body["usageMetadata"]["candidatesTokensDetails"] == [{"modality": "TEXT", "tokenCount": 5}]


def text_only(*words: str) -> dict[str, Any]:
    parts = tuple({"text": text} for text in words)
    return {
        "state": State.FAILED,
        "kind": Kind.NO_IMAGE,
        "parts": parts,
        "usage": Usage(prompt=10, text=5),
    }


def test_neither_words_nor_a_picture_is_no_image(door: Caller, desk: MemoryDesk) -> None:
    for ends, body in (
        (text_only(), said()),
        (text_only("I cannot."), configured(responseModalities=["IMAGE"])),
    ):
        desk.ends = ends
        told = parsed(door.ask("POST", GENERATE, body))["candidates"]
        assert told == [{"finishReason": "NO_IMAGE", "index": 0}]


@pytest.mark.parametrize(
    "kind, status, word",
    [
        (Kind.UPSTREAM_ERROR, 503, "UNAVAILABLE"),
        (Kind.UPSTREAM_TIMEOUT, 504, "DEADLINE_EXCEEDED"),
        (Kind.OVERLOADED, 503, "UNAVAILABLE"),
        (Kind.INTERNAL, 500, "INTERNAL"),
    ],
)
def test_a_failed_generation_is_an_error(
    door: Caller, desk: MemoryDesk, kind: Kind, status: int, word: str
) -> None:
    desk.ends = {"state": State.FAILED, "kind": kind, "message": "The model is away."}
    answer = door.ask("POST", GENERATE, said())
    assert parsed(answer)["error"] == {"code": status, "message": "The model is away.", "status": word} | (
        retry_details(answer)
    )


def retry_details(answer: Answer) -> dict[str, Any]:
    if "Retry-After" not in answer.headers:
        return {}
    delay = f"{answer.headers['Retry-After']}s"
    return {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]}


def test_a_failure_is_about_its_generation(door: Caller, desk: MemoryDesk) -> None:
    """Then the engine tells clients not to send it again."""
    desk.ends = {"state": State.FAILED, "kind": Kind.UPSTREAM_ERROR}
    matched = TABLE.match("POST", GENERATE)
    request = Incoming("POST", GENERATE, "", {}, {}, json.dumps(said()).encode(), matched.params or {})

    async def call() -> Answer:
        return await TABLE.routes[matched.index].handler(request, desk)

    with pytest.raises(Problem) as caught:
        asyncio.run(call())
    assert caught.value.generation in desk.reports


def test_a_wait_that_ends_first_says_where_the_image_will_be(door: Caller, desk: MemoryDesk) -> None:
    made = report(Order(model=FLASH.model, asked="x", prompt="x"))
    desk.refusal = Problem(Kind.DEADLINE, "The wait is over.", generation=made.id)
    error = refused(door, said(), 504)
    assert f"https://easel.example/gemini/v1beta/generations/{made.id}" in error["message"]


# ---- reading ---------------------------------------------------------------------------------


def test_a_generation_reads_as_the_answer_its_post_gave(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Words."}, {"image": 1}], images=1)
    posted = door.ask("POST", GENERATE, configured(responseModalities=["IMAGE"]))
    (made,) = desk.reports
    for handle in (handles.gemini(made), str(made), handles.gmi(made)):
        assert door.ask("GET", f"/generations/{handle}").content() == posted.content()


def test_another_doors_generation_reads_too(door: Caller, desk: MemoryDesk) -> None:
    order = Order(model=FLASH.model, asked="x", prompt="x", count=2, echo={"text": False})
    made = desk.keep(delivered(report(order, dialect="openai"), 2))
    body = parsed(door.ask("GET", f"/v1/generations/{made.id}"))
    assert [images(c) for c in body["candidates"]] == [[picture(1)], [picture(2)]]


def test_a_generation_that_is_not_final_is_an_operation(door: Caller, desk: MemoryDesk) -> None:
    order = Order(model=FLASH.model, asked="x", prompt="x")
    made = desk.keep(report(order, state=State.RUNNING, progress=30))
    answer = door.ask("GET", f"/v1beta/generations/{made.id}")
    assert (answer.status, answer.headers["Retry-After"]) == (202, "2")
    assert parsed(answer) == {
        "name": f"generations/{handles.gemini(made.id)}",
        "done": False,
        "metadata": {
            "state": "RUNNING",
            "progressPercent": 30,
            "createTime": "2026-11-20T12:00:00.250000Z",
        },
    }


def test_images_that_are_not_kept_any_more_are_a_410(door: Caller, desk: MemoryDesk) -> None:
    made = desk.keep(report(Order(model=FLASH.model, asked="x", prompt="x"), state=State.SUCCEEDED))
    assert door.ask("GET", f"/v1beta/generations/{made.id}").status == 410
