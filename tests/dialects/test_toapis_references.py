"""ToAPIs' door: reference images, and edits as a form whose image is a URL."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from generations.dialect import Answer
from generations.dialects.toapis import ToApis
from generations.errors import Problem
from generations.spec import Kind, Source
from tests.dialects.desk import FLASH, Caller, MemoryDesk, parsed

SUBMIT, EDIT = "/v1/images/generations", "/v1/images/edits"
MODEL = "gemini-2.5-flash-image-official"
SEED = {"model": MODEL, "prompt": "A cute panda eating bamboo"}
URL = "https://example.com/cat.png"
OFFER = replace(FLASH, names=(MODEL,), max_references=3, reference_bytes=10 * 2**20, credits_per_dollar=200)
ONLY_URLS = "image_urls only supports http(s) URLs; upload the image first"

each_name = pytest.mark.parametrize("name", ["image_urls", "reference_images"])


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("toapis", models=(OFFER,))


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(ToApis(), desk)


def refusal(answer: Answer, status: int = 400) -> str:
    assert answer.status == status, answer.content()
    return str(parsed(answer)["error"]["message"])


def digests(*urls: str) -> list[str]:
    """The hashes of what the desk makes of these URLs."""
    return [hashlib.sha256(url.encode()).hexdigest() for url in urls]


# ---- image_urls and reference_images ---------------------------------------------------------


@each_name
@pytest.mark.parametrize("wrap", [lambda url: url, lambda url: {"url": url}], ids=["string", "object"])
def test_references_reach_the_order_in_their_order(
    door: Caller, desk: MemoryDesk, name: str, wrap: Any
) -> None:
    urls = [URL, "http://example.com/dog.jpg", "HTTPS://example.com/owl.webp"]
    assert door.ask("POST", SUBMIT, SEED | {name: [wrap(url) for url in urls]}).status == 200
    assert desk.taken == [
        Source(f"{name}[{index}]", url=url, limit=10 * 2**20, http=True) for index, url in enumerate(urls)
    ]
    assert [given.sha256 for given in desk.orders[0].inputs] == digests(*urls)


@each_name
@pytest.mark.parametrize(
    "value, sentence",
    [
        (["data:image/png;base64,iVBORw0KGgo="], ONLY_URLS),
        (["iVBORw0KGgo="], ONLY_URLS),
        ([{"url": "ftp://x/y"}], ONLY_URLS),
        (["gs://bucket/cat.png"], ONLY_URLS),
        ([URL] * 4, "{} takes at most 3 images, got 4"),
        (URL, "{} must be an array of URLs, got string"),
        ([7], '{}[0] must be a URL or an object {{"url": "..."}}'),
        ([URL, {"uri": URL}], '{}[1] must be a URL or an object {{"url": "..."}}'),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_list_of_at_most_three_urls_is_a_400_with_the_rule(
    door: Caller, desk: MemoryDesk, name: str, value: Any, sentence: str
) -> None:
    assert refusal(door.ask("POST", SUBMIT, SEED | {name: value})) == sentence.format(name)
    assert not desk.orders
    assert not desk.taken


def test_both_names_of_the_references_at_once_are_refused(door: Caller) -> None:
    body = SEED | {"image_urls": [URL], "reference_images": [URL]}
    assert "send only one of them" in refusal(door.ask("POST", SUBMIT, body))


def test_nothing_is_fetched_for_an_order_that_is_wrong_elsewhere(door: Caller, desk: MemoryDesk) -> None:
    assert door.ask("POST", SUBMIT, SEED | {"image_urls": [URL], "size": "7:4"}).status == 400
    assert not desk.taken


def test_an_unset_size_follows_the_references(desk: MemoryDesk) -> None:
    desk.models = (replace(OFFER, default_ratio="1:1"),)
    door = Caller(ToApis(), desk)
    for more in ({}, {"image_urls": [URL]}, {"image_urls": [URL], "size": "16:9"}):
        door.ask("POST", SUBMIT, SEED | more)
    assert [order.ratio for order in desk.orders] == ["1:1", None, "16:9"]


@pytest.mark.parametrize(
    "kind, status",
    [(Kind.BAD_REQUEST, 400), (Kind.TOO_LARGE, 413), (Kind.UNSUPPORTED_MEDIA, 415)],
)
def test_a_reference_that_cannot_be_had_is_named_and_orders_nothing(
    door: Caller, desk: MemoryDesk, kind: Kind, status: int
) -> None:
    problem = Problem(kind, "The file could not be used.", param="image_urls[1]", reason="fetch_failed")
    desk.refused_sources["image_urls[1]"] = problem
    answer = door.ask("POST", SUBMIT, SEED | {"image_urls": [URL, URL]})
    assert refusal(answer, status) == "image_urls[1]: The file could not be used."
    assert not desk.orders


# ---- edits -----------------------------------------------------------------------------------


def form(*fields: tuple[str, str], file: str = "") -> bytes:
    """A form of texts; `file` names a part that is a file."""
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields]
    parts += [f'name="{file}"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nPNG'] if file else []
    return "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts).encode() + b"--x--"


def edit(door: Caller, *fields: tuple[str, str], file: str = "") -> Answer:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    return door.ask("POST", EDIT, form(*fields, file=file), headers=headers)


def test_an_edit_is_the_same_task_from_a_form_with_urls(door: Caller, desk: MemoryDesk) -> None:
    second = "https://example.com/dog.png"
    answer = edit(
        door,
        ("model", MODEL),
        ("prompt", "Give it a hat"),
        ("image", URL),
        ("image[]", second),
        ("n", "1"),
        ("size", "4:3"),
        ("response_format", "url"),
        ("metadata", '{"temperature": 0.5}'),
    )
    assert answer.status == 200, answer.content()
    body = parsed(answer)
    assert list(body) == ["id", "object", "model", "status", "progress", "created_at", "metadata"]
    assert (body["object"], body["status"]) == ("generation.task", "queued")
    (order,) = desk.orders
    assert (order.prompt, order.ratio, order.sampling.temperature) == ("Give it a hat", "4:3", 0.5)
    assert [given.sha256 for given in order.inputs] == digests(URL, second)
    assert [source.field for source in desk.taken] == ["image[0]", "image[1]"]


def test_an_edit_means_the_same_as_a_generation_with_references(door: Caller, desk: MemoryDesk) -> None:
    edit(door, ("prompt", "x"), ("image", URL))
    door.ask("POST", SUBMIT, {"prompt": "x", "image_urls": [URL]})
    assert desk.orders[0].fingerprint() == desk.orders[1].fingerprint()


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ([("prompt", "x")], "image is required: the URL of an image to edit"),
        ([("image", URL)], "prompt is required"),
        ([("prompt", "x"), ("image", "iVBORw0KGgo=")], "image only supports http(s) URLs"),
        ([("prompt", "x"), *[("image", URL)] * 4], "image takes at most 3 images, got 4"),
        ([("prompt", "x"), ("image", URL), ("mask", URL)], "mask is not supported"),
        ([("prompt", "x"), ("image", URL), ("n", "2")], "n must be 1"),
        ([("prompt", "x"), ("image", URL), ("metadata", "{")], "metadata: Invalid JSON"),
        ([("prompt", "x"), ("image", URL), ("metadata", "[]")], "metadata must be an object"),
        ([("prompt", "x"), ("image", URL), ("prompt", "y")], "prompt occurs twice in the form"),
        ([("prompt", "x"), ("image", URL), ("size", "auto")], "size must be one of"),
    ],
    ids=lambda value: repr(value)[-30:],
)
def test_a_bad_form_is_a_400_that_names_the_field(
    door: Caller, desk: MemoryDesk, fields: list[tuple[str, str]], sentence: str
) -> None:
    assert refusal(edit(door, *fields)).startswith(sentence)
    assert not desk.orders


@pytest.mark.parametrize("file", ["image", "image[]", "mask"])
def test_an_edit_takes_no_file_and_says_where_it_goes(door: Caller, file: str) -> None:
    message = refusal(edit(door, ("prompt", "x"), ("image", URL), file=file))
    assert message.endswith("must be a URL, not a file; upload it with POST /v1/uploads/images first")


def test_an_edit_that_is_no_form_is_a_415(door: Caller) -> None:
    assert "multipart/form-data" in refusal(door.ask("POST", EDIT, SEED), 415)
