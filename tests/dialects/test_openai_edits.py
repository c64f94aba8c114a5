"""OpenAI's door: pictures made from pictures, by JSON and by forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generations.dialects.openai.order import MASKED
from generations.errors import Problem
from generations.spec import Input, Kind, Order, Source
from tests.dialects.desk import FLASH, PRO, MemoryDesk, parsed, picture
from tests.dialects.openai_caller import EDIT, FLASH_ORDER, PNG, Caller, error_of, reference

MB = 2**20
DATA_URL = "data:image/png;base64,AAAA"
SIXTEEN = replace(FLASH, max_references=16)


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("openai", models=(SIXTEEN, PRO))


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


def edit(door: Caller, images: Any = None, **fields: Any) -> Order:
    """The order that a JSON edit becomes."""
    body = FLASH_ORDER | {"images": [reference()] if images is None else images} | fields
    answer = door.ask("POST", EDIT, body)
    assert answer.status == 200, answer.content()[:500]
    return door.desk.orders[-1]


def edit_form(door: Caller, *files: str, **fields: str) -> Order:
    """The order that a form with files of these names becomes."""
    answer = door.send_form([(name, PNG) for name in files], **(FLASH_ORDER | fields))
    assert answer.status == 200, answer.content()[:500]
    return door.desk.orders[-1]


# ---- the pictures ----------------------------------------------------------------------------


def test_pictures_come_by_https_and_by_data_url_in_their_order(door: Caller, desk: MemoryDesk) -> None:
    order = edit(door, [reference(), {"image_url": DATA_URL}])
    assert desk.taken == [
        Source("images[0].image_url", url="https://example.com/0.png", limit=10 * MB),
        Source("images[1].image_url", url=DATA_URL, limit=7 * MB),
    ]
    assert [stored.role for stored in order.inputs] == ["image", "image"]
    assert order.ratio is None, "the picture follows its last input"


@pytest.mark.parametrize("name", ["image", "image[]", "image[0]", "images", "images[]", "file", "file[]"])
def test_a_form_brings_its_file_under_any_name_that_clients_use(
    door: Caller, desk: MemoryDesk, name: str
) -> None:
    edit_form(door, name)
    assert desk.taken == [Source("image", data=picture(), limit=SIXTEEN.reference_bytes)]


def test_files_of_a_form_keep_their_order_and_their_number(door: Caller, desk: MemoryDesk) -> None:
    files = [("image[]", (f"{n}.png", picture(n), "image/png")) for n in range(3)]
    assert door.send_form(files, prompt="x").status == 200
    assert [(source.field, source.data) for source in desk.taken] == [
        (f"image[{n}]", picture(n)) for n in range(3)
    ]


def test_sixteen_pictures_pass_and_seventeen_do_not(door: Caller, desk: MemoryDesk) -> None:
    assert len(edit(door, [reference(n) for n in range(16)]).inputs) == 16
    error = error_of(door.ask("POST", EDIT, FLASH_ORDER | {"images": [reference()] * 17}))
    assert error["message"].endswith("images: Array must contain at most 16 element(s)")
    assert error["param"] == "images"


def test_sixteen_files_and_a_mask_pass_and_seventeen_files_do_not(door: Caller) -> None:
    assert len(edit_form(door, *["image[]"] * 16, "mask").inputs) == 17
    error = error_of(door.send_form([("image[]", PNG)] * 17, **FLASH_ORDER))
    assert error["message"].endswith("image: Array must contain at most 16 element(s)")


def test_a_model_that_takes_fewer_pictures_says_so(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (FLASH,)
    assert len(edit(door, [reference()] * 5).inputs) == 5
    error = error_of(door.ask("POST", EDIT, FLASH_ORDER | {"images": [reference()] * 6}))
    assert error["message"].endswith("at most 5 element(s)")


def test_a_file_of_20_mb_passes_and_a_larger_one_is_a_413(door: Caller, desk: MemoryDesk) -> None:
    whole = b"x" * (20 * MB)
    assert door.send_form([("image", ("a.png", whole, "image/png"))], prompt="x").status == 200
    assert len(desk.taken[0].data) == 20 * MB
    answer = door.send_form([("image", ("a.png", whole + b"x", "image/png"))], prompt="x")
    error = error_of(answer, 413)
    assert (error["code"], error["param"]) == ("request_too_large", "image")
    assert len(desk.orders) == 1


@pytest.mark.parametrize(
    "kind, reason, status, message",
    [
        (Kind.BAD_REQUEST, "fetch_failed", 400, "images[0].image_url is invalid: it was answered with 404"),
        (Kind.UNSUPPORTED_MEDIA, "not_an_image", 400, "images[0].image_url is invalid: it was"),
        (Kind.TOO_LARGE, "", 413, "images[0].image_url was answered with 404"),
        (Kind.OVERLOADED, "", 529, "images[0].image_url was answered with 404"),
    ],
)
def test_a_picture_that_cannot_be_taken_is_named_and_nothing_is_ordered(
    door: Caller, desk: MemoryDesk, kind: Kind, reason: str, status: int, message: str
) -> None:
    field = "images[0].image_url"
    problem = Problem(kind, f"{field} was answered with 404", param=field, reason=reason)
    desk.refused_sources[field] = problem
    error = error_of(door.ask("POST", EDIT, FLASH_ORDER | {"images": [reference()]}), status)
    assert error["message"].startswith(message)
    assert (error["param"], desk.orders) == (field, [])


# ---- the mask --------------------------------------------------------------------------------


def test_a_mask_goes_last_and_says_what_becomes_of_it(door: Caller, desk: MemoryDesk) -> None:
    order = edit_form(door, "mask", "image[]", "image[]")
    assert [stored.role for stored in order.inputs] == ["image", "image", "mask"]
    assert order.adjusted == (MASKED,)
    assert desk.taken[-1] == Source("mask", data=picture(), role="mask", limit=4 * MB)


def test_a_mask_comes_by_json_too(door: Caller, desk: MemoryDesk) -> None:
    assert [stored.role for stored in edit(door, mask={"image_url": DATA_URL}).inputs] == ["image", "mask"]
    assert desk.taken[-1] == Source("mask.image_url", url=DATA_URL, role="mask", limit=4 * MB)


class Wide(MemoryDesk):
    """Takes pictures of several shapes."""

    async def take(self, sources: Any) -> tuple[Input, ...]:
        taken = await super().take(sources)
        return (replace(taken[0], width=1920, height=1080), *taken[1:])


def test_a_masked_picture_has_the_shape_of_the_first_one_unless_another_is_asked_for() -> None:
    door = Caller(Wide("openai", models=(SIXTEEN,)))
    assert edit_form(door, "image[]", "image[]", "mask").ratio == "16:9"
    assert edit_form(door, "image[]", "image[]", "mask", aspect_ratio="1:1").ratio == "1:1"
    assert edit_form(door, "image[]", "image[]").ratio is None


def test_a_mask_that_does_not_fit_is_named(door: Caller, desk: MemoryDesk) -> None:
    said = "is 64x64, the picture 64x48"
    desk.refused_sources["mask"] = Problem(Kind.BAD_REQUEST, f"mask {said}", param="mask", reason="mask")
    error = error_of(door.send_form([("image", PNG), ("mask", PNG)], prompt="x"))
    assert (error["message"], error["param"]) == (f"mask is invalid: it {said}", "mask")


# ---- the fields ------------------------------------------------------------------------------

EVERY_FIELD = {
    "n": "2",
    "size": "1024x1536",
    "quality": "high",
    "style": "natural",
    "background": "transparent",
    "input_fidelity": "high",
    "output_format": "webp",
    "output_compression": "80",
    "moderation": "low",
    "service_tier": "flex",
    "complexity": "low",
    "response_format": "b64_json",
    "stream": "false",
    "partial_images": "2",
    "user": "u",
    "safety_identifier": "s",
    "svg[model]": "x",
}
NUMBERS = ("n", "output_compression", "partial_images")


def test_every_field_of_a_form_means_what_it_means_in_json(door: Caller) -> None:
    typed: dict[str, Any] = {n: int(v) if n in NUMBERS else v for n, v in EVERY_FIELD.items()}
    by_form = edit_form(door, "image", **EVERY_FIELD)
    by_json = edit(door, **typed | {"stream": False})
    assert replace(by_form, inputs=()) == replace(by_json, inputs=())
    assert (by_form.count, by_form.format, by_form.compression, by_form.ratio) == (2, "webp", 80, "2:3")
    assert by_form.adjusted == (
        "size 1024x1536 -> 832x1248",
        "quality high -> as words in the prompt",
        "style natural -> as words in the prompt",
        "background transparent -> opaque",
        "moderation low -> auto",
        "service_tier flex -> default",
        "complexity low -> as the model does by itself",
        "input_fidelity high -> as the model does by itself",
    )


def test_empty_parts_are_left_out(door: Caller) -> None:
    empty = dict.fromkeys(("n", "size", "quality", "background", "mask", "stream"), "")
    assert replace(edit_form(door, "image", **empty), inputs=()) == replace(
        edit_form(door, "image"), inputs=()
    )


def test_a_browsers_empty_file_input_is_no_file(door: Caller) -> None:
    nothing = ("mask", ("", b"", "application/octet-stream"))
    assert door.send_form([("image", PNG), nothing], prompt="x").status == 200
    assert [stored.role for stored in door.desk.orders[-1].inputs] == ["image"]


def test_an_edit_repeats_what_was_asked_as_the_picture_is(door: Caller) -> None:
    fields = {"size": "1024x1536", "quality": "high", "background": "auto", "output_format": "png"}
    answer = door.ask("POST", EDIT, FLASH_ORDER | {"images": [reference()]} | fields)
    body = parsed(answer)
    assert list(body) == ["created", "data", "output_format", "quality", "size", "usage"]
    assert (body["output_format"], body["quality"], body["size"]) == ("png", "high", "832x1248")
