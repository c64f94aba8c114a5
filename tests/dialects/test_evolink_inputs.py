"""EvoLink's door: reference images, masks and the callback's address."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generations.errors import Problem
from generations.spec import Kind, Source
from tests.dialects.desk import FLASH, PRO, MemoryDesk, parsed
from tests.dialects.evolink_caller import SEED, SUBMIT, EvolinkCaller, error

MB = 2**20
CAT = "https://example.com/cat.png"
MASK = "https://example.com/mask.png"
LIMITED = replace(FLASH, max_references=5, reference_bytes=10 * MB)
ROOMY = replace(PRO, max_references=14, reference_bytes=20 * MB)


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("evolink", models=(LIMITED, ROOMY))


@pytest.fixture
def door(desk: MemoryDesk) -> EvolinkCaller:
    return EvolinkCaller(desk)


def submit(door: EvolinkCaller, **fields: Any) -> dict[str, Any]:
    """The error of a refused order."""
    answer = door.ask("POST", SUBMIT, SEED | fields)
    assert answer.status >= 400
    assert not door.desk.orders
    return error(answer)


# ---- reference images ------------------------------------------------------------------------


def test_the_pictures_go_along_in_their_order_with_the_models_limit(
    door: EvolinkCaller, desk: MemoryDesk
) -> None:
    urls = [CAT, "https://example.com/dog.webp"]
    assert door.ask("POST", SUBMIT, SEED | {"image_urls": urls}).status == 200
    assert desk.taken == [
        Source("image_urls[0]", url=urls[0], limit=10 * MB),
        Source("image_urls[1]", url=urls[1], limit=10 * MB),
    ]
    assert [stored.role for stored in desk.orders[0].inputs] == ["image", "image"]
    assert desk.orders[0].adjusted == ()


@pytest.mark.parametrize("size", [None, "auto"])
def test_without_a_ratio_the_picture_follows_the_last_input(
    door: EvolinkCaller, desk: MemoryDesk, size: str | None
) -> None:
    desk.models = (replace(LIMITED, default_ratio="1:1"),)
    door.ask("POST", SUBMIT, SEED | {"image_urls": [CAT], "size": size})
    assert desk.orders[0].ratio is None


def test_without_a_ratio_and_an_input_the_models_own_is_taken(door: EvolinkCaller, desk: MemoryDesk) -> None:
    desk.models = (replace(LIMITED, default_ratio="1:1"),)
    door.ask("POST", SUBMIT, SEED | {"image_urls": []})
    assert desk.orders[0].ratio == "1:1"


@pytest.mark.parametrize("offer", [LIMITED, ROOMY], ids=["five", "fourteen"])
def test_as_many_pictures_as_the_model_takes_pass_and_one_more_does_not(
    desk: MemoryDesk, door: EvolinkCaller, offer: Any
) -> None:
    body = SEED | {"model": offer.model}
    over = door.ask("POST", SUBMIT, body | {"image_urls": [CAT] * (offer.max_references + 1)})
    assert (over.status, error(over)["param"]) == (400, "image_urls")
    assert f"at most {offer.max_references} images" in error(over)["message"]
    assert not desk.taken
    assert door.ask("POST", SUBMIT, body | {"image_urls": [CAT] * offer.max_references}).status == 200
    assert {source.limit for source in desk.taken} == {offer.reference_bytes}


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,iVBORw0KGgo=", "iVBORw0KGgo=", "gs://bucket/cat.png", "ftp://x/y", "file:///etc/passwd",
     "//example.com/cat.png", "", " ", None, 7, {"url": CAT}, [CAT]],
    ids=repr,
)  # fmt: skip
def test_only_a_public_link_is_a_picture(door: EvolinkCaller, url: Any) -> None:
    told = submit(door, image_urls=[CAT, url])
    assert told["param"] == "image_urls[1]"
    assert "must be a public https URL" in told["message"]


def test_a_plain_http_link_that_is_not_ours_is_refused_with_the_rule(
    door: EvolinkCaller, desk: MemoryDesk
) -> None:
    refusal = Problem(Kind.BAD_REQUEST, "no", param="image_urls[0]", reason="url_not_allowed")
    desk.refused_sources = {"image_urls[0]": refusal}
    told = submit(door, image_urls=["http://example.com/cat.png"])
    assert (told["code"], told["param"]) == ("invalid_request", "image_urls[0]")
    assert "must be a public https URL" in told["message"]


def test_a_link_of_our_own_may_be_plain_http(door: EvolinkCaller, desk: MemoryDesk) -> None:
    ours = "http://127.0.0.1:8000/u/01a00000-0000-7000-8000-000000000001.png?t=abc"
    assert door.ask("POST", SUBMIT, SEED | {"image_urls": [ours]}).status == 200
    assert desk.taken[0].url == ours


@pytest.mark.parametrize(
    "kind, reason, status, code",
    [
        (Kind.BAD_REQUEST, "url_not_allowed", 400, "invalid_request"),
        (Kind.BAD_REQUEST, "fetch_failed", 400, "invalid_request"),
        (Kind.BAD_REQUEST, "timeout", 400, "invalid_request"),
        (Kind.BAD_REQUEST, "not_an_image", 400, "invalid_request"),
        (Kind.UNSUPPORTED_MEDIA, "unsupported_media", 400, "invalid_request"),
        (Kind.TOO_LARGE, "too_large", 413, "request_too_large"),
        (Kind.RATE_LIMITED, "busy", 429, "rate_limit_exceeded"),
        (Kind.OVERLOADED, "", 503, "service_unavailable"),
    ],
)
def test_a_picture_that_is_not_taken_is_named_and_nothing_is_ordered(
    door: EvolinkCaller, desk: MemoryDesk, kind: Kind, reason: str, status: int, code: str
) -> None:
    sentence = f"image_urls[0] is not taken ({reason})."
    desk.refused_sources = {"image_urls[0]": Problem(kind, sentence, param="image_urls[0]", reason=reason)}
    answer = door.ask("POST", SUBMIT, SEED | {"image_urls": [CAT]})
    told = error(answer)
    assert (answer.status, told["code"], told["param"]) == (status, code, "image_urls[0]")
    assert told["message"] == sentence
    assert not desk.orders


# ---- masks -----------------------------------------------------------------------------------


def test_a_mask_goes_along_as_an_extra_picture_and_is_said(door: EvolinkCaller, desk: MemoryDesk) -> None:
    assert door.ask("POST", SUBMIT, SEED | {"image_urls": [CAT], "mask_url": MASK}).status == 200
    assert desk.taken[-1] == Source("mask_url", url=MASK, role="mask", limit=10 * MB)
    assert [stored.role for stored in desk.orders[0].inputs] == ["image", "mask"]
    said = "mask_url -> as an extra picture, with the rest restored from the first one"
    assert desk.orders[0].adjusted == (said,)


def test_a_mask_does_not_count_as_one_of_the_pictures(door: EvolinkCaller) -> None:
    body = SEED | {"image_urls": [CAT] * 5, "mask_url": MASK}
    assert door.ask("POST", SUBMIT, body).status == 200


@pytest.mark.parametrize("images", [None, []])
def test_a_mask_without_a_picture_is_refused(door: EvolinkCaller, images: Any) -> None:
    told = submit(door, mask_url=MASK, image_urls=images)
    assert (told["param"], told["message"]) == (
        "mask_url",
        "mask_url needs image_urls: a mask belongs to the first picture",
    )


@pytest.mark.parametrize("mask", ["", "data:image/png;base64,AAAA", "mask.png"])
def test_a_mask_is_a_public_link_too(door: EvolinkCaller, mask: str) -> None:
    assert submit(door, image_urls=[CAT], mask_url=mask)["param"] == "mask_url"


def test_a_mask_of_another_size_is_named(door: EvolinkCaller, desk: MemoryDesk) -> None:
    sentence = "mask_url has 10x10 pixels and the picture 64x48."
    desk.refused_sources = {"mask_url": Problem(Kind.BAD_REQUEST, sentence, param="mask_url", reason="mask")}
    assert submit(door, image_urls=[CAT], mask_url=MASK)["message"] == sentence


# ---- the callback ----------------------------------------------------------------------------

LONGEST = "https://example.com/" + "x" * (2048 - len("https://example.com/"))


@pytest.mark.parametrize(
    "url", ["https://example.com/hook", "https://93.184.216.34/done?id=1", LONGEST], ids=len
)
def test_a_callback_to_a_public_https_address_is_taken(
    door: EvolinkCaller, desk: MemoryDesk, url: str
) -> None:
    assert door.ask("POST", SUBMIT, SEED | {"callback_url": url}).status == 200
    assert desk.orders[0].callback_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "http://example.com/hook",
        "ftp://example.com/hook",
        f"{LONGEST}x",
        "https://example.com:8080/hook",
        "https://user:secret@example.com/hook",
        "https://example.com/a\r\nX-Evil: 1",
        "https://exam\u0440le.com/",
        "https://127.0.0.1/hook",
        "https://10.1.2.3/hook",
        "https://172.16.0.1/hook",
        "https://192.168.1.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/hook",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/hook",
    ],
    ids=lambda url: url[:40],
)
def test_any_other_callback_is_a_400_before_a_picture_is_fetched(
    door: EvolinkCaller, desk: MemoryDesk, url: str
) -> None:
    answer = door.ask("POST", SUBMIT, SEED | {"callback_url": url, "image_urls": [CAT]})
    told = error(answer)
    assert (answer.status, told["code"], told["param"]) == (400, "invalid_request", "callback_url")
    assert "https URL of at most 2048 characters" in told["message"]
    assert not desk.taken
    assert not desk.orders


def test_the_answer_does_not_tell_the_callback(door: EvolinkCaller) -> None:
    answer = door.ask("POST", SUBMIT, SEED | {"callback_url": "https://example.com/hook"})
    assert "example.com" not in answer.content().decode()
    assert parsed(answer)["status"] == "pending"
