"""GMI Cloud's door over HTTP: lists, uploads, inline pictures at their limits, the bare root."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, Books

MODEL = "gemini-2.5-flash-image"
ROOT = "/api/v1/ie/requestqueue"
QUEUE = f"/gmi{ROOT}/apikey"
MB = 2**20


def call(url: str, method: str, path: str, key: str | None, **more: Any) -> httpx2.Response:
    headers = ({"Authorization": f"Bearer {key}"} if key else {}) | more.pop("headers", {})
    return CLIENT.request(method, f"{url}{path}", headers=headers, **more)


def submit(url: str, key: str, model: str = MODEL, **payload: Any) -> httpx2.Response:
    body = {"model": model, "payload": {"prompt": "A lamp"} | payload}
    return call(url, "POST", f"{QUEUE}/requests", key, json=body)


def picture(size: tuple[int, int] = (64, 48), weight: int = 0) -> bytes:
    """A PNG; `weight` fills it up to that many bytes."""
    Image.new("RGB", size, (20, 90, 160)).save(file := io.BytesIO(), "PNG")
    return file.getvalue() + bytes(max(weight - file.tell(), 0))


def data_uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


# ---- lists -----------------------------------------------------------------------------------


def listed(url: str, key: str, query: str = "") -> dict[str, Any]:
    answer = call(url, "GET", f"{QUEUE}/requests{query}", key)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


def test_the_teams_requests_are_listed_newest_first(url: str, cast: Cast, books: Books) -> None:
    cast.credit(30)
    key = cast.key()
    models = (MODEL, MODEL, "gemini-3-pro-image-preview")
    ids = [submit(url, key, model).json()["request_id"] for model in models][::-1]
    books.settled()
    body = listed(url, key)
    assert [one["request_id"] for one in body["requests"]] == ids
    assert (body["total"], body["page"], body["page_size"]) == (3, 1, 20)
    assert body["requests"][0] == call(url, "GET", f"{QUEUE}/requests/{ids[0]}", key).json()

    assert [one["request_id"] for one in listed(url, key, "?page=2&page_size=2")["requests"]] == ids[2:]
    assert listed(url, key, f"?model_id={MODEL}")["total"] == 2
    assert listed(url, key, "?model_id=gemini-3-pro-image-preview&status=success")["total"] == 1
    assert listed(url, key, "?status=queued")["requests"] == []
    assert listed(url, cast.key("test"))["total"] == 0, "test mode has a list of its own"
    assert listed(url, cast.strangers_key())["requests"] == []


def test_a_list_for_another_organization_is_not_found(url: str, cast: Cast) -> None:
    headers = {"X-Organization-ID": str(cast.strangers.pk)}
    answer = call(url, "GET", f"{QUEUE}/requests", cast.key(), headers=headers)
    assert (answer.status_code, answer.json()) == (404, {"error": "organization not found"})


# ---- uploads ---------------------------------------------------------------------------------


def promised(url: str, key: str, file_type: str = "png") -> dict[str, str]:
    answer = call(url, "POST", f"{QUEUE}/upload-url", key, json={"file_type": file_type})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["upload_url", "public_url"]
    return dict(answer.json())


@pytest.mark.parametrize(
    "file_type, mime",
    [("png", "image/png"), ("jpeg", "image/jpeg"), ("jpg", "image/jpg"), ("jpg", "image/jpeg")],
)
def test_a_file_that_was_put_is_a_reference(
    url: str, cast: Cast, books: Books, file_type: str, mime: str
) -> None:
    cast.credit(1)
    key = cast.key()
    place = promised(url, key, file_type)
    assert CLIENT.get(place["public_url"]).status_code == 404
    put = CLIENT.put(place["upload_url"], content=picture(), headers={"Content-Type": mime})
    assert put.status_code == 200, put.text
    assert CLIENT.get(place["public_url"]).status_code == 200
    assert submit(url, key, image=place["public_url"]).status_code == 200
    (made,) = books.settled()
    assert (made["state"], len(made["order"]["inputs"])) == ("succeeded", 1)


@pytest.mark.parametrize("mime, status", [("image/jpeg", 403), ("", 400)])
def test_a_file_is_put_with_exactly_its_type(url: str, cast: Cast, mime: str, status: int) -> None:
    place = promised(url, cast.key())
    headers = {"Content-Type": mime} if mime else {}
    assert CLIENT.put(place["upload_url"], content=picture(), headers=headers).status_code == status


# ---- pictures inside the request -------------------------------------------------------------


def contents(data: bytes) -> list[dict[str, Any]]:
    inline = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}
    return [{"role": "user", "parts": [{"text": "A hat"}, inline]}]


@pytest.mark.parametrize("form", ["image", "contents"])
def test_seven_megabytes_inline_are_taken_and_a_byte_more_is_not(
    url: str, cast: Cast, books: Books, form: str
) -> None:
    cast.credit(2)
    key = cast.key()

    def send(weight: int) -> httpx2.Response:
        data = picture(weight=weight)
        return submit(url, key, **{form: data_uri(data) if form == "image" else contents(data)})

    assert send(7 * MB).status_code == 200
    refused = send(7 * MB + 1)
    assert refused.status_code == 413
    assert refused.json()["error"].startswith(f"payload.{form}[0]")
    (made,) = books.settled()
    assert made["order"]["inputs"][0]["bytes"] < 10_000, "kept as its pixels, without what was behind them"
    assert "base64," not in str(made["order"]["echo"])


@pytest.mark.parametrize(
    "image",
    [
        "https://169.254.169.254/latest/meta-data",
        "http://example.com/cat.png",
        "gs://127.0.0.1@bucket/../x",
        "data:image/png;base64,AAAA",
        "data:text/html,<b>",
    ],
)
def test_what_is_no_picture_that_may_be_had_is_a_400_that_names_it(
    url: str, cast: Cast, books: Books, image: str
) -> None:
    cast.credit(1)
    by_field = submit(url, cast.key(), image=[image])
    turn = {"parts": [{"text": "x"}, {"fileData": {"fileUri": image}}]}
    by_turn = submit(url, cast.key(), contents=[turn])
    assert {by_field.status_code, by_turn.status_code} <= {400, 415}
    assert by_field.json()["error"].startswith("payload.image[0] ")
    assert by_turn.json()["error"].startswith("payload.contents[0].parts[1].fileData ")
    assert books.wallet() == (IMAGE, 0)


# ---- the bare root ---------------------------------------------------------------------------


def test_a_models_document_is_read_at_the_bare_root_without_a_key(url: str) -> None:
    bare = call(url, "GET", f"{ROOT}/models/{MODEL}", None)
    assert (bare.status_code, bare.json()["model"]) == (200, MODEL)
    assert bare.json() == call(url, "GET", f"/gmi{ROOT}/models/{MODEL}", None).json()
    assert "error" in call(url, "GET", f"{ROOT}/models/imagen-9", None).json()


@pytest.mark.parametrize("path", [f"{ROOT}/apikey/models", "/api/v1/apikey/models"])
def test_the_models_are_listed_at_the_bare_root_without_a_key(url: str, path: str) -> None:
    answer = call(url, "GET", path, None)
    assert answer.status_code == 200, answer.text
    assert MODEL in answer.json()["model_ids"]


def test_what_needs_a_key_is_this_doors_401_at_the_bare_root(url: str) -> None:
    answer = call(url, "GET", f"{ROOT}/apikey/requests", None)
    assert answer.status_code == 401
    assert list(answer.json()) == ["error"]
    assert isinstance(answer.json()["error"], str)


def test_a_key_of_another_home_is_still_heard_at_its_home(url: str, cast: Cast) -> None:
    answer = call(url, "GET", f"{ROOT}/apikey/requests", cast.key(home_door="openai"))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
