"""Pictures in a request to the gemini door, over HTTP: what is drawn from them, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, EVOLINK, MODEL, Books, eventually

INLINE_BYTES = 7 * 2**20


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


def drawn(size: tuple[int, int] = (96, 64), colour: str = "teal", kind: str = "PNG") -> bytes:
    Image.new("RGB", size, colour).save(out := io.BytesIO(), kind)
    return out.getvalue()


def of_length(length: int) -> bytes:
    """A true PNG of exactly so many bytes: a comment fills it."""
    file = drawn()
    text = b"Comment\0" + b"x" * (length - len(file) - 12 - 8)
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text
    made = file[:-12] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + file[-12:]
    assert len(made) == length
    return made


def blob(file: bytes, mime: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": b64encode(file).decode()}}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


def model(*parts: Any) -> dict[str, Any]:
    return user(*parts) | {"role": "model"}


def post(url: str, key: str, *contents: Any, headers: Any = None, **body: Any) -> httpx2.Response:
    return CLIENT.post(
        f"{url}/gemini/v1beta/models/{MODEL}:generateContent",
        json={"contents": list(contents), **body},
        headers={"x-goog-api-key": key, **(headers or {})},
    )


def refusal(answer: httpx2.Response) -> tuple[str, str]:
    """The field that a 400 is about, and what it says."""
    assert answer.status_code == 400, answer.text[:500]
    error = answer.json()["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    return error["details"][0]["fieldViolations"][0]["field"], error["message"]


# ---- every way in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        blob(drawn()),
        {"inline_data": {"mime_type": "image/png", "data": urlsafe_b64encode(drawn()).decode().rstrip("=")}},
        {"inlineData": {"mime_type": "image/jpeg", "data": urlsafe_b64encode(drawn(kind="JPEG")).decode()}},
        blob(drawn(kind="WEBP"), "image/webp"),
        blob(drawn(kind="JPEG"), "image/png"),
    ],
    ids=["camel", "snake", "mixed", "webp", "a JPEG that says it is a PNG"],
)
def test_an_inline_picture_is_edited(url: str, key: str, books: Books, part: dict[str, Any]) -> None:
    answer = post(url, key, user("Make it blue", part))
    assert answer.status_code == 200, answer.text[:500]
    (stored,) = books.only()["order"]["inputs"]
    assert (stored["width"], stored["height"]) == (96, 64)
    assert books.wallet() == (9 * IMAGE, 0)


def test_the_prompt_tokens_tell_words_and_pictures_apart(url: str, key: str) -> None:
    usage = post(url, key, user("Make it blue", blob(drawn()))).json()["usageMetadata"]
    assert usage["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 3},
        {"modality": "IMAGE", "tokenCount": 258},
    ]
    assert (usage["promptTokenCount"], usage["totalTokenCount"]) == (261, 261 + 1290)


@pytest.mark.parametrize("prefix", ["", "https://elsewhere.example"])
def test_our_own_link_is_read_from_storage_whichever_door_gave_it(
    url: str, key: str, books: Books, prefix: str
) -> None:
    task = EVOLINK.post(url, key, EVOLINK.order("A lamp", size="9:16")).json()["id"]
    link = eventually(lambda: EVOLINK.read(url, key, task).json().get("results"))[0]
    part = {"fileData": {"fileUri": link.replace(url, prefix or url), "mimeType": "image/png"}}
    answer = post(url, key, user("Make it blue", part))
    if prefix:
        assert refusal(answer)[0] == "contents[0].parts[1].fileData.fileUri"
        return
    assert answer.status_code == 200, answer.text[:500]
    (stored,) = books.generations()[-1]["order"]["inputs"]
    assert (stored["width"], stored["height"]) == (768, 1344)


def test_the_same_order_at_another_door_is_the_same_request(url: str, key: str, books: Books) -> None:
    headers = {"Idempotency-Key": "one"}
    first = post(url, key, user("Make it blue", blob(drawn())), headers=headers)
    form = {"model": MODEL, "prompt": "Make it blue"}
    again = CLIENT.post(
        f"{url}/openai/v1/images/edits",
        data=form,
        files={"image": ("a.png", drawn(), "image/png")},
        headers={"Authorization": f"Bearer {key}", **headers},
    )
    assert (first.status_code, again.status_code) == (200, 200), again.text[:300]
    assert again.headers["idempotency-replayed"] == "true"
    inline = first.json()["candidates"][0]["content"]["parts"][-1]["inlineData"]
    assert again.json()["data"][0]["b64_json"] == inline["data"]
    assert len(books.generations()) == 1


# ---- a conversation ----------------------------------------------------------------------------


def test_a_conversation_beyond_the_models_limit_loses_its_oldest_pictures_and_says_so(
    url: str, key: str, books: Books
) -> None:
    contents = [
        user("One", blob(drawn(colour="red"))),
        model(blob(drawn(colour="green"))),
        user("Two", blob(drawn(colour="blue"))),
        model(blob(drawn((64, 96), "white"))),
        user("Three", blob(drawn(colour="black"))),
    ]
    refused = post(url, key, *contents, headers={"X-Easel-Strict": "true"})
    assert "images of earlier turns 4 -> 2" in refused.json()["error"]["message"]
    assert books.generations() == []
    answer = post(url, key, *contents)
    assert answer.headers["x-easel-adjusted"] == "images of earlier turns 4 -> 2"
    order = books.only()["order"]
    assert [turn["role"] for turn in order["turns"]] == ["user", "user", "model", "user"]
    assert [(stored["width"], stored["height"]) for stored in order["inputs"]] == [
        (96, 64),
        (64, 96),
        (96, 64),
    ]


# ---- what is refused ---------------------------------------------------------------------------


def test_an_inline_picture_has_at_most_seven_megabytes(url: str, key: str, books: Books) -> None:
    field, message = refusal(post(url, key, user("Make it blue", blob(of_length(INLINE_BYTES + 1)))))
    assert field == "contents[0].parts[1].inlineData.data"
    assert "at most 7340032 bytes" in message
    assert books.generations() == []
    assert post(url, key, user("Make it blue", blob(of_length(INLINE_BYTES)))).status_code == 200


@pytest.mark.parametrize(
    "part, field",
    [
        (blob(b"<html></html>"), "inlineData.data"),
        (blob(drawn()[:90]), "inlineData.data"),
        (blob(drawn(kind="GIF")), "inlineData.data"),
        ({"fileData": {"fileUri": "http://127.0.0.1:1/a.png"}}, "fileData.fileUri"),
        ({"fileData": {"fileUri": "https://169.254.169.254/latest"}}, "fileData.fileUri"),
        ({"fileData": {"fileUri": "http://example.com/a.png"}}, "fileData.fileUri"),
    ],
    ids=["html", "cut short", "gif", "loopback", "metadata", "plain http"],
)
@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent?alt=sse"])
def test_what_is_no_picture_or_must_not_be_fetched_is_named(
    url: str, key: str, books: Books, part: dict[str, Any], field: str, verb: str
) -> None:
    answer = CLIENT.post(
        f"{url}/gemini/v1/models/{MODEL}:{verb}",
        json={"contents": [user("Make it blue", part)]},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert refusal(answer)[0] == f"contents[0].parts[1].{field}"
    assert (books.generations(), books.wallet()) == ([], (10 * IMAGE, 0))
