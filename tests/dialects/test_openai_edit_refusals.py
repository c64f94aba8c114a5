"""OpenAI's door: edits that are refused, with the field that is wrong, before anything is fetched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generations.errors import Problem
from generations.spec import Kind
from tests.dialects.desk import FLASH, PRO, MemoryDesk
from tests.dialects.openai_caller import EDIT, FLASH_ORDER, GENERATE, PNG, Caller, error_of, reference

DATA_URL = "data:image/png;base64,AAAA"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("openai", models=(replace(FLASH, max_references=16), PRO))


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


# ---- by JSON ---------------------------------------------------------------------------------

BAD_JSON: list[tuple[dict[str, Any], str, str]] = [
    ({"images": None}, "images: Required", "images"),
    ({"images": "https://example.com"}, "images: Expected array, received string", "images"),
    ({"images": []}, "images: Array must contain at least 1 element(s)", "images"),
    ({"images": ["https://x"]}, "images[0]: Expected object, received string", "images[0]"),
    ({"images": [{}]}, "images[0].image_url: Required", "images[0].image_url"),
    ({"images": [{"image_url": 7}]}, "images[0].image_url: Expected string, received number", ""),
    ({"images": [{"file_id": "file-1"}]}, "images[0].file_id: Files are not offered here", ""),
    ({"mask": "x"}, "mask: Expected object, received string", "mask"),
    ({"mask": {}}, "mask.image_url: Required", "mask.image_url"),
    ({"mask": {"file_id": "f"}}, "mask.file_id: Files are not offered here", "mask.file_id"),
    ({"markup": {"image_url": DATA_URL}}, "markup: Not offered here", "markup"),
    ({"input_fidelity": "medium"}, "input_fidelity: Invalid enum value. Expected 'high' | 'low'", ""),
    ({"prompt": None}, "prompt: Required", "prompt"),
    ({"prompt": "x" * 1001}, "prompt: String must contain at most 1000 character(s)", "prompt"),
    ({"n": 11}, "n: Number must be less than or equal to 10", "n"),
    ({"output_format": "gif"}, "output_format: Invalid enum value", "output_format"),
    ({"response_format": "url"}, 'response_format: Invalid literal value, expected "b64_json"', ""),
]


@pytest.mark.parametrize("fields, issue, param", BAD_JSON, ids=lambda value: repr(value)[:30])
def test_a_bad_edit_is_a_400_that_fetches_and_orders_nothing(
    door: Caller, desk: MemoryDesk, fields: dict[str, Any], issue: str, param: str
) -> None:
    body = FLASH_ORDER | {"images": [reference()]} | fields
    error = error_of(door.ask("POST", EDIT, body))
    assert error["message"].startswith(f"Invalid request parameters: {issue}")
    assert error["param"] == (param or issue.partition(":")[0])
    assert (desk.orders, desk.taken) == ([], [])


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://example.com/a.png", "gs://b/o", "file:///etc/passwd", "data:text/html;base64,AA",
     "data:image/png,AA", "//example.com/a.png", " https://example.com/a.png", "javascript:alert(1)"],
)  # fmt: skip
def test_a_url_that_is_neither_https_nor_data_has_the_documented_sentence(
    door: Caller, desk: MemoryDesk, url: str
) -> None:
    error = error_of(door.ask("POST", EDIT, FLASH_ORDER | {"images": [reference(), {"image_url": url}]}))
    assert error["message"] == "images[1].image_url must be an https URL or a base64 data URL"
    assert (error["param"], desk.taken) == ("images[1].image_url", [])


def test_plain_http_is_refused_in_the_same_sentence_unless_the_desk_knows_the_link(
    door: Caller, desk: MemoryDesk
) -> None:
    field, url = "images[0].image_url", "http://example.com/a.png"
    assert door.ask("POST", EDIT, FLASH_ORDER | {"images": [{"image_url": url}]}).status == 200
    assert not desk.taken[-1].http
    desk.refused_sources[field] = Problem(Kind.BAD_REQUEST, "No.", param=field, reason="url_not_allowed")
    error = error_of(door.ask("POST", EDIT, FLASH_ORDER | {"images": [{"image_url": url}]}))
    assert error["message"] == f"{field} must be an https URL or a base64 data URL"


# ---- by a form -------------------------------------------------------------------------------

BAD_FORMS: list[tuple[list[str], dict[str, str], str, str]] = [
    (["image"], {}, "prompt is required", "prompt"),
    (["image"], {"prompt": " "}, "prompt is required", "prompt"),
    ([], {"prompt": "x"}, "image file is required for multipart/form-data requests", "image"),
    (["mask"], {"prompt": "x"}, "image file is required for multipart/form-data requests", "image"),
    (["picture"], {"prompt": "x"}, "image file is required for multipart/form-data requests", "image"),
    (["image"], {"prompt": "x", "image": "a.png"}, "image: Expected file, received string", "image"),
    (["image"], {"prompt": "x", "mask": "a.png"}, "mask: Expected file, received string", "mask"),
    (["image", "mask", "mask"], {"prompt": "x"}, "mask: Sent more than once", "mask"),
    (["image", "markup"], {"prompt": "x"}, "markup: Not offered here", "markup"),
    (["image"], {"prompt": "x", "n": "two"}, "n: Expected number, received string", "n"),
    (["image"], {"prompt": "x", "n": "1.0"}, "n: Expected number, received string", "n"),
    (["image"], {"prompt": "x", "n": "0"}, "n: Number must be greater than or equal to 1", "n"),
    (["image"], {"prompt": "x", "n": "11"}, "n: Number must be less than or equal to 10", "n"),
    (["image"], {"prompt": "x", "stream": "yes"}, "stream: Expected boolean, received string", "stream"),
    (["image"], {"prompt": "x", "output_compression": "101"}, "output_compression: Number must be", ""),
    (["image"], {"prompt": "x", "quality": "ultra"}, "quality: Invalid enum value", "quality"),
]


@pytest.mark.parametrize("files, fields, issue, param", BAD_FORMS, ids=lambda value: repr(value)[:30])
def test_a_bad_form_is_a_400_that_orders_nothing(
    door: Caller, desk: MemoryDesk, files: list[str], fields: dict[str, str], issue: str, param: str
) -> None:
    error = error_of(door.send_form([(name, PNG) for name in files], **fields))
    assert error["message"].removeprefix("Invalid request parameters: ").startswith(issue)
    assert error["param"] == (param or issue.partition(":")[0])
    assert (desk.orders, desk.taken) == ([], [])


@pytest.mark.parametrize("name", ["image", "mask"])
def test_an_empty_file_is_no_picture(door: Caller, name: str) -> None:
    files = [("image", PNG)] if name == "mask" else []
    error = error_of(door.send_form([*files, (name, ("a.png", b"", "image/png"))], prompt="x"))
    assert error["message"] == f"{name} is invalid: the file is empty"


def test_a_field_that_is_sent_twice_is_refused_instead_of_guessed(door: Caller) -> None:
    twice = [("n", "1"), ("n", "2"), ("prompt", "x")]
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in twice)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    error = error_of(door.ask("POST", EDIT, f"{parts}--b--\r\n".encode(), headers=headers))
    assert error["message"].endswith("n: Sent more than once")


@pytest.mark.parametrize("body", [b"", b"--b--", b"nonsense", b"--b\r\n\r\n"])
def test_a_form_that_is_none_is_a_400(door: Caller, body: bytes) -> None:
    answer = door.ask("POST", EDIT, body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.status == 400


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_an_edit_is_json_or_a_form(door: Caller, content_type: str) -> None:
    error = error_of(door.ask("POST", EDIT, b"{}", headers={"content-type": content_type}), 415)
    assert error["message"].endswith("must be application/json or multipart/form-data")


def test_a_body_that_is_no_json_is_a_400_here_too(door: Caller) -> None:
    error = error_of(door.ask("POST", EDIT, b"{"))
    assert (error["message"], error["code"]) == ("Invalid JSON in request body", "invalid_json")


def test_a_model_is_chosen_before_any_picture_is_fetched(door: Caller, desk: MemoryDesk) -> None:
    body = {"prompt": "x", "model": "dall-e-2", "images": [reference()]}
    assert error_of(door.ask("POST", EDIT, body), 404)["code"] == "model_not_found"
    assert desk.taken == []


def test_fields_of_edits_are_no_fields_of_generations(door: Caller) -> None:
    assert door.ask("POST", GENERATE, FLASH_ORDER | {"input_fidelity": "x"}).status == 200
