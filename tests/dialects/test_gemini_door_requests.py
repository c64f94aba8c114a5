"""Google's door: how a request becomes an order, and what is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest

from generations.spec import Order, Text, Turn
from tests.dialects.desk import FLASH, PRO, SMALL, MemoryDesk, parsed
from tests.dialects.gemini_caller import (
    GENERATE,
    PNG,
    Caller,
    configured,
    field_of,
    ordered,
    refused,
    said,
)
from tests.upstreams.gemini import contract


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gemini")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


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
    "fame": (
        {"imageConfig": {"prominentPeople": "BLOCK_PROMINENT_PEOPLE"}},
        "prominentPeople BLOCK_PROMINENT_PEOPLE -> as words in the system instruction",
    ),
    "routing": ({"routingConfig": {"autoMode": {}}}, "routingConfig -> none"),
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
