"""Google's door: what it reads, what it answers, whole and in a stream."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from google.genai import types

from generations import handles
from generations.dialect import Answer, Incoming
from generations.dialects.gemini import Gemini
from generations.dialects.gemini.answer import INLINE_BYTES
from generations.doors.selection import RouteTable
from generations.errors import Problem
from generations.spec import Kind, Order, State, Text, Turn, Usage
from tests.dialects.desk import FLASH, OFFERS, PRO, SMALL, MemoryDesk, delivered, parsed, picture, report
from tests.upstreams.gemini import contract

GEMINI = Gemini()
TABLE = RouteTable(GEMINI)
MODEL = "/v1beta/models/gemini-2.5-flash-image"
GENERATE = f"{MODEL}:generateContent"
STREAM = f"{MODEL}:streamGenerateContent"
PNG = b64encode(picture()).decode()


@dataclass
class Caller:
    """Sends requests through the door's real route table, with a query."""

    desk: MemoryDesk

    def ask(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
        asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        matched = TABLE.match(method, path)
        assert matched.params is not None, f"no route {method} {path}"
        request = Incoming(method, path, "https://easel.example/gemini", sent, asked, raw, matched.params)
        return asyncio.run(self._handle(matched.index, request))

    async def _handle(self, index: int, request: Incoming) -> Answer:
        try:
            answer = await TABLE.routes[index].handler(request, self.desk)
            if isinstance(answer.body, AsyncIterator):
                answer.body = b"".join([chunk async for chunk in answer.body])
        except Problem as problem:
            answer = GEMINI.word(problem, request)
        return answer


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gemini")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


def said(text: str = "A white siamese cat", **more: Any) -> dict[str, Any]:
    """A request of one user turn."""
    return {"contents": [{"parts": [{"text": text}]}], **more}


def configured(**config: Any) -> dict[str, Any]:
    return said(generationConfig=config)


def ordered(door: Caller, body: Any, path: str = GENERATE) -> Order:
    """The order that a request becomes."""
    answer = door.ask("POST", path, body)
    assert answer.status == 200, answer.content()[:500]
    return door.desk.orders[-1]


def refused(door: Caller, body: Any, status: int = 400, path: str = GENERATE) -> dict[str, Any]:
    """The error of a request that nothing was ordered for."""
    answer = door.ask("POST", path, body)
    assert (answer.status, door.desk.orders) == (status, []), answer.content()[:500]
    error: dict[str, Any] = parsed(answer)["error"]
    assert error["code"] == status
    return error


def field_of(error: dict[str, Any]) -> str:
    """The field that an error is about."""
    (violation,) = error["details"][0]["fieldViolations"]
    assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    return str(violation["field"])


def images(candidate: dict[str, Any]) -> list[bytes]:
    parts = candidate["content"]["parts"]
    return [b64decode(part["inlineData"]["data"], validate=True) for part in parts if "inlineData" in part]


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


def finish(desk: MemoryDesk, parts: list[dict[str, Any]], images: int, **changes: Any) -> None:
    """From now on `run` ends as a success with these parts."""
    order = Order(model=FLASH.model, asked=FLASH.model, prompt="x", count=images)
    made = delivered(report(order), images)
    desk.ends = {
        "state": State.SUCCEEDED,
        "images": made.images,
        "tokens": made.tokens,
        "parts": tuple(parts),
    } | changes


def test_without_text_in_the_modalities_only_the_picture_is_left(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Here it is."}, {"image": 1}], images=1)
    with_words = parsed(door.ask("POST", GENERATE, configured(responseModalities=["TEXT", "IMAGE"])))
    without = parsed(door.ask("POST", GENERATE, configured(responseModalities=["image"])))
    assert with_words["candidates"][0]["content"]["parts"][0] == {"text": "Here it is."}
    assert [list(part) for part in without["candidates"][0]["content"]["parts"]] == [["inlineData"]]


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
@pytest.mark.parametrize("path", [GENERATE, STREAM])
def test_a_failed_generation_is_an_error_before_the_first_byte(
    door: Caller, desk: MemoryDesk, kind: Kind, status: int, word: str, path: str
) -> None:
    desk.ends = {"state": State.FAILED, "kind": kind, "message": "The model is away."}
    answer = door.ask("POST", path, said(), "alt=sse")
    assert "Content-Type" not in answer.headers, "plain JSON, the engine's default"
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


# ---- the stream ------------------------------------------------------------------------------


def events(answer: Answer) -> list[dict[str, Any]]:
    text = answer.content().decode()
    assert text.endswith("\r\n\r\n")
    found = text.removesuffix("\r\n\r\n").split("\r\n\r\n")
    assert all(event.startswith("data: ") for event in found)
    return [json.loads(event.removeprefix("data: ")) for event in found]


def test_a_stream_tells_the_words_then_the_picture_then_why_it_ended(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Here"}, {"text": " it is."}, {"image": 1}], images=1)
    answer = door.ask("POST", STREAM, said(), "alt=sse")
    first, second, last = events(answer)
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.report is not None
    for chunk, text in ((first, "Here"), (second, " it is.")):
        assert chunk["candidates"] == [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]
        assert chunk["usageMetadata"] == {"promptTokenCount": 10, "totalTokenCount": 10}
    assert images(last["candidates"][0]) == [picture(1)]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] == 1290
    assert first["responseId"] == last["responseId"]


def test_without_alt_the_stream_is_one_json_array(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Here it is."}, {"image": 1}], images=1)
    answer = door.ask("POST", STREAM, said())
    assert answer.headers["Content-Type"] == "application/json"
    first, last = parsed(answer)
    assert "finishReason" not in first["candidates"][0]
    assert images(last["candidates"][0]) == [picture(1)]


def test_a_stream_of_two_candidates_ends_each_of_them(door: Caller) -> None:
    chunks = events(door.ask("POST", STREAM, configured(candidateCount=2), "alt=sse"))
    assert [(c["candidates"][0]["index"], c["candidates"][0]["finishReason"]) for c in chunks] == [
        (0, "STOP"),
        (1, "STOP"),
    ]
    assert ["candidatesTokenCount" in c["usageMetadata"] for c in chunks] == [False, True]


def test_a_blocked_prompt_streams_its_feedback(door: Caller, desk: MemoryDesk) -> None:
    refusal = {"refusal": "SAFETY", "stage": "prompt"}
    desk.ends = {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "parts": (refusal,)}
    (event,) = events(door.ask("POST", STREAM, said(), "alt=sse"))
    assert event["promptFeedback"] == {"blockReason": "SAFETY"}


# ---- the request -----------------------------------------------------------------------------


def test_a_plain_text_is_the_prompt_of_one_square_picture(door: Caller) -> None:
    order = ordered(door, said("A cat"))
    assert (order.prompt, order.count, order.turns, order.system) == ("A cat", 1, (), "")
    assert (order.model, order.asked, order.resolution) == (FLASH.model, FLASH.model, "1K")
    assert order.adjusted == ()


def test_the_documented_default_ratio_is_used(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (replace(FLASH, default_ratio="1:1"),)
    assert ordered(door, said()).ratio == "1:1"


MIXED = {
    "contents": [{"parts": [{"text": "A cat"}], "role": "user"}],
    "system_instruction": {"parts": [{"text": "Draw in ink."}]},
    "generationConfig": {
        "candidate_count": 2.0,
        "imageConfig": {"aspect_ratio": "16:9"},
        "top_k": 5.0,
        "topP": 0.5,
        "temperature": 1,
        "maxOutputTokens": 8192,
        "stop_sequences": ["END"],
        "seed": 7,
        "responseModalities": ["Text", "IMAGE"],
        "unheard_of": {"a": 1},
    },
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "unknownKey": [1],
}


def test_both_spellings_are_read_side_by_side_and_unknown_keys_ignored(door: Caller) -> None:
    order = ordered(door, MIXED)
    assert (order.prompt, order.system, order.count, order.ratio) == ("A cat", "Draw in ink.", 2, "16:9")
    sampling = order.sampling
    assert (sampling.top_k, sampling.top_p, sampling.temperature) == (5, 0.5, 1.0)
    assert (sampling.max_output_tokens, sampling.seed, sampling.stop) == (8192, 7, ("END",))
    assert sampling.safety == (("HARM_CATEGORY_HARASSMENT", "BLOCK_NONE"),)
    assert order.adjusted == ()


def test_what_google_would_read_is_read_here_alike(door: Caller) -> None:
    """Both readers take the same request, but for what Google refuses: unknown keys, more than one."""
    config = {"imageConfig": {"aspect_ratio": "16:9"}, "top_k": 5.0, "responseModalities": ["image"]}
    body = said("A cat", generationConfig=config)
    read, order = contract.check(body), ordered(door, body)
    assert read["contents"][0]["parts"][0]["text"] == order.prompt
    assert read["generation_config"]["top_k"] == order.sampling.top_k
    assert read["generation_config"]["image_config"]["aspect_ratio"] == order.ratio


def test_one_thing_is_read_as_a_list_of_one(door: Caller) -> None:
    assert ordered(door, {"contents": {"parts": {"text": "A cat"}}}).prompt == "A cat"


def test_an_order_survives_being_stored(door: Caller) -> None:
    order = ordered(door, MIXED)
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_earlier_turns_are_kept_with_their_signatures(door: Caller) -> None:
    signature = urlsafe_b64encode(b"\xfb\xff\xfe").decode().rstrip("=")
    contents = [
        {"role": "user", "parts": [{"text": "A cat"}]},
        {"role": "model", "parts": [{"text": "Why?", "thoughtSignature": signature}]},
        {"role": "user", "parts": [{"text": "Because"}, {"text": "I like it"}]},
    ]
    order = ordered(door, {"contents": contents})
    assert order.prompt == "Because\nI like it"
    assert order.turns == (
        Turn("user", (Text("A cat"),)),
        Turn("model", (Text("Why?", signature="+//+"),)),
        Turn("user", (Text("Because"), Text("I like it"))),
    )


@pytest.mark.parametrize(
    "config",
    [
        {"imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}},
        {"responseFormat": {"image": {"aspectRatio": "16:9", "imageSize": "2K"}}},
        {
            "response_format": {
                "image": {"aspect_ratio": "ASPECT_RATIO_SIXTEEN_BY_NINE", "image_size": "IMAGE_SIZE_TWO_K"}
            }
        },
        {
            "imageConfig": {"aspectRatio": "16:9"},
            "responseFormat": {"image": {"imageSize": "2K", "aspectRatio": "ASPECT_RATIO_SIXTEEN_BY_NINE"}},
        },
    ],
    ids=["old", "new", "words", "both"],
)
def test_every_spelling_of_a_shape_means_the_same(door: Caller, config: dict[str, Any]) -> None:
    order = ordered(door, configured(**config), f"/v1/models/{PRO.model}:generateContent")
    assert (order.ratio, order.resolution, order.adjusted) == ("16:9", "2K", ())


def test_the_smallest_size_has_two_spellings(door: Caller) -> None:
    for size in ("512", "IMAGE_SIZE_FIVE_TWELVE"):
        body = configured(imageConfig={"imageSize": size})
        assert ordered(door, body, f"/v1/models/{SMALL.model}:generateContent").resolution == "512"


def test_a_file_type_is_ordered_in_either_form(door: Caller) -> None:
    newer = configured(responseFormat={"image": {"mimeType": "image/webp"}})
    older = configured(
        imageConfig={"imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 80}}
    )
    assert ordered(door, newer).format == "webp"
    order = ordered(door, older)
    assert (order.format, order.compression) == ("jpeg", 80)


ADJUSTED: dict[str, tuple[dict[str, Any], str]] = {
    "size": ({"imageConfig": {"imageSize": "4K"}}, "imageSize 4K -> 1K"),
    "tokens": ({"maxOutputTokens": 100_000}, "maxOutputTokens 100000 -> 32768"),
    "topK": ({"topK": 1000.0}, "topK 1000 -> 64"),
    "topP": ({"topP": 1.5}, "topP 1.5 -> 1.0"),
    "temperature": ({"temperature": 9}, "temperature 9.0 -> 2.0"),
    "penalty": ({"presencePenalty": 0.5}, "presencePenalty 0.5 -> 0.0"),
    "thinking": ({"thinkingConfig": {"thinkingLevel": "high"}}, "thinkingLevel HIGH -> the model's own"),
    "budget": ({"thinkingConfig": {"thinkingBudget": 100}}, "thinkingBudget 100 -> the model's own"),
    "schema": ({"responseSchema": {"type": "OBJECT"}}, "responseSchema -> none"),
    "type": ({"responseMimeType": "application/json"}, "responseMimeType -> text/plain"),
    "delivery": ({"responseFormat": {"image": {"delivery": "URI"}}}, "delivery URI -> INLINE"),
    "people": (
        {"imageConfig": {"personGeneration": "ALLOW_NONE"}},
        "personGeneration ALLOW_NONE -> as words in the system instruction",
    ),
}


@pytest.mark.parametrize("config, sentence", ADJUSTED.values(), ids=ADJUSTED.keys())
def test_what_the_model_cannot_do_exactly_is_done_nearly_and_said(
    door: Caller, config: dict[str, Any], sentence: str
) -> None:
    assert ordered(door, configured(**config)).adjusted == (sentence,)


def test_a_clamped_setting_is_ordered_clamped(door: Caller) -> None:
    sampling = ordered(door, configured(topK=1000, maxOutputTokens=100_000)).sampling
    assert (sampling.top_k, sampling.max_output_tokens) == (64, 32_768)


def test_nobody_is_shown_when_nobody_shall_be(door: Caller) -> None:
    body = configured(imageConfig={"personGeneration": "ALLOW_NONE"})
    assert ordered(door, body).system == "Show no people in the image."


def test_tools_and_safety_of_another_platform_are_said_not_to_apply(door: Caller) -> None:
    safety = [
        {"category": "HARM_CATEGORY_IMAGE_HATE", "threshold": "OFF"},
        {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "HARM_BLOCK_THRESHOLD_UNSPECIFIED"},
    ]
    order = ordered(door, said(tools=[{"googleSearch": {}}], safetySettings=safety))
    assert order.adjusted == ("safetySettings HARM_CATEGORY_IMAGE_HATE -> none", "tools -> none")
    assert order.sampling.safety == ()


TWICE = {"aspectRatio": "1:1", "aspect_ratio": "16:9"}
BAD: dict[str, tuple[Any, str]] = {
    "no contents": ({}, "contents"),
    "empty contents": ({"contents": []}, "contents"),
    "contents of a wrong type": ({"contents": "A cat"}, "contents[0]"),
    "no parts": ({"contents": [{"role": "user"}]}, "contents[0].parts"),
    "role": ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "contents[0].role"),
    "text": ({"contents": [{"parts": [{"text": 7}]}]}, "contents[0].parts[0].text"),
    "blank text": (said("  \n"), "contents"),
    "empty part": ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
    "two kinds of part": (
        {"contents": [{"parts": [{"text": "x", "fileData": {"fileUri": "https://x.y"}}]}]},
        "contents[0].parts[0]",
    ),
    "function": (
        {"contents": [{"parts": [{"functionCall": {"name": "f"}}]}]},
        "contents[0].parts[0].functionCall",
    ),
    "the model's turn last": ({"contents": [{"role": "model", "parts": [{"text": "x"}]}]}, "contents"),
    "too long": (said("x" * 1001), "contents"),
    "signature": (
        {"contents": [{"parts": [{"text": "x", "thoughtSignature": "***"}]}]},
        "contents[0].parts[0].thoughtSignature",
    ),
    "system picture": (
        said(systemInstruction={"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}),
        "systemInstruction",
    ),
    "text only": (configured(responseModalities=["TEXT"]), "generationConfig.responseModalities"),
    "audio too": (configured(responseModalities=["IMAGE", "AUDIO"]), "generationConfig.responseModalities"),
    "unknown modality": (
        configured(responseModalities=["IMAGE", "SMELL"]),
        "generationConfig.responseModalities[1]",
    ),
    "no candidates": (configured(candidateCount=0), "generationConfig.candidateCount"),
    "eleven candidates": (configured(candidateCount=11), "generationConfig.candidateCount"),
    "half a candidate": (configured(candidateCount=1.5), "generationConfig.candidateCount"),
    "count of a wrong type": (configured(candidateCount=True), "generationConfig.candidateCount"),
    "endless count": (configured(candidateCount=10**40), "generationConfig.candidateCount"),
    "ratio": (configured(imageConfig={"aspectRatio": "7:11"}), "generationConfig.imageConfig.aspectRatio"),
    "ratio in wrong words": (
        configured(imageConfig={"aspectRatio": "ASPECT_RATIO_SEVEN_BY_ELEVEN"}),
        "generationConfig.imageConfig.aspectRatio",
    ),
    "ratio twice": (configured(imageConfig=TWICE), "generationConfig.imageConfig.aspectRatio"),
    "two ratios": (
        configured(imageConfig={"aspectRatio": "1:1"}, responseFormat={"image": {"aspectRatio": "16:9"}}),
        "generationConfig.responseFormat.image.aspectRatio",
    ),
    "small k": (configured(imageConfig={"imageSize": "1k"}), "generationConfig.imageConfig.imageSize"),
    "file type": (
        configured(responseFormat={"image": {"mimeType": "image/gif"}}),
        "generationConfig.responseFormat.image.mimeType",
    ),
    "people": (
        configured(imageConfig={"personGeneration": "SOME"}),
        "generationConfig.imageConfig.personGeneration",
    ),
    "temperature in words": (configured(temperature="hot"), "generationConfig.temperature"),
    "temperature below zero": (configured(temperature=-0.1), "generationConfig.temperature"),
    "endless temperature": (configured(temperature=10**400), "generationConfig.temperature"),
    "topK of none": (configured(topK=0), "generationConfig.topK"),
    "seed too long": (configured(seed=2**31), "generationConfig.seed"),
    "six stops": (configured(stopSequences=["a"] * 6), "generationConfig.stopSequences"),
    "an empty stop": (configured(stopSequences=[""]), "generationConfig.stopSequences"),
    "config of a wrong type": (said(generationConfig=[]), "generationConfig"),
    "category": (
        said(safetySettings=[{"category": "HARM_CATEGORY_FUN"}]),
        "safetySettings[0].category",
    ),
    "threshold": (
        said(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "SOME"}]),
        "safetySettings[0].threshold",
    ),
    "category twice": (
        said(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}] * 2),
        "safetySettings[1].category",
    ),
}


@pytest.mark.parametrize("body, field", BAD.values(), ids=BAD.keys())
def test_a_bad_field_is_named(door: Caller, body: Any, field: str) -> None:
    error = refused(door, body)
    assert (error["status"], field_of(error)) == ("INVALID_ARGUMENT", field)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"contents": NaN}', b"\xff"])
def test_a_body_that_is_no_json_object_is_a_400(door: Caller, body: bytes) -> None:
    assert refused(door, body)["status"] == "INVALID_ARGUMENT"


def test_the_longest_prompt_and_the_most_candidates_pass(door: Caller) -> None:
    order = ordered(door, said("x" * 1000, generationConfig={"candidateCount": 10}))
    assert (len(order.prompt), order.count) == (1000, 10)


def test_another_content_type_is_refused(door: Caller) -> None:
    answer = door.ask("POST", GENERATE, said(), content_type="text/plain")
    assert (answer.status, parsed(answer)["error"]["status"]) == (415, "INVALID_ARGUMENT")


# ---- pictures as input: read and checked, not served yet --------------------------------------


def shown(part: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": "Make it blue"}, part]}]}


@pytest.mark.parametrize(
    "part, field",
    [
        ({"inlineData": {"mimeType": "image/png", "data": PNG}}, "inlineData"),
        ({"inline_data": {"mime_type": "image/jpg", "data": PNG.rstrip("=")}}, "inlineData"),
        (
            {"inlineData": {"mime_type": "image/webp", "data": urlsafe_b64encode(b"\xfb\xff" * 9).decode()}},
            "inlineData",
        ),
        ({"fileData": {"file_uri": "gs://bucket/cat.png", "mime_type": "image/heic"}}, "fileData"),
        ({"file_data": {"fileUri": "https://example.com/cat.png"}}, "fileData"),
    ],
)
def test_a_good_picture_is_not_available_yet(door: Caller, part: dict[str, Any], field: str) -> None:
    error = refused(door, shown(part))
    assert "not available yet" in error["message"]
    assert field_of(error) == f"contents[0].parts[1].{field}"


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
        ({"fileData": {"fileUri": "https://[::1"}}, "fileData.fileUri"),
        ({"fileData": {"fileUri": "https://x.y/a", "mimeType": "video/mp4"}}, "fileData.mimeType"),
    ],
)
def test_a_bad_picture_is_refused_for_what_is_wrong(door: Caller, part: dict[str, Any], field: str) -> None:
    error = refused(door, shown(part))
    assert "not available yet" not in error["message"]
    assert field_of(error) == f"contents[0].parts[1].{field}"


def test_a_picture_may_be_as_large_as_the_model_takes_and_no_larger(door: Caller) -> None:
    for size, message in (
        (FLASH.reference_bytes, "not available yet"),
        (FLASH.reference_bytes + 1, "at most"),
    ):
        data = b64encode(bytes(size)).decode()
        error = refused(door, shown({"inlineData": {"mimeType": "image/png", "data": data}}))
        assert message in error["message"]
        assert len(error["message"]) < 300


# ---- models and tokens -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["/v1beta", "/v1", "/v1alpha", "", "/v1beta/v1", "/v1/v1beta"])
@pytest.mark.parametrize(
    "name",
    ["gemini-2.5-flash-image", "models/gemini-2.5-flash-image", "google/gemini-2.5-flash-image"],
)
def test_a_model_is_found_under_every_version_and_form(door: Caller, version: str, name: str) -> None:
    assert ordered(door, said(), f"{version}/models/{name}:generateContent").model == FLASH.model


def test_an_unknown_model_has_googles_sentence(door: Caller) -> None:
    error = refused(door, said(), 404, "/v1beta/models/gemini-1:generateContent")
    assert error["status"] == "NOT_FOUND"
    assert error["message"].startswith("models/gemini-1 is not found for API version v1beta, or is not")


def test_a_model_the_key_may_not_use_is_permission_denied(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (replace(FLASH, allowed=False),)
    assert refused(door, said(), 403)["status"] == "PERMISSION_DENIED"


def test_all_names_of_the_models_are_listed(door: Caller) -> None:
    body = parsed(door.ask("GET", "/v1beta/models"))
    assert [item["name"] for item in body["models"]] == [f"models/{n}" for o in OFFERS for n in o.names]
    assert "nextPageToken" not in body
    first = body["models"][0]
    assert (first["version"], first["inputTokenLimit"]) == ("2.5", 32_768)
    assert first["supportedGenerationMethods"] == ["generateContent", "countTokens"]


def test_the_list_is_read_page_by_page(door: Caller) -> None:
    names, query = [], "pageSize=2"
    for _ in range(3):
        page = parsed(door.ask("GET", "/v1/models", query=query))
        names += [item["name"] for item in page["models"]]
        query = f"pageSize=2&pageToken={page.get('nextPageToken')}"
    assert names == [f"models/{n}" for o in OFFERS for n in o.names]
    assert "nextPageToken" not in page


@pytest.mark.parametrize(
    "query", ["pageSize=x", "pageSize=-1", "pageToken=x", "pageToken=Käse", "pageToken=MA"]
)
def test_a_bad_page_is_a_400(door: Caller, query: str) -> None:
    assert door.ask("GET", "/v1/models", query=query).status == 400


def test_a_model_is_read_by_any_of_its_names(door: Caller, desk: MemoryDesk) -> None:
    item = parsed(door.ask("GET", "/v1beta/models/nano-banana-beta"))
    assert (item["name"], item["baseModelId"]) == ("models/nano-banana-beta", FLASH.model)
    desk.models = (replace(FLASH, allowed=False),)
    assert door.ask("GET", MODEL).status == 404


def test_a_verb_wants_a_post(door: Caller) -> None:
    answer = door.ask("GET", GENERATE)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_tokens_are_counted_here_and_pictures_are_welcome(door: Caller, desk: MemoryDesk) -> None:
    body = shown({"inlineData": {"mimeType": "image/png", "data": PNG}})
    for request in (body, {"generateContentRequest": {"model": "models/x", **body}}):
        assert parsed(door.ask("POST", f"{MODEL}:countTokens", request)) == {
            "totalTokens": 261,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 3},
                {"modality": "IMAGE", "tokenCount": 258},
            ],
        }
    assert desk.orders == []


def test_the_system_instruction_is_counted_too(door: Caller) -> None:
    body = said("abcd", systemInstruction={"parts": [{"text": "abcde"}]})
    assert parsed(door.ask("POST", f"{MODEL}:countTokens", body))["totalTokens"] == 3


def test_tokens_of_two_requests_are_not_counted(door: Caller) -> None:
    error = refused(door, said() | {"generateContentRequest": said()}, path=f"{MODEL}:countTokens")
    assert field_of(error) == "generateContentRequest"


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/v1beta/models/imagen-4:predict"),
        ("POST", f"{MODEL}:batchGenerateContent"),
        ("POST", "/upload/v1beta/files"),
        ("GET", "/v1beta/files"),
        ("DELETE", "/v1beta/files/abc"),
        ("POST", "/v1beta/cachedContents"),
        ("POST", "/v1beta/batches/abc:cancel"),
    ],
)
def test_what_is_not_offered_says_what_is(door: Caller, method: str, path: str) -> None:
    answer = door.ask(method, path, {})
    error = parsed(answer)["error"]
    assert (answer.status, error["code"], error["status"]) == (501, 501, "UNIMPLEMENTED")
    assert "models/{model}:generateContent" in error["message"]


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


# ---- keys ------------------------------------------------------------------------------------


def request_with(query: str = "", **headers: str) -> Incoming:
    asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming("GET", "/v1beta/models", "", sent, asked, b"")


def test_keys_are_tried_in_their_order() -> None:
    request = request_with("key=c", authorization="Bearer a", x_goog_api_key="b")
    assert GEMINI.keys(request) == ("a", "b", "c")
    assert GEMINI.keys(request_with("key=a", x_goog_api_key="a")) == ("a",)
    assert GEMINI.keys(request_with("key=", x_api_key="x")) == ()


def test_a_proxys_credentials_do_not_hide_the_key() -> None:
    assert GEMINI.keys(request_with("key=c", authorization="Basic cHJveHk6eA==")) == ("c",)
    with pytest.raises(Problem) as caught:
        GEMINI.keys(request_with(authorization="Basic cHJveHk6eA=="))
    assert caught.value.kind is Kind.AUTH_INVALID


@pytest.mark.parametrize("kind", [Kind.AUTH_INVALID, Kind.KEY_DISABLED, Kind.KEY_EXPIRED])
@pytest.mark.parametrize(
    "request_, status, word",
    [
        (request_with(x_goog_api_key="b"), 400, "INVALID_ARGUMENT"),
        (request_with("key=c"), 400, "INVALID_ARGUMENT"),
        (request_with("key=c", authorization="Basic cHJveHk6eA=="), 400, "INVALID_ARGUMENT"),
        (request_with(authorization="Bearer a"), 401, "UNAUTHENTICATED"),
        (request_with("key=c", authorization="Bearer a"), 401, "UNAUTHENTICATED"),
        (request_with(authorization="Bearer"), 401, "UNAUTHENTICATED"),
    ],
)
def test_a_refused_key_is_worded_by_where_it_stood(
    kind: Kind, request_: Incoming, status: int, word: str
) -> None:
    error = parsed(GEMINI.word(Problem(kind, "Refused."), request_))["error"]
    assert (error["code"], error["status"]) == (status, word)
    reasons = [detail["reason"] for detail in error.get("details", [])]
    assert reasons == (["API_KEY_INVALID"] if status == 400 else [])


def test_a_key_in_the_query_is_never_repeated() -> None:
    request = request_with("key=easel_live_secret")
    for kind in Kind:
        assert b"secret" not in GEMINI.word(Problem(kind, "What happened."), request).content()


def test_without_a_key_only_the_models_are_open() -> None:
    open_paths = {route.path for route in GEMINI.routes() if route.open}
    assert open_paths == {
        f"/{version}/models{rest}" for version in ("v1beta", "v1", "v1alpha") for rest in ("", "/{model*}")
    }
    error = parsed(GEMINI.word(Problem(Kind.AUTH_MISSING, "None."), request_with()))["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")


def test_only_generating_submits_and_needs_the_scope_for_it() -> None:
    paid = {route.path.rpartition(":")[2] for route in GEMINI.routes() if route.submits}
    assert paid == {"generateContent", "streamGenerateContent"}
    assert all(route.scope == "images:create" for route in GEMINI.routes() if route.submits)


def test_a_rate_limit_carries_retry_info() -> None:
    answer = GEMINI.word(Problem(Kind.RATE_LIMITED, "Too fast.", retry_after=30), request_with())
    assert parsed(answer)["error"] == {
        "code": 429,
        "message": "Too fast.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}],
    }
