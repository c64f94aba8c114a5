"""What the gemini engine asks Google for, read on the wire by the loopback Google."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from generations.provider import Job
from generations.spec import Order, Picture, Sampling, Size, Text, Turn
from tests.providers.gemini_rig import PRO, draw, job, order, picture
from tests.upstreams.gemini import contract, pictures

DOG = pictures.png(16, 9, 1)
CAT = pictures.png(9, 16, 2)
STORED = {"dog": DOG, "cat": CAT}
INPUTS = (picture(DOG, key="dog"), picture(CAT, key="cat"))


def said(wanted: Order | Job) -> dict[str, Any]:
    """The request as Google reads it."""
    _, google = draw(wanted if isinstance(wanted, Job) else job(wanted, STORED))
    return contract.check(google.calls.recent[-1]["body"])


def words(request: Mapping[str, Any]) -> list[str]:
    return [part["text"] for part in request["contents"][-1]["parts"] if "text" in part]


def test_a_plain_prompt_is_said_as_it_is_and_a_picture_is_always_asked_for() -> None:
    request = said(order("A white cat"))
    assert request["contents"] == [{"role": "user", "parts": [{"text": "A white cat"}]}]
    settings = request["generation_config"]
    assert settings == {"response_modalities": ["TEXT", "IMAGE"], "image_config": {"aspect_ratio": "1:1"}}


def test_the_size_is_said_only_where_it_is_not_1k() -> None:
    size = Size("2K", "16:9", 2752, 1536, 1120)
    request = said(job(order(model=PRO, ratio="16:9", resolution="2K"), model=PRO, size=size))
    assert request["generation_config"]["image_config"] == {"aspect_ratio": "16:9", "image_size": "2K"}


def test_without_a_ratio_the_picture_follows_the_last_input() -> None:
    request = said(order("Make it winter", inputs=INPUTS))
    assert "image_config" not in request["generation_config"]


def test_inputs_stand_before_the_prompt_in_their_order() -> None:
    (turn,) = said(order("Make it winter", inputs=INPUTS))["contents"]
    shown = [part["inline_data"] for part in turn["parts"][:2]]
    assert shown == [{"mime_type": "image/png", "data": DOG}, {"mime_type": "image/png", "data": CAT}]
    assert turn["parts"][2] == {"text": "Make it winter"}


def test_a_mask_is_a_further_input_that_is_explained() -> None:
    mask = picture(CAT, key="cat", role="mask")
    request = said(order("Add a hat", inputs=(INPUTS[0], mask)))
    assert [part["inline_data"]["data"] for part in request["contents"][0]["parts"][:2]] == [DOG, CAT]
    assert "The last picture is a mask" in words(request)[0]


def test_style_quality_and_background_are_sentences_after_the_prompt() -> None:
    asked = order("A white cat", style="vivid", quality="hd", background="transparent")
    (text,) = words(said(asked))
    assert [line.split(":")[0] for line in text.split("\n\n")] == [
        "A white cat",
        "Style",
        "Quality",
        "Background",
    ]


def test_words_that_shape_nothing_add_nothing() -> None:
    asked = order("A white cat", style="natural", quality="auto", background="opaque")
    (text,) = words(said(asked))
    assert text.startswith("A white cat\n\nStyle: realistic")
    assert text.count("\n\n") == 1


def test_a_conversation_is_said_whole_with_its_pictures_and_signatures() -> None:
    turns = (
        Turn("user", (Text("A dog"),)),
        Turn("model", (Text("Here."), Picture(0, signature="c2ln"))),
        Turn("user", (Picture(1), Text("Beside this cat"))),
    )
    asked = order("Beside this cat", turns=turns, inputs=INPUTS, style="vivid")
    first, second, third = said(asked)["contents"]
    assert first == {"role": "user", "parts": [{"text": "A dog"}]}
    drawn = {"inline_data": {"mime_type": "image/png", "data": DOG}, "thought_signature": b"sig"}
    assert second == {"role": "model", "parts": [{"text": "Here."}, drawn]}
    assert third["parts"][1] == {"text": "Beside this cat"}
    assert third["parts"][2]["text"].startswith("Style: hyper-real")


def test_a_prompt_goes_on_after_the_models_turn() -> None:
    turns = (Turn("user", (Text("A dog"),)), Turn("model", (Picture(0),)))
    contents = said(order("Now a cat", turns=turns, inputs=INPUTS))["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user"]
    assert contents[2]["parts"][0]["inline_data"]["data"] == CAT
    assert contents[2]["parts"][1] == {"text": "Now a cat"}


def test_system_words_sampling_and_safety_are_passed_on() -> None:
    safety = (("HARM_CATEGORY_HARASSMENT", "BLOCK_ONLY_HIGH"),)
    sampling = Sampling(0.5, 0.9, 40, 2048, 7, ("END",), safety)
    request = said(order(system="Be brief.", sampling=sampling))
    assert request["system_instruction"]["parts"] == [{"text": "Be brief."}]
    assert request["safety_settings"] == [{"category": safety[0][0], "threshold": safety[0][1]}]
    settings = request["generation_config"]
    expected = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_output_tokens": 2048, "seed": 7}
    assert settings.items() >= (expected | {"stop_sequences": ["END"]}).items()


@pytest.mark.parametrize(("wanted", "seeds"), [(3, {7, 8, 9}), (2, {8, 9})])
def test_each_picture_of_an_order_has_its_own_seed_in_later_attempts_too(
    wanted: int, seeds: set[int]
) -> None:
    asked = order(count=3, sampling=Sampling(seed=7))
    _, google = draw(job(asked, count=wanted))
    assert {call["body"]["generationConfig"]["seed"] for call in google.calls.recent} == seeds


def test_candidates_are_never_asked_for_and_google_knows_the_deadline() -> None:
    _, google = draw(job(order(count=3), deadline=20))
    assert all("candidateCount" not in json.dumps(call["body"]) for call in google.calls.recent)
    assert [call["headers"]["x-server-timeout"] for call in google.calls.recent] == ["20"] * 3


def test_the_bytes_of_an_input_arrive_as_they_are() -> None:
    _, google = draw(job(order(inputs=INPUTS), STORED))
    sent = google.calls.recent[-1]["body"]["contents"][0]["parts"][0]["inlineData"]["data"]
    assert base64.urlsafe_b64decode(sent) == DOG
